package main

import (
	"context"
	"fmt"
	"slices"

	"github.com/spf13/cobra"

	"github.com/sgwarden/sgwarden/internal/alert"
	"github.com/sgwarden/sgwarden/internal/incident"
	"github.com/sgwarden/sgwarden/internal/ledger"
)

func newIncidentsShow() *cobra.Command {
	var in account
	var group, format string
	cmd := &cobra.Command{
		Use:   "show ID",
		Short: "Show one incident whole, as its alert told of it",
		Args:  arguments("ID"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := checkFormat(format); err != nil {
				return err
			}
			i, err := in.incident(cmd.Context(), args[0], group)
			if err != nil {
				return err
			}
			if format == "json" {
				return writeJSON(cmd, i)
			}
			message, err := alert.Render(i)
			if err != nil {
				return outside(err)
			}
			return tell(cmd, "%s", message.Text)
		},
	}
	in.flags(cmd)
	cmd.Flags().StringVar(&group, "group", "", "its group, which spares reading the whole table")
	cmd.Flags().StringVarP(&format, "output", "o", "table", "table (as text) or json (docs/reference/incident.md)")
	return cmd
}

// incident finds one by its id, or by that of the alert that told of it while the
// ledger was down, as it was last written; group may be "".
func (a *account) incident(ctx context.Context, id, group string) (incident.Incident, error) {
	if err := optionalPlace(group); err != nil {
		return incident.Incident{}, err
	}
	archive, err := a.archive(ctx)
	if err != nil {
		return incident.Incident{}, err
	}
	var found []incident.Incident
	err = archive.Incidents(ctx, ledger.Search{ID: id, GroupID: group}, func(i incident.Incident) error {
		found = append(found, i)
		return nil
	})
	switch {
	case err != nil:
		return incident.Incident{}, outside(err)
	case len(found) == 0:
		return incident.Incident{}, outside(fmt.Errorf("the ledger has no incident %s: sgwarden incidents list; one that was told while the ledger was down may not be written yet: its alert says how to put it back by hand", printable(id)))
	}
	own := slices.IndexFunc(found, func(i incident.Incident) bool { return i.ID == id })
	if own >= 0 {
		return found[own], nil
	}
	return found[len(found)-1], nil
}
