package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"time"

	"github.com/sgwarden/sgwarden/bench/engines"
	"github.com/sgwarden/sgwarden/bench/figures"
	"github.com/sgwarden/sgwarden/internal/bundle"
	"github.com/sgwarden/sgwarden/internal/policy"
)

const loads = 25

// load is goal 7: 200 policies from their files, and from the compiled bundle
// of the same, each ready to judge. Each begins, as a function does, with
// nothing for the collector to do: the other's garbage is not its own.
func load(_ context.Context, b *bench) (figures.Table, error) {
	folder, compiled, err := b.policyFolder(200)
	if err != nil {
		return nil, err
	}
	var files, whole figures.Sample
	for range loads {
		for path, sample := range map[string]*figures.Sample{folder: &files, compiled: &whole} {
			runtime.GC()
			began := time.Now()
			set, _, err := bundle.Load(path, bundle.Options{Mode: policy.Enforce})
			took := time.Since(began)
			if err != nil {
				return nil, err
			}
			if len(set.Policies) != 200 {
				return nil, fmt.Errorf("load %s: %d policies", path, len(set.Policies))
			}
			sample.Unit, sample.Values = figures.Seconds, append(sample.Values, took.Seconds())
		}
	}
	return figures.Table{
		{Goal: "7", What: "load and compile 200 policies from YAML", Ours: files, Bound: figures.AtMost(25e-3)},
		{Goal: "7", What: "load the compiled bundle of the same", Ours: whole, Bound: figures.AtMost(1e-3)},
	}, nil
}

// policyFolder writes n policies into a folder, and their compiled bundle into
// a file beside it.
func (b *bench) policyFolder(n int) (folder, compiled string, err error) {
	folder = filepath.Join(b.temp, fmt.Sprintf("policies-%d", n))
	compiled = folder + ".bundle"
	if _, err := os.Stat(compiled); err == nil {
		return folder, compiled, nil
	}
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return "", "", err
	}
	for name, text := range engines.YAML(n) {
		if err := os.WriteFile(filepath.Join(folder, name), []byte(text), 0o644); err != nil {
			return "", "", err
		}
	}
	_, loaded, err := bundle.Load(folder, bundle.Options{})
	if err != nil {
		return "", "", err
	}
	return folder, compiled, loaded.WriteFile(compiled)
}
