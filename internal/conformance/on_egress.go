package conformance

import (
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
)

// egress is that of new groups.
func egress() []Case {
	const (
		first  = "internal/warden: a new group is judged, since it may send anywhere"
		gone   = "internal/plan: the first egress rule is revoked like any other"
		narrow = "internal/plan: the first egress rule is narrowed like any other"
	)
	return []Case{
		doc("egress/a-new-group-sends-anywhere", first, holdsOut(opens)),
		doc("egress/a-new-group-takes-nothing", first, holds()),
		doc("egress/of-a-vpc-with-ipv6", first, makes("@far"), holdsIn("@far", true, []string{opens, "-1 - ::/0"})),
		doc("egress/the-first-rule-can-go", gone, takeOutIDs("out "+opens), holdsOut()),
		doc("egress/the-first-rule-can-go-by-value", gone, takeOut(opens), holdsOut()),
		inferred("egress/the-first-rule-can-come-back", "internal/apply: a rule that was revoked can be put back", takeOut(opens), allowOut(opens), holdsOut(opens)),
		inferred("egress/the-first-rule-twice", gone, refusedAs("InvalidPermission.Duplicate", allowOut(opens)), holdsOut(opens)),
		inferred("egress/the-first-rule-narrowed", narrow, change("out "+opens, "tcp 443:443 8.8.8.0/29"), holdsOut("tcp 443:443 8.8.8.0/29")),
		doc("egress/ipv6-beside-it", first, allowOut("-1 - ::/0"), holdsOut(opens, "-1 - ::/0")),
		inferred("egress/ipv6-can-go", gone, allowOut("-1 - ::/0"), takeOutIDs("out -1 - ::/0"), holdsOut(opens)),
		inferred("egress/ipv6-can-go-by-value", gone, allowOut("-1 - ::/0"), takeOut("-1 - ::/0"), holdsOut(opens)),
	}
}

// defaultGroup is the group that every VPC has.
func defaultGroup() []Case {
	const (
		is   = "internal/secgroup: Group.IsDefault goes by the name"
		held = "internal/plan: rules of a default group are revoked, the group stays"
	)
	return []Case{
		doc("default-group/every-vpc-has-one", is, findDefault, holdsIn("@default", true, []string{opens})),
		doc("default-group/takes-from-itself", is, findDefault, holdsIn("@default", false, []string{"-1 - @default"})),
		doc("default-group/cannot-be-deleted", held, findDefaultOf("@farvpc"), refusedAs("CannotDelete", drop("@default"))),
		doc("default-group/rules-can-go-and-come", held, findDefault, emptyDefault, holdsIn("@default", false, nil), allowIn("@default", "-1 - @default"), holdsIn("@default", false, []string{"-1 - @default"})),
		doc("default-group/takes-other-rules", held, findDefault, emptyDefault, allowIn("@default", "-1 - @default", "tcp 22:22 8.8.8.0/29"), holdsIn("@default", false, []string{"-1 - @default", "tcp 22:22 8.8.8.0/29"}),
			emptyDefault, allowIn("@default", "-1 - @default")),
	}
}

// findDefault makes @default the default group of the site's own VPC.
func findDefault(b *Bench) error { return findDefaultOf("@vpc")(b) }

// findDefaultOf does so with that VPC's.
func findDefaultOf(vpc string) step {
	return func(b *Bench) error {
		out, err := b.EC2.DescribeSecurityGroups(b.ctx, &ec2.DescribeSecurityGroupsInput{
			Filters: []types.Filter{where("vpc-id", b.ids[vpc]), where("group-name", "default")},
		})
		if err != nil {
			return err
		}
		if err := equal("number of default groups", len(out.SecurityGroups), 1); err != nil {
			return err
		}
		b.ids["@default"] = aws.ToString(out.SecurityGroups[0].GroupId)
		return nil
	}
}

// emptyDefault takes the ingress of @default away.
func emptyDefault(b *Bench) error {
	all, err := b.rules("@default")
	if err != nil {
		return err
	}
	in := &ec2.RevokeSecurityGroupIngressInput{GroupId: aws.String(b.ids["@default"])}
	for _, r := range all {
		if !aws.ToBool(r.IsEgress) {
			in.SecurityGroupRuleIds = append(in.SecurityGroupRuleIds, aws.ToString(r.SecurityGroupRuleId))
		}
	}
	if len(in.SecurityGroupRuleIds) == 0 {
		return nil
	}
	return b.revoke(in)
}
