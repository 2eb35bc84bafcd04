package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestEveryTargetIsListed(t *testing.T) {
	listed, err := readTargets("targets.txt")
	require.NoError(t, err)
	found, err := findTargets(filepath.Join("..", ".."))
	require.NoError(t, err)
	require.NoError(t, sameTargets(listed, found))
}

func TestTargetsThatDiffer(t *testing.T) {
	a, b := target{pkg: "p", name: "FuzzA"}, target{pkg: "p", name: "FuzzB"}
	require.NoError(t, sameTargets([]target{a, b}, []target{b, a}))
	require.EqualError(t, sameTargets([]target{a}, []target{a, b}), "p FuzzB is not on the list of targets")
	require.EqualError(t, sameTargets([]target{a, b}, []target{a}), "p FuzzB is on the list of targets and does not exist")
	require.EqualError(t, sameTargets(nil, nil), "the list of targets is empty")
}

func TestReadTargets(t *testing.T) {
	path := filepath.Join(t.TempDir(), "targets.txt")
	require.NoError(t, os.WriteFile(path, []byte("# all\n\np FuzzA rule texts\n"), 0o600))
	all, err := readTargets(path)
	require.NoError(t, err)
	require.Equal(t, []target{{"p", "FuzzA", "rule texts"}}, all)
	require.NoError(t, os.WriteFile(path, []byte("p FuzzA\n"), 0o600))
	_, err = readTargets(path)
	require.ErrorContains(t, err, `"p FuzzA" is not package, target and what it feeds`)
}

// TestExecutions reads what go test -fuzz printed.
func TestExecutions(t *testing.T) {
	require.Equal(t, 1503-192, executions(`fuzz: elapsed: 0s, gathering baseline coverage: 0/192 completed
fuzz: elapsed: 1s, gathering baseline coverage: 192/192 completed, now fuzzing with 2 workers
fuzz: elapsed: 3s, execs: 702 (233/sec), new interesting: 1 (total: 193)
fuzz: elapsed: 4s, execs: 1503 (700/sec), new interesting: 1 (total: 193)
PASS
`))
	require.Equal(t, 0, executions("testing: warning: no fuzz tests to fuzz\nPASS\n"))
	require.Negative(t, executions("fuzz: elapsed: 1s, gathering baseline coverage: 100/192 completed\n"))
}

// TestFuzzRunsATarget runs a target of a module of its own: one that holds,
// one that finds something at once, and one that is not there.
func TestFuzzRunsATarget(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600))
	}
	write("go.mod", "module example.com/m\n\ngo 1.24\n")
	write("m_test.go", `package m

import "testing"

func FuzzGood(f *testing.F) { f.Fuzz(func(t *testing.T, b []byte) {}) }
func FuzzBad(f *testing.F)  { f.Fuzz(func(t *testing.T, b []byte) { t.Fatal("found") }) }
`)
	t.Chdir(dir)
	n, err := target{pkg: ".", name: "FuzzGood"}.fuzz(t.Context(), 1e9, 1)
	require.NoError(t, err)
	require.Positive(t, n)
	_, err = target{pkg: ".", name: "FuzzBad"}.fuzz(t.Context(), 1e9, 1)
	require.ErrorContains(t, err, "found")
	_, err = target{pkg: ".", name: "FuzzGone"}.fuzz(t.Context(), 1e9, 1)
	require.ErrorContains(t, err, "nothing beyond its seeds")
}
