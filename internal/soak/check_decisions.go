package soak

import (
	"slices"
	"strings"

	"github.com/sgwarden/sgwarden/internal/incident"
	"github.com/sgwarden/sgwarden/internal/secgroup"
	"github.com/sgwarden/sgwarden/internal/warden"
)

// checkDecisions holds every answer of the guard against what EC2 tells.
func (w *world) checkDecisions(decisions []warden.Decision) {
	for _, d := range decisions {
		w.tally.Outcomes[d.Outcome.String()]++
		w.checkFinished(d)
		for _, r := range d.Rules {
			w.tally.RuleOutcomes[r.Outcome.String()]++
			w.checkClaim(d, r)
		}
		w.checkClean(d)
		w.checkDocument(d.Incident)
	}
}

// acknowledged are the beginnings of the reasons for which an unresolved
// message need not come again: its content will not get better.
var acknowledged = []string{"foreign", "undecodable", "no-such-group-name", "incomplete record before the baseline act"}

// checkFinished: what is not finished fails its message.
func (w *world) checkFinished(d warden.Decision) {
	w.tally.check("what is not finished comes again")
	byContent := slices.ContainsFunc(acknowledged, func(reason string) bool { return strings.HasPrefix(d.Reason, reason) })
	worst := d.Outcome
	for _, r := range d.Rules {
		worst = max(worst, r.Outcome)
	}
	if worst == 0 {
		w.blame("answer", "a decision without outcome: %+v", d)
	}
	if worst > incident.Pending && !d.Retry && !byContent {
		w.blame("answer", "%s (%s) of %s is acknowledged", worst, d.Reason, d.GroupID)
	}
}

// checkClaim holds what is said of one rule against EC2.
func (w *world) checkClaim(d warden.Decision, r warden.RuleDecision) {
	if r.ID == "" || d.GroupID == "" {
		return
	}
	w.tally.check("outcomes tell the truth")
	live, isLive := byID(w.rules(d.GroupID), r.ID)
	switch r.Outcome {
	case incident.Reverted:
		past := w.history.rules[r.ID]
		if isLive && (past == nil || !past.ever(live)) {
			w.blame("truth", "%s is said to be reverted, and is %s", r.ID, live)
		}
		if isLive && same(live, r.Rule) {
			w.blame("truth", "%s is said to be reverted, and stands: %s", r.ID, live)
		}
	case incident.Narrowed:
		w.checkNarrowed(d, r, live, isLive)
	case incident.Tagged:
		if isLive && live.Tags[tagKey] == "" {
			w.blame("truth", "%s is said to be tagged, and is not", r.ID)
		}
	case incident.NotReverted:
		if values := w.valuesOf(r.ID); len(values) == 0 {
			w.blame("truth", "%s is said to stand, and was not there", r.ID)
		}
	case incident.Compliant:
		w.checkCompliant(d, r)
	}
}

// tagKey is the tag that the remedy `tag` puts on a rule.
const tagKey = "sgwarden:violates"

// checkCompliant: no law refuses the rule that is called compliant.
func (w *world) checkCompliant(d warden.Decision, r warden.RuleDecision) {
	past := w.history.rules[r.ID]
	if past == nil || d.Change.EventName != "AuthorizeSecurityGroupIngress" && d.Change.EventName != "AuthorizeSecurityGroupEgress" || w.step.raced[d.GroupID] ||
		w.effects.plan.fault == "stale read" {
		return // a Modify that widens nothing is compliant, whatever the rule is
	}
	defer w.knowing()()
	for _, l := range w.docket.laws {
		if l.tolerates() || l.whole || l.except != "" || len(past.values) > 1 {
			continue
		}
		values := w.valuesOf(r.ID)
		if len(values) == 0 {
			return
		}
		refused := func(v secgroup.Rule) bool { return w.universe.of(v).meets(w.forbiddenBut(l, d.GroupID, v)) }
		if !slices.ContainsFunc(values, func(v secgroup.Rule) bool { return !refused(v) }) {
			w.blame("truth", "%s is said to be compliant, and law %s refuses %v", r.ID, l.id, values)
		}
	}
}

// tooMuchOf is what the laws that act take of a rule, and that is not exempt.
func (w *world) tooMuchOf(group string, r secgroup.Rule) (too packets) {
	defer w.knowing()()
	for _, l := range w.docket.laws {
		if l.acts() && !l.waits && w.mayAct(l, r.ID) {
			too = too.or(w.forbiddenBut(l, group, r))
		}
	}
	return too
}

