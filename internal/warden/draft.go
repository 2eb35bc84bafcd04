package warden

import (
	"context"
	"maps"
	"slices"

	"github.com/sgwarden/sgwarden/internal/incident"
	"github.com/sgwarden/sgwarden/internal/policy"
)

// draft is one incident that this judging writes.
type draft struct {
	inc      incident.Incident
	stored   *incident.Incident // as it stands open in the ledger; nil = it is new
	ends     []*end
	unsent   bool        // a message is due and could not be sent
	stranger bool        // about a call of the deployment's role, not about rules
	call     bool        // about a call that a policy is against, not about rules
	exempt   bool        // about the use of an exemption, not about a violation
	blind    []*blindAct // what was done about its rules without the ledger
	final    bool        // its rules ended before this judging: only a message or the entry is owed
	late     bool        // it was closed, and is written once more for what a late record told
	undone   bool        // an operator put back what it took, and only that is owed
	owing    bool        // it is over, and told: it is open for the sinks that lack the message alone
}

// draftIncidents makes the incidents of this judging: open ones are carried
// on, and all rules that became due just now share a new one.
func (j *judging) draftIncidents(ctx context.Context) {
	j.known = j.remember()
	j.carryOn()
	var fresh *draft
	for _, rv := range j.verdict.All() {
		e := j.ends[rv.Rule.ID]
		if e == nil || e.listed {
			continue
		}
		d := j.holderOf(rv.Rule.ID)
		if e.seen && (d == nil || d.undone || e.outcome == incident.Exempt) {
			continue // in an incident that is open for others it stays what it is
		}
		due := e.act || e.outcome > incident.Exempt
		undone := j.tellUndone(ctx, e, d)
		if d != nil && d.undone {
			d = nil // it is over: what becomes due now is another incident
		}
		if d != nil && due && j.opensMore(d, e) {
			d = nil
			e.told = true
		}
		switch {
		case undone:
			continue
		case d != nil && (due || d.exempt && e.outcome == incident.Exempt):
		case d != nil:
			continue // no violation any more: finishLeft ends it
		case e.act || e.told:
			if fresh == nil {
				fresh = &draft{inc: incident.Incident{ID: incident.ID(j.groupID, rv.Rule.ID, j.known.Rules[rv.Rule.ID].Since)}}
				j.drafts = append(j.drafts, fresh)
			}
			d = fresh
		case e.outcome == incident.Exempt:
			d = j.exemptDraft(j.exemptIncident(e))
		default:
			continue
		}
		j.join(d, e)
	}
	j.endLeft()
	j.wouldHave()
	j.point()
	j.pointToLists()
	j.strangers()
	j.draftCalls()
	j.completeClosed(ctx)
	j.supersede(ctx)
}

// carryOn takes up the incidents that are open.
func (j *judging) carryOn() {
	for i := range j.mem.Open {
		d := &draft{inc: j.mem.Open[i], stored: &j.mem.Open[i]}
		if j.carryDebt(d) {
			continue
		}
		// One that was told of before, as a violation, only ended exempt.
		d.exempt = d.inc.Outcome == incident.Exempt && len(d.inc.Published) == 0
		if d.stranger = d.inc.Reason == reasonStranger; d.stranger {
			d.ends = []*end{j.strangerEnd(d)}
		}
		// The message could not be sent.
		d.undone = d.inc.EventType == incident.Undone
		d.final = d.undone
		if d.call = !d.stranger && len(d.inc.Rules) == 0; d.call {
			d.ends = []*end{{outcome: d.inc.Outcome, reason: d.inc.Reason, incident: d.inc.ID, draft: d}}
		}
		j.drafts = append(j.drafts, d)
	}
	j.takeUpBlind()
}

// carryDebt takes up an incident that is over, and told: nothing is left of it but
// what sinks lack. It holds no rule: what becomes due of its rules meanwhile is
// another incident, with messages of its own.
func (j *judging) carryDebt(d *draft) bool {
	i := &d.inc
	if !owesOnly(*i) || i.EventType == incident.Undone {
		return false
	}
	d.owing, d.final = true, true
	for _, r := range i.Rules {
		e := &end{
			rule: ruleBefore(r), outcome: r.Outcome, reason: r.Reason, after: r.After,
			fallback: r.Fallback, restored: r.Restored, draft: d, incident: i.ID,
		}
		d.ends = append(d.ends, e)
		if _, live := ruleByID(j.live.Rules, r.ID); !live && j.ends[r.ID] == nil {
			j.ends[r.ID] = e // how it ended is the answer to its record
		}
	}
	j.drafts = append(j.drafts, d)
	return true
}

// owesOnly reports whether an incident is open for sinks alone.
func owesOnly(i incident.Incident) bool {
	return len(i.Owed) > 0 && len(i.Published) > 0 && i.Outcome != 0 && !i.Outcome.StaysOpen()
}

