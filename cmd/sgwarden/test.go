package main

import (
	"encoding/xml"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/sgwarden/sgwarden/internal/bundle"
	"github.com/sgwarden/sgwarden/internal/policy"
)

func newTest() *cobra.Command {
	var choice, format string
	cmd := &cobra.Command{
		Use:   "test [DIR]",
		Short: "Run the tests of policies",
		Long: `test runs the documents of kind Tests below DIR, or, without DIR, those of the
embedded packs: each policy is judged alone and switched on, with the sets and
overrides of the folder's settings.

It also says what no test shows: a policy without tests, a check of its
metadata without a rule that violates, and a line of the policy without which
every test would end as it does. It exits with 1 where a test fails or such a
gap is left. --run runs some of the cases, and looks for no gaps.

  sgwarden test my-policies
  sgwarden test --run 'admin-ports.*/SSH' -o junit`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if format != "text" && format != "junit" {
				return fmt.Errorf("output %q: want text or junit", format)
			}
			var choose func(policy, name string) bool
			if choice != "" {
				re, err := regexp.Compile(choice)
				if err != nil {
					return fmt.Errorf("run %q: %w", choice, err)
				}
				choose = func(policy, name string) bool { return re.MatchString(policy + "/" + name) }
			}
			folder := ""
			if len(args) > 0 {
				folder = args[0]
			}
			report, err := bundle.RunTests(folder, today(), choose)
			if err != nil {
				return policyFault(err)
			}
			switch {
			case len(report.Results)+len(report.Gaps) > 0:
				return writeTests(cmd.OutOrStdout(), report, format)
			case choice != "":
				return fmt.Errorf("run %q: no case has a POLICY/NAME like that", choice)
			}
			return fmt.Errorf("test %s: no policy and no tests in it", folder)
		},
	}
	cmd.Flags().StringVar(&choice, "run", "", "run the cases whose POLICY/NAME matches this regular expression")
	cmd.Flags().StringVarP(&format, "output", "o", "text", "text or junit")
	return cmd
}

func writeTests(w io.Writer, report policy.TestReport, format string) error {
	write := writeTestText
	if format == "junit" {
		write = writeTestJUnit
	}
	if err := write(w, report); err != nil {
		return outside(err)
	}
	if failed(report) > 0 || len(report.Gaps) > 0 {
		return status{exitViolation, nil}
	}
	return nil
}

func failed(report policy.TestReport) int {
	n := 0
	for _, r := range report.Results {
		if r.Failed() {
			n++
		}
	}
	return n
}

func writeTestText(w io.Writer, report policy.TestReport) error {
	var b strings.Builder
	policies := map[string]bool{}
	for _, r := range report.Results {
		policies[r.Policy] = true
		if r.Failed() {
			name := r.Case
			if r.Check != "" {
				name += " (" + r.Check + ")"
			}
			fmt.Fprintf(&b, "%s:%d: %s, %s\n  %s\n  want %s\n  got  %s\n", r.File, r.Line, r.Policy, name, r.Rule, r.Want, r.Got)
		}
	}
	for _, g := range report.Gaps {
		policies[g.Policy] = true
		fmt.Fprintln(&b, g)
	}
	fmt.Fprintf(&b, "%d %s, %s tested: %d failed, %s\n", len(policies), plural(len(policies), "policy", "policies"),
		count(len(report.Results), "rule"), failed(report), count(len(report.Gaps), "gap"))
	_, err := io.WriteString(w, b.String())
	return err
}

func plural(n int, one, many string) string {
	if n == 1 {
		return one
	}
	return many
}

// The JUnit format, as far as CI systems read it: a suite for each policy, a
// case for each rule and each gap.
type (
	junitSuites struct {
		XMLName  xml.Name     `xml:"testsuites"`
		Tests    int          `xml:"tests,attr"`
		Failures int          `xml:"failures,attr"`
		Suites   []junitSuite `xml:"testsuite"`
	}
	junitSuite struct {
		Name     string      `xml:"name,attr"`
		Tests    int         `xml:"tests,attr"`
		Failures int         `xml:"failures,attr"`
		Cases    []junitCase `xml:"testcase"`
	}
	junitCase struct {
		Name    string        `xml:"name,attr"`
		Class   string        `xml:"classname,attr"`
		File    string        `xml:"file,attr"`
		Line    int           `xml:"line,attr"`
		Failure *junitFailure `xml:"failure,omitempty"`
	}
	junitFailure struct {
		Message string `xml:"message,attr"`
	}
)

func writeTestJUnit(w io.Writer, report policy.TestReport) error {
	var out junitSuites
	add := func(policy string, c junitCase) {
		i := slices.IndexFunc(out.Suites, func(s junitSuite) bool { return s.Name == policy })
		if i < 0 {
			i, out.Suites = len(out.Suites), append(out.Suites, junitSuite{Name: policy})
		}
		s := &out.Suites[i]
		s.Cases = append(s.Cases, c)
		s.Tests++
		out.Tests++
		if c.Failure != nil {
			s.Failures++
			out.Failures++
		}
	}
	for _, r := range report.Results {
		c := junitCase{Name: r.Case + ": " + r.Rule + ": " + r.Want, Class: r.Policy, File: r.File, Line: r.Line}
		if r.Failed() {
			c.Failure = &junitFailure{"want " + r.Want + ", got " + r.Got}
		}
		add(r.Policy, c)
	}
	for _, g := range report.Gaps {
		add(g.Policy, junitCase{Name: "gap", Class: g.Policy, File: g.File, Line: g.Line, Failure: &junitFailure{g.What}})
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
