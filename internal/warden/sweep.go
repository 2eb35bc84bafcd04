package warden

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"slices"
	"sync"
	"time"

	"github.com/sgwarden/sgwarden/internal/incident"
	"github.com/sgwarden/sgwarden/internal/secgroup"
)

const (
	// causeSweep is the cause of the messages that a sweep sends.
	causeSweep = "sweep"

	// sweepDelay is before the guard looks: most of what a sweep finds first is
	// under way as an event, which names who did it.
	sweepDelay = 2 * time.Minute

	// openTooLong is the age from which an open incident is asked about: own
	// messages and deliveries that failed come again within that time.
	openTooLong = 15 * time.Minute

	// sweepMargin is kept free before the context's deadline: as long as one
	// page may take.
	sweepMargin = 20 * time.Second

	// sweepWorkers bounds calls that are made side by side.
	sweepWorkers = 8
)

// Why a pass did not go on, in Pass.Held.
const (
	heldStale     = "stale-ledger"   // until the ledger is resumed
	heldOvertaken = "ledger-changed" // another sweep was faster, or the table was restored
)

// Sweeper passes over all groups of a region. It only reads EC2: what it
// finds it puts into the queue, for the guard to look at. It is the one who
// sets the baseline acts and brings items up to date that no event did.
type Sweeper struct {
	w      *Warden
	survey Survey
	ledger SweepLedger
}

// NewSweeper makes a sweeper that judges as w does, with w's ledger, queue and
// publisher. It calls nothing.
func NewSweeper(w *Warden, s Survey, l SweepLedger) *Sweeper {
	return &Sweeper{w: w, survey: s, ledger: l}
}

// Cursor is where a pass goes on. The zero value begins a new one. It is JSON,
// so that it can be given to the next invocation, and is only for the account,
// region and table that it came from.
type Cursor struct {
	Start time.Time // of the pass; zero = none has begun
	Token string    // of the next page
	Stamp time.Time // that the ledger had when the pass began; zero = the first pass of the region
	Acts  []string  // baseline acts that are being set, by policy id + "@" + digest
	// Behind counts groups whose items could not be brought up to date: with
	// any, the pass is not complete.
	Behind int
	// Missed are the groups that were left, by id: for them acts are not set.
	Missed []string `json:",omitempty"`
	Counts SweepCounts
}

// Pass is what came of one call of Sweep.
type Pass struct {
	// Next is where to go on; nil = the pass is over.
	Next *Cursor
	// Complete is true where all pages of one pass were read, all items are up
	// to date, and that was written down with the acts.
	Complete bool
	// Held says why the pass was given up; "" = it was not. The next one
	// begins anew.
	Held   string
	Counts SweepCounts // of the whole pass so far
}

// pass is one call of Sweep.
type pass struct {
	s        *Sweeper
	w        *Warden
	at       Cursor
	controls incident.Controls
	setting  map[string]bool // ids of the policies whose act is being set

	lists  map[string]secgroup.PrefixList // as read in this call
	around batchFacts                     // likewise
	// ofLists are the open incidents of lists that tell of rules, by list and id,
	// as read in this call; askedLists are the looks at lists that it asked for.
	ofLists    map[string]map[string]incident.Incident
	askedLists map[string]bool
	networks   func(secgroup.Group) ([]secgroup.VPC, error)
	mu         sync.Mutex // guards at.Counts while calls are made side by side
}

// Sweep reads groups page by page, from where from says, until all are read or
// the context's deadline is near; then Pass.Next says where to go on. With an
// error nothing is lost: Pass.Next repeats the page that failed, in which what
// was done is not done again. Errors wrap those of package incident.
func (s *Sweeper) Sweep(ctx context.Context, from Cursor) (Pass, error) {
	p := &pass{s: s, w: s.w, at: from, lists: map[string]secgroup.PrefixList{}, ofLists: map[string]map[string]incident.Incident{}, askedLists: map[string]bool{}}
	// What the caller holds stays as it is.
	p.at.Counts, p.at.Missed = from.Counts.clone(), slices.Clone(from.Missed)
	over, err := p.run(ctx)
	out := Pass{Complete: over == passComplete, Counts: p.at.Counts}
	switch over {
	case passComplete, passOver:
	case heldStale, heldOvertaken:
		out.Held = over
	default:
		out.Next = &p.at
	}
	s.w.cfg.Logger.InfoContext(ctx, "sweep", "complete", out.Complete, "held", out.Held, "more", out.Next != nil, "counts", out.Counts)
	return out, err
}

// How a pass can be over, beside the reasons of Pass.Held.
const (
	passComplete = "complete"
	passOver     = "over" // all is read, but some groups are behind
)

