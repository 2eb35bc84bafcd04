package alert

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/sgwarden/sgwarden/internal/incident"
)

// EventSource is the source of the events on the deployment's own bus.
const EventSource = "sgwarden"

// SweepDetailType is the detail type of the report of a pass.
const SweepDetailType = "Sweep Complete"

// maxEvent bounds the detail of an event in bytes: EventBridge takes less than
// 262,144 for an entry with its source, type and resources (user guide,
// "Calculating PutEvents event entry size", read 2026-11).
const maxEvent = 240 << 10

// DetailTypeOf is the detail type of an event: one per event type, "Incident
// Opened" and so on. Rules of others match it: it never changes.
func DetailTypeOf(e incident.EventType) string {
	if e == "" {
		return "Incident"
	}
	return "Incident " + strings.ToUpper(string(e[:1])) + string(e[1:])
}

// EventDetail is the incident document as the detail of an event. Where it
// would be too large, it lists fewer rules and says how many are left out: the
// ledger has them all, under the document's groupId and incidentId.
func EventDetail(i incident.Incident) ([]byte, error) {
	for limit := maxListed; ; {
		document, err := json.Marshal(trimmed(i, limit))
		if err != nil {
			return nil, fmt.Errorf("render incident %s: %w", i.ID, err)
		}
		if len(document) <= maxEvent || limit == 0 {
			return document, nil
		}
		limit = min(limit-1, limit*maxEvent/len(document)*9/10)
	}
}
