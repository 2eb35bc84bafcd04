package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
)

// event is one line of `go test -json` (cmd/test2json).
type event struct {
	Action      string
	Package     string
	ImportPath  string
	Test        string
	Output      string
	Elapsed     float64
	FailedBuild string
	Status      int // of "exit", which the Makefile writes after each run
}

// key is one test of one package; an empty test is the package itself.
type key struct{ pkg, test string }

// tally counts tests and keeps the output of those that have not ended yet.
type tally struct {
	out                     io.Writer
	passed, failed, skipped int
	broken                  int // packages and builds that failed without a failing test
	output                  map[key][]string
	failedIn                map[string]bool
	accounted               int   // failures of the runs that have exited
	unsaid                  error // the first failure to print
}

func newTally(out io.Writer) *tally {
	return &tally{out: out, output: map[key][]string{}, failedIn: map[string]bool{}}
}

// readAll takes events until the end of the input. A line that is not JSON
// (a tool's own complaint) is printed and counts as broken.
func (t *tally) readAll(in *bufio.Reader) error {
	for {
		line, err := in.ReadBytes('\n')
		if len(line) > 0 {
			t.line(line)
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("read events: %w", err)
		}
	}
}

func (t *tally) line(line []byte) {
	var e event
	if err := json.Unmarshal(line, &e); err != nil {
		if text := strings.TrimSpace(string(line)); text != "" {
			t.broken++
			t.say("%s\n", text)
		}
		return
	}
	t.take(e)
}

func (t *tally) take(e event) {
	k := key{e.Package, e.Test}
	switch e.Action {
	case "output":
		t.output[k] = append(t.output[k], e.Output)
		if strings.HasPrefix(strings.TrimSpace(e.Output), announce) {
			t.say("%s\n", strings.TrimSpace(e.Output)[len(announce):])
		}
	case "build-output":
		t.say("%s", e.Output)
	case "build-fail":
		t.broken++
		t.say("BUILD FAILED  %s\n", e.ImportPath)
	case "exit":
		t.endRun(e.Status)
	case "pass", "fail", "skip":
		if e.Test == "" {
			t.endPackage(e, k)
		} else {
			t.endTest(e, k)
		}
		delete(t.output, k)
	}
}

// endRun notes how a whole `go test` ended. One that failed without a failure
// among its events never got to its tests, and must not vanish behind others.
func (t *tally) endRun(status int) {
	if status != 0 && t.failed+t.broken == t.accounted {
		t.broken++
		t.say("go test ended with status %d before it said what failed\n", status)
	}
	t.accounted = t.failed + t.broken
}

// announce marks a line of a test that the reader of the totals should see:
// counts of an oracle, a corpus, a scenario.
const announce = "SHOW "

func (t *tally) endTest(e event, k key) {
	switch e.Action {
	case "pass":
		t.passed++
	case "skip":
		t.skipped++
		t.say("SKIPPED  %s %s\n%s", e.Package, e.Test, strings.Join(t.output[k], ""))
	case "fail":
		t.failed++
		t.failedIn[e.Package] = true
		t.say("FAILED  %s %s\n%s", e.Package, e.Test, strings.Join(t.output[k], ""))
	}
}

func (t *tally) endPackage(e event, k key) {
	switch e.Action {
	case "pass":
		t.say("ok      %s  %.1fs\n", e.Package, e.Elapsed)
	case "fail":
		t.say("FAIL    %s\n", e.Package)
		if !t.failedIn[e.Package] && e.FailedBuild == "" {
			t.broken++
			t.say("%s", strings.Join(t.output[k], ""))
		}
	}
}

func (t *tally) ok() bool {
	return t.failed == 0 && t.broken == 0 && t.passed > 0 && t.unsaid == nil
}

func (t *tally) say(format string, args ...any) {
	if _, err := fmt.Fprintf(t.out, format, args...); err != nil && t.unsaid == nil {
		t.unsaid = err
	}
}

func (t *tally) printTotals() {
	if t.broken > 0 {
		t.say("%d packages or builds broke without a test's verdict\n", t.broken)
	}
	t.say("%d passed, %d failed, %d skipped\n", t.passed, t.failed+t.broken, t.skipped)
}
