package main

import (
	"slices"

	"github.com/sgwarden/sgwarden/internal/incident"
	"github.com/sgwarden/sgwarden/internal/policy"
	"github.com/sgwarden/sgwarden/internal/secgroup"
)

// withCall adds what the policies that judge calls say of an event. What they
// would take back are the rules that the record names.
func (j judging) withCall(x explanation, c secgroup.Change) explanation {
	if !slices.ContainsFunc(j.set.Policies, (*policy.Policy).JudgesCalls) || c.ErrorCode != "" {
		return x
	}
	in := j.callInput(c)
	v := j.set.Evaluate(in)
	worst, err := incident.ParseOutcome(x.Outcome)
	if err != nil {
		panic(err) // judging.change gives names of the closed list alone
	}
	call := explainedRule{Rule: "the call " + printable(c.EventName), Remaining: []string{}, Policies: []opinion{}, about: aCall}
	told, own := policy.RuleVerdict{Decision: policy.Keep}, incident.Compliant
	add := func(f policy.Finding, o incident.Outcome, rule string, left []secgroup.Rule) {
		own, told.Findings = max(own, o), append(told.Findings, f)
		x.Violations = append(x.Violations, violation{
			Policy: f.Policy.ID, Severity: f.Policy.Severity.String(), File: f.File, Line: f.Line, Rule: rule, Call: c.EventName,
			State: f.State.String(), Why: f.Why, Excess: []string{}, Remaining: texts(left),
		})
	}
	for _, of := range v.Calls {
		for _, f := range of.Findings {
			if f.State != policy.Fine {
				add(f, outcomeOfState(f.State), "", nil)
			}
		}
	}
	for _, r := range v.Rules {
		if charged, alone := chargedBy(r), outcomeOf(chargedBy(r)); len(charged.Findings) > 0 {
			x.charge(charged, alone)
			for _, f := range charged.Findings {
				add(f, alone, r.Rule.String(), leftOf(charged))
			}
		}
	}
	if own > worst {
		x.Reason, worst = "", own
	}
	call.Outcome, call.Decided = own.String(), decided(told)
	for _, a := range j.set.CallAccounts(in, c, v) {
		call.Policies = append(call.Policies, j.opinion(secgroup.Rule{}, withoutFlows(a)))
	}
	call.sort()
	x.Rules = append(x.Rules, call)
	x.Outcome = worst.String()
	return x
}

// callInput judges a call in the group that its record tells of, whose rules are
// those that it names.
func (j judging) callInput(c secgroup.Change) policy.Input {
	group := groupOf(c)
	group.VPCs = []secgroup.VPC{}
	if c.Effect == secgroup.Names {
		for _, n := range c.Rules {
			if n.AnyDirection {
				n.Rule.Direction = secgroup.Ingress // as in judging.named
			}
			if n.HasValue {
				group.Rules = append(group.Rules, n.Rule)
			}
		}
	}
	return policy.Input{Live: group, Changes: []secgroup.Change{c}, Facts: policy.Facts{Acts: j.set.ActsDone(today())}, Now: today()}
}

// chargedBy is a verdict with only what policies that judge calls say of it.
func chargedBy(r policy.RuleVerdict) policy.RuleVerdict {
	r.Findings = slices.DeleteFunc(slices.Clone(r.Findings), func(f policy.Finding) bool { return !f.Policy.JudgesCalls() || f.State == policy.Fine })
	if !slices.ContainsFunc(r.Findings, func(f policy.Finding) bool { return f.State == policy.Acting || f.State == policy.Tagging }) {
		r.Decision = policy.Keep
	}
	return r
}

// charge tells of an explained rule that a policy judges the call that made it.
func (x *explanation) charge(r policy.RuleVerdict, o incident.Outcome) {
	for i := range x.Rules {
		e := &x.Rules[i]
		was, err := incident.ParseOutcome(e.Outcome)
		if err != nil || e.Rule != r.Rule.String() || o <= was {
			continue
		}
		e.Outcome, e.Remaining, e.Decided = o.String(), texts(leftOf(r)), "for the call: "+decided(r)
	}
}

// withoutFlows is an account of a call, of which no flow is too much.
func withoutFlows(a policy.Account) policy.Account {
	a.Finding.Excess, a.Finding.Remaining = secgroup.Region{}, secgroup.Region{}
	return a
}
