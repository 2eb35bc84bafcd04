package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/sgwarden/sgwarden/internal/incident"
	"github.com/sgwarden/sgwarden/internal/ledger"
	"github.com/sgwarden/sgwarden/internal/policy"
	"github.com/sgwarden/sgwarden/internal/secgroup"
)

func newExempt() *cobra.Command {
	return holding(&cobra.Command{
		Use:   "exempt",
		Short: "Accept a deviation of one group, for a time",
		Long: `exempt keeps exemptions in the ledger of a deployment: for one group, by flows,
with owner and reason, for at most 30 days. Longer ones belong into the settings
(exemptions: in sgwarden.yaml), where they are reviewed.

A rule is exempt as far as the exempted flows cover what is too much of it. One
that is open when its exemption ends becomes due again.`,
	}, newExemptAdd(), newExemptList(), newExemptRemove())
}

func newExemptAdd() *cobra.Command {
	var in account
	var e exemption
	cmd := &cobra.Command{
		Use:   "add GROUP",
		Short: "Exempt flows of a group from a policy",
		Example: `  sgwarden exempt add sg-0123456789abcdef0 --policy admin-ports-from-internet \
    --rule 'ingress tcp/22 from 8.8.4.0/24' --for 7d --owner net-team --reason 'vendor access' --ticket CHG-8`,
		Args: arguments("GROUP"),
		RunE: func(cmd *cobra.Command, args []string) error {
			made, err := e.read(args[0], time.Now())
			if err != nil {
				return fmt.Errorf("exempt: %w", err)
			}
			l, err := in.ledger(cmd.Context())
			if err != nil {
				return err
			}
			if err := l.Operator().PutExemption(cmd.Context(), made, time.Now()); err != nil {
				return outside(err)
			}
			if controls, err := l.Controls(cmd.Context()); err == nil && !isMet(made.Policy, controls) {
				say(cmd.ErrOrStderr(), "no sweep of this deployment has met a policy %s: if there is none, nothing is exempt: sgwarden policies\n", printable(made.Policy))
			}
			return tell(cmd, "%s exempts %s from %s until %s\n", made.ID, made.Group, made.Policy, made.Until.Format(time.RFC3339))
		},
	}
	in.flags(cmd)
	f := cmd.Flags()
	f.StringVar(&e.policy, "policy", "", "id of the policy")
	f.StringArrayVar(&e.rules, "rule", nil, "flows, as 'ingress tcp/22 from 8.8.4.0/24'; several times for several")
	f.StringVar(&e.owner, "owner", "", "who answers for it")
	f.StringVar(&e.reason, "reason", "", "why")
	f.StringVar(&e.ticket, "ticket", "", "where it was agreed")
	f.StringVar(&e.until, "until", "", "last day, 2026-12-31 (inclusive, UTC), or the instant at which it ends, 2026-12-31T12:00:00Z")
	f.StringVar(&e.lasts, "for", "", "or how long, from now: 36h, 7d; at most 30d")
	f.StringVar(&e.id, "id", "", "name of the exemption (default: made of group, policy and flows, so that the same one is replaced)")
	return cmd
}

// isMet reports whether a sweep has met a policy of that id, or none has passed
// at all.
func isMet(policyID string, controls incident.Controls) bool {
	for key := range controls.Acts {
		if id, _, _ := strings.Cut(key, "@"); id == policyID {
			return true
		}
	}
	return len(controls.Acts) == 0 || policyID == "*"
}

func newExemptList() *cobra.Command {
	var in account
	var format string
	cmd := &cobra.Command{
		Use:   "list [GROUP]",
		Short: "List the exemptions in the ledger, of one group or of all, ended ones too",
		Args:  cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := checkFormat(format); err != nil {
				return err
			}
			if len(args) > 0 {
				if err := checkGroupID(args[0]); err != nil {
					return err
				}
			}
			l, err := in.ledger(cmd.Context())
			if err != nil {
				return err
			}
			all, err := ledgerExemptions(cmd.Context(), l, args)
			if err != nil {
				return outside(err)
			}
			if format == "json" {
				return writeExemptionsJSON(cmd, all)
			}
			return writeExemptions(cmd, all, time.Now())
		},
	}
	in.flags(cmd)
	cmd.Flags().StringVarP(&format, "output", "o", "table", "table or json")
	return cmd
}

