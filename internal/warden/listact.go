package warden

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/sgwarden/sgwarden/internal/incident"
	"github.com/sgwarden/sgwarden/internal/policy"
	"github.com/sgwarden/sgwarden/internal/secgroup"
)

// listLook are the waits before a list is read back again: an edit is answered
// before it is complete.
var listLook = []time.Duration{250 * time.Millisecond, 750 * time.Millisecond, 2 * time.Second, 4 * time.Second}

// act edits the list, where it is to be, and reads it back. Only what was seen
// to be gone is claimed. Another version, or another change under way, is
// incident.ErrConflict: all is read and decided again.
func (l *listJudging) act(ctx context.Context) error {
	if l.edit.IsEmpty() {
		return nil
	}
	if deadline, ok := ctx.Deadline(); ok && deadline.Sub(l.w.now()) < deadlineMargin {
		l.settle(incident.Unresolved, "deadline")
		return nil
	}
	res := l.w.cfg.Applier.Apply(ctx, l.edit)
	for _, id := range res.RequestIDs {
		l.journal = append(l.journal, incident.Journal{RequestID: id, Call: l.edit.Call(), IncidentID: l.inc.ID, At: l.w.now()})
	}
	outcome, why := explain(res.Err)
	answer := orOther(why, "answered success")
	line := inWords(l.edit) + ": " + answer
	if len(res.RequestIDs) > 0 {
		line += " (" + strings.Join(res.RequestIDs, ", ") + ")"
	}
	l.inc.Actions = appendOnce(slices.Clone(l.inc.Actions), line)
	if errors.Is(res.Err, incident.ErrConflict) {
		if !l.last {
			return l.release(ctx, res.Err)
		}
		if !triedAgain(res.Err) {
			l.settle(outcome, why) // told: whoever is quick must not keep it quiet
			return nil
		}
	}
	if res.Err != nil && !isUncertain(res.Err) {
		l.settle(outcome, why)
		return nil
	}
	back, err := l.readBack(ctx)
	switch {
	case err != nil:
		l.settle(incident.Unresolved, orOther(why, "not-verified"))
	case l.edit.IsDone(back.Described) && back.Changing != "":
		l.settle(incident.Unresolved, "not-complete")
	case l.edit.IsDone(back.Described):
		l.settle(incident.Reverted, "")
		if res.Err != nil {
			l.inc.Reason = reasonInterrupted
			l.inc.Notes = appendOnce(l.inc.Notes, "the list was found edited after a call without an answer: it may not have been ours")
		}
		l.inc.List.After = back.Version
	case res.Err != nil:
		l.settle(outcome, why)
	default:
		l.settle(incident.NotReverted, "still-there")
	}
	return nil
}

// isUncertain reports whether a call that failed may have had its effect.
func isUncertain(err error) bool {
	return errors.Is(err, incident.ErrUnavailable) || errors.Is(err, context.DeadlineExceeded) || triedAgain(err)
}

// release writes that nothing was done, so that whoever comes next finds the
// incident with what was tried, and lets go of the list.
func (l *listJudging) release(ctx context.Context, cause error) error {
	inc := l.inc
	inc.Outcome, inc.Reason = incident.Unresolved, "changed-by-another"
	if triedAgain(cause) { // the first try may be what the second met
		inc.Reason = "not-verified"
	}
	closing := l.closing()
	closing.Incidents, closing.Known.OpenIncidents = []incident.Incident{inc}, []string{inc.ID}
	for _, debt := range l.debts {
		closing.Known.OpenIncidents = append(closing.Known.OpenIncidents, debt.ID)
	}
	return errors.Join(cause, l.w.cfg.Ledger.Close(ctx, closing))
}

func (l *listJudging) closing() incident.Closing {
	return incident.Closing{GroupID: l.id, Version: l.version, Known: l.known, Journal: l.journal, Holder: l.holder, Now: l.w.now()}
}

// readBack reads the list until the edit is seen, and complete, or the waits are
// over.
func (l *listJudging) readBack(ctx context.Context) (list secgroup.ManagedList, err error) {
	for n := 0; ; n++ {
		list, err = l.w.cfg.Inventory.Managed(ctx, l.id)
		if err == nil && !list.Readable {
			err = fmt.Errorf("read back %s: %w: %s", l.id, incident.ErrUnavailable, list.Refused)
		}
		if err == nil && l.edit.IsDone(list.Described) && list.Changing == "" || n == len(listLook) || l.pause(ctx, listLook[n]) != nil {
			return list, err
		}
	}
}

// settle gives the incident, and the rules that violated by the list, an outcome.
func (l *listJudging) settle(outcome incident.Outcome, reason string) {
	l.inc.Outcome, l.inc.Reason = outcome, reason
	rules := slices.Clone(l.inc.Rules)
	violating := map[string]bool{}
	for i := range rules {
		rules[i].Outcome, rules[i].Reason = outcome, reason
		violating[rules[i].GroupID] = true
	}
	l.inc.Rules = rules
	list := *l.inc.List
	list.Groups = slices.Clone(list.Groups)
	for i := range list.Groups {
		if violating[list.Groups[i].ID] {
			list.Groups[i].Outcome = outcome
		}
	}
	l.inc.List = &list
}

