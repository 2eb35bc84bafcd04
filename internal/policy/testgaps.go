package policy

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/sgwarden/sgwarden/internal/secgroup"
)

// TestGap is something that a policy says and none of its tests shows.
type TestGap struct {
	File   string
	Line   int
	Policy string
	What   string
}

// String is FILE:LINE: POLICY: WHAT.
func (g TestGap) String() string {
	return fmt.Sprintf("%s:%d: %s: %s", g.File, g.Line, g.Policy, g.What)
}

// testsRun is the cases of one document of tests, which fills sets for itself.
type testsRun struct {
	tests Tests
	cases []caseRun
}

// gaps finds what the cases do not show of a policy: a form that some check has
// no case of, and a line without which every case would end as it does.
func (p Parsed) gaps(d Document, runs []testsRun) ([]TestGap, error) {
	var out []TestGap
	gap := func(file string, line int, format string, args ...any) {
		out = append(out, TestGap{cmp.Or(file, d.File), line, d.ID, fmt.Sprintf(format, args...)})
	}
	if !slices.ContainsFunc(runs, func(r testsRun) bool { return len(r.cases) > 0 }) {
		gap("", d.Line, "it has no tests: nothing shows %s", d.untested())
		return out, nil
	}
	sets, err := p.filled(d, runs)
	if err != nil {
		return nil, err
	}
	for _, check := range d.Checks {
		var f forms
		for i, set := range sets {
			f = f.with(set, check, runs[i].cases)
		}
		for _, lacks := range f.lacking() {
			gap("", d.Line, "check %s: %s", check, lacks)
		}
	}
	whole := verdictsOf(sets, runs)
	for _, w := range d.withoutLines() {
		lacking, err := p.filled(w.rest, runs)
		if err != nil {
			return nil, err
		}
		if slices.Equal(whole, verdictsOf(lacking, runs)) {
			gap(w.file, w.line, "no case tells whether this line (%s) is there", w.key)
		}
	}
	return out, nil
}

// filled is a policy alone, as each document of its tests fills it. Of one that
// has no line left that judges, the sets judge nothing.
func (p Parsed) filled(d Document, runs []testsRun) ([]*Set, error) {
	judges := len(boxesOf(d)) > 0 || len(d.Require) > 0 || d.OnChange != nil
	var out []*Set
	for _, r := range runs {
		set := &Set{}
		if judges {
			var err error
			if set, err = p.alone(r.tests.Fill(d)); err != nil {
				return nil, err
			}
		}
		out = append(out, set)
	}
	return out, nil
}

// untested names the checks and lines of a policy.
func (d Document) untested() string {
	var lines []string
	for _, w := range d.withoutLines() {
		lines = append(lines, fmt.Sprintf("%s (line %d)", w.key, w.line))
	}
	text := "its lines " + strings.Join(lines, ", ")
	if len(d.Checks) > 0 {
		text = "its checks " + strings.Join(d.Checks, ", ") + ", nor " + text
	}
	return text
}

// forms are what the cases of one check show, and of what the policy has some.
type forms struct {
	violates, complies, exempt, ipv6, wide bool

	ofIPv6, ofRules bool
}

// with adds how the entries of the cases of a check end.
func (f forms) with(set *Set, check string, cases []caseRun) forms {
	for _, c := range set.Policies[0].clauses {
		f.ofRules = true
		f.ofIPv6 = f.ofIPv6 || !c.openAddresses().OnlyIPv6().IsEmpty() && slices.ContainsFunc(c.flows, func(f flow) bool { return !f.noIPv6 })
	}
	for _, c := range cases {
		if c.Check != check {
			continue
		}
		entries := slices.Concat(c.Pass, c.Exempt, c.Fail)
		results := c.judge(set)
		if c.Want != "" {
			got := results[len(results)-1].Got
			f.violates, f.complies, f.exempt = f.violates || got == "fail", f.complies || got == "pass", f.exempt || got == "exempt"
		}
		for i, r := range results[:len(entries)] {
			fails := strings.HasPrefix(r.Got, "fail")
			f.violates = f.violates || fails
			f.complies = f.complies || r.Got == "pass"
			f.exempt = f.exempt || r.Got == "exempt"
			block, isBlock := entries[i].Peer.(secgroup.CIDR)
			f.ipv6 = f.ipv6 || fails && isBlock && block.Addr().Is6()
			f.wide = f.wide || fails && entries[i].Peer != nil && (entries[i].Protocol == secgroup.AllProtocols || entries[i].Ports.From < entries[i].Ports.To)
		}
	}
	return f
}

