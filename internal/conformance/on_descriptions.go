package conformance

import (
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
)

// descriptions are those of rules.
func descriptions() []Case {
	const (
		shown  = "internal/alert: descriptions are shown, and never trusted"
		keeps  = "internal/warden: a new description changes no traffic"
		legal  = "internal/alert: markup in a description that EC2 takes is shown as text"
		record = "events: the record of a new description names rules by id or by value"
	)
	no := func(from func(string, string, ...step) Case, name, text string) Case {
		return from("descriptions/"+name, shown, refused(allow(ssh+" # "+text)), holds())
	}
	return []Case{
		model("descriptions/of-255", shown, allow(ssh+" # "+strings.Repeat("d", 255)), holds(ssh+" # "+strings.Repeat("d", 255))),
		model("descriptions/all-characters-that-are-allowed", shown, allow(ssh+" # Aa0 ._-:/()#,@[]+=&;{}!$*"), holds(ssh+" # Aa0 ._-:/()#,@[]+=&;{}!$*")),
		model("descriptions/a-link-in-markdown", legal, allow(ssh+" # [click](http://example.com)"), holds(ssh+" # [click](http://example.com)")),
		model("descriptions/a-formula", legal, allow(ssh+" # =1+1"), holds(ssh+" # =1+1")),
		no(model, "of-256", strings.Repeat("d", 256)),
		no(model, "angle-bracket", "<script>"),
		no(model, "quote", `a "word"`),
		no(model, "apostrophe", "it's"),
		no(model, "backtick", "`x`"),
		no(model, "line-break", "one\ntwo"),
		no(model, "not-ascii", "caf\u00e9"),
		model("descriptions/of-an-ipv6-rule", shown, allow("tcp 22:22 2606:4700::/32 # six"), holds("tcp 22:22 2606:4700::/32 # six")),
		model("descriptions/of-a-list", shown, allow("tcp 22:22 @list # a list"), holds("tcp 22:22 @list # a list")),
		model("descriptions/of-egress", shown, allowOut(ssh+" # out"), holdsOut(opens, ssh+" # out")),
		model("descriptions/replaced-by-id", record, allow(ssh+" # one"), keep("it", ssh+" # one"), describeAnew("it", "two"), holds(ssh+" # two"), stays("it", ssh+" # two")),
		model("descriptions/replaced-by-value", record, allow(ssh+" # one"), keep("it", ssh+" # one"), describeValueAnew(ssh+" # two"), holds(ssh+" # two"), stays("it", ssh+" # two")),
		model("descriptions/added", keeps, allow(ssh), describeValueAnew(ssh+" # one"), holds(ssh+" # one")),
		model("descriptions/left-out-is-removed", keeps, allow(ssh+" # one"), describeValueAnew(ssh), holds(ssh)),
		model("descriptions/left-out-is-removed-by-id", keeps, allow(ssh+" # one"), describeAnew(ssh+" # one", ""), holds(ssh)),
		inferred("descriptions/wrong-by-id", keeps, allow(ssh+" # one"), refused(describeAnew(ssh+" # one", "<")), holds(ssh+" # one")),
		inferred("descriptions/of-an-unknown-rule", record, refused(describeAnew(noSuchRule, "two"))),
		inferred("descriptions/of-an-unknown-value", record, allow(ssh), refused(describeValueAnew("udp 53:53 8.8.8.0/29 # two")), holds(ssh)),
		inferred("descriptions/of-the-other-direction", record, refused(describeAnew("out "+opens, "two")), holdsOut(opens)),
		model("descriptions/by-both-ways", record, allow(ssh), refused(describeBothWays(ssh)), holds(ssh)),
	}
}

func describeBothWays(text string) step {
	return func(b *Bench) error {
		id, err := b.ruleID(text)
		if err != nil {
			return err
		}
		permissions, err := b.permissions([]string{text + " # two"})
		if err != nil {
			return err
		}
		_, err = b.EC2.UpdateSecurityGroupRuleDescriptionsIngress(b.ctx, &ec2.UpdateSecurityGroupRuleDescriptionsIngressInput{
			GroupId: aws.String(b.ids["@self"]), IpPermissions: permissions,
			SecurityGroupRuleDescriptions: []types.SecurityGroupRuleDescription{{SecurityGroupRuleId: &id, Description: aws.String("two")}},
		})
		return err
	}
}
