package soak

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
)

// permuteEvery is of how many episodes one is played again with its last events
// permuted and repeated.
const permuteEvery = 8

// Config says what a run is.
type Config struct {
	Seed    uint64
	States  int // at least; whole episodes are played
	Workers int // 0 = one per core
	// Progress is told now and then how many states were reached; nil = nobody.
	Progress func(states int)
}

// Report is what a run found. Equal seeds and states give equal reports,
// whatever the number of workers.
type Report struct {
	Config   Config
	Tally    *Tally
	Episodes int
	Failures []*Failure // in the order of the episodes
	Digest   string     // of everything that was done and said
}

// mostFailures ends a run: more say no more.
const mostFailures = 20

// Run plays episodes until so many states were reached.
func Run(c Config) (*Report, error) {
	sets, err := compileAll()
	if err != nil {
		return nil, err
	}
	if c.Workers == 0 {
		c.Workers = runtime.NumCPU()
	}
	episodes := max(1, (c.States+stepsPerEpisode-1)/stepsPerEpisode)
	ends := make([]ended, episodes)
	tallies := make([]*Tally, c.Workers)
	var next, failures atomic.Int64
	var wait sync.WaitGroup
	for worker := range c.Workers {
		tallies[worker] = newTally()
		wait.Add(1)
		go func() {
			defer wait.Done()
			r := newRunner(sets)
			for failures.Load() < mostFailures {
				n := int(next.Add(1)) - 1
				if n >= episodes {
					return
				}
				ends[n] = r.episode(seedOf(c.Seed, n), n, tallies[worker])
				if ends[n].failure != nil {
					failures.Add(1)
				}
				ends[n].flows = nil
				if c.Progress != nil && n%50 == 0 {
					c.Progress(n * stepsPerEpisode)
				}
			}
		}()
	}
	wait.Wait()
	report := &Report{Config: c, Tally: newTally(), Episodes: episodes}
	for _, t := range tallies {
		report.Tally.add(t)
	}
	sum := sha256.New()
	for _, e := range ends {
		_, _ = io.WriteString(sum, e.digest) // a hash takes everything
		if e.failure != nil {
			report.Failures = append(report.Failures, e.failure)
		}
	}
	report.Digest = hex.EncodeToString(sum.Sum(nil)[:8])
	return report, nil
}

// seedOf gives the seed of an episode of a run.
func seedOf(seed uint64, episode int) uint64 { return mixed(seed<<32 + uint64(episode)) }

// episode plays one episode, some of them a second time in another order.
func (r *runner) episode(seed uint64, n int, t *Tally) ended {
	end := r.play(seed, allSteps(), false, t)
	if end.failure == nil && n%permuteEvery == 0 {
		end.failure = r.permuted(seed, allSteps(), end, t)
	}
	if end.failure != nil {
		end.failure = r.shrunk(end.failure)
	}
	return end
}

// permuted holds P2: the same events in another order, and some twice, leave
// the same flows.
func (r *runner) permuted(seed uint64, steps []int, end ended, t *Tally) *Failure {
	other := newTally()
	again := r.play(seed, steps, true, other)
	if again.failure != nil {
		again.failure.Property += " (permuted)"
		return again.failure
	}
	for _, id := range sortedKeys(end.flows) {
		t.check("P2 permuted and repeated events leave the same flows")
		unsure := end.unsure.or(again.unsure)
		a, b := end.flows[id].without(unsure), again.flows[id].without(unsure)
		if a != b {
			return &Failure{Seed: seed, Docket: docketOf(seed).name, Steps: steps, Property: "P2 (permuted)", Text: "in another order other flows of " + id + " are left"}
		}
	}
	return nil
}

// shrunk leaves out steps for as long as the same property fails.
func (r *runner) shrunk(f *Failure) *Failure {
	again := func(steps []int) *Failure {
		if len(steps) == 0 {
			return nil
		}
		fresh := newRunner(r.sets) // what a worker remembers of earlier episodes must not matter
		got := fresh.replay(f.Seed, steps)
		if got == nil || got.Property != f.Property {
			return nil
		}
		return got
	}
	best := again(f.Steps)
	if best == nil {
		f.Text += " (and not when it is played alone)"
		return f
	}
	for size := max(1, len(best.Steps)/2); size >= 1; {
		smaller := false
		for at := 0; at < len(best.Steps); at += size {
			rest := slices.Delete(slices.Clone(best.Steps), at, min(at+size, len(best.Steps)))
			if got := again(rest); got != nil {
				best, smaller = got, true
				break
			}
		}
		if !smaller {
			size /= 2
		}
	}
	return best
}

// Replay plays one episode, or, if steps are given, no others of its steps: what
// a failure names. nil = nothing fails.
func Replay(seed uint64, steps []int) (*Failure, error) {
	sets, err := compileAll()
	if err != nil {
		return nil, err
	}
	if len(steps) == 0 {
		steps = allSteps()
	}
	return newRunner(sets).replay(seed, steps), nil
}

// replay plays some steps of one episode, in order and permuted.
func (r *runner) replay(seed uint64, steps []int) *Failure {
	t := newTally()
	end := r.play(seed, steps, false, t)
	if end.failure == nil {
		end.failure = r.permuted(seed, steps, end, t)
	}
	return end.failure
}

// Good reports whether nothing failed and everything happened.
func (r *Report) Good() bool { return len(r.Failures) == 0 && len(r.Tally.missing()) == 0 }

// Text is the report for a reader: the counters, what failed, what never
// happened, and a last line.
func (r *Report) Text() string {
	var b strings.Builder
	r.Tally.write(&b)
	for _, f := range r.Failures {
		fmt.Fprintf(&b, "FAILED %s\n", f)
	}
	missing := r.Tally.missing()
	for _, key := range missing {
		fmt.Fprintf(&b, "NEVER %s\n", key)
	}
	fmt.Fprintf(&b, "seed %d, %d episodes, %d states, %d calls of which EC2 refused %d, digest %s, %d failures, %d counters at zero\n",
		r.Config.Seed, r.Episodes, r.Tally.States, sum(r.Tally.Calls), r.Tally.Refused, r.Digest, len(r.Failures), len(missing))
	return b.String()
}

func sum(m map[string]int) (n int) {
	for _, count := range m {
		n += count
	}
	return n
}
