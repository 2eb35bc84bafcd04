package warden

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sgwarden/sgwarden/internal/incident"
)

// TestWhoWidensAgainAndAgainGetsNoMoreTime: what violates a policy without a gap has
// the time that it had when it began to.
func TestWhoWidensAgainAndAgainGetsNoMoreTime(t *testing.T) {
	hour := policyText("ssh", "{do: revert, after: 1h}", "")
	t.Run("a rule", func(t *testing.T) {
		w := newWorld(t, hour)
		w.judge1(w.authorize(groupA, "ingress tcp/22 from 8.0.0.0/9"))
		for _, value := range []string{eighth, "ingress tcp/22 from 8.0.0.0/7", "ingress tcp/22 from 8.0.0.0/6"} {
			w.wait(19 * time.Minute)
			require.Equal(t, incident.Pending, w.judge1(w.modify(groupA, ruleOne, value)).Outcome)
		}
		require.Len(t, w.sent(), 4, "each growth is told")
		w.wait(3 * time.Minute)
		require.Equal(t, incident.Reverted, w.judge1(judgeGroup(groupA, "sweep", "")).Outcome)
		w.requireOpen(groupA)
		require.Empty(t, w.memory(groupA).Open)
	})
	t.Run("a rule, once its time is over", func(t *testing.T) {
		w := newWorld(t, hour)
		w.judge1(w.authorize(groupA, eighth))
		w.wait(time.Hour)
		require.Equal(t, incident.Reverted, w.judge1(w.modify(groupA, ruleOne, ssh)).Outcome)
		w.requireOpen(groupA)
	})
	t.Run("a list", func(t *testing.T) {
		w := grownList(t, hour)
		w.holds(ownList, "8.8.8.0/29", "8.0.0.0/9")
		w.requirePendingList("waiting", w.decisions(w.edit(1), 1), groupA, groupB)
		w.wait(50 * time.Minute)
		w.holds(ownList, "8.8.8.0/29", "8.0.0.0/9", "54.0.0.0/8")
		w.decisions(w.edit(2), 1)
		require.Len(t, w.blocks(ownList), 3)
		w.wait(11 * time.Minute)
		w.judge1(judgeGroup(ownList, "sweep", ""))
		require.Equal(t, []string{"8.8.8.0/29"}, w.blocks(ownList))
	})
	t.Run("another policy's time is its own", func(t *testing.T) {
		narrow := policyText("ssh", "{do: narrow, after: 1h}", "")
		w := newWorld(t, narrow+strings.NewReplacer("id: ssh", "id: telnet", "[22]", "[23]").Replace(narrow))
		w.judge1(w.authorize(groupA, eighth))
		w.wait(50 * time.Minute)
		w.judge1(w.modify(groupA, ruleOne, "ingress tcp/22-23 from 8.0.0.0/8"))
		w.wait(11 * time.Minute)
		w.judge1(judgeGroup(groupA, "sweep", ""))
		w.requireOpen(groupA, "ingress tcp/23 from 8.0.0.0/8")
		w.wait(48 * time.Minute)
		w.judge1(judgeGroup(groupA, "sweep", ""))
		w.requireOpen(groupA, "ingress tcp/23 from 8.0.0.0/8")
		w.wait(2 * time.Minute)
		w.judge1(judgeGroup(groupA, "sweep", ""))
		w.requireOpen(groupA)
	})
	t.Run("a part that is made beside", func(t *testing.T) {
		ftp := strings.NewReplacer("id: ssh", "id: ftp", "[22]", "[21]").Replace(hour)
		w := newWorld(t, policyText("ssh", "{do: narrow, parts: 2}", "")+ftp)
		w.judge1(w.authorize(groupA, "ingress tcp/21 from 0.0.0.0/0"))
		w.wait(50 * time.Minute)
		require.Equal(t, incident.Narrowed, w.judge1(w.modify(groupA, ruleOne, "ingress tcp/21-80 from 0.0.0.0/0")).Outcome)
		w.requireOpen(groupA, "ingress tcp/21 from 0.0.0.0/0", "ingress tcp/23-80 from 0.0.0.0/0")
		w.wait(11 * time.Minute)
		w.judge1(judgeGroup(groupA, "sweep", ""))
		w.requireOpen(groupA, "ingress tcp/23-80 from 0.0.0.0/0")
	})
	t.Run("what was put back has its own time", func(t *testing.T) {
		w := newWorld(t, hour)
		w.judge1(w.authorize(groupA, office))
		w.judge1(w.modify(groupA, ruleOne, eighth))
		w.wait(61 * time.Minute)
		require.Equal(t, incident.Reverted, w.judge1(judgeGroup(groupA, "sweep", "")).Outcome)
		w.requireOpen(groupA, office)
		w.wait(time.Minute)
		require.Equal(t, incident.Pending, w.judge1(w.modify(groupA, ruleOne, eighth)).Outcome)
	})
	t.Run("what was in order between has its own time", func(t *testing.T) {
		w := newWorld(t, hour)
		w.judge1(w.authorize(groupA, eighth))
		w.wait(50 * time.Minute)
		w.judge1(w.modify(groupA, ruleOne, office))
		w.wait(time.Minute)
		require.Equal(t, incident.Pending, w.judge1(w.modify(groupA, ruleOne, eighth)).Outcome)
		w.wait(30 * time.Minute)
		require.Equal(t, incident.Pending, w.judge1(judgeGroup(groupA, "sweep", "")).Outcome)
		w.wait(31 * time.Minute)
		require.Equal(t, incident.Reverted, w.judge1(judgeGroup(groupA, "sweep", "")).Outcome)
		w.requireOpen(groupA, office)
	})
}
