package inventory

import (
	"context"
	"fmt"
	"net/netip"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/sgwarden/sgwarden/internal/awserr"
	"github.com/sgwarden/sgwarden/internal/awsrule"
	"github.com/sgwarden/sgwarden/internal/incident"
	"github.com/sgwarden/sgwarden/internal/secgroup"
)

// enough is how many network interfaces of a group are read: whether there is
// one, and which, for a message.
const enough = int32(20)

// Interfaces gives up to 20 of the network interfaces that a group is on, in
// the order of EC2, and whether there are more: ec2:DescribeNetworkInterfaces,
// with those that AWS manages. Pages without an interface are read on.
func (i *Inventory) Interfaces(ctx context.Context, groupID string) (ids []string, more bool, err error) {
	err = pages(func(token *string) (*string, error) {
		out, err := i.client.DescribeNetworkInterfaces(ctx, &ec2.DescribeNetworkInterfacesInput{
			Filters:                 []types.Filter{{Name: aws.String("group-id"), Values: []string{groupID}}},
			IncludeManagedResources: aws.Bool(true), MaxResults: aws.Int32(enough), NextToken: token,
		})
		if err != nil {
			return nil, err
		}
		for _, n := range out.NetworkInterfaces {
			ids = append(ids, aws.ToString(n.NetworkInterfaceId))
		}
		if len(ids) > 0 {
			more = aws.ToString(out.NextToken) != ""
			return nil, nil
		}
		return out.NextToken, nil
	})
	if err != nil {
		return nil, false, fmt.Errorf("describe network interfaces of %s: %w", groupID, notGone(err))
	}
	return ids, more, nil
}

// Users gives the kinds of all network interfaces that a group is on, each once:
// ec2:DescribeNetworkInterfaces, with those that AWS manages, once per 1,000.
// Interfaces of other accounts that share the group are not told to its owner.
func (i *Inventory) Users(ctx context.Context, groupID string) ([]secgroup.InterfaceKind, error) {
	var kinds []secgroup.InterfaceKind
	err := pages(func(token *string) (*string, error) {
		out, err := i.client.DescribeNetworkInterfaces(ctx, &ec2.DescribeNetworkInterfacesInput{
			Filters:                 []types.Filter{{Name: aws.String("group-id"), Values: []string{groupID}}},
			IncludeManagedResources: aws.Bool(true), MaxResults: aws.Int32(describePage), NextToken: token,
		})
		if err != nil {
			return nil, err
		}
		for _, n := range out.NetworkInterfaces {
			if k := kindOf(n); !slices.Contains(kinds, k) {
				kinds = append(kinds, k)
			}
		}
		return out.NextToken, nil
	})
	if err != nil {
		return nil, fmt.Errorf("describe network interfaces of %s: %w", groupID, notGone(err))
	}
	return kinds, nil
}

// kindOf leaves out who asked for an interface of the account's own: that is a
// role's id with a session name, which is the caller's choice.
func kindOf(n types.NetworkInterface) secgroup.InterfaceKind {
	k := secgroup.InterfaceKind{Type: string(n.InterfaceType)}
	if n.Attachment != nil {
		k.Owner = aws.ToString(n.Attachment.InstanceOwnerId)
	}
	if aws.ToBool(n.RequesterManaged) {
		k.Requester = aws.ToString(n.RequesterId)
	}
	return k
}

// DeadReferences gives, for the groups of a VPC that have such rules, the
// groups, sorted, that their rules name and that are gone, or out of reach since their
// peering is: ec2:DescribeStaleSecurityGroups once per 255 groups.
func (i *Inventory) DeadReferences(ctx context.Context, vpcID string) (map[string][]string, error) {
	dead := map[string][]string{}
	err := pages(func(token *string) (*string, error) {
		out, err := i.client.DescribeStaleSecurityGroups(ctx, &ec2.DescribeStaleSecurityGroupsInput{
			VpcId: &vpcID, MaxResults: aws.Int32(stalePage), NextToken: token,
		})
		if err != nil {
			return nil, err
		}
		for _, g := range out.StaleSecurityGroupSet {
			for _, p := range slices.Concat(g.StaleIpPermissions, g.StaleIpPermissionsEgress) {
				for _, pair := range p.UserIdGroupPairs {
					id := aws.ToString(g.GroupId)
					dead[id] = append(dead[id], aws.ToString(pair.GroupId))
				}
			}
		}
		return out.NextToken, nil
	})
	for id := range dead {
		slices.Sort(dead[id])
		dead[id] = slices.Compact(dead[id])
	}
	if err != nil {
		return nil, fmt.Errorf("describe stale groups of %s: %w", vpcID, notGone(err))
	}
	return dead, nil
}

// Groups reads all groups of the account in the region with their rules, lists
// unread, VPCs nil: ec2:DescribeSecurityGroups once per 1,000 groups. Rules have
// no ids. The error wraps incident.ErrInvalid where a rule is not understood.
func (i *Inventory) Groups(ctx context.Context) ([]secgroup.Group, error) {
	var groups []secgroup.Group
	err := pages(func(token *string) (*string, error) {
		out, err := i.client.DescribeSecurityGroups(ctx, &ec2.DescribeSecurityGroupsInput{MaxResults: aws.Int32(describePage), NextToken: token})
		if err != nil {
			return nil, err
		}
		for _, g := range out.SecurityGroups {
			group, err := wholeGroup(g)
			if err != nil {
				return nil, err
			}
			groups = append(groups, group)
		}
		return out.NextToken, nil
	})
	if err != nil {
		return nil, fmt.Errorf("describe all groups: %w", notGone(err))
	}
	return groups, nil
}

// wholeGroup is a group as DescribeSecurityGroups shows it.
func wholeGroup(g types.SecurityGroup) (secgroup.Group, error) {
	group := groupOf(g)
	for d, permissions := range map[secgroup.Direction][]types.IpPermission{secgroup.Ingress: g.IpPermissions, secgroup.Egress: g.IpPermissionsEgress} {
		rules, err := awsrule.Permitted(d, permissions)
		if err != nil {
			return secgroup.Group{}, fmt.Errorf("group %s: %w", group.ID, err)
		}
		for _, r := range rules {
			r.Peer = awsrule.OwnReference(r.Peer, group.AccountID)
			group.Rules = append(group.Rules, r)
		}
	}
	return group, nil
}

// ElasticAddresses gives the elastic IP addresses of the account in the region:
// ec2:DescribeAddresses, which has no pages.
func (i *Inventory) ElasticAddresses(ctx context.Context) ([]netip.Addr, error) {
	out, err := i.client.DescribeAddresses(ctx, &ec2.DescribeAddressesInput{})
	if err != nil {
		return nil, fmt.Errorf("describe addresses: %w", notGone(awserr.Translate(err)))
	}
	var addresses []netip.Addr
	for _, a := range out.Addresses {
		address, err := netip.ParseAddr(aws.ToString(a.PublicIp))
		if err != nil {
			return nil, fmt.Errorf("describe addresses: %w: one is no address", incident.ErrInvalid)
		}
		addresses = append(addresses, address)
	}
	return addresses, nil
}
