package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/sgwarden/sgwarden/events"
	"github.com/sgwarden/sgwarden/internal/incident"
	"github.com/sgwarden/sgwarden/internal/policy"
	"github.com/sgwarden/sgwarden/internal/secgroup"
)

// explain is `sgwarden explain`.
type explain struct {
	rule, event, policies, format string
}

func newExplain() *cobra.Command {
	e := &explain{}
	cmd := &cobra.Command{
		Use:   "explain --rule TEXT | --event FILE",
		Short: "Say what the policies make of a rule or of an event",
		Long: `explain judges one rule, or the rules that a CloudTrail record names, as if
they were new and nobody's, in a group of their own, with every policy in
enforce mode. It calls no AWS. It exits with 1 where a policy is violated, and
with 3 where the event alone does not tell what to judge.

  sgwarden explain --rule 'ingress tcp/20-25 from 0.0.0.0/0'
  sgwarden explain --event record.json --policies policies/ -o json`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return e.run(cmd) },
	}
	f := cmd.Flags()
	f.StringVar(&e.rule, "rule", "", "a rule as text, as 'ingress tcp/20-25 from 0.0.0.0/0'")
	f.StringVar(&e.event, "event", "", "a file with a CloudTrail record or an EventBridge event, or - for standard input")
	f.StringVar(&e.policies, "policies", "", "folder of policies (default: the built-in pack baseline)")
	f.StringVarP(&e.format, "output", "o", "text", "text or json")
	cmd.MarkFlagsOneRequired("rule", "event")
	cmd.MarkFlagsMutuallyExclusive("rule", "event")
	return cmd
}

func (e *explain) run(cmd *cobra.Command) error {
	if e.format != "text" && e.format != "json" {
		return fmt.Errorf("output %q: want text or json", e.format)
	}
	set, err := loadPolicies(e.policies)
	if err != nil {
		return err
	}
	set = set.Enforcing()
	var x explanation
	if e.event != "" {
		x, err = e.explainEvent(cmd.InOrStdin(), set)
	} else {
		var rule secgroup.Rule
		if rule, err = secgroup.ParseRule(e.rule); err == nil {
			x = explainRules(set, []secgroup.Rule{rule})
			x.NotConcerned = judgingCalls(set)
		}
	}
	if err != nil {
		return err
	}
	if err := x.write(cmd.OutOrStdout(), e.format); err != nil {
		return outside(err)
	}
	switch {
	case len(x.Violations) > 0:
		return status{exitViolation, nil}
	case x.Outcome == incident.Unresolved.String():
		return status{exitOutside, nil}
	}
	return nil
}

// explanation is the answer; its JSON form is a contract.
type explanation struct {
	Outcome    string      `json:"outcome"`
	Reason     string      `json:"reason,omitempty"`
	Violations []violation `json:"violations"`
	// NotConcerned are the policies that judge calls, where rules are explained.
	NotConcerned []string `json:"notConcerned,omitempty"`
}

// violation is what one policy says of one rule.
type violation struct {
	Policy    string   `json:"policy"`
	Severity  string   `json:"severity"`
	File      string   `json:"file"`
	Line      int      `json:"line"`
	Rule      string   `json:"rule"` // "" = the call itself
	Call      string   `json:"call,omitempty"`
	State     string   `json:"state"`
	Why       string   `json:"why"`
	Lacks     string   `json:"lacks,omitempty"` // what is required and not there
	Excess    []string `json:"excess"`
	Remaining []string `json:"remaining"` // what the remedy would leave of the rule

	summary string // of Excess, for people
}

// explainEvent judges the rules that one record names.
func (e *explain) explainEvent(stdin io.Reader, set *policy.Set) (explanation, error) {
	data, err := readInput(e.event, stdin)
	if err != nil {
		return explanation{}, err
	}
	changes, err := events.Decode(data)
	switch {
	case errors.Is(err, events.ErrNotWatched):
		return nothing(incident.Ignored, err.Error()), nil
	case err != nil:
		return explanation{}, fmt.Errorf("read %s: %w", e.event, err)
	case len(changes) != 1:
		return explanation{}, fmt.Errorf("read %s: it holds %d records, explain takes one", e.event, len(changes))
	}
	x := explainChange(set, changes[0])
	return x.withCall(set, changes[0]), nil
}

// defaultEgress is what EC2 gives every new group.
const defaultEgress = "egress all to 0.0.0.0/0"

