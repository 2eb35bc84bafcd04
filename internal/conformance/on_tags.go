package conformance

import (
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
)

func tags() []Case {
	const (
		marks = "internal/apply: tags are put on groups and rules"
		reads = "internal/awsrule: Tags reads them"
		whole = "internal/apply: a rule that is gone fails the whole call"
		gone  = "internal/awserr: the code means that it is gone"
	)
	team := types.Tag{Key: aws.String("team")}
	return []Case{
		doc("tags/of-a-group", marks, tag("@self", "team", "a"), groupTagged("team=a")),
		doc("tags/of-a-rule", marks, allow(ssh), tag(ssh, "team", "a"), tagged(ssh, "team=a")),
		doc("tags/replace", marks, tag("@self", "team", "a"), tag("@self", "team", "b"), groupTagged("team=b")),
		doc("tags/are-added", marks, tag("@self", "team", "a"), tag("@self", "cost", "b"), groupTagged("team=a", "cost=b")),
		doc("tags/keys-have-a-case", reads, tag("@self", "team", "a", "Team", "b"), groupTagged("team=a", "Team=b")),
		doc("tags/empty-value", reads, tag("@self", "team", ""), groupTagged("team=")),
		model("tags/removed-by-key", "internal/warden: a tag that goes changes no traffic", tag("@self", "team", "a"), untag("@self", team), groupTagged()),
		model("tags/removed-by-value", marks, tag("@self", "team", "a"), untag("@self", types.Tag{Key: aws.String("team"), Value: aws.String("a")}), groupTagged()),
		model("tags/kept-where-the-value-differs", marks, tag("@self", "team", "a"), untag("@self", types.Tag{Key: aws.String("team"), Value: aws.String("b")}), groupTagged("team=a")),
		model("tags/kept-where-the-value-is-empty", marks, tag("@self", "team", "a"), untag("@self", types.Tag{Key: aws.String("team"), Value: aws.String("")}), groupTagged("team=a")),
		model("tags/unknown-key-is-no-error", marks, untag("@self", team), groupTagged()),
		doc("tags/reserved-key", "internal/apply: tags of AWS are not sent", refused(tag("@self", "aws:team", "a")), groupTagged()),
		inferred("tags/reserved-key-in-any-case", "internal/apply: tags of AWS are not sent", refused(tag("@self", "AWS:team", "a")), groupTagged()),
		doc("tags/key-longer-than-128", marks, refused(tag("@self", strings.Repeat("k", 129), "a")), groupTagged()),
		doc("tags/value-longer-than-256", marks, refused(tag("@self", "team", strings.Repeat("v", 257))), groupTagged()),
		doc("tags/at-most-50", marks, refused(tag("@self", manyTags(50)...)), groupTagged()),
		doc("tags/50-with-the-first", marks, tag("@self", manyTags(49)...), shows(func(_ *Bench, g types.SecurityGroup) error { return equal("tags", len(g.Tags), 50) })),
		inferred("tags/unknown-group", gone, refusedAs("InvalidGroup.NotFound", tag(noSuchGroup, "team", "a"))),
		inferred("tags/unknown-rule", gone, refusedAs("InvalidSecurityGroupRuleId.NotFound", tag(noSuchRule, "team", "a"))),
		inferred("tags/one-unknown-resource-tags-none", whole, refused(tagTwo(noSuchRule)), groupTagged()),
		inferred("tags/two-resources", marks, allow(ssh), keep("it", ssh), tagTwo("it"), groupTagged("team=a"), tagged(ssh, "team=a")),
		inferred("tags/change-no-rule", "internal/warden: tags are not judged", allow(ssh), tag(ssh, "team", "a"), holds(ssh), holdsOut(opens)),
		model("tags/described-by-resource", reads, tag("@self", "team", "a"), describedTags("security-group", "team=a")),
	}
}

// manyTags are key and value in turn.
func manyTags(count int) []string {
	var pairs []string
	for i := range count {
		pairs = append(pairs, fmt.Sprintf("k%d", i), "v")
	}
	return pairs
}

// tagTwo tags @self and a rule in one call.
func tagTwo(rule string) step {
	return func(b *Bench) error {
		id, err := b.ruleID(rule)
		if err != nil {
			return err
		}
		_, err = b.EC2.CreateTags(b.ctx, &ec2.CreateTagsInput{Resources: []string{b.ids["@self"], id}, Tags: tagsOf([]string{"team", "a"})})
		return err
	}
}

// describedTags holds the tags of @self as DescribeTags shows them.
func describedTags(kind string, want ...string) step {
	return func(b *Bench) error {
		return b.site.eventually(b.ctx, func() error {
			out, err := b.EC2.DescribeTags(b.ctx, &ec2.DescribeTagsInput{Filters: []types.Filter{where("resource-id", b.ids["@self"])}})
			if err != nil {
				return err
			}
			var got []types.Tag
			for _, t := range out.Tags {
				if err := equal("type", string(t.ResourceType), kind); err != nil {
					return err
				}
				got = append(got, types.Tag{Key: t.Key, Value: t.Value})
			}
			return same("tags", pairsOf(got), want)
		})
	}
}
