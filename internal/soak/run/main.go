// Command run plays a soak and prints what happened; see package soak.
package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/sgwarden/sgwarden/internal/soak"
)

func main() {
	states := flag.Int("states", 50_000, "how many states to reach")
	seed := flag.Uint64("seed", 1, "what all randomness follows from")
	workers := flag.Int("workers", 0, "episodes at a time; 0 = one per core")
	episode := flag.String("episode", "", "play one episode alone: its seed and steps, as a failure names them, for instance \"17 3 9 10\"")
	flag.Parse()
	if *episode != "" {
		os.Exit(replay(*episode))
	}
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
	fmt.Print(report.Text())
	fmt.Printf("time %s\n", time.Since(began).Round(time.Millisecond))
	if !report.Good() {
		os.Exit(1)
	}
}

// replay plays one episode and tells how it fails.
func replay(text string) (status int) {
	words := strings.Fields(text)
	seed, err := strconv.ParseUint(words[0], 10, 64)
	var steps []int
	for _, w := range words[1:] {
		step, bad := strconv.Atoi(w)
		steps, err = append(steps, step), errors.Join(err, bad)
	}
	if err == nil {
		var failure *soak.Failure
		if failure, err = soak.Replay(seed, steps); failure != nil {
			fmt.Println("FAILED", failure)
			return 1
		}
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "soak:", err)
		return 2
	}
	fmt.Println("nothing fails")
	return 0
}
