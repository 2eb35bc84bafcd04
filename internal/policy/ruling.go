package policy

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/sgwarden/sgwarden/internal/secgroup"
)

// attributionWait is how long a rule that no record names may wait for its
// own record, where an exception by actor could cover it.
const attributionWait = 120 * time.Second

// ruling is what one policy says of one subject, with what composing needs.
type ruling struct {
	Finding
	subject *subject
	kept    secgroup.Region // exempt or baseline flows: narrowing leaves them
	needs   []Need
}

// rule judges subjects, which are in the order of the walk, under one policy.
// Subjects that the policy has nothing against get no ruling.
func (j *judgement) rule(p *Policy, subjects []*subject) []ruling {
	if p.isDemanding() {
		return j.demanding(p, subjects)
	}
	var met []*subject
	for _, s := range subjects {
		if j.meets(p, s) {
			met = append(met, s)
		}
	}
	if len(met) == 0 {
		return nil
	}
	excuses := make([]excuse, len(met))
	all, open := make([]secgroup.Region, len(met)), make([]secgroup.Region, len(met))
	excused := false
	for i, s := range met {
		excuses[i] = j.excuse(p, s)
		flows := excuses[i].flows()
		all[i], open[i] = s.region, s.region.Subtract(flows)
		excused = excused || !flows.IsEmpty()
	}
	excess := j.walk(p, met, open)
	would := excess
	if excused {
		// What the excused rules would be guilty of, were they not.
		would = j.walk(p, met, all)
	}
	var out []ruling
	for i, s := range met {
		r := ruling{subject: s, kept: excuses[i].flows(), Finding: Finding{Policy: p, File: p.File, Line: p.Line, Excess: excess[i]}}
		if j.settleState(&r, &excuses[i], would[i]) {
			if j.lacksOldEntries(p, s) {
				r.needs = append(r.needs, NeedOldLists)
			}
			out = append(out, r)
		}
	}
	return out
}

// meets reports whether some flow of the subject lies in a box of p, or may.
func (j *judgement) meets(p *Policy, s *subject) bool {
	for _, c := range p.clauses {
		if s.region.Overlaps(c.forbidden(s.rule.Direction, s.rule.Peer, j.at)) {
			return true
		}
	}
	return s.isOpaque() && !j.possible(p, s).IsEmpty()
}

// possible is the flows of an opaque rule that p may forbid.
func (j *judgement) possible(p *Policy, s *subject) secgroup.Region {
	var out secgroup.Region
	for _, c := range p.clauses {
		out = out.Union(s.region.Intersect(c.region(s.rule.Direction, s.rule.Peer, j.at, atMost)))
	}
	return out
}

// settleState fills in state, place, remainder and reason; false = fine.
func (j *judgement) settleState(r *ruling, e *excuse, would secgroup.Region) bool {
	s, p := r.subject, r.Policy
	switch excused := would.Intersect(e.flows()); {
	case !r.Excess.IsEmpty():
		j.dueState(r, e)
		r.needs = append(r.needs, j.needsFor(r)...)
		if e.hinges {
			r.needs = append(r.needs, NeedLists)
		}
	case !excused.IsEmpty():
		r.Excess = excused
		excusedState(r, e)
		r.needs = j.needsBeyond(p, s, s.region.Subtract(r.kept))
	case s.isOpaque():
		possible := j.possible(p, s)
		if possible.IsEmpty() {
			return false
		}
		r.Line = j.lineOf(p, s, possible)
		if e.flows().Covers(possible) {
			excusedState(r, e)
			// What excuses a rule is about the entries that its list had then: what
			// it gets later is growth, and what it had is none.
			if list, ok := s.rule.Peer.(secgroup.PrefixList); ok && list.Refused == "" {
				r.needs = []Need{NeedLists}
			}
		} else {
			j.unknownState(r, e)
		}
		return true
	default:
		return false
	}
	r.Line = j.lineOf(p, s, r.Excess)
	r.Remaining = s.region.Subtract(r.Excess)
	return true
}

