package warden

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sgwarden/sgwarden/internal/incident"
	"github.com/sgwarden/sgwarden/internal/secgroup"
)

// TestWhatWasLackingForAListThatWaits is asked for again too: once it is known that
// something will be taken out, the incident that was told waits for that, and no
// second one is told.
func TestWhatWasLackingForAListThatWaits(t *testing.T) {
	for kind, c := range map[string]struct {
		policies, reason, cause string
		delay                   time.Duration // of the message that the wait has
	}{
		"held":  {revertSSH, ReasonHeld, causeRetry, longestDelay},
		"after": {policyText("ssh", "{do: revert, after: 10m}", ""), reasonWaiting, causeAfter, 9 * time.Minute},
	} {
		for name, refuse := range map[string]func(e *ec2Double, err error){
			"who else uses it": func(e *ec2Double, err error) { e.usersErr = err },
			"what it held":     func(e *ec2Double, err error) { e.oldErr = err },
		} {
			t.Run(kind+", "+name, func(t *testing.T) {
				w := grownList(t, c.policies)
				if kind == "held" {
					w.pause("")
				}
				w.holds(ownList, "8.8.8.0/29", "0.0.0.0/0")
				refuse(w.ec2, incident.ErrDenied)
				told := w.decisions(w.edit(1), 1)[""]
				require.Equal(t, incident.Alerted, told.Outcome)
				require.Contains(t, told.Reason, "could not be read")
				reads := w.ec2.count("Group")
				require.Equal(t, []string{"alerted"}, w.sweptOutcomes(groupA))
				require.Equal(t, reads+1, w.ec2.count("Group"), "not at once for every group that refers to it")
				w.wait(30 * time.Second)
				require.Equal(t, []string{"alerted", "alerted"}, w.sweptOutcomes(groupA, groupB))
				require.Empty(t, w.asksFor(ownList), "nobody knows that something will be taken out")

				refuse(w.ec2, nil)
				w.wait(30 * time.Second)
				require.Equal(t, []string{"pending", "pending"}, w.sweptOutcomes(groupA, groupB))
				open := w.memory(ownList).Open
				require.Len(t, open, 1)
				require.Equal(t, told.IncidentID, open[0].ID)
				require.Equal(t, incident.Pending, open[0].Outcome)
				require.Equal(t, c.reason, open[0].Reason)
				require.Equal(t, ann, open[0].Actor.ARN, "no record led here, and it stays what its actor did")
				require.Equal(t, "ModifyManagedPrefixList", open[0].APICall)
				require.Equal(t, "event", open[0].Cause)
				require.Equal(t, []askedAgain{{ownList, c.cause, told.IncidentID, c.delay}}, w.asksFor(ownList))
				require.Equal(t, []string{"opened alerted"}, w.sent())

				w.resume("")
				require.Equal(t, 1, w.looks(ownList))
				require.Equal(t, []string{"8.8.8.0/29"}, w.blocks(ownList))
				require.Equal(t, []string{"opened alerted", "acted reverted"}, w.sent())
				require.Equal(t, told.IncidentID, w.ofList().ID)
				require.Equal(t, ann, w.ofList().Actor.ARN)
				require.Empty(t, w.memory(ownList).Open)
			})
		}
	}
}

// TestWhatIsLackingForAListThatWaitedAlready ends the wait, and begins it again.
func TestWhatIsLackingForAListThatWaitedAlready(t *testing.T) {
	w := grownList(t, revertSSH)
	w.pause("")
	w.holds(ownList, "8.8.8.0/29", "0.0.0.0/0")
	id := w.decisions(w.edit(1), 1)[""].IncidentID
	w.ec2.usersErr = incident.ErrDenied
	require.Equal(t, 1, w.looks(ownList))
	require.Empty(t, w.memory(ownList).Open)
	w.wait(time.Minute)
	require.Equal(t, []string{"alerted", "alerted"}, w.sweptOutcomes(groupA, groupB))
	w.ec2.usersErr = nil
	w.wait(time.Minute)
	require.Equal(t, []string{"pending", "pending"}, w.sweptOutcomes(groupA, groupB))
	require.Equal(t, id, w.memory(ownList).Open[0].ID)
	require.Equal(t, ann, w.memory(ownList).Open[0].Actor.ARN)
	w.resume("")
	require.Equal(t, 1, w.looks(ownList))
	require.Equal(t, []string{"8.8.8.0/29"}, w.blocks(ownList))
	require.Equal(t, []string{"opened pending", "acted reverted"}, w.sent())
}

// TestWhatStoodAgainstItWhileItWasHeld stands no more: it waits like what was
// lacking.
func TestWhatStoodAgainstItWhileItWasHeld(t *testing.T) {
	w := grownList(t, revertSSH)
	w.pause("")
	w.holds(ownList, "8.8.8.0/29", "0.0.0.0/0")
	w.ec2.users = []secgroup.ListUser{{ID: "rtb-0eeeeeeeeeeeeeeee", OwnerID: account}}
	require.Equal(t, incident.Alerted, w.decisions(w.edit(1), 1)[""].Outcome)
	w.ec2.users = nil
	w.wait(time.Minute)
	require.Equal(t, incident.Pending, w.decisions(w.edit(1), 2)[""].Outcome)
	w.resume("")
	require.Equal(t, 1, w.looks(ownList))
	require.Equal(t, []string{"8.8.8.0/29"}, w.blocks(ownList))
	require.Equal(t, []string{"opened alerted", "acted reverted"}, w.sent())
}

// TestASinkLacksWhatWasToldOfAListThatLacks: what it is owed and what comes next are
// one incident, which is written once.
func TestASinkLacksWhatWasToldOfAListThatLacks(t *testing.T) {
	for _, held := range []bool{false, true} {
		w := grownList(t, revertSSH)
		chat := &sinkDouble{name: "chat", on: failing(incident.ErrThrottled)}
		w.cfg.Sinks = []Sink{chat}
		w.restart()
		if held {
			w.pause("")
		}
		w.holds(ownList, "8.8.8.0/29", "0.0.0.0/0")
		w.ec2.usersErr = incident.ErrDenied
		require.True(t, w.decisions(w.edit(1), 1)[""].Retry)
		require.Len(t, w.memory(ownList).Open, 1)

		w.ec2.usersErr = nil
		w.wait(time.Minute)
		w.decisions(w.edit(1), 2)
		require.LessOrEqual(t, len(w.memory(ownList).Open), 1)
		w.resume("")
		chat.on = nil
		w.wait(time.Minute)
		w.decisions(w.edit(1), 3)
		require.Equal(t, []string{"8.8.8.0/29"}, w.blocks(ownList))
		require.Equal(t, []string{"opened alerted", "acted reverted"}, w.sent())
		require.Equal(t, "acted reverted", chat.told[len(chat.told)-1])
		require.Empty(t, w.memory(ownList).Open)
	}
}
