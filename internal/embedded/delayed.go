package embedded

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/sgwarden/sgwarden/events"
	"github.com/sgwarden/sgwarden/internal/incident"
)

// delayed is the queue of an account: messages that wait for their time.
type delayed struct {
	mu       sync.Mutex
	now      func() time.Time
	messages []message
}

type message struct {
	due  time.Time
	body []byte
}

// JudgeAgain puts a Judge Group message behind a delay.
func (d *delayed) JudgeAgain(_ context.Context, groupID, cause, incidentID string, delay time.Duration) error {
	body, err := json.Marshal(map[string]any{
		"source": events.OwnSource, "detail-type": events.JudgeGroup,
		"detail": map[string]string{"groupId": groupID, "cause": cause, "incidentId": incidentID},
	})
	if err != nil {
		return fmt.Errorf("queue group %s: %w", groupID, err)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.messages = append(d.messages, message{d.now().Add(delay), body})
	slices.SortStableFunc(d.messages, func(a, b message) int { return cmp.Compare(a.due.UnixNano(), b.due.UnixNano()) })
	return nil
}

// take gives the first message that is due by a time.
func (d *delayed) take(by time.Time) (message, bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(d.messages) == 0 || d.messages[0].due.After(by) {
		return message{}, false
	}
	m := d.messages[0]
	d.messages = d.messages[1:]
	return m, true
}

// discard is a topic without subscribers: what is published stands in the
// story of each decision.
type discard struct{}

func (discard) Publish(context.Context, incident.Incident) error { return nil }
