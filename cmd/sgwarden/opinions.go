package main

import (
	"slices"
	"strings"

	"github.com/sgwarden/sgwarden/internal/incident"
	"github.com/sgwarden/sgwarden/internal/policy"
	"github.com/sgwarden/sgwarden/internal/secgroup"
)

// explainedRule is what all policies say of one rule; part of a contract.
type explainedRule struct {
	ID        string    `json:"id,omitempty"` // of a live rule
	Rule      string    `json:"rule"`
	Outcome   string    `json:"outcome"`
	Remaining []string  `json:"remaining"`
	Decided   string    `json:"decided"` // how the policies together came to the outcome
	Policies  []opinion `json:"policies"`

	about subject
}

// subject is what an explainedRule is about.
type subject uint8

const (
	aRule    subject = iota
	theGroup         // what is required of the group itself
	aCall            // the call of an event
)

// opinion is why one policy says of a rule what it says.
type opinion struct {
	Policy    string   `json:"policy"`
	Severity  string   `json:"severity"`
	Mode      string   `json:"mode"` // that it is deployed in
	Verdict   string   `json:"verdict"`
	Why       string   `json:"why"`
	Lacks     string   `json:"lacks,omitempty"` // what is required and not there
	File      string   `json:"file"`
	Line      int      `json:"line"`
	Excess    []string `json:"excess"`
	Remaining []string `json:"remaining"` // the rule without the excess; empty where all of it is fine

	rank    int
	summary string // of Excess, for people
}

// explainedGroup is the live group that rules stand in.
type explainedGroup struct {
	ID      string `json:"id"`
	Name    string `json:"name"`
	VPC     string `json:"vpc"`
	Account string `json:"account"`
	Region  string `json:"region"`
}

// verdicts are the words for states, in the order in which they matter.
var verdicts = []struct {
	state policy.State
	word  string
}{
	{policy.Acting, ""}, {policy.Waiting, "waits"}, {policy.Graced, "graced"}, {policy.Held, "held"}, {policy.Tagging, "tags"}, {policy.Alerting, "alerts"},
	{policy.Observing, "observes"}, {policy.Unknown, "cannot tell"}, {policy.BeforeAct, "before its act"},
	{policy.Baseline, "baseline"}, {policy.Exempt, "exempt"}, {policy.Fine, "fine"},
}

func (j judging) explained(r policy.RuleVerdict, accounts []policy.Account) explainedRule {
	out := explainedRule{
		Rule: r.Rule.String(), Outcome: outcomeOf(r).String(), Remaining: texts(leftOf(r)), Decided: decided(r), Policies: []opinion{},
	}
	if j.live {
		out.ID = r.Rule.ID
	}
	for _, a := range accounts {
		out.Policies = append(out.Policies, j.opinion(r.Rule, a))
	}
	out.sort()
	return out
}

// explainedGroup is what is required of the group itself, which each policy
// finds for itself, in one table.
func (j judging) explainedGroup(found []policy.RuleVerdict, accounts []policy.Account) explainedRule {
	worst, all := incident.Compliant, policy.RuleVerdict{Decision: policy.Keep}
	for _, r := range found {
		worst, all.Findings = max(worst, outcomeOf(r)), append(all.Findings, r.Findings...)
	}
	out := explainedRule{Rule: itself, Outcome: worst.String(), Remaining: []string{}, Decided: decided(all), Policies: []opinion{}, about: theGroup}
	for _, a := range accounts {
		out.Policies = append(out.Policies, j.opinion(secgroup.Rule{}, a))
	}
	out.sort()
	return out
}

// sort puts what decides first.
func (r explainedRule) sort() {
	slices.SortStableFunc(r.Policies, func(a, b opinion) int { return a.rank - b.rank })
}

// itself stands for a rule where a policy judges the group.
const itself = "the group itself"

// ruleText is a rule as text; what is required of the group itself has none.
func ruleText(r policy.RuleVerdict) string {
	if secgroup.IsGroupEntry(r.Rule.ID) {
		return itself
	}
	return r.Rule.String()
}

// deployedMode is the mode that a policy has outside of explain.
func (j judging) deployedMode(p *policy.Policy) policy.Mode {
	for _, d := range j.deployed.Policies {
		if d.ID == p.ID {
			return d.Mode
		}
	}
	return p.Mode
}