// lacking says which forms a check of a policy has to be shown in, and is not.
// Those of ports and addresses are asked of policies that have some.
func (f forms) lacking() []string {
	var out []string
	for _, form := range []struct {
		shown bool
		lacks string
	}{
		{f.violates, "no case has one that violates"},
		{f.complies, "no case has one that complies"},
		{f.exempt, "no case has one that is exempt"},
		{f.ipv6 || !f.ofIPv6, "no case has an IPv6 rule that violates"},
		{f.wide || !f.ofRules, "no case has a range or -1 that violates"},
	} {
		if !form.shown {
			out = append(out, form.lacks)
		}
	}
	return out
}

// verdictsOf says how every entry of the cases ends.
func verdictsOf(sets []*Set, runs []testsRun) []string {
	var out []string
	for i, run := range runs {
		for _, c := range run.cases {
			for _, r := range c.judge(sets[i]) {
				out = append(out, r.Got)
			}
		}
	}
	return out
}

// shortened is a policy that lacks one of its lines.
type shortened struct {
	key  string // that the line stands under
	file string // "" = the policy's
	line int
	rest Document
}

// withoutLines gives the policy without each box, each exception to a box,
// its tolerance, its scope and each exception by actor, in turn.
func (d Document) withoutLines() []shortened {
	var out []shortened
	lacking := func(key, file string, line int, change func(*Document)) {
		rest := d
		change(&rest)
		out = append(out, shortened{key, file, line, rest})
	}
	for i, box := range d.Forbid {
		lacking("forbid", box.File, box.Line, func(r *Document) { r.Forbid = without(d.Forbid, i) })
		for j, but := range box.But {
			lacking("but", but.File, but.Line, func(r *Document) {
				r.Forbid = slices.Clone(d.Forbid)
				r.Forbid[i].But = without(box.But, j)
			})
		}
	}
	if a := d.AllowOnly; a != nil {
		lacking("allowOnly", "", a.Line, func(r *Document) { r.AllowOnly = nil })
		for i, these := range a.These {
			lacking("these", these.File, these.Line, func(r *Document) {
				r.AllowOnly = &AllowOnly{Line: a.Line, Within: a.Within, These: without(a.These, i)}
			})
		}
	}
	for i, r := range d.Require {
		lacking("require", "", r.Line, func(rest *Document) { rest.Require = without(d.Require, i) })
	}
	if d.Tolerate.Line > 0 {
		lacking("tolerate", d.Tolerate.File, d.Tolerate.Line, func(r *Document) { r.Tolerate = Tolerance{IPv4: -1, IPv6: -1} })
	}
	if !d.Scope.isEmpty() {
		lacking("scope", d.Scope.File, d.Scope.Line, func(r *Document) { r.Scope = Scope{} })
	}
	if d.Not != nil {
		lacking("not", d.Not.File, d.Not.Line, func(r *Document) { r.Not = nil })
	}
	out = append(out, d.withoutCallLines()...)
	for i, e := range d.Except {
		lacking("except", e.File, e.Line, func(r *Document) { r.Except = without(d.Except, i) })
	}
	return out
}

// withoutCallLines gives a policy on calls without each of its calls, and
// without each actor and user agent whose calls are left out.
func (d Document) withoutCallLines() []shortened {
	o := d.OnChange
	if o == nil {
		return nil
	}
	var out []shortened
	lacking := func(key, file string, line int, change func(*OnChange)) {
		rest, own := d, *o
		change(&own)
		rest.OnChange = &own
		out = append(out, shortened{key, file, line, rest})
	}
	none := d
	none.OnChange = nil
	out = append(out, shortened{"onChange", "", o.Line, none})
	for i := range o.Calls {
		if len(o.Calls) > 1 { // none would mean any
			lacking("calls", "", o.Line, func(r *OnChange) { r.Calls = without(o.Calls, i) })
		}
	}
	u := o.Unless
	if u == nil {
		return out
	}
	lacking("unless", u.File, u.Line, func(r *OnChange) { r.Unless = nil })
	for i := range u.Actors {
		lacking("actors", u.File, u.Line, func(r *OnChange) {
			r.Unless = &Unless{Line: u.Line, Actors: without(u.Actors, i), UserAgents: u.UserAgents}
		})
	}
	for i := range u.UserAgents {
		lacking("userAgents", u.File, u.Line, func(r *OnChange) {
			r.Unless = &Unless{Line: u.Line, Actors: u.Actors, UserAgents: without(u.UserAgents, i)}
		})
	}
	return out
}

func without[E any](list []E, i int) []E { return slices.Delete(slices.Clone(list), i, i+1) }
