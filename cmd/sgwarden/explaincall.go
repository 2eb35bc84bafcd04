package main

import (
	"slices"

	"github.com/sgwarden/sgwarden/internal/incident"
	"github.com/sgwarden/sgwarden/internal/policy"
	"github.com/sgwarden/sgwarden/internal/secgroup"
)

// withCall adds what the policies that judge calls say of an event. What they
// would take back are the rules that the record names.
func (x explanation) withCall(set *policy.Set, c secgroup.Change) explanation {
	worst, err := incident.ParseOutcome(x.Outcome)
	if err != nil {
		panic(err) // explainChange gives names of the closed list alone
	}
	group := groupOf(c)
	group.VPCs = []secgroup.VPC{}
	if c.Effect == secgroup.Names {
		for _, n := range c.Rules {
			if n.AnyDirection {
				n.Rule.Direction = secgroup.Ingress // as in explainNamed
			}
			if n.HasValue {
				group.Rules = append(group.Rules, n.Rule)
			}
		}
	}
	verdict := set.Evaluate(policy.Input{Live: group, Changes: []secgroup.Change{c}, Facts: policy.Facts{Acts: set.ActsDone(today())}, Now: today()})
	add := func(f policy.Finding, o incident.Outcome, rule string, left []secgroup.Rule) {
		if o > worst {
			x.Reason = ""
		}
		worst = max(worst, o)
		x.Violations = append(x.Violations, violation{
			Policy: f.Policy.ID, Severity: f.Policy.Severity.String(), File: f.File, Line: f.Line, Rule: rule, Call: c.EventName,
			State: f.State.String(), Why: f.Why, Excess: []string{}, Remaining: texts(left),
		})
	}
	for _, call := range verdict.Calls {
		for _, f := range call.Findings {
			if f.State != policy.Fine {
				add(f, outcomeOfState(f.State), "", nil)
			}
		}
	}
	ids := judgingCalls(set)
	for _, r := range verdict.Rules {
		for _, f := range r.Findings {
			if slices.Contains(ids, f.Policy.ID) && f.State != policy.Fine {
				add(f, outcomeOf(r), r.Rule.String(), r.Remaining)
			}
		}
	}
	x.Outcome = worst.String()
	return x
}

// judgingCalls are the ids of the policies that judge calls.
func judgingCalls(set *policy.Set) []string {
	var out []string
	for _, p := range set.Policies {
		if p.JudgesCalls() {
			out = append(out, p.ID)
		}
	}
	return out
}