// endLeft ends what is left of open incidents and brings all of them up to
// what is known now.
func (j *judging) endLeft() {
	for _, d := range j.drafts {
		if !d.stranger && !d.call && !d.undone && !d.owing {
			j.finishLeft(d)
		}
		if !d.stranger && !d.call && !d.final {
			j.fill(d)
		}
	}
}

// holderOf gives the open incident that a rule belongs to; nil = none. The
// item's pointer decides, then the incident's own list.
func (j *judging) holderOf(ruleID string) *draft {
	pointer := j.mem.Known.Rules[ruleID].IncidentID
	var listed *draft
	for _, d := range j.drafts {
		if d.stored == nil || d.owing {
			continue
		}
		if d.inc.ID == pointer {
			return d
		}
		if slices.ContainsFunc(d.stored.Rules, func(r incident.Rule) bool { return r.ID == ruleID }) {
			listed = d
		}
	}
	return listed
}

// exemptDraft gives the incident about an exemption. Another rule under an
// exemption that was told today is written down, and not told again.
func (j *judging) exemptDraft(id string) *draft {
	for _, d := range j.drafts {
		if d.inc.ID == id {
			return d
		}
	}
	d := &draft{inc: incident.Incident{ID: id}, exempt: true}
	if _, told := j.mem.Known.Removed[exemptMark+id]; told {
		d.inc.Published = []string{string(incident.Opened)}
	}
	j.drafts = append(j.drafts, d)
	return d
}

// join puts a rule into an incident.
func (j *judging) join(d *draft, e *end) {
	e.draft, e.incident, e.blind = d, d.inc.ID, d.blindly(e.rule.ID)
	d.ends = append(d.ends, e)
	if r := d.storedRule(e.rule.ID); r != nil {
		e.noteParts(asPlanned(*d.stored, *r).After)
	}
	if e.act {
		e.contested = j.takenBefore(e.rule)
	}
}

// storedRule is a rule of an incident as it stands in the ledger; nil = it is not
// in it, or the incident is new.
func (d *draft) storedRule(id string) *incident.Rule {
	if d.stored == nil {
		return nil
	}
	for i := range d.stored.Rules {
		if d.stored.Rules[i].ID == id {
			return &d.stored.Rules[i]
		}
	}
	return nil
}

// finishLeft ends those rules of a stored incident that are not due any more:
// gone, or no violation now. Planned actions are never replayed.
func (j *judging) finishLeft(d *draft) {
	if d.stored == nil {
		return
	}
	for _, r := range d.stored.Rules {
		if slices.ContainsFunc(d.ends, func(e *end) bool { return e.rule.ID == r.ID }) {
			continue
		}
		if lead := j.sharing(d, r); lead != nil {
			d.ends = append(d.ends, j.endEarlier(d, r, lead))
			continue
		}
		r = asPlanned(*d.stored, r)
		e := &end{rule: ruleBefore(r), draft: d, incident: d.inc.ID, after: r.After, restored: r.Restored, fallback: r.Fallback}
		e.outcome, e.reason = j.leftOver(d, r, e)
		e.settled = (r.Outcome == incident.Reverted || r.Outcome == incident.Narrowed) && d.blindly(r.ID) == nil
		d.ends = append(d.ends, e)
		if e.earlier = j.isEarlier(d, r.ID); e.earlier {
			continue
		}
		if known := j.ends[r.ID]; known == nil || !known.act && known.outcome <= incident.Exempt {
			j.ends[r.ID] = e
		}
	}
}

// remember keeps what was planned of a rule that could not be verified: a later
// look may show it.
func (d *draft) remember(ruleID string, p incident.Planned) {
	all := maps.Clone(d.inc.Planned)
	if all == nil {
		all = map[string]incident.Planned{}
	}
	all[ruleID] = p
	d.inc.Planned = all
}

func (j *judging) verdictOf(id string) *policy.RuleVerdict {
	for _, rules := range [][]policy.RuleVerdict{j.verdict.Rules, j.verdict.Group} {
		for i := range rules {
			if rules[i].Rule.ID == id {
				return &rules[i]
			}
		}
	}
	return nil
}

// point makes the item's entries point to their incidents.
func (j *judging) point() {
	for _, d := range j.drafts {
		if d.owing {
			continue
		}
		for _, e := range d.ends {
			entry, ok := j.known.Rules[e.rule.ID]
			if !ok || e.earlier {
				continue
			}
			entry.IncidentID, entry.Under = d.inc.ID, under(e.verdict)
			j.known.Rules[e.rule.ID] = entry
		}
	}
}

// under gives the ids of the policies under which a rule is held: those that it
// breaks, and under which it does not stand. nil = it is not known.
func under(rv policy.RuleVerdict) (ids []string) {
	for _, f := range violated(rv) {
		if ids == nil {
			ids = []string{} // nil would mean all
		}
		switch f.State {
		case policy.Exempt, policy.Baseline, policy.BeforeAct:
		default:
			ids = appendOnce(ids, f.Policy.ID)
		}
	}
	return ids
}
