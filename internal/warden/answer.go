package warden

import (
	"context"
	"maps"
	"slices"

	"github.com/sgwarden/sgwarden/internal/incident"
	"github.com/sgwarden/sgwarden/internal/secgroup"
)

// answer decides every record by what became of the rules.
func (j *judging) answer(ctx context.Context) {
	if len(j.unseen()) > 0 {
		j.retry = true
	}
	unnamed := j.unnamedEnds()
	for _, r := range j.records {
		if r.decided {
			continue
		}
		rules := append(j.namedEnds(r), unnamed...)
		var worst RuleDecision
		for _, d := range rules {
			if d.Outcome > worst.Outcome {
				worst = d
			}
		}
		r.decide(worst.Outcome, worst.Reason, j.retry)
		r.decision.Rules = rules
		if len(rules) == 0 {
			j.answerWithout(r)
		}
		j.answerCall(r)
		j.tell(ctx, r)
	}
	if j.retry {
		// What belongs together comes again together.
		for _, r := range j.records {
			r.decision.Retry = true
		}
	}
}

// answerWithout decides a record that no rule with an outcome belongs to.
func (j *judging) answerWithout(r *record) {
	switch {
	case !j.exists && j.isUnseen(r):
		r.decide(incident.Unresolved, reasonInvisible, true)
	case !j.exists:
		r.decide(incident.Gone, "", j.retry)
	case r.change.Effect == secgroup.Retags && !j.w.cfg.Set.JudgesTags():
		r.decide(incident.Ignored, reasonTags, j.retry)
	default:
		r.decide(incident.Compliant, "", j.retry)
	}
}

const reasonInvisible = "not-visible-yet"

// namedEnds are the outcomes of the rules that a record names. The latest
// record that names a rule with its live value is the one that made it; for
// the others it was settled already.
func (j *judging) namedEnds(r *record) []RuleDecision {
	var out []RuleDecision
	for _, n := range r.named() {
		d := RuleDecision{ID: n.Rule.ID, Rule: n.Rule, Outcome: incident.AlreadyCompliant}
		live, seen := j.sighted(n)
		blind := j.blindEnd(n)
		switch {
		case blind != nil:
			d.ID, d.Rule, d.Outcome, d.Reason = blind.rule.ID, blind.rule, blind.outcome, blind.reason
		case seen && j.latest(n, live) != r:
			d.ID, d.Rule = live.ID, live
		case seen:
			d.ID, d.Rule, d.Outcome = live.ID, live, incident.Compliant
			e, rv := j.endFor(live), j.verdictOf(live.ID)
			switch {
			case e != nil && !isLeft(n, e):
				d.Outcome, d.Reason = e.outcome, e.reason
			case e == nil && rv != nil && rv.Due: // only what is judged blindly has no end
				d.Outcome, d.Reason = incident.Unresolved, reasonLedgerDown
			}
		case !j.exists && !j.isUnseen(r):
			d.Outcome = incident.Gone
		case r.young(j.w.now()) && !j.explained(r, n):
			d.Outcome, d.Reason = incident.Unresolved, reasonInvisible
		case j.overwritten[[2]string{r.change.EventID, n.Rule.ID}] != "":
			d.Reason = reasonSuperseded
		}
		out = append(out, d)
	}
	return out
}

// isLeft reports whether an end is about a later value of the rule, of which
// the one that a record names is what is left: that record is no news.
func isLeft(n secgroup.NamedRule, e *end) bool {
	return !isNamed(n, e.rule) && slices.ContainsFunc(e.after, func(r secgroup.Rule) bool { return r.ID == e.rule.ID && isNamed(n, r) })
}

// blindEnd is the end of a rule that was removed while the ledger was down.
func (j *judging) blindEnd(n secgroup.NamedRule) *end {
	for _, ends := range []map[string]*end{j.ends, j.done} {
		for _, e := range ends {
			if e.reason == reasonLedgerDown && isNamed(n, e.rule) {
				return e
			}
		}
	}
	return nil
}

// sighted gives the rule that is named as this judging saw it.
func (j *judging) sighted(n secgroup.NamedRule) (secgroup.Rule, bool) {
	if live, ok := findNamed(n, j.live.Rules); ok {
		return live, true
	}
	for _, e := range j.done {
		if isNamed(n, e.rule) && e.rule.ID != "" {
			return e.rule, true
		}
	}
	return secgroup.Rule{}, false
}

// latest is the record whose call gave the live rule its value: the latest
// that names it so, of equal times the first.
func (j *judging) latest(_ secgroup.NamedRule, live secgroup.Rule) *record {
	var latest *record
	for _, r := range j.records {
		if latest != nil && !r.change.EventTime.After(latest.change.EventTime) {
			continue
		}
		if slices.ContainsFunc(r.named(), func(n secgroup.NamedRule) bool { return isNamed(n, live) }) {
			latest = r
		}
	}
	return latest
}

// endFor is the end of a live rule. One without a verdict is of an incident
// that was left open, and says nothing of a later value.
func (j *judging) endFor(rule secgroup.Rule) *end {
	for _, e := range []*end{j.ends[rule.ID], j.done[rule.ID]} {
		if e != nil && (e.verdict.Rule.ID != "" || e.rule.SameValue(rule)) {
			return e
		}
	}
	return nil
}

