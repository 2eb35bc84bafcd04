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
	var table figures.Table
	for _, set := range []struct {
		policies, rules int
		bound           float64
	}{{20, comparedRules * 2 / 3, 250e-9}, {200, comparedRules / 3, 1.5e-6}} {
		rows, err := decide(set.policies, set.rules, set.bound)
		if err != nil {
			return nil, err
		}
		table = append(table, rows...)
	}
	rows, err := decideByPacks(b)
	return append(table, rows...), err
}

// decideByPacks is the same rules under every pack. There are more than 20
// policies, so that the bound is between that for 20 and that for 200.
func decideByPacks(b *bench) (figures.Table, error) {
	_, compiled, err := b.policyFolder(everyPack)
	if err != nil {
		return nil, err
	}
	set, _, err := bundle.Load(compiled, bundle.Options{Mode: policy.Enforce})
	if err != nil {
		return nil, err
	}
	own, n := engines.OwnOf(set), len(set.Policies)
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
	const many = 40 // a policy of the packs allows 50 rules in a group
	samples, err := inTurn([]func() error{func() error { own.Judge(in); return nil }}, len(fine))
	if err != nil {
		return nil, err
	}
	bound := 250e-9 + float64(n-20)*(1.5e-6-250e-9)/180
	what := fmt.Sprintf("a compliant rule, every pack: %d policies", n)
	return figures.Table{
		{Goal: "5", What: what, Ours: samples[0], Bound: figures.AtMost(bound)},
		{Goal: "5", What: what + ", allocations", Ours: figures.Of(figures.Count, allocationsPerRule(own, group, fine, many)), Bound: figures.AtMost(0)},
	}, nil
}

func decide(policies, rules int, bound float64) (figures.Table, error) {
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
	ours := func() error { own.Judge(in); return nil }
	runs := []func() error{ours}
	var facts []engines.Facts
	for _, r := range usual {
		facts = append(facts, engines.FactsOf(r))
	}
	violated := make([]bool, policies)
	for _, p := range peers {
		p.Take(facts)
		runs = append(runs, func() error {
			for i := range facts {
				if err := p.Judge(i, violated); err != nil {
					return err
				}
			}
			return nil
		})
	}
	samples, err := inTurn(runs, len(usual))
	if err != nil {
		return nil, err
	}
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
			Goal: "5", What: fmt.Sprintf("%s; agreed on %d rules", what, rules), Ours: samples[0], Other: samples[i+1], Than: p.Name(), Bound: figures.FasterTimes(times),
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

// inTurn times the runs in turn, so that what disturbs one disturbs all, and
// gives the seconds of processor for one of the parts of a run, collection of
// its own garbage included, and not of what the turn before it left.
func inTurn(runs []func() error, parts int) ([]figures.Sample, error) {
	samples := make([]figures.Sample, len(runs))
	for range turns {
		for i, run := range runs {
			runtime.GC()
			n, began, used := 0, time.Now(), processorTime()
			for time.Since(began) < turnTime {
				for range 8 {
					if err := run(); err != nil {
						return nil, err
					}
				}
				n += 8
			}
			samples[i].Unit = figures.Seconds
			samples[i].Values = append(samples[i].Values, (processorTime()-used).Seconds()/float64(n*parts))
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