// checkNarrowed holds P4: what is said to be narrowed admits nothing that is
// too much, and at each moment of the step the group admitted all that was to
// be kept.
func (w *world) checkNarrowed(d warden.Decision, r warden.RuleDecision, live secgroup.Rule, isLive bool) {
	too := packets{}
	if isLive {
		too = w.tooMuchOf(d.GroupID, live)
	}
	// A race may have come after the read-back, which is what is claimed; a stale
	// read shows what it once was narrowed to.
	stale := w.effects.plan.fault == "stale read" && slices.ContainsFunc(w.valuesOf(r.ID), func(v secgroup.Rule) bool { return !w.universe.of(v).meets(too) })
	if isLive && !stale && !w.step.raced[d.GroupID] && w.universe.of(live).meets(too) {
		w.blame("truth", "%s is said to be narrowed, and is %s", r.ID, live)
	}
	trace := w.step.trace[d.GroupID]
	if w.step.raced[d.GroupID] || len(trace) == 0 || r.Rule.Peer == nil {
		return
	}
	first, was := byID(trace[0], r.ID)
	takenWrongly := slices.ContainsFunc(w.step.wronged, func(g wronged) bool { return g.rule.ID == r.ID })
	if !was || !same(first, withoutAccount(r.Rule)) || takenWrongly {
		return // an earlier step began it, or it was put back: checkPutBack
	}
	kept := w.kept(d.GroupID, r.ID, first)
	if _, isList := first.Peer.(secgroup.PrefixList); isList && !isLive {
		// onList: what the list held all the time became rules.
		for _, look := range w.history.rules[r.ID].looks {
			kept = kept.and(w.universe.of(look))
		}
	}
	for _, rules := range trace {
		w.tally.check("P4 what is to be kept is open at each moment")
		if lost := kept.without(w.universe.ofAll(rules)); !lost.empty() {
			w.blame("P4", "%s was narrowed from %s, and meanwhile %s was closed: %v", r.ID, first, w.inWords(lost), rules)
			return
		}
	}
}

func withoutAccount(r secgroup.Rule) secgroup.Rule {
	if ref, ok := r.Peer.(secgroup.GroupReference); ok && ref.AccountID == account {
		ref.AccountID = ""
		r.Peer = ref
	}
	return r
}

// kept is what the laws leave of a rule that is narrowed: on ports without
// excess all of it; on the others what `to` names, or, where not the internet
// is forbidden, what is compliant. Of all protocols only tcp, udp and the
// family's icmp can be kept.
func (w *world) kept(group, id string, r secgroup.Rule) packets {
	all := w.universe.of(r)
	kept := all
	for _, l := range w.docket.laws {
		f := w.forbiddenBut(l, group, r)
		if l.remedy != narrow || !w.mayAct(l, id) || !all.meets(f) {
			continue
		}
		excess := map[flow]bool{}
		all.and(f).each(func(n int) { excess[flowOf(w.universe.packets[n])] = true })
		var left packets
		all.each(func(n int) {
			p := w.universe.packets[n]
			if !excess[flowOf(p)] || !f.has(n) && (l.compliant || inAny(p.Remote, l.to)) {
				left.add(n)
			}
		})
		kept = kept.and(left)
	}
	if r.Protocol != secgroup.AllProtocols {
		return kept
	}
	return kept.and(w.universe.where(isOrdinary))
}

// checkClean holds P1 at once where nothing stood in the way: a group that was
// looked at, and whose message is done with, has no rule that is due.
func (w *world) checkClean(d warden.Decision) {
	p := w.effects.plan
	if d.Retry || d.Story == nil || d.Story.Before.ID == "" || w.step.raced[d.GroupID] || p.fault == "stale read" || p.killed ||
		w.history.paused || d.Outcome == incident.Pending || d.Outcome == incident.Ignored {
		return
	}
	unread := map[string]bool{}
	for _, r := range d.Rules {
		if r.Outcome == incident.Pending {
			return
		}
		// A list that was denied was told: that it is asked for again is seen at rest.
		unread[r.ID] = r.Reason == "unreadable" && p.fault == "denied"
	}
	w.tally.check("P1 what is acknowledged is done")
	held := w.holds()
	w.checkNothingDue(d.GroupID, "acknowledged", func(l law, ruleID string) bool {
		return l.waits || l.except != "" || held[l.id] || w.step.holds[l.id] || unread[ruleID]
	})
}

// knowing lets exemptions count until the function that it gives is called: what
// is exempt need not go, though without the ledger it may.
func (w *world) knowing() (end func()) {
	blind := w.step.blind
	w.step.blind = false
	return func() { w.step.blind = blind }
}

// checkNothingDue: no law that acts refuses a live rule of the group, but for those
// that are skipped.
func (w *world) checkNothingDue(group, when string, skip func(l law, ruleID string) bool) {
	rules := w.rules(group)
	if len(rules) == 0 {
		return
	}
	defer w.knowing()()
	for _, l := range w.docket.laws {
		if !l.acts() {
			continue
		}
		for _, r := range rules {
			past := w.history.rules[r.ID]
			if skip(l, r.ID) || l.except != "" && slices.Contains(past.actors, l.except) || w.docket.beforeAct && !past.owes(l) {
				continue
			}
			if w.universe.of(r).meets(w.dueUnder(l, group, r, rules)) {
				w.blame("P1", "%s: %s %s of %s stands under law %s", when, r.ID, r, group, l.id)
				return
			}
		}
	}
}

// dueUnder gives the witnesses that a law refuses of a rule beside others.
func (w *world) dueUnder(l law, group string, r secgroup.Rule, rules []secgroup.Rule) packets {
	switch {
	case l.tolerates():
		return w.overTolerance(l, group, rules)
	case l.whole:
		return w.completed(l, group, rules)
	}
	return w.forbiddenBut(l, group, r)
}
