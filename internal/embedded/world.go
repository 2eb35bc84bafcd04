package embedded

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/sgwarden/sgwarden/internal/localec2"
	"github.com/sgwarden/sgwarden/internal/policy"
)

// Options say what a World guards with.
type Options struct {
	Set  *policy.Set
	Mode policy.Mode // 0 = policy.Enforce
	// Clock is the time everywhere; nil = each account's clock follows the
	// records that are replayed to it.
	Clock  func() time.Time
	Logger *slog.Logger // nil = no log
	// Watch gets the record of every call that a client makes to the world's
	// endpoint; nil = nobody does.
	Watch func(record []byte)
}

// World is any number of embedded accounts behind one EC2 endpoint.
type World struct {
	opts  Options
	cloud *localec2.Cloud

	mu       sync.Mutex
	accounts map[place]*Account
	now      time.Time // of the replay at hand, where no Clock was given
}

type place struct{ account, region string }

// New makes a world without accounts: they come into being as records or
// clients name them.
func New(o Options) *World {
	if o.Mode == 0 {
		o.Mode = policy.Enforce
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	w := &World{opts: o, accounts: map[place]*Account{}}
	w.cloud = localec2.New(localec2.Options{Clock: w.clock, IDs: localec2.CountedIDs("embedded"), OnRecord: o.Watch})
	return w
}

// Cloud is the EC2 of the world, for its endpoint and for tests.
func (w *World) Cloud() *localec2.Cloud { return w.cloud }

func (w *World) clock() time.Time {
	if w.opts.Clock != nil {
		return w.opts.Clock()
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.now
}

// sleep lets time pass at once: nothing in a replayed world has to be waited for.
func (w *World) sleep(ctx context.Context, d time.Duration) error {
	if w.opts.Clock == nil {
		w.mu.Lock()
		w.now = w.now.Add(d)
		w.mu.Unlock()
		return ctx.Err()
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}
