package conformance

import "github.com/aws/aws-sdk-go-v2/aws"

func modify() []Case {
	const (
		narrow = "internal/apply: a rule is narrowed in place"
		kind   = "internal/apply: it does not try to change the type of a rule"
		whole  = "internal/apply: a refused call changed nothing"
		restat = "internal/awsrule: Request restates the rule whole, with its description"
		dup    = "internal/plan: where the narrower rule exists, the wide one is revoked"
		gone   = "internal/awserr: the code means that the rule is gone"
	)
	narrower := "tcp 22:22 8.8.8.0/30"
	change1 := func(from func(string, string, ...step) Case, name, rests, give, want string) Case {
		return from("modify/"+name, rests, allow(give), keep("it", give), change("it", want), holds(want), stays("it", want))
	}
	no := func(from func(string, string, ...step) Case, name, rests, give, want string) Case {
		return from("modify/"+name, rests, allow(give), refused(change(give, want)), holds(give))
	}
	return []Case{
		change1(model, "ipv4-block", narrow, "tcp 22:22 0.0.0.0/0", ssh),
		change1(model, "ipv6-block", narrow, "tcp 22:22 ::/0", "tcp 22:22 2606:4700::/32"),
		change1(model, "list", narrow, "tcp 22:22 @list", "tcp 22:22 @list2"),
		change1(model, "reference", narrow, "tcp 22:22 @other", "tcp 22:22 @third"),
		change1(model, "ports", narrow, "tcp 0:65535 0.0.0.0/0", "tcp 443:443 0.0.0.0/0"),
		change1(model, "protocol", narrow, "-1 - 8.8.8.0/29", ssh),
		change1(model, "to-all-protocols", "internal/warden: a Modify may widen, and is judged", ssh, "-1 - 8.8.8.0/29"),
		change1(model, "description", restat, ssh+" # one", ssh+" # two"),
		change1(inferred, "description-left-out-is-not-kept", restat, ssh+" # one", ssh),
		change1(inferred, "to-what-it-is", narrow, ssh, ssh),
		change1(model, "icmp", narrow, "icmp -1:-1 8.8.8.0/29", "icmp 8:0 8.8.8.0/29"),
		inferred("modify/keeps-tags", "internal/ledger: a rule that was narrowed keeps its tags", allowTagged(ssh, "team", "a"), change(ssh, narrower), tagged(narrower, "team=a")),
		model("modify/masks-host-bits", narrow, allow(ssh), change(ssh, "tcp 22:22 8.8.8.1/30"), holds(narrower)),
		model("modify/egress", narrow, change("out "+opens, "tcp 443:443 8.8.8.0/29"), holdsOut("tcp 443:443 8.8.8.0/29"), holds()),
		model("modify/several-in-a-call", "internal/plan: calls are counted per rule that is narrowed", allow(ssh, "udp 53:53 0.0.0.0/0"),
			change(ssh, narrower, "udp 53:53 0.0.0.0/0", "udp 53:53 8.8.8.0/29"), holds(narrower, "udp 53:53 8.8.8.0/29")),
		inferred("modify/both-directions-in-a-call", "events: the record of a Modify names no direction", allow(ssh), change(ssh, narrower, "out "+opens, "-1 - 8.8.8.0/29"), holds(narrower), holdsOut("-1 - 8.8.8.0/29")),
		no(model, "ipv4-to-ipv6", kind, ssh, "tcp 22:22 2606:4700::/32"),
		no(model, "ipv6-to-ipv4", kind, "tcp 22:22 ::/0", ssh),
		no(model, "ipv4-to-list", kind, ssh, "tcp 22:22 @list"),
		no(model, "ipv4-to-reference", kind, ssh, "tcp 22:22 @other"),
		no(model, "reference-to-ipv4", kind, "tcp 22:22 @other", ssh),
		no(model, "list-to-ipv4", kind, "tcp 22:22 @list", ssh),
		no(model, "list-to-reference", kind, "tcp 22:22 @list", "tcp 22:22 @other"),
		no(model, "two-peers", restat, ssh, "tcp 22:22 8.8.8.0/30,2606:4700::/32"),
		no(model, "no-peer", restat, ssh, "tcp 22:22 nobody"),
		no(inferred, "no-protocol", restat, ssh, "_ 22:22 8.8.8.0/30"),
		no(inferred, "tcp-without-ports", restat, ssh, "tcp - 8.8.8.0/30"),
		no(inferred, "wrong-block", whole, ssh, "tcp 22:22 8.8.8.8/33"),
		no(inferred, "wrong-description", whole, ssh, "tcp 22:22 8.8.8.0/30 # <"),
		no(inferred, "unknown-list", whole, "tcp 22:22 @list", "tcp 22:22 pl-0fffffffffffffff0"),
		no(inferred, "unknown-reference", whole, "tcp 22:22 @other", "tcp 22:22 "+noSuchGroup),
		inferred("modify/into-a-duplicate", dup, allow(ssh, narrower), refusedAs("InvalidPermission.Duplicate", change(ssh, narrower)), holds(ssh, narrower)),
		inferred("modify/two-into-one-value", dup, allow(ssh, "tcp 22:22 0.0.0.0/0"), refused(change(ssh, narrower, "tcp 22:22 0.0.0.0/0", narrower)), holds(ssh, "tcp 22:22 0.0.0.0/0")),
		inferred("modify/unknown-rule", gone, refusedAs("InvalidSecurityGroupRuleId.NotFound", change(noSuchRule, ssh))),
		inferred("modify/rule-that-is-gone", gone, allow(ssh), keep("it", ssh), take(ssh), refusedAs("InvalidSecurityGroupRuleId.NotFound", change("it", narrower)), holds()),
		inferred("modify/rule-of-another-group", gone, allowIn("@other", ssh), keepIn("@other", "it"), refused(change("it", narrower)), holdsIn("@other", false, []string{ssh})),
		inferred("modify/malformed-id", whole, refused(change("sgr-nonsense", ssh))),
		inferred("modify/same-rule-twice-in-a-call", whole, allow(ssh), keep("it", ssh), refused(change("it", narrower, "it", "tcp 22:22 8.8.8.8/32")), holds(ssh)),
		inferred("modify/one-unknown-rule-changes-none", whole, allow(ssh), refused(change(ssh, narrower, noSuchRule, ssh)), holds(ssh)),
		inferred("modify/one-wrong-block-changes-none", whole, allow(ssh, "udp 53:53 8.8.8.0/29"),
			refused(change(ssh, narrower, "udp 53:53 8.8.8.0/29", "udp 53:53 8.8.8.8/33")), holds(ssh, "udp 53:53 8.8.8.0/29")),
		inferred("modify/keeps-other-rules", narrow, allow(ssh, "udp 53:53 8.8.8.0/29"), change(ssh, narrower), holds(narrower, "udp 53:53 8.8.8.0/29"), holdsOut(opens)),
	}
}

// keepIn remembers the only ingress rule of a group.
func keepIn(group, name string) step {
	return func(b *Bench) error {
		all, err := b.rules(group)
		if err != nil {
			return err
		}
		for _, r := range all {
			if !aws.ToBool(r.IsEgress) {
				b.kept[name] = aws.ToString(r.SecurityGroupRuleId)
			}
		}
		return nil
	}
}
