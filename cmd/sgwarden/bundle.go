package main

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/sgwarden/sgwarden/internal/bundle"
)

func newBundle() *cobra.Command {
	var folder, output string
	cmd := &cobra.Command{
		Use:   "bundle --output DIR",
		Short: "Compile the policies into the file that a function reads",
		Long: `bundle compiles a folder of policies with its settings, or the built-in pack
baseline, into one file, and prints the digest that SGWARDEN_POLICIES_DIGEST
holds the function to. Equal policies have equal digests, whatever their files
are called.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			_, b, err := bundle.Load(folder, bundle.Options{})
			if err != nil {
				return policyFault(err)
			}
			if err := os.MkdirAll(output, 0o755); err != nil {
				return outside(err)
			}
			if err := b.WriteFile(filepath.Join(output, bundle.FileName)); err != nil {
				return outside(err)
			}
			_, err = fmt.Fprintln(cmd.OutOrStdout(), b.Digest)
			return err
		},
	}
	cmd.Flags().StringVar(&folder, "policies", "", "folder of policies (default: the built-in pack baseline)")
	cmd.Flags().StringVar(&output, "output", "", "folder to write "+bundle.FileName+" into")
	if err := cmd.MarkFlagRequired("output"); err != nil {
		panic(err) // the flag stands above
	}
	return cmd
}