func (j judging) opinion(rule secgroup.Rule, a policy.Account) opinion {
	p, mode := a.Policy, j.deployedMode(a.Policy)
	out := opinion{
		Policy: p.ID, Severity: p.Severity.String(), Mode: mode.String(), File: p.File, Line: p.Line,
		Verdict: "out of scope", Why: "it is " + a.OutOfScope, Excess: []string{}, Remaining: []string{}, rank: len(verdicts),
	}
	if a.OutOfScope != "" {
		return out
	}
	f := a.Finding
	out.rank = slices.IndexFunc(verdicts, func(v struct {
		state policy.State
		word  string
	}) bool {
		return v.state == f.State
	})
	out.File, out.Line, out.Why, out.Lacks, out.Verdict = f.File, f.Line, f.Why, f.Lacks, verdicts[out.rank].word
	out.Excess, out.Remaining = texts(f.Excess.Rules(rule.Direction, nil)), texts(f.Remaining.Rules(rule.Direction, nil))
	switch {
	case f.State == policy.Acting:
		out.Verdict = p.Remedy.Do.String() + "s" // reverts, narrows
	case f.State == policy.Fine:
		out.Why = a.Fine
	case f.State == policy.Exempt && strings.HasPrefix(f.Exemption, "except "):
		out.Verdict = "excepted"
	}
	if !f.Excess.IsEmpty() && f.Lacks == "" {
		out.summary = tooMuch(rule, f.Excess)
	}
	if f.State != policy.Fine && mode != policy.Enforce {
		out.Why += "; deployed as it is, it only observes"
	}
	if !j.live && out.Verdict != "cannot tell" {
		out.Why += taken(p, rule, f.Lacks)
	}
	if a.Assumes != "" {
		out.Why += "; it is " + a.Assumes + ", which is taken to hold"
	}
	return out
}

// taken says what is taken of an account that was not read, where a policy
// requires something of it.
func taken(p *policy.Policy, rule secgroup.Rule, lacks string) string {
	alone := policy.Set{Policies: []*policy.Policy{p}}
	_, reference := rule.Peer.(secgroup.GroupReference)
	for _, need := range alone.Facts() {
		switch {
		case need == policy.NeedDead && reference:
			return "; the group that it names is taken to be there"
		case need == policy.NeedElastic && lacks != "":
			return "; the account is taken to have no elastic address"
		}
	}
	return ""
}

// sentence is why, with what is too much.
func (a opinion) sentence() string {
	switch why, violates := strings.CutPrefix(a.Why, "violates; "); {
	case a.summary == "":
		return a.Why
	case violates:
		return a.summary + " is too much; " + why
	default:
		return a.summary + " would be too much; " + a.Why
	}
}

// decided says how the policies together came to what becomes of a rule.
func decided(r policy.RuleVerdict) string {
	var reverts, narrows, tags, others, unsure, graced []string
	for _, f := range r.Findings {
		switch {
		case f.State == policy.Acting && f.Policy.Remedy.Do == policy.DoRevert:
			reverts = append(reverts, f.Policy.ID)
		case f.State == policy.Acting:
			narrows = append(narrows, f.Policy.ID)
		case f.State == policy.Unknown:
			unsure = append(unsure, f.Policy.ID)
		case f.State == policy.Tagging:
			tags = append(tags, f.Policy.ID)
		case f.State == policy.Graced:
			graced = append(graced, f.Policy.ID)
		case f.State != policy.Fine:
			others = append(others, f.Policy.ID)
		}
	}
	names := func(list []string) string { return strings.Join(list, " and ") }
	verb := func(list []string, one, several string) string {
		if len(list) > 1 {
			return names(list) + several
		}
		return names(list) + one
	}
	text := "no policy has anything against it"
	switch {
	case len(reverts) > 0 && len(narrows) > 0:
		text = verb(reverts, " takes", " take") + " the whole rule, whatever " + names(narrows) + " would leave of it"
	case len(reverts) > 0 && r.Decision == policy.Narrow:
		text = "nobody made this rule: what " + verb(reverts, " allows", " allow") + " takes its place"
	case len(reverts) > 0:
		text = verb(reverts, " takes", " take") + " the whole rule"
	case len(narrows) > 1:
		text = "what all of " + names(narrows) + " leave of it"
	case len(narrows) > 0:
		text = "what " + names(narrows) + " leaves of it"
	case len(tags) > 0:
		text = verb(tags, " marks", " mark") + " it with tags, and it stays"
	case len(others) > 0:
		text = verb(others, " only reports or lets", " only report or let") + " it be: nothing is changed"
	case len(unsure) > 0:
		text = names(unsure) + " cannot tell: nothing is changed"
	case len(graced) > 0:
		text = verb(graced, " says", " say") + " nothing before its grace is over"
	}
	if r.Fallback != "" {
		text += "; it goes, as " + r.Fallback
	}
	if r.Lost != "" {
		text += "; lost: " + r.Lost
	}
	return text
}
