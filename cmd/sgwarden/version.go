package main

import (
	"fmt"
	"runtime"

	"github.com/spf13/cobra"
)

func newVersion() *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Print the version",
		Args:  noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if _, err := fmt.Fprintf(cmd.OutOrStdout(), "sgwarden %s %s/%s %s\n", version, runtime.GOOS, runtime.GOARCH, runtime.Version()); err != nil {
				return outside(err)
			}
			return nil
		},
	}
}
