package main

import (
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"
)

// noArguments refuses arguments. A folder is the one that people try.
func noArguments(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	text := cmd.Name() + " takes no argument, but got " + quoted(args)
	if cmd.Flags().Lookup("policies") != nil {
		text += ": a folder of policies is named with --policies"
	}
	return errors.New(text)
}

// oneOrNone refuses more than one argument.
func oneOrNone(cmd *cobra.Command, args []string) error {
	if len(args) <= 1 {
		return nil
	}
	return fmt.Errorf("%s takes at most one argument, but got %s: %s", cmd.Name(), quoted(args), cmd.UseLine())
}

// arguments wants one argument for each name.
func arguments(names ...string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) == len(names) {
			return nil
		}
		all := strings.Join(names, " ")
		return fmt.Errorf("%s takes %s, but got %s: %s %s", cmd.Name(), all, quoted(args), cmd.CommandPath(), all)
	}
}

func quoted(args []string) string {
	if len(args) == 0 {
		return "nothing"
	}
	var out []string
	for _, a := range args {
		out = append(out, fmt.Sprintf("%q", a))
	}
	return strings.Join(out, " ")
}

// holding makes a command of others: alone it shows its help, and what it does
// not hold is a fault of usage.
func holding(cmd *cobra.Command, commands ...*cobra.Command) *cobra.Command {
	var names []string
	for _, c := range commands {
		names = append(names, c.Name())
	}
	cmd.AddCommand(commands...)
	cmd.Args = func(cmd *cobra.Command, args []string) error {
		if len(args) == 0 {
			return nil
		}
		verb := "are"
		if len(names) == 1 {
			verb = "is"
		}
		return fmt.Errorf("unknown command %q for %q: there %s %s", args[0], cmd.CommandPath(), verb, strings.Join(names, ", "))
	}
	cmd.RunE = func(cmd *cobra.Command, _ []string) error { return cmd.Help() }
	return cmd
}
