package main

import (
	"bytes"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const readme = "../../README.md"

// printedBlock is a command in a comment, and the block that shows what it
// prints: `<!-- printed by: sgwarden demo, story 9 -->`. Some commands follow on
// each other in one deployment (walk).
var printedBlock = regexp.MustCompile("(?s)<!-- printed by: sgwarden ([^\n]*?)(?:, story ([0-9]+))? -->\n```\n(.*?)```\n")

// TestReadmeShowsWhatIsPrinted runs each command of the README and compares.
// -update writes what it printed.
func TestReadmeShowsWhatIsPrinted(t *testing.T) {
	text, err := os.ReadFile(readme)
	require.NoError(t, err)
	t.Chdir("testdata/readme")
	blocks := printedBlock.FindAllSubmatchIndex(text, -1)
	require.Len(t, blocks, 14)
	var w *walk
	var out bytes.Buffer
	end := 0
	for _, b := range blocks {
		command, story := string(text[b[2]:b[3]]), ""
		if b[4] >= 0 {
			story = string(text[b[4]:b[5]])
		}
		out.Write(text[end:b[6]])
		if before := stepOf(command); before == nil {
			out.WriteString(printed(t, command, story))
		} else {
			if w == nil {
				w = newWalk(t)
			}
			before(w)
			out.WriteString(w.printed(command))
		}
		end = b[7]
	}
	out.Write(text[end:])
	if *update && os.Getenv("CI") == "" {
		t.Chdir("../..")
		require.NoError(t, os.WriteFile(readme, out.Bytes(), 0o644))
		return
	}
	require.Equal(t, string(text), out.String())
}

// TestReadmeShowsSettingsThatWork: the file that it shows is one, without fault.
func TestReadmeShowsSettingsThatWork(t *testing.T) {
	text, err := os.ReadFile(readme)
	require.NoError(t, err)
	settings, err := os.ReadFile("testdata/readme/deployed/sgwarden.yaml")
	require.NoError(t, err)
	require.Contains(t, string(text), "```yaml\n# my-policies/sgwarden.yaml\n"+string(settings)+"```\n")
	var out bytes.Buffer
	require.Zero(t, run([]string{"lint", "testdata/readme/deployed"}, strings.NewReader(""), &out, &out), out.String())
}

// printed is what a command prints on both outputs, or one story of it.
func printed(t *testing.T, command, story string) string {
	t.Helper()
	var out bytes.Buffer
	args := words(command)
	if args[0] == "doctor" {
		a := examinedAccount(t)
		if slices.Contains(args, "--before-deploy") {
			notDeployed(a)
		}
	}
	run(args, strings.NewReader(""), &out, &out)
	text := minutes.ReplaceAllString(out.String(), "7 min ago")
	if story == "" {
		return text
	}
	_, text, found := strings.Cut(text, "#"+story+"  ")
	require.True(t, found, "story %s", story)
	text, _, _ = strings.Cut(text, "\n\n")
	return "#" + story + "  " + text + "\n"
}

// printed is what a command of the walk prints. The first alert is a mail; before
// it came the one that says how much stands.
func (w *walk) printed(command string) string {
	w.Helper()
	var out bytes.Buffer
	if !strings.HasPrefix(command, "guard: ") {
		run(words(w.stand.out(command)), strings.NewReader(""), &out, &out)
		return w.stand.in(out.String())
	}
	published := w.account.Cloud.Published()
	require.Len(w, published, 2)
	require.Contains(w, published[0].Subject, "leaves alone what stood before")
	return w.stand.in(published[1].Subject + "\n\n" + strings.TrimSpace(published[1].For("email")) + "\n")
}

// words splits a command at spaces outside of single quotes.
func words(command string) []string {
	var out []string
	for i, part := range strings.Split(command, "'") {
		if i%2 == 1 {
			out = append(out, part)
			continue
		}
		out = append(out, strings.Fields(part)...)
	}
	return out
}
