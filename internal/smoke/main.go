// Command smoke starts functions that were built for arm64, on whatever machine
// it runs: it looks at the binaries, and lets each do its work once under an
// emulator of the processor, against an AWS in this process.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"time"
)

func main() {
	dist := flag.String("dist", "", "folder of `make build GOARCH=arm64`")
	flag.Parse()
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	defer cancel()
	if err := run(ctx, *dist); err != nil {
		fmt.Fprintln(os.Stderr, "smoke-arm64:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, dist string) error {
	under, err := processor()
	if err != nil {
		return err
	}
	for _, name := range []string{"guard", "sweep", "canary"} {
		if err := checkBinary(filepath.Join(dist, name, "bootstrap")); err != nil {
			return err
		}
		fmt.Printf("%-7s static ELF for aarch64\n", name)
	}
	s, err := newStage(dist, under)
	if err != nil {
		return err
	}
	defer s.close()
	for _, step := range []struct {
		name string
		do   func(context.Context) error
	}{{"guard", s.guard}, {"sweep", s.sweep}, {"canary", s.canary}} {
		if err := step.do(ctx); err != nil {
			return fmt.Errorf("run %s: %w", step.name, err)
		}
	}
	return nil
}
