package warden

import (
	"fmt"
	"slices"

	"github.com/sgwarden/sgwarden/internal/incident"
	"github.com/sgwarden/sgwarden/internal/policy"
	"github.com/sgwarden/sgwarden/internal/secgroup"
)

// opensMore reports whether a rule that an open incident holds has grown by what
// nobody was told of: that is another incident, with messages of its own. A list
// with other entries is for the list to tell.
func (j *judging) opensMore(d *draft, e *end) bool {
	told, known := d.storedRule(e.rule.ID), j.mem.Known.Rules[e.rule.ID]
	if told == nil || told.Before == nil || d.undone || len(d.inc.Published) == 0 || d.blindly(e.rule.ID) != nil {
		return false
	}
	if known.Rule.SameValue(e.rule) || !j.grew(known, e.rule) {
		return false
	}
	before := told.Before.Region()
	return slices.ContainsFunc(violated(e.verdict), func(f policy.Finding) bool {
		switch {
		case f.State == policy.Exempt, f.State == policy.Baseline, f.State == policy.BeforeAct:
			return false
		case f.Excess.IsEmpty():
			return !slices.Contains(told.Policies, f.Policy.ID)
		}
		return !before.Covers(f.Excess)
	})
}

// sharing gives the end that a rule of a stored incident shares, because it has
// grown and another incident tells of all that it opens; nil = there is none.
func (j *judging) sharing(d *draft, r incident.Rule) *end {
	lead := j.ends[r.ID]
	if d.exempt || d.undone || r.Outcome.Changed() || lead == nil || lead.draft == nil || lead.draft == d || lead.draft.exempt || lead.draft.final {
		return nil
	}
	if lead.earlier || !lead.act && lead.outcome <= incident.Exempt {
		return nil
	}
	return lead
}

// endEarlier is the end of the earlier value of a rule that has grown. It ends as the
// rule does, but for what it opened alone: where nothing of that is open any more,
// somebody else closed it.
func (j *judging) endEarlier(d *draft, r incident.Rule, lead *end) *end {
	e := &end{rule: ruleBefore(r), draft: d, incident: d.inc.ID, earlier: true}
	if r.Before != nil && !lead.rule.Region().Overlaps(r.Before.Region()) {
		e.outcome, e.after = incident.AlreadyCompliant, []secgroup.Rule{lead.rule}
		d.inc.Notes = appendOnce(slices.Clone(d.inc.Notes), fmt.Sprintf("%s was changed to %s, which incident %s tells of", r.ID, lead.rule, lead.incident))
		return e
	}
	e.lead = lead
	lead.shares = append(lead.shares, d)
	e.follow()
	return e
}

// follow brings an end up to the one that it shares.
func (e *end) follow() {
	if e.lead == nil {
		return
	}
	e.outcome, e.reason, e.fallback = e.lead.outcome, e.lead.reason, e.lead.fallback
	e.after, e.restored, e.until = e.lead.after, e.lead.restored, e.lead.until
	if p, ok := e.lead.draft.inc.Planned[e.rule.ID]; ok {
		e.draft.remember(e.rule.ID, p)
	}
}

// isEarlier reports whether the item says that another incident at hand is the one
// of the rule as it is: this one is about an earlier value.
func (j *judging) isEarlier(d *draft, ruleID string) bool {
	now := j.mem.Known.Rules[ruleID].IncidentID
	return now != d.inc.ID && slices.ContainsFunc(j.drafts, func(o *draft) bool {
		return o.inc.ID == now && !o.owing && o.storedRule(ruleID) != nil
	})
}

// drafts are the incidents that tell of what is done about a rule.
func (e *end) drafts() []*draft { return append([]*draft{e.draft}, e.shares...) }
