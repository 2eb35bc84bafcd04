package soak

import (
	"strings"

	"github.com/sgwarden/sgwarden/internal/incident"
	"github.com/sgwarden/sgwarden/internal/secgroup"
)

// Messages that are the first to tell of a change that was overwritten.
const (
	overwrittenLate   = "attributed, of a change that was overwritten"
	overwrittenInTime = "another one, of a change that was overwritten"
)

// newsOf names the changes that a message is the first to tell of: with incident
// and event type they identify an attributed one.
func newsOf(i incident.Incident) string {
	if i.EventType != incident.Attributed {
		return ""
	}
	var ids []string
	for _, s := range i.News() {
		ids = append(ids, " "+s.EventID)
	}
	return strings.Join(ids, "")
}

// checkOverwritten: what is said to have been set in between was, by whom it is
// said, before what the incident is about; and one message
// alone is the first to say so.
func (w *world) checkOverwritten(i incident.Incident) {
	if len(i.News()) > 0 {
		way := overwrittenInTime
		if i.EventType == incident.Attributed {
			way = overwrittenLate
		}
		w.tally.Messages[way]++
	}
	for _, s := range i.News() {
		key := i.ID + " " + s.EventID
		if w.history.news[key]++; w.history.news[key] > 1+w.history.faults {
			w.blame("books", "%d messages are the first to tell of %s, with %d faults", w.history.news[key], key, w.history.faults)
		}
	}
	for _, s := range i.Superseded {
		for _, r := range s.Rules {
			w.tally.check("a change that was overwritten is told truly, and once")
			w.checkBetween(i, s, r.Value)
		}
	}
}

// checkBetween holds one value against all that the rule ever was.
func (w *world) checkBetween(i incident.Incident, s incident.Superseded, value secgroup.Rule) {
	past := w.history.rules[value.ID]
	if past == nil {
		w.blame("truth", "%s tells of %s, which never was", i.ID, value.ID)
		return
	}
	if past.forged {
		return // the record said so
	}
	was := false
	for n, v := range past.values {
		if same(v, withoutAccount(value)) && isBy(s.Actor, past.actors[n]) {
			was = true
		}
		if was && w.isAbout(i, v) {
			return
		}
	}
	w.blame("truth", "%s tells that %s was %s by %s before it was overwritten: %v by %v", i.ID, value.ID, value, s.Actor.ARN, past.values, past.actors)
}

// isBy reports whether a record names the actor that is called so here.
func isBy(a secgroup.Actor, name string) bool {
	return strings.HasSuffix(a.ARN, name) || name == "service" && a.Type == "AWSService"
}

// isAbout reports whether an incident is about that value of a rule.
func (w *world) isAbout(i incident.Incident, v secgroup.Rule) bool {
	for _, r := range i.Rules {
		if r.ID == v.ID && r.Before != nil && same(withoutAccount(*r.Before), v) {
			return true
		}
	}
	return false
}
