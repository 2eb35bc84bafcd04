package warden

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sgwarden/sgwarden/internal/incident"
	"github.com/sgwarden/sgwarden/internal/secgroup"
)

// deniedList is a list that grew, and whose growth may not be taken back.
func deniedList(t *testing.T) *world {
	w := grownList(t, revertSSH)
	w.holds(ownList, "8.8.8.0/29", "0.0.0.0/0")
	w.failing("ModifyManagedPrefixList", incident.ErrDenied)
	w.decisions(w.edit(1), 1)
	require.Equal(t, []string{"opened cannot-remediate"}, w.sent())
	require.Len(t, w.memory(ownList).Open, 1)
	w.wait(time.Hour)
	w.queue.asked = nil
	return w
}

// looks delivers what was asked for of a list, and counts it.
func (w *world) looks(id string) (n int) {
	w.t.Helper()
	asked := w.queue.asked
	w.queue.asked = nil
	for _, a := range asked {
		if a.group == id {
			n++
			w.wait(a.delay)
			w.judge1(judgeGroup(a.group, a.cause, a.incident))
		}
	}
	return n
}

// TestAListThatNobodyRefersToAnyMore: its incident ends, whoever notices, and is not
// said to be in order.
func TestAListThatNobodyRefersToAnyMore(t *testing.T) {
	for name, leave := range map[string]func(w *world, group string){
		"rules that are gone without an event": func(w *world, group string) {
			w.ec2.remove(group, w.ec2.group(group)[0].ID)
			w.judge1(judgeGroup(group, "sweep", ""))
		},
		"rules that are revoked": func(w *world, group string) {
			w.judge1(w.revoke(group, w.ec2.group(group)[0].ID))
			w.judge1(judgeGroup(group, "sweep", ""))
		},
		"groups that are gone": func(w *world, group string) {
			delete(w.ec2.groups, group)
			w.judge1(judgeGroup(group, "sweep", ""))
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := deniedList(t)
			leave(w, groupA)
			require.Equal(t, 1, w.looks(ownList))
			require.Len(t, w.memory(ownList).Open, 1, "another group refers to it")
			require.Equal(t, []string{"opened cannot-remediate"}, w.sent())
			leave(w, groupB)
			require.Equal(t, 1, w.looks(ownList))
			require.Equal(t, []string{"opened cannot-remediate", "resolved gone"}, w.sent())
			require.Empty(t, w.memory(ownList).Open)
			w.sweptOutcomes(groupA, groupB)
			require.Zero(t, w.looks(ownList), "nobody asks again")
		})
	}
	t.Run("what it lost again without an event", func(t *testing.T) {
		w := deniedList(t)
		w.holds(ownList, "8.8.8.0/29")
		w.sweptOutcomes(groupA, groupB)
		require.Positive(t, w.looks(ownList))
		require.Equal(t, []string{"opened cannot-remediate", "resolved already-compliant"}, w.sent())
		require.Empty(t, w.memory(ownList).Open)
	})
}

// TestALookAtAListThatIsFine costs nothing, and changes nothing.
func TestALookAtAListThatIsFine(t *testing.T) {
	w := grownList(t, revertSSH)
	d := w.judge1(judgeGroup(ownList, "sweep", ""))
	require.Equal(t, incident.Compliant, d.Outcome)
	require.Empty(t, w.ec2.calls)
	require.Empty(t, w.sent())
}

// TestAnOpenIncidentOfAListIsNotOverBecauseNobodyCanTell.
func TestAnOpenIncidentOfAListIsNotOverBecauseNobodyCanTell(t *testing.T) {
	for name, c := range map[string]struct{ hide, show func(w *world) }{
		"paused": {
			func(w *world) { require.NoError(w.t, w.store.Operator().Pause(w.t.Context(), "", "CHG-9")) },
			func(w *world) { require.NoError(w.t, w.store.Operator().Resume(w.t.Context(), "")) },
		},
		"unreadable": {
			func(w *world) {
				w.ec2.shadow = map[string]secgroup.PrefixList{ownList: w.ec2.lists[ownList]}
				delete(w.ec2.lists, ownList)
			},
			func(w *world) { w.ec2.lists[ownList] = w.ec2.shadow[ownList] },
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := deniedList(t)
			c.hide(w)
			w.decisions(w.edit(1), 2)
			w.judge1(judgeGroup(ownList, "sweep", ""))
			require.NotContains(t, w.sent(), "resolved already-compliant")
			require.Len(t, w.memory(ownList).Open, 1)
			w.ec2.on = nil
			c.show(w)
			w.sweptOutcomes(groupA, groupB)
			require.Equal(t, []string{"8.8.8.0/29"}, w.blocks(ownList))
			require.Contains(t, w.sent(), "acted reverted")
			require.Empty(t, w.memory(ownList).Open)
		})
	}
}

// TestAListWhoseGroupsWentWithoutAnEvent: no group is left that would lead to it, and
// no pass meets one that is gone. Its messages and records end what is open.
func TestAListWhoseGroupsWentWithoutAnEvent(t *testing.T) {
	gone := func(w *world) {
		w.ec2.drop(groupA)
		w.ec2.drop(groupB)
	}
	t.Run("the record that failed comes again", func(t *testing.T) {
		w := deniedList(t)
		gone(w)
		require.False(t, w.decisions(w.edit(1), 2)[""].Retry)
		require.Equal(t, []string{"opened cannot-remediate", "resolved gone"}, w.sent())
		require.Empty(t, w.memory(ownList).Open)
		w.reset()
		w.decisions(w.edit(1), 3)
		require.Empty(t, w.sent())
		require.Empty(t, mutations(w.ec2.calls))
	})
	t.Run("the message of what is held", func(t *testing.T) {
		w := grownList(t, revertSSH)
		w.pause("")
		w.holds(ownList, "8.8.8.0/29", "0.0.0.0/0")
		w.decisions(w.edit(1), 1)
		gone(w)
		require.Equal(t, 1, w.looks(ownList))
		require.Equal(t, []string{"opened pending", "resolved gone"}, w.sent())
		require.Empty(t, w.memory(ownList).Open)
	})
}
