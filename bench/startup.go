package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/sgwarden/sgwarden/bench/figures"
	"github.com/sgwarden/sgwarden/internal/runtimeapi"
)

const starts = 25 // of each function

// startAndSize is goals 1 and 10: what guard costs before it does anything,
// against an empty function that was built with the same flags.
func startAndSize(ctx context.Context, b *bench) (figures.Table, error) {
	many, err := b.withPolicies("200")
	if err != nil {
		return nil, err
	}
	packs, err := b.withPolicies(everyPack)
	if err != nil {
		return nil, err
	}
	functions := []string{filepath.Join(b.dist, "hello"), filepath.Join(b.dist, "guard"), many, packs}
	ready := make([]figures.Sample, len(functions))
	memory := make([]figures.Sample, len(functions))
	for range starts {
		for i, folder := range functions { // in turn: what disturbs one disturbs all
			took, peak, err := start(ctx, folder)
			if err != nil {
				return nil, err
			}
			ready[i].Values, memory[i].Values = append(ready[i].Values, took.Seconds()), append(memory[i].Values, float64(peak))
			ready[i].Unit, memory[i].Unit = figures.Seconds, figures.Bytes
		}
	}
	var packed []figures.Sample
	for _, folder := range append(functions, filepath.Join(b.dist, "bare")) {
		size, err := zipSize(folder)
		if err != nil {
			return nil, err
		}
		packed = append(packed, figures.Of(figures.Bytes, float64(size)))
	}
	const why = "what guard does beside the SDK's clients (the row without a bound) is twice what the bound leaves (docs/design/0013)"
	hello := func(goal, what string, ours, other figures.Sample, times float64) figures.Row {
		return figures.Row{Goal: goal, What: what, Ours: ours, Other: other, Than: "hello", Bound: figures.AtMostTimes(times)}
	}
	zipped := hello("10", "zip", packed[1], packed[0], 1.6)
	withPacks := hello("10", "zip, every pack", packed[3], packed[0], 1.6)
	zipped.Why, withPacks.Why = why, why
	return figures.Table{
		hello("1", "exec to first poll", ready[1], ready[0], 1.6),
		hello("1", "the same with 200 compiled policies", ready[2], ready[0], 1.6),
		hello("1", "the same with every pack", ready[3], ready[0], 1.6),
		zipped,
		withPacks,
		{Goal: "10", What: "zip, the SDK's clients alone", Ours: packed[4], Other: packed[0], Than: "hello"},
		hello("10", "peak memory, idle", memory[1], memory[0], 2),
		hello("10", "peak memory, idle, 200 policies", memory[2], memory[0], 2),
		hello("10", "peak memory, idle, every pack", memory[3], memory[0], 2),
	}, nil
}

// start runs the bootstrap of a folder until it has polled and come to rest.
func start(ctx context.Context, folder string) (took time.Duration, peak int64, err error) {
	p, err := runtimeapi.Start(filepath.Join(folder, "bootstrap"), runtimeapi.Function{Name: "guard", Env: environment("http://127.0.0.1:9")})
	if err != nil {
		return 0, 0, err
	}
	defer func() { _ = p.Close() }()
	if err := p.WaitReady(ctx); err != nil {
		return 0, 0, err
	}
	time.Sleep(30 * time.Millisecond) // guard reads its policies beside the first poll
	peak, err = peakMemory(p)
	return p.Startup(), peak, err
}

// environment is guard's, with an endpoint for all services.
func environment(endpoint string) map[string]string {
	return map[string]string{
		"AWS_ENDPOINT_URL":   endpoint,
		"SGWARDEN_MODE":      "enforce",
		"SGWARDEN_TABLE":     tableName,
		"SGWARDEN_TOPIC_ARN": "arn:aws:sns:us-east-1:123456789012:alerts",
		"SGWARDEN_QUEUE_URL": endpoint + "/123456789012/changes",
	}
}

const tableName = "sgwarden"

// peakMemory is the most that a running process ever had resident. rusage does
// not tell it: what a child counts there begins with the size of its parent.
func peakMemory(p *runtimeapi.Process) (int64, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.PID()))
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(text)) {
		if value, ok := strings.CutPrefix(line, "VmHWM:"); ok {
			kib, err := strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(value), " kB"), 10, 64)
			return kib * 1024, err
		}
	}
	return 0, fmt.Errorf("read the memory of process %d: there is no VmHWM", p.PID())
}