// unnamedEnds are the outcomes of rules that no record of the batch names:
// they belong to all of them.
func (j *judging) unnamedEnds() []RuleDecision {
	all := map[string]*end{}
	for _, ends := range []map[string]*end{j.done, j.ends} {
		for id, e := range ends {
			if e.outcome != 0 && j.latest(secgroup.NamedRule{}, e.rule) == nil {
				all[id] = e
			}
		}
	}
	var out []RuleDecision
	for _, id := range sortedKeys(all) {
		e := all[id]
		out = append(out, RuleDecision{ID: id, Rule: e.rule, Outcome: e.outcome, Reason: e.reason})
	}
	return out
}

func (j *judging) isUnseen(r *record) bool { return slices.Contains(j.unseen(), r) }

// tell gives the record its document, and says what an incomplete record
// before the baseline act leaves open.
func (j *judging) tell(ctx context.Context, r *record) {
	r.decision.Story = &j.story
	open := r.change.Effect == secgroup.Names && !r.change.Complete && j.leaveStanding(r)
	r.decision.Incident = j.document(r)
	if !open || r.decision.Retry { // told once it is at rest
		return
	}
	doc := r.decision.Incident
	r.decide(max(r.decision.Outcome, incident.Unresolved), "incomplete record before the baseline act: "+r.change.Incomplete, false)
	inc := j.w.eventIncident(r)
	inc.Standing, inc.GroupName, inc.VPCID = j.standing(), doc.GroupName, doc.VPCID
	if _, err := j.w.once(ctx, eventKey+inc.ID, inc, j.tries()); err != nil {
		r.decision.Retry = true
	}
	if doc.ID == "" {
		r.decision.IncidentID, r.decision.Incident = inc.ID, inc
	}
}

// leaveStanding gives the rules of a record that stand before the baseline act an
// outcome that says so: no policy found them in order. False where no rule of the
// group stands so.
func (j *judging) leaveStanding(r *record) bool {
	standing := map[string]bool{}
	for _, s := range j.standing() {
		if s.Reason == reasonBeforeAct {
			standing[s.ID] = true
		}
	}
	for i := range r.decision.Rules {
		rule := &r.decision.Rules[i]
		if !standing[rule.ID] {
			continue
		}
		rule.Outcome, rule.Reason = incident.Unresolved, reasonBeforeAct
		if r.decision.Outcome < rule.Outcome {
			r.decide(rule.Outcome, rule.Reason, r.decision.Retry)
		}
	}
	return len(standing) > 0
}

// document is the incident that a record's decision is about, or what such a
// document would say where there is none.
func (j *judging) document(r *record) incident.Incident {
	// The rules come in the order of namedEnds: of equal incidents the one of a
	// rule that the record names stands for it.
	var worst *draft
	for _, rule := range r.decision.Rules {
		for _, d := range slices.Concat(j.drafts, j.written) {
			holds := !d.undone && slices.ContainsFunc(d.ends, func(e *end) bool {
				return e.rule.ID == rule.ID && !e.earlier && rule.Outcome != incident.AlreadyCompliant
			})
			if holds && (worst == nil || d.inc.Outcome > worst.inc.Outcome) {
				worst = d
			}
		}
	}
	if c := j.callDraft(r); c != nil && (worst == nil || c.inc.Outcome > worst.inc.Outcome) {
		worst = c
	}
	if worst != nil {
		r.decision.IncidentID = worst.inc.ID
		return worst.inc
	}
	for _, rule := range r.decision.Rules {
		if e := j.endFor(rule.Rule); e != nil && e.incident != "" {
			r.decision.IncidentID = e.incident
		}
		if id := j.overwritten[[2]string{r.change.EventID, rule.ID}]; id != "" && rule.Reason == reasonSuperseded {
			r.decision.IncidentID = id
		}
	}
	if e := j.callEnd(r); e != nil && r.decision.IncidentID == "" {
		r.decision.IncidentID = e.incident
	}
	doc := j.w.baseIncident(r)
	doc.ID = r.decision.IncidentID
	doc.Outcome, doc.Reason = r.decision.Outcome, r.decision.Reason
	doc.GroupName, doc.VPCID, doc.Standing = j.live.Name, j.live.VPCID, j.standing()
	for _, rule := range r.decision.Rules {
		before := rule.Rule
		entry := incident.Rule{ID: rule.ID, Direction: rule.Rule.Direction, Outcome: rule.Outcome, Reason: rule.Reason}
		if before.Peer != nil {
			entry.Before = &before
		}
		if _, live := ruleByID(j.live.Rules, rule.ID); live && before.Peer != nil {
			entry.After = []secgroup.Rule{before}
		}
		doc.Rules = append(doc.Rules, entry)
	}
	if j.readBack == nil && r.decision.Outcome == incident.Compliant {
		doc.ClosedAt = at(j.w.now())
	}
	return doc
}

// ensureDocument gives a record that was decided without a look at its group
// (failed, not watched) the document that says so.
func (w *Warden) ensureDocument(r *record) {
	if r.decision.Incident.Outcome != 0 {
		return
	}
	doc := w.baseIncident(r)
	doc.ID, doc.Outcome, doc.Reason = r.decision.IncidentID, r.decision.Outcome, r.decision.Reason
	r.decision.Incident = doc
}

// sortedKeys are the keys of a map in order.
func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
