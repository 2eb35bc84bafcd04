package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/sgwarden/sgwarden/bench/figures"
)

// counts is the calls of one change, by what they are for.
type counts struct {
	readsBefore  int            // of the group, before the first mutation; all where there is none
	facts        map[string]int // likewise of what surrounds it, by kind: the call; all groups name none
	mutations    int
	readsAfter   int // read-backs, and what the alert needs
	queries      int // of the ledger
	controls     int
	transactions int
	notes        int // single writes of a group's item
	published    int
	others       []string
}

// countCalls sorts the calls of one change.
func countCalls(calls []exchange) counts {
	c := counts{facts: map[string]int{}}
	for _, e := range calls {
		switch {
		case isMutation(e):
			c.mutations++
		case e.Service == "ec2" && c.mutations > 0:
			c.readsAfter++
		case (e.name() == "ec2.DescribeSecurityGroups" || e.name() == "ec2.DescribeSecurityGroupRules") && bytes.Contains(e.Body, []byte("sg-")):
			c.readsBefore++
		case e.Service == "ec2":
			c.facts[e.Operation]++
		case e.name() == "dynamodb.Query":
			c.queries++
		case e.name() == "dynamodb.BatchGetItem":
			c.controls++
		case e.name() == "dynamodb.TransactWriteItems":
			c.transactions++
		case e.name() == "dynamodb.UpdateItem":
			c.notes++
		case e.Service == "sns":
			c.published++
		default:
			c.others = append(c.others, e.name())
		}
	}
	return c
}

func (c counts) ec2() int {
	n := c.readsBefore + c.mutations + c.readsAfter
	for _, reads := range c.facts {
		n += reads
	}
	return n
}

func (c counts) dynamodb() int { return c.queries + c.controls + c.transactions + c.notes }

// mostOfAFact is how often the same kind of fact was read.
func (c counts) mostOfAFact() int {
	most := 0
	for _, n := range c.facts {
		most = max(most, n)
	}
	return most
}

// change is one change whose calls are counted.
type change struct {
	name     string
	policies string // one of remedies, or a set by name; "" = those that are on by default
	observe  bool
	rules    int // of the group, before the change
	opened   []permission
	stays    bool // what was opened stays
}

func remedyPolicy(remedy string) string {
	return fmt.Sprintf(`apiVersion: sgwarden/v1
kind: Policy
metadata: {id: ssh, title: SSH is closed to the internet, severity: high}
forbid: [{direction: ingress, ports: [22], peers: [internet]}]
remedy: %s
`, remedy)
}

// remedies are policies with remedies of their own.
var remedies = map[string]string{
	"narrow": remedyPolicy("{do: narrow, to: [10.0.0.0/8]}"),
	"tag":    remedyPolicy("tag"),
	"alert":  remedyPolicy("alert"),
}

func many(p permission, n int) []permission {
	list := make([]permission, n)
	for i := range list {
		list[i] = permission{p.protocol, p.port, fmt.Sprintf("8.%d.0.0/16", i)}
	}
	return list
}

var (
	web     = permission{"tcp", 443, "10.9.0.0/16"}
	service = permission{"tcp", 1000, "0.0.0.0/0"} // violates the first policy of every set
)

var compliantChanges = []change{
	{name: "compliant", opened: []permission{web}, stays: true},
	{name: "compliant, 50 rules", opened: many(web, 50), stays: true},
	{name: "compliant, 1 policy", policies: "1", opened: []permission{web}, stays: true},
	{name: "compliant, 200 policies", policies: "200", opened: []permission{web}, stays: true},
	{name: "compliant, every pack", policies: everyPack, opened: []permission{web}, stays: true},
}

var violations = []change{
	{name: "revert", opened: []permission{ssh}},
	{name: "revert, 50 rules", opened: many(ssh, 50)},
	{name: "revert, in a group of 500", rules: 500, opened: []permission{ssh}},
	{name: "revert, 1 policy", policies: "1", opened: []permission{service}},
	{name: "revert, 200 policies", policies: "200", opened: []permission{service}},
	{name: "revert, every pack", policies: everyPack, opened: []permission{ssh}},
	{name: "narrow", policies: "narrow", opened: []permission{ssh}},
	{name: "tag", policies: "tag", opened: []permission{ssh}, stays: true},
	{name: "alert", policies: "alert", opened: []permission{ssh}, stays: true},
	{name: "observe", observe: true, opened: []permission{ssh}, stays: true},
}

