package warden

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sgwarden/sgwarden/internal/incident"
)

func TestWhatCannotBeTakenBackIsToldOfOnceADay(t *testing.T) {
	w := newWorld(t, revertSSH)
	w.ec2.on = always("RevokeSecurityGroupIngress", incident.ErrDenied)
	w.authorize(groupA, ssh)
	sweep := judgeGroup(groupA, "sweep", "")
	w.judge1(sweep)
	require.Equal(t, []string{"opened cannot-remediate"}, w.sent())

	for day := 1; day <= 2; day++ {
		w.wait(23 * time.Hour)
		w.judge1(sweep)
		require.Len(t, w.sent(), day, "not before a day is over")
		w.wait(time.Hour)
		w.restart()
		w.judge1(sweep)
		w.judge1(sweep)
		require.Len(t, w.sent(), day+1)
		require.Equal(t, "reminder cannot-remediate", w.sent()[day])
	}

	w.ec2.on = nil
	w.judge1(sweep)
	require.Equal(t, "acted reverted", w.sent()[3])
	require.Empty(t, w.memory(groupA).Open)
}

func TestAReminderThatIsNotSentIsOwed(t *testing.T) {
	w := newWorld(t, revertSSH)
	w.ec2.on = always("RevokeSecurityGroupIngress", incident.ErrDenied)
	w.authorize(groupA, ssh)
	sweep := judgeGroup(groupA, "sweep", "")
	w.judge1(sweep)
	w.wait(25 * time.Hour)
	w.publisher.on = func(incident.Incident) error { return incident.ErrThrottled }
	require.True(t, w.judge1(sweep).Retry)
	w.publisher.on = nil
	w.judge1(sweep)
	w.judge1(sweep)
	require.Equal(t, []string{"opened cannot-remediate", "reminder cannot-remediate"}, w.sent())
}

func TestWhatWaitsOrIsHeldHasNoReminder(t *testing.T) {
	for name, policies := range map[string]string{"after": policyText("ssh", "{do: revert, after: 72h}", ""), "observe": revertSSH + "mode: observe\n"} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, policies)
			w.judge1(w.authorize(groupA, ssh))
			require.Len(t, w.sent(), 1)
			for range 2 {
				w.wait(25 * time.Hour)
				w.judge1(judgeGroup(groupA, "sweep", ""))
			}
			require.Len(t, w.sent(), 1)
		})
	}
}

func TestAListThatCannotBeTakenBackIsToldOfOnceADay(t *testing.T) {
	w := deniedList(t)
	for day := 1; day <= 2; day++ {
		w.wait(24 * time.Hour)
		for range 2 {
			w.sweptOutcomes(groupA)
		}
		require.Len(t, w.sent(), day+1)
		require.Equal(t, "reminder cannot-remediate", w.sent()[day])
	}
}
