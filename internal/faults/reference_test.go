package faults

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

var update = flag.Bool("update", false, "write generated files")

const referencePath = "../../docs/reference/faults.md"

func TestReferenceOfFaults(t *testing.T) {
	want := reference(readTable(t))
	if *update {
		require.NoError(t, os.WriteFile(referencePath, []byte(want), 0o644))
	}
	got, err := os.ReadFile(referencePath)
	require.NoError(t, err)
	require.Equal(t, want, string(got), "docs/reference/faults.md is out of date: run this test with -update")
}

// reference writes the page of faults.
func reference(table []section) string {
	proven, partly, later, defences := 0, 0, 0, 0
	for _, f := range allFaults(table) {
		defences += len(f.defences)
		switch {
		case f.later == "":
			proven++
		case len(f.tests) > 0:
			partly++
		default:
			later++
		}
	}
	var b strings.Builder
	fmt.Fprintf(&b, `<!-- Generated from internal/faults by its test. Do not edit. -->

# Faults

What goes wrong around the guard, what must come of it, and what shows it. Proven: %d, in part: %d, waiting for a feature: %d.

Behind each number stand the tests that show it, and the defences in the code that they prove: %d places in the source, each of which a test takes away (in a copy that only the test builds) and then requires the named test to fail. See [design/0008](../design/0008-defences-are-named-by-where-they-stand.md).
`, proven, partly, later, defences)
	for _, s := range table {
		fmt.Fprintf(&b, "\n## %s\n\n| no. | fault | required | defences | tests | state |\n|---|---|---|---|---|---|\n", s.title)
		for _, f := range s.faults {
			fmt.Fprintf(&b, "| %s | %s | %s | %s | %s | %s |\n", f.number, cell(f.what), cell(f.must), cell(defencesOf(f)), cell(testsOf(f)), cell(stateOf(f)))
		}
	}
	return b.String()
}

func stateOf(f fault) string {
	switch {
	case f.later == "":
		return "proven"
	case len(f.tests) > 0:
		return "proven but for: " + f.later
	}
	return "later: " + f.later
}

func defencesOf(f fault) string {
	var all []string
	for _, d := range f.defences {
		all = append(all, d.says+" (`"+d.places[0].file+"`)")
	}
	return strings.Join(all, "; ")
}

func testsOf(f fault) string {
	var all []string
	last := ""
	for _, name := range f.tests {
		text := "`" + name.name + "`"
		if name.pkg != last {
			text = name.pkg + " " + text
		}
		last = name.pkg
		all = append(all, text)
	}
	return strings.Join(all, ", ")
}

// cell keeps a text within its cell of a table.
func cell(text string) string { return strings.ReplaceAll(text, "|", `\|`) }
