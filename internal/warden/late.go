package warden

import (
	"context"
	"slices"
	"strings"

	"github.com/sgwarden/sgwarden/internal/incident"
)

// unattributedMark precedes a rule's id where Known.Removed remembers that its
// incident was closed without an actor.
const unattributedMark = "unattributed "

// completeClosed writes the actor into a closed incident that had none, where
// a late record names one of its rules. It is said in one message.
func (j *judging) completeClosed(ctx context.Context) {
	if j.w.cfg.Closed == nil {
		return
	}
	for _, r := range j.records {
		for _, n := range r.named() {
			if r.decided || n.Rule.ID == "" {
				continue
			}
			j.completeEarlier(n.Rule.ID, r)
			for _, key := range sortedKeys(j.known.Removed) {
				if key == unattributedMark+n.Rule.ID || strings.HasPrefix(key, unattributedMark+n.Rule.ID+inPlaceMark) {
					j.completeMarked(ctx, key, n.Rule.ID, r)
				}
			}
		}
	}
}

// completeMarked does it for the incident of one mark.
func (j *judging) completeMarked(ctx context.Context, key, ruleID string, r *record) {
	inc, found, err := j.ended(ctx, j.known.Removed[key].IncidentID)
	if err != nil {
		j.retry = true // the record comes again
		return
	}
	if found && made(inc, ruleID, r) {
		j.complete(inc, r)
	}
	if !found || inc.Actor.Attributed || made(inc, ruleID, r) {
		delete(j.known.Removed, key)
	}
}

// completeEarlier does it for open incidents about earlier values of a rule: the
// actor of the value that stands is not theirs.
func (j *judging) completeEarlier(ruleID string, r *record) {
	for _, d := range j.drafts {
		earlier := slices.ContainsFunc(d.ends, func(e *end) bool { return e.earlier && e.rule.ID == ruleID })
		if earlier && made(d.inc, ruleID, r) {
			d.inc.Actor = incident.Actor{Actor: r.change.Actor, Attributed: true}
			d.inc.APICall, d.inc.EventID, d.inc.ActorUntold = r.change.EventName, r.change.EventID, true
		}
	}
}

// ended is an incident that is over: closed, or open for a sink alone.
func (j *judging) ended(ctx context.Context, id string) (incident.Incident, bool, error) {
	for _, d := range j.drafts {
		if d.owing && d.inc.ID == id {
			return d.inc, true, nil
		}
	}
	return j.w.cfg.Closed(ctx, j.groupID, id)
}

// made reports whether the record is of the call that made the rule as the
// incident found it: not of a later one, by which an operator put it back.
func made(inc incident.Incident, ruleID string, r *record) bool {
	if r.change.EventTime.After(inc.LearntAt.Add(shortestDelay)) { // clocks differ
		return false
	}
	for _, rule := range inc.Rules {
		if rule.ID != ruleID {
			continue
		}
		for _, n := range r.named() {
			if isNamed(n, ruleBefore(rule)) {
				return !inc.Actor.Attributed
			}
		}
	}
	return false
}

func (j *judging) complete(inc incident.Incident, r *record) {
	d := j.reopened(inc)
	if d.late || d.owing { // else it is open, and has its actor by the rules
		d.inc.Actor = incident.Actor{Actor: r.change.Actor, Attributed: true}
		d.inc.APICall, d.inc.EventID, d.inc.ActorUntold = r.change.EventName, r.change.EventID, true
	}
}

// reopened is the draft of an incident that is over, for what is learnt of it
// later: the one at hand (a sink lacks a message of it), or a new one.
func (j *judging) reopened(inc incident.Incident) *draft {
	for _, d := range j.drafts {
		if d.inc.ID == inc.ID {
			return d
		}
	}
	d := &draft{inc: inc, final: true, late: true}
	for _, rule := range inc.Rules {
		d.ends = append(d.ends, &end{
			rule: ruleBefore(rule), outcome: rule.Outcome, reason: rule.Reason, after: rule.After,
			fallback: rule.Fallback, restored: rule.Restored, draft: d, incident: inc.ID,
		})
	}
	j.drafts = append(j.drafts, d)
	return d
}
