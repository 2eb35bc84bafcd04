package warden

import (
	"fmt"
	"strings"
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

// othersNamed is how many rules one note of othersNotes names.
const othersNamed = 5

// othersNotes say of the rules of an incident that its actor did not make who
// did, or that no record has told: an actor belongs to a rule only if a record
// names it. nil = the actor made all, or none is known.
func othersNotes(d *draft) (notes []string) {
	if !d.inc.Actor.Attributed {
		return nil
	}
	const unknown = ""
	ids := map[string][]string{} // by who made them
	for _, e := range d.ends {
		switch by := e.verdict.By; {
		case e.rule.ID == "":
		case by == nil && d.stored == nil:
			ids[unknown] = append(ids[unknown], e.rule.ID)
		case by != nil && (by.Actor.ARN != d.inc.Actor.ARN || by.Actor.Session != d.inc.Actor.Session):
			who := orOther(by.Actor.ARN, "an actor without an ARN")
			if by.Actor.Session != "" {
				who += " (session " + shorten(by.Actor.Session) + ")"
			}
			who = fmt.Sprintf("opened by %s with %s, event %s, not by the actor of this incident", who, by.EventName, by.EventID)
			ids[who] = append(ids[who], e.rule.ID)
		}
	}
	for _, who := range sortedKeys(ids) {
		of := ids[who]
		more := ""
		if len(of) > othersNamed {
			of, more = of[:othersNamed], fmt.Sprintf(" and %d more", len(of)-othersNamed)
		}
		notes = append(notes, strings.Join(of, ", ")+more+": "+orOther(who, "no record has told so far who opened it"))
	}
	return notes
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
