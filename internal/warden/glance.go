package warden

import (
	"context"
	"slices"

	"github.com/sgwarden/sgwarden/internal/plan"
	"github.com/sgwarden/sgwarden/internal/secgroup"
)

const (
	// largeGroup is the number of rules from which it pays to read back the
	// touched ones alone: EC2 answers 400 bytes for each.
	largeGroup = 100
	// glanceMost is how many ids are asked for: a filter takes 200 values (EC2
	// user guide, filtering; API reference, Filter).
	glanceMost = 200
)

// glance reads back only what the plan touched, in a large group in which
// every call was answered with success and no rule was made. It claims that
// all is as planned, or nothing: then the whole group is read as ever.
//
// That a rule is gone is seen by its absence, which a read that found nothing
// at all would show as well. So a rule that was not touched is asked for with
// the others, and must be there with its value. Of the rest of the group, of
// which nothing is said or written after an own mutation, what was observed
// stays.
func (j *judging) glance(ctx context.Context) bool {
	touched := j.touched()
	i := slices.IndexFunc(j.live.Rules, func(r secgroup.Rule) bool { return !slices.Contains(touched, r.ID) })
	if len(j.live.Rules) < largeGroup || len(touched) >= glanceMost || i < 0 {
		return false
	}
	witness := j.live.Rules[i]
	if slices.ContainsFunc(j.plan.Rules, func(rp plan.RulePlan) bool { return !j.wentWell(rp) }) {
		return false
	}
	rules, err := j.rules(ctx, append(touched, witness.ID)...)
	if err != nil {
		return false
	}
	if seen, ok := ruleByID(rules, witness.ID); !ok || !seen.SameValue(witness) {
		return false
	}
	if slices.ContainsFunc(j.plan.Rules, func(rp plan.RulePlan) bool { return !reached(rp, rules) }) {
		return false
	}
	j.readAt, j.readGroup = j.w.now(), nil
	j.readBack = make([]secgroup.Rule, 0, len(j.live.Rules))
	for _, r := range j.live.Rules {
		if slices.Contains(touched, r.ID) {
			now, ok := ruleByID(rules, r.ID)
			if !ok {
				continue
			}
			r = now
		}
		j.readBack = append(j.readBack, r)
	}
	return true
}

// touched are the ids of the rules of the plan.
func (j *judging) touched() []string {
	ids := make([]string, 0, len(j.plan.Rules)+1)
	for _, rp := range j.plan.Rules {
		ids = append(ids, rp.Before.ID)
	}
	return ids
}

// wentWell reports whether EC2 answered all that was asked for a rule with
// success, and nothing new was made of it. What is required of the group itself is
// not among its rules.
func (j *judging) wentWell(rp plan.RulePlan) bool {
	e := j.ends[rp.Before.ID]
	if secgroup.IsGroupEntry(rp.Before.ID) || e == nil || !e.tries.answered || e.tries.uncertain || e.tries.err != nil {
		return false
	}
	made := func(r secgroup.Rule) bool { return r.ID != rp.Before.ID }
	return !slices.ContainsFunc(rp.After, made) && !slices.ContainsFunc(e.after, made)
}
