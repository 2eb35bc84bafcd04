package soak

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"

	"github.com/sgwarden/sgwarden/internal/policy"
)

const (
	// stepsPerEpisode are the states of one episode, those at rest included.
	stepsPerEpisode = 40
	// restEvery is how often everything comes to rest.
	restEvery = 10
)

// Failure is a property that did not hold.
type Failure struct {
	Seed     uint64 // of the episode
	Docket   string // the policy set
	Steps    []int  // the steps that are needed to see it
	Property string
	Text     string
	Story    []string
}

func (f *Failure) String() string {
	return fmt.Sprintf("%s: %s\nseed %d, policies %q, steps %v\n  %s", f.Property, f.Text, f.Seed, f.Docket, f.Steps, strings.Join(f.Story, "\n  "))
}

// blame notes the first thing that does not hold.
func (w *world) blame(property, format string, args ...any) {
	if w.failure == nil {
		w.failure = &Failure{Property: property, Text: fmt.Sprintf(format, args...)}
		w.story = append(w.story, "  FAILS: "+property+": "+w.failure.Text)
	}
}

// compiled are the policies of each docket, compiled once.
type compiled map[string]*policy.Set

func compileAll() (compiled, error) {
	sets := compiled{}
	for _, d := range dockets {
		parsed, err := policy.Parse([]policy.Source{{File: d.name + ".yaml", Text: []byte(d.yaml)}}, nil)
		if err != nil {
			return nil, fmt.Errorf("policies %q: %w", d.name, err)
		}
		if sets[d.name], err = policy.Compile(parsed.Documents, parsed.Deployment.Settings(policy.Enforce)); err != nil {
			return nil, fmt.Errorf("policies %q: %w", d.name, err)
		}
	}
	return sets, nil
}

// runner runs episodes one after the other.
type runner struct {
	sets     compiled
	universe *universe
	prepare  func(*world) // what is otherwise in every episode, for tests; nil = nothing
}

func newRunner(sets compiled) *runner {
	return &runner{sets: sets, universe: newUniverse([]string{defaultGroup, webGroup, dbGroup})}
}

func docketOf(seed uint64) *docket { return &dockets[mixed(seed)%uint64(len(dockets))] }

// allSteps are the steps of a whole episode.
func allSteps() []int {
	steps := make([]int, stepsPerEpisode)
	for i := range steps {
		steps[i] = i + 1
	}
	return steps
}

// ended is what is left of an episode.
type ended struct {
	failure *Failure
	digest  string
	flows   map[string]packets // by group
	unsure  packets            // witnesses that may differ with the order of events
}

// play runs those steps of an episode. Every step draws from its own
// randomness, so that others can be left out. permuted lets the last rest
// deliver in another order, and some messages twice.
func (r *runner) play(seed uint64, steps []int, permuted bool, t *Tally) ended {
	d := docketOf(seed)
	w, err := newWorld(d, r.sets[d.name], r.universe, t)
	if err != nil {
		return ended{failure: &Failure{Seed: seed, Docket: d.name, Property: "harness", Text: err.Error()}}
	}
	if r.prepare != nil {
		r.prepare(w)
	}
	t.Dockets[d.name]++
	for n, step := range steps {
		w.random = rand.New(rand.NewPCG(seed, uint64(step)))
		w.begin()
		last := n == len(steps)-1
		switch {
		case step%restEvery == 0 && last && permuted:
			w.rest(rand.New(rand.NewPCG(seed, 1<<32)))
		case step%restEvery == 0:
			w.rest(nil)
		default:
			w.act(step)
		}
		t.States++
		if w.failure != nil {
			f := w.failure
			f.Seed, f.Docket, f.Steps, f.Story = seed, d.name, slices.Clone(steps[:n+1]), w.story
			return ended{failure: f, digest: w.digest.String()}
		}
	}
	end := ended{digest: w.digest.String(), flows: map[string]packets{}, unsure: w.unsure()}
	for _, id := range w.order {
		end.flows[id] = w.universe.ofAll(w.rules(id))
	}
	return end
}

// act is one ordinary step.
func (w *world) act(step int) {
	w.say("step %d", step)
	w.advance()
	w.effects.plan = faultPlan{}
	if w.random.IntN(2) == 0 || w.history.off {
		w.change()
	} else {
		plan := w.drawFaults()
		provoked := w.provoke(plan.met())
		w.effects.plan = plan
		if provoked != nil {
			w.judge("provoked", []*message{provoked})
		} else {
			w.deliver()
		}
	}
	if step%3 == 0 {
		w.snapshot, w.snapshotAt, w.shownThen = w.cloud.Snapshot(), w.clock(), w.liveIDs()
		w.cloud.Forget()
	}
}

// unsure are the witnesses that may be open or closed in the end, depending on
// the order in which the guard hears of the same calls: what a modified rule
// was earlier, which it gets back only if the guard knew it, and what a law
// tolerates in sum, where the first to be heard of stay.
func (w *world) unsure() (set packets) {
	for _, past := range w.history.rules {
		if len(past.values) > 1 {
			for _, v := range past.values {
				set = set.or(w.universe.of(v))
			}
		}
	}
	for _, l := range w.docket.laws {
		if l.tolerates() || l.whole || l.except != "" || w.docket.beforeAct {
			for _, id := range w.order {
				set = set.or(w.forbiddenIn(l, id))
			}
		}
	}
	return set
}
