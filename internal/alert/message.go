package alert

import (
	"encoding/json"
	"fmt"

	"github.com/sgwarden/sgwarden/internal/incident"
)

// Message is an incident as subscribers get it.
type Message struct {
	Subject    string               // ASCII, one line, less than 100 characters
	Text       string               // for a person: plain text of several lines
	JSON       []byte               // the incident document (docs/reference/incident.md)
	Attributes map[string]Attribute // by the names of AttributeNames
}

// maxMessage bounds Message.SNS in bytes. SNS takes 262,144 with attributes.
const maxMessage = 200 << 10

// Render makes the message of an incident. It is deterministic and makes no
// claim that the incident does not make. Where the document would be too large
// for SNS, it lists fewer rules and says how many are left out.
func Render(i incident.Incident) (Message, error) {
	m := Message{Subject: subject(i), Text: text(i), Attributes: attributes(i)}
	for limit := 1000; ; limit /= 2 {
		document, err := json.Marshal(trimmed(i, limit))
		if err != nil {
			return Message{}, fmt.Errorf("render incident %s: %w", i.ID, err)
		}
		m.JSON = document
		whole, err := m.SNS()
		if err != nil {
			return Message{}, fmt.Errorf("render incident %s: %w", i.ID, err)
		}
		if len(whole) <= maxMessage || limit == 0 {
			return m, nil
		}
	}
}

// SNS is the message in SNS's MessageStructure "json": the text for e-mail, a
// short line for telephones, the incident document for everything else.
func (m Message) SNS() ([]byte, error) {
	return json.Marshal(map[string]string{
		"default": string(m.JSON),
		"sqs":     string(m.JSON),
		"email":   m.Text,
		"sms":     m.Subject,
	})
}

// trimmed is the incident with at most limit rules, and lists of that length.
// From 0 on nothing of any length is left.
func trimmed(i incident.Incident, limit int) incident.Incident {
	if omitted := len(i.Rules) - limit; omitted > 0 {
		i.OmittedRules += omitted
	}
	i.Rules = head(i.Rules, limit)
	i.Standing = head(i.Standing, limit)
	i.Policies = head(i.Policies, limit)
	i.Would, i.Actions, i.Notes = head(i.Would, limit), head(i.Actions, limit), head(i.Notes, limit)
	if limit == 1000 {
		return i
	}
	rules := make([]incident.Rule, len(i.Rules))
	for n, r := range i.Rules {
		r.After, r.Excess, r.Policies = head(r.After, limit), head(r.Excess, limit), head(r.Policies, limit)
		rules[n] = r
	}
	i.Rules = rules
	if limit == 0 {
		i.GroupTags = nil
		i.Actor.UserAgent, i.Actor.Session = shorten(i.Actor.UserAgent, 1000), shorten(i.Actor.Session, 1000)
		i.Reason, i.Fallback = shorten(i.Reason, 1000), shorten(i.Fallback, 1000)
	}
	return i
}

func head[E any](list []E, limit int) []E { return list[:min(len(list), limit)] }
