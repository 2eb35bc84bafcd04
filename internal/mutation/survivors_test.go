package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

func listOf(t *testing.T, text string) (survivors, error) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "survivors.txt")
	require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
	return readSurvivors(path)
}

var (
	here  = name{Package: "internal/plan", File: "part.go", Function: "largest", Line: "if a < b {", Change: "a < b -> (a) <= (b)"}
	again = name{Package: "internal/plan", File: "part.go", Function: "largest", Line: "if a < b {", Change: "a < b -> (a) <= (b)", Nth: 2}
	there = name{Package: "events", File: "actor.go", Function: "isIAM", Line: "x", Change: "removed: x"}
)

func TestReadSurvivors(t *testing.T) {
	s, err := listOf(t, "# what nobody notices\n\n"+here.String()+"reason: they are equal\n\n"+again.String()+"reason: too\n\n\n"+there.String()+"reason: a bound: of memory\n")
	require.NoError(t, err)
	require.Equal(t, survivors{here: "they are equal", again: "too", there: "a bound: of memory"}, s)
	require.Equal(t, survivors{there: "a bound: of memory"}, s.of("events", ""))
	require.Equal(t, survivors{there: "a bound: of memory"}, s.of("events", "actor.go"))
	require.Empty(t, s.of("events", "other.go"))
	require.Equal(t, survivors{there: "a bound: of memory"}, s.of("events", "other.go,actor.go"))

	for text, want := range map[string]string{
		here.String():                     "needs a change and a reason",
		here.String() + "reason: \n":      "needs a change and a reason",
		here.String() + "reson: x\n":      `unknown line "reson: x"`,
		"part.go\nchange: x\nreason: y\n": "does not begin with package/file.go",
		here.String() + "reason: x\n\n" + here.String() + "reason: y\n": "listed twice",
		"a/b.go f\nchange: x\nnth: two\nreason: y\n":                    "invalid syntax",
	} {
		_, err := listOf(t, text)
		require.ErrorContains(t, err, want, text)
	}
}

func TestCompare(t *testing.T) {
	at := func(n name, f fate) result { return result{&mutant{name: n, at: 7}, f} }
	known := survivors{here: "r", there: "r"}
	d := compare([]result{at(here, lived), at(again, killed), at(there, unseen)}, known)
	require.Zero(t, d.size())
	require.Empty(t, d.String())

	d = compare([]result{at(here, killed), at(again, lived)}, known)
	require.Equal(t, 3, d.size())
	require.Equal(t, "\n# survived, line 7: write the test that notices it, or list it with its reason\n"+again.String()+"reason: \n"+
		"\n# killed now: take it off the list\n"+here.String()+
		"\n# no longer a mutant: take it off the list\n"+there.String(), d.String())

	d = compare([]result{at(here, endless), at(there, unseen)}, known)
	require.Equal(t, []name{here}, d.noticed, "an endless mutant is noticed")
}

// TestSurvivorsAreOfFilesThatExist: the list itself is held by `make mutate`;
// what can be said without running it is held here.
func TestSurvivorsAreOfFilesThatExist(t *testing.T) {
	s, err := readSurvivors("survivors.txt")
	require.NoError(t, err)
	require.NotEmpty(t, s)
	for n := range s {
		require.Contains(t, mutated, n.Package)
		text, err := os.ReadFile(filepath.Join("..", "..", n.Package, n.File))
		require.NoError(t, err)
		require.Contains(t, string(text), n.Line, "%s", n)
	}
}

func TestTally(t *testing.T) {
	require.InDelta(t, 75, tally{mutants: 4, killed: 2, endless: 1, unseen: 1}.percent(), 0.001)
	require.Zero(t, tally{}.percent())
	require.Equal(t, tally{mutants: 3, killed: 2, lived: 1}, tally{mutants: 2, killed: 2}.plus(tally{mutants: 1, lived: 1}))
}