// calls is goal 4: the calls that guard makes for one change, counted at the
// endpoint.
func calls(ctx context.Context, b *bench) (figures.Table, error) {
	ec2, ledger := figures.Sample{}, figures.Sample{}
	for _, c := range compliantChanges {
		n, err := b.count(ctx, c)
		if err != nil {
			return nil, err
		}
		fmt.Fprintf(os.Stderr, "  %-26s %+v\n", c.name, n)
		ec2.Values, ledger.Values = append(ec2.Values, float64(n.ec2())), append(ledger.Values, float64(n.dynamodb()+n.published+len(n.others)))
	}
	row := func(what string, s figures.Sample, bound float64) figures.Row {
		return figures.Row{Goal: "4", What: what, Ours: s, Bound: figures.EachAtMost(bound)}
	}
	table := figures.Table{
		row("compliant change: EC2", ec2, 0),
		row("compliant change: all others", ledger, 1),
	}
	samples := make([]figures.Sample, len(violationBounds))
	for _, c := range violations {
		n, err := b.count(ctx, c)
		if err != nil {
			return nil, err
		}
		fmt.Fprintf(os.Stderr, "  %-26s %+v\n", c.name, n)
		for i, k := range violationBounds {
			samples[i].Values = append(samples[i].Values, float64(k.of(n)))
		}
	}
	for i, k := range violationBounds {
		table = append(table, row("violation: "+k.what, samples[i], k.bound))
	}
	return table, nil
}

// violationBounds are what a violation may cost. Two kinds of facts can be
// needed where a policy speaks of the internet: in which networks the group
// works, and what blocks they have.
var violationBounds = []struct {
	what  string
	bound float64
	of    func(counts) int
}{
	{"EC2 reads before, of the group", 2, func(n counts) int { return n.readsBefore }},
	{"EC2 reads before, per kind of fact", 1, counts.mostOfAFact},
	{"mutations", 1, func(n counts) int { return n.mutations }},
	{"EC2 reads after: read-back and alert", 3, func(n counts) int { return n.readsAfter }},
	{"ledger queries", 1, func(n counts) int { return n.queries }},
	{"reads of the controls", 1, func(n counts) int { return n.controls }},
	{"transactions", 2, func(n counts) int { return n.transactions }},
	{"SNS messages", 1, func(n counts) int { return n.published }},
	{"others", 0, func(n counts) int { return n.notes + len(n.others) }},
}

// count makes a change in a group that the ledger knows, lets guard judge it,
// and counts.
func (b *bench) count(ctx context.Context, c change) (counts, error) {
	a, stop, err := newAccount(ctx)
	if err != nil {
		return counts{}, err
	}
	defer stop()
	const groupID = "sg-0be4c400000000001"
	if err := a.group(groupID, c.rules); err != nil {
		return counts{}, err
	}
	r := recording{env: a.environment()}
	if r.folder, err = b.functionFor(c.policies, r.env); err != nil {
		return counts{}, err
	}
	if c.observe {
		r.env["SGWARDEN_MODE"] = "observe"
	}
	guard, err := r.start(ctx, a.url)
	if err != nil {
		return counts{}, err
	}
	defer func() { _ = guard.Close() }()
	for i, opened := range [][]permission{{{"tcp", 80, "10.1.0.0/16"}}, c.opened} {
		a.calls.take()
		record, err := a.open(ctx, groupID, opened...)
		if err != nil {
			return counts{}, err
		}
		again, err := judge(ctx, guard, message(record))
		if err != nil {
			return counts{}, err
		}
		if stays := i == 0 || c.stays; len(again) > 0 || a.has(groupID, opened[0]) != stays {
			return counts{}, fmt.Errorf("count the calls of %s: guard did something else\n%s", c.name, guard.Logs())
		}
	}
	return countCalls(a.calls.take()), nil
}

// functionFor gives the folder of guard with certain policies, and adds to its
// environment what it needs.
func (b *bench) functionFor(policies string, env map[string]string) (string, error) {
	if policies == "" {
		return filepath.Join(b.dist, "guard"), nil
	}
	text, ok := remedies[policies]
	if !ok {
		return b.withPolicies(policies)
	}
	folder := filepath.Join(b.temp, "remedy-"+policies)
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return "", err
	}
	env["SGWARDEN_POLICIES"] = folder
	return filepath.Join(b.dist, "guard"), os.WriteFile(filepath.Join(folder, "policy.yaml"), []byte(text), 0o644)
}
