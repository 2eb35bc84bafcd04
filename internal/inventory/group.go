package inventory

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/sgwarden/sgwarden/internal/awserr"
	"github.com/sgwarden/sgwarden/internal/awsrule"
	"github.com/sgwarden/sgwarden/internal/incident"
	"github.com/sgwarden/sgwarden/internal/secgroup"
)

// Group reads a group and its rules, side by side: ec2:DescribeSecurityGroups
// once and ec2:DescribeSecurityGroupRules once per 1,000 rules. Rules come
// sorted by id, prefix lists unread, VPCs nil. The error wraps
// incident.ErrGone where the group does not exist, or does not yet.
func (i *Inventory) Group(ctx context.Context, groupID string) (secgroup.Group, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	type read struct {
		rules []secgroup.Rule
		err   error
	}
	rules := make(chan read, 1)
	go func() {
		r, err := i.Rules(ctx, groupID)
		rules <- read{r, err}
	}()
	g, err := i.describe(ctx, groupID)
	if err != nil {
		return secgroup.Group{}, err
	}
	r := <-rules
	if r.err != nil {
		return secgroup.Group{}, r.err
	}
	g.Rules = r.rules
	for n := range g.Rules {
		g.Rules[n].Peer = awsrule.OwnReference(g.Rules[n].Peer, g.AccountID)
	}
	return g, nil
}

// describe reads a group without its rules. The filter says the same as the
// id, and makes it a filtered request: those have a larger bucket.
func (i *Inventory) describe(ctx context.Context, groupID string) (secgroup.Group, error) {
	out, err := i.client.DescribeSecurityGroups(ctx, &ec2.DescribeSecurityGroupsInput{
		GroupIds: []string{groupID},
		Filters:  []types.Filter{{Name: aws.String("group-id"), Values: []string{groupID}}},
	})
	if err != nil {
		return secgroup.Group{}, fmt.Errorf("describe %s: %w", groupID, awserr.Translate(err))
	}
	for _, g := range out.SecurityGroups {
		if aws.ToString(g.GroupId) == groupID {
			return groupOf(g), nil
		}
	}
	// Gone is only what EC2 calls so: all that is remembered of a group that is
	// gone, its baseline too, is dropped.
	return secgroup.Group{}, fmt.Errorf("describe %s: %w: the answer does not hold it", groupID, incident.ErrUnavailable)
}

// groupOf is a group without its rules.
func groupOf(g types.SecurityGroup) secgroup.Group {
	return secgroup.Group{
		ID: aws.ToString(g.GroupId), Name: aws.ToString(g.GroupName), Description: aws.ToString(g.Description),
		AccountID: aws.ToString(g.OwnerId), Region: regionOf(aws.ToString(g.SecurityGroupArn)),
		VPCID: aws.ToString(g.VpcId), Tags: awsrule.Tags(g.Tags),
	}
}

// regionOf reads the region from a group's ARN; "" without one.
func regionOf(arn string) string {
	if parts := strings.SplitN(arn, ":", 6); len(parts) == 6 {
		return parts[3]
	}
	return ""
}

// Rules reads the rules of a group alone, sorted by id:
// ec2:DescribeSecurityGroupRules once per 1,000 rules. A group that does not
// exist has none. The error wraps incident.ErrInvalid where EC2 answers a rule
// that is not understood.
func (i *Inventory) Rules(ctx context.Context, groupID string) ([]secgroup.Rule, error) {
	rules := []secgroup.Rule{}
	err := pages(func(token *string) (*string, error) {
		out, err := i.client.DescribeSecurityGroupRules(ctx, &ec2.DescribeSecurityGroupRulesInput{
			Filters:    []types.Filter{{Name: aws.String("group-id"), Values: []string{groupID}}},
			MaxResults: aws.Int32(describePage), NextToken: token,
		})
		if err != nil {
			return nil, err
		}
		for _, r := range out.SecurityGroupRules {
			if id := aws.ToString(r.GroupId); id != groupID {
				return nil, fmt.Errorf("%w: a rule of %s was answered", incident.ErrInvalid, id)
			}
			rule, err := awsrule.Described(r)
			if err != nil {
				return nil, err
			}
			rules = append(rules, rule)
		}
		return out.NextToken, nil
	})
	if err != nil {
		return nil, fmt.Errorf("describe rules of %s: %w", groupID, err)
	}
	slices.SortFunc(rules, func(a, b secgroup.Rule) int { return strings.Compare(a.ID, b.ID) })
	return rules, nil
}

// Named gives the ids, sorted, of the groups of the default VPC that have that
// name, regardless of case: ec2:DescribeVpcs, then ec2:DescribeSecurityGroups
// once per 1,000 groups of that VPC (EC2's own filter on names heeds the
// case). Without a default VPC there are none.
func (i *Inventory) Named(ctx context.Context, name string) ([]string, error) {
	vpcs, err := i.client.DescribeVpcs(ctx, &ec2.DescribeVpcsInput{
		Filters: []types.Filter{{Name: aws.String("is-default"), Values: []string{"true"}}},
	})
	if err != nil {
		return nil, fmt.Errorf("describe the default vpc: %w", notGone(awserr.Translate(err)))
	}
	var home []string
	for _, v := range vpcs.Vpcs {
		home = append(home, aws.ToString(v.VpcId))
	}
	ids := []string{}
	if len(home) == 0 {
		return ids, nil
	}
	err = pages(func(token *string) (*string, error) {
		out, err := i.client.DescribeSecurityGroups(ctx, &ec2.DescribeSecurityGroupsInput{
			Filters:    []types.Filter{{Name: aws.String("vpc-id"), Values: home}},
			MaxResults: aws.Int32(describePage), NextToken: token,
		})
		if err != nil {
			return nil, err
		}
		for _, g := range out.SecurityGroups {
			if strings.EqualFold(aws.ToString(g.GroupName), name) {
				ids = append(ids, aws.ToString(g.GroupId))
			}
		}
		return out.NextToken, nil
	})
	if err != nil {
		return nil, fmt.Errorf("describe groups of the default vpc: %w", notGone(err))
	}
	slices.Sort(ids)
	return ids, nil
}
