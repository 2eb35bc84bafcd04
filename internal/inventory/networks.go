package inventory

import (
	"context"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"

	"github.com/sgwarden/sgwarden/internal/incident"
	"github.com/sgwarden/sgwarden/internal/secgroup"
)

// Networks reads the VPCs of all groups of the region, for whoever looks at
// many: ec2:DescribeVpcs and ec2:DescribeSecurityGroupVpcAssociations, each
// once per 1,000. of answers for one group as VPCs does, or with an error
// where a VPC was not there yet; it calls nothing.
func (i *Inventory) Networks(ctx context.Context) (of func(g secgroup.Group) ([]secgroup.VPC, error), err error) {
	vpcs := map[string]secgroup.VPC{}
	err = pages(func(token *string) (*string, error) {
		out, err := i.client.DescribeVpcs(ctx, &ec2.DescribeVpcsInput{MaxResults: aws.Int32(describePage), NextToken: token})
		if err != nil {
			return nil, err
		}
		for _, v := range out.Vpcs {
			vpc, err := vpcOf(v)
			if err != nil {
				return nil, err
			}
			vpcs[vpc.ID] = vpc
		}
		return out.NextToken, nil
	})
	if err != nil {
		return nil, fmt.Errorf("describe all vpcs: %w", notGone(err))
	}
	associated := map[string][]string{} // VPC ids by group
	err = pages(func(token *string) (*string, error) {
		out, err := i.client.DescribeSecurityGroupVpcAssociations(ctx, &ec2.DescribeSecurityGroupVpcAssociationsInput{
			MaxResults: aws.Int32(describePage), NextToken: token,
		})
		if err != nil {
			return nil, err
		}
		for _, a := range out.SecurityGroupVpcAssociations {
			if !isOver(a) {
				id := aws.ToString(a.GroupId)
				associated[id] = append(associated[id], aws.ToString(a.VpcId))
			}
		}
		return out.NextToken, nil
	})
	if err != nil {
		return nil, fmt.Errorf("describe all vpc associations: %w", notGone(err))
	}
	return func(g secgroup.Group) ([]secgroup.VPC, error) {
		own := []secgroup.VPC{}
		for _, id := range append([]string{g.VPCID}, others(associated[g.ID], g.VPCID)...) {
			vpc, ok := vpcs[id]
			if !ok {
				return nil, fmt.Errorf("vpcs of %s: %w: %s was not there yet", g.ID, incident.ErrUnavailable, id)
			}
			own = append(own, vpc)
		}
		return own, nil
	}, nil
}
