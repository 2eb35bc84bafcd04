package guard

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/sgwarden/sgwarden/internal/incident"
	"github.com/sgwarden/sgwarden/internal/policy"
	"github.com/sgwarden/sgwarden/internal/warden"
)

// complaint tells people, once per fault however many functions meet it, that
// guard has no policies to judge by. It is remembered where incidents are,
// under a key that is no group's.
type complaint struct {
	ledger    warden.Ledger
	publisher warden.Publisher
	clock     func() time.Time
	holder    string // names this process in leases
	lease     time.Duration
	document  incident.Incident
	sinks     []warden.Sink
	missed    func(sink string)
	logger    *slog.Logger

	mu   sync.Mutex
	told bool
}

// complaintKey precedes the id where a group's would stand.
const complaintKey = "policies-"

// newComplaint makes the document of a fault. Faults of the same text in the
// same account and region are one.
func newComplaint(fault error, accountID, region string, now time.Time) incident.Incident {
	sum := sha256.Sum256([]byte(accountID + " " + region + "\n" + fault.Error()))
	return incident.Incident{
		ID: "inc-" + hex.EncodeToString(sum[:16]), EventType: incident.Opened, Severity: policy.Critical,
		Outcome: incident.CannotRemediate, Reason: "no-policies: " + fault.Error(),
		AccountID: accountID, Region: region, Cause: "event", OpenedAt: now, LearntAt: now,
		Notes: []string{
			"guard has no policies that it may judge by, and judges nothing: every message waits in the queue.",
			"Deploy again with the policies that were built together with the function.",
		},
	}
}

// tell sends the alert unless it was sent. Without the ledger it is sent once
// per process. An error means that it may not have been sent: tell again.
func (c *complaint) tell(ctx context.Context) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.told {
		return nil
	}
	err := c.tellOnce(ctx)
	c.told = err == nil
	return err
}

func (c *complaint) tellOnce(ctx context.Context) error {
	key := complaintKey + c.document.ID
	memory, err := c.ledger.Observe(ctx, key)
	if err != nil {
		return c.publish(ctx)
	}
	if slices.ContainsFunc(memory.Open, func(i incident.Incident) bool {
		return i.ID == c.document.ID && slices.Contains(i.Published, string(incident.Opened))
	}) {
		return nil
	}
	now := c.clock()
	if memory.Lease.Holder != "" && memory.Lease.Until.After(now) {
		return fmt.Errorf("tell that there are no policies: %w", incident.ErrLeased)
	}
	stored, known := c.document, memory.Known
	stored.Status, known.Exists = "open", true
	version, err := c.ledger.Open(ctx, incident.Opening{
		GroupID: key, Version: known.Version, Known: known, Incidents: []incident.Incident{stored},
		Lease: incident.Lease{Holder: c.holder, Until: now.Add(c.lease)}, Now: now,
	})
	switch {
	case errors.Is(err, incident.ErrConflict), errors.Is(err, incident.ErrLeased):
		return fmt.Errorf("tell that there are no policies: %w", err)
	case err != nil:
		return c.publish(ctx)
	}
	sent := c.publish(ctx)
	if sent == nil {
		stored.Published = []string{string(incident.Opened)}
	}
	return errors.Join(sent, c.ledger.Close(ctx, incident.Closing{
		GroupID: key, Version: version, Known: known, Incidents: []incident.Incident{stored}, Holder: c.holder, Now: c.clock(),
	}))
}

func (c *complaint) publish(ctx context.Context) error {
	if err := c.publisher.Publish(ctx, c.document); err != nil {
		return fmt.Errorf("tell that there are no policies: %w", err)
	}
	// Once per sink and fault: the messages come again all the while, and a sink
	// that could not take it is no reason to alert once more.
	told := c.document
	told.Published = []string{string(incident.Opened)}
	for _, s := range c.sinks {
		if err := s.Tell(ctx, told); err != nil {
			c.logger.ErrorContext(ctx, "tell a sink: given up", slog.String("sink", s.Name()), slog.String("error", err.Error()))
			c.missed(s.Name())
		}
	}
	return nil
}
