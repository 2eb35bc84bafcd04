package warden

import (
	"net/netip"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sgwarden/sgwarden/internal/incident"
	"github.com/sgwarden/sgwarden/internal/policy"
	"github.com/sgwarden/sgwarden/internal/secgroup"
)

// exemptList writes what `sgwarden undo` writes before it edits the list.
func (w *world) exemptList(i incident.Incident) {
	w.t.Helper()
	for _, r := range i.Rules {
		var rules []secgroup.Rule
		for _, e := range i.List.Removed {
			flow := *r.Before
			flow.ID, flow.Peer = "", secgroup.NewCIDR(e.Block)
			rules = append(rules, flow)
		}
		e := policy.Exemption{ID: incident.UndoExemption(i.ID, "ssh"), Policy: "ssh", Group: r.GroupID, Rules: rules, Owner: "net", Reason: "agreed", Until: w.clock().Add(24 * time.Hour)}
		require.NoError(w.t, w.store.Operator().PutExemption(w.t.Context(), e, w.clock()))
	}
}

// TestUndoingAListIsToldOnce, under the incident of the list, and not by each of
// its groups.
func TestUndoingAListIsToldOnce(t *testing.T) {
	for name, look := range map[string]func(w *world){
		"by its record": func(w *world) { w.decisions(w.edit(3), 1) },
		"by sweeps":     func(w *world) { w.sweptOutcomes(groupA, groupB) },
	} {
		t.Run(name, func(t *testing.T) {
			w := grownList(t, revertSSH)
			chat := &sinkDouble{name: "chat"}
			w.cfg.Sinks = []Sink{chat}
			w.restart()
			w.holds(ownList, "8.8.8.0/29", "0.0.0.0/0")
			w.decisions(w.edit(1), 1)
			taken := w.ofList()
			require.Equal(t, incident.Reverted, taken.Outcome)
			w.exemptList(taken)
			w.wait(time.Minute)
			w.holds(ownList, "8.8.8.0/29", "0.0.0.0/0")
			look(w)
			require.Equal(t, []string{"8.8.8.0/29", "0.0.0.0/0"}, w.blocks(ownList))
			require.Equal(t, []string{"acted reverted", "undone reverted"}, w.sent())
			require.Equal(t, w.sent(), chat.told)
			undone := w.publisher.messages()[1]
			require.Equal(t, taken.ID, undone.ID)
			require.Equal(t, []netip.Prefix{netip.MustParsePrefix("0.0.0.0/0")}, secgroup.Blocks(undone.List.Removed))
			require.Contains(t, undone.Notes[len(undone.Notes)-2]+undone.Notes[len(undone.Notes)-1], "agreed")
			w.wait(time.Minute)
			look(w)
			w.sweptOutcomes(groupA, groupB)
			w.decisions(w.edit(3), 2)
			require.Equal(t, []string{"acted reverted", "undone reverted"}, w.sent(), "nobody is told twice")
			require.Empty(t, w.memory(ownList).Open)
			require.Empty(t, w.memory(groupA).Open)
		})
	}
}

// TestUndoingAListWhenNobodyCanBeTold is told later, once, and hides no growth.
func TestUndoingAListWhenNobodyCanBeTold(t *testing.T) {
	w := grownList(t, revertSSH)
	chat := &sinkDouble{name: "chat"}
	w.cfg.Sinks = []Sink{chat}
	w.restart()
	w.holds(ownList, "8.8.8.0/29", "0.0.0.0/0")
	w.decisions(w.edit(1), 1)
	w.exemptList(w.ofList())
	w.wait(time.Minute)
	w.holds(ownList, "8.8.8.0/29", "0.0.0.0/0")
	w.publisher.on = failing(incident.ErrUnavailable)
	for _, d := range w.decisions(w.edit(3), 1) {
		require.True(t, d.Retry)
	}
	require.Equal(t, []string{"acted reverted"}, w.sent())

	w.publisher.on, chat.on = nil, failing(incident.ErrThrottled)
	w.wait(2 * time.Minute)
	w.restart()
	w.holds(ownList, "8.8.8.0/29", "0.0.0.0/0", "::/0")
	got := w.decisions(w.edit(4), 1)
	require.Equal(t, incident.Reverted, got[""].Outcome, "what was not agreed goes again")
	require.Equal(t, []string{"8.8.8.0/29", "0.0.0.0/0"}, w.blocks(ownList))
	require.ElementsMatch(t, []string{"acted reverted", "acted reverted", "undone reverted"}, w.sent())
	chat.on = nil
	w.decisions(w.edit(4), 2)
	w.sweptOutcomes(groupA, groupB)
	require.Len(t, w.sent(), 3)
	require.ElementsMatch(t, []string{"acted reverted", "acted reverted", "undone reverted"}, chat.told)
	require.Empty(t, w.memory(ownList).Open)
}
