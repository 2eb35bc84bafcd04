package warden

import (
	"maps"
	"time"

	"github.com/sgwarden/sgwarden/internal/incident"
	"github.com/sgwarden/sgwarden/internal/policy"
)

// missing is what is kept of a rule that is not shown any more, though nobody
// is known to have taken it away: EC2 may answer with a picture that is older
// than the rule. Without it the rule would come back as one that nobody made
// and that never stood. What was open about it is over: should it violate
// still, that is another incident.
func missing(k policy.KnownRule, now time.Time) *policy.KnownRule {
	if k.IncidentID != "" {
		k.IncidentID, k.Reported, k.Since = "", "", now
	}
	k.Under = nil
	return &k
}

// bringBack makes known again what an earlier read missed. An id of a rule is
// never given to another one.
func (j *judging) bringBack() {
	known := &j.mem.Known
	cloned := false
	for _, r := range j.live.Rules {
		was := known.Removed[r.ID].Was
		if _, is := known.Rules[r.ID]; is || was == nil {
			continue
		}
		if !cloned {
			known.Rules, cloned = maps.Clone(known.Rules), true
			if known.Rules == nil {
				known.Rules = map[string]policy.KnownRule{}
			}
		}
		known.Rules[r.ID] = *was
	}
}

// takeUpRestored makes known of a rule that an interrupted judging gave its
// earlier value back what was known of that value: whoever made the later one did
// not make this one, and an exception for who did covers it still.
func (j *judging) takeUpRestored() {
	rules := map[string]policy.KnownRule{}
	for _, i := range j.mem.Open {
		for _, r := range i.Rules {
			begun, known := isBegun(i, r), j.mem.Known.Rules[r.ID]
			r = asPlanned(i, r)
			live, isLive := ruleByID(j.live.Rules, r.ID)
			if !begun || !r.Restored || !isLive || known.Before == nil || !live.SameValue(*known.Before) || live.SameValue(known.Rule) {
				continue
			}
			known.Rule, known.By, known.Before, known.BeforeBy, known.PriorAt = *known.Before, known.BeforeBy, nil, nil, time.Time{}
			known.Exemption, known.ExemptFrom, known.BeforeExemption, known.BeforeExemptFrom = known.BeforeExemption, known.BeforeExemptFrom, "", nil
			if known.BeforeTold != "" {
				known.IncidentID, known.Reported = known.BeforeTold, incident.Exempt.String()
			}
			rules[r.ID] = known
		}
	}
	if len(rules) == 0 {
		return
	}
	all := maps.Clone(j.mem.Known.Rules)
	maps.Copy(all, rules)
	j.mem.Known.Rules = all
}
