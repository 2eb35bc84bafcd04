package warden

import (
	"maps"
	"slices"
	"time"

	"github.com/sgwarden/sgwarden/internal/policy"
)

// waitsSince is when the time that remedies give a rule began, by policy id: the
// earlier one where the policy was violated before as well, else since. Who widens a
// rule again and again must not put its end off. nil = no remedy gives time.
func waitsSince(old policy.KnownRule, since time.Time, rv policy.RuleVerdict) map[string]time.Time {
	var all map[string]time.Time
	for _, f := range rv.Findings {
		begun, waited := old.WaitsSince[f.Policy.ID]
		switch f.State {
		case policy.Acting, policy.Tagging, policy.Alerting, policy.Waiting, policy.Held:
			if f.Policy.Mode != policy.Enforce || f.Policy.Remedy.After == 0 {
				continue
			}
			if !waited {
				begun = since
			}
		case policy.Unknown: // it was not seen to be in order
			if !waited {
				continue
			}
		default:
			continue
		}
		if all == nil {
			all = map[string]time.Time{}
		}
		all[f.Policy.ID] = begun
	}
	return all
}

// waitsOf keeps the waits of policies, of a map that it does not change; nil = none.
func waitsOf(all map[string]time.Time, policies []string) map[string]time.Time {
	all = maps.Clone(all)
	maps.DeleteFunc(all, func(id string, _ time.Time) bool { return !slices.Contains(policies, id) })
	if len(all) == 0 {
		return nil
	}
	return all
}
