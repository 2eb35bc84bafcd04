package warden

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sgwarden/sgwarden/internal/incident"
	"github.com/sgwarden/sgwarden/internal/secgroup"
)

const (
	ruleOne = "sgr-00000000000000001"
	eighth  = "ingress tcp/22 from 8.0.0.0/8"
)

// pausedAt8 is an account in which a rule opens tcp/22 to a block, and the incident
// of it is held. earlier is the rule's value before; "" = it is new.
func pausedAt8(t *testing.T, earlier string) (*world, Decision) {
	t.Helper()
	w := newWorld(t, revertSSH)
	if earlier != "" {
		w.judge1(w.authorize(groupA, earlier))
		w.wait(time.Hour)
	}
	require.NoError(t, w.store.Operator().Pause(context.Background(), "", "a migration"))
	var d Decision
	if earlier == "" {
		d = w.judge1(w.authorize(groupA, eighth))
	} else {
		d = w.judge1(w.modify(groupA, ruleOne, eighth))
	}
	require.Equal(t, incident.Pending, d.Outcome)
	w.wait(time.Minute)
	return w, d
}

func (w *world) unpause() {
	w.t.Helper()
	require.NoError(w.t, w.store.Operator().Resume(context.Background(), ""))
}

// incidents are the closed ones by id, as they were last written.
func (w *world) incidents(group string) map[string]incident.Incident {
	all := map[string]incident.Incident{}
	for _, i := range w.closed(group) {
		all[i.ID] = i
	}
	return all
}

func TestWhatARuleOpensBeyondWhatWasToldIsAnotherIncident(t *testing.T) {
	for name, earlier := range map[string]string{"a rule that is new": "", "a rule that had another value": office} {
		t.Run(name, func(t *testing.T) {
			w, one := pausedAt8(t, earlier)
			body := w.modify(groupA, ruleOne, ssh)
			two := w.judge1(body)
			require.Equal(t, incident.Pending, two.Outcome)
			require.NotEqual(t, one.IncidentID, two.IncidentID)
			require.Equal(t, []string{"opened pending", "opened pending"}, w.sent())
			last := w.publisher.messages()[1]
			require.Equal(t, two.IncidentID, last.ID)
			require.Equal(t, ssh, last.Rules[0].Before.String())
			require.Equal(t, noon.Add(w.clock().Sub(noon)), last.OpenedAt, "when it grew")
			require.Equal(t, two.IncidentID, w.memory(groupA).Known.Rules[ruleOne].IncidentID)
			require.Len(t, w.memory(groupA).Open, 2)

			for range 2 { // duplicates, the messages of both, and the sweep tell nobody
				require.Equal(t, two.IncidentID, w.judgeTimes(body, 2).IncidentID)
				w.judge1(judgeGroup(groupA, causeRetry, one.IncidentID))
				w.judge1(judgeGroup(groupA, "sweep", ""))
			}
			require.Len(t, w.sent(), 2)
			require.Len(t, w.memory(groupA).Open, 2)

			w.wait(time.Minute)
			w.unpause()
			require.Equal(t, incident.Reverted, w.judge1(judgeGroup(groupA, causeRetry, one.IncidentID)).Outcome)
			require.ElementsMatch(t, []string{"opened pending", "opened pending", "acted reverted", "acted reverted"}, w.sent())
			require.Empty(t, w.memory(groupA).Open)
			ended := w.incidents(groupA)
			require.Len(t, ended, 2)
			var after []string
			if earlier != "" {
				after = []string{earlier}
			}
			for id, before := range map[string]string{one.IncidentID: eighth, two.IncidentID: ssh} {
				require.Equal(t, incident.Reverted, ended[id].Outcome)
				require.Len(t, ended[id].Rules, 1)
				require.Equal(t, before, ended[id].Rules[0].Before.String())
				require.NotEmpty(t, ended[id].Rules[0].Excess)
				require.Equal(t, after, textsOf(ended[id].Rules[0].After))
				require.Equal(t, earlier != "", ended[id].Rules[0].Restored)
				require.NotEmpty(t, ended[id].Actions)
			}
			w.requireOpen(groupA, after...)
			w.wait(time.Minute)
			require.Equal(t, incident.AlreadyCompliant, w.judgeTimes(body, 3).Outcome)
			require.Len(t, w.sent(), 4)
		})
	}
}

