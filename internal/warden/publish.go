package warden

import (
	"context"
	"slices"

	"github.com/sgwarden/sgwarden/internal/incident"
)

// publish sends the message that each incident of this judging owes, and tells
// the sinks of it. One that cannot be sent undoes nothing: its incident stays
// open, and the messages come again until it is sent.
func (j *judging) publish(ctx context.Context) {
	for _, d := range j.drafts {
		j.finish(d)
		for _, event := range j.messages(d) {
			d.inc.EventType = event
			if event == incident.Contested {
				for _, note := range j.otherOpeners(ctx, d) {
					d.inc.Notes = appendOnce(d.inc.Notes, note)
				}
			}
			d.inc = d.inc.AsNews()
			message := j.asTold(d)
			if err := j.w.say(ctx, &d.inc, message); err != nil {
				_, why := explain(err)
				d.unsent, j.retry = true, true
				d.inc.Notes = appendOnce(d.inc.Notes, "the message "+string(event)+" could not be sent: "+why)
				break
			}
			j.story.Published = append(j.story.Published, message)
		}
		if !j.w.pay(ctx, &d.inc, j.asTold(d), j.tries()) {
			j.retry = true
		}
		j.story.Incidents = append(j.story.Incidents, d.inc)
	}
}

// asTold is an incident as a message says it.
func (j *judging) asTold(d *draft) incident.Incident {
	if d.undone {
		return j.ofUndoing(d)
	}
	return d.inc
}

// finish brings an incident up to what became of its rules.
func (j *judging) finish(d *draft) {
	if d.final {
		return
	}
	for _, e := range d.ends {
		e.follow()
	}
	if !d.stranger && !d.call {
		j.fillRules(d)
	}
	i := &d.inc
	i.Outcome, i.Reason, i.Fallback = outcomeOf(d.ends), reasonOf(d.ends), fallbackOf(d.ends)
	if j.stale(d) {
		i.Outcome, i.Reason = incident.Gone, "stale-ledger"
	}
	if isFight(d) && i.Outcome.Changed() {
		i.Reason = orOther(i.Reason, "contested")
		for _, note := range j.fightNotes(d) {
			i.Notes = appendOnce(i.Notes, note)
		}
	}
	if i.Reason == reasonInterrupted {
		i.Notes = appendOnce(i.Notes, "an earlier judging was interrupted: what was planned is as planned, but our call may not have been the one that did it")
	}
	i.ClosedAt = nil
	if !i.Outcome.StaysOpen() {
		i.Planned = nil
		i.ClosedAt = at(j.w.now())
		if seen := d.closedBlind(); seen != nil {
			i.ClosedAt = seen
		} else if d.wasClosed() {
			i.ClosedAt = d.stored.ClosedAt
		} else if j.readBack != nil {
			i.ClosedAt = at(j.readAt)
		}
	}
	for _, e := range d.ends {
		switch e.outcome {
		case incident.CannotRemediate, incident.NotReverted, incident.Unresolved:
			j.retry = true
		}
	}
}

// wasClosed reports whether an earlier judging brought the incident to its end,
// and only a message is owed.
func (d *draft) wasClosed() bool {
	return d.stored != nil && d.stored.ClosedAt != nil && !slices.ContainsFunc(d.ends, func(e *end) bool { return !e.settled })
}

// messages are the event types that are owed about an incident now: one per
// type in its life, but for what is learnt later.
func (j *judging) messages(d *draft) []incident.EventType {
	var event incident.EventType
	late := j.lateMessage(d)
	if d.late || d.owing {
		return late
	}
	switch o := d.inc.Outcome; {
	case j.stale(d), o == incident.Ignored, o == incident.Compliant, d.stranger && o == incident.Pending:
		return nil
	case d.undone && len(d.ends) == 0:
		return nil // it stands no more: that has its own message
	case d.undone:
		event = incident.Undone
	case o == incident.Gone || o == incident.AlreadyCompliant || o == incident.Exempt && d.stored != nil && !d.exempt:
		if len(d.inc.Published) == 0 {
			return nil // nobody was told that it was open
		}
		event = incident.Resolved
	case o.Changed() && d.toldBlind():
		return late
	case o.Changed() && isFight(d):
		if j.escalated(d) {
			return late // coalesced: the fight was told
		}
		event = incident.Contested
	case o.Changed():
		event = incident.Acted
	default:
		event = incident.Opened
	}
	if !slices.Contains(d.inc.Published, string(event)) {
		return []incident.EventType{event}
	}
	if len(late) == 0 && owesReminder(d.inc, j.w.now()) {
		return []incident.EventType{incident.Reminder}
	}
	return late
}

// lateMessage is what an incident owes that was told of: once who it was, and
// once every change that a late record tells was overwritten. What is learnt
// together is told together.
func (j *judging) lateMessage(d *draft) []incident.EventType {
	overwritten := slices.ContainsFunc(d.inc.Superseded, func(s incident.Superseded) bool { return !s.Told })
	if overwritten || d.inc.ActorUntold && len(d.inc.Published) > 0 {
		return []incident.EventType{incident.Attributed}
	}
	return nil
}

// stale reports whether an incident is older than the stamp of a ledger that
// may be a restored one: it is closed without a message, unless a record names
// its rules.
func (j *judging) stale(d *draft) bool {
	return d.stored != nil && j.isStale(*d.stored) && !slices.ContainsFunc(d.ends, func(e *end) bool {
		return e.verdict.Due || e.lead != nil && e.lead.verdict.Due
	})
}

func (j *judging) isStale(i incident.Incident) bool {
	return j.facts.Stale && i.OpenedAt.Before(j.facts.Stamp)
}
