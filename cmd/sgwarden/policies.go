package main

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/sgwarden/sgwarden/internal/bundle"
	"github.com/sgwarden/sgwarden/internal/policy"
)

func newPolicies() *cobra.Command {
	var folder, pack, mode, format string
	cmd := &cobra.Command{
		Use:   "policies",
		Short: "List which policies are on, and what each does",
		Long: `policies lists the policies of a folder and of the embedded packs: what is on
under the folder's settings, or in a deployment without a folder, in which
mode, with which remedy, for which groups, what overrides changed, which
exemptions there are, and why the others are off:

  on        it judges
  off       the settings switched it off
  unscoped  it depends on your intent, and the settings give it no scope
  unlisted  it is of a pack that the settings do not list
  missing   a control that no policy covers yet

--pack takes the id of a pack, or of a framework: cis-aws-1.2 to cis-aws-7.0,
aws-fsbp, pci-dss. Of a framework every control is listed with each policy that
covers some of it. --mode is what SGWARDEN_MODE of the deployment says: the
lower of it and of the settings counts.

  sgwarden policies --pack cis-aws-6.0 -o json`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := checkFormat(format); err != nil {
				return err
			}
			environment, err := modeOf(mode)
			if err != nil {
				return err
			}
			entries, err := bundle.Catalog(folder, pack, environment)
			if err != nil {
				return policyFault(err)
			}
			write := writePolicyTable
			if format == "json" {
				write = writePolicyJSON
			}
			if err := write(cmd.OutOrStdout(), entries); err != nil {
				return outside(err)
			}
			return nil
		},
	}
	cmd.Flags().StringVar(&pack, "pack", "", "only this pack or framework")
	cmd.Flags().StringVar(&folder, "policies", "", "folder of policies (default: the built-in pack baseline)")
	cmd.Flags().StringVar(&mode, "mode", "", "what SGWARDEN_MODE says: observe or enforce")
	cmd.Flags().StringVarP(&format, "output", "o", "table", "table or json")
	return cmd
}

// modeOf reads a mode; "" is none.
func modeOf(text string) (policy.Mode, error) {
	for _, m := range []policy.Mode{0, policy.Observe, policy.Enforce} {
		if text == m.String() {
			return m, nil
		}
	}
	return 0, fmt.Errorf("mode %q: want observe or enforce", text)
}

// listedPolicy is an entry of the list; its JSON form is a contract.
type listedPolicy struct {
	Control  string              `json:"control,omitempty"` // where a framework is listed
	Policy   *string             `json:"policy"`            // null where the state is missing
	Title    string              `json:"title"`
	Checks   []string            `json:"checks"`
	Severity string              `json:"severity,omitempty"`
	State    string              `json:"state"`
	Why      string              `json:"why,omitempty"` // it is off
	Mode     string              `json:"mode,omitempty"`
	Remedy   string              `json:"remedy,omitempty"`
	Scope    string              `json:"scope,omitempty"`
	Changed  []string            `json:"overridden,omitempty"` // keys
	Exempt   []listedExemption   `json:"exemptions,omitempty"`
	Intent   string              `json:"intent,omitempty"`
	Pack     string              `json:"pack,omitempty"`
	File     string              `json:"file,omitempty"`
	Line     int                 `json:"line,omitempty"`
	Controls map[string][]string `json:"controls,omitempty"`
	Later    string              `json:"later,omitempty"` // what it takes, where the state is missing
}

type listedExemption struct {
	ID     string   `json:"id"`
	Group  string   `json:"group"`
	Rules  []string `json:"rules"` // none = every rule of the group
	Owner  string   `json:"owner"`
	Reason string   `json:"reason"`
	Ticket string   `json:"ticket,omitempty"`
	Until  string   `json:"until"` // the last day, UTC
	Over   bool     `json:"over"`
}

