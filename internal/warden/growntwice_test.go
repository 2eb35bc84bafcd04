package warden

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sgwarden/sgwarden/internal/incident"
)

// twice is an account in which a rule was opened, and widened, while all was held: it
// has two open incidents.
func twice(t *testing.T) (w *world, one, two Decision) {
	t.Helper()
	w, one = pausedAt8(t, "")
	two = w.judge1(w.modify(groupA, ruleOne, ssh))
	require.Len(t, w.memory(groupA).Open, 2)
	w.unpause()
	return w, one, two
}

// TestARuleOfTwoIncidentsIsTakenBackOnceInAFight: each time it was taken back counts,
// and not each incident of it.
func TestARuleOfTwoIncidentsIsTakenBackOnceInAFight(t *testing.T) {
	w, _, _ := twice(t)
	w.judge1(judgeGroup(groupA, "sweep", ""))
	require.Equal(t, []string{"opened pending", "opened pending", "acted reverted", "acted reverted"}, w.sent())
	for range 2 {
		w.wait(time.Minute)
		w.judge1(w.authorizeBy(eve, groupA, ssh))
	}
	require.Equal(t, []string{"acted reverted", "acted reverted"}, w.sent()[4:], "it was taken back three times")
	w.wait(time.Minute)
	w.judge1(w.authorizeBy(eve, groupA, ssh))
	require.Equal(t, []string{"contested reverted"}, w.sent()[6:])
	require.Empty(t, w.texts(groupA))
	require.Empty(t, w.memory(groupA).Open)
}

// TestARuleOfTwoIncidentsIsTakenBackWithoutTheLedger: it is told at once, and both
// incidents end when the ledger is back.
func TestARuleOfTwoIncidentsIsTakenBackWithoutTheLedger(t *testing.T) {
	w, one, two := twice(t)
	body := w.modify(groupA, ruleOne, "ingress tcp/22-23 from 0.0.0.0/0")
	w.down()
	d := w.judge1(body)
	require.True(t, d.Retry)
	require.Equal(t, incident.Reverted, d.Rules[0].Outcome)
	require.Empty(t, w.texts(groupA))
	require.Equal(t, []string{"acted reverted"}, w.sent()[2:])

	w.up()
	require.False(t, w.judgeTimes(body, 2).Retry)
	require.Empty(t, w.memory(groupA).Open)
	ended := w.incidents(groupA)
	for _, id := range []string{one.IncidentID, two.IncidentID} {
		require.Equal(t, incident.Reverted, ended[id].Outcome, id)
	}
	sent := len(w.sent())
	w.judge1(judgeGroup(groupA, "sweep", ""))
	require.Len(t, w.sent(), sent, "all was told")
}

// TestARuleOfTwoIncidentsUnderAStaleTable: what was open before the table was restored
// is over without a message, and only what a record names is taken back.
func TestARuleOfTwoIncidentsUnderAStaleTable(t *testing.T) {
	w, one, two := twice(t)
	w.wait(time.Minute)
	require.NoError(t, w.store.Operator().PutStamp(context.Background(), w.clock()))
	w.wait(25 * time.Hour)
	w.judge1(judgeGroup(groupA, "sweep", ""))
	w.requireOpen(groupA, ssh)
	ended := w.incidents(groupA)
	for _, id := range []string{one.IncidentID, two.IncidentID} {
		require.Equal(t, "stale-ledger", ended[id].Reason, id)
	}
	require.Empty(t, w.memory(groupA).Open)
	require.Equal(t, []string{"opened pending", "opened pending", "opened unresolved"}, w.sent(), "one page")
	require.Equal(t, incident.Reverted, w.judge1(w.modify(groupA, ruleOne, "ingress tcp/22-23 from 0.0.0.0/0")).Outcome)
	w.requireOpen(groupA, ssh) // it stood before
}