// tell publishes what the incident owes, tells the sinks of it, and closes it, or
// leaves it open where something is still to be done.
func (l *listJudging) tell(ctx context.Context) error {
	l.contest()
	var unsent error
	if event := l.message(); event != "" {
		l.inc.EventType = event
		if unsent = l.w.cfg.Publisher.Publish(ctx, l.inc); unsent == nil {
			l.inc.Published = appendOnce(slices.Clone(l.inc.Published), string(event))
			l.inc.Owed = l.w.sinkNames()
		}
	}
	l.owing = unsent == nil && !l.w.pay(ctx, &l.inc, l.inc, l.tries)
	closing := l.closing()
	l.inc.Status, l.inc.ClosedAt = statusClosed, at(closing.Now)
	if l.inc.Outcome.StaysOpen() || unsent != nil {
		l.inc.ClosedAt = nil
	}
	closing.Known.Removed = l.remember(closing.Now, unsent == nil)
	return errors.Join(unsent, l.close(ctx, closing, append(l.payDebts(ctx), l.inc)))
}

// close writes incidents, and which of them stay open.
func (l *listJudging) close(ctx context.Context, closing incident.Closing, incidents []incident.Incident) error {
	closing.Known.OpenIncidents = nil
	for _, i := range incidents {
		if i.Status = statusClosed; i.ClosedAt == nil || len(i.Owed) > 0 {
			i.Status = statusOpen
			closing.Known.OpenIncidents = append(closing.Known.OpenIncidents, i.ID)
		}
		closing.Incidents = append(closing.Incidents, i)
	}
	for n := 0; ; n++ {
		err := l.w.cfg.Ledger.Close(ctx, closing)
		if !errors.Is(err, incident.ErrConflict) || n == maxRounds {
			return unwritable(err)
		}
		mem, read := l.w.cfg.Ledger.Observe(ctx, l.id)
		if read != nil {
			return unreadable(read)
		}
		closing.Version = mem.Known.Version // what was done is done: only the close is repeated
	}
}

// remember is what later judgings of the list need: what was told, and taken.
func (l *listJudging) remember(now time.Time, sent bool) map[string]policy.RemovedRule {
	removed := map[string]policy.RemovedRule{}
	for key, r := range l.known.Removed {
		removed[key] = r
	}
	switch l.inc.Outcome {
	case incident.Alerted, incident.Observed:
		if sent {
			removed[listMark+l.inc.ID] = policy.RemovedRule{At: now, IncidentID: l.inc.ID, Value: l.inc.Outcome.String()}
		}
	case incident.Reverted:
		removed[takenMark+now.Format(timeMark)] = policy.RemovedRule{At: now, IncidentID: l.inc.ID, Value: l.taken()}
		if sent && l.inc.EventType == incident.Contested {
			removed[contestedMark+l.taken()] = policy.RemovedRule{At: now, IncidentID: l.inc.ID}
		}
	}
	delete(removed, unattributedMark+l.inc.ID)
	if !l.inc.Actor.Attributed && !l.inc.Outcome.StaysOpen() {
		removed[unattributedMark+l.inc.ID] = policy.RemovedRule{At: now, IncidentID: l.inc.ID}
	}
	return prune(removed, now)
}

// taken names what was taken out, for comparing.
func (l *listJudging) taken() string {
	if l.inc.List == nil {
		return ""
	}
	return policy.ListDigest(secgroup.Blocks(l.inc.List.Removed))
}

// contested is how often the same was taken out of the list within the hour.
func (l *listJudging) contested() (n int) {
	for key, r := range l.known.Removed {
		if strings.HasPrefix(key, takenMark) && r.Value == l.taken() && l.now.Sub(r.At) < fightWindow {
			n++
		}
	}
	return n
}

func (l *listJudging) contest() {
	if n := l.contested(); l.inc.Outcome == incident.Reverted && n >= contestedAfter {
		l.inc.Reason = orOther(l.inc.Reason, "contested")
		other := "an unknown actor"
		if l.inc.Actor.Attributed {
			other = orOther(l.inc.Actor.ARN, other)
		}
		l.inc.Notes = appendOnce(l.inc.Notes, fmt.Sprintf("the same entries came back %d times within an hour: %s adds them, sgwarden takes them out", n, other))
	}
}

// message is the event type that the incident owes; "" = none.
func (l *listJudging) message() incident.EventType {
	event := incident.Opened
	switch o := l.inc.Outcome; {
	case o == incident.AlreadyCompliant || o == incident.Gone:
		if len(l.inc.Published) == 0 {
			return ""
		}
		event = incident.Resolved
	case o == incident.Reverted && l.contested() >= contestedAfter:
		if told, ok := l.known.Removed[contestedMark+l.taken()]; ok && l.now.Sub(told.At) < fightWindow {
			return ""
		}
		event = incident.Contested
	case o == incident.Reverted:
		event = incident.Acted
	}
	if slices.Contains(l.inc.Published, string(event)) {
		return ""
	}
	return event
}
