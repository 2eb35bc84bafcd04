package warden

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sgwarden/sgwarden/internal/incident"
)

// TestWhatAListHoldsIsNotedByEveryLook, also where its rule cannot be due yet: no pass
// need come between that look and the growth of the list, and then it is the list that
// loses what it got, and not the group its rule.
func TestWhatAListHoldsIsNotedByEveryLook(t *testing.T) {
	const made = "ingress tcp/22 from 8.0.0.0/8"
	stale := func(w *world) {
		require.NoError(w.t, w.store.Operator().PutStamp(w.t.Context(), w.clock()))
		w.wait(25 * time.Hour)
	}
	resumed := func(w *world) {
		require.NoError(w.t, w.store.Operator().ResumeLedger(w.t.Context(), w.clock()))
	}
	for name, c := range map[string]struct{ begin, end func(w *world) }{
		"a rule first seen before the act":    {func(w *world) { w.noActs() }, func(w *world) { w.actsDone() }},
		"a rule first seen by a stale ledger": {stale, resumed},
		"a rule that a stale ledger knows": {
			func(w *world) {
				require.Equal(w.t, incident.Compliant, w.judge1(judgeGroup(groupA, "sweep", "")).Outcome)
				stale(w)
			}, resumed,
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, revertSSH)
			w.holds(ownList, "8.8.8.0/29")
			w.ec2.add(groupA, parse(t, sshList))
			c.begin(w)
			w.judge1(w.authorize(groupA, made)) // which names another rule of the group
			w.requireOpen(groupA, sshList)
			c.end(w)
			w.wait(time.Minute)
			w.holds(ownList, "8.8.8.0/29", "0.0.0.0/0")
			got := w.decisions(w.edit(1), 1)
			w.requireOpen(groupA, sshList)
			require.Equal(t, incident.Reverted, got[""].Outcome)
			require.Equal(t, []string{"8.8.8.0/29"}, w.blocks(ownList))
		})
	}
}
