package main

import (
	"cmp"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/sgwarden/sgwarden/internal/policy"
)

// tested counts what the tests of one policy came to.
type tested struct {
	policy              string
	tests, failed, gaps int
}

// testedByPolicy counts by policy, in the order of the report.
func testedByPolicy(report policy.TestReport) []tested {
	var out []tested
	of := func(id string) *tested {
		i := slices.IndexFunc(out, func(t tested) bool { return t.policy == id })
		if i < 0 {
			i, out = len(out), append(out, tested{policy: id})
		}
		return &out[i]
	}
	for _, r := range report.Results {
		t := of(r.Policy)
		t.tests++
		if r.Failed() {
			t.failed++
		}
	}
	for _, g := range report.Gaps {
		of(g.Policy).gaps++
	}
	slices.SortFunc(out, func(a, b tested) int { return cmp.Compare(a.policy, b.policy) })
	return out
}

// writeTestTable writes what fails and what is not shown, and a line for each
// policy.
func writeTestTable(w io.Writer, report policy.TestReport) error {
	var b strings.Builder
	for _, r := range report.Results {
		if r.Failed() {
			fmt.Fprintf(&b, "%s:%d: %s, %s\n  %s\n  want %s\n  got  %s\n", r.File, r.Line, r.Policy, caseName(r), r.Rule, r.Want, r.Got)
		}
	}
	for _, g := range report.Gaps {
		fmt.Fprintln(&b, g)
	}
	policies := testedByPolicy(report)
	t := tabwriter.NewWriter(&b, 0, 0, 2, ' ', tabwriter.AlignRight|tabwriter.DiscardEmptyColumns)
	rows := "tests\tfailed\tgaps\t policy\n"
	for _, p := range policies {
		rows += fmt.Sprintf("%d\t%d\t%d\t %s\n", p.tests, p.failed, p.gaps, p.policy)
	}
	_, err := io.WriteString(t, rows)
	if err := errors.Join(err, t.Flush()); err != nil {
		return err
	}
	fmt.Fprintf(&b, "%d %s, %s: %d failed, %s\n", len(policies), plural(len(policies), "policy", "policies"),
		count(len(report.Results), "test"), failed(report), count(len(report.Gaps), "gap"))
	_, err = io.WriteString(w, b.String())
	return err
}

// caseName is the name of a case with the check that it stands for.
func caseName(r policy.TestResult) string {
	if r.Check == "" {
		return r.Case
	}
	return r.Case + " (" + r.Check + ")"
}

// testDocument is the JSON form of a report.
type testDocument struct {
	Tests   int           `json:"tests"`
	Failed  int           `json:"failed"`
	Results []testOutcome `json:"results"`
	Gaps    []testGap     `json:"gaps"`
}

type testOutcome struct {
	Policy string `json:"policy"`
	Case   string `json:"case"`
	Check  string `json:"check,omitempty"`
	Judged string `json:"judged"` // a rule, a call, event:FILE, excess or remaining
	Want   string `json:"want"`
	Got    string `json:"got"`
	Failed bool   `json:"failed"`
	File   string `json:"file"`
	Line   int    `json:"line"`
}

type testGap struct {
	Policy string `json:"policy"`
	What   string `json:"what"`
	File   string `json:"file"`
	Line   int    `json:"line"`
}

func writeTestJSON(w io.Writer, report policy.TestReport) error {
	d := testDocument{Tests: len(report.Results), Failed: failed(report), Results: []testOutcome{}, Gaps: []testGap{}}
	for _, r := range report.Results {
		d.Results = append(d.Results, testOutcome{r.Policy, r.Case, r.Check, r.Rule, r.Want, r.Got, r.Failed(), r.File, r.Line})
	}
	for _, g := range report.Gaps {
		d.Gaps = append(d.Gaps, testGap{g.Policy, g.What, g.File, g.Line})
	}
	return writeIndented(w, d)
}

// The JUnit format, as far as CI systems agree on it: a suite for each policy,
// a case for each test and each gap. Where a failure stands is in its text: the
// common schemas have no attributes for that.
type (
	junitSuites struct {
		XMLName  xml.Name     `xml:"testsuites"`
		Name     string       `xml:"name,attr"`
		Tests    int          `xml:"tests,attr"`
		Failures int          `xml:"failures,attr"`
		Errors   int          `xml:"errors,attr"`
		Suites   []junitSuite `xml:"testsuite"`
	}
	junitSuite struct {
		Name     string      `xml:"name,attr"`
		Tests    int         `xml:"tests,attr"`
		Failures int         `xml:"failures,attr"`
		Errors   int         `xml:"errors,attr"`
		Cases    []junitCase `xml:"testcase"`
	}
	junitCase struct {
		Name    string        `xml:"name,attr"`
		Class   string        `xml:"classname,attr"`
		Failure *junitFailure `xml:"failure,omitempty"`
	}
	junitFailure struct {
		Type    string `xml:"type,attr"`
		Message string `xml:"message,attr"`
		Text    string `xml:",chardata"`
	}
)

func writeTestJUnit(w io.Writer, report policy.TestReport) error {
	out := junitSuites{Name: "sgwarden test"}
	for _, t := range testedByPolicy(report) {
		s := junitSuite{Name: t.policy, Tests: t.tests + t.gaps, Failures: t.failed + t.gaps}
		for _, r := range report.Results {
			if r.Policy != t.policy {
				continue
			}
			c := junitCase{Name: caseName(r) + ": " + r.Rule + ": " + r.Want, Class: r.Policy}
			if r.Failed() {
				c.Failure = &junitFailure{"verdict", "want " + r.Want + ", got " + r.Got, r.String()}
			}
			s.Cases = append(s.Cases, c)
		}
		for _, g := range report.Gaps {
			if g.Policy == t.policy {
				s.Cases = append(s.Cases, junitCase{Name: "gap: " + g.What, Class: g.Policy, Failure: &junitFailure{"gap", g.What, g.String()}})
			}
		}
		out.Suites, out.Tests, out.Failures = append(out.Suites, s), out.Tests+s.Tests, out.Failures+s.Failures
	}
	if _, err := io.WriteString(w, xml.Header); err != nil {
		return err
	}
	enc := xml.NewEncoder(w)
	enc.Indent("", "  ")
	if err := enc.Encode(out); err != nil {
		return err
	}
	_, err := io.WriteString(w, "\n")
	return err
}
