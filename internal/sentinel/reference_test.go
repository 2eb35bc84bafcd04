package sentinel

import (
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/sgwarden/sgwarden/events"
)

var update = flag.Bool("update", false, "write generated files")

const referencePath = "../../docs/reference/calls.md"

func TestReferenceOfCalls(t *testing.T) {
	want := reference(readSDK(t).version, readOperations(t), readCalls(t))
	if *update {
		require.NoError(t, os.WriteFile(referencePath, []byte(want), 0o644))
	}
	got, err := os.ReadFile(referencePath)
	require.NoError(t, err)
	require.Equal(t, want, string(got), "docs/reference/calls.md is out of date: run this test with -update")
}

// reference writes the page of calls.
func reference(version string, operations []operation, calls []call) string {
	var b strings.Builder
	fmt.Fprintf(&b, `<!-- Generated from internal/sentinel by its test. Do not edit. -->

# API calls and security groups

Which calls can change what security groups allow, which of them sgwarden watches, and why not the others. A test reads the source of the EC2 SDK (%s) and fails for an operation, or a member of one, that touches groups, rules, prefix lists, the blocks of VPCs, peered VPCs or tags, or speaks of them, and that nobody has judged.

## EC2

`, version)
	for _, c := range ec2Classes {
		rows := slices.DeleteFunc(slices.Clone(operations), func(o operation) bool { return o.class != c.name })
		writeClass(&b, c, rows)
	}
	b.WriteString("## Other services\n\nNone of these calls is watched. What a service then does in EC2 is watched where CloudTrail records it in the account as a call of EC2.\n\n")
	for _, c := range serviceClasses {
		fmt.Fprintf(&b, "- **%s**: %s\n", c.name, c.meaning)
	}
	b.WriteString("\nHow the name is known, as CloudTrail writes it:\n\n")
	for _, e := range evidences {
		fmt.Fprintf(&b, "- **%s**: %s\n", e.name, e.meaning)
	}
	b.WriteString("\n| eventSource | eventName | class | name known by | by |\n|---|---|---|---|---|\n")
	for _, c := range calls {
		fmt.Fprintf(&b, "| %s | %s | %s | %s | %s |\n", c.source, c.name, c.class, c.evidence, cell(c.what))
	}
	return b.String()
}

func writeClass(b *strings.Builder, c class, rows []operation) {
	fmt.Fprintf(b, "### %s (%d)\n\n%s\n\n", c.name, len(rows), c.meaning)
	if c.name == "reads" {
		var names []string
		for _, r := range rows {
			names = append(names, r.name)
		}
		fmt.Fprintf(b, "%s.\n\n", strings.Join(names, ", "))
		return
	}
	watched := map[string]events.Call{}
	for _, e := range events.Calls() {
		watched[e.EventName] = e
	}
	if c.name == "watched" {
		b.WriteString("| call | delivered by | why |\n|---|---|---|\n")
		for _, r := range rows {
			fmt.Fprintf(b, "| %s | %s | %s |\n", r.name, watched[r.name].Rule, cell(r.reason))
		}
	} else {
		b.WriteString("| call | why |\n|---|---|\n")
		for _, r := range rows {
			fmt.Fprintf(b, "| %s | %s |\n", r.name, cell(r.reason))
		}
	}
	b.WriteString("\n")
}

// cell keeps a text within its cell of a table.
func cell(text string) string { return strings.ReplaceAll(text, "|", `\|`) }
