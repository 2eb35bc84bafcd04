package main

import (
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"
)

func newPause() *cobra.Command {
	var in account
	var group, reason string
	cmd := &cobra.Command{
		Use:   "pause",
		Short: "Stop all remedies, or those of one group, until resume",
		Long: `pause lets the guard go on judging, alerting and remembering, and change
nothing, from the next change on. What is due meanwhile stays due, and is taken
back after "sgwarden resume" when its group is judged again.

It writes to the ledger (control#all, control#GROUP), which takes a role that
may: the guard's own may not.`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if strings.TrimSpace(reason) == "" {
				return errors.New("pause: --reason is missing: it stands in every alert until resume")
			}
			if err := optionalGroup(group); err != nil {
				return err
			}
			l, err := in.ledger(cmd.Context())
			if err != nil {
				return err
			}
			if err := l.Operator().Pause(cmd.Context(), group, reason); err != nil {
				return outside(fmt.Errorf("pause %s: %w", scopeOf(group), err))
			}
			return tell(cmd, "paused: %s, until sgwarden resume\n", scopeOf(group))
		},
	}
	in.flags(cmd)
	cmd.Flags().StringVar(&group, "group", "", "only this group (default: all)")
	cmd.Flags().StringVar(&reason, "reason", "", "why; told in every alert meanwhile")
	return cmd
}

func newResume() *cobra.Command {
	var in account
	var group string
	cmd := &cobra.Command{
		Use:   "resume",
		Short: "End a pause",
		Long: `resume ends what "sgwarden pause" with the same --group began. A pause of all
and one of a group are two: each ends by itself. One that is not there is no
fault.`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := optionalGroup(group); err != nil {
				return err
			}
			l, err := in.ledger(cmd.Context())
			if err != nil {
				return err
			}
			if err := l.Operator().Resume(cmd.Context(), group); err != nil {
				return outside(fmt.Errorf("resume %s: %w", scopeOf(group), err))
			}
			return tell(cmd, "not paused any more: %s\n", scopeOf(group))
		},
	}
	in.flags(cmd)
	cmd.Flags().StringVar(&group, "group", "", "only this group (default: all)")
	return cmd
}

func optionalGroup(id string) error {
	if id == "" {
		return nil
	}
	return checkGroupID(id)
}

func scopeOf(group string) string {
	if group == "" {
		return "all groups"
	}
	return group
}

// tell writes the answer of a command.
func tell(cmd *cobra.Command, format string, args ...any) error {
	if _, err := fmt.Fprintf(cmd.OutOrStdout(), format, args...); err != nil {
		return outside(err)
	}
	return nil
}
