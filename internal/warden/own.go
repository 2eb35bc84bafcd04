package warden

import (
	"slices"
	"time"

	"github.com/sgwarden/sgwarden/internal/incident"
	"github.com/sgwarden/sgwarden/internal/policy"
	"github.com/sgwarden/sgwarden/internal/secgroup"
)

const (
	reasonOwn = "own"

	// strangeAfter is how long a call of the deployment's role may be missing
	// from the journal before somebody is told.
	strangeAfter = 5 * time.Minute
)

// isOwnRole reports whether a call was made by the deployment's own role. That
// alone makes it nothing special: a role can be stolen.
func (w *Warden) isOwnRole(c secgroup.Change) bool {
	return w.cfg.RoleARN != "" && c.Actor.ARN == w.cfg.RoleARN
}

// ownCalls decides the records of calls that sgwarden made itself. It is true
// where no other record is left.
func (j *judging) ownCalls() bool {
	for _, r := range j.records {
		if !r.decided && j.isOwn(r) {
			r.decide(incident.Ignored, reasonOwn, false)
			r.decision.Incident = j.document(r)
		}
	}
	return j.undecided() == 0
}

// isOwn reports whether the journal has the call, or an open incident planned
// exactly what it did.
func (j *judging) isOwn(r *record) bool {
	if !j.w.isOwnRole(r.change) {
		return false
	}
	for _, c := range j.mem.Recent {
		if c.RequestID != "" && c.RequestID == r.change.RequestID && c.Call == r.change.EventName {
			return true
		}
	}
	return len(r.change.Rules) > 0 && !slices.ContainsFunc(r.change.Rules, func(n secgroup.NamedRule) bool {
		return !j.isPlanned(r.change.Effect, n)
	})
}

// isPlanned reports whether an open incident planned to remove the rule, or to
// make it.
func (j *judging) isPlanned(effect secgroup.Effect, n secgroup.NamedRule) bool {
	for _, i := range j.mem.Open {
		for _, r := range i.Rules {
			r = asPlanned(i, r)
			if effect == secgroup.Narrows {
				before := ruleBefore(r)
				goes := !slices.ContainsFunc(r.After, func(a secgroup.Rule) bool { return a.ID == r.ID })
				if goes && (n.Rule.ID == r.ID || n.Rule.ID == "" && n.HasValue && n.Rule.SameValue(before)) {
					return true
				}
				continue
			}
			for _, want := range r.After {
				made := n.Rule
				if n.AnyDirection {
					made.Direction = want.Direction
				}
				if n.HasValue && made.SameValue(want) {
					return true
				}
			}
		}
	}
	return false
}

// strangers opens an incident for every call of the deployment's role that
// nobody here made, as far as is known: it is judged like any other, and told
// if the journal does not have it five minutes later.
func (j *judging) strangers() {
	for _, r := range j.records {
		if r.decided || !j.w.isOwnRole(r.change) {
			continue
		}
		id := incident.EventID(j.groupID, "role", r.change.EventID)
		if slices.ContainsFunc(j.drafts, func(d *draft) bool { return d.inc.ID == id }) {
			continue
		}
		inc := j.w.baseIncident(r)
		inc.ID, inc.GroupID, inc.Resource, inc.Severity = id, j.groupID, j.w.resource(j.groupID), policy.High
		inc.Outcome, inc.Reason, inc.Status, inc.Chain = incident.Pending, reasonStranger, statusOpen, j.mem.ChainHead
		inc.Notes = []string{requestNote + r.change.RequestID}
		d := &draft{inc: inc, stranger: true}
		d.ends = []*end{{outcome: incident.Pending, reason: reasonStranger, until: j.now.Add(strangeAfter), incident: id, draft: d}}
		j.drafts = append(j.drafts, d)
	}
}

const (
	reasonStranger = "unknown call of the deployment's role"
	requestNote    = "request id: "
)

// strangerEnd says what became of such an incident: the journal has the call
// by now, the time is not over, or it is told.
func (j *judging) strangerEnd(d *draft) *end {
	e := &end{incident: d.inc.ID, draft: d, reason: reasonStranger}
	known := slices.ContainsFunc(j.mem.Recent, func(c incident.Journal) bool {
		return slices.Contains(d.inc.Notes, requestNote+c.RequestID)
	})
	switch {
	case known:
		e.outcome, e.reason = incident.Ignored, reasonOwn
	case j.now.Sub(d.inc.LearntAt) >= strangeAfter:
		e.outcome = incident.Alerted
	default:
		e.outcome, e.until = incident.Pending, d.inc.LearntAt.Add(strangeAfter)
	}
	return e
}
