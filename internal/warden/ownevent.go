package warden

import (
	"slices"
	"time"

	"github.com/sgwarden/sgwarden/internal/incident"
	"github.com/sgwarden/sgwarden/internal/policy"
	"github.com/sgwarden/sgwarden/internal/secgroup"
)

// eventedMark is where Known.Removed remembers when a record last told that
// the group was made, or more of it than it could name: what is seen of the
// group first after that has an event of its own.
const eventedMark = "evented"

// hasOwnEvent reports whether somebody's call asks for what is about to be
// done: a fresh record names the rule, or made the group, or the rule's list was
// changed. What a policy does by itself (a sweep finds it, an exemption lapses,
// the bundle is another) has none.
func (j *judging) hasOwnEvent(e *end, p *policy.Policy) bool {
	known, isKnown := j.mem.Known.Rules[e.rule.ID]
	if by := e.verdict.By; by != nil {
		if e.verdict.Named && by.EventTime.IsZero() {
			return true
		}
		if j.now.Sub(by.EventTime) < fuseWindow+p.Remedy.After {
			return true
		}
		if isKnown && j.takesLong(known, by.EventTime) {
			return true
		}
	}
	if isKnown && j.isOpenedByList(known, e.rule, p) {
		return true
	}
	if isKnown && j.isOpenedByBlock(known, p) {
		return true
	}
	if isKnown && !j.grew(known, e.rule) {
		if j.isChanged() && j.now.Sub(known.Since) < fuseWindow {
			return true // first seen so, and not taken back at once
		}
		told := j.mem.Known.Removed[eventedMark].At
		return !told.IsZero() && !known.Since.Before(told) && j.now.Sub(told) < fuseWindow+p.Remedy.After
	}
	return j.isChanged() || !j.evented().IsZero() || j.now.Sub(j.mem.Known.Removed[eventedMark].At) < fuseWindow
}

// takesLong reports whether it takes longer than an hour to take back what was
// opened at a time: an incident of it began within the hour.
func (j *judging) takesLong(known policy.KnownRule, opened time.Time) bool {
	return slices.ContainsFunc(j.mem.Open, func(i incident.Incident) bool {
		return i.ID == known.IncidentID && i.LearntAt.Sub(opened) < fuseWindow
	})
}

// isOpenedByList reports whether a rule was in order under p until its prefix
// list got other entries: seen now, or within the hour. That is the act of whoever
// may write the list, in all its groups at once, and must not press the fuse. Where
// a mark had p let the rule be, p is what is doubted.
func (j *judging) isOpenedByList(known policy.KnownRule, live secgroup.Rule, p *policy.Policy) bool {
	if !known.Rule.SameValue(live) || slices.Contains(known.Baseline, p.ID) {
		return false
	}
	if j.grew(known, live) {
		return known.InOrder() || known.ListGrew()
	}
	return known.ListGrew() && (j.now.Sub(known.Since) < fuseWindow+p.Remedy.After || j.takesLong(known, known.Since))
}

// isOpenedByBlock reports whether the VPC of the group lost a block, and the rule
// was in order until then: that is the act of whoever may change the VPC, in all
// its groups at once, as with lists. The item does not remember the blocks, so a
// look that the call led to stands for it.
func (j *judging) isOpenedByBlock(known policy.KnownRule, p *policy.Policy) bool {
	return known.InOrder() && !slices.Contains(known.Baseline, p.ID) &&
		slices.ContainsFunc(j.records, func(r *record) bool { return r.change.Cause == causeBlocks })
}

// isChanged reports whether a fresh record at hand changes the group. A rule that
// nobody knew and that is seen beside such a call has its own record under way:
// records come one by one, and an attacker who is quick must not press the fuse.
func (j *judging) isChanged() bool {
	return slices.ContainsFunc(j.records, func(r *record) bool {
		return (r.change.Effect == secgroup.Names || r.change.Effect == secgroup.Creates) && j.now.Sub(notAfter(r.change.EventTime, j.now)) < fuseWindow
	})
}

// evented is when the latest fresh record at hand made the group, or more of it
// than it names; zero = there is none.
func (j *judging) evented() (latest time.Time) {
	for _, r := range j.records {
		tells := r.change.Effect == secgroup.Creates || r.change.Effect == secgroup.Names && !r.change.Complete
		if at := notAfter(r.change.EventTime, j.now); tells && !r.decided && j.now.Sub(at) < fuseWindow && at.After(latest) {
			latest = at
		}
	}
	return latest
}
