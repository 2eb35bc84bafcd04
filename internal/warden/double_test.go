package warden

import (
	"context"
	"io"
	"slices"
	"sync"
	"time"

	"github.com/sgwarden/sgwarden/internal/incident"
	"github.com/sgwarden/sgwarden/internal/policy"
)

type lockedWriter struct {
	mu sync.Mutex
	w  io.Writer
}

func (l *lockedWriter) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.w.Write(p)
}

// ledgerDouble counts the calls to a ledger and can refuse them.
type ledgerDouble struct {
	Ledger
	mu    sync.Mutex
	calls []string
	// on is asked before each call; an error is the call's answer.
	on func(name string) error
	// after is called when a call was carried out.
	after func(name string)
}

func (l *ledgerDouble) begin(name string) error {
	l.mu.Lock()
	l.calls = append(l.calls, name)
	l.mu.Unlock()
	if l.on != nil {
		return l.on(name)
	}
	return nil
}

func (l *ledgerDouble) end(name string) {
	if l.after != nil {
		l.after(name)
	}
}

func (l *ledgerDouble) Note(ctx context.Context, n incident.Note) (policy.Known, error) {
	if err := l.begin("Note"); err != nil {
		return policy.Known{}, err
	}
	defer l.end("Note")
	return l.Ledger.Note(ctx, n)
}

func (l *ledgerDouble) Observe(ctx context.Context, id string) (incident.Memory, error) {
	if err := l.begin("Observe"); err != nil {
		return incident.Memory{}, err
	}
	defer l.end("Observe")
	return l.Ledger.Observe(ctx, id)
}

func (l *ledgerDouble) Open(ctx context.Context, o incident.Opening) (int64, error) {
	if err := l.begin("Open"); err != nil {
		return 0, err
	}
	defer l.end("Open")
	return l.Ledger.Open(ctx, o)
}

func (l *ledgerDouble) Close(ctx context.Context, c incident.Closing) error {
	if err := l.begin("Close"); err != nil {
		return err
	}
	defer l.end("Close")
	return l.Ledger.Close(ctx, c)
}

type publisherDouble struct {
	mu   sync.Mutex
	sent []incident.Incident
	on   func(incident.Incident) error
}

func (p *publisherDouble) Publish(_ context.Context, i incident.Incident) error {
	if p.on != nil {
		if err := p.on(i); err != nil {
			return err
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.sent = append(p.sent, i)
	return nil
}

func (p *publisherDouble) messages() []incident.Incident {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.sent)
}

type askedAgain struct {
	group, cause, incident string
	delay                  time.Duration
}

type queueDouble struct {
	mu    sync.Mutex
	asked []askedAgain
	err   error
	most  int // messages that it takes; 0 = all
}

func (q *queueDouble) JudgeAgain(_ context.Context, group, cause, incidentID string, delay time.Duration) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.err != nil {
		return q.err
	}
	if q.most > 0 && len(q.asked) >= q.most {
		return incident.ErrThrottled
	}
	q.asked = append(q.asked, askedAgain{group, cause, incidentID, delay})
	return nil
}
