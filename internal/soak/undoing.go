package soak

import (
	"context"
	"slices"
	"time"

	"github.com/sgwarden/sgwarden/internal/apply"
	"github.com/sgwarden/sgwarden/internal/incident"
	"github.com/sgwarden/sgwarden/internal/inventory"
	"github.com/sgwarden/sgwarden/internal/plan"
	"github.com/sgwarden/sgwarden/internal/policy"
	"github.com/sgwarden/sgwarden/internal/secgroup"
	"github.com/sgwarden/sgwarden/internal/undo"
)

// undoing is one rule that an operator put back.
type undoing struct {
	incident, group string
	rule            secgroup.Rule // as it was put back, with its id
}

// undo lets an operator undo some incident, as `sgwarden undo` does, and holds
// that it puts back exactly what was taken and closes nothing at any moment.
func (w *world) undo() {
	ctx := context.Background()
	taken := w.taken()
	if lists := w.takenOut(); len(lists) > 0 && (len(taken) == 0 || len(w.story)%2 == 0) {
		w.undoList(lists[len(lists)-1])
		return
	}
	if len(taken) == 0 {
		w.growth()
		return
	}
	i := pickOf(w, taken)
	client := w.client(operator.key)
	reads, applier := inventory.New(client), apply.New(client)
	group, err := reads.Group(ctx, i.GroupID)
	if err != nil {
		return // it is gone
	}
	before := w.rules(i.GroupID)
	w.say("operator undoes %s of %s", i.ID, i.GroupID)
	w.tally.Calls["operator: undo"]++
	ends, err := undo.Undoer{
		Rules: reads.Rules, Sleep: w.sleep, Now: w.clock, Exempt: w.exemptUndone,
		Apply: func(ctx context.Context, a plan.Action) incident.Result {
			w.step.actor, w.step.sets, w.queue.made = operator.arn, nil, nil
			kept := w.keptBy(i.GroupID, a)
			res := applier.Apply(ctx, a)
			w.mark(a.Call())
			w.tally.check("undo closes nothing at any moment")
			if lost := kept.without(w.universe.ofAll(w.rules(i.GroupID))); !lost.empty() {
				w.blame("undo", "%s of %s closes %s", a.Call(), i.ID, w.inWords(lost))
			}
			w.say("  %s %v -> %v", a.Call(), a.RuleIDs(), res.Err)
			return res
		},
	}.Undo(ctx, i, undo.Plan(i, group.Rules), undo.Ask{
		Owner: "ops", Reason: "it was right", Until: w.clock().Add(time.Duration(10+w.random.IntN(110)) * time.Minute),
	})
	if err != nil {
		w.blame("harness", "undo %s: %v", i.ID, err)
		return
	}
	w.checkUndone(i, before, ends)
}

// keptBy are the flows that an action of an undoing must not close: all that are
// open, but what only the value opens that a rule had got back.
func (w *world) keptBy(group string, a plan.Action) (kept packets) {
	m, modifies := a.(plan.Modify)
	for _, r := range w.rules(group) {
		if modifies && r.ID == m.From.ID && w.isRestored(r.ID) {
			r = w.filled(m.To)
		}
		kept = kept.or(w.universe.of(r))
	}
	return kept.and(w.universe.ofAll(w.rules(group)))
}

// isRestored reports whether the guard gave the rule an earlier value back.
func (w *world) isRestored(id string) bool {
	past := w.history.rules[id]
	last := len(past.values) - 1
	return past.actors[last] == guardActor && slices.ContainsFunc(past.values[:last], func(v secgroup.Rule) bool { return same(v, past.values[last]) })
}

// taken are the closed incidents in which something was taken, once each.
func (w *world) taken() (all []incident.Incident) {
	for _, group := range w.order {
		entries, err := w.store.History(context.Background(), group)
		if err != nil {
			w.blame("harness", "history of %s: %v", group, err)
		}
		for _, e := range entries {
			i := e.Incident
			all = slices.DeleteFunc(all, func(o incident.Incident) bool { return o.ID == i.ID })
			if i.ClosedAt != nil && (i.Outcome == incident.Reverted || i.Outcome == incident.Narrowed) {
				all = append(all, i)
			}
		}
	}
	return all
}

