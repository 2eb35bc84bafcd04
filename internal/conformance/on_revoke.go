package conformance

import (
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
)

const noSuchRule = "sgr-0fffffffffffffff0"

func revoke() []Case {
	const (
		byID    = "internal/apply: rules are revoked by id"
		whole   = "internal/apply: a rule that is gone keeps the others, so the call is made again without it"
		claim   = "internal/apply: what it says was removed is what the answer holds"
		byValue = "internal/apply: it does not revoke by value, whose outcome depends on the VPC"
		gone    = "internal/awserr: the code means that the rule is gone"
		back    = "events: the rules of a Revoke's record are read by value"
	)
	dns := "udp 53:53 8.8.8.0/29"
	noRule := func(call step) step { return refusedAs("InvalidSecurityGroupRuleId.NotFound", call) }
	noValue := func(call step) step { return refusedAs("InvalidPermission.NotFound", call) }
	return []Case{
		model("revoke/by-id", byID, allow(ssh, dns), takeIDs(ssh), holds(dns)),
		model("revoke/several-by-id", "internal/plan: all rules of a group go in one call", allow(ssh, dns), takeIDs(ssh, dns), holds()),
		model("revoke/by-id-outward", byID, takeOutIDs("out "+opens), holdsOut()),
		model("revoke/answers-what-it-removed", claim, allow(ssh, dns), takeIDs(ssh, dns), took(ssh, dns)),
		model("revoke/by-value-answers-what-it-removed", claim, allow(ssh, dns), take(ssh), took(ssh)),
		model("revoke/answers-the-description", claim, allow(ssh+" # one"), takeIDs(ssh+" # one"), took(ssh+" # one")),
		model("revoke/answers-a-list", claim, allow("tcp 22:22 @list"), takeIDs("tcp 22:22 @list"), took("tcp 22:22 @list")),
		model("revoke/answers-a-reference", claim, allow("tcp 22:22 @other"), takeIDs("tcp 22:22 @other"), took("tcp 22:22 @other")),
		inferred("revoke/unknown-id", gone, noRule(takeIDs(noSuchRule))),
		inferred("revoke/malformed-id", "internal/awserr: the code will never pass", refusedAs("InvalidSecurityGroupRuleId.Malformed", takeIDs("sgr-nonsense"))),
		inferred("revoke/by-id-twice", gone, allow(ssh), keep("it", ssh), takeIDs("it"), noRule(takeIDs("it"))),
		inferred("revoke/one-unknown-id-keeps-all", whole, allow(ssh), noRule(takeIDs(ssh, noSuchRule)), holds(ssh)),
		inferred("revoke/id-of-the-other-direction", "internal/plan: rules are revoked with the call of their direction", allow(ssh), noRule(takeOutIDs(ssh)), holds(ssh)),
		inferred("revoke/id-of-the-other-direction-inward", "internal/plan: rules are revoked with the call of their direction", noRule(takeIDs("out "+opens)), holdsOut(opens)),
		inferred("revoke/id-of-another-group", "internal/plan: a rule is revoked from its own group", allow(ssh), keep("it", ssh), noRule(takeFrom("@other", "it")), holds(ssh)),
		inferred("revoke/same-id-twice-in-a-call", byID, allow(ssh), keep("it", ssh), takeIDs("it", "it"), holds()),
		inferred("revoke/ids-and-permissions", byID, allow(ssh), refused(takeBothWays(ssh)), holds(ssh)),
		inferred("revoke/nothing-named", byID, refused(takeIDs()), refused(take())),
		inferred("revoke/ids-are-not-used-again", "internal/ledger: a rule is known by its id for good", allow(ssh), keep("first", ssh), take(ssh), allow(ssh), differs("first", ssh)),
		model("revoke/by-value", back, allow(ssh, dns), take(ssh), holds(dns)),
		model("revoke/by-value-outward", back, takeOut(opens), holdsOut()),
		model("revoke/by-value-without-the-description", back, allow(ssh+" # one"), take(ssh), holds()),
		inferred("revoke/by-value-with-another-description", back, allow(ssh+" # one"), take(ssh+" # two"), holds()),
		inferred("revoke/by-value-with-host-bits", back, allow(ssh), take("tcp 22:22 8.8.8.1/29"), holds()),
		inferred("revoke/by-value-with-the-protocols-number", back, allow(ssh), take("6 22:22 8.8.8.0/29"), holds()),
		inferred("revoke/by-value-with-ignored-ports", back, allow("-1 - 8.8.8.0/29"), take("-1 22:22 8.8.8.0/29"), holds()),
		model("revoke/by-value-of-a-list", back, allow("tcp 22:22 @list"), take("tcp 22:22 @list"), holds()),
		model("revoke/by-value-of-a-reference", back, allow("tcp 22:22 @other"), take("tcp 22:22 @other"), holds()),
		inferred("revoke/by-value-takes-one-peer-of-many", back, allow("tcp 22:22 8.8.8.0/29,8.8.8.8/32"), take(ssh), holds("tcp 22:22 8.8.8.8/32")),
		model("revoke/other-ports-do-not-match", byValue, allow("tcp 20:25 8.8.8.0/29"), noValue(take("tcp 22:22 8.8.8.0/29")), holds("tcp 20:25 8.8.8.0/29")),
		model("revoke/a-smaller-block-does-not-match", byValue, allow(ssh), noValue(take("tcp 22:22 8.8.8.0/30")), holds(ssh)),
		model("revoke/one-mismatch-keeps-all-peers", byValue, allow(ssh), noValue(take("tcp 22:22 8.8.8.0/29,8.8.8.8/32")), holds(ssh)),
		model("revoke/one-mismatch-keeps-all-permissions", byValue, allow(ssh), noValue(take(ssh, dns)), holds(ssh)),
		inferred("revoke/mismatch-outward", byValue, noValue(takeOut("tcp 22:22 8.8.8.0/29")), holdsOut(opens)),
		doc("revoke/unknown-group", "internal/awserr: the code means that the group is gone", refusedAs("InvalidGroup.NotFound", takeFrom(noSuchGroup, noSuchRule))),
		inferred("revoke/never-widens", "internal/plan: a rule that goes takes nothing else along", allow(ssh, dns, "-1 - @other"), takeIDs(ssh), holds(dns, "-1 - @other"), holdsOut(opens)),
	}
}

// takeFrom revokes by id from another group than @self.
func takeFrom(group, rule string) step {
	return func(b *Bench) error {
		id, err := b.id(group)
		if err != nil {
			return err
		}
		ids, err := b.ruleIDs([]string{rule})
		if err != nil {
			return err
		}
		return b.revoke(&ec2.RevokeSecurityGroupIngressInput{GroupId: &id, SecurityGroupRuleIds: ids})
	}
}

func takeBothWays(text string) step {
	return func(b *Bench) error {
		ids, err := b.ruleIDs([]string{text})
		if err != nil {
			return err
		}
		permissions, err := b.permissions([]string{text})
		if err != nil {
			return err
		}
		return b.revoke(&ec2.RevokeSecurityGroupIngressInput{GroupId: aws.String(b.ids["@self"]), SecurityGroupRuleIds: ids, IpPermissions: permissions})
	}
}
