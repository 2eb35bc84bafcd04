package main

import (
	"fmt"
	"io"
	"regexp"

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

It also says what no test shows: a policy without tests; a check of its
metadata of which no case violates, complies or is exempt, or none in IPv6 or as
a range or -1 where the policy has such; and a line of the policy without which
every test would end as it does. It exits with 1 where a test fails or such a
gap is left. --run runs some of the cases, and looks for no gaps.

  sgwarden test my-policies
  sgwarden test --run 'admin-ports.*/SSH' -o junit`,
		Args: oneOrNone,
		RunE: func(cmd *cobra.Command, args []string) error {
			if testFormats[format] == nil {
				return fmt.Errorf("output %q: want table, json or junit", format)
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
	cmd.Flags().StringVarP(&format, "output", "o", "table", "table, json or junit")
	return cmd
}

// testFormats write a report.
var testFormats = map[string]func(io.Writer, policy.TestReport) error{"table": writeTestTable, "json": writeTestJSON, "junit": writeTestJUnit}

func writeTests(w io.Writer, report policy.TestReport, format string) error {
	if err := testFormats[format](w, report); err != nil {
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

func plural(n int, one, many string) string {
	if n == 1 {
		return one
	}
	return many
}
