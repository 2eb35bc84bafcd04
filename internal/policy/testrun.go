package policy

import (
	"errors"
	"fmt"
	"slices"
	"time"
)

// TestResult is what a policy said of one rule of its tests.
type TestResult struct {
	File                string
	Line                int // of the rule
	Policy, Case, Check string
	Rule                string // or a call, event:FILE, "excess" or "remaining"
	Want, Got           string // pass, exempt or fail, and the outcome where the case asks for it; of excess and remaining, rules
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
	// Event reads the file that a case names, beside the file of the tests;
	// nil = there are none.
	Event func(testsFile, name string) ([]byte, error)
}

// RunTests judges the rules of tests at the given time, each policy alone, on
// and its scope trusted, whatever the deployment does with it. An error means
// that a policy cannot be compiled.
func (p Parsed) RunTests(now time.Time, sel TestSelection) (TestReport, error) {
	var out TestReport
	runs := map[string][]testsRun{}
	for _, t := range p.Tests {
		if t.Shipped != sel.Shipped {
			continue
		}
		d, err := p.document(t.Policy)
		if err != nil {
			return TestReport{}, err
		}
		set, err := p.alone(t.Fill(d))
		if err != nil {
			return TestReport{}, err
		}
		of := testsRun{tests: t}
		for _, c := range t.Cases {
			if sel.Case != nil && !sel.Case(d.ID, c.Name) {
				continue
			}
			run := caseRun{TestCase: c, now: now, event: func(name string) ([]byte, error) {
				if sel.Event == nil {
					return nil, errors.New("there are no files here")
				}
				return sel.Event(t.File, name)
			}}
			of.cases = append(of.cases, run)
			for _, r := range run.judge(set) {
				r.File, r.Policy, r.Case, r.Check = t.File, d.ID, c.Name, c.Check
				out.Results = append(out.Results, r)
			}
		}
		runs[d.ID] = append(runs[d.ID], of)
	}
	if sel.Case != nil {
		return out, nil
	}
	for _, d := range p.all() {
		if d.Shipped != sel.Shipped {
			continue
		}
		gaps, err := p.gaps(d, runs[d.ID])
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
