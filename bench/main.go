// Command bench measures what the project promises about time, size and calls,
// and prints it as a table: ours, another's, the ratio, and the bound. It
// asserts nothing: a machine that is busy gives other figures, not a failure.
//
// It needs the functions built: `make bench` does both.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/sgwarden/sgwarden/bench/figures"
)

func main() {
	dist := flag.String("dist", "", "folder of the built functions: guard, hello, bare")
	goals := flag.String("goals", "", "numbers of the goals to measure, by commas; empty = all")
	page := flag.Bool("markdown", false, "print the table as markdown")
	flag.Parse()
	if err := run(context.Background(), *dist, *goals, *page); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// measurement is one part of the run, and the goals that it gives rows of.
type measurement struct {
	goals []string
	run   func(context.Context, *bench) (figures.Table, error)
}

var measurements = []measurement{
	{[]string{"1", "10"}, startAndSize},
	{[]string{"2", "10"}, cold},
	{[]string{"3"}, warm},
	{[]string{"4"}, calls},
	{[]string{"5"}, decision},
	{[]string{"6"}, sizes},
	{[]string{"7"}, load},
	{[]string{"8", "9"}, notYet},
	{[]string{"11"}, storm},
	{[]string{"12"}, sweep},
}

// bench is what the measurements share.
type bench struct {
	dist string // of the built functions
	temp string // for files that a measurement makes
}

// notYet are goals of commands that do not exist yet.
func notYet(context.Context, *bench) (figures.Table, error) {
	return figures.Table{
		{Goal: "8", What: "scan of 10,000 groups", Missing: "needs sgwarden scan", Bound: figures.FasterTimes(300)},
		{Goal: "9", What: "replay of CloudTrail", Missing: "needs sgwarden replay", Bound: figures.FasterTimes(8)},
	}, nil
}

func run(ctx context.Context, dist, goals string, page bool) error {
	if dist == "" {
		return fmt.Errorf("no built functions: give -dist, or use make bench")
	}
	temp, err := os.MkdirTemp(dist, "bench-") // where the functions are, so that they can be linked
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(temp) }() // what is left there hurts nobody
	var wanted []string
	if goals != "" {
		wanted = strings.Split(goals, ",")
	}
	var table figures.Table
	for _, m := range measurements {
		if len(wanted) > 0 && !slices.ContainsFunc(m.goals, func(g string) bool { return slices.Contains(wanted, g) }) {
			continue
		}
		began := time.Now()
		rows, err := m.run(ctx, &bench{dist: dist, temp: temp})
		if err != nil {
			return fmt.Errorf("measure goal %s: %w", strings.Join(m.goals, " and "), err)
		}
		table = append(table, rows...)
		fmt.Fprintf(os.Stderr, "goal %s measured in %s\n", strings.Join(m.goals, ", "), time.Since(began).Round(100*time.Millisecond))
	}
	table.SortByGoal()
	if page {
		return table.WriteMarkdown(os.Stdout)
	}
	return table.WriteText(os.Stdout)
}
