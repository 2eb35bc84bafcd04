package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// sample is a module of one package whose mutants are known.
const sample = `package sample

// Sign is -1, 0 or 1.
func Sign(n int) int {
	switch {
	case n < 0:
		return -1
	case n > 0:
		return 1
	}
	return 0
}

// First is the place of the first want, or -1.
func First(list []int, want int) int {
	for i, n := range list {
		if n != want {
			continue
		}
		return i
	}
	return -1
}

// Sum adds up, and counts calls.
func Sum(list []int) int {
	sum := 0
	for i := 0; i < len(list); i++ {
		sum += list[i]
	}
	calls++
	return sum
}

var calls int

// Halvings until nothing is left.
func Halvings(n int) int {
	for k := 0; ; k++ {
		if n == 0 {
			return k
		}
		n /= 2
	}
}

// Both is not tested.
func Both(a, b bool) bool { return a && b }
`

const sampleTest = `package sample

import "testing"

func TestSign(t *testing.T) {
	for n, want := range map[int]int{-2: -1, 0: 0, 2: 1} {
		if Sign(n) != want {
			t.Fatal(n)
		}
	}
}

func TestFirst(t *testing.T) {
	if First([]int{4, 5}, 5) != 1 || First(nil, 1) != -1 {
		t.Fatal("wrong place")
	}
}

func TestHalvings(t *testing.T) {
	if Halvings(8) != 4 {
		t.Fatal("wrong count")
	}
}

func TestSum(t *testing.T) {
	if Sum([]int{1, 2}) != 3 {
		t.Fatal("wrong sum")
	}
}
`

// TestMutatePackage tries every mutant of the sample: those that the tests
// notice, one that never ends, those that they pass over and those that they
// do not reach.
func TestMutatePackage(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{"go.mod": "module example.com/sample\n\ngo 1.24\n", "sub/sample.go": sample, "sub/sample_test.go": sampleTest} {
		path := filepath.Join(dir, name)
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o700))
		require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
	}
	t.Chdir(dir)
	results, err := mutatePackage(t.Context(), "sub", options{workers: 2, state: ".build/mutation"})
	require.NoError(t, err)
	require.NoFileExists(t, ".build/mutation/sub")
	fates := map[string]fate{}
	for _, r := range results {
		require.Equal(t, "sub", r.name.Package)
		require.Equal(t, "sample.go", r.name.File)
		fates[r.name.Function+": "+r.name.Change] = r.fate
	}
	require.Equal(t, map[string]fate{
		"Sign: n < 0 -> (n) >= (0)":                killed,
		"Sign: n < 0 -> (n) <= (0)":                killed,
		"Sign: n > 0 -> (n) <= (0)":                killed,
		"Sign: n > 0 -> (n) >= (0)":                killed,
		"Sign: -1 -> +(1)":                         killed,
		"First: n != want -> (n) == (want)":        killed,
		"First: continue -> break":                 killed,
		"First: -1 -> +(1)":                        killed,
		"Sum: i < len(list) -> (i) >= (len(list))": killed,
		"Sum: i < len(list) -> (i) <= (len(list))": killed,
		"Sum: i++ -> i--":                          killed, // out of the list
		"Sum: sum += list[i] -> sum -= list[i]":    killed,
		"Sum: removed: sum += list[i]":             killed,
		"Sum: calls++ -> calls--":                  lived,
		"Sum: removed: calls++":                    lived,
		"Halvings: k++ -> k--":                     killed,
		"Halvings: n == 0 -> (n) != (0)":           killed,
		"Halvings: n /= 2 -> n *= 2":               killed, // 8 << 61 is 0
		"Halvings: removed: n /= 2":                endless,
		"Both: a && b -> (a) || (b)":               unseen,
		"Both: a -> !(a)":                          unseen,
		"Both: b -> !(b)":                          unseen,
	}, fates)
	require.Equal(t, tally{mutants: 22, killed: 16, endless: 1, lived: 2, unseen: 3}, count(results))

	tree, err := treeDigest(".", "")
	require.NoError(t, err)
	interrupted, err := resume(".build/mutation/sub", tree)
	require.NoError(t, err)
	require.NoError(t, interrupted.note(1, unseen)) // it is killed: this shows that it was not tried again
	require.NoError(t, interrupted.close(false))
	results, err = mutatePackage(t.Context(), "sub", options{workers: 2, state: ".build/mutation"})
	require.NoError(t, err)
	require.Equal(t, unseen, results[0].fate)
	require.Equal(t, tally{mutants: 22, killed: 15, endless: 1, lived: 2, unseen: 4}, count(results))
}

// TestSchemata shows what becomes of a file.
func TestSchemata(t *testing.T) {
	for original, want := range map[string]string{
		"if a < b { f() }":         "if (mutantIs(1) && ((a) >= (b)) || mutantIs(2) && ((a) <= (b)) || mutantIsNot(1, 2) && (a < b)) { if mutantIs(3) {  } else { f() } }",
		"c = d && e":               "if mutantIs(1) {  } else { c = (mutantIs(2) && ((d) || (e)) || mutantIsNot(2, 2) && ((mutantIs(3) && (!(d)) || mutantIsNot(3, 3) && (d)) && (mutantIs(4) && (!(e)) || mutantIsNot(4, 4) && (e)))) }",
		"a += b - 1":               "if mutantIs(1) { a -= b - 1 } else if mutantIs(2) {  } else { a += func() int { if mutantIs(3) { return (b) + (1) }; return b - 1 }() }",
		"c = true":                 "if mutantIs(1) {  } else { c = (mutantIs(2) && (false) || mutantIsNot(2, 2) && (true)) }",
		"for ; c; a++ { break }":   "for ; (mutantIs(1) && (!(c)) || mutantIsNot(1, 1) && (c)); func() { if mutantIs(2) { a-- } else { a++ } }() { if mutantIs(3) { continue } else { break } }",
		"c = !d":                   "if mutantIs(1) {  } else { c = (mutantIs(2) && (d) || mutantIsNot(2, 2) && (!d)) }",
		"const k = 1 + 2":          "const k = 1 + 2",
		`s := "x" + "y"; _ = s`:    `s := "x" + "y"; _ = s`,
		"for { break }":            "for { break }",
		"switch { case c: break }": "switch { case (mutantIs(1) && (!(c)) || mutantIsNot(1, 1) && (c)): break }",
		"panic(a)":                 "panic(a)",
		"a = -b":                   "if mutantIs(1) {  } else { a = func() int { if mutantIs(2) { return +(b) }; return -b }() }",
		"return":                   "return",
	} {
		const head = "package p\n\nfunc f() {}\n\nfunc g(a, b int, c, d, e bool) { "
		dir := t.TempDir()
		require.NoError(t, os.WriteFile(filepath.Join(dir, "p.go"), []byte(head+original+" }\n"), 0o600))
		sources, _, err := mutate("p", listed{ImportPath: "p", Dir: dir, Name: "p", GoFiles: []string{"p.go"}}, nil, "")
		require.NoError(t, err, original)
		got := strings.TrimSuffix(strings.TrimPrefix(sources[0].text, head), " }\n")
		require.Equal(t, want, got, original)
	}
}