// TestWhatIsNoNewsOfARuleStaysInItsIncident: narrower, beside it, or never told.
func TestWhatIsNoNewsOfARuleStaysInItsIncident(t *testing.T) {
	for _, value := range []string{"ingress tcp/22 from 8.8.0.0/15", "ingress tcp/22-30 from 8.0.0.0/8", "ingress tcp/22 from 8.0.0.0/9"} {
		t.Run(value, func(t *testing.T) {
			w, one := pausedAt8(t, "")
			require.Equal(t, one.IncidentID, w.judge1(w.modify(groupA, ruleOne, value)).IncidentID)
			require.Equal(t, []string{"opened pending"}, w.sent())
			require.Len(t, w.memory(groupA).Open, 1)
		})
	}
	t.Run("nobody was told", func(t *testing.T) {
		w := newWorld(t, revertSSH)
		require.NoError(t, w.store.Operator().Pause(context.Background(), "", "a migration"))
		w.publisher.on = func(incident.Incident) error { return incident.ErrUnavailable }
		one := w.judge1(w.authorize(groupA, eighth))
		w.publisher.on = nil
		require.Equal(t, one.IncidentID, w.judge1(w.modify(groupA, ruleOne, ssh)).IncidentID)
		require.Equal(t, []string{"opened pending"}, w.sent())
		require.Equal(t, ssh, w.publisher.messages()[0].Rules[0].Before.String())
	})
}

// TestARuleThatBecameAnotherEndsWithoutUs: what was told of it is closed, by
// whoever changed it; what it opens now is another incident.
func TestARuleThatBecameAnotherEndsWithoutUs(t *testing.T) {
	w, one := pausedAt8(t, "")
	two := w.judge1(w.modify(groupA, ruleOne, "ingress tcp/22 from 9.0.0.0/8"))
	require.NotEqual(t, one.IncidentID, two.IncidentID)
	require.ElementsMatch(t, []string{"opened pending", "opened pending", "resolved already-compliant"}, w.sent())
	ended := w.incidents(groupA)[one.IncidentID]
	require.Equal(t, incident.AlreadyCompliant, ended.Outcome)
	require.Equal(t, eighth, ended.Rules[0].Before.String())
	require.Contains(t, ended.Notes, ruleOne+" was changed to ingress tcp/22 from 9.0.0.0/8, which incident "+two.IncidentID+" tells of")
	require.Equal(t, two.IncidentID, w.memory(groupA).Known.Rules[ruleOne].IncidentID)
	w.unpause()
	require.Equal(t, incident.Reverted, w.judge1(judgeGroup(groupA, causeRetry, two.IncidentID)).Outcome)
	require.Empty(t, w.memory(groupA).Open)
	w.requireOpen(groupA)
}

// TestARuleThatGrewEndsInAllItsIncidents: however it ends, and how often guard dies.
func TestARuleThatGrewEndsInAllItsIncidents(t *testing.T) {
	grown := func(t *testing.T, earlier string) (*world, string, string) {
		w, one := pausedAt8(t, earlier)
		two := w.judge1(w.modify(groupA, ruleOne, ssh))
		w.wait(time.Minute)
		return w, one.IncidentID, two.IncidentID
	}
	t.Run("removed by its owner", func(t *testing.T) {
		w, one, two := grown(t, "")
		require.Equal(t, incident.Gone, w.judge1(w.revoke(groupA, ruleOne)).Outcome)
		require.ElementsMatch(t, []string{"opened pending", "opened pending", "resolved gone", "resolved gone"}, w.sent())
		require.Equal(t, incident.Gone, w.incidents(groupA)[one].Outcome)
		require.Equal(t, incident.Gone, w.incidents(groupA)[two].Outcome)
	})
	t.Run("made compliant by its owner", func(t *testing.T) {
		w, _, _ := grown(t, "")
		require.Equal(t, incident.AlreadyCompliant, w.judge1(w.modify(groupA, ruleOne, office)).Outcome)
		require.Empty(t, w.memory(groupA).Open)
		require.Empty(t, w.memory(groupA).Known.Rules[ruleOne].IncidentID)
	})
	t.Run("it cannot be reverted, then it can", func(t *testing.T) {
		w, one, two := grown(t, "")
		w.unpause()
		w.ec2.on = always("RevokeSecurityGroupIngress", incident.ErrDenied)
		require.Equal(t, incident.CannotRemediate, w.judge1(judgeGroup(groupA, causeRetry, one)).Outcome)
		require.Len(t, w.memory(groupA).Open, 2)
		w.ec2.on = nil
		require.Equal(t, incident.Reverted, w.judge1(judgeGroup(groupA, "sweep", "")).Outcome)
		require.Empty(t, w.memory(groupA).Open)
		require.Equal(t, incident.Reverted, w.incidents(groupA)[one].Outcome)
		require.Equal(t, incident.Reverted, w.incidents(groupA)[two].Outcome)
		require.Len(t, w.sent(), 4)
	})
	for _, earlier := range []string{"", office} {
		call := map[bool]string{true: "RevokeSecurityGroupIngress", false: "ModifySecurityGroupRules"}[earlier == ""]
		t.Run("killed behind "+call, func(t *testing.T) {
			w, one, two := grown(t, earlier)
			w.unpause()
			w.killedAfter(call, judgeGroup(groupA, causeRetry, one))
			require.Equal(t, incident.Reverted, w.judge1(judgeGroup(groupA, "sweep", "")).Outcome)
			require.Empty(t, w.memory(groupA).Open)
			for id, before := range map[string]string{one: eighth, two: ssh} {
				ended := w.incidents(groupA)[id]
				require.Equal(t, incident.Reverted, ended.Outcome)
				require.Equal(t, reasonInterrupted, ended.Reason)
				require.Equal(t, before, ended.Rules[0].Before.String())
				require.Equal(t, earlier != "", ended.Rules[0].Restored)
			}
			require.Len(t, w.sent(), 4)
			removed := 0
			for _, r := range w.memory(groupA).Known.Removed {
				if r.IncidentID == one || r.IncidentID == two {
					removed++
				}
			}
			require.Equal(t, 1, removed, "it was taken back once")
		})
	}
	t.Run("it grows while it waits", func(t *testing.T) {
		w := newWorld(t, policyText("ssh", "{do: revert, after: 10m}", ""))
		one := w.judge1(w.authorize(groupA, eighth))
		w.wait(9 * time.Minute)
		two := w.judge1(w.modify(groupA, ruleOne, ssh))
		require.Equal(t, []askedAgain{
			{groupA, causeAfter, one.IncidentID, 10 * time.Minute}, {groupA, causeAfter, two.IncidentID, time.Minute},
		}, w.queue.asked)
		require.Contains(t, fmt.Sprint(two.Incident.Notes), "2026-05-01T12:10:00Z")
		w.wait(time.Minute)
		require.Equal(t, incident.Reverted, w.judge1(judgeGroup(groupA, causeAfter, one.IncidentID)).Outcome)
		require.Empty(t, w.memory(groupA).Open)
		require.Len(t, w.closed(groupA), 2)
	})
	t.Run("three times, beside another rule", func(t *testing.T) {
		w := newWorld(t, revertSSH)
		require.NoError(t, w.store.Operator().Pause(context.Background(), "", "a migration"))
		w.judge1(w.authorize(groupA, "ingress tcp/22 from 8.0.0.0/9", "ingress tcp/22 from 54.0.0.0/8"))
		for _, value := range []string{eighth, "ingress tcp/22 from 8.0.0.0/7", ssh} {
			w.wait(time.Minute)
			w.judge1(w.modify(groupA, ruleOne, value))
		}
		require.Len(t, w.memory(groupA).Open, 4)
		w.unpause()
		require.Equal(t, incident.Reverted, w.judge1(judgeGroup(groupA, "sweep", "")).Outcome)
		require.Empty(t, w.memory(groupA).Open)
		require.Len(t, w.sent(), 8)
		require.Equal(t, 1, w.ec2.count("Mutations"))
		w.requireOpen(groupA)
	})
}