func listedExemptions(e bundle.Entry) []listedExemption {
	var out []listedExemption
	for _, x := range e.Exempt {
		l := listedExemption{
			ID: x.ID, Group: x.Group, Rules: []string{}, Owner: x.Owner, Reason: x.Reason, Ticket: x.Ticket,
			Until: x.Until.Add(-1).Format(time.DateOnly), Over: !today().Before(x.Until),
		}
		for _, r := range x.Rules {
			l.Rules = append(l.Rules, r.Value())
		}
		out = append(out, l)
	}
	return out
}

func writePolicyJSON(w io.Writer, entries []bundle.Entry) error {
	out := []listedPolicy{}
	for _, e := range entries {
		l := listedPolicy{
			Control: e.Control, Title: e.Title, Checks: e.Checks, Severity: e.Severity, State: string(e.State),
			Pack: e.Pack, File: e.File, Line: e.Line, Controls: e.Controls, Later: e.Later,
			Why: e.Why, Mode: e.Mode, Remedy: e.Remedy, Scope: e.Scope, Changed: e.Changed, Exempt: listedExemptions(e),
		}
		if l.Checks == nil {
			l.Checks = []string{}
		}
		if e.State != bundle.Missing {
			l.Policy, l.Intent = &e.Policy, intentOf(e)
		}
		if e.Control != "" {
			l.Controls = nil
		}
		out = append(out, l)
	}
	return writeIndented(w, out)
}

func intentOf(e bundle.Entry) string {
	if e.Chosen {
		return "chosen"
	}
	return "universal"
}

func writePolicyTable(w io.Writer, entries []bundle.Entry) error {
	var text bytes.Buffer // writing to it cannot fail
	table := tabwriter.NewWriter(&text, 0, 0, 2, ' ', 0)
	row := func(cells ...string) { _, _ = fmt.Fprintln(table, strings.Join(cells, "\t")) }
	if len(entries) > 0 && entries[0].Control != "" {
		controlRows(entries, row)
	} else {
		policyRows(entries, row)
	}
	if err := table.Flush(); err != nil {
		return err
	}
	for line := range strings.Lines(text.String()) {
		if _, err := fmt.Fprintln(w, strings.TrimRight(line, " \n")); err != nil {
			return err
		}
	}
	return nil
}

// policyRows says what each policy does, or why it does nothing.
func policyRows(entries []bundle.Entry, row func(...string)) {
	row("STATE", "POLICY", "MODE", "REMEDY", "SEVERITY", "SCOPE", "FILE", "NOTE")
	for _, e := range entries {
		row(string(e.State), printable(e.Policy), e.Mode, e.Remedy, e.Severity, printable(e.Scope), placeOf(e), printable(noteOf(e)))
	}
}

// noteOf is why a policy is off, or what the settings say of it.
func noteOf(e bundle.Entry) string {
	if e.Why != "" {
		return e.Why
	}
	var notes []string
	if len(e.Changed) > 0 {
		notes = append(notes, "overridden: "+strings.Join(e.Changed, ", "))
	}
	for _, x := range listedExemptions(e) {
		which, when := "", "until"
		if len(x.Rules) > 0 {
			which = " (" + count(len(x.Rules), "rule") + ")"
		}
		if x.Over {
			when = "over since"
		}
		notes = append(notes, fmt.Sprintf("exemption %s: %s%s, %s, %s %s", x.ID, x.Group, which, x.Owner, when, x.Until))
	}
	return strings.Join(notes, "; ")
}

// controlRows says of each control what covers it.
func controlRows(entries []bundle.Entry, row func(...string)) {
	row("CONTROL", "STATE", "POLICY", "SEVERITY", "INTENT", "CHECKS", "FILE")
	for _, e := range entries {
		checks := printable(strings.Join(e.Checks, " "))
		if e.State == bundle.Missing {
			row(e.Control, string(e.State), e.Title, "", "", checks, "later: "+e.Later)
			continue
		}
		row(e.Control, string(e.State), printable(e.Policy), e.Severity, intentOf(e), checks, placeOf(e))
	}
}

func placeOf(e bundle.Entry) string { return printable(fmt.Sprintf("%s:%d", e.File, e.Line)) }
