package main

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/sgwarden/sgwarden/internal/bundle"
)

func newLint() *cobra.Command {
	return &cobra.Command{
		Use:   "lint DIR",
		Short: "Find faults in a folder of policies",
		Long: `lint reads every *.yaml and *.yml file below DIR and reports all faults at
once, each with its place and what to write instead. It exits with 2 where
something is wrong; warnings alone exit with 0.`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			found, err := bundle.Lint(args[0], today())
			if err != nil {
				return err
			}
			faults, warnings := 0, 0
			for _, d := range found {
				if d.Warning {
					warnings++
				} else {
					faults++
				}
				if _, err := fmt.Fprintln(cmd.OutOrStdout(), d.String()); err != nil {
					return outside(err)
				}
			}
			if faults > 0 {
				return errors.New(count(faults, "fault"))
			}
			if _, err := fmt.Fprintf(cmd.OutOrStdout(), "no fault, %s\n", count(warnings, "warning")); err != nil {
				return outside(err)
			}
			return nil
		},
	}
}
