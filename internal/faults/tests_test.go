package faults

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const root = "../.."

var testFunction = regexp.MustCompile(`(?m)^func ((?:Test|Fuzz)\w+)\(`)

// chance is what a test calls whose cases are other ones each time.
var chance = regexp.MustCompile(`\brapid\.Check\(`)

// numbered is the name of a test of a fault by number.
var numbered = regexp.MustCompile(`^TestFault(\d\d)[A-Z]`)

// TestTableAndTestsAgree holds both ways: every test that the table names
// exists, and every test of a number is in the table, under that number.
func TestTableAndTestsAgree(t *testing.T) {
	exist := testFunctions(t)
	named := map[testName]string{}
	for _, f := range allFaults(readTable(t)) {
		for _, name := range f.tests {
			assert.True(t, exist[testName{name.pkg, name.function()}] != never, "%s: there is no %s in %s", f.number, name.name, name.pkg)
			named[name] += " " + f.number
		}
	}
	count := 0
	for name := range exist {
		if m := numbered.FindStringSubmatch(name.name); m != nil {
			count++
			assert.Contains(t, named[name], m[1], "%s in %s is not in the table under %s", name.name, name.pkg, m[1])
		}
	}
	require.NotZero(t, count)
}

// TestEveryNumberedTestShowsADefence: a test of a number that no lost defence
// makes fail might as well not be there.
func TestEveryNumberedTestShowsADefence(t *testing.T) {
	shows := map[testName]bool{}
	for _, f := range allFaults(readTable(t)) {
		for _, d := range f.defences {
			shows[testName{d.shown.pkg, d.shown.function()}] = true
		}
	}
	for name := range testFunctions(t) {
		if numbered.MatchString(name.name) {
			assert.True(t, shows[name], "%s in %s", name.name, name.pkg)
		}
	}
}

// TestNoDefenceIsShownByChance: a random test finds a lost defence in most
// runs, and this suite has to find it in every one.
func TestNoDefenceIsShownByChance(t *testing.T) {
	tests := testFunctions(t)
	for _, f := range allFaults(readTable(t)) {
		for _, d := range f.defences {
			assert.Equal(t, always, tests[testName{d.shown.pkg, d.shown.function()}], "%s is shown by %s", d.id, d.shown.name)
		}
	}
}

// cases says whether a test has the same cases in every run.
type cases int

const (
	never  cases = iota // there is no such test
	always              // the same ones
	drawn               // others each time
)

// testFunctions are the tests of all packages of the repository.
func testFunctions(t *testing.T) map[testName]cases {
	t.Helper()
	found := map[testName]cases{}
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && (d.Name() == "node_modules" || path != root && strings.HasPrefix(d.Name(), ".")):
			return filepath.SkipDir
		case !strings.HasSuffix(path, "_test.go"):
			return nil
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		pkg, err := filepath.Rel(root, filepath.Dir(path))
		heads := testFunction.FindAllSubmatchIndex(text, -1)
		for i, m := range heads {
			end := len(text)
			if i+1 < len(heads) {
				end = heads[i+1][0]
			}
			name := testName{filepath.ToSlash(pkg), string(text[m[2]:m[3]])}
			found[name] = always
			if chance.Match(text[m[0]:end]) {
				found[name] = drawn
			}
		}
		return err
	})
	require.NoError(t, err)
	return found
}
