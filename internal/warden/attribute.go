package warden

import (
	"time"

	"github.com/sgwarden/sgwarden/internal/incident"
	"github.com/sgwarden/sgwarden/internal/secgroup"
)

// attribute writes into an incident who made its rules, if a record names
// them. An incident that had no actor is completed by a later record.
func (j *judging) attribute(d *draft) {
	if d.inc.Actor.Attributed {
		return
	}
	by := firstBy(d.ends)
	if by == nil {
		return
	}
	d.inc.Actor = incident.Actor{Actor: by.Actor, Attributed: true}
	d.inc.APICall, d.inc.EventID = by.EventName, by.EventID
	d.inc.ActorUntold = d.stored != nil
}

// firstBy is the attribution of the first rule that has one.
func firstBy(ends []*end) *secgroup.Attribution {
	for _, e := range ends {
		if e.verdict.By != nil {
			return e.verdict.By
		}
	}
	return nil
}

// openedAt is when the hole was opened: when the call was made, if a record
// tells, else when the value was first seen.
func (j *judging) openedAt(d *draft) time.Time {
	opened := j.now
	for _, e := range d.ends {
		t := j.known.Rules[e.rule.ID].Since
		if by := e.verdict.By; by != nil && !by.EventTime.IsZero() {
			t = by.EventTime
		}
		if !t.IsZero() && t.Before(opened) {
			opened = t
		}
	}
	return opened
}
