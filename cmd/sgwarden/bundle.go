package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"github.com/spf13/cobra"

	"github.com/sgwarden/sgwarden/internal/bundle"
	"github.com/sgwarden/sgwarden/internal/policy"
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
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := refuseFaults(folder); err != nil {
				return err
			}
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
			if _, err := fmt.Fprintln(cmd.OutOrStdout(), b.Digest); err != nil {
				return outside(err)
			}
			return nil
		},
	}
	cmd.Flags().StringVar(&folder, "policies", "", "folder of policies (default: the built-in pack baseline)")
	cmd.Flags().StringVar(&output, "output", "", "folder to write "+bundle.FileName+" into")
	if err := cmd.MarkFlagRequired("output"); err != nil {
		panic(err) // the flag stands above
	}
	return cmd
}

// refuseFaults refuses to build from a folder in which lint finds more than
// warnings.
func refuseFaults(folder string) error {
	if info, err := os.Stat(folder); err != nil || !info.IsDir() {
		return nil // Load says what is wrong with it, or it is compiled already
	}
	found, err := bundle.Lint(folder, today())
	if err != nil {
		return err
	}
	faults := slices.DeleteFunc(found, func(d policy.Diagnostic) bool { return d.Warning })
	if len(faults) > 0 {
		return policyFault(policy.Faults(faults))
	}
	return nil
}
