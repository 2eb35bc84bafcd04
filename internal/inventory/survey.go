package inventory

import (
	"context"
	"fmt"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/sgwarden/sgwarden/internal/awserr"
	"github.com/sgwarden/sgwarden/internal/awsrule"
	"github.com/sgwarden/sgwarden/internal/incident"
	"github.com/sgwarden/sgwarden/internal/secgroup"
)

// MostGroups is how many groups EachRule takes at once: EC2 takes 200 values
// in one filter (user guide, "Filtering considerations", read 2026-11).
const MostGroups = 200

// EachGroup reads one page of all groups of the region and gives each to see:
// ec2:DescribeSecurityGroups once, 1,000 groups at most. token is "" for the
// first page, else next of the one before; next is "" after the last. Rules
// have no ids or tags, prefix lists come unread, VPCs nil. A group with a rule
// that is not understood comes without rules and with an error that wraps
// incident.ErrInvalid.
func (i *Inventory) EachGroup(ctx context.Context, token string, see func(g secgroup.Group, err error)) (next string, err error) {
	in := &ec2.DescribeSecurityGroupsInput{MaxResults: aws.Int32(describePage)}
	if token != "" {
		in.NextToken = &token
	}
	out, err := i.client.DescribeSecurityGroups(ctx, in)
	if err != nil {
		return "", fmt.Errorf("describe all groups: %w", notGone(awserr.Translate(err)))
	}
	for _, described := range out.SecurityGroups {
		g := groupOf(described)
		var fault error
		if g.Rules, fault = listed(described); fault != nil {
			g.Rules = nil
		}
		see(g, fault)
	}
	if next = aws.ToString(out.NextToken); next != "" && next == token {
		return "", fmt.Errorf("describe all groups: %w: a page token came twice", incident.ErrUnavailable)
	}
	return next, nil
}

// listed is the rules of a group as DescribeSecurityGroups tells them.
func listed(g types.SecurityGroup) ([]secgroup.Rule, error) {
	rules := []secgroup.Rule{}
	for _, side := range []struct {
		permissions []types.IpPermission
		egress      bool
	}{{g.IpPermissions, false}, {g.IpPermissionsEgress, true}} {
		for _, p := range side.permissions {
			more, err := awsrule.Listed(p, side.egress, aws.ToString(g.OwnerId))
			if err != nil {
				return nil, err
			}
			rules = append(rules, more...)
		}
	}
	return rules, nil
}

// EachRule reads one page of the rules of at most MostGroups groups and gives
// each to see, in no order: ec2:DescribeSecurityGroupRules once, 1,000 rules at
// most. token and next are as in EachGroup. A group that does not exist has no
// rules. A rule that is not understood comes with an error that wraps
// incident.ErrInvalid.
func (i *Inventory) EachRule(ctx context.Context, groupIDs []string, token string, see func(groupID string, r secgroup.Rule, err error)) (next string, err error) {
	in := &ec2.DescribeSecurityGroupRulesInput{
		Filters:    []types.Filter{{Name: aws.String("group-id"), Values: groupIDs}},
		MaxResults: aws.Int32(describePage),
	}
	if token != "" {
		in.NextToken = &token
	}
	out, err := i.client.DescribeSecurityGroupRules(ctx, in)
	if err != nil {
		return "", fmt.Errorf("describe rules of %d groups: %w", len(groupIDs), notGone(awserr.Translate(err)))
	}
	for _, r := range out.SecurityGroupRules {
		id := aws.ToString(r.GroupId)
		if !slices.Contains(groupIDs, id) {
			return "", fmt.Errorf("describe rules of %d groups: %w: a rule of %s was answered", len(groupIDs), incident.ErrInvalid, id)
		}
		rule, fault := awsrule.Described(r)
		see(id, rule, fault)
	}
	if next = aws.ToString(out.NextToken); next != "" && next == token {
		return "", fmt.Errorf("describe rules of %d groups: %w: a page token came twice", len(groupIDs), incident.ErrUnavailable)
	}
	return next, nil
}
