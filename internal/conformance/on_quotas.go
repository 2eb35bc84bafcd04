package conformance

import "fmt"

// quotas take the default of 60 rules per group, direction and family.
func quotas() []Case {
	const (
		full  = "internal/plan: a rule that would be split into more than fits is narrowed to one part"
		code  = "internal/awserr: the code means that the quota is used up"
		whole = "internal/apply: a call that goes over the quota added nothing"
	)
	sixty, sixty6 := many(60, "8.8.8.0/29"), many(60, "2606:4700::/32")
	one, one6 := "udp 53:53 8.8.8.0/29", "udp 53:53 2606:4700::/32"
	over := func(call step) step { return refusedAs("RulesPerSecurityGroupLimitExceeded", call) }
	return []Case{
		doc("quotas/60-rules", full, allow(sixty...), holds(sixty...)),
		doc("quotas/61st-rule", code, allow(sixty...), over(allow(one)), holds(sixty...)),
		inferred("quotas/61-rules-in-a-call-add-none", whole, over(allow(append(many(60, "8.8.8.0/29"), one)...)), holds()),
		doc("quotas/ipv6-counts-apart", full, allow(sixty...), allow(sixty6...), holds(append(many(60, "8.8.8.0/29"), sixty6...)...)),
		doc("quotas/61st-ipv6-rule", code, allow(sixty6...), over(allow(one6))),
		doc("quotas/directions-count-apart", full, allow(sixty...), allowOut(one), holdsOut(opens, one)),
		doc("quotas/egress-has-60-with-the-first", code, allowOut(many(59, "8.8.8.0/29")...), over(allowOut(one))),
		doc("quotas/a-reference-counts-one", full, allow(append(many(59, "8.8.8.0/29"), "tcp 22:22 @other")...), over(allow(one))),
		inferred("quotas/a-reference-counts-in-both-families", full, allow(append(many(59, "8.8.8.0/29"), "tcp 22:22 @other")...), allow(many(59, "2606:4700::/32")...), over(allow(one6))),
		doc("quotas/a-list-counts-its-size", full, allow("tcp 22:22 @list59"), allow(one), over(allow("udp 54:54 8.8.8.0/29"))),
		doc("quotas/a-list-larger-than-the-quota", code, over(allow("tcp 22:22 @list61")), holds()),
		inferred("quotas/an-ipv4-list-leaves-ipv6-alone", full, allow("tcp 22:22 @list59"), allow(sixty6...), holds(append(many(60, "2606:4700::/32"), "tcp 22:22 @list59")...)),
		inferred("quotas/a-modify-counts-too", whole, allow(append(many(57, "8.8.8.0/29"), "tcp 22:22 @list")...),
			over(change("tcp 22:22 @list", "tcp 22:22 @list59"))),
		inferred("quotas/a-modify-at-the-quota", full, allow(sixty...), change("tcp 1:1 8.8.8.0/29", "tcp 1:1 8.8.8.0/30")),
		inferred("quotas/room-after-a-revoke", full, allow(sixty...), takeIDs("tcp 1:1 8.8.8.0/29"), allow(one)),
		inferred("quotas/a-full-group-can-be-emptied", "internal/plan: all rules of a group go in one call", allow(sixty...), takeIDs(sixty...), holds()),
		model("quotas/a-list-that-grows-beyond-the-quota", "internal/warden: a list cannot grow past what its groups have room for",
			allow(append(many(57, "8.8.8.0/29"), "tcp 22:22 @list")...), refusedOrFailed("@list", 4)),
	}
}

// refusedOrFailed holds that a list does not get that size: EC2 refuses, or
// accepts and says in the list's state that it failed.
func refusedOrFailed(list string, size int32) step {
	return func(b *Bench) error {
		err := b.resize(list, size)
		if err != nil {
			return refused(func(*Bench) error { return err })(b)
		}
		return b.site.eventually(b.ctx, func() error {
			l, err := b.readList(b.ids[list])
			if err == nil && l.State != "modify-failed" {
				err = fmt.Errorf("the list is %s, and not modify-failed", l.State)
			}
			return err
		})
	}
}