// lineOf is the first clause that has a part in the flows.
func (j *judgement) lineOf(p *Policy, s *subject, flows secgroup.Region) int {
	for _, c := range p.clauses {
		if flows.Overlaps(c.forbidden(s.rule.Direction, s.rule.Peer, j.at)) {
			return c.line
		}
	}
	for _, c := range p.clauses { // what is only possible, of a rule that is not known
		if flows.Overlaps(c.region(s.rule.Direction, s.rule.Peer, j.at, atMost)) {
			return c.line
		}
	}
	return p.Line
}

// excusedState is for flows that are exempt or baseline; where the addresses
// are not known, all of them are.
func excusedState(r *ruling, e *excuse) {
	flows := r.Excess
	if flows.IsEmpty() {
		flows = r.subject.region
	}
	label, until := e.covering(flows)
	if label == "" {
		r.State, r.Why = Baseline, "stands: it was there when the policy began to judge"
		return
	}
	r.State, r.Exemption, r.Until = Exempt, label, until
	r.Why = "exempt by " + label
	if !until.IsZero() {
		r.Why += " until " + dayBefore(until)
	}
}

// unknownState is for rules whose addresses nobody could read.
func (j *judgement) unknownState(r *ruling, e *excuse) {
	s := r.subject
	j.askUse(r)
	list, isList := s.rule.Peer.(secgroup.PrefixList)
	if isList && list.Refused == "" {
		// Also before the act: a growth after it is measured against what the list
		// held when the rule was first seen, and is else laid to the rule.
		r.needs = append(r.needs, NeedLists)
	}
	if reason := j.beforeAct(r.Policy, s); reason != "" {
		r.State, r.Why = BeforeAct, reason
		return
	}
	r.State, r.Why = Unknown, "its peer could not be read"
	if isList {
		r.Why = fmt.Sprintf("prefix list %s could not be read: %s", list.ID, list.Refused)
		if list.Refused == "" {
			r.Why = fmt.Sprintf("prefix list %s was not read yet", list.ID)
		}
	}
	r.Why = withDenied(r.Why, e)
}

// askUse asks for what uses the group where it rests on that alone whether the
// policy is meant for it: also before the act, or a mark would outlive what the
// group is used by now. It says why that could not be read; "" = it was, or was
// not asked yet.
func (j *judgement) askUse(r *ruling) (unread string) {
	switch {
	case !r.Policy.awaitsUse(&j.facts):
	case j.facts.users == nil:
		r.needs = append(r.needs, NeedUsers)
	default:
		return "what uses the group could not be read: " + j.facts.users.Refused
	}
	return ""
}

// withDenied adds why no exemption or exception applied.
func withDenied(why string, e *excuse) string {
	if len(e.denied) == 0 {
		return why
	}
	return why + "; " + strings.Join(e.denied, "; ")
}

// beforeAct says why p does not act on the rule before its baseline act is
// done; "" = it is, or the rule is named, or its incident is open, or it was
// exempt: such a rule was let be until a day, and does not stand for good.
func (j *judgement) beforeAct(p *Policy, s *subject) string {
	if s.acts || j.isOpen(s, p) || p.onChange != nil { // calls have no act: each is judged once
		return ""
	}
	if j.in.Facts.Stale {
		return "stands until the ledger, which is stale, is resumed: no record at hand names it"
	}
	if !j.in.Facts.Acts[p.ID].Done && !s.wasExempt(p) {
		return "stands until the baseline of the policy is set: no record at hand names it"
	}
	return ""
}

