package conformance

import (
	"errors"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
)

func pages() []Case {
	const every = "internal/inventory: every page is read, and a page is as large as the call allows"
	ruleInput := func(size int32) *ec2.DescribeSecurityGroupRulesInput {
		return &ec2.DescribeSecurityGroupRulesInput{MaxResults: &size}
	}
	groupInput := func(size int32) *ec2.DescribeSecurityGroupsInput {
		return &ec2.DescribeSecurityGroupsInput{MaxResults: &size}
	}
	rules := func(in *ec2.DescribeSecurityGroupRulesInput) step {
		return func(b *Bench) error { _, err := b.EC2.DescribeSecurityGroupRules(b.ctx, in); return err }
	}
	return []Case{
		model("pages/rules", every, allow(many(12, "8.8.8.0/29")...), rulePages(5, 5, 5, 3)),
		model("pages/last-page-has-no-token", every, allow(many(4, "8.8.8.0/29")...), rulePages(5, 5)),
		model("pages/one-page-is-all", every, allow(many(12, "8.8.8.0/29")...), rulePages(1000, 13)),
		model("pages/groups", every, groupPages),
		model("pages/rules-below-5", every, refused(rules(ruleInput(4)))),
		model("pages/rules-above-1000", every, refused(rules(ruleInput(1001)))),
		model("pages/groups-below-5", every, refused(describeGroups(groupInput(4)))),
		model("pages/groups-above-1000", every, refused(describeGroups(groupInput(1001)))),
		inferred("pages/unknown-token", "internal/inventory: a token comes from the same call alone",
			refused(rules(&ec2.DescribeSecurityGroupRulesInput{MaxResults: aws.Int32(5), NextToken: aws.String("nonsense")}))),
	}
}

// rulePages reads the rules of @self, and holds how many each page has, and
// that none comes twice.
func rulePages(size int32, want ...int) step {
	return func(b *Bench) error {
		seen := map[string]bool{}
		in := &ec2.DescribeSecurityGroupRulesInput{MaxResults: &size, Filters: []types.Filter{where("group-id", b.ids["@self"])}}
		for i, count := range want {
			out, err := b.EC2.DescribeSecurityGroupRules(b.ctx, in)
			if err != nil {
				return err
			}
			for _, r := range out.SecurityGroupRules {
				seen[aws.ToString(r.SecurityGroupRuleId)] = true
			}
			if err := equal("rules on a page", len(out.SecurityGroupRules), count); err != nil {
				return err
			}
			if err := equal("a further page", out.NextToken != nil, i < len(want)-1); err != nil {
				return err
			}
			in.NextToken = out.NextToken
		}
		total := 0
		for _, n := range want {
			total += n
		}
		return equal("different rules", len(seen), total)
	}
}

// groupPages makes six more groups and reads them all in pages of five.
func groupPages(b *Bench) error {
	ids := []string{b.ids["@self"]}
	for range 6 {
		id, err := b.newGroup(b.vpc)
		if err != nil {
			return err
		}
		ids = append(ids, id)
	}
	in := &ec2.DescribeSecurityGroupsInput{MaxResults: aws.Int32(5), Filters: []types.Filter{where("group-id", ids...)}}
	first, err := b.EC2.DescribeSecurityGroups(b.ctx, in)
	if err != nil {
		return err
	}
	if first.NextToken == nil || len(first.SecurityGroups) != 5 {
		return errors.New("the first page has not five groups and a token")
	}
	in.NextToken = first.NextToken
	second, err := b.EC2.DescribeSecurityGroups(b.ctx, in)
	if err != nil {
		return err
	}
	if second.NextToken != nil {
		return errors.New("the last page has a token")
	}
	var got []string
	for _, g := range append(first.SecurityGroups, second.SecurityGroups...) {
		got = append(got, aws.ToString(g.GroupId))
	}
	return same("groups", got, ids)
}
