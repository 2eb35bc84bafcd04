package warden

import (
	"slices"
	"sync"
	"time"

	"github.com/sgwarden/sgwarden/internal/incident"
)

// blindAct is what was done about one rule while the ledger was down, and told
// under an incident of its own, until it is written.
type blindAct struct {
	inc       incident.Incident // of this one rule, with Published as it was sent
	journal   []incident.Journal
	answered  bool // a call to remove it was answered with success
	uncertain bool // a call to remove it may have been done, nobody knows
}

// blindBooks are what this process did without the ledger. A message that comes
// again to another process finds its rule gone and no more.
type blindBooks struct {
	mu    sync.Mutex
	count int
	acts  map[string]blindAct // by incident id
}

// reserve takes of what may be removed without the ledger as much as there is
// of n.
func (b *blindBooks) reserve(n int) int {
	b.mu.Lock()
	defer b.mu.Unlock()
	n = min(n, blindMost-b.count)
	b.count += n
	return n
}

// keep adds what was done to what an earlier delivery of the same record did.
func (b *blindBooks) keep(a blindAct) {
	b.mu.Lock()
	defer b.mu.Unlock()
	was := b.acts[a.inc.ID]
	a.journal = slices.Concat(was.journal, a.journal)
	a.answered, a.uncertain = a.answered || was.answered, a.uncertain || was.uncertain
	b.acts[a.inc.ID] = a
}

func (b *blindBooks) forget(id string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.acts, id)
}

// published are the event types that were sent about an incident.
func (b *blindBooks) published(id string) []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Clone(b.acts[id].inc.Published)
}

// of gives what was done in a group, by incident id.
func (b *blindBooks) of(groupID string) []*blindAct {
	b.mu.Lock()
	defer b.mu.Unlock()
	var out []*blindAct
	for _, id := range sortedKeys(b.acts) {
		if a := b.acts[id]; a.inc.GroupID == groupID {
			out = append(out, &a)
		}
	}
	return out
}

// takeUpBlind carries on what was done without the ledger, as soon as it is
// back. Where an open incident holds the rule it belongs there, so that the rule
// ends once; else it is an incident, which only this process knows so far.
func (j *judging) takeUpBlind() {
	for _, act := range j.w.removed.of(j.groupID) {
		rule := act.inc.Rules[0]
		d := j.holderOf(rule.ID)
		if d == nil || d.undone { // an undoing is over: what is taken after it is no part of it
			d = &draft{inc: act.inc, stored: &act.inc}
			_, live := ruleByID(j.live.Rules, rule.ID)
			d.final = !live && !act.inc.Outcome.StaysOpen()
			j.drafts = append(j.drafts, d)
		} else {
			d.adopt(act)
		}
		d.blind = append(d.blind, act)
		j.journal = append(j.journal, act.journal...)
	}
}

// adopt writes what was done about one of its rules into an open incident.
func (d *draft) adopt(act *blindAct) {
	if d.inc.ID == act.inc.ID {
		return // it was written before, and could not be closed
	}
	for _, note := range append(slices.Clone(act.inc.Notes), incident.ToldAs+act.inc.ID) {
		d.inc.Notes = appendOnce(slices.Clone(d.inc.Notes), note)
	}
	for _, line := range act.inc.Actions {
		d.inc.Actions = appendOnce(slices.Clone(d.inc.Actions), line)
	}
	if !d.inc.Actor.Attributed {
		d.inc.Actor, d.inc.APICall, d.inc.EventID = act.inc.Actor, act.inc.APICall, act.inc.EventID
	}
}

// blindly gives what was done about a rule without the ledger; nil = nothing.
func (d *draft) blindly(ruleID string) *blindAct {
	for _, act := range d.blind {
		if act.inc.Rules[0].ID == ruleID {
			return act
		}
	}
	return nil
}

// endBlind is the end of a rule that is gone after it was removed without the
// ledger; false = it was not, or is not known to be.
func (j *judging) endBlind(act *blindAct, e *end) bool {
	switch {
	case act.answered:
		e.outcome, e.reason = incident.Reverted, reasonLedgerDown
	case act.uncertain && j.exists:
		e.outcome, e.reason = incident.Reverted, reasonInterrupted
	default:
		return false
	}
	if e.draft.blindly(e.rule.ID) == act {
		e.rule = ruleBefore(act.inc.Rules[0])
	}
	e.after, e.restored, e.fallback = nil, false, ""
	return true
}

// takenBlindly is what was done without the ledger about a rule of a stored incident:
// as that incident's, or as a later one's, whose value opened some of what this one
// tells of. nil = nothing.
func (j *judging) takenBlindly(d *draft, r incident.Rule) *blindAct {
	if act := d.blindly(r.ID); act != nil || d.exempt || r.Before == nil {
		return act
	}
	for _, later := range j.drafts {
		act := later.blindly(r.ID)
		if act == nil {
			continue
		}
		if taken := act.inc.Rules[0].Before; taken != nil && taken.Region().Overlaps(r.Before.Region()) {
			return act
		}
	}
	return nil
}

// toldBlind reports whether all that became of an incident was told while the
// ledger was down, and nothing of it before.
func (d *draft) toldBlind() bool {
	return len(d.inc.Published) == 0 && len(d.blind) > 0 && !slices.ContainsFunc(d.ends, func(e *end) bool {
		act := d.blindly(e.rule.ID)
		return act == nil || e.outcome != act.inc.Outcome || !slices.Contains(act.inc.Published, string(incident.Acted))
	})
}

// closedBlind is when the last rule of an incident was seen to be gone, if all
// were while the ledger was down; nil = they were not.
func (d *draft) closedBlind() (last *time.Time) {
	for _, e := range d.ends {
		act := d.blindly(e.rule.ID)
		if act == nil || act.inc.ClosedAt == nil || e.outcome != act.inc.Outcome {
			return nil
		}
		if last == nil || act.inc.ClosedAt.After(*last) {
			last = act.inc.ClosedAt
		}
	}
	return last
}

// forgetBlind drops what is written now.
func (j *judging) forgetBlind() {
	for _, d := range j.drafts {
		for _, act := range d.blind {
			j.w.removed.forget(act.inc.ID)
		}
	}
}
