package main

import (
	"context"
	"fmt"
	"runtime"
	"slices"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/sgwarden/sgwarden/bench/engines"
	"github.com/sgwarden/sgwarden/bench/figures"
	"github.com/sgwarden/sgwarden/internal/bundle"
	"github.com/sgwarden/sgwarden/internal/policy"
	"github.com/sgwarden/sgwarden/internal/secgroup"
)

const (
	comparedRules = 300_000 // on which the engines must agree, in all
	turns         = 11      // of each engine
	turnTime      = 20 * time.Millisecond
)

// decision is goal 5: one compliant rule under 20 and 200 policies, by us and
// by engines that answer the same on every rule they were compared on.
func decision(_ context.Context, b *bench) (figures.Table, error) {
	packs, err := prepare(b)
	if err != nil {
		return nil, err
	}
	var table figures.Table
	for _, set := range []struct {
		policies, rules int
		bound           float64
	}{{20, comparedRules * 2 / 3, 250e-9}, {200, comparedRules / 3, 1.5e-6}} {
		rows, err := decide(set.policies, set.rules, set.bound, packs)
		if err != nil {
			return nil, err
		}
		table = append(table, rows...)
	}
	return append(table, packs.rows()...), nil
}

// everyPacks is the same rules under every pack, timed in turn with the 20
// policies and their peers: what is in memory besides, and how often it is
// collected, is the same for both.
type everyPacks struct {
	own      *engines.Own
	group    func([]secgroup.Rule) policy.Input
	fine     []secgroup.Rule // that comply with all of them
	in       policy.Input
	policies int
	sample   figures.Sample
}

// mostRules is how many rules a policy of the packs allows in a group, or less.
const mostRules = 40

// rows: there are more than 20 policies, so that the bound is between that for
// 20 and that for 200.
func (e *everyPacks) rows() figures.Table {
	bound := 250e-9 + float64(e.policies-20)*(1.5e-6-250e-9)/180
	what := fmt.Sprintf("a compliant rule, every pack: %d policies", e.policies)
	return figures.Table{
		{Goal: "5", What: what, Ours: e.sample, Bound: figures.AtMost(bound)},
		{Goal: "5", What: what + ", allocations", Ours: figures.Of(figures.Count, allocationsPerRule(e.own, e.group, e.fine, mostRules)), Bound: figures.AtMost(0)},
	}
}

// prepare finds out which of the usual rules comply with every pack.
func prepare(b *bench) (*everyPacks, error) {
	_, compiled, err := b.policyFolder(everyPack)
	if err != nil {
		return nil, err
	}
	set, _, err := bundle.Load(compiled, bundle.Options{Mode: policy.Enforce})
	if err != nil {
		return nil, err
	}
	own := engines.OwnOf(set)
	var fine []secgroup.Rule
	for _, rv := range own.Judge(own.Group(engines.Usual())).Rules {
		if !slices.ContainsFunc(rv.Findings, func(f policy.Finding) bool { return f.State != policy.Fine }) {
			fine = append(fine, rv.Rule)
		}
	}
	if len(fine) < 8 {
		return nil, fmt.Errorf("every pack: of the usual rules only %d are compliant", len(fine))
	}
	group := func(rules []secgroup.Rule) policy.Input {
		in := own.Group(rules)
		in.Facts.Surroundings = policy.Surroundings{
			Interfaces: &policy.Interfaces{IDs: []string{"eni-1"}}, Groups: &policy.AllGroups{Groups: []secgroup.Group{in.Live}},
			Dead: &policy.DeadReferences{}, Elastic: &policy.ElasticAddresses{},
		}
		return in
	}
	in := group(fine)
	if v := own.Judge(in); len(v.Needs)+len(v.Group) > 0 {
		return nil, fmt.Errorf("every pack: the group lacks something: %v, %v", v.Needs, v.Group)
	}
	return &everyPacks{own: own, group: group, fine: fine, in: in, policies: len(set.Policies)}, nil
}

