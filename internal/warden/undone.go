package warden

import (
	"context"
	"fmt"
	"slices"

	"github.com/sgwarden/sgwarden/internal/incident"
	"github.com/sgwarden/sgwarden/internal/policy"
	"github.com/sgwarden/sgwarden/internal/secgroup"
)

// undoneBy is the incident that an exemption undoes; false = it undoes none.
// Only those of the ledger do: nobody but an operator can write them.
func (j *judging) undoneBy(exemptionID string) (incidentID string, ok bool) {
	incidentID, ok = incident.UndoneBy(exemptionID)
	return incidentID, ok && slices.ContainsFunc(j.mem.Controls.Exemptions, func(e policy.Exemption) bool { return e.ID == exemptionID })
}

// isUntoldUndoing reports whether a rule stands by what an operator put back, and
// nobody was told: the record of it may have been lost.
func (j *judging) isUntoldUndoing(rv policy.RuleVerdict) bool {
	f := worst(rv, policy.Exempt)
	if f == nil {
		return false
	}
	_, undone := j.undoneBy(f.Exemption)
	known, ok := j.mem.Known.Rules[rv.Rule.ID]
	return undone && !(ok && !j.grew(known, rv.Rule) && known.Reported == incident.Exempt.String())
}

// tellUndone lets the incident whose rule an operator put back tell its end. It is
// false where there is none, or it was told: then it is an exemption like any
// other. holder is the open incident of the rule; nil = there is none.
func (j *judging) tellUndone(ctx context.Context, e *end, holder *draft) bool {
	id, ok := j.undoneBy(e.reason)
	if e.outcome != incident.Exempt || !ok || holder != nil && !holder.undone || j.w.cfg.Closed == nil {
		return false
	}
	i := slices.IndexFunc(j.drafts, func(d *draft) bool { return d.inc.ID == id })
	if i >= 0 && !j.drafts[i].undone {
		return false
	}
	if i < 0 {
		inc, found, err := j.w.cfg.Closed(ctx, j.groupID, id)
		if err != nil {
			j.retry = true // the record comes again
			return true
		}
		if !found || slices.Contains(inc.Published, string(incident.Undone)) {
			return false
		}
		inc.EventType = incident.Undone
		i = len(j.drafts)
		j.drafts = append(j.drafts, &draft{inc: inc, undone: true, final: true})
	}
	d := j.drafts[i]
	if !slices.ContainsFunc(d.inc.Rules, func(r incident.Rule) bool { return isPutBack(r, e.rule) }) {
		if len(d.ends) == 0 && d.stored == nil {
			j.drafts = slices.Delete(j.drafts, i, i+1)
		}
		return false
	}
	d.inc.Notes = appendOnce(slices.Clone(d.inc.Notes), putBackNote(e))
	for _, note := range j.exemptNotes(e) {
		d.inc.Notes = appendOnce(d.inc.Notes, note)
	}
	j.join(d, e)
	return true
}

// isPutBack reports whether a live rule is what was taken from a rule of an
// incident.
func isPutBack(r incident.Rule, live secgroup.Rule) bool {
	return (r.Outcome == incident.Reverted || r.Outcome == incident.Narrowed) && r.Before != nil && r.Before.SameValue(live)
}

func putBackNote(e *end) string {
	who := ""
	if by := e.verdict.By; by != nil && by.Actor.ARN != "" {
		who = " by " + by.Actor.ARN
		if by.Actor.UserAgent != "" {
			who += " with " + shorten(by.Actor.UserAgent)
		}
	}
	return fmt.Sprintf("put back as %s%s: %s", e.rule.ID, who, e.rule)
}

// ofUndoing is the message of an undoing: the rules that are back, as they are,
// and in a note those that are not.
func (j *judging) ofUndoing(d *draft) incident.Incident {
	inc := d.inc
	inc.Rules, inc.Notes = nil, slices.Clone(inc.Notes)
	for _, r := range d.inc.Rules {
		i := slices.IndexFunc(d.ends, func(e *end) bool { return isPutBack(r, e.rule) })
		switch {
		case i >= 0:
			r.After = []secgroup.Rule{d.ends[i].rule}
			inc.Rules = append(inc.Rules, r)
		case r.Before != nil && r.Outcome.Changed():
			inc.Notes = append(inc.Notes, "not put back so far: "+r.Before.String())
		}
	}
	return inc
}
