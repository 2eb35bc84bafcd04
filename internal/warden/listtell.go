package warden

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/sgwarden/sgwarden/internal/incident"
	"github.com/sgwarden/sgwarden/internal/secgroup"
)

// tell publishes what the incident, and the earlier ones that end with it, owe,
// tells the sinks of it, and closes them, or leaves open where something is still
// to be done.
func (l *listJudging) tell(ctx context.Context) error {
	l.contest()
	all := make([]incident.Incident, 0, len(l.earlier)+1)
	for _, was := range l.earlier {
		all = append(all, l.endWith(was))
	}
	all = append(all, l.inc)
	var unsent error
	now, owing := l.w.now(), false
	for i := range all {
		inc, isEarlier := &all[i], i < len(l.earlier)
		err := l.say(ctx, inc, l.message(*inc, isEarlier))
		owing = owing || err == nil && !l.w.pay(ctx, inc, *inc, l.tries)
		if inc.ClosedAt = at(now); inc.Outcome.StaysOpen() || err != nil {
			inc.ClosedAt = nil
		}
		unsent = errors.Join(unsent, err)
	}
	l.inc = all[len(all)-1]
	l.owing = owing
	closing := l.closing()
	closing.Known.Removed = l.remember(closing.Now, slices.Contains(l.inc.Published, string(l.inc.EventType)), all)
	return errors.Join(unsent, l.close(ctx, closing, append(l.payDebts(ctx), all...)))
}

// say sends the message of an incident; "" = none is owed.
func (l *listJudging) say(ctx context.Context, inc *incident.Incident, event incident.EventType) error {
	if event == "" {
		return nil
	}
	inc.EventType = event
	return l.w.say(ctx, inc, *inc)
}

// endWith is an earlier incident as it stands when the list was judged for what was
// added since: it ends as that does, and undoing it puts back what it told of alone.
// One that is over, and was not told, stays what it was.
func (l *listJudging) endWith(was incident.Incident) incident.Incident {
	if was.Outcome != 0 && !was.Outcome.StaysOpen() {
		return was
	}
	inc := was
	settleList(&inc, l.inc.Outcome, l.inc.Reason)
	inc.Notes = appendOnce(slices.Clone(inc.Notes), fmt.Sprintf("version %d of the list was judged since, for what was added to it later: incident %s", judgedOf(l.inc), l.inc.ID))
	inc.Actions = slices.Clone(inc.Actions)
	for _, line := range l.inc.Actions {
		inc.Actions = appendOnce(inc.Actions, line)
	}
	if inc.List == nil || l.inc.List == nil {
		return inc
	}
	list := *inc.List
	told := secgroup.NewAddressSet(secgroup.Blocks(list.Added)...)
	list.Removed, list.After = nil, l.inc.List.After
	for _, e := range l.inc.List.Removed {
		if told.CoversPrefix(e.Block) {
			list.Removed = append(list.Removed, e)
		}
	}
	inc.List = &list
	return inc
}

// message is the event type that an incident owes; "" = none.
func (l *listJudging) message(i incident.Incident, isEarlier bool) incident.EventType {
	event := incident.Opened
	switch o := i.Outcome; {
	case o == incident.AlreadyCompliant || o == incident.Gone:
		if len(i.Published) == 0 {
			return ""
		}
		event = incident.Resolved
	case o == incident.Reverted && !isEarlier && l.contested() >= contestedAfter:
		if told, ok := l.known.Removed[contestedMark+l.taken()]; ok && l.now.Sub(told.At) < fightWindow {
			return ""
		}
		event = incident.Contested
	case o == incident.Reverted:
		event = incident.Acted
	}
	switch {
	case !slices.Contains(i.Published, string(event)):
		return event
	case owesReminder(i, l.now):
		return incident.Reminder
	}
	return ""
}

// close writes incidents, and which of them stay open.
func (l *listJudging) close(ctx context.Context, closing incident.Closing, incidents []incident.Incident) error {
	for _, i := range incidents {
		if i.Status = statusClosed; i.ClosedAt == nil || len(i.Owed) > 0 {
			i.Status = statusOpen
		}
		closing.Incidents = append(closing.Incidents, i)
	}
	return unwritable(l.w.closeOver(ctx, closing))
}
