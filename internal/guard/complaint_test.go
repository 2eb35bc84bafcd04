package guard

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sgwarden/sgwarden/internal/incident"
	"github.com/sgwarden/sgwarden/internal/ledger"
	"github.com/sgwarden/sgwarden/internal/warden"
)

type fakeTopic struct {
	sent []incident.Incident
	err  error
}

func (f *fakeTopic) Publish(_ context.Context, i incident.Incident) error {
	if f.err == nil {
		f.sent = append(f.sent, i)
	}
	return f.err
}

// downLedger answers nothing.
type downLedger struct{ warden.Ledger }

func (downLedger) Observe(context.Context, string) (incident.Memory, error) {
	return incident.Memory{}, incident.ErrUnavailable
}

var noon = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

func complain(l warden.Ledger, topic *fakeTopic, holder string) *complaint {
	return &complaint{
		ledger: l, publisher: topic, clock: func() time.Time { return noon }, holder: holder, lease: time.Minute,
		document: newComplaint(errors.New("bundle is of another digest"), "123456789012", "us-east-1", noon),
	}
}

func TestComplaintIsToldOnceByAllProcesses(t *testing.T) {
	memory, topic := ledger.NewInMemory(), &fakeTopic{}
	for _, holder := range []string{"a", "b", "c"} {
		c := complain(memory, topic, holder)
		for range 3 {
			require.NoError(t, c.tell(t.Context()))
		}
	}
	require.Len(t, topic.sent, 1)
	require.Equal(t, incident.CannotRemediate, topic.sent[0].Outcome)
	require.Contains(t, topic.sent[0].Reason, "another digest")
	require.Equal(t, incident.Opened, topic.sent[0].EventType)
}

func TestComplaintWithoutLedgerIsToldOncePerProcess(t *testing.T) {
	topic := &fakeTopic{}
	c := complain(downLedger{}, topic, "a")
	require.NoError(t, c.tell(t.Context()))
	require.NoError(t, c.tell(t.Context()))
	require.Len(t, topic.sent, 1)
}

func TestComplaintThatWasNotSentIsToldAgain(t *testing.T) {
	memory, topic := ledger.NewInMemory(), &fakeTopic{err: incident.ErrThrottled}
	c := complain(memory, topic, "a")
	require.ErrorIs(t, c.tell(t.Context()), incident.ErrThrottled)
	topic.err = nil
	require.NoError(t, complain(memory, topic, "b").tell(t.Context()), "by whoever comes next")
	require.NoError(t, c.tell(t.Context()))
	require.Len(t, topic.sent, 1)
}

func TestOtherFaultsAndAccountsAreOtherComplaints(t *testing.T) {
	a := newComplaint(errors.New("x"), "123456789012", "us-east-1", noon)
	require.NotEqual(t, a.ID, newComplaint(errors.New("y"), "123456789012", "us-east-1", noon).ID)
	require.NotEqual(t, a.ID, newComplaint(errors.New("x"), "999999999999", "us-east-1", noon).ID)
	require.Equal(t, a.ID, newComplaint(errors.New("x"), "123456789012", "us-east-1", noon.Add(time.Hour)).ID)
}
