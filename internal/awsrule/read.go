package awsrule

import (
	"errors"
	"fmt"
	"net/netip"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/sgwarden/sgwarden/internal/incident"
	"github.com/sgwarden/sgwarden/internal/secgroup"
)

// Described is a rule as DescribeSecurityGroupRules and Authorize answer it.
// A reference within the account that the rule belongs to has no account, as
// secgroup.GroupReference wants it. Prefix lists come unread.
func Described(r types.SecurityGroupRule) (secgroup.Rule, error) {
	f := fields{
		id: r.SecurityGroupRuleId, egress: r.IsEgress, protocol: r.IpProtocol, from: r.FromPort, to: r.ToPort,
		cidrs: []*string{r.CidrIpv4, r.CidrIpv6}, list: r.PrefixListId, description: r.Description,
	}
	if ref := r.ReferencedGroupInfo; ref != nil && aws.ToString(ref.GroupId) != "" {
		f.reference = &secgroup.GroupReference{
			GroupID: *ref.GroupId, AccountID: aws.ToString(ref.UserId), PeeringID: aws.ToString(ref.VpcPeeringConnectionId),
		}
	}
	rule, err := f.rule()
	rule.Tags = Tags(r.Tags)
	rule.Peer = OwnReference(rule.Peer, aws.ToString(r.GroupOwnerId))
	return rule, err
}

// Revoked is a rule as Revoke says that it removed it. The answer has neither
// the tags nor the account of a reference: they are those of planned, the same
// rule as it was read before, where the rest still agrees.
func Revoked(r types.RevokedSecurityGroupRule, planned secgroup.Rule) (secgroup.Rule, error) {
	f := fields{
		id: r.SecurityGroupRuleId, egress: r.IsEgress, protocol: r.IpProtocol, from: r.FromPort, to: r.ToPort,
		cidrs: []*string{r.CidrIpv4, r.CidrIpv6}, list: r.PrefixListId, description: r.Description,
	}
	if id := aws.ToString(r.ReferencedGroupId); id != "" {
		f.reference = &secgroup.GroupReference{GroupID: id}
		if before, ok := planned.Peer.(secgroup.GroupReference); ok && before.GroupID == id {
			f.reference = &before
		}
	}
	rule, err := f.rule()
	if err == nil && rule.ID == planned.ID {
		rule.Tags = planned.Tags
		if list, ok := planned.Peer.(secgroup.PrefixList); ok && rule.Peer.Key() == list.Key() {
			rule.Peer = list // with what was read of it
		}
	}
	return rule, err
}

// Tags reads a list of tags; nil for none.
func Tags(list []types.Tag) map[string]string {
	if len(list) == 0 {
		return nil
	}
	m := make(map[string]string, len(list))
	for _, t := range list {
		m[aws.ToString(t.Key)] = aws.ToString(t.Value)
	}
	return m
}

// OwnReference leaves the account out of a reference within that account. EC2
// names it, records may not. Other peers stay as they are.
func OwnReference(peer secgroup.Peer, account string) secgroup.Peer {
	if ref, ok := peer.(secgroup.GroupReference); ok && ref.AccountID == account {
		ref.AccountID = ""
		return ref
	}
	return peer
}

// fields are what the SDK's shapes of a rule have in common.
type fields struct {
	id, protocol, list, description *string
	egress                          *bool
	from, to                        *int32
	cidrs                           []*string
	reference                       *secgroup.GroupReference
}

func (f fields) rule() (secgroup.Rule, error) {
	id := aws.ToString(f.id)
	refuse := func(err error) (secgroup.Rule, error) {
		return secgroup.Rule{}, fmt.Errorf("%w: rule %s: %w", incident.ErrInvalid, id, err)
	}
	protocol, err := secgroup.ParseProtocol(aws.ToString(f.protocol))
	if err != nil {
		return refuse(err)
	}
	peer, err := f.peer()
	if err != nil {
		return refuse(err)
	}
	rule := secgroup.Rule{
		ID: id, Direction: secgroup.Ingress, Protocol: protocol, Peer: peer, Ports: secgroup.NoPorts,
		Description: aws.ToString(f.description),
	}
	if aws.ToBool(f.egress) {
		rule.Direction = secgroup.Egress
	}
	// -1 and absent are the same: EC2 shows either where there are no ports.
	if f.from != nil {
		rule.Ports.From = *f.from
	}
	if f.to != nil {
		rule.Ports.To = *f.to
	}
	if err := rule.Validate(); err != nil {
		return refuse(err)
	}
	return rule.Canonical(), nil
}

// peer reads the one peer of a rule.
func (f fields) peer() (secgroup.Peer, error) {
	var peers []secgroup.Peer
	for _, text := range f.cidrs {
		if aws.ToString(text) == "" {
			continue
		}
		block, err := netip.ParsePrefix(*text)
		if err != nil {
			return nil, err
		}
		peers = append(peers, secgroup.NewCIDR(block))
	}
	if id := aws.ToString(f.list); id != "" {
		peers = append(peers, secgroup.PrefixList{ID: id})
	}
	if f.reference != nil {
		peers = append(peers, *f.reference)
	}
	if len(peers) != 1 {
		return nil, errors.New("it has no peer, or more than one")
	}
	return peers[0], nil
}

// Permitted reads the rules of one direction as DescribeSecurityGroups shows
// them: without ids and tags, several to a permission. Lists are unread.
func Permitted(d secgroup.Direction, all []types.IpPermission) ([]secgroup.Rule, error) {
	var out []secgroup.Rule
	for _, p := range all {
		add := func(description *string, of fields) error {
			of.protocol, of.from, of.to, of.description = p.IpProtocol, p.FromPort, p.ToPort, description
			of.egress = aws.Bool(d == secgroup.Egress)
			rule, err := of.rule()
			out = append(out, rule)
			return err
		}
		var faults []error
		for _, r := range p.IpRanges {
			faults = append(faults, add(r.Description, fields{cidrs: []*string{r.CidrIp}}))
		}
		for _, r := range p.Ipv6Ranges {
			faults = append(faults, add(r.Description, fields{cidrs: []*string{r.CidrIpv6}}))
		}
		for _, l := range p.PrefixListIds {
			faults = append(faults, add(l.Description, fields{list: l.PrefixListId}))
		}
		for _, g := range p.UserIdGroupPairs {
			ref := secgroup.GroupReference{GroupID: aws.ToString(g.GroupId), AccountID: aws.ToString(g.UserId), PeeringID: aws.ToString(g.VpcPeeringConnectionId)}
			faults = append(faults, add(g.Description, fields{reference: &ref}))
		}
		if err := errors.Join(faults...); err != nil {
			return nil, err
		}
	}
	return out, nil
}
