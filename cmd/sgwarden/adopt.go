package main

import (
	"cmp"
	"errors"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/spf13/cobra"

	"github.com/sgwarden/sgwarden/internal/incident"
	"github.com/sgwarden/sgwarden/internal/inventory"
	"github.com/sgwarden/sgwarden/internal/ledger"
	"github.com/sgwarden/sgwarden/internal/marks"
)

// adoption is what the flags of adopt choose.
type adoption struct {
	account
	policy, group string
	all, yes      bool
	format        string
}

func newAdopt() *cobra.Command {
	var a adoption
	cmd := &cobra.Command{
		Use:   "adopt",
		Short: "Give up the baseline marks of rules that stood before the policies",
		Long: `adopt lists the rules that violate a policy and stand because they were there
when it began to judge, and with --yes gives these marks up: from then on they
are due like any other. The guard takes each back when it judges its group next,
by an event of the group or because the next sweep asks it to; in observe mode
it tells of them.

What a later baseline act marks, of a policy that is changed or raised to
enforce, is not concerned.

It reads the groups from EC2 and their marks from the ledger, and writes to
control#all or control#GROUP, which takes a role that may: the guard's own may
not.`,
		Example: `  sgwarden adopt --policy admin-ports-from-internet
  sgwarden adopt --policy admin-ports-from-internet --group sg-0123456789abcdef0 --yes`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error { return a.run(cmd) },
	}
	a.flags(cmd)
	f := cmd.Flags()
	f.StringVar(&a.policy, "policy", "", "marks of this policy")
	f.StringVar(&a.group, "group", "", "marks in this group")
	f.BoolVar(&a.all, "all", false, "all marks")
	f.BoolVar(&a.yes, "yes", false, "give them up, not only list them")
	f.StringVarP(&a.format, "output", "o", "table", "table or json")
	return cmd
}

func (a *adoption) check() error {
	switch {
	case a.format != "table" && a.format != "json":
		return fmt.Errorf("output %q: want table or json", a.format)
	case !a.all && a.policy == "" && a.group == "":
		return errors.New("adopt: say which marks: --policy, --group, both, or --all")
	case a.all && (a.policy != "" || a.group != ""):
		return errors.New("adopt: --all is without --policy and --group")
	}
	return optionalGroup(a.group)
}

func (a *adoption) run(cmd *cobra.Command) error {
	ctx := cmd.Context()
	if err := a.check(); err != nil {
		return err
	}
	c, err := a.config(ctx)
	if err != nil {
		return err
	}
	l, err := a.ledger(ctx)
	if err != nil {
		return err
	}
	found, err := marks.Find(ctx, inventory.New(ec2.NewFromConfig(c)), l, marks.Want{Policy: a.policy, Group: a.group})
	if err != nil {
		return outside(err)
	}
	if err := a.write(cmd, found.Marks); err != nil {
		return err
	}
	switch {
	case len(found.Standing()) == 0:
		say(cmd.ErrOrStderr(), "no mark to give up\n")
		return nil
	case !a.yes:
		say(cmd.ErrOrStderr(), "nothing was written: --yes gives up the marks of %s\n", found.Count())
		return nil
	}
	return a.giveUp(cmd, l, found)
}

// giveUp writes the adoption. A mark that an act is setting just now would
// survive it in silence.
func (a *adoption) giveUp(cmd *cobra.Command, l *ledger.Table, found marks.Found) error {
	if found.Setting != "" {
		return outside(fmt.Errorf("adopt: a sweep is setting the baseline of %s: adopt when it is done", printable(found.Setting)))
	}
	at := time.Now().UTC()
	if !at.After(found.LastAct) { // clocks differ
		at = found.LastAct.Add(time.Millisecond)
	}
	if err := l.Operator().Adopt(cmd.Context(), a.group, cmp.Or(a.policy, incident.EveryPolicy), at); err != nil {
		return outside(fmt.Errorf("adopt: %w", err))
	}
	say(cmd.ErrOrStderr(), "given up: the marks of %s are due when their groups are judged next\n", found.Count())
	return nil
}

func (a *adoption) write(cmd *cobra.Command, all []marks.Mark) error {
	if a.format == "json" {
		return writeJSON(cmd, all)
	}
	table := newColumns(cmd, "GROUP", "NAME", "RULE", "FLOWS", "POLICY", "SEEN SINCE", "STATE")
	for _, m := range all {
		table.row(m.Group, m.Name, m.Rule, m.Flows, m.Policy, m.Since.Format(time.RFC3339), m.State)
	}
	return table.end()
}
