package conformance

import (
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
)

// consistency is how reads may be late: "the result of an API command you run
// that affects your Amazon EC2 resources might not be immediately visible to all
// subsequent commands" (developer guide, eventual consistency).
func consistency() []Case {
	const (
		absent = "internal/warden: a rule that a fresh record names and a read does not show may come yet"
		fresh  = "internal/warden: a group that a fresh record names and a read does not find may come yet"
		shown  = "internal/warden: success is claimed of a rule only once a read does not show it any more"
		works  = "internal/apply: a change meets what is, whatever the read before it showed"
		dns    = "udp 53:53 8.8.8.0/29"
	)
	late, over := lag(5*time.Second), pass(5*time.Second)
	return staged(
		doc("consistency/a-new-group-is-not-found-yet", fresh, late, newGroupAs("@new"), refusedAs("InvalidGroup.NotFound", reads("@new")), over, reads("@new")),
		doc("consistency/a-new-group-is-not-listed-yet", fresh, late, newGroupAs("@new"), listed("@new", 0), over, listed("@new", 1)),
		doc("consistency/a-new-rule-is-absent", absent, allow(dns), late, allow(ssh), holds(dns), over, holds(ssh, dns)),
		doc("consistency/a-removed-rule-is-shown", shown, allow(ssh, dns), late, takeIDs(ssh), holds(ssh, dns), over, holds(dns)),
		doc("consistency/a-changed-rule-shows-its-old-value", shown, allow(ssh), late, change(ssh, dns), holds(ssh), over, holds(dns)),
		doc("consistency/new-tags-are-absent", "internal/warden: an exemption tag may come later than its record", allow(ssh), late, tag(ssh, "team", "a"), tagged(ssh), over, tagged(ssh, "team=a")),
		doc("consistency/a-removed-group-is-found", shown, makes("@other"), late, drop("@other"), reads("@other"), over, refusedAs("InvalidGroup.NotFound", reads("@other"))),
		doc("consistency/an-edited-list-shows-its-old-version", "internal/inventory: a list's entries are those of the version that was read",
			makes("@list"), late, edit("@list", 1, []string{"8.8.8.8/32"}, nil), listIs("@list", 1, "8.8.8.0/29"), over, listIs("@list", 2, "8.8.8.0/29", "8.8.8.8/32")),
		inferred("consistency/reads-are-late-not-torn", absent, late, allow(ssh), pass(3*time.Second), allow(dns), holds(), pass(2*time.Second), holds(ssh), pass(3*time.Second), holds(ssh, dns)),
		inferred("consistency/changes-see-what-reads-do-not", works, late, allow(ssh), holds(), refusedAs("InvalidPermission.Duplicate", allow(ssh)), over, holds(ssh)),
		inferred("consistency/a-rule-goes-once", works, allow(ssh), keep("it", ssh), late, takeIDs("it"), holds(ssh), refusedAs("InvalidSecurityGroupRuleId.NotFound", takeIDs("it"))),
	)
}

func lag(by time.Duration) step {
	return func(b *Bench) error { b.site.Stage.Lag(by); return nil }
}

// newGroupAs makes a group of that name of the bench, and does not wait for it.
func newGroupAs(name string) step {
	return func(b *Bench) error {
		out, err := b.EC2.CreateSecurityGroup(b.ctx, &ec2.CreateSecurityGroupInput{
			GroupName: aws.String(b.site.name()), Description: aws.String("sgwarden conformance"), VpcId: &b.vpc,
			TagSpecifications: b.site.tagged(types.ResourceTypeSecurityGroup),
		})
		if err != nil {
			return err
		}
		b.ids[name] = aws.ToString(out.GroupId)
		return nil
	}
}

// reads looks at a group by its id.
func reads(group string) step {
	return func(b *Bench) error {
		return describeGroups(&ec2.DescribeSecurityGroupsInput{GroupIds: []string{b.ids[group]}})(b)
	}
}

// listed holds how many groups a filter by the id of one finds.
func listed(group string, want int) step {
	return func(b *Bench) error {
		out, err := b.EC2.DescribeSecurityGroups(b.ctx, &ec2.DescribeSecurityGroupsInput{Filters: []types.Filter{where("group-id", b.ids[group])}})
		if err != nil {
			return err
		}
		return equal("number of groups", len(out.SecurityGroups), want)
	}
}
