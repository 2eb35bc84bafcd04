package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"
)

// run is the whole program but for the process: it returns the exit status.
// Interrupts end it.
func run(args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	return runContext(ctx, args, stdin, stdout, stderr)
}

func runContext(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	root := newRoot()
	root.SetArgs(args)
	root.SetIn(stdin)
	root.SetOut(stdout)
	root.SetErr(stderr)
	err := root.ExecuteContext(ctx)
	var s status
	switch {
	case err == nil:
		return exitFine
	case errors.As(err, &s):
		if s.err != nil {
			say(stderr, "sgwarden: %v\n", s.err)
		}
		return s.code
	}
	say(stderr, "sgwarden: %v\n", err)
	return exitUsage
}

// say writes to standard error. Where that fails, nobody is left to tell.
func say(stderr io.Writer, format string, args ...any) {
	_, _ = fmt.Fprintf(stderr, format, args...)
}

func newRoot() *cobra.Command {
	root := &cobra.Command{
		Use:   "sgwarden",
		Short: "Take back what a security group may not open, and nothing else",
		Long: `sgwarden watches every call that can widen an AWS security group and takes
back exactly what your policies refuse.

Begin with "sgwarden demo": it needs no account and no key.`,
		SilenceUsage:      true,
		SilenceErrors:     true,
		CompletionOptions: cobra.CompletionOptions{HiddenDefaultCmd: true},
	}
	root.AddCommand(
		newInit(), newDemo(), newExplain(), newPolicies(), newPolicy(), newTest(), newLint(), newBundle(), newVersion(),
		newDoctor(), newAlert(), newIncidents(), newUndo(), newExempt(), newAdopt(), newPause(), newResume(), newRedrive(),
	)
	return root
}
