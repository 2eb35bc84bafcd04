package sentinel

import (
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// operation is a row of ec2.tsv: the judgement of one operation of EC2.
type operation struct {
	name    string
	class   string
	members string // paths of the input that touch groups; outputOnly, or unseen
	reason  string
}

const (
	outputOnly = "-"    // only the output touches groups
	unseen     = "none" // neither input nor output does: judged for what the operation does
)

// ec2Classes in the order of the table and of the page, with what they mean.
var ec2Classes = []class{
	{"watched", "In the table of package `events`: its records are delivered and decoded."},
	{"unwatched", "Can make a rule break a policy, and no record that is watched says so. What it changed shows at the next look at the group."},
	{"attach", "Puts groups on interfaces: changes what a group protects and, where rules reference the group, who they admit. Not watched: the calls that make the interface are."},
	{"narrowing", "Only takes away."},
	{"ignored", "Changes something, but not what groups allow."},
	{"reads", "Changes nothing."},
}

// call is a row of services.tsv: a call of another service.
type call struct {
	source   string // elasticfilesystem.amazonaws.com
	name     string // eventName, as CloudTrail writes it
	class    string
	evidence string // how the name is known
	what     string // the members that name groups, or what the call does
}

var serviceClasses = []class{
	{"attach", "Puts groups on interfaces of the service, by the members named."},
	{"prepares", "Names groups, or a template, for what is launched later."},
	{"rules", "Makes the service write groups or rules itself. Its calls of EC2 are watched where CloudTrail records them in the account."},
	{"reference", "Makes references to groups count across networks."},
	{"tags", "Tags groups among other resources."},
	{"shares", "Shares lists or groups with other accounts."},
	{"legacy", "Rules of the service's own groups, which are not groups of EC2."},
}

var evidences = []class{
	{"record", "a real record with groups in it was read"},
	{"name", "a real record of the call was read, without groups in it"},
	{"sample", "a published sample record has this name"},
	{"inferred", "the operation's name in the API model, which CloudTrail normally writes"},
}

// class is a word of a table and what it means.
type class struct{ name, meaning string }

func has(classes []class, name string) bool {
	return slices.ContainsFunc(classes, func(c class) bool { return c.name == name })
}

func readOperations(t *testing.T) []operation {
	t.Helper()
	var rows []operation
	for _, f := range readTable(t, "ec2.tsv", 4) {
		rows = append(rows, operation{f[0], f[1], f[2], f[3]})
	}
	return rows
}

func readCalls(t *testing.T) []call {
	t.Helper()
	var rows []call
	for _, f := range readTable(t, "services.tsv", 5) {
		rows = append(rows, call{f[0], f[1], f[2], f[3], f[4]})
	}
	return rows
}

// readTable reads a file of tab-separated rows of n non-empty fields each;
// lines that begin with # are comments.
func readTable(t *testing.T, path string, n int) [][]string {
	t.Helper()
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	var rows [][]string
	for i, line := range strings.Split(strings.TrimSuffix(string(text), "\n"), "\n") {
		if strings.HasPrefix(line, "#") {
			continue
		}
		fields := strings.Split(line, "\t")
		require.Len(t, fields, n, "%s:%d", path, i+1)
		for _, f := range fields {
			require.Equal(t, strings.TrimSpace(f), f, "%s:%d: spaces around a field", path, i+1)
			require.NotEmpty(t, f, "%s:%d: an empty field", path, i+1)
		}
		rows = append(rows, fields)
	}
	require.NotEmpty(t, rows)
	return rows
}
