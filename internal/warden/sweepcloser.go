package warden

import (
	"context"
	"errors"

	"github.com/sgwarden/sgwarden/internal/incident"
	"github.com/sgwarden/sgwarden/internal/policy"
)

// lookOnce reads groups again, items before rules, judges them and writes what
// is new. again are those that another is writing.
func (p *pass) lookOnce(ctx context.Context, looks []*look) (again []*look, err error) {
	if err := aside(looks, func(l *look) error { return l.observe(ctx) }); err != nil {
		return nil, err
	}
	rules, err := p.rules(ctx, looks)
	if err != nil {
		return nil, err
	}
	writes := map[*look]policy.Known{}
	var writing []*look
	for _, l := range looks {
		known, retry, err := l.judge(ctx, rules[l.group.ID])
		switch {
		case err != nil:
			return nil, err
		case retry:
			l.again = true
			again = append(again, l)
		case l.left == 0 && !sameItem(known, l.j.mem.Known):
			writes[l] = known
			writing = append(writing, l)
		}
	}
	late := make(map[*look]bool, len(writing))
	err = aside(writing, func(l *look) error {
		err := l.write(ctx, writes[l])
		if errors.Is(err, incident.ErrConflict) || errors.Is(err, incident.ErrLeased) {
			p.mu.Lock()
			defer p.mu.Unlock()
			late[l] = true
			return nil
		}
		return err
	})
	for _, l := range writing {
		if late[l] {
			l.again, l.observed, l.reason = true, false, ""
			again = append(again, l)
		}
	}
	return again, err
}

// observe reads what the ledger has of the group, where more of it counts than
// its item, or where the item is not the one that the page met.
func (l *look) observe(ctx context.Context) error {
	if !l.again && (l.same && !l.isHot() || l.isFirst()) {
		return nil
	}
	l.p.count(func(c *SweepCounts) { c.Calls.Ledger += 2 })
	mem, err := l.p.w.cfg.Ledger.Observe(ctx, l.group.ID)
	if err != nil {
		return unreadable(err)
	}
	l.j.mem, l.j.now, l.observed = mem, l.p.w.now(), true
	return nil
}

// isFirst reports whether the group has no item and nothing about it is to be
// marked or asked: what there is of the ledger is all.
func (l *look) isFirst() bool { return !l.j.mem.Known.Exists && !l.isHot() }

// judge judges the group by its rules with their ids, and gives the item as it
// is to be. retry is true where that must be done again, on a newer item.
func (l *look) judge(ctx context.Context, read *readRules) (known policy.Known, retry bool, err error) {
	switch {
	case read.fault != nil:
		l.left = leftUnread
		l.p.w.cfg.Logger.ErrorContext(ctx, "sweep: group is not understood", "group_id", l.group.ID, "error", read.fault.Error())
		return known, false, nil
	case len(read.rules) == 0 && len(l.group.Rules) > 0:
		l.left = leftVanished // gone, or emptied just now: the next pass sees which
		return known, false, nil
	case l.observed && l.j.leased():
		l.observed = false
		return known, true, nil
	}
	mem := l.j.mem
	if !l.observed {
		mem.Controls = l.p.controls
	}
	g := l.group
	g.Rules = l.p.w.normalRules(read.rules, g.AccountID)
	l.j = l.p.judging(g, mem)
	l.j.bringBack()
	if err := l.evaluate(ctx); err != nil {
		return known, false, err
	}
	if !l.observed && l.isHot() {
		return known, true, nil
	}
	known = l.j.remember()
	l.marked, l.dropped = l.mark(&known), l.j.droppedLists(known)
	l.reason, l.delay = l.asks()
	return known, false, nil
}

// write writes the item, on condition of the version that was read before the
// rules were.
func (l *look) write(ctx context.Context, known policy.Known) error {
	if len(l.dropped) > 0 {
		l.p.count(func(c *SweepCounts) { c.Calls.Ledger += len(l.dropped) })
		if err := l.j.askForLists(ctx, l.dropped); err != nil {
			return err
		}
	}
	l.p.count(func(c *SweepCounts) { c.Calls.Ledger++ })
	err := l.p.w.cfg.Ledger.Close(ctx, incident.Closing{GroupID: l.group.ID, Version: l.j.version, Known: known, Now: l.p.w.now()})
	switch {
	case err == nil:
		l.p.count(func(c *SweepCounts) {
			c.Written++
			for id, n := range l.marked {
				c.Marked[id] += n
			}
		})
		return nil
	case errors.Is(err, incident.ErrInvalid):
		// One group must not keep all others from being swept.
		l.left = leftFailed
		l.p.w.cfg.Logger.ErrorContext(ctx, "sweep: item cannot be written", "group_id", l.group.ID, "error", err.Error())
		return nil
	}
	return unwritable(err)
}
