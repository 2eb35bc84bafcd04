package warden

import (
	"github.com/sgwarden/sgwarden/internal/incident"
	"github.com/sgwarden/sgwarden/internal/plan"
	"github.com/sgwarden/sgwarden/internal/policy"
)

// wouldHave writes into new incidents what enforce mode would call for the
// rules that are only observed.
func (j *judging) wouldHave() {
	for _, d := range j.drafts {
		if d.owing {
			continue
		}
		observed := map[string]bool{}
		for _, e := range d.ends {
			if e.outcome == incident.Observed {
				observed[e.rule.ID] = true
			}
		}
		if len(observed) > 0 {
			d.inc.Would = j.enforced(observed)
		}
	}
}

// enforced tells in words what enforce mode would call for some rules.
func (j *judging) enforced(rules map[string]bool) []string {
	acting := policy.Verdict{GroupID: j.groupID}
	verdict := j.w.enforcing.Evaluate(j.input())
	for _, rv := range verdict.All() {
		if rules[rv.Rule.ID] {
			acting.Rules = append(acting.Rules, rv)
		}
	}
	limits := plan.Limits{MayModify: true, MayAuthorize: true, RulesPerGroup: j.limits.RulesPerGroup}
	var out []string
	for _, a := range plan.Build(acting, j.live, j.mem.Known, limits).Actions {
		out = append(out, inWords(a))
	}
	return out
}
