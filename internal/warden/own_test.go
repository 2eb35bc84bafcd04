package warden

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sgwarden/sgwarden/internal/incident"
	"github.com/sgwarden/sgwarden/internal/secgroup"
)

func TestFault36OwnModifyComesBack(t *testing.T) {
	for name, forgotten := range map[string]bool{"the journal has it": false, "the journal does not have it": true} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, policyText("ssh", "{do: narrow, to: [10.0.0.0/8]}", ""))
			w.judge1(w.authorize(groupA, ssh))
			own := w.memory(groupA).Recent
			require.Len(t, own, 1)
			requestID := own[0].RequestID
			if forgotten {
				w.noActs()
				w.actsDone()
			}
			live := w.ec2.group(groupA)[0]
			body := w.record(call{name: "ModifySecurityGroupRules", group: groupA, actor: role, requestID: requestID, rules: []secgroup.Rule{live}})
			w.reset()
			d := w.judge1(body)
			require.False(t, d.Retry)
			require.Zero(t, w.ec2.count("Mutations"))
			require.Empty(t, w.sent())
			w.requireOpen(groupA, "ingress tcp/22 from 10.0.0.0/8")
			if forgotten {
				require.Equal(t, incident.Compliant, d.Outcome)
				require.Equal(t, 1, w.ec2.count("Group"), "it is evaluated")
				return
			}
			require.Equal(t, incident.Ignored, d.Outcome)
			require.Equal(t, reasonOwn, d.Reason)
			require.Empty(t, w.ec2.calls)
		})
	}
}

func TestOwnCalls(t *testing.T) {
	w := newWorld(t, policyText("ssh", "{do: narrow, to: [10.0.0.0/8]}", ""))
	w.judge1(w.authorize(groupA, ssh))
	own := w.memory(groupA).Recent
	require.Len(t, own, 1)
	live := w.ec2.group(groupA)[0]
	body := w.record(call{name: "ModifySecurityGroupRules", group: groupA, actor: role, requestID: own[0].RequestID, rules: []secgroup.Rule{live}})
	w.reset()
	d := w.judge1(body)
	require.Equal(t, incident.Ignored, d.Outcome)
	require.Equal(t, "own", d.Reason)
	require.Equal(t, []string{"Observe"}, w.ledger.calls)
	require.Empty(t, w.ec2.calls)

	t.Run("not in the journal, it is judged", func(t *testing.T) {
		w.reset()
		body := w.record(call{name: "ModifySecurityGroupRules", group: groupA, actor: role, requestID: "strange", rules: []secgroup.Rule{live}})
		require.Equal(t, incident.Compliant, w.judge1(body).Outcome)
		require.Empty(t, w.sent(), "not before five minutes are over")
		require.Len(t, w.queue.asked, 1)
		require.Equal(t, 5*time.Minute, w.queue.asked[0].delay)
		w.wait(5 * time.Minute)
		w.judge1(judgeGroup(groupA, "retry", w.queue.asked[0].incident))
		require.Equal(t, []string{"opened alerted"}, w.sent())
		require.Empty(t, w.memory(groupA).Open)
	})
	t.Run("a stolen role is no shield", func(t *testing.T) {
		w.reset()
		d := w.judge1(w.authorizeBy(role, groupA, ssh))
		require.Equal(t, incident.Narrowed, d.Outcome)
		w.requireOpen(groupA, "ingress tcp/22 from 10.0.0.0/8")
	})
	t.Run("seen before the journal is written: planned by an open incident", func(t *testing.T) {
		w := newWorld(t, revertSSH)
		body := w.authorize(groupA, ssh)
		gone := w.ec2.group(groupA)[0]
		w.ec2.after = func(name string) {
			if name == "RevokeSecurityGroupIngress" {
				w.ec2.after = nil
				d := w.judge1(w.record(call{name: "RevokeSecurityGroupIngress", group: groupA, actor: role, requestID: "r", rules: []secgroup.Rule{gone}}))
				require.Equal(t, incident.Ignored, d.Outcome)
				require.Equal(t, "own", d.Reason)
			}
		}
		require.Equal(t, incident.Reverted, w.judge1(body).Outcome)
		require.Empty(t, w.slept)
	})
}
