package embedded

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"time"

	"github.com/sgwarden/sgwarden/events"
	"github.com/sgwarden/sgwarden/internal/localec2"
	"github.com/sgwarden/sgwarden/internal/secgroup"
	"github.com/sgwarden/sgwarden/internal/warden"
)

// mostDeliveries bounds how often a message that asks to come again does.
const mostDeliveries = 8

// Judged is what came of one record, or of a message that waited for its time.
type Judged struct {
	Record    int // 1-based place in the archive; 0 = a message of the account's own queue
	Raw       []byte
	Account   *Account
	At        time.Time
	Before    []secgroup.Group // the record's groups after the change, before the verdict
	After     []secgroup.Group // the same groups at the end
	Decisions []warden.Decision
}

// Worst is the decision that stands for the whole record.
func (j Judged) Worst() warden.Decision {
	var worst warden.Decision
	for _, d := range j.Decisions {
		if d.Outcome > worst.Outcome {
			worst = d
		}
	}
	return worst
}

// Replay puts one record of an archive into the account that it belongs to and
// lets the guard judge it, after the messages whose time had come before it.
func (w *World) Replay(ctx context.Context, d events.Decoded) ([]Judged, error) {
	a, err := w.accountOf(ctx, d.Change)
	if err != nil {
		return nil, err
	}
	due := a.until(ctx, d.Change.EventTime)
	if d.Err == nil {
		if err := a.put(d.Change); err != nil {
			return due, err
		}
	}
	j := a.Judge(ctx, d.Raw)
	j.Record = d.Record
	return append(due, j), nil
}

// Look lets the guard judge the record of a call that was made to the world's
// endpoint.
func (w *World) Look(ctx context.Context, d events.Decoded) (Judged, error) {
	a, err := w.accountOf(ctx, d.Change)
	if err != nil {
		return Judged{}, err
	}
	j := a.Judge(ctx, d.Raw)
	j.Record = d.Record
	return j, nil
}

// accountOf is the account that a record belongs to; one that says nothing
// belongs to the default account.
func (w *World) accountOf(ctx context.Context, c secgroup.Change) (*Account, error) {
	account, region := c.AccountID, c.Region
	if account == "" {
		account = localec2.DefaultAccount
	}
	if region == "" {
		region = localec2.DefaultRegion
	}
	return w.Account(ctx, account, region)
}

// Settle judges all that still waits for its time.
func (w *World) Settle(ctx context.Context) []Judged {
	var out []Judged
	for _, a := range w.all() {
		out = append(out, a.until(ctx, a.clock.Add(time.Hour))...)
	}
	return out
}

// Due judges what has waited for its time until now.
func (w *World) Due(ctx context.Context) []Judged { return w.Pass(ctx, w.clock()) }

// Pass lets time go on in every account, and judges what has waited for its
// time. The clock never goes back.
func (w *World) Pass(ctx context.Context, to time.Time) []Judged {
	var out []Judged
	for _, a := range w.all() {
		out = append(out, a.until(ctx, to)...)
	}
	return out
}

// all accounts, by id and region.
func (w *World) all() []*Account {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.SortedFunc(maps.Values(w.accounts), func(a, b *Account) int {
		return cmp.Or(cmp.Compare(a.ec2.ID, b.ec2.ID), cmp.Compare(a.ec2.Region, b.ec2.Region))
	})
}

// until moves the account's clock forward to a time and judges the messages
// that become due on the way. The clock never goes back.
func (a *Account) until(ctx context.Context, to time.Time) []Judged {
	var out []Judged
	for {
		m, ok := a.later.take(to)
		if !ok {
			break
		}
		a.wind(m.due)
		out = append(out, a.Judge(ctx, m.body))
	}
	a.wind(to)
	return out
}

func (a *Account) wind(to time.Time) {
	if a.world.opts.Clock != nil {
		return
	}
	a.world.mu.Lock()
	defer a.world.mu.Unlock()
	if to.After(a.clock) {
		a.clock = to
	}
	a.world.now = a.clock
}

// Judge gives one message to the guard, as often as it asks for it.
func (a *Account) Judge(ctx context.Context, body []byte) Judged {
	a.judging.Lock()
	defer a.judging.Unlock()
	j := Judged{Raw: body, Account: a, At: a.world.clock()}
	j.Before = a.groupsOf(body)
	for n := 1; ; n++ {
		j.Decisions = a.guard.Judge(ctx, []warden.Delivery{{ID: "message", Body: body, ReceiveCount: n}})
		if n == mostDeliveries || !retries(j.Decisions) || ctx.Err() != nil {
			break
		}
		if err := a.world.sleep(ctx, 5*time.Second<<(n-1)); err != nil {
			break
		}
	}
	for _, g := range j.Before {
		if after, ok := a.ec2.Group(g.ID); ok {
			j.After = append(j.After, after)
		}
	}
	a.remember()
	if a.world.opts.Clock == nil {
		a.wind(a.world.clock())
	}
	return j
}

func retries(decisions []warden.Decision) bool {
	for _, d := range decisions {
		if d.Retry {
			return true
		}
	}
	return false
}

// groupsOf reads the groups that a message names.
func (a *Account) groupsOf(body []byte) []secgroup.Group {
	changes, err := events.Decode(body)
	if err != nil {
		return nil
	}
	var out []secgroup.Group
	for _, c := range changes {
		for _, name := range c.Groups {
			if g, ok := a.ec2.Group(a.groupID(name)); ok {
				out = append(out, g)
			}
		}
	}
	return out
}