func (w *world) exemptUndone(ctx context.Context, e policy.Exemption, now time.Time) error {
	for _, r := range e.Rules {
		w.excuse(e.Group+" "+e.ID+" "+r.Value(), exemption{group: e.Group, rule: withoutNote(r), law: e.Policy, until: e.Until, id: e.ID})
	}
	e.Made = time.Time{} // as if it was made long ago: that it ends soon is told too
	return w.store.Operator().PutExemption(ctx, e, now)
}

func (w *world) excuse(key string, e exemption) {
	w.history.excused[key], w.history.lapsing[key] = e, e
}

func withoutNote(r secgroup.Rule) secgroup.Rule {
	r.ID, r.Description, r.Tags = "", "", nil
	return r
}

// checkUndone: what is open is what was open and what was put back, and nothing
// else.
func (w *world) checkUndone(i incident.Incident, before []secgroup.Rule, ends []undo.Done) {
	put := 0
	live := map[string]secgroup.Rule{}
	for _, r := range before {
		live[r.ID] = r
	}
	for _, d := range ends {
		if d.Action == nil || d.Put == nil {
			continue
		}
		put++
		if m, ok := d.Action.(plan.Modify); ok {
			delete(live, m.From.ID)
		}
		live["put back "+d.Put.ID] = w.filled(*d.Rule.Before)
		w.history.undone = append(w.history.undone, undoing{i.ID, i.GroupID, *d.Put})
		switch d.Action.(type) {
		case plan.Modify:
			w.tally.Calls["operator: undo in place"]++
		default:
			w.tally.Calls["operator: undo of a rule that was gone"]++
		}
	}
	if put == 0 {
		return
	}
	var want packets
	for _, r := range live {
		want = want.or(w.universe.of(r))
	}
	w.tally.check("undo restores the flows exactly")
	if got := w.universe.ofAll(w.rules(i.GroupID)); got != want {
		w.blame("undo", "of %s: %s is open that was not to be, %s is not", i.ID, w.inWords(got.without(want)), w.inWords(want.without(got)))
	}
}

// filled is a rule with the entries that its list has now.
func (w *world) filled(r secgroup.Rule) secgroup.Rule {
	if l, ok := r.Peer.(secgroup.PrefixList); ok {
		l.Entries, l.Readable = w.history.entries(l.ID), true
		r.Peer = l
	}
	return r
}

// isExcused reports whether something of a law is exempt, in the ledger.
func (w *world) isExcused(l law) bool {
	if w.docket.exempts == l.id {
		return true
	}
	for _, e := range w.history.excused {
		if e.law == l.id {
			return true
		}
	}
	return false
}

// lapse ends the exemptions whose time has come, and lets those that end within
// the judging to come end first: which of the two it meets would be left open.
func (w *world) lapse() {
	const judging = 2 * time.Minute
	for _, id := range sortedKeys(w.history.excused) {
		e := w.history.excused[id]
		if e.until.IsZero() || e.until.After(w.clock().Add(judging)) {
			continue
		}
		if left := e.until.Sub(w.clock()); left >= 0 {
			w.wait(left + time.Second)
		}
		delete(w.history.excused, id)
		w.tally.Calls["an exemption lapses"]++
		w.say("exemption %s has ended", id)
	}
}

// checkUndoingIsTold: what an operator put back, and that stands by that alone, was
// told of.
func (w *world) checkUndoingIsTold(group string, known policy.Known) {
	for _, u := range w.history.undone {
		live, isLive := byID(w.rules(group), u.rule.ID)
		if u.group != group || !isLive || !same(live, withoutAccount(u.rule)) || w.docket.exempts != "" {
			continue
		}
		for _, l := range w.docket.laws {
			if l.tolerates() || l.whole || l.except != "" || !w.universe.of(live).meets(w.forbiddenIn(l, group).without(w.forbiddenBut(l, group, live))) {
				continue
			}
			w.tally.check("what an operator put back is told")
			if known.Rules[live.ID].Reported != "exempt" {
				w.blame("books", "%s %s of %s was put back by undo of %s, and nobody was told", live.ID, live, group, u.incident)
			}
		}
	}
}
