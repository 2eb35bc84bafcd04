package localaws

import (
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/sgwarden/sgwarden/internal/localec2"
)

// errNoReceipt stands for a receipt handle that does not work.
var errNoReceipt = errors.New("the receipt handle is not, or no longer, one of a message that was received")

// Queue is a standard SQS queue. It delivers at least once and keeps no order
// across delays; messages that are visible come oldest first.
type Queue struct {
	clock      func() time.Time
	ids        localec2.IDSource
	visibility time.Duration

	mu       sync.Mutex
	messages []Queued
}

// Queued is one message of the queue.
type Queued struct {
	ID       string
	Body     string
	Sent     time.Time
	Visible  time.Time // when it can be received, again or at all
	Receives int       // so far
	Receipt  string    // of the last receive; "" = none yet
}

func newQueue(clock func() time.Time, ids localec2.IDSource, visibility time.Duration) *Queue {
	if visibility == 0 {
		visibility = 30 * time.Second
	}
	return &Queue{clock: clock, ids: ids, visibility: visibility}
}

// Send puts a message that can be received after delay, and gives its id.
func (q *Queue) Send(body string, delay time.Duration) string {
	q.mu.Lock()
	defer q.mu.Unlock()
	now := q.clock()
	m := Queued{ID: q.ids.UUID(), Body: body, Sent: now, Visible: now.Add(delay)}
	q.messages = append(q.messages, m)
	return m.ID
}

// Receive takes up to most messages that are visible now, and hides them for
// the visibility timeout.
func (q *Queue) Receive(most int) []Queued {
	q.mu.Lock()
	defer q.mu.Unlock()
	now := q.clock()
	var all []Queued
	for i := range q.messages {
		m := &q.messages[i]
		if len(all) == most || m.Visible.After(now) {
			continue
		}
		m.Receives++
		m.Receipt, m.Visible = q.ids.UUID(), now.Add(q.visibility)
		all = append(all, *m)
	}
	return all
}

// Next is when a message can be received next; false = the queue is empty.
func (q *Queue) Next() (time.Time, bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.messages) == 0 {
		return time.Time{}, false
	}
	return slices.MinFunc(q.messages, func(a, b Queued) int { return a.Visible.Compare(b.Visible) }).Visible, true
}

// Hurry makes every message visible, for whoever has no time to wait.
func (q *Queue) Hurry() {
	q.mu.Lock()
	defer q.mu.Unlock()
	for i := range q.messages {
		q.messages[i].Visible = q.clock()
	}
}

// Delete acknowledges a message. A receipt that was replaced by a later one
// does nothing.
func (q *Queue) Delete(receipt string) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.messages = slices.DeleteFunc(q.messages, func(m Queued) bool { return m.Receipt == receipt && receipt != "" })
}

// changeVisibility sets when a received message is visible again.
func (q *Queue) changeVisibility(receipt string, after time.Duration) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	for i := range q.messages {
		if m := &q.messages[i]; m.Receipt == receipt && receipt != "" {
			m.Visible = q.clock().Add(after)
			return nil
		}
	}
	return errNoReceipt
}

func (q *Queue) all() []Queued {
	q.mu.Lock()
	defer q.mu.Unlock()
	return slices.Clone(q.messages)
}
