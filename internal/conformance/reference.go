package conformance

import (
	"fmt"
	"slices"
	"strings"
)

// Reference is the page docs/reference/conformance.md: every case with its
// source, what rests on it, and whether moto differs.
func Reference() string {
	cases, differs := Cases(), MotoDifferences()
	bySource, withStage := map[Source]int{}, 0
	for _, c := range cases {
		bySource[c.Source]++
		if c.Staged {
			withStage++
		}
	}
	var b strings.Builder
	b.WriteString("<!-- Generated: go test ./internal/conformance -run Reference -update -->\n\n# What sgwarden takes EC2 to do\n\n")
	fmt.Fprintf(&b, "%d claims about EC2's security groups, each a case that runs: on the embedded EC2, where all hold; on moto, where %d do not "+
		"and every other does; and in a sandbox account of yours, with `make conformance-aws`, all but those about default VPCs and those that launch an instance. "+
		"%d are marked \"not tried\": they need an EC2 whose limits, lag and time can be set, and run on the embedded one alone.\n\n", len(cases), len(differs), withStage)
	b.WriteString("| source | cases | the claim |\n|---|---:|---|\n")
	for _, s := range []struct {
		source Source
		what   string
	}{
		{Doc, "is in a guide or the API reference, in words"},
		{Model, "is in the description of an operation or member in the API model"},
		{Moto, "is what moto does; nothing else was found"},
		{Inferred, "follows from something else, or is known from use"},
	} {
		fmt.Fprintf(&b, "| %s | %d | %s |\n", s.source, bySource[s.source], s.what)
	}
	b.WriteString("\nNone of these sources is EC2 itself. A claim that does not hold there is a fault of the package that rests on it.\n")
	topic := ""
	for _, c := range cases {
		if of, _, _ := strings.Cut(c.Name, "/"); of != topic {
			topic = of
			fmt.Fprintf(&b, "\n## %s\n\n| case | source | what rests on it | moto |\n|---|---|---|---|\n", topic)
		}
		mark := ""
		switch {
		case c.Staged:
			mark = "not tried"
		case differs[c.Name] != "":
			mark = "differs"
		}
		fmt.Fprintf(&b, "| %s | %s | %s | %s |\n", c.Name, c.Source, c.Rests, mark)
	}
	b.WriteString("\n## What moto does instead\n\n")
	var reasons []string
	byReason := map[string][]string{}
	for _, c := range cases {
		if r := differs[c.Name]; r != "" {
			if byReason[r] == nil {
				reasons = append(reasons, r)
			}
			byReason[r] = append(byReason[r], c.Name)
		}
	}
	slices.Sort(reasons)
	for _, r := range reasons {
		fmt.Fprintf(&b, "- %s: %s\n", r, strings.Join(byReason[r], ", "))
	}
	return b.String()
}
