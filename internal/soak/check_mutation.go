package soak

import (
	"context"
	"maps"
	"slices"
	"strings"

	"github.com/sgwarden/sgwarden/internal/incident"
	"github.com/sgwarden/sgwarden/internal/localec2"
	"github.com/sgwarden/sgwarden/internal/secgroup"
	"github.com/sgwarden/sgwarden/internal/warden"
)

// checkMutation holds a call of the guard, before it runs, against P5: it
// touches only rules that, at some moment of this step, a law refused.
func (w *world) checkMutation(c localec2.Call) {
	var ids []string
	for name, values := range c.Params {
		if strings.HasPrefix(name, "SecurityGroupRuleId.") || strings.HasSuffix(name, ".SecurityGroupRuleId") ||
			strings.HasPrefix(name, "ResourceId.") && strings.HasPrefix(values[0], "sgr-") {
			ids = append(ids, values[0])
		}
	}
	slices.Sort(ids)
	w.say("  guard: %s %s", c.Action, strings.Join(ids, " "))
	w.tally.check("P5 no compliant rule is touched")
	w.checkFuse(ids)
	if w.history.paused && !w.step.blind {
		w.blame("P5", "%s on %v though all is paused", c.Action, ids)
	}
	w.checkListEdit(c)
	for _, id := range ids {
		past := w.history.rules[id]
		if past == nil {
			w.blame("P5", "%s on %s, which never was", c.Action, id)
			return
		}
		w.history.touched[id] = true
		if w.step.blind {
			w.history.blindly[id] = w.starts
		}
		if !w.mayTouch(c.Action, id, past) {
			w.blame("P5", "%s touches %s of %s, which no law refuses: %v", c.Action, id, past.group, w.valuesOf(id))
		}
	}
}

// valuesOf are the values that a rule had within this step, or, with a stale
// read, ever.
func (w *world) valuesOf(id string) []secgroup.Rule {
	past := w.history.rules[id]
	if past == nil {
		return nil
	}
	if w.effects.plan.fault == "stale read" {
		return past.looks
	}
	var out []secgroup.Rule
	for _, rules := range w.step.trace[past.group] {
		if r, ok := byID(rules, id); ok {
			out = append(out, r)
		}
	}
	return out
}

// mayTouch reports whether some law that acts, or for a tag some law that tags,
// refuses one of the rule's values.
func (w *world) mayTouch(action, id string, past *pastRule) bool {
	for _, l := range w.docket.laws {
		if !l.acts() && !(l.remedy == tag && action == "CreateTags") || l.acts() && action == "CreateTags" {
			continue
		}
		if l.except != "" && past.madeOnlyBy(l.except) && past.heard && !past.forged || !w.mayAct(l, id) || w.step.holds[l.id] && !w.step.blind {
			continue
		}
		for _, r := range w.valuesOf(id) {
			if w.refuses(l, past.group, r, w.unionOf(past.group)) {
				return true
			}
		}
	}
	return false
}

// unionOf is every rule that a group had within this step.
func (w *world) unionOf(group string) (all []secgroup.Rule) {
	for _, rules := range w.step.trace[group] {
		for _, r := range rules {
			if !slices.ContainsFunc(all, func(o secgroup.Rule) bool { return o.ID == r.ID && same(o, r) }) {
				all = append(all, r)
			}
		}
	}
	if w.effects.plan.fault == "stale read" {
		for _, id := range sortedKeys(w.history.rules) {
			if past := w.history.rules[id]; past.group == group {
				all = append(all, past.looks...)
			}
		}
	}
	return all
}

// refuses reports whether a law may refuse a rule of a group beside others: for
// a law that looks at the sum, whether the sum of all is too much and the rule
// has a part in it. Which of several that share a tolerance goes is left open.
func (w *world) refuses(l law, group string, r secgroup.Rule, beside []secgroup.Rule) bool {
	mine := w.universe.of(r).and(w.forbiddenBut(l, group, r))
	if mine.empty() {
		return false
	}
	all := append(slices.Clone(beside), r)
	switch {
	case l.tolerates():
		over := w.overTolerance(l, group, all)
		return mine.meets(over)
	case l.whole:
		return mine.meets(w.completed(l, group, all))
	}
	return true
}

// forbiddenBut is what a law forbids in a group, without what is exempt for a
// rule: an exempt list means the rules that refer to it, with the entries that it
// has, and no other rule that opens the same.
func (w *world) forbiddenBut(l law, group string, r secgroup.Rule) packets {
	f := w.forbiddenIn(l, group)
	exempt := slices.Clone(l.exempt)
	if !w.step.blind { // without the ledger its exemptions cannot be known
		for _, id := range sortedKeys(w.history.excused) {
			if e := w.history.excused[id]; e.law == l.id {
				exempt = append(exempt, e)
			}
		}
	}
	for _, e := range exempt {
		if e.group != group {
			continue
		}
		if exempt, applies := exemptFor(e.rule, r); applies {
			f = f.without(w.universe.of(exempt))
		}
	}
	return f
}