// dueState decides what a rule with excess means now.
func (j *judgement) dueState(r *ruling, e *excuse) {
	p, s := r.Policy, r.subject
	defer func() { r.Why = withDenied(r.Why, e) }()
	unread := j.askUse(r)
	if reason := j.beforeAct(p, s); reason != "" {
		r.State, r.Why = BeforeAct, reason
		return
	}
	if unread != "" {
		r.State, r.Why = Unknown, unread
		return
	}
	r.Growth = j.isListGrowth(p, s)
	if until, why := j.waits(r, e); !until.IsZero() {
		r.State, r.Until, r.Why = Waiting, until, why
		return
	}
	// Growth is the list's to answer for, unless the policy wants the rule.
	alerts := r.Growth && !p.Remedy.OnList && !j.in.Facts.TakeGrowth
	switch {
	case p.Mode != Enforce:
		r.State, r.Why = Observing, "violates; the mode is observe"
	case p.Remedy.Do == DoAlert:
		r.State, r.Why = Alerting, "violates; the policy alerts only"
	case p.shipped && isServiceMade(s.by):
		r.State, r.Why = Alerting, "violates; an AWS service made it, which is alerted, not reverted"
	case alerts && !j.isOwnList(s):
		r.State, r.Why = Alerting, "violates; its prefix list grew, which this account does not own: alerted, not reverted"
	case j.isMarkedUnread(s, p):
		r.State, r.Why = Alerting, "violates; its prefix list could not be read when it was marked as baseline: alerted, not reverted"
	case j.in.Facts.Paused != "":
		r.State, r.Why = Held, "violates; paused: "+j.in.Facts.Paused
	case j.in.Facts.Held[p.Digest()] != "":
		r.State, r.Why = Held, "violates; the policy is held: "+j.in.Facts.Held[p.Digest()]
	case p.Remedy.Do == DoTag:
		r.State, r.Why = Tagging, "violates; to be tagged"
	case alerts:
		r.State, r.Why = Alerting, "violates; its prefix list grew: the list is to lose what was added, and the rule stays"
	case p.Remedy.Do == DoNarrow:
		r.State, r.Why = Acting, "violates; to be narrowed"
	default:
		r.State, r.Why = Acting, "violates; to be reverted"
	}
	if r.State == Acting && r.Growth && !j.in.Facts.TakeGrowth {
		r.Why = "violates; its prefix list grew: the entries that the list had take its place"
		if v, _, known := s.known.InOrderAt(); known {
			if _, read := j.in.Facts.OldLists[v]; !read {
				r.needs = append(r.needs, NeedOldLists)
			}
		}
	}
}

// waits is until when a due rule is let be; zero = no longer.
func (j *judgement) waits(r *ruling, e *excuse) (until time.Time, why string) {
	p, s := r.Policy, r.subject
	consider := func(end time.Time, reason string) {
		if end.After(j.in.Now) && end.After(until) {
			until, why = end, reason
		}
	}
	if e.awaits != "" {
		consider(s.since.Add(attributionWait), "violates; waits for the record that names it")
	}
	if s.isDefaultEgress() {
		born := s.since
		if !j.naming.created.IsZero() {
			born = j.naming.created
		}
		consider(born.Add(j.set.settle), "violates; the default egress of a new group settles")
	}
	if p.Mode == Enforce && p.Remedy.After > 0 {
		begun, of := s.since, ""
		if s.known != nil {
			if first, ok := s.known.WaitsSince[p.ID]; ok && first.Before(begun) {
				begun, of = first, ", counted from before the rule was widened"
			}
		}
		consider(begun.Add(p.Remedy.After), fmt.Sprintf("violates; the remedy follows after %s%s", p.Remedy.After, of))
	}
	return until, why
}

// isListGrowth reports whether the rule was in order under p until its prefix
// list got other entries: since the rule was last seen, or earlier. Of a rule
// whose list grew, the item holds the same value as the last one in order.
func (j *judgement) isListGrowth(p *Policy, s *subject) bool {
	list, ok := s.rule.Peer.(secgroup.PrefixList)
	if !ok || s.known == nil || !list.Readable || s.known.ListDigest == "" || list.OwnerID == "" {
		return false
	}
	k := s.known
	if !ownReference(k.Rule, j.in.Live.AccountID).SameValue(s.rule) {
		return false
	}
	if k.ListGrew() {
		return !j.in.Facts.IsBack(k, s.rule)
	}
	wasInOrder := k.IncidentID == "" || k.Under != nil && !slices.Contains(k.Under, p.ID)
	return wasInOrder && k.ListDigest != ListDigest(list.Entries) && s.grown
}

// isOwnList reports whether the rule's list is of the account.
func (j *judgement) isOwnList(s *subject) bool {
	list, ok := s.rule.Peer.(secgroup.PrefixList)
	return ok && list.OwnerID == j.in.Live.AccountID
}
