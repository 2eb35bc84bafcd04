package soak

import (
	"net/netip"
	"slices"
	"strings"

	"github.com/sgwarden/sgwarden/internal/localec2"
	"github.com/sgwarden/sgwarden/internal/secgroup"
)

// editOf gives what a call on a prefix list takes out and puts in.
func editOf(c localec2.Call) (id string, remove, add []netip.Prefix) {
	for name, values := range c.Params {
		switch {
		case name == "PrefixListId":
			id = values[0]
		case strings.HasPrefix(name, "RemoveEntry."):
			remove = append(remove, netip.MustParsePrefix(values[0]))
		case strings.HasPrefix(name, "AddEntry.") && strings.HasSuffix(name, ".Cidr"):
			add = append(add, netip.MustParsePrefix(values[0]))
		}
	}
	return id, remove, add
}

// liveIDs are the ids of all rules that are there.
func (w *world) liveIDs() map[string]bool {
	ids := map[string]bool{}
	for _, rules := range w.history.live {
		for _, r := range rules {
			ids[r.ID] = true
		}
	}
	return ids
}

// editedList notes what the guard did to a list.
func (w *world) editedList(c localec2.Call) {
	if c.Action != "ModifyManagedPrefixList" {
		return
	}
	id, remove, add := editOf(c)
	entries := slices.DeleteFunc(w.history.entries(id), func(p netip.Prefix) bool { return slices.Contains(remove, p) })
	w.history.lists[id] = append(entries, add...)
	w.versions[id]++
}

// checkListEdit holds an edit of a list, before it runs, against P5: some law
// refuses every rule that refers to the list. What is put in is within what goes.
func (w *world) checkListEdit(c localec2.Call) {
	if c.Action != "ModifyManagedPrefixList" {
		return
	}
	w.tally.check("P5 no list is edited that a compliant rule refers to")
	id, remove, add := editOf(c)
	for _, group := range w.order {
		for _, r := range w.history.live[group] {
			l, ok := r.Peer.(secgroup.PrefixList)
			if _, was := byID(w.step.trace[group][0], r.ID); w.step.raced[group] && !was {
				continue // let in while the guard worked: no call can compare that
			}
			if w.effects.plan.fault == "stale read" && !w.shownThen[r.ID] {
				continue // EC2 did not show it yet
			}
			if ok && l.ID == id && !w.mayTouch(c.Action, r.ID, w.history.rules[r.ID]) {
				w.blame("P5", "an edit of %s takes %v from %s of %s, which no law refuses", id, remove, r.ID, group)
			}
		}
	}
	if !secgroup.NewAddressSet(remove...).Covers(secgroup.NewAddressSet(add...)) {
		w.blame("P3", "an edit of %s opens %v, which was not open", id, add)
	}
}
