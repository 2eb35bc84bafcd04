package policy

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/sgwarden/sgwarden/internal/secgroup"
)

// caseRun is a case with what it takes to judge it.
type caseRun struct {
	TestCase
	now   time.Time
	event func(name string) ([]byte, error)
}

// flowsByDirection are flows that a case adds up.
type flowsByDirection map[secgroup.Direction]secgroup.Region

func (f flowsByDirection) add(d secgroup.Direction, r secgroup.Region) { f[d] = f[d].Union(r) }

// caseSums are what a case may ask of the rules that violate, together.
type caseSums struct{ excess, rest flowsByDirection }

// judge judges the entries of a case, together or each alone.
func (c caseRun) judge(set *Set) []TestResult {
	var out []TestResult
	var entries []TestRule
	for _, l := range []struct {
		want    string
		entries []TestRule
	}{{"pass", c.Pass}, {"exempt", c.Exempt}, {"fail", c.Fail}} {
		for _, e := range l.entries {
			e.ID = fmt.Sprintf("sgr-%08d", len(entries))
			entries = append(entries, e)
			r := TestResult{Line: e.Line, Rule: e.text(), Want: l.want}
			if l.want == "fail" && c.Outcome != "" {
				r.Want += ", " + c.Outcome
			}
			out = append(out, r)
		}
	}
	total := caseSums{flowsByDirection{}, flowsByDirection{}}
	for i := 0; i < len(entries); {
		n := c.step(entries[i:])
		for k, got := range c.verdicts(set, entries[i:i+n], total) {
			if strings.HasPrefix(got, "fail") && !strings.HasPrefix(out[i+k].Want, "fail,") {
				got = "fail"
			}
			out[i+k].Got = got
		}
		i += n
	}
	if c.Excess != nil {
		out = append(out, compareFlows("excess", c.Excess[0].Line, c.Excess, total.excess))
	}
	if c.Rest != nil {
		out = append(out, compareFlows("remaining", c.rest, *c.Rest, total.rest))
	}
	if c.Want != "" {
		out = append(out, TestResult{Line: c.Line, Rule: theGroup, Want: c.Want, Got: c.ofGroup(set, entries)})
	}
	return out
}

// theGroup stands in results for the group itself.
const theGroup = "the group"

// ofGroup gives pass, exempt or fail for the group itself.
func (c caseRun) ofGroup(set *Set, entries []TestRule) string {
	var rules []secgroup.Rule
	for _, e := range entries {
		rules = append(rules, e.Rule)
	}
	for i := range c.Rules {
		port := int32(i + 1)
		rules = append(rules, secgroup.Rule{
			ID: fmt.Sprintf("sgr-1%07d", i), Direction: secgroup.Ingress, Protocol: secgroup.TCP, Ports: secgroup.Ports{From: port, To: port},
			Peer: secgroup.NewCIDR(netip.MustParsePrefix("10.0.0.1/32")), Description: "one of many",
		})
	}
	in := set.ExplainInput(c.Group, rules, c.now)
	c.exempt(&in)
	c.surround(&in)
	if in.Facts.Groups != nil {
		all := &AllGroups{Groups: slices.Clone(in.Facts.Groups.Groups)}
		all.Groups[0].Rules = rules
		in.Facts.Groups = all
	}
	in.Known.Rules = map[string]KnownRule{}
	for _, p := range set.Policies {
		id := secgroup.GroupEntry(c.Group.ID, p.ID)
		in.Known.Rules[id] = KnownRule{Rule: secgroup.Rule{ID: id}, Since: c.now.Add(-c.For)}
	}
	out := "pass"
	for _, v := range set.Evaluate(in).Group {
		switch v.Findings[0].State {
		case Graced:
		case Exempt:
			out = "exempt"
		default:
			return "fail"
		}
	}
	return out
}

// text is an entry as the case writes it.
func (t TestRule) text() string {
	switch {
	case t.Call != "":
		return t.Call
	case t.Event != "":
		return eventPrefix + t.Event
	}
	return t.Value()
}

