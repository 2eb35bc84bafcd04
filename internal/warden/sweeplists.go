package warden

import (
	"context"
	"slices"
	"time"

	"github.com/sgwarden/sgwarden/internal/incident"
	"github.com/sgwarden/sgwarden/internal/policy"
	"github.com/sgwarden/sgwarden/internal/secgroup"
)

// toldByList is the prefix list whose incident tells of what an item knows of a
// rule, and that is not over by what the item knows; open are the group's own.
func toldByList(k policy.KnownRule, open []string) (listID string, ok bool) {
	list, isList := k.Rule.Peer.(secgroup.PrefixList)
	return list.ID, isList && k.IncidentID != "" && k.Reported == "" && !slices.Contains(open, k.IncidentID)
}

// recallLists reads what is open of the lists whose incidents tell of rules: once
// in a call of the sweep.
func (p *pass) recallLists(ctx context.Context, looks []*look) error {
	var ids []string
	for _, l := range looks {
		for _, k := range l.j.mem.Known.Rules {
			if id, ok := toldByList(k, l.j.mem.Known.OpenIncidents); ok && p.ofLists[id] == nil {
				p.ofLists[id] = map[string]incident.Incident{}
				ids = append(ids, id)
			}
		}
	}
	slices.Sort(ids)
	return aside(ids, func(id string) error {
		p.count(func(c *SweepCounts) { c.Calls.Ledger += 2 })
		mem, err := p.w.cfg.Ledger.Observe(ctx, id)
		if err != nil {
			return unreadable(err)
		}
		p.mu.Lock()
		defer p.mu.Unlock()
		for _, i := range mem.Open {
			p.ofLists[id][i.ID] = i
		}
		return nil
	})
}

// ofList is the open incident of a list that answers for all that is due of a rule,
// and that list. Then the list is to be looked at, and not each group that refers
// to it.
func (l *look) ofList(e *end) (listID string, inc incident.Incident, ok bool) {
	known := l.j.mem.Known
	k := known.Rules[e.rule.ID]
	id, told := toldByList(k, known.OpenIncidents)
	if !told || e.act || !tellsOfList(e.verdict) {
		return "", inc, false
	}
	inc, ok = l.p.ofLists[id][k.IncidentID]
	return id, inc, ok
}

// askForLists asks the guard to look at lists, each once for a reason. What waits
// or is held has its message, or stands in its incident until the wait is over.
func (p *pass) askForLists(ctx context.Context, looks []*look) error {
	for _, l := range looks {
		for _, rv := range l.j.verdict.All() {
			e := l.j.endOf(rv)
			if e == nil || e.seen {
				continue
			}
			id, inc, ok := l.ofList(e)
			if !ok {
				continue
			}
			reason, until := reasonOfList(e, inc, l.j.now)
			if key := id + " " + string(reason); reason != "" && !p.askedLists[key] {
				if err := p.askFor(ctx, id, reason, l.delayTo(until)); err != nil {
					return err
				}
				p.askedLists[key] = true
			}
		}
	}
	return nil
}

// reasonOfList says why a list is to be looked at, by what is found of one rule, and
// until when that may wait; "" = it need not.
func reasonOfList(e *end, inc incident.Incident, now time.Time) (SweepReason, time.Time) {
	switch {
	case e.outcome != incident.Pending:
		return SweepDue, time.Time{}
	case endsLong(inc, e.until, now):
		return SweepWaiting, e.until
	case e.until.IsZero() && now.Sub(begun(inc)) >= openTooLong:
		return SweepOpen, time.Time{}
	}
	return "", time.Time{}
}

// endsLong reports whether a wait that was too long for a message is over before
// the next pass could ask for what it ends in.
func endsLong(i incident.Incident, until, now time.Time) bool {
	return !until.IsZero() && !isLong(until, now) && isLong(until, begun(i))
}
