package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/spf13/cobra"

	"github.com/sgwarden/sgwarden/internal/apply"
	"github.com/sgwarden/sgwarden/internal/incident"
	"github.com/sgwarden/sgwarden/internal/inventory"
	"github.com/sgwarden/sgwarden/internal/ledger"
	"github.com/sgwarden/sgwarden/internal/plan"
	"github.com/sgwarden/sgwarden/internal/undo"
)

// undoing is what the flags of undo choose.
type undoing struct {
	account
	group, owner, reason, ticket, lasts string
	yes                                 bool
}

func newUndo() *cobra.Command {
	var u undoing
	cmd := &cobra.Command{
		Use:   "undo ID",
		Short: "Put back what an incident took",
		Long: `undo shows how the rules of an incident get back what sgwarden took from them,
and with --yes does it: first it exempts exactly these rules from the policies
that they violate (for --for, at most 30 days), or they would be taken again;
then it calls EC2 with your own rights; then it reads back. Values,
descriptions and tags are as they were; a rule that was narrowed is widened in
place, and keeps its id. One that got its earlier value back gets the later one
again: what only the earlier one opens is closed. What somebody changed since is
left as it is. The guard tells whoever got the alert.

Of a prefix list the entries that were taken out go back, with their
descriptions, and the rules that refer to it are exempted.

It takes the rights to authorize and modify rules of the group, or to modify
the list, and to write control#GROUP of the ledger.`,
		Example: `  sgwarden undo inc-0123456789abcdef --group sg-0123456789abcdef0
  sgwarden undo inc-0123456789abcdef --yes --owner net-team --reason 'agreed window' --for 2d`,
		Args: arguments("ID"),
		RunE: func(cmd *cobra.Command, args []string) error { return u.run(cmd, args[0]) },
	}
	u.flags(cmd)
	f := cmd.Flags()
	f.StringVar(&u.group, "group", "", "the incident's group, or prefix list, which spares reading the whole table")
	f.BoolVar(&u.yes, "yes", false, "do it, not only show it")
	f.StringVar(&u.owner, "owner", "", "who answers for it")
	f.StringVar(&u.reason, "reason", "", "why")
	f.StringVar(&u.ticket, "ticket", "", "where it was agreed")
	f.StringVar(&u.lasts, "for", "7d", "how long it may stand: 36h, 7d; at most 30d")
	return cmd
}

// ask checks the flags that say who wants it.
func (u *undoing) ask(now time.Time) (undo.Ask, error) {
	var faults []error
	if u.yes {
		faults = missing(given{"owner", u.owner}, given{"reason", u.reason})
	}
	until, err := exemption{lasts: u.lasts}.end(now)
	if err := errors.Join(append(faults, err)...); err != nil {
		return undo.Ask{}, fmt.Errorf("undo: %w", err)
	}
	return undo.Ask{Owner: u.owner, Reason: u.reason, Ticket: u.ticket, Until: until}, nil
}

func (u *undoing) run(cmd *cobra.Command, id string) error {
	ctx := cmd.Context()
	ask, err := u.ask(time.Now())
	if err != nil {
		return err
	}
	i, err := u.incident(ctx, id, u.group)
	if err != nil {
		return err
	}
	if i.ClosedAt == nil {
		return outside(fmt.Errorf("undo %s: the incident is open, sgwarden is still at it: look again in a minute, or pause the group", printable(id)))
	}
	c, table, err := u.tableName(ctx)
	if err != nil {
		return err
	}
	client := ec2.NewFromConfig(c)
	reads := inventory.New(client)
	if i.List != nil {
		return u.list(cmd, i, ask, reads, undo.ListUndoer{
			List: reads.Managed, Apply: apply.New(client).Apply, Sleep: sleep, Now: time.Now,
			Exempt: ledger.NewTable(dynamodb.NewFromConfig(c), table).Operator().PutExemption,
		})
	}
	group, err := reads.Group(ctx, i.GroupID)
	switch {
	case errors.Is(err, incident.ErrGone):
		return outside(fmt.Errorf("undo %s: its group %s is gone: there is nothing to put anything back to", printable(id), i.GroupID))
	case err != nil:
		return outside(err)
	}
	steps := undo.Plan(i, group.Rules)
	if err := u.show(cmd, i, steps, ask); err != nil {
		return err
	}
	if !u.yes || len(undo.Exemptions(i, steps, ask)) == 0 {
		return nil
	}
	ends, err := undo.Undoer{
		Rules: reads.Rules, Apply: apply.New(client).Apply, Sleep: sleep, Now: time.Now,
		Exempt: ledger.NewTable(dynamodb.NewFromConfig(c), table).Operator().PutExemption,
	}.Undo(ctx, i, steps, ask)
	if err != nil {
		return outside(err)
	}
	return report(cmd, i, ends)
}

func sleep(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}

// show tells what would be done, and of what is left why.
func (u *undoing) show(cmd *cobra.Command, i incident.Incident, steps []undo.Step, ask undo.Ask) error {
	var b strings.Builder
	fmt.Fprintf(&b, "%s of %s: %s in %s %s\n", printable(i.ID), timeText(i.OpenedAt), i.Outcome, i.GroupID, printable(i.GroupName))
	todo := 0
	for _, s := range steps {
		value := s.Rule.ID
		if s.Rule.Before != nil {
			value = s.Rule.Before.String()
		}
		switch a := s.Action.(type) {
		case plan.Authorize:
			todo++
			line(&b, "put back", printable(value))
		case plan.Modify:
			todo++
			verb := "widen"
			if !a.To.Region().Covers(a.From.Region()) {
				verb = "change"
			}
			line(&b, verb, fmt.Sprintf("%s from %s to %s", a.From.ID, printable(a.From.String()), printable(value)))
		default:
			line(&b, "leave", printable(value))
		}
		if s.Note != "" {
			line(&b, "", printable(s.Note))
		}
	}
	for _, e := range undo.Exemptions(i, steps, ask) {
		line(&b, "exempt", fmt.Sprintf("from %s until %s (%s)", e.Policy, e.Until.Format(time.RFC3339), e.ID))
	}
	switch {
	case todo == 0 && slices.ContainsFunc(steps, func(s undo.Step) bool { return s.There }):
		// Whoever put it there, by an earlier undoing or by hand, only that lets it stand.
		fmt.Fprintf(&b, "there is nothing to put back, and nothing is exempted: what is there stands only if it is exempt: sgwarden exempt list %s\n", i.GroupID)
	case todo == 0:
		b.WriteString("there is nothing to put back\n")
	case !u.yes:
		b.WriteString("nothing was changed: --yes does it\n")
	}
	return tell(cmd, "%s", b.String())
}

// report tells how it ended. What failed fails the command.
func report(cmd *cobra.Command, i incident.Incident, ends []undo.Done) error {
	var b strings.Builder
	for _, d := range ends {
		switch {
		case d.Put != nil:
			line(&b, "done", fmt.Sprintf("%s is %s", printable(d.Put.String()), d.Put.ID))
		case d.Err != nil:
			line(&b, "failed", fmt.Sprintf("%s: %s", printable(d.Rule.Before.String()), printable(d.Err.Error())))
		}
	}
	if err := tell(cmd, "%s", b.String()); err != nil {
		return err
	}
	if undo.Failed(ends) {
		return outside(fmt.Errorf("undo %s: not all of it is back; once the cause is mended, the same command does the rest", printable(i.ID)))
	}
	return nil
}