// TestALateRecordOfWhatARuleHadBeforeItGrew names the actor of the incident that
// tells of that value, open or closed.
func TestALateRecordOfWhatARuleHadBeforeItGrew(t *testing.T) {
	for _, open := range []bool{true, false} {
		t.Run(map[bool]string{true: "open", false: "closed"}[open], func(t *testing.T) {
			w := newWorld(t, revertSSH)
			require.NoError(t, w.store.Operator().Pause(context.Background(), "", "a migration"))
			r := w.ec2.add(groupA, parse(t, eighth))
			late := w.record(call{name: "AuthorizeSecurityGroupIngress", group: groupA, rules: []secgroup.Rule{r}, actor: "arn:aws:iam::123456789012:user/eve"})
			w.wait(2 * time.Minute)
			w.judge1(judgeGroup(groupA, "sweep", ""))
			require.Len(t, w.memory(groupA).Open, 1)
			one := w.memory(groupA).Open[0]
			require.False(t, one.Actor.Attributed)
			w.wait(time.Minute)
			w.ec2.put(groupA, withID(parse(t, ssh), ruleOne))
			second := w.record(call{name: "ModifySecurityGroupRules", group: groupA, rules: []secgroup.Rule{withID(parse(t, ssh), ruleOne)}})
			w.wait(2 * time.Minute)
			w.judge1(judgeGroup(groupA, "sweep", ""))
			require.Len(t, w.memory(groupA).Open, 2)
			if !open {
				w.unpause()
				w.judge1(judgeGroup(groupA, "sweep", ""))
				require.Empty(t, w.memory(groupA).Open)
			}
			w.judge1(late)
			w.judge1(second)
			if open {
				w.unpause()
				w.judge1(judgeGroup(groupA, "sweep", ""))
			}
			require.Empty(t, w.memory(groupA).Open)
			for id, i := range w.incidents(groupA) {
				want := "arn:aws:iam::123456789012:user/ann"
				if id == one.ID {
					want = "arn:aws:iam::123456789012:user/eve"
				}
				require.Equal(t, want, i.Actor.ARN)
				require.Empty(t, i.Superseded)
			}
			attributed := 0
			for _, m := range w.publisher.messages() {
				if m.EventType == incident.Attributed {
					attributed++
				}
			}
			require.Equal(t, 2, attributed)
		})
	}
}
