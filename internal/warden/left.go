package warden

import (
	"cmp"
	"slices"

	"github.com/sgwarden/sgwarden/internal/incident"
	"github.com/sgwarden/sgwarden/internal/policy"
	"github.com/sgwarden/sgwarden/internal/secgroup"
)

// leftOf gives the rule of which an end leaves another, where a policy that refused
// some of it has no baseline act yet: the record that gives that policy the right to
// act may still come, and names what the rule was. What is left may be refused too, or
// be once an exemption ends. nil = no policy does.
func (j *judging) leftOf(e *end, left secgroup.Rule) *secgroup.Rule {
	if e.outcome != incident.Narrowed {
		return nil
	}
	findings := e.verdict.Findings
	if rv := j.verdictOf(left.ID); rv != nil && rv.Rule.SameValue(left) {
		findings = slices.Concat(findings, rv.Findings)
	}
	if !slices.ContainsFunc(findings, func(f policy.Finding) bool { return f.State != policy.Fine && !j.facts.Acts[f.Policy.ID].Done }) {
		return nil
	}
	if known := j.mem.Known.Rules[e.rule.ID]; known.LeftOf != nil && known.Rule.SameValue(e.rule) {
		return known.LeftOf // that one is what a record can name
	}
	whole := stripped(e.rule)
	whole.Description, whole.Tags = "", nil
	return &whole
}

// noteLeft writes of the rules that this judging, or one that it finished, made
// beside others, of which they are left.
func (j *judging) noteLeft() {
	for id, k := range j.known.Rules {
		if _, was := j.mem.Known.Rules[id]; was || k.By != nil {
			continue
		}
		if e := j.endThatMade(k.Rule); e != nil {
			k.LeftOf = j.leftOf(e, k.Rule)
			k.WaitsSince = waitsOf(j.mem.Known.Rules[e.rule.ID].WaitsSince, e.waitingFor(k.Rule))
			j.known.Rules[id] = k
		}
	}
}

// endThatMade gives the end of which a rule is left; nil = it is nobody's.
func (j *judging) endThatMade(r secgroup.Rule) *end {
	for _, d := range j.drafts {
		for _, e := range d.ends {
			if e.outcome.Changed() && hasValue(e.after, r) {
				return cmp.Or(e.lead, e) // an earlier end has no verdict of its own
			}
		}
	}
	return nil
}
