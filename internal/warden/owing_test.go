package warden

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sgwarden/sgwarden/internal/incident"
)

// TestSubscribersHearOfWhatComesWhileASinkIsOwed: an incident that is over, and
// open for a sink alone, is nobody's excuse to keep quiet about the next one.
func TestSubscribersHearOfWhatComesWhileASinkIsOwed(t *testing.T) {
	t.Run("a rule that got its value back is opened again", func(t *testing.T) {
		w, chat, _, m := withSinks(t, revertSSH)
		r := w.ec2.add(groupA, parse(t, https))
		w.judge1(judgeGroup(groupA, "sweep", ""))
		chat.on = failing(incident.ErrThrottled)
		first := w.modify(groupA, r.ID, ssh)
		require.Equal(t, incident.Reverted, w.judge1(first).Outcome)
		require.Equal(t, []string{"acted reverted"}, w.sent())
		w.wait(3 * time.Second)
		second := w.modify(groupA, r.ID, "ingress tcp/22-23 from 0.0.0.0/0")
		require.Equal(t, incident.Reverted, w.judge1(second).Outcome)
		require.Equal(t, []string{"acted reverted", "acted reverted"}, w.sent(), "the subscribers hear of both")
		chat.on = nil
		require.False(t, w.judgeTimes(second, 2).Retry)
		require.Equal(t, []string{"acted reverted", "acted reverted"}, chat.told)
		require.NotEqual(t, chat.all[0].ID, chat.all[1].ID)
		require.False(t, w.judgeTimes(first, 2).Retry)
		require.Len(t, chat.told, 2)
		require.Len(t, w.sent(), 2)
		require.Empty(t, w.memory(groupA).Open)
		require.Empty(t, m.names)
	})
	t.Run("an observed rule grows", func(t *testing.T) {
		w, chat, _, _ := withSinks(t, revertSSH, observing)
		chat.on = failing(incident.ErrThrottled)
		first := w.authorize(groupA, "ingress tcp/22 from 0.0.0.0/1")
		w.judge1(first)
		w.wait(3 * time.Second)
		w.judge1(w.modify(groupA, w.ec2.group(groupA)[0].ID, ssh))
		require.Equal(t, []string{"opened observed", "opened observed"}, w.sent())
		chat.on = nil
		require.False(t, w.judgeTimes(first, 2).Retry)
		require.Equal(t, []string{"opened observed", "opened observed"}, chat.told)
		require.Empty(t, w.memory(groupA).Open)
		w.judge1(judgeGroup(groupA, "sweep", ""))
		require.Len(t, w.sent(), 2, "nobody is told a third time")
	})
	t.Run("an observed rule that is seen again", func(t *testing.T) {
		w, chat, _, _ := withSinks(t, revertSSH, observing)
		chat.on = failing(incident.ErrThrottled)
		w.judge1(w.authorize(groupA, ssh))
		w.wait(3 * time.Second)
		w.judge1(w.authorize(groupA, "ingress tcp/22 from ::/0"))
		require.Equal(t, []string{"opened observed", "opened observed"}, w.sent())
		for _, i := range w.memory(groupA).Open {
			require.Len(t, i.Rules, 1, "each tells of its own")
		}
	})
	t.Run("the actor comes late", func(t *testing.T) {
		w, chat, bus, _ := withSinks(t, revertSSH)
		chat.on = failing(incident.ErrThrottled)
		record := w.authorize(groupA, ssh)
		look := judgeGroup(groupA, "sweep", "")
		require.True(t, w.judge1(look).Retry)
		require.Equal(t, []string{"acted reverted"}, w.sent())
		w.judge1(record)
		require.Equal(t, []string{"acted reverted", "attributed reverted"}, w.sent())
		chat.on = nil
		require.False(t, w.judgeTimes(look, 2).Retry)
		require.Equal(t, []string{"acted reverted", "attributed reverted"}, bus.told)
		require.Equal(t, []string{"attributed reverted"}, chat.told)
		require.True(t, chat.all[0].Actor.Attributed)
		require.Empty(t, w.memory(groupA).Open)
	})
	t.Run("a list that is alerted grows again", func(t *testing.T) {
		w := grownList(t, policyText("ssh", "alert", ""))
		chat := &sinkDouble{name: "chat", on: failing(incident.ErrThrottled)}
		w.cfg.Sinks = []Sink{chat}
		w.restart()
		w.holds(ownList, "8.8.8.0/29", "0.0.0.0/1")
		w.decisions(w.edit(1), 1)
		require.Equal(t, []string{"opened alerted"}, w.sent())
		w.wait(3 * time.Second)
		w.holds(ownList, "8.8.8.0/29", "0.0.0.0/1", "0.0.0.0/0")
		w.decisions(w.edit(2), 1)
		require.Equal(t, []string{"opened alerted", "opened alerted"}, w.sent())
		chat.on = nil
		w.decisions(w.edit(2), 2)
		require.Equal(t, []string{"opened alerted", "opened alerted"}, chat.told, "each state once")
		require.NotEqual(t, chat.all[0].ID, chat.all[1].ID)
		require.Empty(t, w.memory(ownList).Open)
		w.sweptOutcomes(groupA, groupB)
		require.Len(t, w.sent(), 2)
	})
	t.Run("a list that lost entries gets them again", func(t *testing.T) {
		w := grownList(t, revertSSH)
		chat := &sinkDouble{name: "chat", on: failing(incident.ErrThrottled)}
		w.cfg.Sinks = []Sink{chat}
		w.restart()
		for n := range 2 {
			w.holds(ownList, "8.8.8.0/29", "0.0.0.0/0")
			require.Equal(t, incident.Reverted, w.decisions(w.edit(2*n+1), 1)[""].Outcome)
			w.wait(3 * time.Second)
		}
		require.Equal(t, []string{"acted reverted", "acted reverted"}, w.sent())
		chat.on = nil
		w.decisions(w.edit(3), 2)
		require.Equal(t, []string{"acted reverted", "acted reverted"}, chat.told)
		require.Empty(t, w.memory(ownList).Open)
	})
}

// TestAPageThatASinkCannotTakeHoldsNothingUp: it is tried again by whoever comes
// by, and given up as others are.
func TestAPageThatASinkCannotTakeHoldsNothingUp(t *testing.T) {
	w, chat, _, m := withSinks(t, revertSSH, fused(2, 0))
	tried := 0
	chat.on = func(i incident.Incident) error {
		if i.Reason == reasonFuse {
			tried++
			return incident.ErrUnavailable
		}
		return nil
	}
	w.sweptOutcomes(w.unheard(3)...)
	require.Len(t, w.pages(), 1)
	for range 20 {
		w.judge1(judgeGroup(groupA, "sweep", ""))
		w.wait(time.Minute)
	}
	require.Len(t, w.pages(), 1)
	require.LessOrEqual(t, tried, sinkTries)
	require.Equal(t, []string{"chat"}, m.names)
}
