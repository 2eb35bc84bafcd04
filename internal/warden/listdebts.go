package warden

import (
	"cmp"
	"context"
	"slices"

	"github.com/sgwarden/sgwarden/internal/incident"
)

// takeUp sets the open incidents of the list apart: the one of what was added last,
// which is carried on, those of what was added before, and those that are over, and
// told, and stay open for sinks, or for the message of an undoing or of their actor,
// alone. Another growth than theirs is another incident, with messages of its own.
func (l *listJudging) takeUp() {
	l.stored, l.earlier, l.debts, l.owing = nil, nil, nil, false
	for _, inc := range l.mem.Open {
		if owesOnly(inc) || inc.EventType == incident.Undone || inc.EventType == incident.Attributed {
			l.debts = append(l.debts, inc)
		} else {
			l.earlier = append(l.earlier, inc)
		}
	}
	if len(l.earlier) == 0 {
		return
	}
	slices.SortStableFunc(l.earlier, func(a, b incident.Incident) int { return cmp.Compare(judgedOf(a), judgedOf(b)) })
	last := len(l.earlier) - 1
	l.stored, l.earlier = &l.earlier[last], l.earlier[:last:last]
}

// isCarriedOn reports whether an incident is open for more than a debt.
func (l *listJudging) isCarriedOn(id string) bool {
	return l.stored != nil && l.stored.ID == id || slices.ContainsFunc(l.earlier, func(i incident.Incident) bool { return i.ID == id })
}

// judgedOf is the version of the list that an incident tells of.
func judgedOf(i incident.Incident) int64 {
	if i.List == nil {
		return 0
	}
	return i.List.Judged
}

// payDebts tells the sinks what they lack, and gives the incidents as they are
// then.
func (l *listJudging) payDebts(ctx context.Context) []incident.Incident {
	paid := make([]incident.Incident, 0, len(l.debts)+1)
	for _, inc := range l.debts {
		if !l.w.pay(ctx, &inc, inc, l.tries) {
			l.owing = true
		}
		paid = append(paid, inc)
	}
	return paid
}

// payOnly ends a judging in which nothing but debts is left.
func (l *listJudging) payOnly(ctx context.Context, end listEnd) (listEnd, error) {
	if len(l.debts) == 0 {
		return end, nil
	}
	if err := l.open(ctx); err != nil {
		return listEnd{}, err
	}
	paid := l.payDebts(ctx)
	last := paid[len(paid)-1]
	if end.outcome == 0 && l.violating() == 0 {
		end.outcome, end.reason, end.doc, end.story = last.Outcome, last.Reason, last, &Story{Incidents: paid}
	}
	end.owing, end.retry = l.owing, end.retry || l.owing
	return end, l.close(ctx, l.closing(), paid)
}
