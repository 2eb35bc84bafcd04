package warden

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sgwarden/sgwarden/internal/incident"
	"github.com/sgwarden/sgwarden/internal/secgroup"
)

// TestARuleThatOneReadMissed: EC2 may show a group as it was before a rule was
// made, though an earlier read had shown the rule. What is known of it must be
// known again when it is back: its id is of no other rule.
func TestARuleThatOneReadMissed(t *testing.T) {
	const pipeline = "arn:aws:iam::123456789012:role/network-admin"
	missOnce := func(w *world, id string) {
		w.ec2.hide(id, w.clock().Add(10*time.Second))
		require.Equal(t, incident.Compliant, w.judge1(judgeGroup(groupA, "sweep", "")).Outcome)
		require.NotContains(t, w.memory(groupA).Known.Rules, id)
		w.wait(20 * time.Minute)
		w.ec2.reveal(w.clock())
	}
	t.Run("who made it", func(t *testing.T) {
		w := newWorld(t, policyText("ssh", "revert", except))
		r := w.ec2.add(groupA, parse(t, ssh))
		d := w.judge1(w.record(call{name: "AuthorizeSecurityGroupIngress", group: groupA, at: noon, actor: pipeline, rules: w.ec2.group(groupA)}))
		require.Equal(t, incident.Exempt, d.Outcome)
		known := w.memory(groupA).Known.Rules[r.ID]
		missOnce(w, r.ID)

		w.judge1(judgeGroup(groupA, "sweep", ""))
		w.wait(5 * time.Minute)
		w.judge1(judgeGroup(groupA, "sweep", ""))
		w.requireOpen(groupA, ssh)
		require.Equal(t, known.By, w.memory(groupA).Known.Rules[r.ID].By)
	})
	t.Run("that it stood", func(t *testing.T) {
		w := newWorld(t, revertSSH)
		r := w.ec2.add(groupA, parse(t, ssh))
		w.mark(groupA, r, "ssh")
		known := w.memory(groupA).Known.Rules[r.ID]
		missOnce(w, r.ID)

		require.Equal(t, incident.Compliant, w.judge1(judgeGroup(groupA, "sweep", "")).Outcome)
		w.requireOpen(groupA, ssh)
		require.Equal(t, known, w.memory(groupA).Known.Rules[r.ID])
	})
	t.Run("what it was, where it grew meanwhile", func(t *testing.T) {
		w := newWorld(t, revertSSH)
		r := w.ec2.add(groupA, parse(t, "ingress tcp/22 from 10.0.0.0/8"))
		require.Equal(t, incident.Compliant, w.judge1(judgeGroup(groupA, "sweep", "")).Outcome)
		missOnce(w, r.ID)

		require.Equal(t, incident.Reverted, w.judge1(w.modify(groupA, r.ID, ssh)).Outcome)
		w.requireOpen(groupA, "ingress tcp/22 from 10.0.0.0/8")
	})
}

// TestWhatWasKnownOfAMissingRuleIsDropped: where its Revoke is heard of, and
// where it was missing for longer than any read is late.
func TestWhatWasKnownOfAMissingRuleIsDropped(t *testing.T) {
	t.Run("a record says that it was revoked", func(t *testing.T) {
		w := newWorld(t, revertSSH)
		r := w.ec2.add(groupA, parse(t, ssh))
		w.mark(groupA, r, "ssh")
		w.ec2.remove(groupA, r.ID)
		w.judge1(w.record(call{name: "RevokeSecurityGroupIngress", group: groupA, at: noon, rules: []secgroup.Rule{r}}))
		w.judge1(judgeGroup(groupA, "sweep", ""))
		require.Contains(t, w.memory(groupA).Known.Removed, r.ID)
		require.Nil(t, w.memory(groupA).Known.Removed[r.ID].Was)
	})
	t.Run("an hour is over", func(t *testing.T) {
		w := newWorld(t, revertSSH)
		r := w.ec2.add(groupA, parse(t, ssh))
		w.mark(groupA, r, "ssh")
		w.ec2.remove(groupA, r.ID)
		w.judge1(judgeGroup(groupA, "sweep", ""))
		require.NotNil(t, w.memory(groupA).Known.Removed[r.ID].Was)
		w.wait(missedFor + time.Second)
		w.judge1(judgeGroup(groupA, "sweep", ""))
		require.Contains(t, w.memory(groupA).Known.Removed, r.ID)
		require.Nil(t, w.memory(groupA).Known.Removed[r.ID].Was)
	})
}
