package corpus

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	yaml "go.yaml.in/yaml/v3"

	"github.com/sgwarden/sgwarden/internal/overlay"
)

// defence is one entry of testdata/defences.yaml.
type defence struct {
	ID   string `yaml:"id"`
	Says string `yaml:"says"`
	In   []struct {
		File    string `yaml:"file"`
		With    string `yaml:"with"`
		Without string `yaml:"without"`
	} `yaml:"in"`
}

// asked are the defences that the corpus must not do without.
var asked = []string{"mask", "union", "numeric-protocol", "minus-one", "prefix-list", "name-only", "modify", "attribution", "item"}

// pkg is this package, from the root.
const pkg = "internal/corpus"

// longest is how long all entries may take.
const longest = 10 * time.Minute

func readDefences(t *testing.T) []defence {
	t.Helper()
	text, err := os.ReadFile("testdata/defences.yaml")
	require.NoError(t, err)
	var all []defence
	d := yaml.NewDecoder(bytes.NewReader(text))
	d.KnownFields(true)
	require.NoError(t, d.Decode(&all))
	var ids []string
	for _, d := range all {
		require.NotEmpty(t, d.Says, d.ID)
		require.NotEmpty(t, d.In, d.ID)
		ids = append(ids, d.ID)
	}
	require.Subset(t, ids, asked)
	return all
}

// TestEveryDefenceIsNeeded takes away one defence after the other: the entries
// that the page tells of fail without it. With -update all entries are played,
// and the page is written.
func TestEveryDefenceIsNeeded(t *testing.T) {
	if os.Getenv(overlay.Switch) != "" {
		require.Fail(t, "a test without a defence takes away no other")
	}
	all := readDefences(t)
	tests := buildTests(t, all)
	found := map[string][]string{}
	if *update {
		for _, d := range all {
			found[d.ID] = failing(t, tests, d.ID, "^TestCorpus$")
		}
		writeFile(t, failuresPath, listFailures(all, found))
	} else {
		found = readFailures(t)
		require.ElementsMatch(t, slices.Collect(maps.Keys(found)), idsOf(all))
		for _, d := range all {
			want := found[d.ID]
			assert.Equal(t, want, failing(t, tests, d.ID, patternOf(t, want)), "without %s", d.ID)
		}
	}
	entries := 0
	for _, d := range all {
		assert.NotEmpty(t, found[d.ID], "no entry needs %s", d.ID)
		entries += len(found[d.ID])
		fmt.Printf("SHOW corpus without %s: %d entries fail, as %s\n", d.ID, len(found[d.ID]), strings.Join(found[d.ID][:min(3, len(found[d.ID]))], ", "))
	}
	fmt.Printf("SHOW corpus: %d defences taken away, one by one: %d failures\n", len(all), entries)
}

// buildTests builds this package's tests with all defences and without.
func buildTests(t *testing.T, all []defence) overlay.Tests {
	t.Helper()
	var named []overlay.Defence
	for _, d := range all {
		one := overlay.Defence{ID: d.ID}
		for _, p := range d.In {
			one.Places = append(one.Places, overlay.Place{File: p.File, With: linesOf(p.With), Without: linesOf(p.Without)})
		}
		named = append(named, one)
	}
	top, err := filepath.Abs(root)
	require.NoError(t, err)
	dir := t.TempDir()
	list, err := overlay.Write(top, dir, named)
	require.NoError(t, err)
	tests, err := overlay.Build(t.Context(), top, list, pkg, dir)
	require.NoError(t, err)
	return tests
}

func linesOf(text string) (lines []string) {
	for line := range strings.Lines(text) {
		lines = append(lines, strings.TrimSpace(line))
	}
	return lines
}

func idsOf(all []defence) (ids []string) {
	for _, d := range all {
		ids = append(ids, d.ID)
	}
	return ids
}

var failed = regexp.MustCompile(`--- FAIL: TestCorpus/[^/ ]+/([^/ ]+) \(`)

// failing plays entries without a defence and gives the ids of those that
// fail: by what they ask, not by a build or a time.
func failing(t *testing.T, tests overlay.Tests, off, pattern string) []string {
	t.Helper()
	out, err := tests.Run(off, pattern, longest)
	var exit *exec.ExitError
	if err != nil {
		require.ErrorAs(t, err, &exit, off)
	}
	require.False(t, errors.As(err, &exit) && strings.Contains(out, "panic: "), "without %s:\n%s", off, out)
	var ids []string
	for _, m := range failed.FindAllStringSubmatch(out, -1) {
		ids = append(ids, m[1])
	}
	slices.Sort(ids)
	return ids
}

// patternOf matches entries by their ids.
func patternOf(t *testing.T, ids []string) string {
	t.Helper()
	techniques := map[string]bool{}
	for _, id := range ids {
		at := strings.LastIndexByte(id, '-')
		require.Positive(t, at, id)
		techniques[id[:at]] = true
	}
	return fmt.Sprintf("^TestCorpus$/^(%s)$/^(%s)$", strings.Join(slices.Sorted(maps.Keys(techniques)), "|"), strings.Join(ids, "|"))
}
