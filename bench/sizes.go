package main

import (
	"context"
	"encoding/json"
	"fmt"
	"path/filepath"

	"github.com/sgwarden/sgwarden/bench/figures"
)

// sizes is goal 6: the same violation under 1 and 200 policies, and in a group
// of 10 and of 1,000 rules. The last row has no bound: it is what the SDK takes
// to read the rules of that group once, of which guard needs one read at least.
func sizes(ctx context.Context, b *bench) (figures.Table, error) {
	var stages []*stage
	defer func() {
		for _, s := range stages {
			s.close()
		}
	}()
	for _, size := range []struct {
		policies string
		rules    int
		opened   permission
	}{{"1", 10, service}, {"200", 10, service}, {"20", 10, service}, {"20", 990, service}, {everyPack, 10, ssh}} {
		folder, err := b.withPolicies(size.policies)
		if err != nil {
			return nil, err
		}
		r, err := record(ctx, folder, size.rules, size.opened)
		if err != nil {
			return nil, fmt.Errorf("%s policies, %d rules: %w", size.policies, size.rules, err)
		}
		s, err := r.stage(ctx)
		if err != nil {
			return nil, fmt.Errorf("%s policies, %d rules: %w", size.policies, size.rules, err)
		}
		stages = append(stages, s)
	}
	read := oneRead(stages[3].calls)
	bare, err := recording{folder: filepath.Join(b.dist, "bare"), calls: read}.alone(ctx)
	if err != nil {
		return nil, err
	}
	defer bare.close()
	payload, err := json.Marshal(map[string]any{"Waves": waves(read)})
	if err != nil {
		return nil, err
	}
	alone := figures.Sample{Unit: figures.Seconds}
	samples := make([]figures.Sample, len(stages))
	for range warmRounds {
		for i, s := range stages {
			took, err := s.round(ctx)
			if err != nil {
				return nil, err
			}
			samples[i].Unit, samples[i].Values = figures.Seconds, append(samples[i].Values, took.Seconds())
		}
		took, err := makeCalls(ctx, bare.guard, bare.aws, payload)
		if err != nil {
			return nil, err
		}
		alone.Values = append(alone.Values, took.Seconds())
	}
	return figures.Table{
		{Goal: "6", What: "violation under 200 policies", Ours: samples[1], Other: samples[0], Than: "1 policy", Bound: figures.AtMostTimes(1.1)},
		{Goal: "6", What: "violation under every pack", Ours: samples[4], Other: samples[0], Than: "1 policy", Bound: figures.AtMostTimes(1.1)},
		{Goal: "6", What: "violation in a group of 1,000 rules", Ours: samples[3], Other: samples[2], Than: "10 rules", Bound: figures.AtMostTimes(1.5), Why: "two answers of EC2 hold these rules, and the next row is one of them, read by the SDK (docs/design/0016)"},
		{Goal: "6", What: "one read of 1,000 rules by the SDK, and nothing else", Ours: alone, Other: samples[2], Than: "10 rules"},
	}, nil
}

// oneRead is the first read of the rules of a group among calls.
func oneRead(calls []exchange) []exchange {
	for i := range calls {
		if calls[i].Operation == "DescribeSecurityGroupRules" {
			return calls[i : i+1]
		}
	}
	return nil
}
