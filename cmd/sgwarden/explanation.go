package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/sgwarden/sgwarden/internal/incident"
	"github.com/sgwarden/sgwarden/internal/policy"
	"github.com/sgwarden/sgwarden/internal/secgroup"
)

// explanation is the answer; its JSON form is a contract.
type explanation struct {
	Outcome    string      `json:"outcome"`
	Reason     string      `json:"reason,omitempty"`
	Violations []violation `json:"violations"`
	// NotConcerned are the policies that did not look: those that judge calls
	// alone where there is none, or groups themselves where none was read.
	NotConcerned []string `json:"notConcerned,omitempty"`
	// Group is the live group; absent where the rules stand in none.
	Group *explainedGroup `json:"group,omitempty"`
	Rules []explainedRule `json:"rules"`

	besides []string // NotConcerned, with why, for people
}

// violation is what one policy says of one rule.
type violation struct {
	Policy    string   `json:"policy"`
	Severity  string   `json:"severity"`
	File      string   `json:"file"`
	Line      int      `json:"line"`
	Rule      string   `json:"rule"` // "" = the call itself; or "the group itself"
	Call      string   `json:"call,omitempty"`
	State     string   `json:"state"`
	Why       string   `json:"why"`
	Lacks     string   `json:"lacks,omitempty"` // what is required and not there
	Excess    []string `json:"excess"`
	Remaining []string `json:"remaining"` // what the remedy would leave of the rule
}

func nothing(o incident.Outcome, reason string) explanation {
	return explanation{Outcome: o.String(), Reason: reason, Violations: []violation{}, Rules: []explainedRule{}}
}

// judging is what rules are explained with.
type judging struct {
	set      *policy.Set         // every policy in enforce mode
	deployed *policy.Set         // the same policies in their own modes
	live     bool                // the rules are those of a live group
	around   policy.Surroundings // of a live group: all that the policies may ask for
	by       string              // ARN of who makes the rules; "" = nobody in particular
}

// someGroup is the group of rules that stand in none.
var someGroup = secgroup.Group{ID: "sg-00000000"}

// rules judges rules together, in one group. Those without ids get some.
func (j judging) rules(group secgroup.Group, rules []secgroup.Rule) explanation {
	for i := range rules {
		if rules[i].ID == "" {
			rules[i].ID = fmt.Sprintf("sgr-%08x", i)
		}
	}
	in := j.set.ExplainInput(group, rules, today())
	in.Changes[0].Actor.ARN = j.by
	if j.live {
		in.Facts.Surroundings = j.around
	}
	x := explanation{Violations: []violation{}, Rules: []explainedRule{}}
	worst := incident.Compliant
	v := j.set.Evaluate(in)
	all := v.Rules
	if j.live {
		all = v.All()
	}
	for _, r := range all {
		worst = max(worst, outcomeOf(r))
		for _, f := range r.Findings {
			if f.State != policy.Fine && f.State != policy.Graced {
				x.Violations = append(x.Violations, newViolation(r, f))
			}
		}
	}
	for _, r := range v.Rules {
		x.Rules = append(x.Rules, j.explained(r, j.set.Accounts(in, r)))
	}
	if accounts := j.set.GroupAccounts(in, v); j.live && len(accounts) > 0 {
		x.Rules = append(x.Rules, j.explainedGroup(v.Group, accounts))
	}
	x.Outcome = worst.String()
	return x
}

// withNotConcerned adds the policies that did not look at anything explained.
func (x explanation) withNotConcerned(j judging, called bool) explanation {
	var ofCalls, ofGroups, ofBoth []string
	for _, p := range j.set.Policies {
		switch {
		case p.JudgesCalls() && !called:
			ofCalls = append(ofCalls, p.ID)
		case p.JudgesGroups() && p.JudgesRules() && !j.live:
			ofBoth = append(ofBoth, p.ID)
		case p.JudgesGroups() && !j.live:
			ofGroups = append(ofGroups, p.ID)
		}
	}
	tell := func(ids []string, what string) {
		if len(ids) > 0 {
			x.besides = append(x.besides, strings.Join(ids, ", ")+" "+plural(len(ids), "judges ", "judge ")+what)
		}
	}
	tell(ofCalls, "calls, not rules: see --event")
	tell(ofGroups, "groups themselves, not rules: see --group")
	tell(ofBoth, "groups themselves too: see --group")
	x.NotConcerned = append(ofCalls, ofGroups...)
	slices.Sort(x.NotConcerned)
	return x
}

func newViolation(r policy.RuleVerdict, f policy.Finding) violation {
	return violation{
		Policy: f.Policy.ID, Severity: f.Policy.Severity.String(), File: f.File, Line: f.Line,
		Rule: ruleText(r), State: f.State.String(), Why: f.Why, Lacks: f.Lacks,
		Excess: texts(f.Excess.Rules(r.Rule.Direction, nil)), Remaining: texts(leftOf(r)),
	}
}

// outcomeOf is how the judgement of a rule would end if every call succeeded.
func outcomeOf(r policy.RuleVerdict) incident.Outcome {
	switch r.Decision {
	case policy.Revert:
		return incident.Reverted
	case policy.Narrow:
		return incident.Narrowed
	case policy.Tag:
		return incident.Tagged
	}
	worst := incident.Compliant
	for _, f := range r.Findings {
		worst = max(worst, outcomeOfState(f.State))
	}
	return worst
}

func outcomeOfState(s policy.State) incident.Outcome {
	switch s {
	case policy.Unknown:
		return incident.Unresolved
	case policy.Waiting, policy.Held:
		return incident.Pending
	case policy.Alerting, policy.Tagging, policy.Acting:
		return incident.Alerted
	case policy.Observing:
		return incident.Observed
	case policy.Exempt:
		return incident.Exempt
	}
	return incident.Compliant
}

// leftOf is what stands of a rule once all is done.
func leftOf(r policy.RuleVerdict) []secgroup.Rule {
	if secgroup.IsGroupEntry(r.Rule.ID) {
		return nil
	}
	if r.Decision == policy.Revert || r.Decision == policy.Narrow {
		return r.Remaining
	}
	return []secgroup.Rule{r.Rule}
}