// ledgerExemptions reads the exemptions of some groups, none = of all, in the
// order of the groups and then of their ids.
func ledgerExemptions(ctx context.Context, l exemptionBook, groups []string) (all []policy.Exemption, err error) {
	if len(groups) == 0 {
		if groups, err = l.Exempted(ctx); err != nil {
			return nil, err
		}
	}
	for chunk := range slices.Chunk(groups, ledger.MostRecalled) {
		found, err := l.ControlsOf(ctx, chunk)
		if err != nil {
			return nil, err
		}
		for _, id := range chunk {
			all = append(all, found[id].Exemptions...)
		}
	}
	return all, nil
}

// exemptionBook is what listing needs of a *ledger.Table.
type exemptionBook interface {
	Exempted(ctx context.Context) ([]string, error)
	ControlsOf(ctx context.Context, groupIDs []string) (map[string]incident.Controls, error)
}

func writeExemptions(cmd *cobra.Command, all []policy.Exemption, now time.Time) error {
	table := newColumns(cmd, "GROUP", "ID", "STATE", "UNTIL", "POLICY", "OWNER", "FLOWS", "REASON")
	for _, e := range all {
		state := "on"
		switch left := e.Until.Sub(now); {
		case left <= 0:
			state = "ended"
		case left <= 24*time.Hour:
			state = "ends within a day"
		case left <= 7*24*time.Hour:
			state = "ends within a week"
		}
		table.row(e.Group, e.ID, state, e.Until.Format(time.RFC3339), e.Policy, e.Owner, strings.Join(ruleTexts(e.Rules), ", "), strings.TrimSpace(e.Reason+" "+e.Ticket))
	}
	return table.end()
}

func ruleTexts(rules []secgroup.Rule) []string {
	var out []string
	for _, r := range rules {
		out = append(out, r.String())
	}
	return out
}

func writeExemptionsJSON(cmd *cobra.Command, all []policy.Exemption) error {
	type document struct {
		ID     string    `json:"id"`
		Group  string    `json:"group"`
		Policy string    `json:"policy"`
		Rules  []string  `json:"rules"`
		Owner  string    `json:"owner"`
		Reason string    `json:"reason"`
		Ticket string    `json:"ticket"`
		Until  time.Time `json:"until"`
	}
	out := []document{}
	for _, e := range all {
		out = append(out, document{e.ID, e.Group, e.Policy, ruleTexts(e.Rules), e.Owner, e.Reason, e.Ticket, e.Until})
	}
	return writeJSON(cmd, out)
}

func newExemptRemove() *cobra.Command {
	var in account
	cmd := &cobra.Command{
		Use:   "remove GROUP ID",
		Short: "End an exemption now",
		Args:  arguments("GROUP", "ID"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := checkGroupID(args[0]); err != nil {
				return err
			}
			l, err := in.ledger(cmd.Context())
			if err != nil {
				return err
			}
			memory, err := l.Observe(cmd.Context(), args[0])
			switch {
			case err != nil:
				return outside(err)
			case !slices.ContainsFunc(memory.Controls.Exemptions, func(e policy.Exemption) bool { return e.ID == args[1] }):
				return fmt.Errorf("%s has no exemption %q in the ledger: sgwarden exempt list %s", args[0], printable(args[1]), args[0])
			}
			if err := l.Operator().DropExemption(cmd.Context(), args[0], args[1]); err != nil {
				return outside(err)
			}
			return tell(cmd, "%s exempts nothing of %s any more\n", args[1], args[0])
		},
	}
	in.flags(cmd)
	return cmd
}
