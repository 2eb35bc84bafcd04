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

// maxListed is how many rules a group can have by AWS's quotas, about.
const maxListed = 1024

// maxMessage bounds Message.SNS in bytes. SNS takes 262,144 with attributes.
const maxMessage = 200 << 10

// Render makes the message of an incident. It is deterministic and makes no
// claim that the incident does not make. Where the document would be too large
// for SNS, it lists fewer rules and says how many are left out.
func Render(i incident.Incident) (Message, error) {
	m := Message{Subject: subject(i), Text: text(i), Attributes: attributes(i)}
	for limit := maxListed; ; {
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
		// A tenth less than what would fit if all entries were alike.
		limit = min(limit-1, limit*maxMessage/len(whole)*9/10)
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

// maxText bounds single texts of a message in runes. What AWS lets others
// choose is a kilobyte at most.
const maxText = 2000

// trimmed is the incident with at most limit rules, and lists of that length.
// From 0 on nothing of any length is left.
func trimmed(i incident.Incident, limit int) incident.Incident {
	if omitted := len(i.Rules) - limit; omitted > 0 {
		i.OmittedRules += omitted
	}
	i.Superseded = trimmedBetween(i.Superseded, limit)
	i.Standing, i.Policies = head(i.Standing, limit), head(i.Policies, limit)
	i.Would, i.Actions, i.Notes = texts(i.Would, limit), texts(i.Actions, limit), texts(i.Notes, limit)
	for _, text := range []*string{&i.Actor.UserAgent, &i.Actor.Session, &i.Reason, &i.Fallback} {
		*text = shorten(*text, maxText)
	}
	rules := make([]incident.Rule, 0, min(len(i.Rules), limit))
	for _, r := range head(i.Rules, limit) {
		r.OmittedExcess += max(len(r.Excess)-limit, 0)
		r.After, r.Excess, r.Policies = head(r.After, limit), head(r.Excess, limit), head(r.Policies, limit)
		rules = append(rules, r)
	}
	i.Rules = rules
	if i.List != nil {
		list := *i.List
		list.OmittedAdded += max(len(list.Added)-limit, 0)
		list.OmittedGroups += max(len(list.Groups)-limit, 0)
		list.Added, list.Removed, list.PutBack, list.Groups = head(list.Added, limit), head(list.Removed, limit), head(list.PutBack, limit), head(list.Groups, limit)
		i.List = &list
	}
	if limit == 0 {
		i.GroupTags = nil
	}
	return i
}

// trimmedBetween keeps the latest of what was overwritten, with at most limit
// rules each.
func trimmedBetween(all []incident.Superseded, limit int) (kept []incident.Superseded) {
	for _, s := range all[max(len(all)-limit, 0):] {
		s.OmittedRules += max(len(s.Rules)-limit, 0)
		s.Rules = head(s.Rules, limit)
		kept = append(kept, s)
	}
	return kept
}

func head[E any](list []E, limit int) []E { return list[:min(len(list), limit)] }

func texts(list []string, limit int) []string {
	short := make([]string, 0, min(len(list), limit))
	for _, text := range head(list, limit) {
		short = append(short, shorten(text, maxText))
	}
	return short
}
