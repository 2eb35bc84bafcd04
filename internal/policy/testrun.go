package policy

import (
	"fmt"
	"slices"
	"time"

	"github.com/sgwarden/sgwarden/internal/secgroup"
)

// TestFailure is a rule of which a policy does not say what its tests want.
type TestFailure struct {
	File         string
	Line         int // of the case
	Policy, Case string
	Rule         string
	Want, Got    string // pass, exempt or fail
}

// String is FILE:LINE: POLICY, CASE: RULE: want WANT, got GOT.
func (f TestFailure) String() string {
	return fmt.Sprintf("%s:%d: %s, %q: %s: want %s, got %s", f.File, f.Line, f.Policy, f.Case, f.Rule, f.Want, f.Got)
}

// RunTests judges the rules of all tests at the given time, each policy alone
// and on, whether the deployment has it on or not. ran counts the rules. An
// error means that a policy cannot be compiled.
func (p Parsed) RunTests(now time.Time) (failures []TestFailure, ran int, err error) {
	for _, t := range p.Tests {
		set, err := p.alone(t.Policy)
		if err != nil {
			return nil, 0, err
		}
		for _, c := range t.Cases {
			for _, got := range c.judge(set, now) {
				ran++
				if got.Want != got.Got {
					got.File, got.Line, got.Policy, got.Case = t.File, c.Line, t.Policy, c.Name
					failures = append(failures, got)
				}
			}
		}
	}
	return failures, ran, nil
}

// alone is the set of one policy.
func (p Parsed) alone(id string) (*Set, error) {
	for _, d := range slices.Concat(p.Documents, p.Off) {
		if d.ID == id {
			d.Chosen = false
			settings := p.Deployment.Settings(Enforce)
			settings.Exemptions = nil
			return Compile([]Document{d}, settings)
		}
	}
	return nil, fmt.Errorf("test policy %s: it is not there", id)
}

// judge judges the rules of a case, together or each alone.
func (c TestCase) judge(set *Set, now time.Time) []TestFailure {
	var out []TestFailure
	var rules []secgroup.Rule
	for _, l := range []struct {
		want  string
		rules []secgroup.Rule
	}{{"pass", c.Pass}, {"exempt", c.Exempt}, {"fail", c.Fail}} {
		for _, r := range l.rules {
			r.ID = fmt.Sprintf("sgr-%08d", len(rules))
			rules = append(rules, r)
			out = append(out, TestFailure{Rule: r.Value(), Want: l.want})
		}
	}
	if c.Together {
		for i, got := range c.verdicts(set, rules, now) {
			out[i].Got = got
		}
		return out
	}
	for i := range rules {
		out[i].Got = c.verdicts(set, rules[i:i+1], now)[0]
	}
	return out
}

// verdicts gives pass, exempt or fail for each rule of a group.
func (c TestCase) verdicts(set *Set, rules []secgroup.Rule, now time.Time) []string {
	in := set.ExplainInput(c.Group, rules, now)
	in.Changes[0].Actor.ARN = c.Actor
	out := make([]string, len(rules))
	for i := range out {
		out[i] = "pass"
	}
	for _, v := range set.Evaluate(in).Rules {
		i := slices.IndexFunc(rules, func(r secgroup.Rule) bool { return r.ID == v.Rule.ID })
		for _, f := range v.Findings {
			switch {
			case f.State == Exempt && out[i] == "pass":
				out[i] = "exempt"
			case f.State != Exempt && f.State != Fine:
				out[i] = "fail"
			}
		}
	}
	return out
}
