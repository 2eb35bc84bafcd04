package warden

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sgwarden/sgwarden/internal/incident"
)

// beforeModify lets the judging take its time, and lets somebody change a rule after the group was read and before
// the call that modifies it: as late as can be seen.
func beforeModify(w *world, id, text string) {
	w.ledger.on = func(name string) error {
		if name == "Open" {
			w.wait(freshFor)
		}
		return nil
	}
	w.ec2.on = func(name string) error {
		if name == "Rules" && w.ec2.count("ModifySecurityGroupRules") == 0 {
			w.ec2.put(groupA, withID(parse(w.t, text), id))
		}
		return nil
	}
}

// TestAModifyOverwritesNothing: there is no compare-and-set, so the rule is read
// right before. What its owner made of it meanwhile stays, if it is in order, and
// is judged as it is, if it is not.
func TestAModifyOverwritesNothing(t *testing.T) {
	narrow := policyText("ssh", "{do: narrow, parts: 2}", "")
	const wide = "ingress tcp/20-25 from 0.0.0.0/0"
	for text, left := range map[string]struct {
		first incident.Outcome
		rules []string
	}{
		"ingress tcp/22 from 10.0.0.0/8":   {incident.Unresolved, []string{"ingress tcp/22 from 10.0.0.0/8"}},
		"ingress tcp/443 from 10.0.0.0/8":  {incident.Unresolved, []string{"ingress tcp/443 from 10.0.0.0/8"}},
		"ingress tcp/22-30 from 0.0.0.0/0": {incident.Narrowed, []string{"ingress tcp/23-30 from 0.0.0.0/0"}},
	} {
		t.Run(text, func(t *testing.T) {
			w := newWorld(t, policyText("ssh", "{do: narrow, to: [10.0.0.0/8]}", ""))
			if left.first == incident.Narrowed {
				w = newWorld(t, narrow)
			}
			opened := wide
			if left.first != incident.Narrowed {
				opened = ssh
			}
			body := w.authorize(groupA, opened)
			id := w.ec2.group(groupA)[0].ID
			beforeModify(w, id, text)
			d := w.judge1(body)
			require.Equal(t, left.first, d.Outcome, d.Reason)
			for _, r := range left.rules {
				require.Contains(t, w.texts(groupA), r)
			}
			if left.first == incident.Narrowed {
				return
			}
			require.True(t, d.Retry)
			require.Equal(t, reasonOvertaken, d.Reason)
			require.Zero(t, w.ec2.count("ModifySecurityGroupRules"))
			w.ec2.on = nil
			w.wait(5 * time.Second)
			d = w.judgeTimes(body, 2)
			require.Equal(t, incident.AlreadyCompliant, d.Outcome)
			require.False(t, d.Retry)
			require.Equal(t, left.rules, w.texts(groupA))
			require.Equal(t, []string{"opened unresolved", "resolved already-compliant"}, w.sent())
		})
	}
}

// TestAReadOfAnOlderStateBeforeAModify does not end the incident: the rule stands
// as it was planned on, and the next delivery sees it.
func TestAReadOfAnOlderStateBeforeAModify(t *testing.T) {
	w := newWorld(t, policyText("ssh", "{do: narrow, to: [10.0.0.0/8]}", ""))
	const old = "ingress tcp/443 from 10.0.0.0/8"
	w.judge1(w.authorize(groupA, old))
	id := w.ec2.group(groupA)[0].ID
	w.wait(time.Hour)
	body := w.modify(groupA, id, ssh)
	beforeModify(w, id, old)
	require.True(t, w.judge1(body).Retry)
	w.ec2.on = nil
	w.ec2.put(groupA, withID(parse(t, ssh), id))
	w.wait(5 * time.Second)
	require.Equal(t, incident.Narrowed, w.judgeTimes(body, 2).Outcome)
	require.Equal(t, []string{"ingress tcp/22 from 10.0.0.0/8"}, w.texts(groupA))
}
