package alert

import (
	"context"
	"fmt"
	"slices"
	"sync"

	"github.com/sgwarden/sgwarden/internal/incident"
)

// Collector keeps messages in the place of a topic: the embedded account's
// mailbox. It is safe for concurrent use; the zero value is empty.
type Collector struct {
	mu       sync.Mutex
	messages []Message
}

// Publish renders the message and keeps it.
func (c *Collector) Publish(ctx context.Context, i incident.Incident) error {
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("publish incident %s: %w: %w", i.ID, incident.ErrUnavailable, err)
	}
	m, err := Render(i)
	if err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.messages = append(c.messages, m)
	return nil
}

// Messages gives all messages, the oldest first.
func (c *Collector) Messages() []Message {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.messages)
}
