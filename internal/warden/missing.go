package warden

import (
	"maps"
	"time"

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