func explainChange(set *policy.Set, c secgroup.Change) explanation {
	switch {
	case c.ErrorCode != "":
		return nothing(incident.Ignored, "the call failed with "+printable(c.ErrorCode)+" and changed nothing")
	case c.Effect == secgroup.Narrows || c.Effect == secgroup.Describe:
		return nothing(incident.Compliant, "the call opens nothing")
	case c.Effect == secgroup.Retags:
		return nothing(incident.Ignored, "tags are not judged yet")
	case c.Effect == secgroup.Creates:
		rule, err := secgroup.ParseRule(defaultEgress)
		if err != nil {
			panic(err) // the text is constant
		}
		return explainRules(set, []secgroup.Rule{rule})
	case c.Effect == secgroup.Names && c.Complete:
		return explainNamed(set, c.Rules)
	}
	return nothing(incident.Unresolved, "the event alone does not tell which rules there are to judge")
}

func explainNamed(set *policy.Set, named []secgroup.NamedRule) explanation {
	var rules []secgroup.Rule
	reason := ""
	for _, n := range named {
		if !n.HasValue {
			return nothing(incident.Unresolved, "the event names a rule without its value")
		}
		if n.AnyDirection {
			n.Rule.Direction = secgroup.Ingress // most rules are
			reason = "the event does not tell the direction: ingress is taken"
		}
		rules = append(rules, n.Rule)
	}
	x := explainRules(set, rules)
	x.Reason = reason
	return x
}

func readInput(name string, stdin io.Reader) ([]byte, error) {
	if name == "-" {
		data, err := io.ReadAll(stdin)
		if err != nil {
			return nil, outside(fmt.Errorf("read standard input: %w", err))
		}
		return data, nil
	}
	data, err := os.ReadFile(name)
	if err != nil {
		return nil, fmt.Errorf("read event: %w", err)
	}
	return data, nil
}

func nothing(o incident.Outcome, reason string) explanation {
	return explanation{Outcome: o.String(), Reason: reason, Violations: []violation{}}
}

// explainRules judges rules together, in one group of their own.
func explainRules(set *policy.Set, rules []secgroup.Rule) explanation {
	group := secgroup.Group{ID: "sg-00000000"}
	for i := range rules {
		rules[i].ID = fmt.Sprintf("sgr-%08x", i)
	}
	in := set.ExplainInput(group, rules, today())
	x := explanation{Violations: []violation{}}
	worst := incident.Compliant
	for _, r := range set.Evaluate(in).Rules {
		worst = max(worst, outcomeOf(r))
		for _, f := range r.Findings {
			if f.State != policy.Fine {
				x.Violations = append(x.Violations, newViolation(r, f))
			}
		}
	}
	x.Outcome = worst.String()
	return x
}

func newViolation(r policy.RuleVerdict, f policy.Finding) violation {
	left := []secgroup.Rule{r.Rule}
	if r.Decision == policy.Revert || r.Decision == policy.Narrow {
		left = r.Remaining
	}
	return violation{
		Policy: f.Policy.ID, Severity: f.Policy.Severity.String(), File: f.File, Line: f.Line,
		Rule: r.Rule.String(), State: f.State.String(), Why: f.Why, Lacks: f.Lacks,
		Excess: texts(f.Excess.Rules(r.Rule.Direction, nil)), Remaining: texts(left),
		summary: tooMuch(r.Rule, f.Excess),
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
		line(&b, "because", x.Reason)
	}
	for _, id := range x.NotConcerned {
		line(&b, "besides", id+" judges calls, not rules: see --event")
	}
	for _, v := range x.Violations {
		if v.Call != "" {
			line(&b, "call", printable(v.Call))
			line(&b, "breaks", fmt.Sprintf("%s (%s) at %s:%d", v.Policy, v.Severity, v.File, v.Line))
			line(&b, "why", v.Why)
			continue
		}
		line(&b, "rule", v.Rule)
		line(&b, "breaks", fmt.Sprintf("%s (%s) at %s:%d", v.Policy, v.Severity, v.File, v.Line))
		line(&b, "why", v.Why)
		line(&b, "too much", v.summary)
		if len(v.Remaining) == 0 {
			v.Remaining = []string{"nothing"}
		}
		lines(&b, "leaves", v.Remaining)
	}
	_, err := io.WriteString(w, b.String())
	return err
}
