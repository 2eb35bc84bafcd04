package awsrule

import (
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/sgwarden/sgwarden/internal/incident"
	"github.com/sgwarden/sgwarden/internal/secgroup"
)

// Permission is a rule as Authorize takes it: one permission with one peer.
// Ports are always given, -1 where the protocol has none: EC2 ignores them
// there, and some protocols want them.
func Permission(r secgroup.Rule) (types.IpPermission, error) {
	if err := r.Validate(); err != nil {
		return types.IpPermission{}, fmt.Errorf("%w: %w", incident.ErrInvalid, err)
	}
	r = r.Canonical()
	p := types.IpPermission{IpProtocol: aws.String(r.Protocol.API()), FromPort: aws.Int32(r.Ports.From), ToPort: aws.Int32(r.Ports.To)}
	description := text(r.Description)
	switch peer := r.Peer.(type) {
	case secgroup.CIDR:
		if peer.Addr().Is4() {
			p.IpRanges = []types.IpRange{{CidrIp: aws.String(peer.Key()), Description: description}}
		} else {
			p.Ipv6Ranges = []types.Ipv6Range{{CidrIpv6: aws.String(peer.Key()), Description: description}}
		}
	case secgroup.PrefixList:
		p.PrefixListIds = []types.PrefixListId{{PrefixListId: aws.String(peer.ID), Description: description}}
	case secgroup.GroupReference:
		p.UserIdGroupPairs = []types.UserIdGroupPair{{GroupId: aws.String(peer.GroupID), UserId: text(peer.AccountID), Description: description}}
	default:
		return p, fmt.Errorf("%w: unknown peer %T", incident.ErrInvalid, r.Peer)
	}
	return p, nil
}

// Request is a rule as ModifySecurityGroupRules takes it: restated whole, with
// its description, since what is left out is not kept. A reference has no
// account there: EC2 takes the group's id alone.
func Request(r secgroup.Rule) (*types.SecurityGroupRuleRequest, error) {
	if err := r.Validate(); err != nil {
		return nil, fmt.Errorf("%w: %w", incident.ErrInvalid, err)
	}
	r = r.Canonical()
	q := &types.SecurityGroupRuleRequest{
		IpProtocol: aws.String(r.Protocol.API()), FromPort: aws.Int32(r.Ports.From), ToPort: aws.Int32(r.Ports.To),
		Description: text(r.Description),
	}
	switch peer := r.Peer.(type) {
	case secgroup.CIDR:
		if peer.Addr().Is4() {
			q.CidrIpv4 = aws.String(peer.Key())
		} else {
			q.CidrIpv6 = aws.String(peer.Key())
		}
	case secgroup.PrefixList:
		q.PrefixListId = aws.String(peer.ID)
	case secgroup.GroupReference:
		q.ReferencedGroupId = aws.String(peer.GroupID)
	default:
		return nil, fmt.Errorf("%w: unknown peer %T", incident.ErrInvalid, r.Peer)
	}
	return q, nil
}

// text is nil for an empty text, which EC2 would refuse in some places.
func text(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}
