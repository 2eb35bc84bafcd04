package main

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
)

func (x explanation) write(w io.Writer, format string) error {
	if format == "json" {
		return writeIndented(w, x)
	}
	var b strings.Builder
	fmt.Fprintln(&b, x.Outcome)
	if x.Reason != "" {
		line(&b, "because", printable(x.Reason))
	}
	for _, text := range x.besides {
		line(&b, "besides", printable(text))
	}
	if g := x.Group; g != nil {
		line(&b, "group", printable(fmt.Sprintf("%s %q in %s of %s, %s", g.ID, g.Name, g.VPC, g.Account, g.Region)))
		if !slices.ContainsFunc(x.Rules, func(r explainedRule) bool { return r.about == aRule }) {
			line(&b, "", "it has no rule")
		}
	}
	for i, r := range x.Rules {
		if i > 0 || x.Group != nil {
			b.WriteByte('\n')
		}
		r.write(&b)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// write tells one rule with the table of all policies.
func (r explainedRule) write(b *strings.Builder) {
	line(b, [...]string{"rule", "for", "for"}[r.about], strings.TrimSpace(r.ID+" "+r.Rule))
	line(b, "decided", r.Outcome+": "+printable(r.Decided))
	switch {
	case r.about != aRule:
	case len(r.Remaining) == 0:
		line(b, "leaves", "nothing")
	default:
		lines(b, "leaves", r.Remaining)
	}
	table := tabwriter.NewWriter(b, 0, 0, 2, ' ', 0)
	row := func(cells ...string) { _, _ = fmt.Fprintln(table, "  "+strings.Join(printables(cells), "\t")) }
	if len(r.Policies) > 0 {
		row("VERDICT", "POLICY", "SEVERITY", "AT", "WHY")
	}
	for _, a := range r.Policies {
		row(a.Verdict, a.Policy, a.Severity, fmt.Sprintf("%s:%d", a.File, a.Line), a.sentence())
	}
	_ = table.Flush() // into memory
}
