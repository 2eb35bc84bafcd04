package conformance

import (
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
)

func references() []Case {
	const (
		peer = "internal/awsrule: a group is the peer of a rule by its id"
		own  = "internal/awsrule: OwnReference leaves the own account out"
		hold = "internal/warden: a group that is referred to is not gone"
	)
	return []Case{
		doc("references/to-itself", peer, allow("-1 - @self"), holds("-1 - @self")),
		doc("references/to-another-group", peer, allow("tcp 22:22 @other"), holds("tcp 22:22 @other")),
		doc("references/outward", peer, allowOut("tcp 22:22 @other"), holdsOut(opens, "tcp 22:22 @other")),
		model("references/with-a-block-in-one-permission", "events: one permission of a record stands for as many rules as it has peers",
			allow("tcp 22:22 @other,8.8.8.0/29"), holds("tcp 22:22 @other", "tcp 22:22 8.8.8.0/29")),
		model("references/rule-names-the-account", own, allow("tcp 22:22 @other"), ruleIs("tcp 22:22 @other", func(_ *Bench, r types.SecurityGroupRule) bool {
			return aws.ToString(r.ReferencedGroupInfo.UserId) == aws.ToString(r.GroupOwnerId) && r.GroupOwnerId != nil
		})),
		inferred("references/rule-names-no-peering-within-a-vpc", own, allow("tcp 22:22 @other"), ruleIs("tcp 22:22 @other", func(_ *Bench, r types.SecurityGroupRule) bool {
			return r.ReferencedGroupInfo.VpcPeeringConnectionId == nil
		})),
		model("references/group-names-the-account", own, allow("tcp 22:22 @other"), shows(func(_ *Bench, g types.SecurityGroup) error {
			return equal("account", len(g.IpPermissions) == 1 && len(g.IpPermissions[0].UserIdGroupPairs) == 1 &&
				aws.ToString(g.IpPermissions[0].UserIdGroupPairs[0].UserId) == aws.ToString(g.OwnerId), true)
		})),
		model("references/group-shows-the-description", own, allow("tcp 22:22 @other # one"), shows(func(_ *Bench, g types.SecurityGroup) error {
			return equal("description", len(g.IpPermissions) == 1 && len(g.IpPermissions[0].UserIdGroupPairs) == 1 &&
				aws.ToString(g.IpPermissions[0].UserIdGroupPairs[0].Description) == "one", true)
		})),
		inferred("references/rule-shows-the-description", peer, allow("tcp 22:22 @other # one"), holds("tcp 22:22 @other # one")),
		doc("references/unknown-group", peer, refusedAs("InvalidGroup.NotFound", allow("tcp 22:22 "+noSuchGroup)), holds()),
		inferred("references/malformed-id", peer, refused(allow("tcp 22:22 sg-nonsense")), holds()),
		doc("references/group-of-a-vpc-that-is-not-peered", peer, refused(allow("tcp 22:22 @far")), holds()),
		doc("references/hold-the-group", hold, allow("tcp 22:22 @other"), refusedAs("DependencyViolation", drop("@other")), holds("tcp 22:22 @other")),
		inferred("references/to-itself-do-not-hold", hold, allow("tcp 22:22 @self"), drop("@self"), gone("@self")),
		doc("references/let-go-with-the-rule", hold, allow("tcp 22:22 @other"), takeIDs("tcp 22:22 @other"), drop("@other"), gone("@other")),
		doc("references/let-go-with-the-group", hold, allowIn("@other", "tcp 22:22 @self"), drop("@other"), drop("@self"), gone("@self")),
		inferred("references/both-ways", hold, allow("tcp 22:22 @other"), allowIn("@other", "tcp 22:22 @self"), refusedAs("DependencyViolation", drop("@other")), refusedAs("DependencyViolation", drop("@self"))),
		doc("references/a-deleted-group-is-unknown", "internal/awserr: the code means that the group is gone", makes("@other"), drop("@other"), refusedAs("InvalidGroup.NotFound", drop("@other"))),
		model("references/within-a-vpc-are-not-stale", hold, allow("tcp 22:22 @other"), func(b *Bench) error {
			out, err := b.EC2.DescribeStaleSecurityGroups(b.ctx, &ec2.DescribeStaleSecurityGroupsInput{VpcId: &b.vpc})
			if err != nil {
				return err
			}
			return equal("stale groups", len(out.StaleSecurityGroupSet), 0)
		}),
		model("references/within-a-vpc-are-not-told", hold, allow("tcp 22:22 @other"), func(b *Bench) error {
			out, err := b.EC2.DescribeSecurityGroupReferences(b.ctx, &ec2.DescribeSecurityGroupReferencesInput{GroupId: []string{b.ids["@other"]}})
			if err != nil {
				return err
			}
			return equal("references from other VPCs", len(out.SecurityGroupReferenceSet), 0)
		}),
	}
}

// gone holds that a group does not exist any more.
func gone(group string) step {
	return groups(ec2.DescribeSecurityGroupsInput{Filters: []types.Filter{where("group-id", group)}}, nil)
}
