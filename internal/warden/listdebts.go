package warden

import (
	"context"

	"github.com/sgwarden/sgwarden/internal/incident"
)

// takeUp sets the open incidents of the list apart: the one that is carried on,
// and those that are over, and told, and stay open for sinks, or for the message of
// an undoing or of its actor, alone. Another growth than theirs is another incident, with messages
// of its own.
func (l *listJudging) takeUp() {
	l.stored, l.debts, l.owing = nil, nil, false
	for i := range l.mem.Open {
		if inc := &l.mem.Open[i]; owesOnly(*inc) || inc.EventType == incident.Undone || inc.EventType == incident.Attributed {
			l.debts = append(l.debts, *inc)
		} else if l.stored == nil {
			l.stored = inc
		}
	}
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
