package main

import (
	"github.com/spf13/cobra"

	"github.com/sgwarden/sgwarden/internal/bundle"
	"github.com/sgwarden/sgwarden/internal/policy"
	"github.com/sgwarden/sgwarden/internal/policydiff"
)

func newPolicy() *cobra.Command {
	return holding(&cobra.Command{Use: "policy", Short: "Compare policies"}, newPolicyDiff())
}

func newPolicyDiff() *cobra.Command {
	var format string
	cmd := &cobra.Command{
		Use:   "diff OLD NEW",
		Short: "Say in what two sets of policies differ in meaning",
		Long: `diff compares two folders of policies, or compiled bundles, by what they mean:
which flows are newly allowed or newly forbidden, in which groups, by whom and
until when, each with a case that shows it. How files are called and written
makes no difference. "" stands for the built-in pack baseline.

It exits with 1 where NEW allows something that OLD does not, lets it stand
longer or says less of it, so that a review in CI can ask for a second look:

  git worktree add /tmp/main main
  sgwarden policy diff /tmp/main/policies policies`,
		Args: arguments("OLD", "NEW"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := checkFormat(format); err != nil {
				return err
			}
			var sides [2]policydiff.Deployed
			var digests [2]string
			for i, path := range args {
				set, b, err := bundle.Load(path, bundle.Options{Default: policy.Enforce})
				if err != nil {
					return policyFault(err)
				}
				sides[i], digests[i] = policydiff.Deployed{Set: set, Deployment: b.Deployment}, b.Digest
			}
			d, err := policydiff.Compare(sides[0], sides[1], today())
			if err != nil {
				return err
			}
			t := diffTeller{old: args[0], new: args[1], digests: digests, diff: d}
			for i, side := range sides {
				t.internal[i] = side.Deployment.Internal
			}
			if err := t.write(cmd.OutOrStdout(), format); err != nil {
				return outside(err)
			}
			if d.Loosens() {
				return status{exitViolation, nil}
			}
			return nil
		},
	}
	cmd.Flags().StringVarP(&format, "output", "o", "table", "table or json")
	return cmd
}
