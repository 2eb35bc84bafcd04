package conformance

import (
	"errors"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
)

const noSuchGroup = "sg-0fffffffffffffff0"

func authorize() []Case {
	const (
		identity = "internal/secgroup: Rule.Value, the identity of a rule, has neither description nor tags"
		onOne    = "internal/apply: a duplicate is no fault, and the other rules are added one by one"
		whole    = "internal/apply: a refused call added nothing"
		claim    = "internal/apply: what it says was added is what the answer holds"
		shape    = "internal/awsrule: Described reads it"
	)
	dup := func(call step) step { return refusedAs("InvalidPermission.Duplicate", call) }
	return []Case{
		doc("authorize/duplicate", onOne, allow(ssh), dup(allow(ssh)), holds(ssh)),
		moto("authorize/duplicate-with-another-description", identity, allow(ssh+" # one"), dup(allow(ssh+" # two")), holds(ssh+" # one")),
		moto("authorize/duplicate-by-protocol-number", identity, allow(ssh), dup(allow("6 22:22 8.8.8.0/29")), holds(ssh)),
		model("authorize/duplicate-by-host-bits", identity, allow("tcp 22:22 100.68.0.0/18"), dup(allow("tcp 22:22 100.68.0.18/18")), holds("tcp 22:22 100.68.0.0/18")),
		model("authorize/duplicate-by-ipv6-spelling", identity, allow("tcp 22:22 ::/0"), dup(allow("tcp 22:22 0:0::0/0")), holds("tcp 22:22 ::/0")),
		inferred("authorize/duplicate-by-ignored-ports", identity, allow("-1 - 8.8.8.0/29"), dup(allow("-1 22:22 8.8.8.0/29")), holds("-1 - 8.8.8.0/29")),
		inferred("authorize/duplicate-reference", identity, allow("tcp 22:22 @other"), dup(allow("tcp 22:22 @other # two")), holds("tcp 22:22 @other")),
		inferred("authorize/duplicate-list", identity, allow("tcp 22:22 @list"), dup(allow("tcp 22:22 @list # two")), holds("tcp 22:22 @list")),
		inferred("authorize/duplicate-within-a-call", identity, refused(allow(ssh, ssh)), holds()),
		inferred("authorize/duplicate-within-a-call-by-spelling", identity, refused(allow("tcp 22:22 8.8.8.0/29,8.8.8.1/29")), holds()),
		inferred("authorize/same-value-outward-is-another-rule", identity, allow(ssh), allowOut(ssh), holds(ssh), holdsOut(opens, ssh)),
		inferred("authorize/wider-ports-are-another-rule", identity, allow(ssh), allow("tcp 0:65535 8.8.8.0/29"), holds(ssh, "tcp 0:65535 8.8.8.0/29")),
		inferred("authorize/all-protocols-beside-one", identity, allow(ssh), allow("-1 - 8.8.8.0/29"), holds(ssh, "-1 - 8.8.8.0/29")),
		inferred("authorize/one-duplicate-refuses-all", whole, allow(ssh), refusedAs("InvalidPermission.Duplicate", allow("tcp 23:23 8.8.8.0/29", ssh)), holds(ssh)),
		inferred("authorize/one-wrong-block-refuses-all", whole, refused(allow(ssh, "tcp 23:23 8.8.8.8/33")), holds()),
		inferred("authorize/one-wrong-description-refuses-all", whole, refused(allow(ssh, "tcp 23:23 8.8.8.0/29 # <")), holds()),
		inferred("authorize/one-unknown-group-refuses-all", whole, refused(allow(ssh, "tcp 23:23 "+noSuchGroup)), holds()),
		model("authorize/answers-every-rule", claim, allow(ssh, "udp 53:53 2606:4700::/32"), answered(ssh, "udp 53:53 2606:4700::/32")),
		model("authorize/answers-every-peer", claim, allow("tcp 22:22 8.8.8.0/29,8.8.8.8/32"), answered(ssh, "tcp 22:22 8.8.8.8/32")),
		model("authorize/answers-the-description", claim, allow(ssh+" # one"), answered(ssh+" # one")),
		model("authorize/answers-the-list", claim, allow("tcp 22:22 @list # one"), answered("tcp 22:22 @list # one")),
		model("authorize/answers-the-reference", claim, allow("tcp 22:22 @other # one"), answered("tcp 22:22 @other # one")),
		model("authorize/answers-masked-blocks", claim, allow("tcp 22:22 8.8.8.1/29"), answered(ssh)),
		model("authorize/answers-egress", claim, allowOut("tcp 22:22 8.8.8.0/29"), answered(ssh)),
		model("authorize/rule-has-the-groups-id", shape, allow(ssh), addedIs("group", func(b *Bench, r types.SecurityGroupRule) bool { return aws.ToString(r.GroupId) == b.ids["@self"] })),
		model("authorize/rule-has-an-owner", "internal/awsrule: OwnReference compares with the owner of the group", allow(ssh),
			addedIs("owner", func(_ *Bench, r types.SecurityGroupRule) bool { return len(aws.ToString(r.GroupOwnerId)) == 12 })),
		model("authorize/rule-has-an-arn", shape, allow(ssh),
			addedIs("ARN", func(_ *Bench, r types.SecurityGroupRule) bool {
				return strings.HasSuffix(aws.ToString(r.SecurityGroupRuleArn), ":security-group-rule/"+aws.ToString(r.SecurityGroupRuleId))
			})),
		model("authorize/rule-says-its-direction", shape, allowOut(ssh), addedIs("direction", func(_ *Bench, r types.SecurityGroupRule) bool { return aws.ToBool(r.IsEgress) })),
		inferred("authorize/rule-id-has-17-digits", "events: rule ids in records are told by their form", allow(ssh),
			addedIs("id", func(_ *Bench, r types.SecurityGroupRule) bool {
				id := aws.ToString(r.SecurityGroupRuleId)
				return strings.HasPrefix(id, "sgr-") && len(id) == len("sgr-")+17
			})),
		model("authorize/rule-is-made-with-tags", "internal/apply: rules that are put back get their tags in the same call", allowTagged(ssh, "team", "a"), tagged(ssh, "team=a")),
		inferred("authorize/reserved-tag", "internal/apply: tags of AWS are not sent", refused(allowTagged(ssh, "aws:team", "a")), holds()),
		inferred("authorize/no-permissions", whole, refused(allow()), holds()),
		inferred("authorize/no-peer", whole, refused(allow("tcp 22:22 nobody")), holds()),
		doc("authorize/unknown-group", "internal/awserr: the code means that the group is gone", refusedAs("InvalidGroup.NotFound", allowIn(noSuchGroup, ssh))),
		doc("authorize/malformed-group-id", "internal/awserr: the code will never pass", refusedAs("InvalidGroupId.Malformed", allowIn("sg-nonsense", ssh))),
		model("authorize/flat-form", "events: records of the flat form are read", flat(ec2.AuthorizeSecurityGroupIngressInput{CidrIp: aws.String("8.8.8.0/29")}), holds(ssh)),
		inferred("authorize/flat-form-and-permissions", "events: a record has one form", refused(flat(ec2.AuthorizeSecurityGroupIngressInput{
			CidrIp: aws.String("8.8.8.0/29"), IpPermissions: []types.IpPermission{{IpProtocol: aws.String("-1"), IpRanges: []types.IpRange{{CidrIp: aws.String("8.8.8.8/32")}}}},
		})), holds()),
		doc("authorize/flat-form-outward", "events: an egress record never has the flat form", refused(flatOut), holdsOut(opens)),
	}
}

