package policy

import (
	"slices"

	"github.com/sgwarden/sgwarden/internal/secgroup"
)

// A policy that judges calls and takes back what they opened charges the rules
// that the record names with their live value: all of a rule that Authorize
// made, what a Modify added to a value that is known. Of nothing else can be
// told what the call did.

// Reported of rules whose incident closed without a change, or with a tag.
const (
	reportedObserved = "observed"
	reportedTagged   = "tagged"
)

// charged is a rule under a policy that judges calls.
type charged struct {
	policy int
	opened secgroup.Region
}

// charge finds what the policies that take back have against the rules, by
// place in the verdict, and makes subjects of these rules.
func (j *judgement) charge(rules []RuleVerdict) map[int][]charged {
	if len(j.set.calls) == 0 {
		return nil
	}
	out := map[int][]charged{}
	for i := range rules {
		if v := &rules[i]; !v.Named && (v.Known == nil || v.Known.IncidentID == "") {
			continue
		}
		s := j.subjectAt(i, &rules[i])
		for _, n := range j.set.calls {
			p := j.set.Policies[n]
			if p.Remedy.Do == DoAlert || p.applies(&j.facts) == no {
				continue
			}
			if opened := j.opened(p, s); !opened.IsEmpty() {
				out[i] = append(out[i], charged{n, opened})
			}
		}
		if len(out[i]) > 0 && !slices.Contains(j.subjects, s) {
			j.subjects = append(j.subjects, s)
		}
	}
	return out
}

// subjectAt is the subject at a place of the verdict.
func (j *judgement) subjectAt(place int, v *RuleVerdict) *subject {
	for _, s := range j.subjects {
		if s.place == place {
			return s
		}
	}
	return j.newSubject(place, v.Rule, v.Known)
}

// opened is what p takes back of a rule; empty = nothing.
func (j *judgement) opened(p *Policy, s *subject) secgroup.Region {
	switch {
	case s.record != nil && p.objects(s.record.change):
		if !s.record.modifies() {
			return s.region
		}
		return j.added(s)
	case !j.holds(p, s):
		return secgroup.Region{}
	case s.known.Before != nil:
		return j.added(s)
	}
	return s.region
}

// added is what a rule has beyond its earlier value; empty where that is not
// known.
func (j *judgement) added(s *subject) secgroup.Region {
	if value, ok := s.earlier(); ok {
		return s.region.Subtract(j.regionOf(value, s.known, s.rule))
	}
	return secgroup.Region{}
}

// holds reports whether the rule's value was charged under p before, and p is
// not done with it: its incident is open, or was closed with all said that p
// has to say. A call is judged once; this is how its judging goes on.
func (j *judgement) holds(p *Policy, s *subject) bool {
	k := s.known
	if k == nil || s.grown || k.IncidentID == "" || !slices.Contains(k.Under, p.ID) {
		return false
	}
	return slices.Contains(j.in.Known.OpenIncidents, k.IncidentID) ||
		k.Reported == reportedObserved && p.Mode != Enforce || k.Reported == reportedTagged && p.Remedy.Do == DoTag
}

// judgeCharged adds the findings of policies that judge calls to the rules
// that they charge.
func (j *judgement) judgeCharged(v *Verdict, all map[int][]charged) {
	for place, list := range all {
		rule := &v.Rules[place]
		s := j.subjectAt(place, rule)
		rule.Findings = slices.Clone(rule.Findings)
		for _, c := range list {
			r := j.ruleCharged(j.set.Policies[c.policy], s, c.opened)
			j.rulings[place] = append(j.rulings[place], r)
			rule.Findings = append(rule.Findings, r.Finding)
			rule.Due = rule.Due || r.State.isDue()
		}
		order := func(f Finding) int { return slices.Index(j.set.Policies, f.Policy) }
		slices.SortStableFunc(rule.Findings, func(a, b Finding) int { return order(a) - order(b) })
	}
}

// ruleCharged is ruling for a rule that a call opened.
func (j *judgement) ruleCharged(p *Policy, s *subject, opened secgroup.Region) ruling {
	e := j.excuse(p, s)
	e.marked = secgroup.Region{} // a call has no baseline
	r := ruling{subject: s, kept: e.flows(), Finding: Finding{Policy: p, File: p.File, Line: p.onChange.Line, Excess: opened.Subtract(e.exempt)}}
	if r.Excess.IsEmpty() {
		r.Excess = opened
		excusedState(&r, &e)
	} else {
		j.dueState(&r, &e)
	}
	r.Remaining = s.region.Subtract(r.Excess)
	return r
}

// judgeCalls judges the calls at hand.
func (j *judgement) judgeCalls(rules []RuleVerdict, all map[int][]charged) []CallVerdict {
	if len(j.set.calls) == 0 {
		return nil
	}
	var out []CallVerdict
	for i := range j.in.Changes {
		c := &j.in.Changes[i]
		out = j.set.judgeCall(out, c, j.facts, j.in, func(p *Policy) string { return j.cannotTakeBack(p, c, rules, all) })
	}
	return out
}

// cannotTakeBack says why a policy cannot take back all that a call did, though
// it may have opened something; "" = its rules are charged, or gone.
func (j *judgement) cannotTakeBack(p *Policy, c *secgroup.Change, rules []RuleVerdict, all map[int][]charged) string {
	if !c.Complete {
		return "its record is not complete (" + c.Incomplete + ")"
	}
	left, unknown, charges := "", "", false
	for i := range rules {
		n := j.naming.of(ownReference(rules[i].Rule, j.in.Live.AccountID))
		if n == nil || n.change != c {
			continue
		}
		if slices.ContainsFunc(all[i], func(x charged) bool { return j.set.Policies[x.policy] == p }) {
			charges = true
			continue
		}
		s := j.subjectAt(i, &rules[i])
		if _, known := s.earlier(); s.acts && !known && unknown == "" {
			unknown = "what it added to " + rules[i].Rule.ID + " is not known"
		}
		left = "it opened nothing, as far as the earlier value of " + rules[i].Rule.ID + " is known"
	}
	if charges {
		return unknown
	}
	return left
}
