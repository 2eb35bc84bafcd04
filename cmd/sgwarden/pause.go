package main

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/sgwarden/sgwarden/internal/ledger"
	"github.com/sgwarden/sgwarden/internal/trigger"
)

func newPause() *cobra.Command {
	var in account
	var group, reason string
	var h hard
	cmd := &cobra.Command{
		Use:   "pause",
		Short: "Stop all remedies, or those of one group, until resume",
		Long: `pause lets the guard go on judging, alerting and remembering, and change
nothing, from the next change on. What is due meanwhile stays due, and is taken
back after "sgwarden resume" when its group is judged again.

It writes to the ledger (control#all, control#GROUP), which takes a role that
may: the guard's own may not.

With --hard it turns the guard's trigger off instead, for when the ledger is
down or the guard itself does harm: nothing is judged and nobody is alerted
until "sgwarden resume --hard". Changes wait in the queue, for 14 days. It reads
and writes no ledger, so no alert tells of it and --reason is not needed.`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := h.check(cmd, in.table, group); err != nil {
				return err
			}
			if h.on && reason != "" {
				say(cmd.ErrOrStderr(), "--reason is kept nowhere: no alert is sent during a hard pause\n")
			}
			if h.on {
				return h.turn(cmd, &in, trigger.Disabled)
			}
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
	h.flags(cmd, "turn the guard's trigger off: judge nothing, let changes wait")
	return cmd
}

func newResume() *cobra.Command {
	var in account
	var group, policyID string
	var stale, yes bool
	var h hard
	cmd := &cobra.Command{
		Use:   "resume",
		Short: "End a pause, what the fuse holds, or the distrust of an old ledger",
		Long: `resume ends what "sgwarden pause" with the same --group began. A pause of all
and one of a group are two: each ends by itself. One that is not there is no
fault.

With --policy it ends the hold of the fuse on that policy. What it refuses is
taken back when its groups are judged again, and for an hour nothing of it is
counted: look at the alerts first.

With --ledger it ends the distrust of a ledger that no sweep has stamped for a
day. Such a table may be a restored one, so the guard acts only on rules that
records name, and no sweep goes on. First see why: if sweeps only stood still,
resume; if the table was restored, what was opened or marked since its stamp is
not in it, and will be due. It says so, and resumes with --yes.

With --hard it turns on the guard's trigger, which "sgwarden pause --hard"
turned off: what waits in the queue is judged. It reads and writes no ledger; a
pause that stands there goes on.`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			switch err := h.check(cmd, in.table, group); {
			case err != nil:
				return err
			case h.on && (policyID != "" || stale || yes):
				return errors.New("resume: --hard is without --policy, --ledger and --yes")
			case h.on:
				return h.turn(cmd, &in, trigger.Enabled)
			}
			if err := optionalGroup(group); err != nil {
				return err
			}
			if stale && (group != "" || policyID != "") {
				return errors.New("resume: --ledger is without --group and --policy")
			}
			if yes && !stale {
				return errors.New("resume: --yes is for --ledger")
			}
			if group != "" && policyID != "" {
				return errors.New("resume: the fuse holds a policy in all groups: give --group or --policy")
			}
			l, err := in.ledger(cmd.Context())
			if err != nil {
				return err
			}
			if stale {
				return believe(cmd, l, time.Now().UTC(), yes)
			}
			if policyID != "" {
				return release(cmd, l, policyID)
			}
			if err := l.Operator().Resume(cmd.Context(), group); err != nil {
				return outside(fmt.Errorf("resume %s: %w", scopeOf(group), err))
			}
			warnOfTrigger(cmd, &in)
			return tell(cmd, "not paused any more: %s\n", scopeOf(group))
		},
	}
	in.flags(cmd)
	cmd.Flags().StringVar(&group, "group", "", "only this group (default: all)")
	cmd.Flags().StringVar(&policyID, "policy", "", "id of the policy that the fuse holds")
	cmd.Flags().BoolVar(&stale, "ledger", false, "believe a ledger whose last complete sweep is more than a day old")
	cmd.Flags().BoolVar(&yes, "yes", false, "with --ledger: do it, not only say what it means")
	h.flags(cmd, "turn the guard's trigger on")
	return cmd
}

// believe resumes a stale ledger.
func believe(cmd *cobra.Command, l *ledger.Table, now time.Time, yes bool) error {
	controls, err := l.Controls(cmd.Context())
	if err != nil {
		return outside(err)
	}
	stamp := controls.Stamp.UTC().Format(time.RFC3339)
	switch {
	case controls.Stamp.IsZero():
		return tell(cmd, "nothing to resume: no sweep has stamped the ledger yet\n")
	case !controls.Stale(now):
		return tell(cmd, "nothing to resume: the ledger is believed, its last complete sweep was at %s\n", stamp)
	case !yes:
		return tell(cmd, `the last complete sweep was at %s
with --yes the guard acts again on all that is due, and the next sweep goes on:
  what violates a policy and is not marked in this ledger is taken back,
  also what was marked, exempted or adopted after that time in a table that this one was restored over
nothing was written
`, stamp)
	}
	if err := l.Operator().ResumeLedger(cmd.Context(), now); err != nil {
		return outside(fmt.Errorf("resume the ledger: %w", err))
	}
	return tell(cmd, "the ledger is believed again, for a day: by then a sweep has to be complete (the last was at %s)\n", stamp)
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

// optionalPlace is optionalGroup where incidents are looked for: those of lists
// stand under the list.
func optionalPlace(id string) error {
	if listIDForm.MatchString(id) {
		return nil
	}
	return optionalGroup(id)
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