// exemptFor is what an exempt rule means for a rule.
func exemptFor(exempt, r secgroup.Rule) (secgroup.Rule, bool) {
	list, isList := exempt.Peer.(secgroup.PrefixList)
	if !isList {
		return exempt, true
	}
	mine, refers := r.Peer.(secgroup.PrefixList)
	exempt.Peer = r.Peer
	return exempt, refers && mine.ID == list.ID
}

func (w *world) forbiddenIn(l law, group string) packets {
	p := w.place(group)
	key := scopeKey{w.docket.name, l.id, p.id, p.name, p.vpc}
	f, ok := w.universe.forbids[key]
	if !ok {
		f = w.universe.forbidden(l, p)
		w.universe.forbids[key] = f
	}
	return f
}

// checkEffect holds what a call of the guard did against P3: nothing is open
// that was not open in this step, but what a rule itself once was; and of what
// is forbidden nothing new is open at all.
func (w *world) checkEffect(group string, before, after []secgroup.Rule) {
	w.tally.check("P3 nothing is granted that was not granted")
	granted := w.universe.ofAll(w.unionOf(group)) // of a stale read: all that ever was
	stood := packets{}
	var changed []secgroup.Rule
	for _, r := range after {
		old, was := byID(before, r.ID)
		if was && same(old, r) {
			continue
		}
		past := w.history.rules[r.ID]
		if was && slices.ContainsFunc(past.values[:len(past.values)-1], func(v secgroup.Rule) bool { return same(v, r) }) {
			w.tally.check("P3 a restored rule was that once")
			if w.stands(r.ID, r) {
				stood = stood.or(w.universe.of(r))
			}
			continue
		}
		changed = append(changed, r)
		if fresh := w.universe.of(r).without(granted); !fresh.empty() {
			w.blame("P3", "the guard made %s %s, which opens what was closed; before: %v", r.ID, r, before)
		}
	}
	for _, r := range before {
		if _, stays := byID(after, r.ID); !stays && !w.refusedByAny(group, r) {
			w.step.wronged = append(w.step.wronged, wronged{group, r})
		}
	}
	for _, l := range w.docket.laws {
		if !l.acts() || w.effects.plan.fault == "stale read" || l.tolerates() || l.whole || l.except != "" || w.isExcused(l) {
			continue
		}
		f := w.forbiddenIn(l, group)
		stood := stood
		for _, r := range changed {
			if !w.mayAct(l, r.ID) {
				stood = stood.or(w.universe.of(r)) // the law has no say yet in what is left of it
			}
		}
		if fresh := w.universe.ofAll(after).and(f).without(w.universe.ofAll(before)).without(stood); !fresh.empty() {
			w.blame("P3", "the guard opened what law %s forbids in %s: %v, before %v", l.id, group, after, before)
		}
	}
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

// wronged is a rule that the guard took away though no law acts on the value
// that it had by then: there is no compare-and-delete.
type wronged struct {
	group string
	rule  secgroup.Rule
}

func (w *world) refusedByAny(group string, r secgroup.Rule) bool {
	return slices.ContainsFunc(w.docket.laws, func(l law) bool { return l.acts() && w.universe.of(r).meets(w.forbiddenBut(l, group, r)) })
}

// checkPutBack: such a rule is put back, or it is said how to: in an incident
// that was written, which checkSaid wants told by the time all is at rest.
func (w *world) checkPutBack(decisions []warden.Decision) {
	for _, g := range w.step.wronged {
		w.tally.check("P5 what was compliant after all is put back, or said")
		back := slices.ContainsFunc(w.rules(g.group), func(r secgroup.Rule) bool { return same(r, g.rule) })
		said := back || w.isSaid(g) || slices.ContainsFunc(decisions, func(d warden.Decision) bool {
			return d.Story != nil && slices.ContainsFunc(d.Story.Incidents, g.isIn)
		})
		if !said && !w.effects.plan.killed {
			w.blame("P5", "%s of %s was compliant when it was taken away, is not back, and nothing says so: %s", g.rule.ID, g.group, g.rule)
		}
	}
	w.step.wronged = nil
}

// isIn reports whether an incident says how to put the rule back.
func (g wronged) isIn(i incident.Incident) bool {
	return slices.ContainsFunc(i.Notes, func(n string) bool { return strings.Contains(n, "put it back: authorize "+g.rule.String()) })
}

// isSaid reports whether an open incident of the ledger says so. It is all there
// is where only records of the guard's own calls were at hand, which tell no story.
func (w *world) isSaid(g wronged) bool {
	memory, err := w.store.Observe(context.Background(), g.group)
	if err != nil {
		w.blame("harness", "observe %s: %v", g.group, err)
	}
	if !slices.ContainsFunc(memory.Open, g.isIn) {
		return false
	}
	w.history.said = append(w.history.said, g)
	return true
}

// checkSaid: what only an open incident said of a group was told once it is at rest.
func (w *world) checkSaid(group string) {
	for _, g := range w.history.said {
		if g.group == group && !slices.ContainsFunc(w.history.told, g.isIn) {
			w.blame("P5", "%s of %s was compliant when it was taken away, and nobody was told: %s", g.rule.ID, group, g.rule)
		}
	}
}