// addedIs holds something of every rule that the last Authorize answered.
func addedIs(what string, ok func(*Bench, types.SecurityGroupRule) bool) step {
	return func(b *Bench) error {
		if len(b.added) == 0 {
			return errors.New("the answer has no rule")
		}
		for _, r := range b.added {
			if !ok(b, r) {
				return fmt.Errorf("the %s of a rule in the answer is missing or wrong", what)
			}
		}
		return nil
	}
}

// flat authorizes tcp 22 for @self without permissions, with what else in has.
func flat(in ec2.AuthorizeSecurityGroupIngressInput) step {
	return func(b *Bench) error {
		in := in
		in.GroupId, in.IpProtocol = aws.String(b.ids["@self"]), aws.String("tcp")
		in.FromPort, in.ToPort = aws.Int32(22), aws.Int32(22)
		return b.authorize(&in)
	}
}

func flatOut(b *Bench) error {
	_, err := b.EC2.AuthorizeSecurityGroupEgress(b.ctx, &ec2.AuthorizeSecurityGroupEgressInput{
		GroupId: aws.String(b.ids["@self"]), CidrIp: aws.String("8.8.8.0/29"), IpProtocol: aws.String("tcp"), FromPort: aws.Int32(22), ToPort: aws.Int32(22),
	})
	return err
}

// allowTagged authorizes ingress with tags for the new rules.
func allowTagged(text string, pairs ...string) step {
	return func(b *Bench) error {
		p, err := b.permission(text)
		if err != nil {
			return err
		}
		return b.authorize(&ec2.AuthorizeSecurityGroupIngressInput{
			GroupId: aws.String(b.ids["@self"]), IpPermissions: []types.IpPermission{p},
			TagSpecifications: []types.TagSpecification{{ResourceType: types.ResourceTypeSecurityGroupRule, Tags: tagsOf(pairs)}},
		})
	}
}
