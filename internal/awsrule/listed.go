package awsrule

import (
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/sgwarden/sgwarden/internal/secgroup"
)

// Listed is the rules of one permission as DescribeSecurityGroups answers it:
// one for every peer. They have neither ids nor tags, which that call does not
// tell. owner is the account of the group; references within it have no
// account. Prefix lists come unread.
func Listed(p types.IpPermission, egress bool, owner string) ([]secgroup.Rule, error) {
	base := fields{egress: &egress, protocol: p.IpProtocol, from: p.FromPort, to: p.ToPort}
	var rules []secgroup.Rule
	add := func(f fields, description *string) error {
		f.description = description
		rule, err := f.rule()
		if err != nil {
			return err
		}
		rule.Peer = OwnReference(rule.Peer, owner)
		rules = append(rules, rule)
		return nil
	}
	for _, r := range p.IpRanges {
		f := base
		f.cidrs = []*string{r.CidrIp}
		if err := add(f, r.Description); err != nil {
			return nil, err
		}
	}
	for _, r := range p.Ipv6Ranges {
		f := base
		f.cidrs = []*string{r.CidrIpv6}
		if err := add(f, r.Description); err != nil {
			return nil, err
		}
	}
	for _, l := range p.PrefixListIds {
		f := base
		f.list = l.PrefixListId
		if err := add(f, l.Description); err != nil {
			return nil, err
		}
	}
	for _, g := range p.UserIdGroupPairs {
		f := base
		f.reference = &secgroup.GroupReference{
			GroupID: aws.ToString(g.GroupId), AccountID: aws.ToString(g.UserId), PeeringID: aws.ToString(g.VpcPeeringConnectionId),
		}
		if err := add(f, g.Description); err != nil {
			return nil, err
		}
	}
	return rules, nil
}
