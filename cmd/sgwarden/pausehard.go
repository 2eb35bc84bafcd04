package main

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/spf13/cobra"

	"github.com/sgwarden/sgwarden/internal/deployment"
	"github.com/sgwarden/sgwarden/internal/trigger"
)

// hard is what the flags of a hard pause, or its end, choose.
type hard struct {
	on   bool
	wait time.Duration
}

func (h *hard) flags(cmd *cobra.Command, says string) {
	cmd.Flags().BoolVar(&h.on, "hard", false, says)
	cmd.Flags().DurationVar(&h.wait, "wait", 2*time.Minute, "with --hard: how long to wait until it is so")
}

func (h *hard) check(cmd *cobra.Command, table, group string) error {
	switch {
	case !h.on && cmd.Flags().Changed("wait"):
		return fmt.Errorf("%s: --wait is for --hard", cmd.Name())
	case !h.on:
		return nil
	case group != "":
		return fmt.Errorf("%s: --hard is without --group: the trigger is for all groups", cmd.Name())
	case table != "":
		return fmt.Errorf("%s: --hard is without --table: the stack says which function the guard is", cmd.Name())
	case h.wait < 0:
		return errors.New("--wait: want a time as 30s or 2m")
	}
	return nil
}

// turn brings the guard's trigger to a state, and says what that means.
func (h *hard) turn(cmd *cobra.Command, in *account, state string) error {
	ctx := cmd.Context()
	c, err := in.config(ctx)
	if err != nil {
		return err
	}
	d, err := in.deployed(ctx, c)
	if err != nil {
		return err
	}
	s := trigger.Switch{Client: lambda.NewFromConfig(c), Function: d.Guard, Sleep: sleep}
	all, failed := s.Turn(ctx, state, int(h.wait/trigger.Interval))
	there := failed == nil && len(all) > 0
	for _, m := range all {
		says := "is " + strings.ToLower(m.State)
		switch {
		case m.State == state && !m.Asked:
			says += ", as it was before"
		case m.State != state:
			there = false
			says += ", not yet " + strings.ToLower(state)
		}
		if err := tell(cmd, "the trigger %s of %s %s\n", printable(m.UUID), printable(d.Guard), printable(says)); err != nil {
			return err
		}
	}
	switch {
	case failed != nil:
		return outside(fmt.Errorf("%s: %w", cmd.Name(), failed))
	case !there:
		return outside(fmt.Errorf("%s: it is still changing after %s: run the same again to see how it went", cmd.Name(), h.wait))
	case state == trigger.Enabled:
		return tell(cmd, "the guard judges again, first what waited in the queue; a pause in the ledger ends with sgwarden resume\n")
	}
	return tell(cmd, `nothing is judged, taken back or alerted any more, but for what the guard holds at this moment
changes wait in the queue, each for 14 days: after that it is lost, and only a sweep finds what it opened
MappingTampered, later the alarm Waiting and those of the canary will tell of it
go on with sgwarden resume --hard%s
`, in.again())
}

// again are the flags that lead to the same deployment.
func (a *account) again() string {
	var flags strings.Builder
	for _, f := range []struct{ name, value, usual string }{{"stack", a.stack, deployment.DefaultStack}, {"profile", a.profile, ""}, {"region", a.region, ""}} {
		if f.value != f.usual {
			flags.WriteString(" --" + f.name + " " + printable(f.value))
		}
	}
	return flags.String()
}

// warnOfTrigger says that the end of a pause in the ledger is not all that it
// takes. Whoever may not ask for the trigger is told nothing: the pause is over.
func warnOfTrigger(cmd *cobra.Command, in *account) {
	ctx := cmd.Context()
	if in.table != "" {
		return
	}
	c, err := in.config(ctx)
	if err != nil {
		return
	}
	d, err := in.deployed(ctx, c)
	if err != nil {
		return
	}
	all, err := trigger.Switch{Client: lambda.NewFromConfig(c), Function: d.Guard}.Mappings(ctx)
	if err != nil {
		return
	}
	for _, m := range all {
		if m.State != trigger.Enabled {
			say(cmd.ErrOrStderr(), "but the trigger %s of the guard is %s, and nothing is judged while it is off: sgwarden resume --hard%s\n", printable(m.UUID), strings.ToLower(printable(m.State)), in.again())
		}
	}
}
