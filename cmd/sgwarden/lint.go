package main

import (
	"errors"
	"fmt"
	"io"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/sgwarden/sgwarden/internal/bundle"
	"github.com/sgwarden/sgwarden/internal/policy"
)

func newLint() *cobra.Command {
	var strict bool
	var format string
	cmd := &cobra.Command{
		Use:   "lint DIR",
		Short: "Find faults in a folder of policies",
		Long: `lint reads every *.yaml and *.yml file below DIR and reports all faults at
once, each with its place and what to write instead. It warns of what works
and is hardly meant: scopes and boxes that never match, policies that another
one makes needless or contradicts, sets and overrides without effect,
exemptions that are over, end within 30 days, name no ticket or exempt nothing.

It exits with 2 where something is wrong; warnings alone exit with 0, with
--strict with 2 as well.`,
		Args: arguments("DIR"),
		RunE: func(cmd *cobra.Command, args []string) error {
			write, ok := map[string]func(io.Writer, []policy.Diagnostic) error{
				"text": writeLintText, "json": writeLintJSON, "sarif": writeLintSARIF,
			}[format]
			if !ok {
				return fmt.Errorf("output %q: want text, json or sarif", format)
			}
			found, err := bundle.Lint(args[0], today())
			if err != nil {
				return err
			}
			if err := write(cmd.OutOrStdout(), found); err != nil {
				return outside(err)
			}
			faults, warnings := tally(found)
			switch {
			case faults > 0:
				return errors.New(count(faults, "fault"))
			case strict && warnings > 0:
				return fmt.Errorf("%s, which --strict does not let pass", count(warnings, "warning"))
			}
			return nil
		},
	}
	cmd.Flags().BoolVar(&strict, "strict", false, "exit with 2 for warnings too")
	cmd.Flags().StringVarP(&format, "output", "o", "text", "text, json or sarif")
	return cmd
}

func tally(found []policy.Diagnostic) (faults, warnings int) {
	for _, d := range found {
		if d.Warning {
			warnings++
		} else {
			faults++
		}
	}
	return faults, warnings
}

func writeLintText(w io.Writer, found []policy.Diagnostic) error {
	for _, d := range found {
		if _, err := fmt.Fprintln(w, d.String()); err != nil {
			return err
		}
	}
	faults, warnings := tally(found)
	if faults > 0 {
		return nil
	}
	_, err := fmt.Fprintf(w, "no fault, %s\n", count(warnings, "warning"))
	return err
}

// lintFinding is a diagnostic; its JSON form is a contract.
type lintFinding struct {
	Level   string `json:"level"` // error or warning
	File    string `json:"file"`
	Line    int    `json:"line,omitempty"`   // from 1; none = the file as a whole
	Column  int    `json:"column,omitempty"` // characters, from 1
	Width   int    `json:"width,omitempty"`  // characters
	Message string `json:"message"`
	Hint    string `json:"hint,omitempty"`
}

func writeLintJSON(w io.Writer, found []policy.Diagnostic) error {
	out := []lintFinding{}
	for _, d := range found {
		out = append(out, lintFinding{levelOf(d), filepath.ToSlash(d.File), d.Line, d.Column, d.Width, d.Message, d.Hint})
	}
	return writeIndented(w, out)
}

func levelOf(d policy.Diagnostic) string {
	if d.Warning {
		return "warning"
	}
	return "error"
}
