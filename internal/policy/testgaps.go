package policy

import (
	"cmp"
	"fmt"
	"slices"
	"time"
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

// gaps finds what the cases do not show of a policy: a check of which no rule
// violates, and a line without which every case would end as it does.
func (p Parsed) gaps(d Document, cases []TestCase, now time.Time) ([]TestGap, error) {
	var out []TestGap
	gap := func(file string, line int, format string, args ...any) {
		out = append(out, TestGap{cmp.Or(file, d.File), line, d.ID, fmt.Sprintf(format, args...)})
	}
	if len(cases) == 0 {
		gap("", d.Line, "it has no tests")
		return out, nil
	}
	for _, check := range d.Checks {
		if !slices.ContainsFunc(cases, func(c TestCase) bool { return c.Check == check && (len(c.Fail) > 0 || c.Want == "fail") }) {
			gap("", d.Line, "no case of check %s has a rule that violates", check)
		}
	}
	whole, err := p.verdictsOf(d, cases, now)
	if err != nil {
		return nil, err
	}
	for _, w := range d.withoutLines() {
		got, err := p.verdictsOf(w.rest, cases, now)
		if err != nil {
			return nil, err
		}
		if slices.Equal(whole, got) {
			gap(w.file, w.line, "no case tells whether this line (%s) is there", w.key)
		}
	}
	return out, nil
}

// verdictsOf gives pass, exempt or fail for every rule of the cases.
func (p Parsed) verdictsOf(d Document, cases []TestCase, now time.Time) ([]string, error) {
	var out []string
	set := &Set{} // judges nothing
	if len(boxesOf(d)) > 0 || len(d.Require) > 0 {
		var err error
		if set, err = p.alone(d); err != nil {
			return nil, err
		}
	}
	for _, c := range cases {
		for _, r := range c.judge(set, now) {
			out = append(out, r.Got)
		}
	}
	return out, nil
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
	for i, e := range d.Except {
		lacking("except", e.File, e.Line, func(r *Document) { r.Except = without(d.Except, i) })
	}
	return out
}

func without[E any](list []E, i int) []E { return slices.Delete(slices.Clone(list), i, i+1) }
