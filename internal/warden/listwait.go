package warden

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/sgwarden/sgwarden/internal/incident"
	"github.com/sgwarden/sgwarden/internal/policy"
	"github.com/sgwarden/sgwarden/internal/secgroup"
)

// willAct reports whether a policy will take back what was added, once a wait is
// over or nothing holds it any more.
func (l *listJudging) willAct() bool { return len(l.waiting()) > 0 }

// waiting are the findings of the rules with the list that wait, or are held.
func (l *listJudging) waiting() (all []policy.Finding) {
	for _, u := range l.uses {
		for _, rv := range u.rules(l.id) {
			for _, f := range rv.Findings {
				if f.Growth && f.WillAct() {
					all = append(all, f)
				}
			}
		}
	}
	return all
}

// until is when the last wait of a rule with the list is over: only then may every
// rule lose what was added. Zero = nothing waits, but is held, which has no end that
// is known.
func (l *listJudging) until() (last time.Time) {
	for _, f := range l.waiting() {
		if f.State == policy.Waiting && f.Until.After(last) {
			last = f.Until
		}
	}
	return last
}

// mostWaitNotes bounds the reasons that an incident of a list gives for a wait.
const mostWaitNotes = 3

// hold makes the incident wait: what was added is to be taken out, and not yet.
func (l *listJudging) hold() {
	until := l.until()
	reason := ReasonHeld
	if !until.IsZero() {
		reason = reasonWaiting
		l.inc.Notes = appendOnce(l.inc.Notes, "the list is judged again at "+until.UTC().Format(time.RFC3339))
	}
	var whys []string
	for _, f := range l.waiting() {
		whys = appendOnce(whys, f.Why)
	}
	slices.Sort(whys)
	for _, why := range whys[:min(len(whys), mostWaitNotes)] {
		l.inc.Notes = appendOnce(l.inc.Notes, "nothing is taken out of the list so far: "+strings.TrimPrefix(why, "violates; "))
	}
	settleList(&l.inc, incident.Pending, reason)
}

// askAgain puts a message behind a delay for a wait that begins now, before it is
// written down. What waits longer than a message can stands in the incident, and the
// sweep asks when it is over.
func (l *listJudging) askAgain(ctx context.Context) error {
	begins := l.stored == nil || l.stored.Outcome != incident.Pending || l.incident != "" && l.incident == l.inc.ID
	until := l.until()
	if l.inc.Outcome != incident.Pending || !begins || isLong(until, l.now) {
		return nil
	}
	cause, delay := causeRetry, longestDelay
	if !until.IsZero() {
		cause, delay = causeAfter, delayUntil(until, l.now)
	}
	if err := l.w.cfg.Queue.JudgeAgain(ctx, l.id, cause, l.inc.ID, delay); err != nil {
		return fmt.Errorf("ask for %s again: %w", l.id, err)
	}
	return l.askGroups(ctx)
}

// askGroups has those groups judged whose items do not say yet since when they
// violate by what the list holds: a wait is counted from there, and would begin anew
// with each look at the list. A record has them judged beside the list.
func (l *listJudging) askGroups(ctx context.Context) error {
	if l.base != nil {
		return nil
	}
	digest := policy.ListDigest(l.list.Entries)
	for _, u := range l.uses {
		if !slices.ContainsFunc(u.rules(l.id), func(rv policy.RuleVerdict) bool {
			return worst(rv, policy.Waiting) != nil && u.j.mem.Known.Rules[rv.Rule.ID].ListDigest != digest
		}) {
			continue
		}
		if err := l.w.cfg.Queue.JudgeAgain(ctx, u.j.groupID, causeSettle, "", shortestDelay); err != nil {
			return fmt.Errorf("ask for %s: %w", u.j.groupID, err)
		}
	}
	return nil
}

// waitsFor reports whether the list's incident of a version waits, was told, and
// tells of a group: while a rule of that waits, nothing of the list changes.
func (l *listJudging) waitsFor(groupID string, version int64) bool {
	if l.stored == nil || l.stored.Outcome != incident.Pending || judgedOf(*l.stored) != version || !slices.Contains(l.stored.Published, string(incident.Opened)) {
		return false
	}
	list := l.stored.List
	return list.OmittedGroups > 0 || slices.ContainsFunc(list.Groups, func(g incident.ListGroup) bool { return g.ID == groupID })
}

// added is what the list got since its rules were in order, as far as that opens
// anything, and the version that it had then; 0 = not known.
func (l *listJudging) added() (before int64, entries []secgroup.ListEntry) {
	var had []secgroup.ListEntry
	for _, u := range l.uses {
		for _, rv := range u.rules(l.id) {
			if v, _, ok := u.j.mem.Known.Rules[rv.Rule.ID].InOrderAt(); ok && (before == 0 || v.Version < before) {
				before, had = v.Version, u.old[v.Version]
			}
		}
	}
	if had == nil {
		return before, nil
	}
	open := secgroup.NewAddressSet(secgroup.Blocks(had)...)
	for _, e := range l.list.Described {
		if !secgroup.HasEntry(had, e.Block) && !open.CoversPrefix(e.Block) {
			entries = append(entries, e)
		}
	}
	return before, entries
}

// hasOutgrown reports whether the list opens more, to somebody who may not, than an
// incident tells of: that is another growth. Where nobody knows what the list held,
// every version is.
func (l *listJudging) hasOutgrown(was incident.Incident) bool {
	if was.List == nil || was.List.Judged >= l.list.Version || l.violating() == 0 {
		return false
	}
	_, added := l.added()
	if len(added) == 0 || len(was.List.Added) == 0 || was.List.OmittedAdded > 0 {
		return true
	}
	var excess secgroup.AddressSet
	for _, u := range l.uses {
		for _, rv := range u.rules(l.id) {
			for _, f := range violated(rv) {
				if tellsOfList(rv) {
					excess = excess.Union(f.Excess.Addresses())
				}
			}
		}
	}
	told := secgroup.NewAddressSet(secgroup.Blocks(was.List.Added)...)
	more := secgroup.NewAddressSet(secgroup.Blocks(added)...).Subtract(told)
	return more.Overlaps(excess)
}
