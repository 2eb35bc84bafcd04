package warden

import (
	"bytes"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sgwarden/sgwarden/internal/incident"
)

// editBy is the record of an edit by somebody else than all others.
func (w *world) editBy(actor string, version int) []byte {
	body := bytes.ReplaceAll(w.edit(version), []byte(ann), []byte(actor))
	return bytes.ReplaceAll(body, []byte(`"eventID":"e-`), []byte(`"eventID":"e-other-`))
}

// twiceEdited is a list that eve widened, and ann then gave an office.
func twiceEdited(t *testing.T) *world {
	w := grownList(t, revertSSH)
	w.holds(ownList, "8.8.8.0/29", "0.0.0.0/0")
	w.holds(ownList, "8.8.8.0/29", "0.0.0.0/0", "9.9.9.0/29")
	return w
}

// TestAnEditThatIsFollowedByAnotherHasItsActor: the version that is judged is
// another by then, and the record is of who brought the entry all the same.
func TestAnEditThatIsFollowedByAnotherHasItsActor(t *testing.T) {
	w := twiceEdited(t)
	w.decisions(w.editBy(eve, 1), 1)
	require.Equal(t, []string{"8.8.8.0/29", "9.9.9.0/29"}, w.blocks(ownList))
	require.Equal(t, eve, w.ofList().Actor.ARN)
	w.wait(time.Second)
	w.decisions(w.edit(2), 1)
	require.Equal(t, []string{"acted reverted"}, w.sent())
	require.Equal(t, eve, w.ofList().Actor.ARN)
}

// TestWhoMadeTheLatestVersionOfAListIsNotBlamed for what an earlier one brought.
// Its record completes the incident, once.
func TestWhoMadeTheLatestVersionOfAListIsNotBlamed(t *testing.T) {
	for name, mayFail := range map[string]bool{"told at once": false, "told with the next delivery": true} {
		t.Run(name, func(t *testing.T) {
			w := twiceEdited(t)
			first := w.editBy(eve, 1)
			w.decisions(w.edit(2), 1)
			require.Equal(t, incident.Reverted, w.ofList().Outcome)
			require.False(t, w.ofList().Actor.Attributed)
			w.wait(time.Second)
			if mayFail {
				w.publisher.on = failing(incident.ErrUnavailable)
				for _, d := range w.decisions(first, 1) {
					require.True(t, d.Retry)
				}
				w.publisher.on = nil
				w.wait(5 * time.Minute) // the lease of the one that failed
			}
			for times := range 3 {
				w.decisions(first, times+2)
				require.Equal(t, []string{"acted reverted", "attributed reverted"}, w.sent())
				require.Equal(t, eve, w.ofList().Actor.ARN)
				require.Empty(t, w.memory(ownList).Open)
				require.Equal(t, []string{"8.8.8.0/29", "9.9.9.0/29"}, w.blocks(ownList))
			}
			require.Equal(t, "ModifyManagedPrefixList", w.ofList().APICall)
		})
	}
}

// TestAListWhoseVersionsCannotBeRead is taken for the work of who made the one that
// was judged.
func TestAListWhoseVersionsCannotBeRead(t *testing.T) {
	for version, attributed := range map[int]bool{1: false, 2: true} {
		w := twiceEdited(t)
		w.ec2.oldErr = incident.ErrDenied
		w.decisions(w.edit(version), 1)
		require.Equal(t, incident.Alerted, w.ofList().Outcome)
		require.Equal(t, attributed, w.ofList().Actor.Attributed)
	}
}

// TestEachGrowthOfAListHasItsActor: a record completes the open incident of what
// its version brought, and no later one.
func TestEachGrowthOfAListHasItsActor(t *testing.T) {
	w := grownList(t, revertSSH)
	w.pause("")
	w.holds(ownList, "8.8.8.0/29", "9.0.0.0/8")
	w.sweptOutcomes(groupA, groupB)
	w.holds(ownList, "8.8.8.0/29", "9.0.0.0/8", "11.0.0.0/8")
	actors := func() map[int64]string {
		got := map[int64]string{}
		for _, i := range w.memory(ownList).Open {
			got[i.List.Judged] = i.Actor.ARN
		}
		return got
	}
	require.Equal(t, map[int64]string{2: ""}, actors())
	w.decisions(w.editBy(eve, 1), 1)
	require.Equal(t, map[int64]string{2: eve, 3: ""}, actors())
	w.decisions(w.edit(2), 1)
	require.Equal(t, map[int64]string{2: eve, 3: ann}, actors())
}

// TestAListWhoseMessageIsOwedIsToldWithItsActor: the record of who made it comes
// before what was done could be told. That has one message, and an end.
func TestAListWhoseMessageIsOwedIsToldWithItsActor(t *testing.T) {
	w := twiceEdited(t)
	w.publisher.on = failing(incident.ErrUnavailable)
	for _, d := range w.decisions(w.edit(2), 1) {
		require.True(t, d.Retry)
	}
	require.Equal(t, []string{"8.8.8.0/29", "9.9.9.0/29"}, w.blocks(ownList))
	w.publisher.on = nil
	w.wait(5 * time.Minute) // the lease
	for n := range 2 {
		w.decisions(w.editBy(eve, 1), n+1)
		require.Equal(t, []string{"acted reverted"}, w.sent())
		require.Empty(t, w.memory(ownList).Open)
		require.Equal(t, eve, w.ofList().Actor.ARN)
	}
}
