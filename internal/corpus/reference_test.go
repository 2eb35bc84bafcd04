package corpus

import (
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

var update = flag.Bool("update", false, "write generated files")

const (
	referencePath = root + "/docs/reference/evasions.md"
	readmePath    = root + "/corpus/README.md"
	// failuresPath is a list of the entries that fail without each defence.
	failuresPath = root + "/corpus/defences.txt"
)

func writeFile(t *testing.T, path, text string) {
	t.Helper()
	require.NoError(t, os.WriteFile(path, []byte(text), 0o644))
}

// TestReferenceOfEvasions holds the page, and the table in the README of the
// corpus.
func TestReferenceOfEvasions(t *testing.T) {
	techniques := readTechniques(t)
	page := reference(techniques, readDefences(t), readFailures(t))
	readme, err := os.ReadFile(readmePath)
	require.NoError(t, err)
	withTable := betweenMarks(t, string(readme), table(techniques))
	if *update {
		writeFile(t, referencePath, page)
		writeFile(t, readmePath, withTable)
	}
	got, err := os.ReadFile(referencePath)
	require.NoError(t, err)
	require.Equal(t, page, string(got), "docs/reference/evasions.md is out of date: run this test with -update")
	readme, err = os.ReadFile(readmePath)
	require.NoError(t, err)
	require.Equal(t, withTable, string(readme), "corpus/README.md is out of date: run this test with -update")
}

// counts are how many evasions and look-alikes there are.
func counts(techniques ...technique) (evasions, harmless int) {
	for _, tech := range techniques {
		for _, e := range tech.Entries {
			if e.Kind == "evasion" {
				evasions++
			} else {
				harmless++
			}
		}
	}
	return evasions, harmless
}

// table is one line per technique.
func table(techniques []technique) string {
	var b strings.Builder
	b.WriteString("| technique | what it is | the mistake that it finds | evasions | look-alikes |\n|---|---|---|---|---|\n")
	for _, tech := range techniques {
		evasions, harmless := counts(tech)
		fmt.Fprintf(&b, "| [%s](entries/%[1]s.yaml) | %s | %s | %d | %d |\n", tech.ID, tech.Title, tech.Mistake, evasions, harmless)
	}
	evasions, harmless := counts(techniques...)
	fmt.Fprintf(&b, "| %d techniques | | | %d | %d |\n", len(techniques), evasions, harmless)
	return b.String()
}

const (
	tableBegins = "<!-- table: written by a test -->\n"
	tableEnds   = "<!-- end of table -->\n"
)

// betweenMarks puts a table into its place in a page.
func betweenMarks(t *testing.T, page, table string) string {
	t.Helper()
	head, rest, ok := strings.Cut(page, tableBegins)
	require.True(t, ok)
	_, tail, ok := strings.Cut(rest, tableEnds)
	require.True(t, ok)
	return head + tableBegins + table + tableEnds + tail
}

// reference writes docs/reference/evasions.md.
func reference(techniques []technique, defences []defence, failures map[string][]string) string {
	evasions, harmless := counts(techniques...)
	var b strings.Builder
	fmt.Fprintf(&b, `<!-- Generated from corpus by the tests of internal/corpus. Do not edit. -->

# Evasions

%d ways to open what a policy forbids, and %d that only look like one, in %d techniques: data in [corpus](../../corpus/README.md), which says how to run another tool on it.

Each is played through the whole path, from the call over its record and guard to the state ([design/0019](../design/0019-a-corpus-of-evasions.md)). Of an evasion the witness, one packet, gets in before and not after, nothing that a policy forbids is open at the end, and what stood before stands. Of a look-alike no packet is open that a policy forbids, and guard changes nothing.

%s
## Defences

What in the code finds them. A test takes away each in turn, in a copy that only the test builds ([design/0008](../design/0008-defences-are-named-by-where-they-stand.md)), and requires these entries to fail.

| without | which says | entries that fail | of the techniques |
|---|---|---|---|
`, evasions, harmless, len(techniques), strings.ReplaceAll(table(techniques), "](entries/", "](../../corpus/entries/"))
	for _, d := range defences {
		ids := failures[d.ID]
		byTechnique := map[string]int{}
		var names []string
		for _, id := range ids {
			name := id[:strings.LastIndexByte(id, '-')]
			if byTechnique[name] == 0 {
				names = append(names, name)
			}
			byTechnique[name]++
		}
		slices.Sort(names)
		for i, name := range names {
			names[i] = fmt.Sprintf("%s %d", name, byTechnique[name])
		}
		fmt.Fprintf(&b, "| %s | %s | %d | %s |\n", d.ID, d.Says, len(ids), strings.Join(names, ", "))
	}
	b.WriteString("\nEntry by entry: [corpus/defences.txt](../../corpus/defences.txt).\n")
	return b.String()
}

// listFailures writes the entries that fail without each defence.
func listFailures(all []defence, failures map[string][]string) string {
	var b strings.Builder
	b.WriteString("# The entries that fail without a defence of the guard, by defence. Written by\n# go test ./internal/corpus -run EveryDefence -update\n")
	for _, d := range all {
		fmt.Fprintf(&b, "%s: %s\n", d.ID, strings.Join(failures[d.ID], " "))
	}
	return b.String()
}

func readFailures(t *testing.T) map[string][]string {
	t.Helper()
	text, err := os.ReadFile(failuresPath)
	require.NoError(t, err)
	all := map[string][]string{}
	for line := range strings.Lines(string(text)) {
		if id, ids, ok := strings.Cut(line, ":"); ok && !strings.HasPrefix(line, "#") {
			all[id] = strings.Fields(ids)
		}
	}
	return all
}
