package warden

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sgwarden/sgwarden/internal/incident"
	"github.com/sgwarden/sgwarden/internal/secgroup"
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

// TestAListThatGrewWhileNobodyCouldReadIt: the rules that refer to it were in order
// before, so that the list answers for what it holds once it can be read.
func TestAListThatGrewWhileNobodyCouldReadIt(t *testing.T) {
	for name, shown := range map[string]secgroup.PrefixList{
		"nothing is told of it":   {},
		"its entries are refused": {ID: ownList, OwnerID: account, Version: 2, Refused: "UnauthorizedOperation"},
	} {
		t.Run(name, func(t *testing.T) {
			w := grownList(t, revertSSH)
			w.holds(ownList, "8.8.8.0/29", "0.0.0.0/0")
			list := w.ec2.lists[ownList]
			if w.ec2.lists[ownList] = shown; shown.ID == "" {
				delete(w.ec2.lists, ownList)
			}
			for range 2 {
				got := w.decisions(w.edit(1), 1)
				require.Equal(t, incident.Alerted, got[groupA].Outcome)
				require.Equal(t, incident.Alerted, got[groupB].Outcome)
			}
			require.Equal(t, []string{"opened alerted", "opened alerted"}, w.sent())

			w.ec2.lists[ownList] = list
			w.sweptOutcomes(groupA, groupB)
			require.Equal(t, []string{"8.8.8.0/29"}, w.blocks(ownList))
			w.requireOpen(groupA, sshList)
			w.requireOpen(groupB, "ingress tcp/20-25 from "+ownList)
			require.Equal(t, 1, w.ec2.count("Mutations"))
			require.Equal(t, []string{"opened alerted", "opened alerted", "acted reverted"}, w.sent())
			require.Equal(t, incident.Reverted, w.ofList().Outcome)
		})
	}
}

// TestWhatWasLackingForAListIsAskedForAgain: what is refused once must not leave
// what was added in the list for good.
func TestWhatWasLackingForAListIsAskedForAgain(t *testing.T) {
	for name, c := range map[string]struct {
		refuse, allow func(e *ec2Double)
		also          string // what is told beside it
	}{
		"who else uses it": {refuse: func(e *ec2Double) { e.usersErr = incident.ErrDenied }, allow: func(e *ec2Double) { e.usersErr = nil }},
		"what it held":     {refuse: func(e *ec2Double) { e.oldErr = incident.ErrDenied }, allow: func(e *ec2Double) { e.oldErr = nil }},
		"a group that uses it": {
			refuse: func(e *ec2Double) { e.unclear, e.unclearErr = groupB, incident.ErrDenied }, allow: func(e *ec2Double) { e.unclear = "" },
			also: "opened cannot-remediate",
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := grownList(t, revertSSH)
			w.holds(ownList, "8.8.8.0/29", "0.0.0.0/0")
			c.refuse(w.ec2)
			require.Equal(t, incident.Alerted, w.decisions(w.edit(1), 1)[""].Outcome)
			reads := w.ec2.count("Group")
			w.judge1(judgeGroup(groupA, causeSettle, ""))
			require.LessOrEqual(t, w.ec2.count("Group"), reads+1, "not at once for every group that refers to it")
			w.wait(time.Minute)
			w.judge1(judgeGroup(groupA, causeSettle, ""))
			list := func() []string {
				return slices.DeleteFunc(w.sent(), func(m string) bool { return m == c.also })
			}
			require.Equal(t, []string{"opened alerted"}, list(), "told once")
			require.Equal(t, incident.Alerted, w.ofList().Outcome)

			c.allow(w.ec2)
			w.wait(time.Minute)
			w.sweptOutcomes(groupA, groupB)
			require.Equal(t, []string{"8.8.8.0/29"}, w.blocks(ownList))
			require.Equal(t, []string{"opened alerted", "acted reverted"}, list())
			require.Equal(t, incident.Reverted, w.ofList().Outcome)
		})
	}
	t.Run("what else stands against it is not asked for again", func(t *testing.T) {
		w := grownList(t, revertSSH)
		w.holds(ownList, "8.8.8.0/29", "0.0.0.0/0")
		w.ec2.usersErr = incident.ErrDenied
		w.decisions(w.edit(1), 1)
		w.ec2.usersErr, w.ec2.users = nil, []secgroup.ListUser{{ID: "rtb-0eeeeeeeeeeeeeeee", OwnerID: account}}
		w.wait(time.Minute)
		w.sweptOutcomes(groupA, groupB)
		reads := w.ec2.count("Group")
		w.wait(time.Minute)
		w.sweptOutcomes(groupA, groupB)
		require.Equal(t, reads+2, w.ec2.count("Group"))
		require.Equal(t, []string{"opened alerted"}, w.sent())
	})
}
