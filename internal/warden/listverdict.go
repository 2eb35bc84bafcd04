package warden

import (
	"slices"

	"github.com/sgwarden/sgwarden/internal/policy"
)

// tellsOfList reports whether all that is due of a rule is for its list to answer
// for: what the list's incident tells, the group's does not.
func tellsOfList(rv policy.RuleVerdict) bool {
	tells := false
	for _, f := range rv.Findings {
		switch f.State {
		case policy.Acting, policy.Alerting, policy.Observing:
		case policy.Held, policy.Waiting:
			if !f.WillAct() || isSilent(f) {
				return false
			}
		case policy.Tagging, policy.Unknown:
			return false
		default:
			continue
		}
		if !f.Growth {
			return false
		}
		tells = true
	}
	return tells
}

// isSilent reports whether a finding waits for no longer than the record that names
// the rule takes: nobody is told of that.
func isSilent(f policy.Finding) bool {
	return f.State == policy.Waiting && f.Policy.Remedy.After == 0
}

// wantsRule reports whether a policy that acts, or will, wants the rule taken
// rather than the list edited: `onList: rule`.
func wantsRule(rv policy.RuleVerdict) bool {
	return slices.ContainsFunc(rv.Findings, func(f policy.Finding) bool {
		return (f.State == policy.Acting || f.WillAct()) && f.Policy.Remedy.OnList
	})
}

// acts reports whether a policy acts on the rule now.
func acts(rv policy.RuleVerdict) bool { return worst(rv, policy.Acting) != nil }

// violating counts the groups with a rule that is for the list to answer for.
func (l *listJudging) violating() (n int) {
	for _, u := range l.uses {
		if slices.ContainsFunc(u.rules(l.id), tellsOfList) {
			n++
		}
	}
	return n
}

// isForGroup reports whether a rule is dealt with in its group: a policy wants it
// rather than nothing, and nothing is taken out of the list, now or later. One that
// acts now does not wait for those that are held.
func (l *listJudging) isForGroup(rv policy.RuleVerdict) bool {
	return wantsRule(rv) && l.edit.IsEmpty() && (!l.later || acts(rv))
}
