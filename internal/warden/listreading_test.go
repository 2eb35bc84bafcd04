package warden

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sgwarden/sgwarden/internal/incident"
)

// TestAGroupThatIsNotUnderstoodHidesNoList: one group with a rule of a kind that
// nobody knows yet must not keep the others from being judged.
func TestAGroupThatIsNotUnderstoodHidesNoList(t *testing.T) {
	w := grownList(t, revertSSH, sshList)
	w.ec2.unclear = groupC
	w.holds(ownList, "8.8.8.0/29", "0.0.0.0/0")
	got := w.decisions(w.edit(1), 1)
	require.Equal(t, incident.Alerted, got[""].Outcome)
	require.Equal(t, incident.Alerted, got[groupA].Outcome)
	require.Equal(t, incident.Alerted, got[groupB].Outcome)
	require.True(t, got[groupC].Retry)
	require.Contains(t, w.ofList().Reason, groupC)
	require.Equal(t, []string{"8.8.8.0/29", "0.0.0.0/0"}, w.blocks(ownList), "what that group needs is not known")
	require.Contains(t, w.sent(), "opened alerted")
	w.judge1(w.authorize(groupA, ssh))
	w.requireOpen(groupA, sshList)
	t.Run("what passes comes again", func(t *testing.T) {
		w := grownList(t, revertSSH)
		w.holds(ownList, "8.8.8.0/29", "0.0.0.0/0")
		w.ec2.unclear, w.ec2.unclearErr = groupB, incident.ErrThrottled
		require.True(t, w.decisions(w.edit(1), 1)[""].Retry)
		require.Empty(t, w.sent())
		w.ec2.unclear = ""
		require.Equal(t, incident.Reverted, w.decisions(w.edit(1), 2)[""].Outcome)
	})
}

// TestAListIsReadOnceForAllItsGroups, not once for each of them.
func TestAListIsReadOnceForAllItsGroups(t *testing.T) {
	w := newWorld(t, policyText("ssh", "alert", ""))
	w.holds(ownList, "8.8.8.0/29")
	var ids []string
	for n := range fanOutMost + 10 {
		id := fmt.Sprintf("sg-0ccccccccccccc%03d", n)
		ids = append(ids, id)
		w.ec2.make(id, id)
		w.ec2.add(id, parse(t, sshList))
		w.judge1(judgeGroup(id, "sweep", ""))
	}
	w.wait(time.Hour)
	w.reset()
	w.holds(ownList, "8.8.8.0/29", "0.0.0.0/0")
	w.decisions(w.edit(1), 1)
	require.Equal(t, []string{"opened alerted"}, w.sent())
	for _, id := range ids {
		d := w.judge1(judgeGroup(id, "settle", ""))
		require.Equal(t, incident.Alerted, d.Outcome)
		require.Equal(t, w.ofList().ID, d.IncidentID)
	}
	reads := 0
	for _, c := range w.ec2.calls {
		if c == "Group" {
			reads++
		}
	}
	require.LessOrEqual(t, reads, 2*len(ids))
	require.Equal(t, []string{"opened alerted"}, w.sent())
}

// TestAListThatIsEditedAllTheTimeIsTold: whoever is quick must not keep it quiet.
func TestAListThatIsEditedAllTheTimeIsTold(t *testing.T) {
	w := grownList(t, revertSSH)
	w.holds(ownList, "8.8.8.0/29", "0.0.0.0/0")
	w.ec2.changing[ownList] = 1000
	d := w.decisions(w.edit(1), 1)[""]
	require.Equal(t, incident.Unresolved, d.Outcome)
	require.True(t, d.Retry)
	require.Equal(t, []string{"opened unresolved"}, w.sent())
	w.decisions(w.edit(1), 2)
	require.Equal(t, []string{"opened unresolved"}, w.sent())
	require.Equal(t, "changed-by-another", w.memory(ownList).Open[0].Reason)
	w.ec2.changing[ownList] = 0
	require.Equal(t, incident.Reverted, w.decisions(w.edit(1), 3)[""].Outcome)
	require.Equal(t, []string{"opened unresolved", "acted reverted"}, w.sent())
	require.Empty(t, w.memory(ownList).Open)
}
