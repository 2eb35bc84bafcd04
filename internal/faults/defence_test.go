package faults

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
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
		out, err := b.run("", b.pattern())
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
		out, err := binaries[d.shown.pkg].run(id, pattern(d.shown.name))
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
	path, dir string
	shows     []string // the tests that defences are shown by
}

// build compiles the tests of all packages that show a defence.
func build(t *testing.T, all []defence) map[string]*binary {
	t.Helper()
	top, err := filepath.Abs(root)
	require.NoError(t, err)
	dir := t.TempDir()
	list, err := newOverlay(top, dir, all)
	require.NoError(t, err)
	binaries := map[string]*binary{}
	for _, d := range all {
		binaries[d.shown.pkg] = &binary{path: filepath.Join(dir, strings.ReplaceAll(d.shown.pkg, "/", "__")+".test"), dir: filepath.Join(top, filepath.FromSlash(d.shown.pkg))}
	}
	inParallel(t, binaries, func(pkg string, b *binary) {
		cmd := exec.CommandContext(t.Context(), "go", "test", "-c", "-vet=off", "-ldflags=-s -w", "-overlay", list, "-o", b.path, "./"+pkg)
		cmd.Dir = top
		out, err := cmd.CombinedOutput()
		assert.NoError(t, err, "build the tests of %s with and without their defences:\n%s", pkg, out)
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

// run runs tests of a package with a defence off; "" = with all of them.
func (b *binary) run(off, tests string) (out string, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), 2*longest)
	defer cancel()
	cmd := exec.CommandContext(ctx, b.path, "-test.v", "-test.count=1", "-test.timeout="+longest.String(), "-test.run="+tests)
	cmd.Dir = b.dir
	cmd.Env = append(os.Environ(), switchVariable+"="+off)
	var text bytes.Buffer
	cmd.Stdout, cmd.Stderr = &text, &text
	err = cmd.Run()
	return text.String(), err
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
