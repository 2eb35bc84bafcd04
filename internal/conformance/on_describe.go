package conformance

import (
	"errors"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/aws/smithy-go"
)

func describe() []Case {
	const (
		read   = "internal/inventory: Group reads it"
		shape  = "internal/awsrule: Described reads it"
		inline = "internal/inventory: permissions within a group are not read, rules are"
		gone   = "internal/awserr: the code means that it is gone"
		filter = "internal/inventory: Rules reads by this filter"
	)
	self := where("group-id", "@self")
	return []Case{
		model("describe/group-by-id", read, shows(func(b *Bench, g types.SecurityGroup) error {
			return equal("id", aws.ToString(g.GroupId), b.ids["@self"])
		})),
		model("describe/group-has-its-vpc", read, shows(func(b *Bench, g types.SecurityGroup) error { return equal("vpc", aws.ToString(g.VpcId), b.vpc) })),
		model("describe/group-has-its-owner", read, shows(func(_ *Bench, g types.SecurityGroup) error {
			return equal("length of the owner", len(aws.ToString(g.OwnerId)), 12)
		})),
		model("describe/group-has-its-arn", "internal/inventory: the region is that of the ARN", shows(func(b *Bench, g types.SecurityGroup) error {
			return equal("end of the ARN", strings.HasSuffix(aws.ToString(g.SecurityGroupArn), ":security-group/"+b.ids["@self"]), true)
		})),
		model("describe/group-has-its-description", read, shows(func(_ *Bench, g types.SecurityGroup) error {
			return equal("description", aws.ToString(g.Description), "sgwarden conformance")
		})),
		doc("describe/unknown-group", gone, refusedAs("InvalidGroup.NotFound", groups(ec2.DescribeSecurityGroupsInput{GroupIds: []string{noSuchGroup}}, nil))),
		doc("describe/malformed-group-id", "internal/awserr: the code will never pass", refusedAs("InvalidGroupId.Malformed", groups(ec2.DescribeSecurityGroupsInput{GroupIds: []string{"sg-nonsense"}}, nil))),
		inferred("describe/only-the-unknown-group-is-named", gone, func(b *Bench) error {
			err := groups(ec2.DescribeSecurityGroupsInput{GroupIds: []string{"@self", noSuchGroup}}, nil)(b)
			var api smithy.APIError
			if !errors.As(err, &api) {
				return fmt.Errorf("not refused by EC2, but: %w", err)
			}
			text := api.ErrorMessage()
			return equal("it is named, and the other is not", strings.Contains(text, noSuchGroup) && !strings.Contains(text, b.ids["@self"]), true)
		}),
		inferred("describe/one-unknown-group-refuses-all", gone, refusedAs("InvalidGroup.NotFound", groups(ec2.DescribeSecurityGroupsInput{GroupIds: []string{"@self", noSuchGroup}}, nil))),
		model("describe/groups-by-vpc", "internal/inventory: Named reads the groups of a VPC", groups(ec2.DescribeSecurityGroupsInput{Filters: []types.Filter{self, where("vpc-id", "@vpc")}}, []string{"@self"})),
		model("describe/groups-of-another-vpc", "internal/inventory: Named reads the groups of a VPC", groups(ec2.DescribeSecurityGroupsInput{Filters: []types.Filter{self, where("vpc-id", "@farvpc")}}, nil)),
		model("describe/any-value-of-a-filter", filter, makes("@other"), groups(ec2.DescribeSecurityGroupsInput{Filters: []types.Filter{where("group-id", "@self", "@other")}}, []string{"@self", "@other"})),
		model("describe/groups-by-tag", "internal/ledger: groups may be found by tag", tag("@self", "team", "a"), groups(ec2.DescribeSecurityGroupsInput{Filters: []types.Filter{self, where("tag:team", "a")}}, []string{"@self"})),
		model("describe/groups-by-another-tag", "internal/ledger: groups may be found by tag", tag("@self", "team", "a"), groups(ec2.DescribeSecurityGroupsInput{Filters: []types.Filter{self, where("tag:team", "b")}}, nil)),
		model("describe/groups-by-tag-key", "internal/ledger: groups may be found by tag", tag("@self", "team", "a"), groups(ec2.DescribeSecurityGroupsInput{Filters: []types.Filter{self, where("tag-key", "team")}}, []string{"@self"})),
		doc("describe/wildcard", "internal/localec2: filters match like EC2's", groups(ec2.DescribeSecurityGroupsInput{Filters: []types.Filter{self, where("group-name", "sgwarden-conf*-?*")}}, []string{"@self"})),
		doc("describe/filters-heed-the-case", "internal/inventory: Named does not filter by name, since names have no case and filters have",
			groups(ec2.DescribeSecurityGroupsInput{Filters: []types.Filter{self, where("group-name", "SGWARDEN-*")}}, nil)),
		inferred("describe/no-group-matches", read, groups(ec2.DescribeSecurityGroupsInput{Filters: []types.Filter{where("group-id", noSuchGroup)}}, nil)),
		inferred("describe/unknown-filter", "internal/localec2: a filter that it does not know is an error", refused(groups(ec2.DescribeSecurityGroupsInput{Filters: []types.Filter{where("nonsense", "x")}}, nil))),
		model("describe/all-protocols-have-no-ports-in-a-group", inline, allow("-1 - 8.8.8.0/29"), shows(func(_ *Bench, g types.SecurityGroup) error {
			return equal("ports there", len(g.IpPermissions) == 1 && g.IpPermissions[0].FromPort == nil && g.IpPermissions[0].ToPort == nil, true)
		})),
		moto("describe/all-protocols-have-minus-one-in-a-rule", shape, allow("-1 - 8.8.8.0/29"), ruleIs("-1 - 8.8.8.0/29", func(_ *Bench, r types.SecurityGroupRule) bool {
			return r.FromPort != nil && *r.FromPort == -1 && r.ToPort != nil && *r.ToPort == -1
		})),
		model("describe/peers-of-equal-ports-are-one-permission", inline, allow(ssh), allow("tcp 22:22 8.8.8.8/32"), shows(func(_ *Bench, g types.SecurityGroup) error {
			return equal("blocks in one permission", len(g.IpPermissions) == 1 && len(g.IpPermissions[0].IpRanges) == 2, true)
		})),
		model("describe/egress-apart", inline, shows(func(_ *Bench, g types.SecurityGroup) error {
			return equal("permissions", fmt.Sprint(len(g.IpPermissions), len(g.IpPermissionsEgress)), "0 1")
		})),
		model("describe/rule-has-the-groups-id", shape, allow(ssh), ruleIs(ssh, func(b *Bench, r types.SecurityGroupRule) bool { return aws.ToString(r.GroupId) == b.ids["@self"] })),
		model("describe/rule-has-an-owner", shape, allow(ssh), ruleIs(ssh, func(_ *Bench, r types.SecurityGroupRule) bool { return len(aws.ToString(r.GroupOwnerId)) == 12 })),
		model("describe/rule-has-one-peer", "internal/awsrule: a rule with no peer or two is not understood", allow("tcp 22:22 8.8.8.0/29,2606:4700::/32"),
			ruleIs(ssh, func(_ *Bench, r types.SecurityGroupRule) bool {
				return r.CidrIpv6 == nil && r.PrefixListId == nil && r.ReferencedGroupInfo == nil
			})),
		model("describe/rules-by-id", filter, allow(ssh, "udp 53:53 8.8.8.0/29"), rulesBy(func(id string) ec2.DescribeSecurityGroupRulesInput {
			return ec2.DescribeSecurityGroupRulesInput{SecurityGroupRuleIds: []string{id}}
		}, ssh, 1)),
		model("describe/rules-by-filter-of-id", filter, allow(ssh, "udp 53:53 8.8.8.0/29"), rulesBy(func(id string) ec2.DescribeSecurityGroupRulesInput {
			return ec2.DescribeSecurityGroupRulesInput{Filters: []types.Filter{where("security-group-rule-id", id)}}
		}, ssh, 1)),
		model("describe/rules-by-tag", filter, allowTagged(ssh, "team", "a"), allow("udp 53:53 8.8.8.0/29"), rulesBy(func(id string) ec2.DescribeSecurityGroupRulesInput {
			return ec2.DescribeSecurityGroupRulesInput{SecurityGroupRuleIds: []string{id}, Filters: []types.Filter{where("tag:team", "a")}}
		}, ssh, 1)),
		inferred("describe/rules-of-an-unknown-group", "internal/inventory: a group that does not exist has no rules", rulesBy(func(string) ec2.DescribeSecurityGroupRulesInput {
			return ec2.DescribeSecurityGroupRulesInput{Filters: []types.Filter{where("group-id", noSuchGroup)}}
		}, "", 0)),
		inferred("describe/unknown-rule", gone, refusedAs("InvalidSecurityGroupRuleId.NotFound", rulesBy(func(string) ec2.DescribeSecurityGroupRulesInput {
			return ec2.DescribeSecurityGroupRulesInput{SecurityGroupRuleIds: []string{noSuchRule}}
		}, "", 0))),
		inferred("describe/rules-by-unknown-filter", "internal/localec2: a filter that it does not know is an error", refused(rulesBy(func(string) ec2.DescribeSecurityGroupRulesInput {
			return ec2.DescribeSecurityGroupRulesInput{Filters: []types.Filter{where("nonsense", "x")}}
		}, "", 0))),
	}
}

