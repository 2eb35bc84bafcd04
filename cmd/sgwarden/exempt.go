package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
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

// exemption is what the flags of `exempt add` say.
type exemption struct {
	id, policy, owner, reason, ticket string
	rules                             []string
	until, lasts                      string
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

// read checks everything that the user wrote, and tells all faults together.
func (e exemption) read(group string, now time.Time) (policy.Exemption, error) {
	made := policy.Exemption{ID: e.id, Policy: e.policy, Group: group, Owner: e.owner, Reason: e.reason, Ticket: e.ticket, Source: "ledger"}
	faults := []error{checkGroupID(group)}
	for _, required := range []struct{ flag, value string }{{"policy", e.policy}, {"owner", e.owner}, {"reason", e.reason}} {
		if strings.TrimSpace(required.value) == "" {
			faults = append(faults, fmt.Errorf("--%s is missing", required.flag))
		}
	}
	if len(e.rules) == 0 {
		faults = append(faults, errors.New("--rule is missing: an exemption names its flows"))
	}
	for _, text := range e.rules {
		rule, err := secgroup.ParseRule(text)
		if err != nil {
			faults = append(faults, fmt.Errorf("--rule %q: %w", text, err))
			continue
		}
		made.Rules = append(made.Rules, rule)
	}
	var err error
	made.Until, err = e.end(now)
	if err := errors.Join(append(faults, err)...); err != nil {
		return policy.Exemption{}, err
	}
	if made.ID == "" {
		made.ID = exemptionID(made)
	}
	return made, nil
}

// longest is how long an exemption in the ledger may last.
const longest = 30 * 24 * time.Hour

// end reads --until and --for: the first instant that is not exempt any more.
func (e exemption) end(now time.Time) (time.Time, error) {
	var end time.Time
	switch {
	case (e.until == "") == (e.lasts == ""):
		return end, errors.New("say when it ends: either --until or --for")
	case e.lasts != "":
		lasts, err := days(e.lasts)
		if err != nil {
			return end, fmt.Errorf("--for %q: want 36h or 7d", e.lasts)
		}
		end = now.Add(lasts)
	default:
		day, err := time.Parse(time.DateOnly, e.until)
		end = day.AddDate(0, 0, 1)
		if err != nil {
			if end, err = time.Parse(time.RFC3339, e.until); err != nil {
				return end, fmt.Errorf("--until %q: want 2026-12-31, or 2026-12-31T12:00:00Z", e.until)
			}
		}
	}
	switch {
	case !end.After(now):
		return end, fmt.Errorf("it would end at %s, and that is over", end.UTC().Format(time.RFC3339))
	case end.After(now.Add(longest)):
		return end, fmt.Errorf("it would end at %s, and an exemption in the ledger lasts at most 30 days: put a longer one into the settings", end.UTC().Format(time.RFC3339))
	}
	return end.UTC().Truncate(time.Second), nil
}

// days reads a duration that may be in days.
func days(text string) (time.Duration, error) {
	if number, ok := strings.CutSuffix(text, "d"); ok {
		n, err := strconv.ParseUint(number, 10, 16)
		return time.Duration(n) * 24 * time.Hour, err
	}
	return time.ParseDuration(text)
}

// exemptionID is the same for the same flows of a group under a policy.
func exemptionID(e policy.Exemption) string {
	values := []string{e.Group, e.Policy}
	for _, r := range e.Rules {
		values = append(values, r.Value())
	}
	slices.Sort(values[2:])
	sum := sha256.Sum256([]byte(strings.Join(slices.Compact(values), "\n")))
	return "EX-" + hex.EncodeToString(sum[:4])
}

func newExemptList() *cobra.Command {
	var in account
	var format string
	cmd := &cobra.Command{
		Use:   "list [GROUP]",
		Short: "List the exemptions in the ledger, of one group or of all, ended ones too",
		Args:  cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if format != "table" && format != "json" {
				return fmt.Errorf("output %q: want table or json", format)
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
	table := tabwriter.NewWriter(cmd.OutOrStdout(), 0, 0, 2, ' ', 0)
	row := func(cells ...string) {
		_, _ = fmt.Fprintln(table, strings.Join(printables(cells), "\t")) // Flush has the error
	}
	row("GROUP", "ID", "STATE", "UNTIL", "POLICY", "OWNER", "FLOWS", "REASON")
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
		row(e.Group, e.ID, state, e.Until.Format(time.RFC3339), e.Policy, e.Owner, strings.Join(ruleTexts(e.Rules), ", "), strings.TrimSpace(e.Reason+" "+e.Ticket))
	}
	if err := table.Flush(); err != nil {
		return outside(err)
	}
	return nil
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
	enc := json.NewEncoder(cmd.OutOrStdout())
	enc.SetIndent("", "  ")
	if err := enc.Encode(out); err != nil {
		return outside(err)
	}
	return nil
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
