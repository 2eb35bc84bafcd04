package overlay

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// Tests are the tests of one package, built with all defences and without.
type Tests struct{ path, dir string }

// Build compiles the tests of a package of the repository at root (pkg is its
// folder from there) with the copies that list names, into dir. The error holds
// what go said.
func Build(ctx context.Context, root, list, pkg, dir string) (Tests, error) {
	t := Tests{filepath.Join(dir, strings.ReplaceAll(pkg, "/", "__")+".test"), filepath.Join(root, filepath.FromSlash(pkg))}
	cmd := exec.CommandContext(ctx, "go", "test", "-c", "-vet=off", "-ldflags=-s -w", "-overlay", list, "-o", t.path, "./"+pkg)
	cmd.Dir = root
	if out, err := cmd.CombinedOutput(); err != nil {
		return Tests{}, fmt.Errorf("build the tests of %s with and without their defences: %w\n%s", pkg, err, out)
	}
	return t, nil
}

// Run runs the tests that a pattern names (go test -run) with a defence off,
// and gives what they printed; "" = with all of them. longest is how long they
// may take. A test that fails is an *exec.ExitError.
func (t Tests) Run(off, pattern string, longest time.Duration) (out string, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), 2*longest)
	defer cancel()
	cmd := exec.CommandContext(ctx, t.path, "-test.v", "-test.count=1", "-test.timeout="+longest.String(), "-test.run="+pattern)
	cmd.Dir = t.dir
	cmd.Env = append(os.Environ(), Switch+"="+off)
	var text bytes.Buffer
	cmd.Stdout, cmd.Stderr = &text, &text
	err = cmd.Run()
	return text.String(), err
}