// makes makes what a name stands for.
func makes(name string) step {
	return func(b *Bench) error {
		_, err := b.id(name)
		return err
	}
}

// groups holds which groups a Describe answers. Names in the input are
// resolved.
func groups(in ec2.DescribeSecurityGroupsInput, want []string) step {
	return func(b *Bench) error {
		in := in
		var err error
		if in.GroupIds, err = b.resolved(in.GroupIds); err != nil {
			return err
		}
		var filters []types.Filter
		for _, f := range in.Filters {
			if f.Values, err = b.resolved(f.Values); err != nil {
				return err
			}
			filters = append(filters, f)
		}
		in.Filters = filters
		return b.site.eventually(b.ctx, func() error {
			out, err := b.EC2.DescribeSecurityGroups(b.ctx, &in)
			if err != nil {
				return err
			}
			var got []string
			for _, g := range out.SecurityGroups {
				got = append(got, b.named(aws.ToString(g.GroupId)))
			}
			return same("groups", got, want)
		})
	}
}

func (b *Bench) resolved(names []string) ([]string, error) {
	var ids []string
	for _, n := range names {
		id, err := b.id(n)
		if err != nil {
			return nil, err
		}
		ids = append(ids, id)
	}
	return ids, nil
}

// ruleIs holds something of a live rule.
func ruleIs(text string, ok func(*Bench, types.SecurityGroupRule) bool) step {
	return func(b *Bench) error {
		r, err := b.rule(false, text)
		if err == nil && !ok(b, r) {
			err = fmt.Errorf("the rule %q is shown otherwise", text)
		}
		return err
	}
}

// rulesBy holds how many rules a Describe answers that may name the id of a
// live rule.
func rulesBy(in func(id string) ec2.DescribeSecurityGroupRulesInput, text string, want int) step {
	return func(b *Bench) error {
		id := ""
		if text != "" {
			var err error
			if id, err = b.ruleID(text); err != nil {
				return err
			}
		}
		input := in(id)
		out, err := b.EC2.DescribeSecurityGroupRules(b.ctx, &input)
		if err != nil {
			return err
		}
		return equal("number of rules", len(out.SecurityGroupRules), want)
	}
}
