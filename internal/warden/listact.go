package warden

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/sgwarden/sgwarden/internal/incident"
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
	l.journal = append(l.journal, l.w.journalOf(l.edit, res, l.inc.ID)...)
	l.inc.Actions = appendOnce(slices.Clone(l.inc.Actions), callLine(l.edit, res))
	outcome, why := l.explain(res.Err)
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
		l.settle(incident.Unresolved, orOther(why, reasonNotVerified))
	case l.edit.IsDone(back.Described) && back.Changing != "":
		l.settle(incident.Unresolved, reasonNotComplete)
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
		l.settle(incident.NotReverted, reasonStillThere)
	}
	return nil
}

// explain is explain, but for a conflict with an edit of ours: EC2 took that one of the
// same version, and does not show it yet. Then it is still that which is waited for.
func (l *listJudging) explain(err error) (incident.Outcome, string) {
	if errors.Is(err, incident.ErrConflict) && l.stored != nil && judgedOf(*l.stored) == l.list.Version && isUnseen(l.stored.Reason) {
		return l.stored.Outcome, l.stored.Reason
	}
	return explain(err)
}

// isUncertain reports whether a call that failed may have had its effect.
func isUncertain(err error) bool {
	return errors.Is(err, incident.ErrUnavailable) || errors.Is(err, context.DeadlineExceeded) || triedAgain(err)
}

// release writes that nothing was done, so that whoever comes next finds the
// incident with what was tried, and lets go of the list.
func (l *listJudging) release(ctx context.Context, cause error) error {
	inc := l.inc
	inc.Outcome, inc.Reason = l.explain(cause)
	if triedAgain(cause) { // the first try may be what the second met
		inc.Reason = reasonNotVerified
	}
	closing := l.closing()
	closing.Incidents = []incident.Incident{inc}
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
	settleList(&l.inc, outcome, reason)
}

func settleList(inc *incident.Incident, outcome incident.Outcome, reason string) {
	inc.Outcome, inc.Reason = outcome, reason
	rules := slices.Clone(inc.Rules)
	violating := map[string]bool{}
	for i := range rules {
		rules[i].Outcome, rules[i].Reason = outcome, reason
		violating[rules[i].GroupID] = true
	}
	inc.Rules = rules
	if inc.List == nil {
		return
	}
	list := *inc.List
	list.Groups = slices.Clone(list.Groups)
	for i := range list.Groups {
		if violating[list.Groups[i].ID] {
			list.Groups[i].Outcome = outcome
		}
	}
	inc.List = &list
}
