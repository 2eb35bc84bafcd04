package policy

import (
	"fmt"
	"slices"

	"github.com/sgwarden/sgwarden/internal/secgroup"
)

// compose decides what becomes of each rule. Any acting policy that reverts:
// the rule is reverted. Else what the acting narrows leave of it stays. All
// others only report. The group as it would be is judged again; a rule of
// which an acting policy still refuses something is reverted after all.
func (j *judgement) compose(v *Verdict) {
	again := false
	for i, rulings := range j.rulings {
		r := &v.Rules[i]
		var acting []ruling
		for _, x := range rulings {
			if x.State == Acting {
				acting = append(acting, x)
			}
		}
		switch {
		case len(acting) > 0:
			j.remedy(r, acting[0].subject, acting)
		case slices.ContainsFunc(rulings, func(x ruling) bool { return x.State == Tagging }):
			r.Decision = Tag
		}
		again = again || len(r.Remaining) > 0
	}
	if !again {
		return
	}
	j.fit(v)
	for j.refuse(v) {
		// Each round reverts at least one more rule.
	}
}

// remedy decides for one rule with acting policies.
func (j *judgement) remedy(r *RuleVerdict, s *subject, acting []ruling) {
	if !slices.ContainsFunc(acting, func(x ruling) bool { return !x.Growth }) && !j.in.Facts.TakeGrowth {
		j.onList(r, s)
		return
	}
	reverts := slices.ContainsFunc(acting, func(x ruling) bool { return x.Policy.Remedy.Do == DoRevert })
	if reverts {
		r.Decision = Revert
		if s.isDefaultEgress() {
			// Nobody chose this rule: what the policies allow takes its place.
			if l := j.leave(s, acting); len(l.rules) == 1 {
				r.Decision, r.Remaining, r.Parts, r.Lost = Narrow, l.rules, 1, l.lost
			}
			return
		}
		r.Remaining, r.Fallback = j.restored(s)
		return
	}
	l := j.leave(s, acting)
	r.Decision, r.Remaining, r.Lost = Narrow, l.rules, l.lost
	r.Parts = acting[0].Policy.Remedy.Parts
	for _, a := range acting {
		r.Parts = min(r.Parts, a.Policy.Remedy.Parts)
	}
	switch {
	case l.unfit != "":
		r.revoke(l.unfit)
	case len(l.rules) == 0:
		r.revoke("nothing of it is allowed")
	}
}

// revoke turns a decision into a plain revoke, and says why.
func (r *RuleVerdict) revoke(why string) {
	r.Decision, r.Remaining, r.Parts, r.Lost, r.Fallback = Revert, nil, 0, "", why
}

// restored gives the old value of a rule that grew, and why there is none.
// Only growth is reverted, and never to more than was there.
func (j *judgement) restored(s *subject) (old []secgroup.Rule, fallback string) {
	value, ok := s.earlier()
	switch {
	case !ok && s.record != nil && s.record.modifies() && (s.known == nil || s.known.Rule.SameValue(s.rule)):
		return nil, "what it was before it was modified is not known"
	case !ok:
		return nil, ""
	case !isSameKind(value.Peer, s.rule.Peer):
		return nil, "its old value is of another kind, which a rule cannot become in place"
	case s.known.ListGrew() && !value.SameValue(s.rule):
		return nil, "its old prefix list holds something else by now"
	}
	before := j.flowsToRestore(value, s)
	if before.IsEmpty() {
		return nil, "the entries of its old prefix list are not known"
	}
	if before.Covers(s.region) {
		return nil, "" // it did not grow
	}
	value.ID = s.rule.ID
	return []secgroup.Rule{value}, ""
}

// flowsToRestore is the flows that an old value has when it goes back. A list is
// what it holds today, unless it is known to have held something else: then it
// would be more, or less, than was there.
func (j *judgement) flowsToRestore(value secgroup.Rule, s *subject) secgroup.Region {
	value = ownReference(value, j.in.Live.AccountID)
	if list, ok := value.Peer.(secgroup.PrefixList); ok {
		today, known := j.listToday(list, s.rule)
		if !known {
			return secgroup.Region{}
		}
		last, same := s.known.Rule.Peer.(secgroup.PrefixList)
		if same && last.ID == list.ID && s.known.ListDigest != "" && today.Readable && s.known.ListDigest != ListDigest(today.Entries) {
			return secgroup.Region{}
		}
		value.Peer = today
	}
	return value.Region()
}

// listToday is a list of an old value as it was read: with the live rule that
// still has it, or for its own sake.
func (j *judgement) listToday(list secgroup.PrefixList, live secgroup.Rule) (secgroup.PrefixList, bool) {
	if now, ok := live.Peer.(secgroup.PrefixList); ok && now.ID == list.ID {
		return now, true
	}
	read, ok := j.in.Facts.Lists[list.ID]
	return read, ok && read.Readable
}

