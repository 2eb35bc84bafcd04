package guard

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/sgwarden/sgwarden/internal/warden"
)

// batchAnswer names the messages that must be delivered again. An empty list
// acknowledges all of them; the list itself must be there.
type batchAnswer struct {
	BatchItemFailures []itemFailure `json:"batchItemFailures"`
}

type itemFailure struct {
	ItemIdentifier string `json:"itemIdentifier"`
}

// failed gives the messages of the batch that did not come to an end, each
// once, in the order of the batch.
func failed(messages []message, decisions []warden.Decision) []message {
	var all []message
	for _, m := range messages {
		again := slices.ContainsFunc(decisions, func(d warden.Decision) bool { return d.Retry && d.DeliveryID == m.MessageID })
		judged := slices.ContainsFunc(decisions, func(d warden.Decision) bool { return d.DeliveryID == m.MessageID })
		named := slices.ContainsFunc(all, func(f message) bool { return f.MessageID == m.MessageID })
		if (again || !judged) && !named {
			all = append(all, m)
		}
	}
	return all
}

func answerBatch(failures []message) ([]byte, error) {
	a := batchAnswer{BatchItemFailures: []itemFailure{}}
	for _, m := range failures {
		a.BatchItemFailures = append(a.BatchItemFailures, itemFailure{m.MessageID})
	}
	return json.Marshal(a)
}

// eventAnswer is the answer to one event as such.
type eventAnswer struct {
	Outcomes []outcome `json:"outcomes"`
}

type outcome struct {
	EventID    string        `json:"eventId"`
	GroupID    string        `json:"groupId"`
	Outcome    string        `json:"outcome"`
	Reason     string        `json:"reason"`
	IncidentID string        `json:"incidentId"`
	Rules      []ruleOutcome `json:"rules"`
}

type ruleOutcome struct {
	ID      string `json:"id"`
	Outcome string `json:"outcome"`
}

// answerEvent fails as a whole where anything must be judged again: whoever
// invoked guard with an event has no other way to hear of it.
func answerEvent(decisions []warden.Decision) ([]byte, error) {
	a := eventAnswer{Outcomes: []outcome{}}
	var again []error
	for _, d := range decisions {
		o := outcome{d.EventID, d.GroupID, d.Outcome.String(), d.Reason, d.IncidentID, []ruleOutcome{}}
		for _, r := range d.Rules {
			o.Rules = append(o.Rules, ruleOutcome{r.ID, r.Outcome.String()})
		}
		a.Outcomes = append(a.Outcomes, o)
		if d.Retry {
			again = append(again, fmt.Errorf("judge event %q, group %q: %s: %s", d.EventID, d.GroupID, d.Outcome, d.Reason))
		}
	}
	if len(decisions) == 0 {
		return nil, errors.New("judge the event: no decision was made")
	}
	if err := errors.Join(again...); err != nil {
		return nil, err
	}
	return json.Marshal(a)
}
