package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/sgwarden/sgwarden/internal/incident"
	"github.com/sgwarden/sgwarden/internal/ledger"
)

func newIncidents() *cobra.Command {
	cmd := newIncidentsList("incidents")
	cmd.Short = "Read what sgwarden did, and what it would do"
	cmd.Long = `incidents lists what the ledger of a deployment has, which keeps every incident
for 400 days. It changes nothing. Incidents are kept by group: with --group that
is one query, without it the whole table is read.

With --would it sums up the incidents of observe mode: how many there were, and
what enforce mode would have changed. By policy it also says which one is ready
to enforce, or why not: its baseline is not set, something could not be judged
for certain, or somebody opens the same again and again, with whom enforce mode
would fight.`
	cmd.Example = `  sgwarden incidents --since 24h
  sgwarden incidents --group sg-0123456789abcdef0 --outcome reverted -o json
  sgwarden incidents show inc-0123456789abcdef
  sgwarden incidents --would --since 14d --by policy`
	cmd.AddCommand(newIncidentsList("list"), newIncidentsShow())
	return cmd
}

// incidentFilter is which incidents a command is about.
type incidentFilter struct {
	since                         string
	group, policy, actor, outcome string
	open                          bool
}

func (f *incidentFilter) flags(cmd *cobra.Command, since string) {
	s := cmd.Flags()
	s.StringVar(&f.since, "since", since, "closed within this time (36h, 14d), or since 2026-11-01; open ones are always in")
	s.StringVar(&f.group, "group", "", "of this group, by id")
	s.StringVar(&f.policy, "policy", "", "that violate this policy, by id")
	s.StringVar(&f.actor, "actor", "", "whose actor's ARN has this in it")
}

// search is the filter's question to the ledger.
func (f *incidentFilter) search(now time.Time) (ledger.Search, error) {
	var faults []error
	since, err := sinceTime(f.since, now)
	faults = append(faults, err, optionalPlace(f.group))
	if f.outcome != "" {
		if _, err := incident.ParseOutcome(f.outcome); err != nil {
			faults = append(faults, fmt.Errorf("--outcome %q: want one of %s", f.outcome, outcomeList()))
		}
	}
	return ledger.Search{GroupID: f.group, Since: since}, errors.Join(faults...)
}

func outcomeList() string {
	var names []string
	for _, o := range incident.Outcomes() {
		names = append(names, o.String())
	}
	return strings.Join(names, ", ")
}

func (f *incidentFilter) matches(i incident.Incident) bool {
	switch {
	case f.policy != "" && !slices.ContainsFunc(i.Policies, func(p incident.PolicyNote) bool { return p.ID == f.policy }):
		return false
	case f.actor != "" && !strings.Contains(i.Actor.ARN, f.actor):
		return false
	case f.outcome != "" && i.Outcome.String() != f.outcome:
		return false
	case f.open && i.ClosedAt != nil:
		return false
	}
	return true
}

// find gives the incidents that match, the newest first.
func (f *incidentFilter) find(ctx context.Context, in *account) ([]incident.Incident, error) {
	search, err := f.search(time.Now())
	if err != nil {
		return nil, err
	}
	archive, err := in.archive(ctx)
	if err != nil {
		return nil, err
	}
	var found []incident.Incident
	err = archive.Incidents(ctx, search, func(i incident.Incident) error {
		if f.matches(i) {
			found = append(found, i)
		}
		return nil
	})
	if err != nil {
		return nil, outside(err)
	}
	slices.SortStableFunc(found, func(a, b incident.Incident) int {
		return cmp.Or(b.OpenedAt.Compare(a.OpenedAt), strings.Compare(a.ID, b.ID))
	})
	return found, nil
}

// sinceTime reads --since: a duration before now, or a day or instant, in UTC.
// "" = ever.
func sinceTime(text string, now time.Time) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	if ago, err := days(text); err == nil {
		if ago < 0 {
			return time.Time{}, fmt.Errorf("--since %q: lies ahead", text)
		}
		return now.Add(-ago), nil
	}
	for _, layout := range []string{time.DateOnly, time.RFC3339} {
		if at, err := time.Parse(layout, text); err == nil {
			return at, nil
		}
	}
	return time.Time{}, fmt.Errorf("--since %q: want 36h, 14d, 2026-11-01 or 2026-11-01T12:00:00Z", text)
}

// newIncidentsList is the command of that name: `incidents` alone lists too.
func newIncidentsList(name string) *cobra.Command {
	var in account
	var f incidentFilter
	var sums wouldFlags
	var format string
	cmd := &cobra.Command{
		Use:   name,
		Short: "List incidents, the newest first",
		Args:  noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := errors.Join(checkFormat(format), sums.check(cmd)); err != nil {
				return err
			}
			found, err := f.find(cmd.Context(), &in)
			switch {
			case err != nil:
				return err
			case sums.would:
				return sums.write(cmd, &in, found, format)
			case format == "json":
				return writeJSON(cmd, orEmpty(found))
			}
			return writeIncidents(cmd, found)
		},
	}
	in.flags(cmd)
	f.flags(cmd, "14d")
	s := cmd.Flags()
	s.StringVar(&f.outcome, "outcome", "", "that ended so, as reverted")
	s.BoolVar(&f.open, "open", false, "only those that are not closed")
	s.BoolVar(&sums.would, "would", false, "sum up what enforce mode would have done")
	s.StringVar(&sums.by, "by", "policy", "with --would, by what: policy, actor or group")
	s.StringVarP(&format, "output", "o", "table", "table or json (docs/reference/incident.md)")
	return cmd
}

func writeIncidents(cmd *cobra.Command, found []incident.Incident) error {
	if len(found) == 0 {
		say(cmd.ErrOrStderr(), "no incident\n")
		return nil
	}
	table := newColumns(cmd, "INCIDENT", "OPENED", "OUTCOME", "SEVERITY", "GROUP", "RULES", "POLICIES", "ACTOR")
	for _, i := range found {
		outcome := i.Outcome.String()
		if i.ClosedAt == nil {
			outcome += " (open)"
		}
		table.row(i.ID, timeText(i.OpenedAt), outcome, i.Severity.String(), placeOfIncident(i), strconv.Itoa(len(i.Rules)), policyList(i), actorText(i))
	}
	return table.end()
}

func timeText(t time.Time) string {
	if t.IsZero() {
		return "-"
	}
	return t.UTC().Format(time.RFC3339)
}

func policyList(i incident.Incident) string {
	var ids []string
	for _, p := range i.Policies {
		ids = append(ids, p.ID)
	}
	return strings.Join(ids, ", ")
}

// actorText is who did it, as short as it is still clear: what stands after
// "arn:aws:iam::".
func actorText(i incident.Incident) string {
	if i.Actor.ARN == "" {
		return "not known"
	}
	parts := strings.SplitN(i.Actor.ARN, ":", 6)
	text := parts[len(parts)-1]
	if i.Actor.Session != "" {
		text += " (" + i.Actor.Session + ")"
	}
	return text
}
