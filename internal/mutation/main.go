// Command mutation changes the pure packages one small step at a time
// (mutants), runs their own tests against each change, and fails where too few
// changes are noticed, or where the changes that nobody notices are not
// exactly those of survivors.txt, each with its reason.
//
// All mutants of a package are compiled into one test binary, which an
// environment variable tells which of them to be; so a mutant costs only the
// tests that reach it.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"runtime"
	"strings"
)

// mutated are the packages that `make mutate` holds.
var mutated = []string{"internal/plan", "events", "internal/secgroup", "internal/policy"}

// lowest is the share of mutants, in percent, that the tests must notice.
const lowest = 90

func main() {
	var o options
	packages := flag.String("package", "", "mutate only this package, e.g. internal/plan")
	flag.StringVar(&o.file, "file", "", "mutate only this file of the package, e.g. build.go")
	flag.StringVar(&o.skip, "skip", "^TestCorpus", "leave these tests out: they need files that not everybody has")
	flag.IntVar(&o.workers, "workers", runtime.NumCPU(), "mutants to try at a time")
	flag.StringVar(&o.state, "state", ".build/mutation", "folder of what an interrupted run found out, to go on with")
	list := flag.String("survivors", "internal/mutation/survivors.txt", "the survivors that are known, with their reasons")
	flag.Parse()

	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	names := mutated
	if *packages != "" {
		names = strings.Split(*packages, ",")
	}
	if err := run(ctx, names, *list, o); err != nil {
		fmt.Fprintf(os.Stderr, "mutation: %v\n", err)
		os.Exit(1)
	}
}

// options are what a run can be told.
type options struct {
	file    string // "" = every file
	skip    string // pattern of tests
	workers int
	state   string // folder
}

func run(ctx context.Context, names []string, list string, o options) error {
	known, err := readSurvivors(list)
	if err != nil {
		return err
	}
	var all tally
	unheld := 0
	for _, name := range names {
		results, err := mutatePackage(ctx, name, o)
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		t := count(results)
		all = all.plus(t)
		fmt.Printf("%-20s %s\n", name, t)
		d := compare(results, known.of(name, o.file))
		fmt.Print(d)
		unheld += d.size()
		if t.percent() < lowest {
			unheld++
			fmt.Printf("%s: fewer than %d %% of the mutants are killed\n", name, lowest)
		}
	}
	fmt.Printf("%-20s %s\n", "total", all)
	if unheld > 0 {
		return fmt.Errorf("%d differences from %s", unheld, list)
	}
	return nil
}
