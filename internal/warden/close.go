package warden

import (
	"context"
	"errors"
	"maps"
	"slices"
	"time"

	"github.com/sgwarden/sgwarden/internal/incident"
	"github.com/sgwarden/sgwarden/internal/policy"
	"github.com/sgwarden/sgwarden/internal/secgroup"
)

// close writes what became of everything and gives the lease back. After a
// mutation only what was read back is written. If another writer was faster,
// only the close is repeated, on the newer item; before any mutation the group
// is judged again instead.
func (j *judging) close(ctx context.Context) error {
	j.settleItem()
	if !j.opened {
		return j.refresh(ctx)
	}
	closing := incident.Closing{GroupID: j.groupID, Version: j.version, Known: j.known, Journal: j.journal, Holder: j.holder, Now: j.w.now()}
	for _, d := range j.drafts {
		inc := d.inc
		inc.Status = statusClosed
		if inc.Outcome.StaysOpen() || d.unsent || len(inc.Owed) > 0 {
			inc.Status = statusOpen
		}
		closing.Incidents = append(closing.Incidents, inc)
	}
	err := j.w.closeOver(ctx, closing)
	if err == nil {
		j.forgetBlind()
	} else {
		// All is done and told; the open incident is finished when the
		// messages come again.
		j.retry = true
		j.w.cfg.Logger.ErrorContext(ctx, "close", "group_id", j.groupID, "error", err.Error())
	}
	return nil
}

// refresh writes the item of a group in which nothing was to be done, if it
// changed.
func (j *judging) refresh(ctx context.Context) error {
	same := sameItem(j.known, j.mem.Known)
	if same && j.hasEvent() {
		return nil // waits that began earlier have their message
	}
	if err := j.askAgain(ctx); err != nil || same {
		return err
	}
	err := outpaced(j.w.cfg.Ledger.Close(ctx, incident.Closing{GroupID: j.groupID, Version: j.version, Known: j.known, Now: j.w.now()}))
	if err == nil || errors.Is(err, incident.ErrConflict) {
		return err
	}
	j.retry = true
	j.w.cfg.Logger.ErrorContext(ctx, "refresh", "group_id", j.groupID, "error", err.Error())
	return nil
}

// settleItem brings the item up to what was read back. Rules that changed or
// appeared while we worked were not judged: their entries stay as they were.
func (j *judging) settleItem() {
	now := j.w.now()
	for _, d := range j.drafts {
		if d.late || d.owing {
			continue // what the item says of its rules is newer
		}
		for _, e := range d.ends {
			j.settleEntry(d, e)
		}
		if d.inc.Outcome == incident.Exempt && slices.Contains(d.inc.Published, string(incident.Opened)) {
			j.known.Removed[exemptMark+d.inc.ID] = policy.RemovedRule{At: now, IncidentID: d.inc.ID}
		}
		if d.call && !d.exempt && slices.Contains(d.inc.Published, string(incident.Opened)) {
			j.known.Removed[callMark+d.inc.ID] = policy.RemovedRule{At: now, IncidentID: d.inc.ID}
		}
		if isFight(d) && d.inc.Outcome.Changed() && slices.Contains(d.inc.Published, string(incident.Contested)) {
			for _, e := range d.ends {
				j.known.Removed[contestedMark+e.rule.Value()] = policy.RemovedRule{At: now, IncidentID: d.inc.ID}
			}
		}
	}
	for _, r := range j.readBack {
		if _, known := j.known.Rules[r.ID]; known || j.endThatMade(r) == nil {
			continue
		}
		j.known.Rules[r.ID] = policy.KnownRule{Rule: stripped(r), Since: now, Order: j.nextOrder()}
	}
	j.noteLeft()
}

