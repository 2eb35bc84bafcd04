// Command fuzzing runs the fuzz targets of targets.txt, each for a time, and
// says how many executions each had. It fails where a target finds something
// or did no more than its seeds, and where the targets of the repository are
// not those of the list.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"regexp"
	"time"
)

func main() {
	each := flag.Duration("time", 20*time.Second, "how long to run each target")
	match := flag.String("target", ".", "run only targets whose package and name match this pattern")
	workers := flag.Int("workers", 0, "processes per target; 0 = one per processor")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, *each, *match, *workers); err != nil {
		fmt.Fprintf(os.Stderr, "fuzzing: %v\n", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, each time.Duration, match string, workers int) error {
	pattern, err := regexp.Compile(match)
	if err != nil {
		return err
	}
	listed, err := readTargets("internal/fuzzing/targets.txt")
	if err != nil {
		return err
	}
	found, err := findTargets(".")
	if err != nil {
		return err
	}
	if err := sameTargets(listed, found); err != nil {
		return err
	}
	ran, failed := 0, 0
	for _, t := range listed {
		if !pattern.MatchString(t.pkg + " " + t.name) {
			continue
		}
		ran++
		n, err := t.fuzz(ctx, each, workers)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil {
			failed++
			fmt.Printf("%v\n", err)
		}
		fmt.Printf("%-24s %-22s %10d executions  %s\n", t.pkg, t.name, n, t.reads)
	}
	fmt.Printf("%d fuzz targets, %d failed\n", ran, failed)
	if ran == 0 {
		return fmt.Errorf("no target matches %q", match)
	}
	if failed > 0 {
		return fmt.Errorf("%d targets failed", failed)
	}
	return nil
}
