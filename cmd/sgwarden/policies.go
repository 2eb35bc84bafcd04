package main

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/sgwarden/sgwarden/internal/bundle"
)

func newPolicies() *cobra.Command {
	var folder, pack, format string
	cmd := &cobra.Command{
		Use:   "policies",
		Short: "List policies, the checks and controls they cover, and which are on",
		Long: `policies lists the policies of a folder and of the embedded packs. Their state
is that under the folder's settings, or of a deployment without a folder:

  on        it judges
  off       the settings switched it off
  unscoped  it depends on your intent, and the settings give it no scope
  unlisted  it is of a pack that the settings do not list
  missing   a control that no policy covers yet

--pack takes the id of a pack, or of a framework: cis-aws-1.2 to cis-aws-7.0,
aws-fsbp, pci-dss. Of a framework every control is listed with each policy that
covers some of it.

  sgwarden policies --pack cis-aws-6.0 -o json`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if format != "table" && format != "json" {
				return fmt.Errorf("output %q: want table or json", format)
			}
			entries, err := bundle.Catalog(folder, pack)
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
	cmd.Flags().StringVarP(&format, "output", "o", "table", "table or json")
	return cmd
}

// listedPolicy is an entry of the list; its JSON form is a contract.
type listedPolicy struct {
	Control  string              `json:"control,omitempty"` // where a framework is listed
	Policy   *string             `json:"policy"`            // null where the state is missing
	Title    string              `json:"title"`
	Checks   []string            `json:"checks"`
	Severity string              `json:"severity,omitempty"`
	State    string              `json:"state"`
	Intent   string              `json:"intent,omitempty"`
	Pack     string              `json:"pack,omitempty"`
	File     string              `json:"file,omitempty"`
	Line     int                 `json:"line,omitempty"`
	Controls map[string][]string `json:"controls,omitempty"`
	Later    string              `json:"later,omitempty"` // what it takes, where the state is missing
}

func writePolicyJSON(w io.Writer, entries []bundle.Entry) error {
	out := []listedPolicy{}
	for _, e := range entries {
		l := listedPolicy{
			Control: e.Control, Title: e.Title, Checks: e.Checks, Severity: e.Severity, State: string(e.State),
			Pack: e.Pack, File: e.File, Line: e.Line, Controls: e.Controls, Later: e.Later,
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
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	return enc.Encode(out)
}

func intentOf(e bundle.Entry) string {
	if e.Chosen {
		return "chosen"
	}
	return "universal"
}

func writePolicyTable(w io.Writer, entries []bundle.Entry) error {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	row := func(control string, cells ...string) {
		if len(entries) > 0 && entries[0].Control != "" {
			cells = append([]string{control}, cells...)
		}
		_, _ = fmt.Fprintln(table, strings.Join(cells, "\t")) // Flush has the error
	}
	row("CONTROL", "STATE", "POLICY", "SEVERITY", "INTENT", "CHECKS", "FILE")
	for _, e := range entries {
		checks := strings.Join(e.Checks, " ")
		if e.State == bundle.Missing {
			row(e.Control, string(e.State), e.Title, "", "", checks, "later: "+e.Later)
			continue
		}
		row(e.Control, string(e.State), printable(e.Policy), e.Severity, intentOf(e), printable(checks), printable(fmt.Sprintf("%s:%d", e.File, e.Line)))
	}
	return table.Flush()
}
