package warden

import (
	"context"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/sgwarden/sgwarden/internal/incident"
	"github.com/sgwarden/sgwarden/internal/policy"
)

// lackingFor is how long what was lacking for a list counts as lacking still: the
// groups that refer to it come one after the other, and each would have all the
// others read.
const lackingFor = 15 * time.Second

// listTold is what the item of a list remembers of an incident that changed nothing
// and was told.
type listTold struct {
	incident string
	outcome  incident.Outcome
	at       time.Time // of the last judging
	lacking  bool      // something could not be read: it is asked for again
}

// toldOf is what was told of a version of the list.
func (l *listJudging) toldOf(mark string) (listTold, bool) {
	kept, ok := l.known.Removed[mark]
	text, lacking := strings.CutSuffix(kept.Value, unreadMark)
	outcome, err := incident.ParseOutcome(text)
	return listTold{kept.IncidentID, outcome, kept.At, lacking}, ok && err == nil
}

func (t listTold) entry() policy.RemovedRule {
	value := t.outcome.String()
	if t.lacking {
		value += unreadMark
	}
	return policy.RemovedRule{At: t.at, IncidentID: t.incident, Value: value}
}

// isFresh reports whether the list need not be judged again for whoever asks now.
func (t listTold) isFresh(now time.Time) bool { return !t.lacking || now.Sub(t.at) < lackingFor }

// takeUpTold carries on the incident that told of this version of the list, and was
// over: what it told of will be taken out after all, and waits. Its message is sent,
// and it stays the doing of whoever opened it, whatever leads to the list now.
func (l *listJudging) takeUpTold(ctx context.Context, told listTold) error {
	was, found := l.openIncident(told.incident)
	if !found && l.w.cfg.Closed != nil {
		var err error
		if was, found, err = l.w.cfg.Closed(ctx, l.id, told.incident); err != nil {
			return unreadable(err)
		}
	}
	if found {
		l.inc.OpenedAt, l.inc.LearntAt, l.inc.Cause = was.OpenedAt, was.LearntAt, was.Cause
	}
	if was.Actor.Attributed {
		l.inc.Actor, l.inc.APICall, l.inc.EventID = was.Actor, was.APICall, was.EventID
	}
	l.inc.ID, l.inc.EventType, l.inc.Published = told.incident, incident.Opened, []string{string(incident.Opened)}
	l.inc.Owed = l.overtake(told.incident)
	return nil
}

// overtake ends the debt of an incident that goes on, which is written once: its next
// message takes the place of the one that sinks lack. It gives the names of these.
func (l *listJudging) overtake(id string) (owed []string) {
	l.debts = slices.DeleteFunc(l.debts, func(i incident.Incident) bool {
		if i.ID == id {
			owed = i.Owed
		}
		return i.ID == id
	})
	return owed
}

// noteAsked remembers that the list was judged again, where something was lacking
// when its incident was told.
func (l *listJudging) noteAsked(ctx context.Context) error {
	told, ok := l.toldOf(l.mark())
	if !ok || !told.lacking {
		return nil
	}
	told.at, told.lacking = l.now, l.lacking
	l.known.Removed = maps.Clone(l.known.Removed)
	l.known.Removed[l.mark()] = told.entry()
	if len(l.debts) > 0 {
		return nil // written with them
	}
	return outpaced(unwritable(l.w.cfg.Ledger.Close(ctx, incident.Closing{GroupID: l.id, Version: l.version, Known: l.known, Now: l.w.now()})))
}
