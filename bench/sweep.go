package main

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/netip"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/sgwarden/sgwarden/bench/figures"
	"github.com/sgwarden/sgwarden/internal/runtimeapi"
	"github.com/sgwarden/sgwarden/internal/secgroup"
)

const (
	sweptGroups = 5000
	sweptRules  = 20 // of each group
	sweptMarked = 10 // one group in so many has a rule that stood before
	// What EC2 and DynamoDB give at once (API references: DescribeSecurityGroups,
	// DescribeSecurityGroupRules, BatchGetItem).
	ec2Page, ledgerPage = 1000, 100
	// handful is what a pass may call beside the pages: controls, acts, networks.
	handful = 10
	// The stack's: infra/stacks/sweep.go.
	sweepMemory  = 256_000_000
	sweepTimeout = 10 * time.Minute
)

// sweep is goal 12: passes of the built function over an account of 5,000
// groups, each in a process of its own.
func sweep(ctx context.Context, b *bench) (figures.Table, error) {
	a, stop, err := newAccount(ctx)
	if err != nil {
		return nil, err
	}
	defer stop()
	if err := a.many(); err != nil {
		return nil, err
	}
	var table figures.Table
	for _, p := range []struct {
		what  string
		marks int // groups of which a mark stands
		first bool
	}{
		{"first pass", 0, true},
		{"later pass, 500 groups with a mark", sweptGroups / sweptMarked, false},
		{"later pass, no mark", 0, false},
	} {
		if p.marks == 0 && !p.first {
			for i := 0; i < sweptGroups; i += sweptMarked {
				if !a.ec2().RemoveRule(markedRule(i)) {
					return nil, fmt.Errorf("remove %s: it is not there", markedRule(i))
				}
			}
			// What it finds gone it writes down; the pass after it has nothing to.
			if _, err := a.pass(ctx, b); err != nil {
				return nil, err
			}
		}
		run, err := a.pass(ctx, b)
		if err != nil {
			return nil, err
		}
		table = append(table, run.rows(p.what, p.marks, p.first)...)
	}
	return table, nil
}

func markedRule(i int) string { return fmt.Sprintf("sgr-0be4c4%011d", i) }

// many makes the groups, all in one call of localec2, which copies its state.
func (a *account) many() error {
	groups := make([]secgroup.Group, sweptGroups)
	for i := range groups {
		g := secgroup.Group{ID: fmt.Sprintf("sg-0be4c4%011d", i), Name: fmt.Sprintf("web-%d", i), VPCID: vpcID}
		for n := range sweptRules {
			r := secgroup.Rule{
				Direction: secgroup.Ingress, Protocol: secgroup.TCP, Ports: secgroup.Ports{From: 443, To: 443},
				Peer: secgroup.NewCIDR(netip.PrefixFrom(netip.AddrFrom4([4]byte{10, byte(n), byte(i >> 8), byte(i)}), 32)),
			}
			if n == 0 && i%sweptMarked == 0 {
				r.ID, r.Ports, r.Peer = markedRule(i), secgroup.Ports{From: 22, To: 22}, secgroup.NewCIDR(netip.MustParsePrefix("0.0.0.0/0"))
			}
			g.Rules = append(g.Rules, r)
		}
		groups[i] = g
	}
	return a.ec2().EnsureGroups(groups)
}

// passed is what one pass cost.
type passed struct {
	took  time.Duration
	peak  int64
	calls map[string]int // by service.Operation
}

// pass has a new process of the function go over all groups.
func (a *account) pass(ctx context.Context, b *bench) (passed, error) {
	f := runtimeapi.Function{Name: "sweep", Timeout: sweepTimeout, Env: a.environment()}
	p, err := runtimeapi.Start(filepath.Join(b.dist, "sweep", "bootstrap"), f)
	if err != nil {
		return passed{}, err
	}
	defer func() { _ = p.Close() }()
	if err := p.WaitReady(ctx); err != nil {
		return passed{}, err
	}
	a.calls.take()
	began := time.Now()
	answer, err := p.Invoke(ctx, []byte(`{"source":"aws.events"}`))
	if err != nil {
		return passed{}, fmt.Errorf("%w\n%s", err, p.Logs())
	}
	run := passed{took: time.Since(began), calls: map[string]int{}}
	var out struct {
		Complete bool
		Counts   struct{ Groups int }
	}
	if err := json.Unmarshal(answer.Payload, &out); err != nil {
		return passed{}, err
	}
	if answer.Failed() || !out.Complete || out.Counts.Groups < sweptGroups {
		return passed{}, fmt.Errorf("sweep did not pass over %d groups: %s", sweptGroups, answer.Payload)
	}
	for _, e := range a.calls.take() {
		run.calls[e.name()]++
	}
	run.peak, err = peakMemory(p)
	return run, err
}

// rows are the figures of a pass. EC2's pages are those of the groups, and of
// the rules where ids count: of groups with a mark, of all in the first pass.
func (r passed) rows(what string, marks int, first bool) figures.Table {
	ids := marks
	if first {
		ids = sweptGroups
	}
	pages := sweptGroups/ec2Page + 1 + ids*sweptRules/ec2Page // one more: the default groups
	row := func(of string, ours figures.Sample, bound figures.Bound) figures.Row {
		return figures.Row{Goal: "12", What: "sweep of 5,000 groups x 20 rules, " + what + ": " + of, Ours: ours, Bound: bound}
	}
	ec2, ec2Names := r.of("ec2")
	ledger, ledgerNames := r.of("dynamodb")
	// The items of all, and what was decided of those with a mark by hand.
	ledgerBound := figures.AtMost(float64((sweptGroups+marks)/ledgerPage + 1 + handful))
	if first {
		ledgerBound = figures.Bound{} // it writes every item
	}
	return figures.Table{
		row("EC2: "+ec2Names, figures.Of(figures.Count, float64(ec2)), figures.AtMost(float64(pages+handful))),
		row("ledger: "+ledgerNames, figures.Of(figures.Count, float64(ledger)), ledgerBound),
		row("peak memory", figures.Of(figures.Bytes, float64(r.peak)), figures.AtMost(sweepMemory)),
		row("time", figures.OfDurations(r.took), figures.Bound{}),
	}
}

// of sums the calls of a service, and names them.
func (r passed) of(service string) (n int, names string) {
	var parts []string
	for _, name := range slices.Sorted(maps.Keys(r.calls)) {
		if operation, ok := strings.CutPrefix(name, service+"."); ok {
			n += r.calls[name]
			parts = append(parts, fmt.Sprintf("%d %s", r.calls[name], operation))
		}
	}
	return n, strings.Join(parts, ", ")
}