// run gives how the pass is over; "" = it is not.
func (p *pass) run(ctx context.Context) (over string, err error) {
	if held, err := p.begin(ctx); held != "" || err != nil {
		return held, err
	}
	for {
		if !p.timeLeft(ctx) {
			return "", nil
		}
		next, done, err := p.page(ctx)
		if err != nil {
			return "", fmt.Errorf("sweep page %d: %w", p.at.Counts.Pages+1, err)
		}
		if !done {
			return "", nil
		}
		p.at.Token = next
		if next == "" {
			return p.finish(ctx)
		}
	}
}

// begin reads the controls, and begins the acts that the pass is to set. held
// says why nothing may be swept.
func (p *pass) begin(ctx context.Context) (held string, err error) {
	if held, err = p.readControls(ctx); held != "" || err != nil {
		return held, err
	}
	if !p.at.Start.IsZero() {
		p.goOn()
		return "", nil
	}
	p.at.Start, p.at.Stamp = p.w.now(), p.controls.Stamp
	if err := p.beginActs(ctx); err != nil {
		p.at = Cursor{Counts: p.at.Counts}
		return "", err
	}
	return "", nil
}

// readControls reads what holds for all groups, and says why that stops a pass.
func (p *pass) readControls(ctx context.Context) (held string, err error) {
	p.count(func(c *SweepCounts) { c.Calls.Ledger++ })
	if p.controls, err = p.s.ledger.Controls(ctx); err != nil {
		return "", unreadable(err)
	}
	if p.controls.Stale(p.w.now()) {
		p.w.pageStale(ctx, p.controls)
		return heldStale, nil
	}
	if !p.at.Start.IsZero() && !p.controls.Stamp.Equal(p.at.Stamp) {
		return heldOvertaken, nil
	}
	return "", nil
}

// finish writes down that all groups were read.
func (p *pass) finish(ctx context.Context) (over string, err error) {
	if p.at.Behind > 0 {
		return passOver, nil
	}
	if held, err := p.readControls(ctx); held != "" || err != nil {
		return held, err
	}
	p.count(func(c *SweepCounts) { c.Calls.Ledger++ })
	record := incident.SweepRecord{Acts: p.doneActs(), Stamp: p.w.now()}
	if record.Missed = p.missed(len(record.Acts) > 0); len(record.Missed) > incident.MostMissed {
		// Remembering them all would cost every change; a later pass sets the acts.
		p.w.cfg.Logger.ErrorContext(ctx, "sweep: no act is set, as too many groups were left", "groups", len(p.at.Missed))
		record.Acts = nil
		record.Missed = p.missed(false)
	}
	if err := p.s.ledger.RecordSweep(ctx, record); err != nil {
		return "", unwritable(err)
	}
	if len(record.Acts) > 0 {
		p.tellMarked(ctx)
	}
	return passComplete, nil
}

// timeLeft reports whether there is time for one more page, or a part of one.
func (p *pass) timeLeft(ctx context.Context) bool {
	deadline, ok := ctx.Deadline()
	return ctx.Err() == nil && (!ok || deadline.Sub(p.w.now()) > sweepMargin)
}

func (p *pass) count(add func(c *SweepCounts)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	add(&p.at.Counts)
}

// rethrown is a panic that went on where its caller can catch it.
type rethrown struct {
	value any
	stack []byte // of where it began
}

// aside does something for each of some things, a few at a time, and gives all
// errors. It begins nothing more after the first. A panic of one goes on in the
// caller, which can tell whose it is.
func aside[T any](things []T, do func(T) error) error {
	slots := make(chan struct{}, sweepWorkers)
	var wait sync.WaitGroup
	var mu sync.Mutex
	var faults []error
	var panicked *rethrown
	for _, t := range things {
		slots <- struct{}{}
		mu.Lock()
		stop := len(faults) > 0 || panicked != nil
		mu.Unlock()
		if stop {
			<-slots
			break
		}
		wait.Add(1)
		go func() {
			defer func() { <-slots; wait.Done() }()
			defer func() {
				if p := recover(); p != nil {
					mu.Lock()
					defer mu.Unlock()
					panicked = &rethrown{p, debug.Stack()}
				}
			}()
			if err := do(t); err != nil {
				mu.Lock()
				defer mu.Unlock()
				faults = append(faults, err)
			}
		}()
	}
	wait.Wait()
	if panicked != nil {
		panic(*panicked)
	}
	return errors.Join(faults...)
}

// asideIfMany does the same one after the other, where no more than one group is judged
// at a time: then the order is what is asked for.
func asideIfMany[T any](judgings int, things []T, do func(T) error) error {
	if judgings > 1 {
		return aside(things, do)
	}
	for _, t := range things {
		if err := do(t); err != nil {
			return err
		}
	}
	return nil
}
