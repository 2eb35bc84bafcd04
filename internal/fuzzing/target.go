package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// target is one fuzz target.
type target struct {
	pkg   string // folder of the package, e.g. internal/secgroup
	name  string // FuzzParseRule
	reads string // what it feeds
}

func (t target) id() string { return t.pkg + " " + t.name }

// readTargets reads lines of package, name and what is fed; # begins a comment.
func readTargets(path string) ([]target, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var all []target
	for line := range strings.Lines(string(text)) {
		if line = strings.TrimSpace(line); line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		parts := strings.Fields(line)
		if len(parts) < 3 {
			return nil, fmt.Errorf("%s: %q is not package, target and what it feeds", path, line)
		}
		all = append(all, target{parts[0], parts[1], strings.Join(parts[2:], " ")})
	}
	return all, nil
}

// findTargets gives the targets in the test files below a folder.
func findTargets(root string) ([]target, error) {
	var all []target
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && path != root && (strings.HasPrefix(d.Name(), ".") || slices.Contains([]string{"node_modules", "testdata", "cdk.out"}, d.Name())) {
			return filepath.SkipDir
		}
		if !strings.HasSuffix(path, "_test.go") {
			return nil
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		folder, err := filepath.Rel(root, filepath.Dir(path))
		if err != nil {
			return err
		}
		for _, decl := range file.Decls {
			if f, ok := decl.(*ast.FuncDecl); ok && f.Recv == nil && strings.HasPrefix(f.Name.Name, "Fuzz") {
				all = append(all, target{pkg: filepath.ToSlash(folder), name: f.Name.Name})
			}
		}
		return nil
	})
	return all, err
}

// sameTargets fails where a target was added without saying what it feeds, or
// one that was counted on is gone.
func sameTargets(listed, found []target) error {
	ids := func(all []target) []string {
		var out []string
		for _, t := range all {
			out = append(out, t.id())
		}
		return out
	}
	want, have := ids(listed), ids(found)
	var faults []error
	for _, id := range have {
		if !slices.Contains(want, id) {
			faults = append(faults, fmt.Errorf("%s is not on the list of targets", id))
		}
	}
	for _, id := range want {
		if !slices.Contains(have, id) {
			faults = append(faults, fmt.Errorf("%s is on the list of targets and does not exist", id))
		}
	}
	if len(want) == 0 {
		faults = append(faults, errors.New("the list of targets is empty"))
	}
	return errors.Join(faults...)
}

// fuzz runs the target and gives how many new inputs it tried, its seeds and
// the cached ones not counted.
func (t target) fuzz(ctx context.Context, each time.Duration, workers int) (int, error) {
	args := []string{"test", "-run", "^$", "-fuzz", "^" + t.name + "$", "-fuzztime", each.String()}
	if workers > 0 {
		args = append(args, "-parallel", strconv.Itoa(workers))
	}
	cmd := exec.CommandContext(ctx, "go", append(args, "./"+t.pkg)...)
	// The commands are those of the tools; a build for elsewhere cannot run.
	cmd.Env = append(os.Environ(), "GOOS=", "GOARCH=")
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	err := cmd.Run()
	n := executions(out.String())
	if err != nil {
		return n, fmt.Errorf("%s: %w\n%s", t.id(), err, out.String())
	}
	if n <= 0 {
		return n, fmt.Errorf("%s tried nothing beyond its seeds\n%s", t.id(), out.String())
	}
	return n, nil
}

var (
	execs    = regexp.MustCompile(`execs: (\d+) `)
	baseline = regexp.MustCompile(`gathering baseline coverage: \d+/(\d+) completed`)
)

// executions reads the progress lines of `go test -fuzz`: how many inputs were
// tried, less those of the seeds and the cache.
func executions(output string) int {
	return last(execs, output) - last(baseline, output)
}

func last(pattern *regexp.Regexp, text string) int {
	all := pattern.FindAllStringSubmatch(text, -1)
	if len(all) == 0 {
		return 0
	}
	n, err := strconv.Atoi(all[len(all)-1][1])
	if err != nil {
		return 0
	}
	return n
}
