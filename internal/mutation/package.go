package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
)

// result is a mutant with what became of it.
type result struct {
	*mutant
	fate fate
}

// mutatePackage tries every mutant of a package, given by its folder.
func mutatePackage(ctx context.Context, pkg string, o options) ([]result, error) {
	folder, err := os.MkdirTemp("", "mutation")
	if err != nil {
		return nil, err
	}
	defer func() {
		if err := os.RemoveAll(folder); err != nil {
			fmt.Fprintf(os.Stderr, "mutation: %v\n", err)
		}
	}()

	p, exports, err := load(ctx, "./"+pkg)
	if err != nil {
		return nil, err
	}
	sources, mutants, err := mutate(pkg, p, exports, o.file)
	if err != nil {
		return nil, err
	}
	if len(mutants) == 0 {
		return nil, fmt.Errorf("nothing to mutate in %s", o.file)
	}
	binary, err := compile(ctx, p, sources, folder)
	if err != nil {
		return nil, err
	}
	s, err := newSuite(ctx, binary, p.Dir, o.skip)
	if err != nil {
		return nil, err
	}
	if o.file != "" { // short, and its mutants have other numbers
		return tryAll(ctx, s, mutants, o.workers, &progress{})
	}
	tree, err := treeDigest(".", o.skip)
	if err != nil {
		return nil, err
	}
	before, err := resume(filepath.Join(o.state, strings.ReplaceAll(pkg, "/", "-")), tree)
	if err != nil {
		return nil, err
	}
	if n := len(before.fates); n > 0 {
		fmt.Fprintf(os.Stderr, "%s: goes on after %d mutants that an interrupted run of this tree tried (%s)\n", pkg, n, before.path)
	}
	results, err := tryAll(ctx, s, mutants, o.workers, before)
	return results, errors.Join(err, before.close(err == nil))
}

// tryAll tries the mutants that were not tried before.
func tryAll(ctx context.Context, s *suite, mutants []*mutant, workers int, before *progress) ([]result, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	results := make([]result, len(mutants))
	queue := make(chan int)
	var wg sync.WaitGroup
	for range workers {
		wg.Go(func() {
			for i := range queue {
				f, err := s.try(ctx, mutants[i].id)
				if err == nil {
					err = before.note(mutants[i].id, f)
				}
				if err != nil {
					cancel(fmt.Errorf("%s: %w", mutants[i].name, err))
				}
				results[i] = result{mutants[i], f}
			}
		})
	}
	for i := range mutants {
		if ctx.Err() != nil {
			break
		}
		if i%200 == 0 {
			fmt.Fprintf(os.Stderr, "%s: %d of %d mutants tried\n", mutants[i].name.Package, i, len(mutants))
		}
		if f, tried := before.fates[mutants[i].id]; tried {
			results[i] = result{mutants[i], f}
			continue
		}
		queue <- i
	}
	close(queue)
	wg.Wait()
	return results, context.Cause(ctx)
}
