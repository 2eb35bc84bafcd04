package soak

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/sgwarden/sgwarden/internal/incident"
	"github.com/sgwarden/sgwarden/internal/policy"
	"github.com/sgwarden/sgwarden/internal/secgroup"
)

// Before its baseline act a law acts only on rules that a record at hand names
// with their live value, on those that an open incident holds under it, and on
// those that an exemption from it covered. So what must go, and what may, follows
// from what was told to the guard when.

// naming is one rule that a record names: what an Authorize or a Modify made.
type naming struct {
	id       string
	value    secgroup.Rule
	modifies bool
	at       time.Time // as the record tells it
}

// names are the rules that a call made, if its record names what it makes.
func (w *world) names(action string, ids []string) (names []naming) {
	modifies := action == "ModifySecurityGroupRules"
	if !modifies && !strings.HasPrefix(action, "Authorize") {
		return nil
	}
	for _, id := range ids {
		values := w.history.rules[id].values
		names = append(names, naming{id, values[len(values)-1], modifies, w.clock().Truncate(time.Second)})
	}
	return names
}

// atHand is what the records of one judging name.
type atHand struct {
	// named are the values that they name, by rule; of a damaged record, which
	// may name anything, all that the rule ever was.
	named map[string][]secgroup.Rule
	// owed are those of them that the call may have opened: an Authorize opens all
	// of it, a Modify only what goes beyond the value that the guard knew before.
	owed map[string][]secgroup.Rule
}

// hear gathers what the messages that are about to be judged name.
func (w *world) hear(messages []*message) {
	w.step.hand = atHand{map[string][]secgroup.Rule{}, map[string][]secgroup.Rule{}}
	if !w.docket.beforeAct {
		return
	}
	for _, m := range messages {
		for _, id := range m.mayName {
			w.step.hand.named[id] = append(w.step.hand.named[id], w.history.rules[id].values...)
		}
		for _, n := range m.names {
			w.step.hand.named[n.id] = append(w.step.hand.named[n.id], n.value)
			if !n.modifies || w.widens(n) {
				w.step.hand.owed[n.id] = append(w.step.hand.owed[n.id], n.value)
			}
		}
	}
}

// widens reports whether a Modify opened flows beyond the value that the guard
// knew: it knew none, or another, or saw this one only after the call.
func (w *world) widens(n naming) bool {
	memory, err := w.store.Observe(context.Background(), w.history.rules[n.id].group)
	if err != nil {
		w.blame("harness", "observe: %v", err)
	}
	known, ok := memory.Known.Rules[n.id]
	return !ok || !known.Since.Before(n.at) || !w.universe.of(n.value).without(w.ofKnown(known)).empty()
}

// ofKnown are the flows of a value as the guard knew it: of a list whose entries
// have changed since, nothing is known.
func (w *world) ofKnown(known policy.KnownRule) packets {
	r := known.Rule
	if l, ok := r.Peer.(secgroup.PrefixList); ok {
		l.Entries, l.Readable = w.history.entries(l.ID), true
		if policy.ListDigest(l.Entries) != known.ListDigest {
			return packets{}
		}
		r.Peer = l
	}
	return w.universe.of(r)
}

// isNamed reports whether a record at hand names a rule with a value that the
// law refuses, and that the rule has within this step, or that the guard has
// left it of.
func (w *world) isNamed(l law, id string) bool {
	past := w.history.rules[id]
	return slices.ContainsFunc(w.step.hand.named[id], func(v secgroup.Rule) bool {
		live := slices.ContainsFunc(w.valuesOf(id), func(r secgroup.Rule) bool { return same(r, v) })
		return (live || past.isLeftOf(v)) && w.universe.of(v).meets(w.forbiddenBut(l, past.group, v))
	})
}

// mayAct reports whether a law has the right to act on a rule in this step.
func (w *world) mayAct(l law, id string) bool {
	return !w.docket.beforeAct || w.history.held[id][l.id] || w.isNamed(l, id) || w.wasExcused(l, id)
}

