package warden

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sgwarden/sgwarden/internal/incident"
	"github.com/sgwarden/sgwarden/internal/secgroup"
)

const (
	parted  = "ingress tcp/20-25 from 0.0.0.0/0"
	partLow = "ingress tcp/20-21 from 0.0.0.0/0"
	partTop = "ingress tcp/23-25 from 0.0.0.0/0"
)

// TestANarrowingWhoseLastCallIsARevokeIsFinishedAsOne: the parts are there, the
// guard dies behind the Revoke of the rule, and a later look finds it gone.
func TestANarrowingWhoseLastCallIsARevokeIsFinishedAsOne(t *testing.T) {
	killed := func(t *testing.T) (*world, []byte) {
		w := newWorld(t, policyText("ssh", "{do: narrow, parts: 2}", ""))
		w.judge1(w.authorize(groupA, partLow, partTop))
		w.wait(time.Hour)
		w.reset()
		body := w.authorize(groupA, parted)
		w.killedAfter("RevokeSecurityGroupIngress", body)
		return w, body
	}
	t.Run("all that was to stay is there", func(t *testing.T) {
		w, body := killed(t)
		d := w.judgeTimes(body, 2)
		require.Equal(t, incident.Narrowed, d.Outcome)
		require.Equal(t, reasonInterrupted, d.Reason)
		closed := w.closed(groupA)[0]
		require.Equal(t, parted, closed.Rules[0].Before.String())
		require.Equal(t, []string{partLow, partTop}, textsOf(closed.Rules[0].After))
		require.Empty(t, closed.Fallback)
		require.Equal(t, []string{"acted narrowed"}, w.sent())
		w.requireOpen(groupA, partLow, partTop)
		require.Len(t, w.memory(groupA).Known.Rules, 2)
	})
	t.Run("somebody took a part meanwhile", func(t *testing.T) {
		w, body := killed(t)
		w.ec2.remove(groupA, w.ec2.group(groupA)[0].ID)
		d := w.judgeTimes(body, 2)
		require.Equal(t, incident.Reverted, d.Outcome)
		require.Equal(t, reasonInterrupted, d.Reason)
		require.Equal(t, notAllStays, d.Incident.Fallback)
		require.Equal(t, []string{partTop}, textsOf(d.Incident.Rules[0].After), "what stays of it is told")
		require.Len(t, w.memory(groupA).Known.Rules, 1)
	})
	t.Run("our own record is known as ours", func(t *testing.T) {
		w, _ := killed(t)
		gone := withID(parse(t, parted), "sgr-00000000000000003")
		own := w.record(call{name: "RevokeSecurityGroupIngress", group: groupA, rules: []secgroup.Rule{gone}, actor: role})
		require.Equal(t, incident.Ignored, w.judge1(own).Outcome)
		require.Equal(t, []string{"acted narrowed"}, w.sent())
	})
}

func textsOf(rules []secgroup.Rule) (texts []string) {
	for _, r := range rules {
		texts = append(texts, r.String())
	}
	return texts
}

// TestANarrowingOfAListIsFinishedAsOne: a reference to a list becomes what the list
// held, and the guard dies behind the Revoke of the reference.
func TestANarrowingOfAListIsFinishedAsOne(t *testing.T) {
	w := grownList(t, policyText("ssh", "{do: revert, onList: rule}", ""), "ingress tcp/443 from "+ownList)
	w.holds(ownList, "8.8.8.0/29", "0.0.0.0/0")
	w.ec2.after = func(name string) {
		if name == "RevokeSecurityGroupIngress" {
			panic("killed")
		}
	}
	body := w.edit(1)
	w.Judge(context.Background(), []Delivery{deliver(body, 1)})
	w.ec2.after = nil
	w.restart()
	w.wait(2 * time.Minute)
	w.decisions(body, 2)
	w.judge1(judgeGroup(groupA, "sweep", ""))
	closed := w.closed(groupA)
	require.Len(t, closed, 1)
	require.Equal(t, incident.Narrowed, closed[0].Outcome, closed[0].Reason)
	require.Equal(t, []string{"ingress tcp/22 from 8.8.8.0/29"}, textsOf(closed[0].Rules[0].After))
	w.requireOpen(groupA, "ingress tcp/22 from 8.8.8.0/29")
}

// TestAPartThatWasMadeBeforeTheRuleWentIsTold: the parts are made, and then the rule
// is taken away as a whole after all, or by somebody.
func TestAPartThatWasMadeBeforeTheRuleWentIsTold(t *testing.T) {
	narrow := policyText("ssh", "{do: narrow, parts: 2}", "")
	t.Run("in one judging", func(t *testing.T) {
		w := newWorld(t, narrow)
		w.ec2.on = always("ModifySecurityGroupRules", incident.ErrDenied)
		d := w.judge1(w.authorize(groupA, parted))
		require.Equal(t, incident.Reverted, d.Outcome)
		require.Equal(t, w.texts(groupA), textsOf(d.Incident.Rules[0].After))
		require.Len(t, d.Incident.Rules[0].After, 1)
	})
	t.Run("after an interruption", func(t *testing.T) {
		w := newWorld(t, narrow)
		body := w.authorize(groupA, parted)
		w.killedAfter("AuthorizeSecurityGroupIngress", body)
		w.ec2.on = always("ModifySecurityGroupRules", incident.ErrDenied)
		d := w.judgeTimes(body, 2)
		require.Equal(t, incident.Reverted, d.Outcome)
		require.True(t, strings.HasPrefix(d.Incident.Fallback, "ModifySecurityGroupRules was refused"), d.Incident.Fallback)
		require.Equal(t, w.texts(groupA), textsOf(d.Incident.Rules[0].After))
		require.Len(t, d.Incident.Rules[0].After, 1)
		require.Len(t, w.memory(groupA).Known.Rules, 1)
	})
	t.Run("it is gone with the next look", func(t *testing.T) {
		w := newWorld(t, narrow)
		w.killedAfter("AuthorizeSecurityGroupIngress", w.authorize(groupA, parted))
		w.ec2.remove(groupA, "sgr-00000000000000001")
		d := w.judge1(judgeGroup(groupA, "sweep", ""))
		require.Equal(t, incident.Reverted, d.Outcome)
		require.Equal(t, reasonInterrupted, d.Reason)
		closed := w.closed(groupA)[0]
		require.Equal(t, w.texts(groupA), textsOf(closed.Rules[0].After))
		require.Len(t, closed.Rules[0].After, 1)
		require.Equal(t, notAllStays, closed.Fallback)
	})
}
