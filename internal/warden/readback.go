package warden

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/sgwarden/sgwarden/internal/incident"
	"github.com/sgwarden/sgwarden/internal/plan"
	"github.com/sgwarden/sgwarden/internal/policy"
	"github.com/sgwarden/sgwarden/internal/secgroup"
)

// lookAgain are the waits before reading back again what EC2 does not show
// yet: its answers are eventually consistent ("may not be immediately visible
// to all subsequent commands", EC2 developer guide).
var lookAgain = []time.Duration{250 * time.Millisecond, 750 * time.Millisecond, 2 * time.Second}

// look reads the rules back until they show everything that was answered with
// success, or the waits are over. What could not be read is not claimed.
func (j *judging) look(ctx context.Context) {
	if j.readBack == nil && j.glance(ctx) {
		return
	}
	j.readBack = nil
	for n := 0; ; n++ {
		rules, err := j.rules(ctx)
		if err == nil {
			err = j.lookAtGroup(ctx)
		}
		if err == nil {
			j.readBack, j.readAt = rules, j.w.now()
			if j.shown() {
				return
			}
		}
		if n == len(lookAgain) {
			return
		}
		deadline, ok := ctx.Deadline()
		if ok && deadline.Sub(j.w.now()) < lookAgain[n]+deadlineMargin {
			return
		}
		if j.w.cfg.Sleep(ctx, lookAgain[n]) != nil {
			return
		}
	}
}

// lookAtGroup reads the tags of the group itself, where it was to be tagged for
// something that is required of it.
func (j *judging) lookAtGroup(ctx context.Context) error {
	j.readGroup = nil
	for _, rp := range j.plan.Rules {
		if !secgroup.IsGroupEntry(rp.Before.ID) {
			continue
		}
		if j.readGroup == nil {
			g, err := j.w.cfg.Inventory.Group(ctx, j.groupID)
			if err != nil {
				return err
			}
			j.readGroup = []secgroup.Rule{{ID: rp.Before.ID, Tags: g.Tags}}
			continue
		}
		j.readGroup = append(j.readGroup, secgroup.Rule{ID: rp.Before.ID, Tags: j.readGroup[0].Tags})
	}
	return nil
}

// asRead is what was read back, of rules and of the group itself.
func (j *judging) asRead() []secgroup.Rule {
	if len(j.readGroup) == 0 {
		return j.readBack
	}
	return slices.Concat(j.readBack, j.readGroup)
}

// shown reports whether what was read back leaves nothing to wait for: no rule
// stands with its old value though EC2 said that it changed it, and what was put
// back is there.
func (j *judging) shown() bool {
	for _, rp := range j.plan.Rules {
		e := j.ends[rp.Before.ID]
		live, ok := ruleByID(j.asRead(), rp.Before.ID)
		if e != nil && e.tries.answered && ok && live.SameValue(rp.Before) && !reached(rp, j.asRead()) {
			return false
		}
		if e != nil && e.back != nil && e.back.called && !e.back.isIn(j.readBack) {
			return false
		}
	}
	return true
}

// reached reports whether the rules are as the plan of one rule wants them.
func reached(rp plan.RulePlan, rules []secgroup.Rule) bool {
	live, ok := ruleByID(rules, rp.Before.ID)
	inPlace := false
	for _, want := range rp.After {
		if want.ID == rp.Before.ID {
			inPlace = true
			if !ok || !live.SameValue(want) {
				return false
			}
			if rp.Goal == plan.Tagged && !plan.Names(live.Tags[plan.TagKey], rp.Tag) {
				return false
			}
			continue
		}
		if !hasValue(rules, want) {
			return false
		}
	}
	return inPlace || !ok
}

func hasValue(rules []secgroup.Rule, want secgroup.Rule) bool {
	for _, r := range rules {
		if r.SameValue(want) {
			return true
		}
	}
	return false
}

func hasAll(rules, wanted []secgroup.Rule) bool {
	for _, w := range wanted {
		if !hasValue(rules, w) {
			return false
		}
	}
	return true
}

// settle ends every planned rule by what was read back.
func (j *judging) settle(ctx context.Context) {
	for _, id := range sortedKeys(j.ends) { // in order: each may add a note
		if e := j.ends[id]; e.act && e.outcome == 0 {
			j.settleRule(e)
		}
	}
	if j.readBack != nil {
		j.story.After = j.readBack
	}
}

// Reasons of what was not, or not yet, read back as planned.
const (
	reasonStillThere  = "still-there"
	reasonNotComplete = "not-complete"
	reasonNotVerified = "not-verified"
)

