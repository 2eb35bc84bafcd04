package soak

import (
	"context"
	"net/netip"
	"slices"
	"strconv"
	"time"

	"github.com/sgwarden/sgwarden/internal/apply"
	"github.com/sgwarden/sgwarden/internal/incident"
	"github.com/sgwarden/sgwarden/internal/inventory"
	"github.com/sgwarden/sgwarden/internal/plan"
	"github.com/sgwarden/sgwarden/internal/secgroup"
	"github.com/sgwarden/sgwarden/internal/undo"
)

// ofLists are what messages about prefix lists say.
var ofLists = []string{
	"acted reverted", "opened pending held", "opened pending waiting", "opened alerted", "resolved already-compliant", "undone reverted",
	"another growth under an open incident",
}

// publishedOfList counts a message about a prefix list.
func (w *world) publishedOfList(i incident.Incident) {
	if i.List == nil {
		return
	}
	says := string(i.EventType) + " " + i.Outcome.String()
	if i.Outcome == incident.Pending {
		says += " " + i.Reason
	}
	w.tally.Lists[says]++
	if i.EventType != incident.Opened {
		return
	}
	memory, err := w.store.Observe(context.Background(), i.List.ID)
	if err != nil {
		w.blame("harness", "observe %s: %v", i.List.ID, err)
	}
	if slices.ContainsFunc(memory.Open, func(o incident.Incident) bool { return o.ID != i.ID && o.Outcome.StaysOpen() }) {
		w.tally.Lists["another growth under an open incident"]++
	}
}

// takenOut are the closed incidents in which entries were taken out of a list, the
// last word on each.
func (w *world) takenOut() (all []incident.Incident) {
	for _, id := range w.history.listIDs {
		entries, err := w.store.History(context.Background(), id)
		if err != nil {
			w.blame("harness", "history of %s: %v", id, err)
		}
		for _, e := range entries {
			i := e.Incident
			all = slices.DeleteFunc(all, func(o incident.Incident) bool { return o.ID == i.ID })
			if i.ClosedAt != nil && i.Outcome == incident.Reverted && len(i.List.Removed) > 0 {
				all = append(all, i)
			}
		}
	}
	return all
}

// undoList lets an operator undo an incident of a list, as `sgwarden undo` does.
func (w *world) undoList(i incident.Incident) {
	ctx := context.Background()
	client := w.client(operator.key)
	reads, applier := inventory.New(client), apply.New(client)
	list, err := reads.Managed(ctx, i.List.ID)
	if err != nil {
		w.blame("harness", "read %s: %v", i.List.ID, err)
		return
	}
	edit, note := undo.ListPlan(i, list)
	w.say("operator undoes %s of %s: %s", i.ID, i.List.ID, note)
	if edit.IsEmpty() {
		return
	}
	w.tally.Calls["operator: undo of a list"]++
	err = undo.ListUndoer{
		List: reads.Managed, Sleep: w.sleep, Now: w.clock, Exempt: w.exemptUndone,
		Apply: func(ctx context.Context, a plan.Action) incident.Result {
			w.step.actor, w.step.sets, w.queue.made = operator.arn, nil, nil
			res := applier.Apply(ctx, a)
			if res.Err == nil {
				w.history.lists[i.List.ID] = append(w.history.entries(i.List.ID), secgroup.Blocks(edit.Add)...)
				w.versions[i.List.ID]++
				w.observe(operator.arn)
			}
			w.mark(a.Call())
			w.say("  %s version %s -> %v", a.Call(), strconv.FormatInt(edit.Version, 10), res.Err)
			return res
		},
	}.Undo(ctx, i, edit, undo.Ask{Owner: "ops", Reason: "it was right", Until: w.clock().Add(time.Duration(10+w.random.IntN(110)) * time.Minute)})
	if err != nil {
		w.blame("undo", "of %s: %v", i.ID, err)
		return
	}
	w.tally.check("undo of a list puts back what was taken out")
	for _, e := range i.List.Removed {
		if !slices.Contains(w.history.entries(i.List.ID), e.Block) {
			w.blame("undo", "of %s: %s is not in %s", i.ID, e.Block, i.List.ID)
		}
	}
}

// checkListUndoingMessage: of the entries that it says are back some are in the list,
// or were a moment ago, and the rules that it names may have them: what a policy took
// from them is exempt.
func (w *world) checkListUndoingMessage(i incident.Incident) {
	if w.effects.plan.fault != "stale read" {
		w.checkUndoneRules(i)
	}
	back := func(e secgroup.ListEntry) bool { return slices.Contains(w.history.entries(i.List.ID), e.Block) }
	if w.effects.plan.fault != "stale read" && !slices.ContainsFunc(i.List.Removed, back) {
		w.blame("truth", "message of %s says that %v is back in %s, and it is not there", i.ID, secgroup.Blocks(i.List.Removed), i.List.ID)
	}
}

// checkUndoneRules holds the rules of such a message against the laws that they broke.
// One that is another by now is not what the message is about.
func (w *world) checkUndoneRules(i incident.Incident) {
	defer w.knowing()()
	for _, r := range i.Rules {
		live, isLive := byID(w.rules(r.GroupID), r.ID)
		if !isLive || r.Before == nil || !same(live, withoutAccount(*r.Before)) {
			continue
		}
		list, _ := live.Peer.(secgroup.PrefixList)
		back := live
		back.Peer = list.WithEntries(slices.DeleteFunc(w.history.entries(i.List.ID), func(p netip.Prefix) bool { return !secgroup.HasEntry(i.List.Removed, p) }))
		for _, l := range w.docket.laws {
			if !slices.Contains(r.Policies, l.id) {
				continue
			}
			w.tally.check("an undoing of a list is told of rules that may have it")
			if too := w.universe.of(back).and(w.forbiddenBut(l, r.GroupID, live)); !too.empty() {
				w.blame("truth", "message of %s says that an undoing stands, and law %s refuses %s of %s by it: %s", i.ID, l.id, r.ID, r.GroupID, w.inWords(too))
			}
		}
	}
}
