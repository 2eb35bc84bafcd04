package inventory

import (
	"fmt"
	"net/netip"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/sgwarden/sgwarden/internal/incident"
	"github.com/sgwarden/sgwarden/internal/secgroup"
)

// ruleOf is a rule as EC2 answers it, in canonical form. A rule that is not
// understood is an error: it must not be taken for none.
func ruleOf(r types.SecurityGroupRule) (secgroup.Rule, error) {
	id := aws.ToString(r.SecurityGroupRuleId)
	refuse := func(err error) (secgroup.Rule, error) {
		return secgroup.Rule{}, fmt.Errorf("%w: rule %s: %w", incident.ErrInvalid, id, err)
	}
	protocol, err := secgroup.ParseProtocol(aws.ToString(r.IpProtocol))
	if err != nil {
		return refuse(err)
	}
	peer, err := peerOf(r)
	if err != nil {
		return refuse(err)
	}
	rule := secgroup.Rule{
		ID: id, Direction: secgroup.Ingress, Protocol: protocol, Peer: peer, Ports: secgroup.NoPorts,
		Description: aws.ToString(r.Description), Tags: tags(r.Tags),
	}
	if aws.ToBool(r.IsEgress) {
		rule.Direction = secgroup.Egress
	}
	// -1 and absent are the same: EC2 shows either where there are no ports.
	if r.FromPort != nil {
		rule.Ports.From = *r.FromPort
	}
	if r.ToPort != nil {
		rule.Ports.To = *r.ToPort
	}
	if err := rule.Validate(); err != nil {
		return refuse(err)
	}
	return rule.Canonical(), nil
}

// peerOf reads the one peer of a rule.
func peerOf(r types.SecurityGroupRule) (secgroup.Peer, error) {
	var peers []secgroup.Peer
	for _, text := range []*string{r.CidrIpv4, r.CidrIpv6} {
		if aws.ToString(text) == "" {
			continue
		}
		block, err := netip.ParsePrefix(*text)
		if err != nil {
			return nil, err
		}
		peers = append(peers, secgroup.NewCIDR(block))
	}
	if id := aws.ToString(r.PrefixListId); id != "" {
		peers = append(peers, secgroup.PrefixList{ID: id})
	}
	if ref := r.ReferencedGroupInfo; ref != nil && aws.ToString(ref.GroupId) != "" {
		peers = append(peers, ownReference(secgroup.GroupReference{
			GroupID: *ref.GroupId, AccountID: aws.ToString(ref.UserId), PeeringID: aws.ToString(ref.VpcPeeringConnectionId),
		}, aws.ToString(r.GroupOwnerId)))
	}
	if len(peers) != 1 {
		return nil, errNoPeer
	}
	return peers[0], nil
}

// ownReference leaves the account out of a reference within that account, as
// secgroup.GroupReference wants it. EC2 names it, records may not.
func ownReference(peer secgroup.Peer, account string) secgroup.Peer {
	if ref, ok := peer.(secgroup.GroupReference); ok && ref.AccountID == account {
		ref.AccountID = ""
		return ref
	}
	return peer
}
