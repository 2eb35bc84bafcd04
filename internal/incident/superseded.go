package incident

import (
	"fmt"
	"time"

	"github.com/sgwarden/sgwarden/internal/secgroup"
)

// Bounds of what an incident holds of changes that were overwritten: whoever
// changes a rule a thousand times must not fill the ledger, or a mailbox.
const (
	MostSuperseded      = 10 // records
	MostSupersededRules = 10 // of one record
)

// Superseded is a change that a record told of too late: somebody gave rules of
// the incident a value after their last known one, and the change that the
// incident is about came after that, and overwrote it.
type Superseded struct {
	EventID string
	APICall string
	At      time.Time // of the call
	Actor   secgroup.Actor
	Rules   []SupersededRule // MostSupersededRules at most
	// OmittedRules counts rules of the record that were left out; 0 = none.
	OmittedRules int
	// New is true in the first message that tells of it, and until the next one.
	New bool
	// Told is true once a message told of it: bookkeeping, of the stored form only.
	Told bool
}

// SupersededRule is a value that a rule had in between.
type SupersededRule struct {
	Value    secgroup.Rule // with the rule's id
	Policies []string      // ids of those that refuse it; nil = none does
}

// News gives the superseded changes that a message is the first to tell of.
func (i Incident) News() (news []Superseded) {
	for _, s := range i.Superseded {
		if s.New {
			news = append(news, s)
		}
	}
	return news
}

// AsNews is the incident as its next message tells it: New is what no message
// told so far.
func (i Incident) AsNews() Incident {
	var all []Superseded
	for _, s := range i.Superseded {
		s.New = !s.Told
		all = append(all, s)
	}
	i.Superseded = all
	return i
}

// AsTold is AsNews once that message was sent.
func (i Incident) AsTold() Incident {
	i = i.AsNews()
	for n := range i.Superseded {
		i.Superseded[n].Told = true
	}
	i.ActorUntold = false
	return i
}

type supersededDocument struct {
	EventID string                   `json:"eventId" jsonschema_description:"CloudTrail's eventID of the record that came late."`
	APICall string                   `json:"apiCall"`
	At      *time.Time               `json:"at" jsonschema:"nullable" jsonschema_description:"When the call was made."`
	Actor   actorDocument            `json:"actor"`
	Rules   []supersededRuleDocument `json:"rules"`
	Omitted int                      `json:"omittedRules" jsonschema:"minimum=0" jsonschema_description:"How many rules of the record were left out."`
	New     bool                     `json:"new" jsonschema_description:"Whether this message is the first that tells of it. Of an attributed message, the eventIds of what is new identify it beside incidentId and eventType."`
}

type supersededRuleDocument struct {
	Value    valueDocument `json:"value" jsonschema_description:"What the rule was in between."`
	Policies []string      `json:"policies" jsonschema_description:"Ids of the policies that refuse this value; empty where none does."`
}

func newSupersededDocuments(all []Superseded) []supersededDocument {
	var documents []supersededDocument
	for _, s := range all {
		d := supersededDocument{
			EventID: s.EventID, APICall: s.APICall, At: nullableTime(s.At), Actor: newActorDocument(Actor{s.Actor, true}),
			Rules: []supersededRuleDocument{}, Omitted: s.OmittedRules, New: s.New,
		}
		for _, r := range s.Rules {
			d.Rules = append(d.Rules, supersededRuleDocument{newValueDocument(r.Value), orEmpty(r.Policies)})
		}
		documents = append(documents, d)
	}
	return documents
}

func readSuperseded(documents []supersededDocument) (all []Superseded, err error) {
	for _, d := range documents {
		s := Superseded{
			EventID: d.EventID, APICall: d.APICall, At: timeValue(d.At), Actor: d.Actor.actor().Actor, OmittedRules: d.Omitted, New: d.New,
		}
		for _, r := range d.Rules {
			value, err := r.Value.rule()
			if err != nil {
				return nil, fmt.Errorf("decode incident: superseded by %s: %w", d.EventID, err)
			}
			s.Rules = append(s.Rules, SupersededRule{value, orNil(r.Policies)})
		}
		all = append(all, s)
	}
	return all, nil
}

// toldEvents are the ids of the superseded changes that messages told of, for
// the stored form.
func toldEvents(all []Superseded) (ids []string) {
	for _, s := range all {
		if s.Told {
			ids = append(ids, s.EventID)
		}
	}
	return ids
}
