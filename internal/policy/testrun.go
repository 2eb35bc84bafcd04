package policy

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/sgwarden/sgwarden/internal/secgroup"
)

// TestResult is what a policy said of one rule of its tests.
type TestResult struct {
	File                string
	Line                int // of the rule
	Policy, Case, Check string
	Rule                string // or "excess"
	Want, Got           string // pass, exempt or fail; of excess, rules
}

// Failed reports whether the policy said something else than its tests want.
func (r TestResult) Failed() bool { return r.Want != r.Got }

// String is FILE:LINE: POLICY, CASE: RULE: want WANT, got GOT.
func (r TestResult) String() string {
	return fmt.Sprintf("%s:%d: %s, %q: %s: want %s, got %s", r.File, r.Line, r.Policy, r.Case, r.Rule, r.Want, r.Got)
}

// TestReport is how the tests of some policies ended.
type TestReport struct {
	Results []TestResult
	// Gaps are what policies say and no test shows. There are none where only
	// some of the cases ran.
	Gaps []TestGap
}

// TestSelection is what RunTests runs.
type TestSelection struct {
	Shipped bool                           // the tests and policies of embedded packs, else those of the folder
	Case    func(policy, name string) bool // nil = all cases, and gaps are looked for
}

// RunTests judges the rules of tests at the given time, each policy alone, on
// and its scope trusted, whatever the deployment does with it. An error means
// that a policy cannot be compiled.
func (p Parsed) RunTests(now time.Time, sel TestSelection) (TestReport, error) {
	var out TestReport
	cases, filled := map[string][]TestCase{}, map[string]Document{}
	for _, t := range p.Tests {
		if t.Shipped != sel.Shipped {
			continue
		}
		d, err := p.document(t.Policy)
		if err != nil {
			return TestReport{}, err
		}
		d = t.Fill(d)
		filled[d.ID] = d
		set, err := p.alone(d)
		if err != nil {
			return TestReport{}, err
		}
		for _, c := range t.Cases {
			if sel.Case != nil && !sel.Case(d.ID, c.Name) {
				continue
			}
			cases[d.ID] = append(cases[d.ID], c)
			for _, r := range c.judge(set, now) {
				r.File, r.Policy, r.Case, r.Check = t.File, d.ID, c.Name, c.Check
				out.Results = append(out.Results, r)
			}
		}
	}
	if sel.Case != nil {
		return out, nil
	}
	for _, d := range p.all() {
		if d.Shipped != sel.Shipped {
			continue
		}
		if f, ok := filled[d.ID]; ok {
			d = f
		}
		gaps, err := p.gaps(d, cases[d.ID], now)
		if err != nil {
			return TestReport{}, err
		}
		out.Gaps = append(out.Gaps, gaps...)
	}
	return out, nil
}

// all gives the policies that are on and those that are not.
func (p Parsed) all() []Document { return slices.Concat(p.Documents, p.Off) }

func (p Parsed) document(id string) (Document, error) {
	for _, d := range p.all() {
		if d.ID == id {
			return d, nil
		}
	}
	return Document{}, fmt.Errorf("test policy %s: it is not there", id)
}

// alone is the set of one policy, with all that its scope rests on trusted.
func (p Parsed) alone(d Document) (*Set, error) {
	d.Chosen = false
	settings := p.Deployment.Settings(Enforce)
	settings.Exemptions = nil
	for _, s := range []*Scope{&d.Scope, d.Not} {
		if s != nil {
			settings.TrustedTags = append(settings.TrustedTags, sortedKeys(s.Tags)...)
			settings.TrustedNames = append(settings.TrustedNames, s.Names...)
		}
	}
	return Compile([]Document{d}, settings)
}