// earlier is the last value that was in order: compliant, exempt or baseline.
// One that had an incident is none of these, even where the policy that opened
// it only waits, or does not act on it now.
func (s *subject) earlier() (secgroup.Rule, bool) {
	switch {
	case s.known == nil:
		return secgroup.Rule{}, false
	case s.known.Before != nil:
		return *s.known.Before, true
	case s.grown && s.known.InOrder():
		return s.known.Rule, true
	}
	return secgroup.Rule{}, false
}

// isSameKind reports whether ModifySecurityGroupRules can put one peer in the
// place of another: "you cannot change the rule type" (API reference).
func isSameKind(a, b secgroup.Peer) bool {
	x, aIs := a.(secgroup.CIDR)
	y, bIs := b.(secgroup.CIDR)
	if aIs && bIs {
		return x.Addr().Is4() == y.Addr().Is4()
	}
	_, aIsList := a.(secgroup.PrefixList)
	_, bIsList := b.(secgroup.PrefixList)
	return aIs == bIs && aIsList == bIsList
}

// fit reverts what would become more new rules than the policies allow.
// Parts that exist already count for nothing.
func (j *judgement) fit(v *Verdict) {
	stays := map[string]bool{}
	for i := range v.Rules {
		if d := v.Rules[i].Decision; d == Keep || d == Tag {
			stays[ownReference(v.Rules[i].Rule, j.in.Live.AccountID).Value()] = true
		}
	}
	for i := range v.Rules {
		r := &v.Rules[i]
		if r.Decision != Narrow {
			continue
		}
		fresh := 0
		for _, part := range r.Remaining {
			if !stays[ownReference(part, j.in.Live.AccountID).Value()] {
				fresh++
			}
		}
		if fresh > r.Parts {
			r.revoke(fmt.Sprintf("what may stay is %d new rules, and %d may be made", fresh, r.Parts))
		}
	}
}

// refuse judges the group as it would be and reverts the rules of which an
// acting policy refuses what would remain. It reports whether there were any.
func (j *judgement) refuse(v *Verdict) bool {
	after := j.future(v)
	refused := false
	for i, p := range j.set.Policies {
		if j.fine.slots[i] < 0 {
			continue
		}
		for _, x := range j.rule(p, after) {
			r := &v.Rules[x.subject.place]
			switch {
			case x.State != Acting && x.State != Unknown:
			case len(r.Remaining) > 0:
				r.revoke("policy " + p.ID + " refuses what would remain")
				refused = true
			case x.State == Acting && !j.actedOn(x):
				// What is put back of another rule takes up what is tolerated
				// of this one.
				refused = v.revokeRestored(p.ID) || refused
			}
		}
	}
	return refused
}

// actedOn reports whether the policy acts on the rule as it is.
func (j *judgement) actedOn(x ruling) bool {
	return slices.ContainsFunc(j.rulings[x.subject.place], func(r ruling) bool { return r.Policy == x.Policy && r.State == Acting })
}

func (v *Verdict) revokeRestored(policy string) bool {
	found := false
	for i := range v.Rules {
		if r := &v.Rules[i]; len(r.Remaining) > 0 && r.Decision == Revert {
			r.revoke("policy " + policy + " refuses another rule beside what would remain")
			found = true
		}
	}
	return found
}

// future is the rules as they would be, in the order of the walk.
func (j *judgement) future(v *Verdict) []*subject {
	var after []*subject
	for _, s := range j.subjects {
		r := &v.Rules[s.place]
		switch {
		case len(r.Remaining) > 0 && r.Decision == Revert:
			after = append(after, j.restoredSubject(s, r.Remaining[0]))
		case len(r.Remaining) > 0:
			for _, part := range r.Remaining {
				twin := *s
				twin.rule = ownReference(part, j.in.Live.AccountID)
				twin.region = regionOfRule(twin.rule)
				after = append(after, &twin)
			}
		case r.Decision == Keep || r.Decision == Tag:
			after = append(after, s)
		}
	}
	slices.SortStableFunc(after, compareSubjects)
	return after
}

// restoredSubject is a rule that got its old value back: with its marks, by
// whoever made that value, if that is known, and named by the record of it, if
// that is at hand.
func (j *judgement) restoredSubject(s *subject, old secgroup.Rule) *subject {
	known := *s.known
	if !known.Rule.SameValue(old) {
		known.By, known.Rule = known.BeforeBy, old
		known.Order = 0
		known.ExemptFrom = known.BeforeExemptFrom
	}
	known.Before, known.IncidentID = nil, "" // the incident is about what goes
	if list, ok := old.Peer.(secgroup.PrefixList); ok {
		if today, known := j.listToday(list, s.rule); known {
			old.Peer = today
		}
	}
	twin := &subject{rule: ownReference(old, j.in.Live.AccountID), place: s.place, known: &known, by: known.By, since: known.Since, order: known.Order}
	twin.region = regionOfRule(twin.rule)
	twin.marked = twin.region
	j.name(twin)
	return twin
}
