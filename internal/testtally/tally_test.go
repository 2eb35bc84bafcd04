package main

import (
	"bufio"
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestTally(t *testing.T) {
	for _, row := range []struct {
		name, in, last string
		ok             bool
		contains       []string
	}{
		{"all pass", `{"Action":"pass","Package":"p","Test":"TestA"}
{"Action":"pass","Package":"p"}`, "1 passed, 0 failed, 0 skipped", true, []string{"ok      p"}},
		{"a failing test shows its output", `{"Action":"output","Package":"p","Test":"TestA","Output":"boom\n"}
{"Action":"fail","Package":"p","Test":"TestA"}
{"Action":"fail","Package":"p"}`, "0 passed, 1 failed, 0 skipped", false, []string{"FAILED  p TestA\nboom"}},
		{"a package that panics without a test", `{"Action":"pass","Package":"q","Test":"TestB"}
{"Action":"output","Package":"p","Output":"panic: x\n"}
{"Action":"fail","Package":"p"}`, "1 passed, 1 failed, 0 skipped", false, []string{"panic: x"}},
		{"a build that fails", `{"ImportPath":"p","Action":"build-output","Output":"x.go:1: bad\n"}
{"ImportPath":"p","Action":"build-fail"}
{"Action":"fail","Package":"p","FailedBuild":"p"}`, "0 passed, 1 failed, 0 skipped", false, []string{"x.go:1: bad"}},
		{"a skip is named", `{"Action":"pass","Package":"p","Test":"TestA"}
{"Action":"skip","Package":"p","Test":"TestB"}`, "1 passed, 0 failed, 1 skipped", true, []string{"SKIPPED  p TestB"}},
		{"nothing ran", ``, "0 passed, 0 failed, 0 skipped", false, nil},
		{"a line that is no event", "go: cannot find module\n" + `{"Action":"pass","Package":"p","Test":"TestA"}`,
			"1 passed, 1 failed, 0 skipped", false, []string{"go: cannot find module"}},
		{"a run that failed without a word", `{"Action":"exit","Status":1}
{"Action":"pass","Package":"p","Test":"TestA"}
{"Action":"exit","Status":0}`, "1 passed, 1 failed, 0 skipped", false, []string{"status 1"}},
		{"a run that failed by a test is counted once", `{"Action":"pass","Package":"p","Test":"TestA"}
{"Action":"fail","Package":"p","Test":"TestB"}
{"Action":"fail","Package":"p"}
{"Action":"exit","Status":1}`, "1 passed, 1 failed, 0 skipped", false, nil},
		{"a second run without a word, after one that failed", `{"Action":"fail","Package":"p","Test":"TestB"}
{"Action":"exit","Status":1}
{"Action":"exit","Status":2}`, "0 passed, 2 failed, 0 skipped", false, []string{"status 2"}},
		{"an announced line", `{"Action":"output","Package":"p","Test":"TestA","Output":"SHOW corpus: 3 records\n"}
{"Action":"pass","Package":"p","Test":"TestA"}`, "1 passed, 0 failed, 0 skipped", true, []string{"corpus: 3 records\n"}},
	} {
		t.Run(row.name, func(t *testing.T) {
			var out bytes.Buffer
			tally := newTally(&out)
			require.NoError(t, tally.readAll(bufio.NewReader(strings.NewReader(row.in))))
			tally.printTotals()
			lines := strings.Split(strings.TrimSpace(out.String()), "\n")
			require.Equal(t, row.last, lines[len(lines)-1])
			require.Equal(t, row.ok, tally.ok())
			for _, want := range row.contains {
				require.Contains(t, out.String(), want)
			}
		})
	}
}

type closed struct{}

func (closed) Write([]byte) (int, error) { return 0, errors.New("broken pipe") }

func TestWhatCouldNotBePrintedIsNoPass(t *testing.T) {
	tally := newTally(closed{})
	require.NoError(t, tally.readAll(bufio.NewReader(strings.NewReader(`{"Action":"pass","Package":"p","Test":"TestA"}
{"Action":"pass","Package":"p"}`))))
	require.False(t, tally.ok())
}
