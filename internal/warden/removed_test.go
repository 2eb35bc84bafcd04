package warden

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sgwarden/sgwarden/internal/incident"
	"github.com/sgwarden/sgwarden/internal/secgroup"
)

// TestRecordsOfRemovedRulesCostNoRead: of a script that opens a group many
// times the first record takes everything back; the others find it done.
func TestRecordsOfRemovedRulesCostNoRead(t *testing.T) {
	w := newWorld(t, revertSSH)
	first := w.authorize(groupA, ssh)
	later := w.ec2.add(groupA, parse(t, "ingress tcp/22 from ::/0"))
	second := w.record(call{name: "AuthorizeSecurityGroupIngress", group: groupA, at: noon, rules: []secgroup.Rule{later}})
	require.Equal(t, incident.Reverted, w.judge1(first).Outcome)
	w.requireOpen(groupA)
	reads := func() int { return w.ec2.count("Group") + w.ec2.count("Rules") }
	before := reads()

	d := w.judge1(second)
	require.Equal(t, incident.AlreadyCompliant, d.Outcome)
	require.False(t, d.Retry)
	require.Equal(t, later.ID, d.Rules[0].ID)
	require.Equal(t, before, reads(), "nothing is read of a group for rules that are known to be gone")
	require.Equal(t, 1, w.ec2.count("Mutations"))
	for _, i := range w.closed(groupA) {
		require.True(t, i.Actor.Attributed, "the later record tells who made its rule")
	}
	require.Equal(t, incident.AlreadyCompliant, w.judgeTimes(second, 2).Outcome)
	require.Greater(t, reads(), before, "a record that comes again is a hint")
}

func TestRecordsOfRemovedRulesAreLookedAtWhereMoreIsAtStake(t *testing.T) {
	looks := func(t *testing.T, w *world, body []byte) bool {
		before := w.ec2.count("Group")
		w.judge1(body)
		return w.ec2.count("Group") > before
	}
	reverted := func(t *testing.T) (*world, secgroup.Rule) {
		w := newWorld(t, revertSSH)
		r := w.ec2.add(groupA, parse(t, ssh))
		require.Equal(t, incident.Reverted, w.judge1(w.record(call{name: "AuthorizeSecurityGroupIngress", group: groupA, at: noon, rules: []secgroup.Rule{r}})).Outcome)
		return w, r
	}
	t.Run("one rule of several", func(t *testing.T) {
		w, r := reverted(t)
		other := w.ec2.add(groupA, parse(t, "ingress tcp/443 from 10.0.0.0/8"))
		require.True(t, looks(t, w, w.record(call{name: "AuthorizeSecurityGroupIngress", group: groupA, at: noon, rules: []secgroup.Rule{r, other}})))
	})
	t.Run("modified", func(t *testing.T) {
		w, r := reverted(t)
		require.True(t, looks(t, w, w.record(call{name: "ModifySecurityGroupRules", group: groupA, at: noon, rules: []secgroup.Rule{r}})))
	})
	t.Run("gone without us", func(t *testing.T) {
		w := newWorld(t, revertSSH)
		r := w.ec2.add(groupA, parse(t, ssh))
		revoked := w.record(call{name: "RevokeSecurityGroupIngress", group: groupA, at: noon, rules: []secgroup.Rule{r}})
		w.ec2.remove(groupA, r.ID)
		w.judge1(revoked)
		require.True(t, looks(t, w, w.record(call{name: "AuthorizeSecurityGroupIngress", group: groupA, at: noon.Add(-time.Second), rules: []secgroup.Rule{r}})))
	})
	t.Run("an incident is open", func(t *testing.T) {
		w, r := reverted(t)
		w.ec2.add(groupA, parse(t, "ingress tcp/22 from ::/0"))
		w.ec2.on = always("RevokeSecurityGroupIngress", incident.ErrDenied)
		w.judge1(judgeGroup(groupA, "sweep", ""))
		require.NotEmpty(t, w.memory(groupA).Open)
		require.True(t, looks(t, w, w.record(call{name: "AuthorizeSecurityGroupIngress", group: groupA, at: noon, rules: []secgroup.Rule{r}})))
	})
}

// A read that lags can hide a rule whose removal was never answered: then its
// own record must lead to a look.
func TestRecordsOfRulesWhoseRemovalWasNotAnsweredAreLookedAt(t *testing.T) {
	w := newWorld(t, revertSSH)
	r := w.ec2.add(groupA, parse(t, ssh))
	record := w.record(call{name: "AuthorizeSecurityGroupIngress", group: groupA, rules: []secgroup.Rule{r}})
	w.ec2.on = func(name string) error {
		if name != "RevokeSecurityGroupIngress" {
			return nil
		}
		w.ec2.hide(r.ID, w.clock().Add(10*time.Second))
		return incident.ErrUnavailable
	}
	require.Equal(t, incident.Reverted, w.judge1(judgeGroup(groupA, "sweep", "")).Outcome)
	w.ec2.on = nil
	w.wait(10 * time.Second)
	w.ec2.reveal(w.clock())
	require.Equal(t, incident.Reverted, w.judge1(record).Outcome)
	w.requireOpen(groupA)
}
