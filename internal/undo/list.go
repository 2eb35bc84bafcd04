package undo

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/sgwarden/sgwarden/internal/incident"
	"github.com/sgwarden/sgwarden/internal/plan"
	"github.com/sgwarden/sgwarden/internal/policy"
	"github.com/sgwarden/sgwarden/internal/secgroup"
)

// ListPlan says how a prefix list gets the entries back that sgwarden took out of
// it, descriptions included, as one edit of the version that it has. Entries that
// are there again stay as they are, and what sgwarden put back stays too: somebody
// may rely on it. note says why nothing is done, or of which entries not.
func ListPlan(i incident.Incident, list secgroup.ManagedList) (edit plan.EditList, note string) {
	edit = plan.EditList{ListID: list.ID, Version: list.Version}
	switch {
	case i.List == nil || i.Outcome != incident.Reverted || len(i.List.Removed) == 0:
		return edit, fmt.Sprintf("its outcome is %s: sgwarden does not know of anything that it took out of a list", i.Outcome)
	case !list.Readable:
		return edit, "the list cannot be read: " + list.Refused
	case list.Changing != "":
		return edit, "a change of the list is under way (" + list.Changing + "): look again in a minute"
	case list.Synced:
		return edit, "an IPAM resolver fills the list by now: its entries cannot be edited"
	}
	for _, e := range i.List.Removed {
		if !secgroup.HasEntry(list.Described, e.Block) {
			edit.Add = append(edit.Add, e)
		}
	}
	there := len(i.List.Removed) - len(edit.Add)
	switch size := len(list.Described) + len(edit.Add); {
	case len(edit.Add) == 0:
		return edit, "its entries are there already"
	case list.MaxEntries > 0 && size > list.MaxEntries:
		edit.Add = nil
		return edit, fmt.Sprintf("the list has room for %d entries, and would have %d: make it larger first", list.MaxEntries, size)
	case i.OmittedRules > 0:
		note = fmt.Sprintf("%d more rules refer to the list than the incident holds: exempt them too, or what goes back is taken out again", i.OmittedRules)
	case there > 0:
		note = fmt.Sprintf("%d of its entries are there already", there)
	}
	return edit, note
}

// ListExemptions are what lets the rules stand that refer to the list: one for
// each group and policy, of what they are with the entries that sgwarden took out.
// Asking again replaces it, so those that an earlier undoing put back are in it too.
func ListExemptions(i incident.Incident, edit plan.EditList, ask Ask) (out []policy.Exemption) {
	if edit.IsEmpty() {
		return nil
	}
	rules := map[[2]string][]secgroup.Rule{}
	var keys [][2]string
	for _, r := range i.Rules {
		for _, id := range r.Policies {
			key := [2]string{r.GroupID, id}
			if r.Before == nil || r.GroupID == "" {
				continue
			}
			if rules[key] == nil {
				keys = append(keys, key)
			}
			for _, e := range i.List.Removed {
				flow := *r.Before
				flow.ID, flow.Description, flow.Tags, flow.Peer = "", "", nil, secgroup.NewCIDR(e.Block)
				rules[key] = append(rules[key], flow)
			}
		}
	}
	slices.SortFunc(keys, func(a, b [2]string) int { return slices.Compare(a[:], b[:]) })
	for _, key := range keys {
		out = append(out, policy.Exemption{
			ID: incident.UndoExemption(i.ID, key[1]), Policy: key[1], Group: key[0], Rules: rules[key],
			Owner: ask.Owner, Reason: ask.Reason, Ticket: ask.Ticket, Until: ask.Until, Source: "ledger",
		})
	}
	return out
}

// ListUndoer carries the edit of a list out. All fields are required.
type ListUndoer struct {
	List   func(ctx context.Context, id string) (secgroup.ManagedList, error)
	Apply  func(ctx context.Context, a plan.Action) incident.Result
	Exempt func(ctx context.Context, e policy.Exemption, now time.Time) error
	Sleep  func(ctx context.Context, d time.Duration) error
	Now    func() time.Time
}

// lookAtList are the waits before a list is read back again: an edit is answered
// before it is complete, and takes longer than one of a rule.
var lookAtList = append(slices.Clone(lookAgain), 6*time.Second)

// Undo exempts first, or the guard would take the entries out again; then it
// edits the list, and reads back until the change is complete. An error means that
// not all of it is there, or not for sure.
func (u ListUndoer) Undo(ctx context.Context, i incident.Incident, edit plan.EditList, ask Ask) error {
	for _, e := range ListExemptions(i, edit, ask) {
		e.Made = u.Now()
		if err := u.Exempt(ctx, e, u.Now()); err != nil {
			return fmt.Errorf("undo %s: nothing was put back: %w", i.ID, err)
		}
	}
	called := u.Apply(ctx, edit).Err
	for n := 0; ; n++ {
		list, err := u.List(ctx, edit.ListID)
		isThere := err == nil && list.Readable && edit.IsDone(list.Described)
		switch {
		case isThere && list.Changing == "":
			return nil
		case n < len(lookAtList) && u.Sleep(ctx, lookAtList[n]) == nil:
			continue
		case called != nil:
			return fmt.Errorf("undo %s: %w", i.ID, called)
		case err != nil:
			return fmt.Errorf("undo %s: it could not be read back: %w", i.ID, err)
		case isThere:
			return fmt.Errorf("undo %s: %w (%s): look at %s in a minute", i.ID, ErrNotComplete, list.Changing, list.ID)
		}
		return fmt.Errorf("undo %s: %w", i.ID, ErrNotShown)
	}
}