// notAllStays is said where more went than was to go.
const notAllStays = "only a part of what was to stay is there"

// settleRule claims nothing that was not seen.
func (j *judging) settleRule(e *end) {
	isBackKnown := j.checkPutBack(e)
	rp := plan.RulePlan{Before: e.rule, After: e.after, Goal: j.goalOf(e), Tag: e.tag}
	live, isLive := ruleByID(j.asRead(), e.rule.ID)
	_, why := explain(e.tries.err)
	planned := incident.Planned{After: e.after, Restored: e.restored}
	switch {
	case j.readBack == nil:
		e.outcome, e.reason = incident.Unresolved, reasonNotVerified
		if e.tries.err != nil {
			e.outcome, e.reason = cannot(e.tries.err), why
		}
		e.after = []secgroup.Rule{e.rule}
	case !isLive && !isBackKnown:
		e.outcome, e.reason, e.after = incident.Unresolved, reasonNotVerified, nil
	case reached(rp, j.asRead()) && (e.tries.answered || e.tries.among):
		e.outcome = claimed(rp.Goal)
	case reached(rp, j.asRead()) && e.tries.uncertain:
		e.outcome, e.reason = claimed(rp.Goal), reasonInterrupted
	case !isLive && e.blind != nil && j.endBlind(e.blind, e):
		// A read that lags had shown it once more.
	case !isLive && (e.tries.answered || e.tries.uncertain) && !inPlace(e):
		// Our call took it away, and what was to stay of it, made before, is not
		// shown: that is told, whoever took it.
		e.outcome, e.fallback = incident.Reverted, notAllStays
		if !e.tries.answered {
			e.reason = reasonInterrupted
		}
		e.after = staying(e.after, j.asRead())
	case !isLive:
		// Somebody else removed it before us.
		e.outcome, e.reason, e.after, e.restored, e.fallback = incident.AlreadyCompliant, "", nil, false, ""
	case e.tries.err != nil:
		e.outcome, e.reason, e.after = cannot(e.tries.err), why, []secgroup.Rule{live}
	case e.overtaken && !e.tries.answered && !e.tries.uncertain:
		e.outcome, e.reason, e.after = incident.Unresolved, reasonOvertaken, []secgroup.Rule{live}
	case live.SameValue(e.rule):
		e.outcome, e.reason, e.after = incident.NotReverted, reasonStillThere, []secgroup.Rule{live}
	default:
		e.outcome, e.reason, e.after = j.overtakenEnd(live), "changed-meanwhile", []secgroup.Rule{live}
		if e.outcome == incident.AlreadyCompliant && e.tries.answered && rp.Goal != plan.Tagged {
			e.outcome, e.reason, e.restored = incident.Reverted, "", false
			e.fallback = notAllStays
		}
	}
	if !e.outcome.Changed() {
		e.restored = false
	}
	if e.outcome == incident.Reverted && len(e.after) == 0 && j.readBack != nil {
		e.after = staying(e.parts, j.readBack)
	}
	if e.outcome.StaysOpen() {
		e.draft.remember(e.rule.ID, planned)
	}
	if e.outcome.Changed() && e.reason == reasonInterrupted {
		e.draft.inc.Notes = appendOnce(e.draft.inc.Notes, fmt.Sprintf("%s was found changed after a call without an answer: it may not have been ours", e.rule.ID))
	}
}

// overtakenEnd is the outcome of a rule that somebody changed while we tried
// to: fine if nothing acts on its new value.
func (j *judging) overtakenEnd(live secgroup.Rule) incident.Outcome {
	in := j.input()
	in.Live.Rules = j.readable(j.readBack)
	for _, rv := range j.w.cfg.Set.Evaluate(in).Rules {
		if rv.Rule.ID == live.ID && !rv.Due {
			return incident.AlreadyCompliant
		}
	}
	return incident.Unresolved
}

// cannot is the outcome of a call that EC2 refused: for good, or for now.
func cannot(err error) incident.Outcome {
	outcome, _ := explain(err)
	return outcome
}

func (j *judging) goalOf(e *end) plan.Goal {
	switch {
	case e.verdict.Decision == policy.Tag:
		return plan.Tagged
	case e.restored:
		return plan.Restored
	case len(e.after) > 0:
		return plan.Narrowed
	}
	return plan.Removed
}

// claimed is the outcome of a goal that was read back.
func claimed(g plan.Goal) incident.Outcome {
	switch g {
	case plan.Narrowed:
		return incident.Narrowed
	case plan.Tagged:
		return incident.Tagged
	}
	return incident.Reverted
}
