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
	"github.com/sgwarden/sgwarden/internal/incident"
	"github.com/sgwarden/sgwarden/internal/secgroup"
)

// VPCs reads all blocks of the VPC of a group and of every VPC that is
// associated with it, the own one first: ec2:DescribeVpcs, then, where there
// can be associations, ec2:DescribeSecurityGroupVpcAssociations and, where
// there are some, ec2:DescribeVpcs again.
//
// Where associations cannot be read the answer is an error, never the own VPC
// alone: a block that is missing would make traffic within it look like
// traffic from outside.
func (i *Inventory) VPCs(ctx context.Context, g secgroup.Group) ([]secgroup.VPC, error) {
	own, err := i.describeVPCs(ctx, g.VPCID)
	if err != nil {
		return nil, fmt.Errorf("describe vpc of %s: %w", g.ID, err)
	}
	vpcs := []secgroup.VPC{}
	for _, v := range own {
		vpc, err := vpcOf(v)
		if err != nil {
			return nil, err
		}
		vpcs = append(vpcs, vpc)
	}
	// "You cannot use this feature with default security groups", nor "with
	// the default VPC" (API reference, AssociateSecurityGroupVpc).
	if g.IsDefault() || aws.ToBool(own[0].IsDefault) {
		return vpcs, nil
	}
	others, err := i.associated(ctx, g)
	if err != nil {
		return nil, fmt.Errorf("describe vpc associations of %s: %w", g.ID, notGone(err))
	}
	if len(others) == 0 {
		return vpcs, nil
	}
	more, err := i.describeVPCs(ctx, others...)
	if err != nil {
		return nil, fmt.Errorf("describe associated vpcs of %s: %w", g.ID, err)
	}
	for _, v := range more {
		vpc, err := vpcOf(v)
		if err != nil {
			return nil, err
		}
		vpcs = append(vpcs, vpc)
	}
	return vpcs, nil
}

// describeVPCs reads exactly these VPCs.
func (i *Inventory) describeVPCs(ctx context.Context, ids ...string) ([]types.Vpc, error) {
	out, err := i.client.DescribeVpcs(ctx, &ec2.DescribeVpcsInput{VpcIds: ids})
	if err != nil {
		return nil, notGone(awserr.Translate(err))
	}
	for _, id := range ids {
		if !slices.ContainsFunc(out.Vpcs, func(v types.Vpc) bool { return aws.ToString(v.VpcId) == id }) {
			return nil, fmt.Errorf("%w: the answer does not hold %s", incident.ErrUnavailable, id)
		}
	}
	return out.Vpcs, nil
}

// associated gives the ids, sorted, of the other VPCs that the group works in.
// An association that comes or goes counts.
func (i *Inventory) associated(ctx context.Context, g secgroup.Group) ([]string, error) {
	var ids []string
	err := pages(func(token *string) (*string, error) {
		out, err := i.client.DescribeSecurityGroupVpcAssociations(ctx, &ec2.DescribeSecurityGroupVpcAssociationsInput{
			Filters:    []types.Filter{{Name: aws.String("group-id"), Values: []string{g.ID}}},
			MaxResults: aws.Int32(describePage), NextToken: token,
		})
		if err != nil {
			return nil, err
		}
		for _, a := range out.SecurityGroupVpcAssociations {
			if !isOver(a) {
				ids = append(ids, aws.ToString(a.VpcId))
			}
		}
		return out.NextToken, nil
	})
	return others(ids, g.VPCID), err
}

// isOver reports whether an association is none any more, or never was one.
func isOver(a types.SecurityGroupVpcAssociation) bool {
	return a.State == types.SecurityGroupVpcAssociationStateDisassociated || a.State == types.SecurityGroupVpcAssociationStateAssociationFailed
}

// others are the ids but own, sorted, each once.
func others(ids []string, own string) []string {
	ids = slices.DeleteFunc(slices.Clone(ids), func(id string) bool { return id == own })
	slices.Sort(ids)
	return slices.Compact(ids)
}

// vpcOf is a VPC with every block that it has; one that is being taken away
// still counts.
func vpcOf(v types.Vpc) (secgroup.VPC, error) {
	vpc := secgroup.VPC{ID: aws.ToString(v.VpcId)}
	texts := []string{aws.ToString(v.CidrBlock)}
	for _, a := range v.CidrBlockAssociationSet {
		if has(a.CidrBlockState) {
			texts = append(texts, aws.ToString(a.CidrBlock))
		}
	}
	for _, a := range v.Ipv6CidrBlockAssociationSet {
		if has(a.Ipv6CidrBlockState) {
			texts = append(texts, aws.ToString(a.Ipv6CidrBlock))
		}
	}
	for _, text := range texts {
		if text == "" {
			continue
		}
		block, err := netip.ParsePrefix(text)
		if err != nil {
			return secgroup.VPC{}, fmt.Errorf("read blocks of %s: %w: %w", vpc.ID, incident.ErrInvalid, err)
		}
		if block = block.Masked(); !slices.Contains(vpc.CIDRs, block) {
			vpc.CIDRs = append(vpc.CIDRs, block)
		}
	}
	return vpc, nil
}

func has(s *types.VpcCidrBlockState) bool {
	if s == nil {
		return true
	}
	switch s.State {
	case types.VpcCidrBlockStateCodeDisassociated, types.VpcCidrBlockStateCodeFailing, types.VpcCidrBlockStateCodeFailed:
		return false
	}
	return true
}
