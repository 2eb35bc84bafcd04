package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// suite is a mutated package's test binary and what is known of its tests.
type suite struct {
	binary string
	dir    string // of the package, where its tests run
	flags  []string
	tests  []test // cheapest first
}

// test is one top-level test, example or fuzz target (with its seeds).
type test struct {
	name    string
	cpu     time.Duration
	steps   int          // places of mutants that it passes, at most
	reaches map[int]bool // ids of mutants
}

// fixed makes the properties of pgregory.net/rapid the same in every run, and
// lets a failing one fail at once.
var fixed = []string{"-rapid.seed=1", "-rapid.nofailfile", "-rapid.shrinktime=0s"}

// newSuite runs every test once without a mutant, and notes what it reaches.
func newSuite(ctx context.Context, binary, dir, skip string) (*suite, error) {
	s := &suite{binary: binary, dir: dir, flags: fixed}
	list, err := s.exec(ctx, nil, "-test.list", ".")
	if err != nil {
		s.flags = nil // a package without rapid refuses its flags
		if list, err = s.exec(ctx, nil, "-test.list", "."); err != nil {
			return nil, fmt.Errorf("list tests: %w\n%s", err, list.output)
		}
	}
	for _, name := range strings.Fields(list.output) {
		if !regexp.MustCompile(`^(Test|Fuzz|Example)`).MatchString(name) || skip != "" && regexp.MustCompile(skip).MatchString(name) {
			continue
		}
		t, err := s.baseline(ctx, name)
		if err != nil {
			return nil, err
		}
		s.tests = append(s.tests, t)
	}
	slices.SortStableFunc(s.tests, func(a, b test) int { return int(a.cpu - b.cpu) })
	return s, nil
}

func (s *suite) baseline(ctx context.Context, name string) (test, error) {
	notes := filepath.Join(filepath.Dir(s.binary), name+".reached")
	noted, err := s.exec(ctx, []string{"MUTANT_NOTES=" + notes}, "-test.short", "-test.run", only(name))
	if err != nil {
		return test{}, fmt.Errorf("%s fails without a mutant: %w\n%s", name, err, noted.output)
	}
	t := test{name: name, cpu: noted.cpu, reaches: map[int]bool{}}
	text, err := os.ReadFile(notes)
	if err != nil {
		return test{}, err
	}
	for line := range strings.Lines(string(text)) {
		number, isSteps := strings.CutPrefix(strings.TrimSpace(line), "steps ")
		n, err := strconv.Atoi(number)
		if err != nil {
			return test{}, fmt.Errorf("%s: %w", notes, err)
		}
		if isSteps {
			t.steps = n
		} else {
			t.reaches[n] = true
		}
	}
	return t, nil
}

func only(names ...string) string { return "^(" + strings.Join(names, "|") + ")$" }

// groups gives the tests that reach a mutant as they are to be run, cheapest
// first, together as long as that stays short: most mutants die early.
func (s *suite) groups(id int) [][]test {
	var groups [][]test
	short := 30 * time.Millisecond // what a group may cost beyond its first test
	var cost time.Duration
	for _, t := range s.tests {
		if !t.reaches[id] {
			continue
		}
		if len(groups) == 0 || cost+t.cpu > short {
			short, cost = 4*short, 0
			groups = append(groups, nil)
		}
		cost += t.cpu
		groups[len(groups)-1] = append(groups[len(groups)-1], t)
	}
	return groups
}

// ran is how a run of the test binary went.
type ran struct {
	output string
	cpu    time.Duration
	code   int
}

func (s *suite) exec(ctx context.Context, env []string, args ...string) (ran, error) {
	cmd := exec.CommandContext(ctx, s.binary, append(args, s.flags...)...)
	cmd.Dir = s.dir
	cmd.Env = append(os.Environ(), env...)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	err := cmd.Run()
	r := ran{output: out.String()}
	if cmd.ProcessState != nil {
		r.cpu = cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
		r.code = cmd.ProcessState.ExitCode()
	}
	return r, err
}

// fate is what became of a mutant.
type fate uint8

const (
	killed  fate = 1 + iota // a test failed
	endless                 // it went many times as far as its tests go, took more memory than any, or waits for ever, and was ended
	lived                   // the tests that reach it pass
	unseen                  // no test reaches it
)

// runaway is how the binary ends an endless mutant (runtime.go.txt).
const runaway = 97

// try finds out what becomes of a mutant.
func (s *suite) try(ctx context.Context, id int) (fate, error) {
	groups := s.groups(id)
	if len(groups) == 0 {
		return unseen, nil
	}
	for _, group := range groups {
		f, err := s.tryGroup(ctx, id, group)
		if f != lived || err != nil {
			return f, err
		}
	}
	return lived, nil
}

// tryGroup runs some tests against a mutant. Endless is what passed thirty
// times as many places as its tests do. Where a mutant's loop passes none, time
// has to tell; but on a busy machine only processor time means anything.
func (s *suite) tryGroup(ctx context.Context, id int, group []test) (fate, error) {
	var names []string
	usual, steps := 5*time.Second, 10_000_000
	for _, t := range group {
		names = append(names, t.name)
		usual += 20 * t.cpu
		steps += 30 * t.steps
	}
	env := []string{"MUTANT=" + strconv.Itoa(id), "MUTANT_STEPS=" + strconv.Itoa(steps)}
	for limit := usual; limit <= 64*usual; limit *= 2 {
		r, err := s.exec(ctx, env, "-test.short", "-test.failfast", "-test.timeout", limit.String(), "-test.run", only(names...))
		if ctx.Err() != nil {
			return 0, ctx.Err()
		}
		var exit *exec.ExitError
		switch {
		case err == nil:
			return lived, nil
		case !errors.As(err, &exit):
			return 0, err
		case r.code == runaway:
			return endless, nil
		case !strings.Contains(r.output, "panic: test timed out after"):
			return killed, nil
		case r.cpu >= usual*3/4, isStuck(r.output):
			return endless, nil
		}
	}
	return 0, fmt.Errorf("mutant %d neither ends nor works", id)
}

// isStuck reports whether the goroutines of tests that timed out wait for each
// other alone: none could run, and none waits for time, input or a choice of
// several. The clock of the tests, and our own watch, do not count.
func isStuck(dump string) bool {
	waiting := 0
	for _, g := range strings.Split(dump, "\n\n") {
		head := goroutine.FindStringSubmatch(g)
		switch {
		case head == nil, strings.Contains(g, ".startAlarm."), strings.Contains(g, ".mutantWatch("):
		case strings.HasPrefix(head[1], "chan "), strings.HasPrefix(head[1], "sync."), strings.HasPrefix(head[1], "semacquire"):
			waiting++
		default:
			return false
		}
	}
	return waiting > 0
}

// goroutine is the head of one in a dump, with what it does.
var goroutine = regexp.MustCompile(`(?m)^goroutine \d+.* \[([^],]+)`)
