// Command run plays a soak and prints what happened; see package soak.
package main

import (
	"flag"
	"fmt"
	"os"
	"time"

	"github.com/sgwarden/sgwarden/internal/soak"
)

func main() {
	states := flag.Int("states", 50_000, "how many states to reach")
	seed := flag.Uint64("seed", 1, "what all randomness follows from")
	workers := flag.Int("workers", 0, "episodes at a time; 0 = one per core")
	flag.Parse()
	config := soak.Config{Seed: *seed, States: *states, Workers: *workers}
	if info, err := os.Stderr.Stat(); err == nil && info.Mode()&os.ModeCharDevice != 0 {
		config.Progress = func(n int) { fmt.Fprintf(os.Stderr, "\r%d states", n) }
	}
	began := time.Now()
	report, err := soak.Run(config)
	if err != nil {
		fmt.Fprintln(os.Stderr, "soak:", err)
		os.Exit(2)
	}
	good := report.Write(os.Stdout)
	fmt.Printf("time %s\n", time.Since(began).Round(time.Millisecond))
	if !good {
		os.Exit(1)
	}
}
