package warden

import (
	"slices"

	"github.com/sgwarden/sgwarden/internal/incident"
	"github.com/sgwarden/sgwarden/internal/policy"
	"github.com/sgwarden/sgwarden/internal/secgroup"
)

// asPlanned gives a rule of an incident with what was to become of it, where
// the last judging could only write what was left of it then.
func asPlanned(i incident.Incident, r incident.Rule) incident.Rule {
	if p, ok := i.Planned[r.ID]; ok && r.Outcome.StaysOpen() {
		r.After, r.Restored = p.After, p.Restored
	}
	return r
}

// ruleBefore is the rule that an incident's entry is about.
func ruleBefore(r incident.Rule) secgroup.Rule {
	if r.Before == nil {
		return secgroup.Rule{ID: r.ID, Direction: r.Direction}
	}
	before := *r.Before
	before.ID = r.ID
	return before
}

// leftOver says how a rule of a stored incident ended without this judging.
func (j *judging) leftOver(d *draft, r incident.Rule, e *end) (incident.Outcome, string) {
	act := j.takenBlindly(d, r)
	begun := isBegun(*d.stored, r)
	live, isLive := ruleByID(j.live.Rules, r.ID)
	if j.exists && secgroup.IsGroupEntry(r.ID) {
		live, isLive, begun = e.rule, true, false // the group itself, which is as required by now
	}
	switch {
	case r.Outcome.Changed():
		return r.Outcome, r.Reason // read back before; what failed came after
	case !isLive && act != nil && j.endBlind(act, e):
		return e.outcome, e.reason
	case !isLive && j.exists && awaitsPutBack(r):
		return j.endPutBack(d, r, e)
	case isLive && begun && len(r.After) > 0 && live.SameValue(r.After[0]):
		if e.after = staying(r.After, j.live.Rules); len(e.after) < len(r.After) {
			d.inc.Notes = appendOnce(d.inc.Notes, r.ID+": "+notAllStays)
		}
		if r.Restored {
			return incident.Reverted, reasonInterrupted
		}
		return incident.Narrowed, reasonInterrupted
	case isLive:
		e.after = []secgroup.Rule{live}
		if rv := j.verdictOf(r.ID); rv != nil && worst(*rv, policy.Exempt) != nil {
			return incident.Exempt, worst(*rv, policy.Exempt).Exemption
		}
		return incident.AlreadyCompliant, ""
	case begun && j.exists:
		return j.endTaken(r, e), reasonInterrupted
	}
	e.after = nil
	return incident.Gone, ""
}

// endTaken ends a rule that is gone after an earlier judging may have taken it, by
// what is there of all that was to stay of it.
func (j *judging) endTaken(r incident.Rule, e *end) incident.Outcome {
	e.after = staying(r.After, j.live.Rules)
	switch all := len(r.After) > 0 && len(e.after) == len(r.After); {
	case all && !r.Restored:
		return incident.Narrowed
	case !all && len(r.After) > 0:
		e.restored, e.fallback = false, notAllStays
	}
	return incident.Reverted
}

// staying are the rules, of those that were to be left, that are there.
func staying(wanted, live []secgroup.Rule) (there []secgroup.Rule) {
	for _, w := range wanted {
		if i := slices.IndexFunc(live, w.SameValue); i >= 0 {
			there = append(there, live[i])
		}
	}
	return there
}

// isBegun reports whether an earlier judging may have taken something from a rule
// and not have seen it. A rule that had its end by then had it without us, and a
// tag, which leaves the value as it is, takes nothing.
func isBegun(i incident.Incident, r incident.Rule) bool {
	if i.Outcome != 0 && i.Outcome != incident.NotReverted && i.Outcome != incident.Unresolved {
		return false
	}
	if r.Outcome != 0 && !r.Outcome.StaysOpen() || r.Reason == reasonOvertaken {
		return false
	}
	return len(r.After) == 0 || !r.After[0].SameValue(ruleBefore(r))
}

// reasonInterrupted marks what an earlier judging planned and could not see
// through: our call may not have been the one that did it.
const reasonInterrupted = "interrupted"
