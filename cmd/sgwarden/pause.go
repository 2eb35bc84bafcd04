package main

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/sgwarden/sgwarden/internal/ledger"
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
	var group, policyID string
	cmd := &cobra.Command{
		Use:   "resume",
		Short: "End a pause, or what the fuse holds",
		Long: `resume ends what "sgwarden pause" with the same --group began. A pause of all
and one of a group are two: each ends by itself. One that is not there is no
fault.

With --policy it ends the hold of the fuse on that policy. What it refuses is
taken back when its groups are judged again, and for an hour nothing of it is
counted: look at the alerts first.`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := optionalGroup(group); err != nil {
				return err
			}
			if group != "" && policyID != "" {
				return errors.New("resume: the fuse holds a policy in all groups: give --group or --policy")
			}
			l, err := in.ledger(cmd.Context())
			if err != nil {
				return err
			}
			if policyID != "" {
				return release(cmd, l, policyID)
			}
			if err := l.Operator().Resume(cmd.Context(), group); err != nil {
				return outside(fmt.Errorf("resume %s: %w", scopeOf(group), err))
			}
			return tell(cmd, "not paused any more: %s\n", scopeOf(group))
		},
	}
	in.flags(cmd)
	cmd.Flags().StringVar(&group, "group", "", "only this group (default: all)")
	cmd.Flags().StringVar(&policyID, "policy", "", "id of the policy that the fuse holds")
	return cmd
}

// release ends what the fuse holds of a policy, whatever its digests.
func release(cmd *cobra.Command, l *ledger.Table, policyID string) error {
	controls, err := l.Controls(cmd.Context())
	if err != nil {
		return outside(err)
	}
	released := 0
	for key := range controls.Held {
		if id, _, _ := strings.Cut(key, "@"); id != policyID {
			continue
		}
		if err := l.Operator().Release(cmd.Context(), key, time.Now()); err != nil {
			return outside(fmt.Errorf("resume %s: %w", printable(policyID), err))
		}
		released++
	}
	if released == 0 {
		return fmt.Errorf("resume: the fuse does not hold policy %q", printable(policyID))
	}
	return tell(cmd, "not held any more: %s\n", printable(policyID))
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