// step is how many of the entries are judged in one go: all rules that are
// next, of a case that has them together.
func (c caseRun) step(entries []TestRule) int {
	isRule := func(t TestRule) bool { return t.Call == "" && t.Event == "" }
	n := 1
	for c.Together && isRule(entries[0]) && n < len(entries) && isRule(entries[n]) {
		n++
	}
	return n
}

// verdicts says of each entry pass, exempt or "fail, OUTCOME", or why it could
// not be judged, and adds to the sums what is too much and what would be left
// of rules that fail.
func (c caseRun) verdicts(set *Set, entries []TestRule, total caseSums) []string {
	in, err := c.input(set, entries)
	if err != nil {
		return []string{err.Error()}
	}
	v := set.Evaluate(in)
	if len(entries) == 1 && (entries[0].Call != "" || entries[0].Event != "") {
		return []string{worstOf(v, total)}
	}
	out := make([]string, len(entries))
	for i, e := range entries {
		for _, r := range v.Rules {
			if r.Rule.ID == e.ID {
				out[i] = worstOf(Verdict{Rules: []RuleVerdict{r}}, total)
			}
		}
	}
	return out
}

// worstOf is pass, exempt or "fail, OUTCOME" for all that a verdict says.
func worstOf(v Verdict, total caseSums) string {
	worst, outcome := "pass", ""
	consider := func(f Finding, how string) bool {
		switch f.State {
		case Fine:
			return false
		case Exempt:
			if worst == "pass" {
				worst = "exempt"
			}
			return false
		}
		worst, outcome = "fail", cmp.Or(outcome, how)
		return true
	}
	for _, r := range v.Rules {
		fails := false
		for _, f := range r.Findings {
			if consider(f, r.outcome()) {
				fails = true
				total.excess.add(r.Rule.Direction, f.Excess)
			}
		}
		if fails {
			total.rest.add(r.Rule.Direction, r.rest())
		}
	}
	for _, c := range v.Calls {
		for _, f := range c.Findings {
			consider(f, stateOutcome(f.State))
		}
	}
	if worst == "fail" {
		return worst + ", " + outcome
	}
	return worst
}

// outcome is how the judgement of a rule would end if every call succeeded.
func (r RuleVerdict) outcome() string {
	switch r.Decision {
	case Revert:
		return "reverted"
	case Narrow:
		return "narrowed"
	case Tag:
		return "tagged"
	}
	for _, f := range r.Findings {
		if f.State != Fine && f.State != Exempt {
			return stateOutcome(f.State)
		}
	}
	return ""
}

func stateOutcome(s State) string {
	switch s {
	case Waiting, Held:
		return "pending"
	case Observing:
		return "observed"
	}
	return "alerted"
}

// rest is the flows that the decision leaves of a rule.
func (r RuleVerdict) rest() secgroup.Region {
	if r.Decision != Revert && r.Decision != Narrow {
		return regionOfRule(r.Rule)
	}
	var out secgroup.Region
	for _, part := range r.Remaining {
		out = out.Union(regionOfRule(part))
	}
	return out
}

// compareFlows compares flows with what the case wants.
func compareFlows(what string, line int, rules []TestRule, got flowsByDirection) TestResult {
	want := flowsByDirection{}
	for _, r := range rules {
		want.add(r.Direction, r.Region())
	}
	out := TestResult{Line: line, Rule: what, Want: want.text()}
	out.Got = out.Want
	for _, d := range bothDirections {
		if !want[d].Equal(got[d]) { // equal flows can be written as different rules
			out.Got = got.text()
			if out.Got == out.Want {
				out.Got += " and others"
			}
		}
	}
	return out
}

// text is flows as rules, the first few of them.
func (f flowsByDirection) text() string {
	var texts []string
	for _, d := range bothDirections {
		for _, r := range f[d].Rules(d, nil) {
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