func decide(policies, rules int, bound float64, packs *everyPacks) (figures.Table, error) {
	own, err := engines.NewOwn(policies)
	if err != nil {
		return nil, err
	}
	peers, err := engines.Peers(policies)
	if err != nil {
		return nil, err
	}
	if err := agree(own, peers, rules); err != nil {
		return nil, err
	}
	usual := engines.Usual()
	in := own.Group(usual)
	runs := []timed{
		{func() error { own.Judge(in); return nil }, len(usual)},
		{func() error { packs.own.Judge(packs.in); return nil }, len(packs.fine)},
	}
	var facts []engines.Facts
	for _, r := range usual {
		facts = append(facts, engines.FactsOf(r))
	}
	violated := make([]bool, policies)
	for _, p := range peers {
		p.Take(facts)
		runs = append(runs, timed{func() error {
			for i := range facts {
				if err := p.Judge(i, violated); err != nil {
					return err
				}
			}
			return nil
		}, len(usual)})
	}
	samples, err := inTurn(runs)
	if err != nil {
		return nil, err
	}
	packs.sample.Unit = figures.Seconds
	packs.sample.Values = append(packs.sample.Values, samples[1].Values...)
	what := fmt.Sprintf("a compliant rule, %d policies", policies)
	table := figures.Table{
		{Goal: "5", What: what, Ours: samples[0], Bound: figures.AtMost(bound)},
		{Goal: "5", What: what + ", allocations", Ours: figures.Of(figures.Count, allocationsPerRule(own, own.Group, usual, 1000)), Bound: figures.AtMost(0)},
	}
	for i, p := range peers {
		times := 10.0
		if p.Name() == "cel-go" {
			times = 20
		}
		table = append(table, figures.Row{
			Goal: "5", What: fmt.Sprintf("%s; agreed on %d rules", what, rules), Ours: samples[0], Other: samples[i+2], Than: p.Name(), Bound: figures.FasterTimes(times),
		})
	}
	return table, nil
}

// agree holds the engines together, each beside the others.
func agree(own *engines.Own, peers []engines.Peer, n int) error {
	rules := engines.Random(uint64(n), n)
	want, err := own.Violated(rules)
	if err != nil {
		return err
	}
	var group errgroup.Group
	for _, p := range peers {
		group.Go(func() error {
			violations, err := engines.Compare(p, rules, want)
			if err == nil && violations < n/10 {
				err = fmt.Errorf("%s: only %d violations in %d rules: nothing was compared", p.Name(), violations, n)
			}
			return err
		})
	}
	return group.Wait()
}

// timed is what is run again and again, and of how many parts one run is.
type timed struct {
	do    func() error
	parts int
}

// inTurn times the runs in turn, so that what disturbs one disturbs all, and
// gives the seconds of processor for one of the parts of a run, collection of
// its own garbage included, and not of what the turn before it left.
func inTurn(runs []timed) ([]figures.Sample, error) {
	samples := make([]figures.Sample, len(runs))
	for range turns {
		for i, run := range runs {
			runtime.GC()
			n, began, used := 0, time.Now(), processorTime()
			for time.Since(began) < turnTime {
				for range 8 {
					if err := run.do(); err != nil {
						return nil, err
					}
				}
				n += 8
			}
			samples[i].Unit = figures.Seconds
			samples[i].Values = append(samples[i].Values, (processorTime()-used).Seconds()/float64(n*run.parts))
		}
	}
	return samples, nil
}

// processorTime is what this process has used so far.
func processorTime() time.Duration {
	var r syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &r); err != nil {
		panic(err) // only for a bad pointer
	}
	return time.Duration(r.Utime.Nano() + r.Stime.Nano())
}

// allocationsPerRule is how many more a group of many compliant rules takes
// than one of 10, for each rule; the rules are some again and again.
func allocationsPerRule(own *engines.Own, group func([]secgroup.Rule) policy.Input, some []secgroup.Rule, many int) float64 {
	allocations := func(n int) float64 {
		var rules []secgroup.Rule
		for i := range n {
			r := some[i%len(some)]
			r.ID = fmt.Sprintf("sgr-%06d", i)
			rules = append(rules, r)
		}
		in := group(rules)
		var v policy.Verdict
		out := testing.AllocsPerRun(20, func() { v = own.Judge(in) })
		_ = v
		return out
	}
	return (allocations(many) - allocations(10)) / float64(many-10)
}