// judge judges the rules of a case, together or each alone.
func (c TestCase) judge(set *Set, now time.Time) []TestResult {
	var out []TestResult
	var rules []secgroup.Rule
	for _, l := range []struct {
		want  string
		rules []TestRule
	}{{"pass", c.Pass}, {"exempt", c.Exempt}, {"fail", c.Fail}} {
		for _, r := range l.rules {
			r.ID = fmt.Sprintf("sgr-%08d", len(rules))
			rules = append(rules, r.Rule)
			out = append(out, TestResult{Line: r.Line, Rule: r.Value(), Want: l.want})
		}
	}
	excess := map[secgroup.Direction]secgroup.Region{}
	step := max(1, len(rules))
	if !c.Together {
		step = 1
	}
	for i := 0; i < len(rules); i += step {
		for k, got := range c.verdicts(set, rules[i:i+step], now, excess) {
			out[i+k].Got = got
		}
	}
	if c.Excess != nil {
		out = append(out, c.compareExcess(excess))
	}
	if c.Want != "" {
		out = append(out, TestResult{Line: c.Line, Rule: "the group", Want: c.Want, Got: c.ofGroup(set, rules, now)})
	}
	return out
}

// verdicts gives pass, exempt or fail for each rule of a group, and adds to
// excess what is too much of those that fail.
func (c TestCase) verdicts(set *Set, rules []secgroup.Rule, now time.Time, excess map[secgroup.Direction]secgroup.Region) []string {
	in := set.ExplainInput(c.Group, rules, now)
	in.Changes[0].Actor.ARN, in.Facts.Surroundings = c.Actor, c.Surroundings
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
				excess[v.Rule.Direction] = excess[v.Rule.Direction].Union(f.Excess)
			}
		}
	}
	return out
}

// ofGroup gives pass or fail for the group itself.
func (c TestCase) ofGroup(set *Set, rules []secgroup.Rule, now time.Time) string {
	for i := range c.Rules {
		port := int32(i + 1)
		rules = append(rules, secgroup.Rule{
			ID: fmt.Sprintf("sgr-1%07d", i), Direction: secgroup.Ingress, Protocol: secgroup.TCP, Ports: secgroup.Ports{From: port, To: port},
			Peer: secgroup.NewCIDR(netip.MustParsePrefix("10.0.0.1/32")), Description: "one of many",
		})
	}
	in := set.ExplainInput(c.Group, rules, now)
	in.Facts.Surroundings = c.Surroundings
	all := &AllGroups{Groups: slices.Clone(c.Groups.Groups)}
	all.Groups[0].Rules = rules
	in.Facts.Groups = all
	in.Known.Rules = map[string]KnownRule{}
	for _, p := range set.Policies {
		id := secgroup.GroupEntry(c.Group.ID, p.ID)
		in.Known.Rules[id] = KnownRule{Rule: secgroup.Rule{ID: id}, Since: now.Add(-c.For)}
	}
	out := "pass"
	verdict := set.Evaluate(in)
	for _, v := range verdict.Group {
		if v.Findings[0].State != Graced {
			out = "fail"
		}
	}
	return out
}

// compareExcess compares what is too much with what the case wants.
func (c TestCase) compareExcess(got map[secgroup.Direction]secgroup.Region) TestResult {
	want := map[secgroup.Direction]secgroup.Region{}
	for _, r := range c.Excess {
		want[r.Direction] = want[r.Direction].Union(r.Region())
	}
	out := TestResult{Line: c.Excess[0].Line, Rule: "excess", Want: excessText(want)}
	out.Got = out.Want
	for _, d := range bothDirections {
		if !want[d].Equal(got[d]) { // equal flows can be written as different rules
			out.Got = excessText(got)
			if out.Got == out.Want {
				out.Got += " and others"
			}
		}
	}
	return out
}

// excessText is flows as rules, the first few of them.
func excessText(all map[secgroup.Direction]secgroup.Region) string {
	var texts []string
	for _, d := range bothDirections {
		for _, r := range all[d].Rules(d, nil) {
			texts = append(texts, r.String())
		}
	}
	const most = 4
	switch {
	case texts == nil:
		return "nothing"
	case len(texts) > most:
		return fmt.Sprintf("%s and %d more", strings.Join(texts[:most], ", "), len(texts)-most)
	}
	return strings.Join(texts, ", ")
}
