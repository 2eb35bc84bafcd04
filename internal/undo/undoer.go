package undo

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/sgwarden/sgwarden/internal/incident"
	"github.com/sgwarden/sgwarden/internal/plan"
	"github.com/sgwarden/sgwarden/internal/policy"
	"github.com/sgwarden/sgwarden/internal/secgroup"
)

// Undoer carries steps out. All fields are required. Errors of its parts wrap
// those of package incident.
type Undoer struct {
	Rules  func(ctx context.Context, groupID string, ids ...string) ([]secgroup.Rule, error) // of the group, all that are
	Apply  func(ctx context.Context, a plan.Action) incident.Result
	Exempt func(ctx context.Context, e policy.Exemption, now time.Time) error
	Sleep  func(ctx context.Context, d time.Duration) error
	Now    func() time.Time
}

// Ask is who wants it, and for how long it shall stand.
type Ask struct {
	Owner, Reason, Ticket string
	Until                 time.Time // at most 30 days ahead
}

// Done is how one step ended.
type Done struct {
	Step
	// Put is the rule as it was read back; nil = it was not put back.
	Put *secgroup.Rule
	Err error // why not; nil where nothing was to be done
}

// Exemptions are what lets the rules of the steps stand: one for each policy
// that they violate, of exactly these rules. Their ids follow from incident and
// policy, so that asking again replaces them: what an earlier undoing put back is
// in them too. None where nothing is put back.
func Exemptions(i incident.Incident, steps []Step, ask Ask) []policy.Exemption {
	rules := map[string][]secgroup.Rule{}
	if !slices.ContainsFunc(steps, func(s Step) bool { return s.Action != nil }) {
		return nil
	}
	for _, s := range steps {
		if s.Action == nil && !s.There {
			continue
		}
		for _, id := range s.Rule.Policies {
			rules[id] = append(rules[id], *s.Rule.Before)
		}
	}
	var out []policy.Exemption
	for _, p := range i.Policies {
		if len(rules[p.ID]) == 0 {
			continue
		}
		out = append(out, policy.Exemption{
			ID: incident.UndoExemption(i.ID, p.ID), Policy: p.ID, Group: i.GroupID, Rules: rules[p.ID],
			Owner: ask.Owner, Reason: ask.Reason, Ticket: ask.Ticket, Until: ask.Until, Source: "ledger",
		})
	}
	return out
}

// lookAgain are the waits before reading back again what EC2 does not show yet.
var lookAgain = []time.Duration{250 * time.Millisecond, time.Second, 3 * time.Second}

// Undo exempts first, or the guard would take back again what it sees; then it
// makes one call for each step, so that one that EC2 refuses costs no other;
// then it reads back. An error means that an exemption could not be written,
// and that nothing was put back.
func (u Undoer) Undo(ctx context.Context, i incident.Incident, steps []Step, ask Ask) ([]Done, error) {
	for _, e := range Exemptions(i, steps, ask) {
		e.Made = u.Now()
		if err := u.Exempt(ctx, e, u.Now()); err != nil {
			return nil, fmt.Errorf("undo %s: nothing was put back: %w", i.ID, err)
		}
	}
	ends := make([]Done, 0, len(steps))
	for _, s := range steps {
		end := Done{Step: s}
		if s.Action != nil {
			end.Err = u.Apply(ctx, s.Action).Err
		}
		ends = append(ends, end)
	}
	u.readBack(ctx, i.GroupID, ends)
	return ends, nil
}

var (
	// ErrNotShown says that a call was answered with success and what it put back
	// is not to be seen.
	ErrNotShown = errors.New("EC2 answered success, and does not show what was put back")
	// ErrNotComplete says that a list shows its entries while the change that
	// brings them goes on, and may fail.
	ErrNotComplete = errors.New("the entries are there, and the change of the list is not complete")
)

// readBack claims only what EC2 shows, whatever a call answered: an error may
// hide one that took effect.
func (u Undoer) readBack(ctx context.Context, groupID string, ends []Done) {
	for n := 0; ; n++ {
		live, err := u.Rules(ctx, groupID)
		missing := false
		for k := range ends {
			end := &ends[k]
			if end.Action == nil || end.Put != nil {
				continue
			}
			if err == nil {
				end.Put = find(live, end.Rule.Before.SameValue)
			}
			missing = missing || end.Put == nil && end.Err == nil
		}
		if !missing {
			break
		}
		if n == len(lookAgain) || u.Sleep(ctx, lookAgain[n]) != nil {
			settle(ends, err)
			return
		}
	}
	settle(ends, nil)
}

// settle says of what is not shown why, and of what is shown nothing.
func settle(ends []Done, unread error) {
	for k := range ends {
		end := &ends[k]
		switch {
		case end.Put != nil:
			put := *end.Put
			end.Put, end.Err = &put, nil
		case end.Action != nil && end.Err == nil && unread != nil:
			end.Err = fmt.Errorf("it could not be read back: %w", unread)
		case end.Action != nil && end.Err == nil:
			end.Err = ErrNotShown
		}
	}
}

// Failed reports whether something that was to be put back was not.
func Failed(ends []Done) bool {
	return slices.ContainsFunc(ends, func(d Done) bool { return d.Err != nil })
}