// wasExcused reports whether an exemption from the law, in force or ended, is
// about flows that a value of the rule had: how it was judged meanwhile is left
// open.
func (w *world) wasExcused(l law, id string) bool {
	past := w.history.rules[id]
	for _, e := range w.history.lapsing {
		if e.law != l.id || e.group != past.group {
			continue
		}
		for _, v := range past.looks {
			if let, applies := exemptFor(e.rule, v); applies && w.universe.of(v).meets(w.universe.of(let)) {
				return true
			}
		}
	}
	return false
}

// isLeftOf reports whether the rule is what the guard alone made of a value.
func (p *pastRule) isLeftOf(v secgroup.Rule) bool {
	for n := len(p.values) - 1; n >= 0; n-- {
		if same(p.values[n], v) {
			return true
		}
		if p.actors[n] != guardActor {
			return false
		}
	}
	return false
}

// isRestored reports whether the rule has got back what it was before a value.
func (p *pastRule) isRestored(v secgroup.Rule) bool {
	last := p.values[len(p.values)-1]
	first := slices.IndexFunc(p.values, func(r secgroup.Rule) bool { return same(r, v) })
	return !same(last, v) && slices.ContainsFunc(p.values[:max(first, 0)], func(r secgroup.Rule) bool { return same(r, last) })
}

// heed notes what the guard owes for the messages that it is done with.
func (w *world) heed(messages []*message, failed map[string]bool) {
	if !w.docket.beforeAct {
		return
	}
	for _, m := range messages {
		for _, n := range m.names {
			if !failed[m.id] && slices.ContainsFunc(w.step.hand.owed[n.id], func(v secgroup.Rule) bool { return same(v, n.value) }) {
				w.owe(n)
			}
		}
	}
}

// hold notes under which laws the open incidents hold rules, once a judging is
// checked.
func (w *world) hold() {
	for id := range w.step.hand.named {
		for _, l := range w.docket.laws {
			if w.step.opened[w.history.rules[id].group] && w.isNamed(l, id) {
				if w.history.held[id] == nil {
					w.history.held[id] = map[string]bool{}
				}
				w.history.held[id][l.id] = true
			}
		}
	}
	for id := range w.history.held {
		if !w.isOpen(id) {
			delete(w.history.held, id)
		}
	}
}

// owe notes that a rule must not stand as it is, if the record that is done with
// names it so. A read that is late, or somebody who changes the rule meanwhile,
// may have shown the guard another value.
func (w *world) owe(n naming) {
	past := w.history.rules[n.id]
	live, isLive := byID(w.rules(past.group), n.id)
	if !isLive || !past.isLeftOf(n.value) || past.isRestored(n.value) || w.effects.plan.fault == "stale read" {
		return
	}
	for _, rules := range w.step.trace[past.group] {
		if r, ok := byID(rules, n.id); !ok || !same(r, n.value) && !same(r, live) {
			return
		}
	}
	for _, l := range w.docket.laws {
		if l.acts() && w.universe.of(live).meets(w.forbiddenIn(l, past.group)) {
			past.owe(l) // as soon as no exemption covers it
		}
	}
}

func (p *pastRule) owe(l law) {
	if p.owed == nil {
		p.owed = map[string]int{}
	}
	p.owed[l.id] = len(p.values)
	p.condemned = append(p.condemned, p.values[len(p.values)-1])
}

// owes reports whether the rule's last value must go under a law.
func (p *pastRule) owes(l law) bool { return p.owed[l.id] == len(p.values) }

// isOpen reports whether an open incident has the rule.
func (w *world) isOpen(id string) bool {
	memory, err := w.store.Observe(context.Background(), w.history.rules[id].group)
	if err != nil {
		w.blame("harness", "observe: %v", err)
	}
	return slices.ContainsFunc(memory.Open, func(i incident.Incident) bool {
		return slices.ContainsFunc(i.Rules, func(r incident.Rule) bool { return r.ID == id })
	})
}

// stands reports whether an earlier value of a rule stands before the act, so
// that it may be put back: no record at hand, or earlier one, condemned it.
func (w *world) stands(id string, r secgroup.Rule) bool {
	is := func(v secgroup.Rule) bool { return same(v, r) }
	return w.docket.beforeAct && !slices.ContainsFunc(w.history.rules[id].condemned, is) && !slices.ContainsFunc(w.step.hand.owed[id], is)
}