// settleEntry brings one rule's entry up to its end.
func (j *judging) settleEntry(d *draft, e *end) {
	if e.settled {
		return // its entry may be of a later value by now
	}
	id := e.rule.ID
	entry, known := j.known.Rules[id]
	removed := policy.RemovedRule{At: j.w.now(), IncidentID: d.inc.ID, Value: e.rule.Value()}
	removed.Opened, removed.PriorAt = j.lifeOf(d, e)
	if e.outcome.Changed() && !d.inc.Actor.Attributed {
		mark := unattributedMark + id
		if e.earlier {
			mark += inPlaceMark + d.inc.ID
		}
		j.known.Removed[mark] = policy.RemovedRule{At: removed.At, IncidentID: d.inc.ID}
	}
	if e.earlier {
		return // its entry is of a later value
	}
	switch {
	case (e.outcome == incident.Reverted || e.outcome == incident.Narrowed) && !inPlace(e):
		// A call without an answer may not have removed what a read that lags
		// does not show: then its record must lead to a look.
		removed.Unheard = !e.verdict.Named && e.tries.answered
		delete(j.known.Rules, id)
		j.known.Removed[id] = removed
	case e.outcome == incident.Narrowed, e.outcome == incident.Reverted:
		if !known {
			return
		}
		to, _ := ruleByID(e.after, id)
		told := ""
		if e.restored {
			told = entry.BeforeTold
		}
		switch {
		case e.restored && entry.Before == nil: // an interrupted judging restored it: takeUpRestored
		case e.restored: // it is the value of whoever made it, and exempt as it was
			entry.By, entry.Exemption, entry.ExemptFrom = entry.BeforeBy, entry.BeforeExemption, entry.BeforeExemptFrom
		default:
			entry.Exemption, entry.ExemptFrom = "", nil
			if e.outcome == incident.Reverted {
				entry.By = nil // somebody made another value meanwhile
			}
		}
		entry.Rule, entry.Before, entry.BeforeBy, entry.BeforeTold, entry.PriorAt, entry.IncidentID, entry.Reported, entry.Under = stripped(to), nil, nil, "", time.Time{}, "", "", nil
		entry.BeforeExemption, entry.BeforeExemptFrom = "", nil
		if told != "" { // nobody is told of its exemption again because it was away
			entry.IncidentID, entry.Reported = told, incident.Exempt.String()
		}
		entry.Under = e.waitingFor(to)
		entry.WaitsSince = waitsOf(entry.WaitsSince, entry.Under)
		if entry.Under != nil {
			entry.PriorAt = removed.At // should it become due, no record is between
		}
		entry.LeftOf = j.leftOf(e, to)
		entry.Since = entry.Since.Add(settledLater)
		j.known.Rules[id] = entry
		j.known.Removed[id+inPlaceMark+removed.At.Format(timeMark)] = removed
	case e.outcome == incident.AlreadyCompliant && len(e.after) == 0, e.outcome == incident.Gone:
		delete(j.known.Rules, id)
		if _, told := j.known.Removed[id]; !told && !secgroup.IsGroupEntry(id) {
			removed.IncidentID, removed.Opened, removed.PriorAt = "", time.Time{}, time.Time{}
			j.known.Removed[id] = removed
		}
	case known && e.outcome == incident.AlreadyCompliant:
		entry.IncidentID, entry.Reported, entry.Under, entry.WaitsSince = "", "", nil, nil
		j.known.Rules[id] = entry
	case known:
		entry.Reported = e.reported()
		if tagged, ok := ruleByID(j.asRead(), id); ok && e.outcome == incident.Tagged {
			entry.Rule = stripped(tagged)
		}
		if d.unsent || d.undone && len(d.inc.Owed) > 0 {
			entry.Reported = ""
		}
		if entry.Reported != "" && e.outcome != incident.Exempt {
			entry.Exemption = "" // that it has ended was told
		}
		j.known.Rules[id] = entry
	}
}

// settledLater sets apart what a remedy leaves of a rule: should that become due
// in its turn, it is another incident, with messages of its own.
const settledLater = time.Nanosecond

// timeMark is the form of the time behind inPlaceMark.
const timeMark = "20060102T150405.000000000Z"

// inPlace reports whether the rule's id stays.
func inPlace(e *end) bool {
	_, ok := ruleByID(e.after, e.rule.ID)
	return ok
}

func (j *judging) nextOrder() int64 {
	order := j.now.UnixMicro()
	for _, k := range j.known.Rules {
		order = max(order, k.Order+1)
	}
	return order
}

// merge puts what this judging knows over an item that another writer, who
// only noted, changed meanwhile.
func merge(fresh, mine policy.Known) policy.Known {
	out := mine
	out.Version = fresh.Version
	out.Rules, out.Removed = maps.Clone(mine.Rules), maps.Clone(mine.Removed)
	for id, k := range fresh.Rules {
		_, have := out.Rules[id]
		_, gone := out.Removed[id]
		if !have && !gone {
			out.Rules[id] = k
		}
	}
	for id, r := range fresh.Removed {
		if _, have := out.Removed[id]; !have {
			out.Removed[id] = r
		}
	}
	return out
}
