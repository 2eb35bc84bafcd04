package warden

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/sgwarden/sgwarden/internal/incident"
	"github.com/sgwarden/sgwarden/internal/policy"
	"github.com/sgwarden/sgwarden/internal/secgroup"
)

// tellListUndone lets the incident of a list tell its end, where an operator put
// back what it took and had the rules of the list exempted: once, and not for each
// of the groups that refer to it. It is false where there is no such incident:
// then it is an exemption like any other.
func (j *judging) tellListUndone(ctx context.Context, e *end, list secgroup.PrefixList) (bool, error) {
	id, ok := j.undoneBy(e.reason)
	if !ok || e.outcome != incident.Exempt || j.w.cfg.Closed == nil {
		return false, nil
	}
	court := courtOf(j.shared, list.ID)
	if err := court.enter(ctx); err != nil {
		return false, err
	}
	defer court.leave()
	l := j.w.listJudging(j.shared, list.ID, listAsk{tries: j.tries()})
	if err := l.recall(ctx); err != nil {
		return false, err
	}
	inc, found := l.openIncident(id)
	if !found {
		var err error
		if inc, found, err = j.w.cfg.Closed(ctx, list.ID, id); err != nil {
			return false, unreadable(err)
		}
	}
	isBack := func(taken secgroup.ListEntry) bool { return slices.Contains(list.Entries, taken.Block) }
	if !found || inc.List == nil || !slices.ContainsFunc(inc.List.Removed, isBack) {
		return false, nil
	}
	told := slices.Contains(inc.Published, string(incident.Undone))
	if !told || len(inc.Owed) > 0 {
		if err := l.tellUndone(ctx, inc, told, j.undoneNotes(e)); err != nil {
			return false, err
		}
	}
	e.listed, e.told, e.incident, e.owing = true, false, id, l.owing
	j.retry = j.retry || l.owing
	return true, nil
}

// openIncident is the open incident of an id.
func (l *listJudging) openIncident(id string) (incident.Incident, bool) {
	i := slices.IndexFunc(l.mem.Open, func(i incident.Incident) bool { return i.ID == id })
	if i < 0 {
		return incident.Incident{}, false
	}
	return l.mem.Open[i], true
}

// undoneNotes say who agreed to what was put back, and until when.
func (j *judging) undoneNotes(e *end) (notes []string) {
	if agreed := agreement(e.reason, j.mem.Controls.Exemptions); agreed != "" {
		notes = append(notes, agreed)
	}
	for _, f := range e.verdict.Findings {
		if f.State == policy.Exempt && !f.Until.IsZero() {
			notes = append(notes, fmt.Sprintf("%s of %s ends at %s: what it covers is judged then", f.Exemption, j.groupID, f.Until.UTC().Format(time.RFC3339)))
		}
	}
	return notes
}

// tellUndone sends the message, unless it was sent and only sinks lack it.
func (l *listJudging) tellUndone(ctx context.Context, inc incident.Incident, told bool, notes []string) error {
	for _, note := range notes {
		inc.Notes = appendOnce(slices.Clone(inc.Notes), note)
	}
	return l.tellAgain(ctx, inc, incident.Undone, told)
}

// tellAgain sends one more message of an incident that is over, unless it was
// sent and only sinks lack it.
func (l *listJudging) tellAgain(ctx context.Context, inc incident.Incident, event incident.EventType, told bool) error {
	inc.EventType, inc.Status = event, statusOpen
	if err := l.open(ctx, inc); err != nil {
		return err
	}
	if !told {
		if err := l.say(ctx, &inc, event); err != nil {
			return err
		}
		l.known.Removed = maps.Clone(l.known.Removed)
		delete(l.known.Removed, unattributedMark+inc.ID) // if that was told, once is enough
	}
	l.owing = !l.w.pay(ctx, &inc, inc, l.tries)
	return l.close(ctx, l.closing(), []incident.Incident{inc})
}
