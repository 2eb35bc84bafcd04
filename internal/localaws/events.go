package localaws

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/sgwarden/sgwarden/internal/localec2/query"
)

// Limits of PutEvents (API reference and user guide, "Calculating PutEvents
// event entry size", read 2026-11).
const (
	maxEntries    = 10
	maxEntry      = 262_144
	maxDetailType = 128
)

// HubAccount is another account, whose bus takes events of this one.
const HubAccount = "999988887777"

// Event is one that a bus took.
type Event struct {
	ID, Bus, Source, DetailType string
	Resources                   []string
	Detail                      json.RawMessage
}

// BusARN is the ARN of the event bus.
func (a *AWS) BusARN() string {
	return fmt.Sprintf("arn:aws:events:%s:%s:event-bus/%s", a.home, a.account, a.name)
}

// HubBusARN is the ARN of the bus of HubAccount.
func (a *AWS) HubBusARN() string {
	return fmt.Sprintf("arn:aws:events:%s:%s:event-bus/%s", a.home, HubAccount, a.name+"-hub")
}

// Events are what the buses took, oldest first.
func (a *AWS) Events() []Event {
	a.mu.Lock()
	defer a.mu.Unlock()
	return slices.Clone(a.put)
}

// entry is one of PutEvents.
type entry struct {
	Source, DetailType, Detail, EventBusName string
	Resources                                []string
}

func (a *AWS) events(c Call) result {
	if c.Operation != "PutEvents" {
		return failure(c, *query.Refuse("UnknownOperationException", "%s is not supported here", c.Operation))
	}
	var in struct{ Entries []entry }
	d := json.NewDecoder(bytes.NewReader(c.Body))
	d.DisallowUnknownFields()
	if err := d.Decode(&in); err != nil {
		return failure(c, *query.Refuse("ValidationException", "%s", strings.TrimPrefix(err.Error(), "json: ")))
	}
	size := 0
	for _, e := range in.Entries {
		size += e.size()
	}
	switch {
	case len(in.Entries) == 0 || len(in.Entries) > maxEntries:
		return failure(c, *query.Refuse("ValidationException", "1 validation error detected: Value at 'entries' failed to satisfy constraint"))
	case size >= maxEntry:
		return failure(c, *query.Refuse("ValidationException", "Total size of the entries in the request is over the limit."))
	}
	type outcome struct{ EventId, ErrorCode, ErrorMessage string } //nolint:revive // EventBridge's own names
	var out struct {
		FailedEntryCount int
		Entries          []outcome
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, e := range in.Entries {
		if code, message := a.refuses(e); code != "" {
			out.FailedEntryCount++
			out.Entries = append(out.Entries, outcome{ErrorCode: code, ErrorMessage: message})
			continue
		}
		id := a.ids.UUID()
		a.put = append(a.put, Event{id, e.EventBusName, e.Source, e.DetailType, e.Resources, json.RawMessage(e.Detail)})
		out.Entries = append(out.Entries, outcome{EventId: id})
	}
	return result{status: 200, body: encode(out)}
}

// size is what EventBridge counts of an entry without a time.
func (e entry) size() int {
	size := len(e.Source) + len(e.DetailType) + len(e.Detail)
	for _, r := range e.Resources {
		size += len(r)
	}
	return size
}

// refuses says why an entry is not taken; "" = it is.
func (a *AWS) refuses(e entry) (code, message string) {
	var detail map[string]json.RawMessage
	switch {
	case e.EventBusName != a.BusARN() && e.EventBusName != a.HubBusARN():
		return "AccessDeniedException", "not authorized to perform events:PutEvents on " + e.EventBusName
	case e.Source == "" || e.DetailType == "" || e.Detail == "" || len(e.DetailType) > maxDetailType:
		return "InvalidArgument", "Source, DetailType and Detail are required"
	case strings.HasPrefix(e.Source, "aws."):
		return "NotAuthorizedForSourceException", "Not authorized for the source."
	case json.Unmarshal([]byte(e.Detail), &detail) != nil:
		return "MalformedDetail", "Detail is malformed."
	}
	return "", ""
}
