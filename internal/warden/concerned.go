package warden

import (
	"github.com/sgwarden/sgwarden/internal/plan"
)

// concernedBy are the ends of the rules that an action is for; of an
// Authorize, all that are to become several rules.
func (j *judging) concernedBy(a plan.Action) []*end {
	var out []*end
	for _, id := range a.RuleIDs() {
		if e := j.ends[id]; e != nil && e.draft != nil {
			out = append(out, e)
		}
	}
	added, ok := a.(plan.Authorize)
	if !ok {
		return out
	}
	for _, rp := range j.plan.Rules {
		e := j.ends[rp.Before.ID]
		if e != nil && e.draft != nil && rp.Before.Direction == added.Direction && len(rp.After) > 1 {
			out = append(out, e)
		}
	}
	return out
}

// toldOf are the rules whose incidents tell of an action: those that it was made
// for, and, where only the group is tagged, those that are tagged with it.
func (j *judging) toldOf(a plan.Action) []*end {
	if tag, ok := a.(plan.Tag); !ok || len(tag.Rules) > 0 {
		return j.concernedBy(a)
	}
	var out []*end
	for _, rp := range j.plan.Rules {
		if e := j.ends[rp.Before.ID]; e != nil && e.draft != nil && rp.Goal == plan.Tagged {
			out = append(out, e)
		}
	}
	return out
}

func (j *judging) incidentOf(a plan.Action) string {
	for _, e := range j.toldOf(a) {
		return e.incident
	}
	return ""
}
