package main

import (
	"context"
	"fmt"
	"runtime"
	"time"

	"github.com/sgwarden/sgwarden/bench/figures"
	"github.com/sgwarden/sgwarden/internal/bundle"
	"github.com/sgwarden/sgwarden/internal/policy"
)

const loads = 25

// load is goal 7: 200 policies, and all packs, from their files, and from the
// compiled bundle of the same, each ready to judge. Each begins, as a function
// does, with nothing for the collector to do: the other's garbage is not its own.
func load(_ context.Context, b *bench) (figures.Table, error) {
	var table figures.Table
	for _, set := range []struct{ name, what string }{{"200", "200 policies"}, {everyPack, "every pack"}} {
		folder, compiled, err := b.policyFolder(set.name)
		if err != nil {
			return nil, err
		}
		samples := map[string]*figures.Sample{folder: {Unit: figures.Seconds}, compiled: {Unit: figures.Seconds}}
		loaded := 0
		for range loads {
			for _, path := range []string{folder, compiled} {
				runtime.GC()
				began := time.Now()
				set, _, err := bundle.Load(path, bundle.Options{Mode: policy.Enforce})
				took := time.Since(began)
				if err != nil {
					return nil, err
				}
				if loaded == 0 {
					loaded = len(set.Policies)
				}
				if len(set.Policies) != loaded {
					return nil, fmt.Errorf("load %s: %d policies, and %d before", path, len(set.Policies), loaded)
				}
				samples[path].Values = append(samples[path].Values, took.Seconds())
			}
		}
		if set.name != everyPack && fmt.Sprint(loaded) != set.name {
			return nil, fmt.Errorf("load %s: %d policies", folder, loaded)
		}
		table = append(table,
			figures.Row{Goal: "7", What: fmt.Sprintf("load and compile %s from YAML", set.what), Ours: *samples[folder], Bound: figures.AtMost(25e-3), Why: "a function as it is built reads the compiled bundle"},
			figures.Row{Goal: "7", What: "load the compiled bundle of the same", Ours: *samples[compiled], Bound: figures.AtMost(1e-3)})
	}
	return table, nil
}
