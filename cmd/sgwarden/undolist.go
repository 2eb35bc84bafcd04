package main

import (
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/sgwarden/sgwarden/internal/incident"
	"github.com/sgwarden/sgwarden/internal/inventory"
	"github.com/sgwarden/sgwarden/internal/undo"
)

// placeOfIncident is the group, or the prefix list, that an incident is about.
func placeOfIncident(i incident.Incident) string {
	if i.List != nil {
		return i.List.ID
	}
	return i.GroupID
}

// list shows how a prefix list gets its entries back, and with --yes gives them.
func (u *undoing) list(cmd *cobra.Command, i incident.Incident, ask undo.Ask, reads *inventory.Inventory, undoer undo.ListUndoer) error {
	list, err := reads.Managed(cmd.Context(), i.List.ID)
	if err != nil {
		return outside(err)
	}
	edit, note := undo.ListPlan(i, list)
	var b strings.Builder
	fmt.Fprintf(&b, "%s of %s: %s in %s %s\n", printable(i.ID), timeText(i.OpenedAt), i.Outcome, i.List.ID, printable(list.Name))
	for _, e := range edit.Add {
		line(&b, "put back", strings.TrimSpace(e.Block.String()+" "+printable(e.Description)))
	}
	if note != "" {
		line(&b, "", printable(note))
	}
	for _, e := range undo.ListExemptions(i, edit, ask) {
		line(&b, "exempt", fmt.Sprintf("%s from %s until %s (%s)", e.Group, e.Policy, e.Until.Format(time.RFC3339), e.ID))
	}
	switch {
	case edit.IsEmpty():
		b.WriteString("there is nothing to put back\n")
	case !u.yes:
		b.WriteString("nothing was changed: --yes does it\n")
	}
	if err := tell(cmd, "%s", b.String()); err != nil || edit.IsEmpty() || !u.yes {
		return err
	}
	if err := undoer.Undo(cmd.Context(), i, edit, ask); err != nil {
		return outside(err)
	}
	return tell(cmd, "done: %s holds %d entries more\n", i.List.ID, len(edit.Add))
}
