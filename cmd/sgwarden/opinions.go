package main

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"

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

	isGroup bool // it is what is required of the group itself
}

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
		Rule: ruleText(r), Outcome: outcomeOf(r).String(), Remaining: texts(leftOf(r)), Decided: decided(r), Policies: []opinion{},
	}
	if j.live {
		out.ID = r.Rule.ID
	}
	if out.isGroup = secgroup.IsGroupEntry(r.Rule.ID); out.isGroup {
		out.ID, out.Remaining = "", []string{}
	}
	for i, a := range accounts {
		if out.isGroup && !slices.ContainsFunc(r.Findings, func(f policy.Finding) bool { return f.Policy == a.Policy }) {
			continue // of a group only what is required of it is told
		}
		out.Policies = append(out.Policies, j.opinion(r.Rule, a, j.deployed.Policies[i].Mode))
	}
	slices.SortStableFunc(out.Policies, func(a, b opinion) int { return a.rank - b.rank })
	return out
}

// ruleText is a rule as text; what is required of the group itself has none.
func ruleText(r policy.RuleVerdict) string {
	if secgroup.IsGroupEntry(r.Rule.ID) {
		return "the group itself"
	}
	return r.Rule.String()
}

func (j judging) opinion(rule secgroup.Rule, a policy.Account, mode policy.Mode) opinion {
	p := a.Policy
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
	var reverts, narrows, others, unsure, graced []string
	for _, f := range r.Findings {
		switch {
		case f.State == policy.Acting && f.Policy.Remedy.Do == policy.DoRevert:
			reverts = append(reverts, f.Policy.ID)
		case f.State == policy.Acting:
			narrows = append(narrows, f.Policy.ID)
		case f.State == policy.Unknown:
			unsure = append(unsure, f.Policy.ID)
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

func (x explanation) write(w io.Writer, format string) error {
	if format == "json" {
		enc := json.NewEncoder(w)
		enc.SetEscapeHTML(false)
		enc.SetIndent("", "  ")
		return enc.Encode(x)
	}
	var b strings.Builder
	fmt.Fprintln(&b, x.Outcome)
	if x.Reason != "" {
		line(&b, "because", printable(x.Reason))
	}
	for _, v := range x.Violations {
		if v.Call != "" {
			line(&b, "call", printable(strings.TrimSpace(v.Call+" "+v.Rule)))
			line(&b, "breaks", printable(fmt.Sprintf("%s (%s) at %s:%d", v.Policy, v.Severity, v.File, v.Line)))
			line(&b, "why", printable(v.Why))
		}
	}
	for _, id := range x.NotConcerned {
		line(&b, "besides", id+" judges calls, not rules: see --event")
	}
	if g := x.Group; g != nil {
		line(&b, "group", printable(fmt.Sprintf("%s %q in %s of %s, %s", g.ID, g.Name, g.VPC, g.Account, g.Region)))
		if len(x.Rules) == 0 {
			line(&b, "", "it has no rule")
		}
	}
	for i, r := range x.Rules {
		if i > 0 || x.Group != nil {
			b.WriteByte('\n')
		}
		r.write(&b)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// write tells one rule with the table of all policies.
func (r explainedRule) write(b *strings.Builder) {
	line(b, "rule", strings.TrimSpace(r.ID+" "+r.Rule))
	line(b, "decided", r.Outcome+": "+printable(r.Decided))
	switch {
	case r.isGroup:
	case len(r.Remaining) == 0:
		line(b, "leaves", "nothing")
	default:
		lines(b, "leaves", r.Remaining)
	}
	table := tabwriter.NewWriter(b, 0, 0, 2, ' ', 0)
	row := func(cells ...string) { _, _ = fmt.Fprintln(table, "  "+strings.Join(printables(cells), "\t")) }
	if len(r.Policies) > 0 {
		row("VERDICT", "POLICY", "SEVERITY", "AT", "WHY")
	}
	for _, a := range r.Policies {
		row(a.Verdict, a.Policy, a.Severity, fmt.Sprintf("%s:%d", a.File, a.Line), a.sentence())
	}
	_ = table.Flush() // into memory
}
