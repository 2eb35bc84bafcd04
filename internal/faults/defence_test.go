package faults

import (
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sgwarden/sgwarden/internal/overlay"
)

const (
	// atOnce bounds how many builds and tests run side by side.
	atOnce = 2
	// longest is how long one test may take; a test that hangs shows nothing.
	longest = time.Minute
)

// TestEveryDefenceIsNeeded takes away one defence after the other: the test
// that shows it passes with it, and fails without it.
func TestEveryDefenceIsNeeded(t *testing.T) {
	var all []defence
	for _, f := range allFaults(readTable(t)) {
		all = append(all, f.defences...)
	}
	require.NotEmpty(t, all)
	binaries := build(t, all)
	for _, d := range all {
		binaries[d.shown.pkg].shows = append(binaries[d.shown.pkg].shows, d.shown.name)
	}
	inParallel(t, binaries, func(pkg string, b *binary) {
		out, err := b.Run("", b.pattern(), longest)
		assert.NoError(t, err, "with all defences, in %s:\n%s", pkg, out)
		for _, name := range b.shows {
			assert.Contains(t, out, "--- PASS: "+asPrinted(name)+" (", "%s of %s did not run", name, pkg)
		}
	})
	if t.Failed() {
		return
	}
	off := map[string]*defence{}
	for i := range all {
		off[all[i].id] = &all[i]
	}
	inParallel(t, off, func(id string, d *defence) {
		out, err := binaries[d.shown.pkg].Run(id, pattern(d.shown.name), longest)
		var exit *exec.ExitError
		switch {
		case err == nil:
			assert.Fail(t, "a defence that nothing shows", "%s passes without %s (%s)", d.shown.name, id, d.says)
		case !errors.As(err, &exit), strings.Contains(out, "panic: test timed out"), !strings.Contains(out, "--- FAIL: "+asPrinted(d.shown.name)+" ("):
			assert.Fail(t, "no failure of the test", "%s without %s: %v\n%s", d.shown.name, id, err, out)
		}
	})
	fmt.Printf("SHOW faults: %d defences taken away, one by one, from %d packages' tests\n", len(all), len(binaries))
}

// binary is the built tests of one package, with all defences and without.
type binary struct {
	overlay.Tests
	shows []string // the tests that defences are shown by
}

// build compiles the tests of all packages that show a defence.
func build(t *testing.T, all []defence) map[string]*binary {
	t.Helper()
	top, err := filepath.Abs(root)
	require.NoError(t, err)
	dir := t.TempDir()
	var named []overlay.Defence
	binaries := map[string]*binary{}
	for _, d := range all {
		one := overlay.Defence{ID: d.id}
		for _, p := range d.places {
			one.Places = append(one.Places, overlay.Place{File: p.file, With: p.with, Without: p.without})
		}
		named = append(named, one)
		binaries[d.shown.pkg] = &binary{}
	}
	list, err := overlay.Write(top, dir, named)
	require.NoError(t, err)
	inParallel(t, binaries, func(pkg string, b *binary) {
		var err error
		b.Tests, err = overlay.Build(t.Context(), top, list, pkg, dir)
		assert.NoError(t, err)
	})
	if t.Failed() {
		t.FailNow()
	}
	return binaries
}

// pattern matches all tests that defences are shown by.
func (b *binary) pattern() string {
	var all []string
	for _, name := range b.shows {
		all = append(all, pattern(name))
	}
	slices.Sort(all)
	return strings.Join(slices.Compact(all), "|")
}

// pattern matches one test by its full name, level by level.
func pattern(name string) string {
	var levels []string
	for part := range strings.SplitSeq(asPrinted(name), "/") {
		levels = append(levels, "^"+regexp.QuoteMeta(part)+"$")
	}
	return strings.Join(levels, "/")
}

// asPrinted is a test's name as the testing package writes it.
func asPrinted(name string) string { return strings.ReplaceAll(name, " ", "_") }

// inParallel does something for each entry of a map, a few at once.
func inParallel[V any](t *testing.T, all map[string]V, do func(key string, v V)) {
	t.Helper()
	slots := make(chan struct{}, atOnce)
	var wait sync.WaitGroup
	for key, v := range all {
		wait.Go(func() {
			slots <- struct{}{}
			defer func() { <-slots }()
			do(key, v)
		})
	}
	wait.Wait()
}
