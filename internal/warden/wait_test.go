package warden

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sgwarden/sgwarden/internal/incident"
)

func TestPauseHoldsAndSays(t *testing.T) {
	ctx := context.Background()
	w := newWorld(t, revertSSH)
	require.NoError(t, w.store.Operator().Pause(ctx, "", "incident 7"))
	body := w.authorize(groupA, ssh)
	d := w.judge1(body)
	require.Equal(t, incident.Pending, d.Outcome)
	require.False(t, d.Retry)
	require.Zero(t, w.ec2.count("Mutations"))
	require.Equal(t, []string{"opened pending"}, w.sent())
	require.Len(t, w.queue.asked, 1)
	require.Equal(t, askedAgain{groupA, "retry", d.IncidentID, 15 * time.Minute}, w.queue.asked[0])

	w.judgeTimes(body, 2)
	require.Len(t, w.sent(), 1)
	require.Len(t, w.queue.asked, 1, "the wait has its message")
	w.judge1(judgeGroup(groupA, "retry", d.IncidentID))
	require.Len(t, w.queue.asked, 2, "which asks for the next one")

	require.NoError(t, w.store.Operator().Resume(ctx, ""))
	require.Equal(t, incident.Reverted, w.judge1(judgeGroup(groupA, "retry", d.IncidentID)).Outcome)
	require.Equal(t, []string{"opened pending", "acted reverted"}, w.sent())
	require.Len(t, w.closed(groupA), 1)
}

func TestPauseHoldsWhereTheLedgerFailsBehindItsRead(t *testing.T) {
	w := newWorld(t, revertSSH)
	require.NoError(t, w.store.Operator().Pause(context.Background(), "", "incident 7"))
	body := w.authorize(groupA, ssh)
	w.ledger.on = func(name string) error {
		if name == "Open" {
			return incident.ErrUnavailable
		}
		return nil
	}
	d := w.judge1(body)
	require.True(t, d.Retry)
	require.Zero(t, w.ec2.count("Mutations"))
	w.requireOpen(groupA, ssh)
	require.Empty(t, w.sent())
}

// TestWhatIsObservedBesideWhatIsHeldStaysTold: the end of a pause ends nothing of
// a rule that was told of beside the one that waited.
func TestWhatIsObservedBesideWhatIsHeldStaysTold(t *testing.T) {
	const web = "---\napiVersion: sgwarden/v1\nkind: Policy\nmetadata: {id: web, title: Web, severity: low}\n" +
		"forbid: [{direction: ingress, ports: [443], peers: [internet]}]\nmode: observe\n"
	for _, remedy := range []string{"tag", "revert"} {
		for _, rules := range [][]string{{https, ssh}, {ssh, https}} {
			t.Run(remedy+" "+rules[0], func(t *testing.T) {
				ctx := context.Background()
				w := newWorld(t, policyText("ssh", remedy, "")+web)
				require.NoError(t, w.store.Operator().Pause(ctx, "", "incident 7"))
				body := w.authorize(groupA, rules...)
				require.Equal(t, incident.Pending, w.judge1(body).Outcome)
				require.NoError(t, w.store.Operator().Resume(ctx, ""))
				d := w.judge1(judgeGroup(groupA, causeRetry, w.memory(groupA).Open[0].ID))
				require.False(t, d.Retry)
				require.Len(t, w.closed(groupA), 1)
				for _, r := range w.closed(groupA)[0].Rules {
					if r.Before.String() == https {
						require.Equal(t, incident.Observed, r.Outcome, "it is there, and violates")
					}
				}
				w.wait(time.Minute)
				w.judge1(judgeGroup(groupA, "sweep", ""))
				require.Equal(t, []string{"opened pending", "acted " + d.Outcome.String()}, w.sent(), "nobody is told twice")
				require.Len(t, w.closed(groupA), 1)
			})
		}
	}
}

func TestPauseSaysNothingOfWhatIsTagged(t *testing.T) {
	ctx := context.Background()
	w := newWorld(t, policyText("ssh", "tag", ""))
	require.Equal(t, incident.Tagged, w.judge1(w.authorize(groupA, ssh)).Outcome)
	require.NoError(t, w.store.Operator().Pause(ctx, "", "incident 7"))
	require.Equal(t, incident.Tagged, w.judge1(judgeGroup(groupA, "sweep", "")).Outcome)
	require.NoError(t, w.store.Operator().Resume(ctx, ""))
	require.Equal(t, incident.Tagged, w.judge1(judgeGroup(groupA, "sweep", "")).Outcome)
	require.Equal(t, []string{"acted tagged"}, w.sent())
}

func TestHeldPolicy(t *testing.T) {
	ctx := context.Background()
	w := newWorld(t, revertSSH)
	require.NoError(t, w.store.Operator().Hold(ctx, actKey(w.set.Policies[0]), incident.Hold{Reason: "too many", At: noon}))
	require.Equal(t, incident.Pending, w.judge1(w.authorize(groupA, ssh)).Outcome)
	require.Zero(t, w.ec2.count("Mutations"))
	require.NoError(t, w.store.Operator().Release(ctx, actKey(w.set.Policies[0]), noon))
	require.Equal(t, incident.Reverted, w.judge1(judgeGroup(groupA, "sweep", "")).Outcome)
}

func TestRemedyAfterAWhile(t *testing.T) {
	w := newWorld(t, policyText("ssh", "{do: revert, after: 10m}", ""))
	body := w.authorize(groupA, ssh)
	d := w.judge1(body)
	require.Equal(t, incident.Pending, d.Outcome)
	require.False(t, d.Retry)
	w.requireOpen(groupA, ssh)
	require.Equal(t, []string{"opened pending"}, w.sent())
	require.Equal(t, []askedAgain{{groupA, "after", d.IncidentID, 10 * time.Minute}}, w.queue.asked)
	require.Contains(t, fmt.Sprint(d.Incident.Notes), "2026-05-01T12:10:00Z")

	w.wait(9 * time.Minute)
	require.Equal(t, incident.Pending, w.judge1(judgeGroup(groupA, "after", d.IncidentID)).Outcome)
	require.Len(t, w.queue.asked, 2)
	w.wait(time.Minute)
	got := w.judge1(judgeGroup(groupA, "after", d.IncidentID))
	require.Equal(t, incident.Reverted, got.Outcome)
	require.Equal(t, d.IncidentID, got.IncidentID)
	require.Equal(t, []string{"opened pending", "acted reverted"}, w.sent())

	t.Run("removed by its owner meanwhile", func(t *testing.T) {
		w := newWorld(t, policyText("ssh", "{do: revert, after: 10m}", ""))
		d := w.judge1(w.authorize(groupA, ssh))
		w.judge1(w.revoke(groupA, "sgr-00000000000000001"))
		require.Equal(t, []string{"opened pending", "resolved gone"}, w.sent())
		require.Empty(t, w.memory(groupA).Open)
		w.wait(10 * time.Minute)
		require.Equal(t, incident.Compliant, w.judge1(judgeGroup(groupA, "after", d.IncidentID)).Outcome)
		require.Len(t, w.sent(), 2)
	})
	t.Run("without the queue nothing is begun", func(t *testing.T) {
		w := newWorld(t, policyText("ssh", "{do: revert, after: 10m}", ""))
		w.queue.err = incident.ErrUnavailable
		d := w.judge1(w.authorize(groupA, ssh))
		require.Equal(t, incident.Unresolved, d.Outcome)
		require.True(t, d.Retry)
		require.Empty(t, w.memory(groupA).Open)
	})
}

const egressPolicy = `---

apiVersion: sgwarden/v1
kind: Policy
metadata: {id: out, title: No default egress, severity: medium, why: x, fix: y}
allowOnly:
  within: {direction: egress, peers: [addresses]}
  these: [{peers: [127.0.0.1/32]}]
remedy: {do: narrow, to: [127.0.0.1/32]}
`

func TestDefaultEgressOfANewGroupSettles(t *testing.T) {
	w := newWorld(t, egressPolicy)
	w.ec2.add(groupA, parse(t, "egress all to 0.0.0.0/0"))
	d := w.judge1(w.record(call{name: "CreateSecurityGroup", group: groupA, groupName: "web"}))
	require.Equal(t, incident.Pending, d.Outcome)
	require.False(t, d.Retry)
	require.Zero(t, w.ec2.count("Mutations"))
	require.Empty(t, w.sent())
	require.Len(t, w.queue.asked, 1)
	require.Equal(t, "settle", w.queue.asked[0].cause)
	require.Equal(t, 30*time.Second, w.queue.asked[0].delay)

	t.Run("left alone, it is replaced (fault 26)", func(t *testing.T) {
		w.wait(30 * time.Second)
		d := w.judge1(judgeGroup(groupA, "settle", ""))
		require.Equal(t, incident.Narrowed, d.Outcome)
		w.requireOpen(groupA, "egress all to 127.0.0.1/32")
	})
	t.Run("revoked by its maker, nothing is said", func(t *testing.T) {
		w := newWorld(t, egressPolicy)
		r := w.ec2.add(groupA, parse(t, "egress all to 0.0.0.0/0"))
		w.judge1(w.record(call{name: "CreateSecurityGroup", group: groupA, groupName: "web"}))
		w.wait(3 * time.Second)
		w.judge1(w.revoke(groupA, r.ID))
		w.wait(30 * time.Second)
		require.Equal(t, incident.Compliant, w.judge1(judgeGroup(groupA, "settle", "")).Outcome)
		require.Empty(t, w.sent())
	})
}

// TestDefaultEgressThatTheFirstLookMisses: no record names it, so nothing else
// would bring another look before the sweep.
func TestDefaultEgressThatTheFirstLookMisses(t *testing.T) {
	born := func(w *world, shownAfter time.Duration) []byte {
		r := w.ec2.add(groupA, parse(t, "egress all to 0.0.0.0/0"))
		w.ec2.hide(r.ID, noon.Add(shownAfter))
		return w.record(call{name: "CreateSecurityGroup", group: groupA, groupName: "web"})
	}
	w := newWorld(t, egressPolicy)
	body := born(w, 40*time.Second)
	require.Equal(t, incident.Compliant, w.judge1(body).Outcome)
	require.Equal(t, []askedAgain{{groupA, "settle", "", time.Minute}}, w.queue.asked)
	require.Equal(t, incident.Compliant, w.judgeTimes(body, 2).Outcome)
	require.Len(t, w.queue.asked, 1)
	w.wait(time.Minute)
	w.ec2.reveal(w.clock())
	require.Equal(t, incident.Pending, w.judge1(judgeGroup(groupA, "settle", "")).Outcome)
	require.Equal(t, askedAgain{groupA, "settle", "", 30 * time.Second}, w.queue.asked[1])
	w.wait(30 * time.Second)
	require.Equal(t, incident.Narrowed, w.judge1(judgeGroup(groupA, "settle", "")).Outcome)
	w.requireOpen(groupA, "egress all to 127.0.0.1/32")

	t.Run("not of a group that is old by now", func(t *testing.T) {
		w := newWorld(t, egressPolicy)
		body := born(w, time.Hour)
		w.wait(time.Minute)
		require.Equal(t, incident.Compliant, w.judge1(body).Outcome)
		require.Empty(t, w.queue.asked)
	})
	t.Run("not where no policy is about it", func(t *testing.T) {
		w := newWorld(t, revertSSH)
		require.Equal(t, incident.Compliant, w.judge1(born(w, time.Hour)).Outcome)
		require.Empty(t, w.queue.asked)
	})
	t.Run("what the queue does not take comes again", func(t *testing.T) {
		w := newWorld(t, egressPolicy)
		w.queue.err = incident.ErrUnavailable
		require.True(t, w.judge1(born(w, time.Hour)).Retry)
	})
}

// TestWhatIsLeftWaitsForAnotherPolicy: a rule is narrowed at once under one
// policy, and what is left of it is taken back later under another: by its own
// message, in an incident of its own.
func TestWhatIsLeftWaitsForAnotherPolicy(t *testing.T) {
	w := newWorld(t, policyText("ssh", "narrow", "")+strings.Replace(policyText("web", "{do: revert, after: 10m}", ""), "[22]", "[80]", 1))
	conflicts := 1
	w.ledger.on = func(call string) error {
		if call == "Open" && conflicts > 0 {
			conflicts--
			return incident.ErrConflict
		}
		return nil
	}
	first := w.judge1(w.authorize(groupA, "ingress tcp/22-443 from 0.0.0.0/0"))
	require.Equal(t, incident.Narrowed, first.Outcome)
	w.requireOpen(groupA, "ingress tcp/23-443 from 0.0.0.0/0")
	require.Equal(t, []askedAgain{{groupA, "after", "", 10*time.Minute + settledLater}}, w.queue.asked, "once, though the first opening met a conflict")

	w.wait(10*time.Minute + settledLater)
	second := w.judge1(judgeGroup(groupA, "after", ""))
	require.Equal(t, incident.Reverted, second.Outcome)
	w.requireOpen(groupA)
	require.Equal(t, []string{"acted narrowed", "acted reverted"}, w.sent())
	require.NotEqual(t, first.IncidentID, second.IncidentID, "a subscriber drops the second message of an incident and event type")
}

// TestNoWaitIsAskedForWhereNothingIsLeft: the part that waits goes with the rest.
func TestNoWaitIsAskedForWhereNothingIsLeft(t *testing.T) {
	w := newWorld(t, policyText("ssh", "narrow", "")+policyText("later", "{do: revert, after: 10m}", ""))
	require.Equal(t, incident.Narrowed, w.judge1(w.authorize(groupA, "ingress tcp/22-443 from 0.0.0.0/0")).Outcome)
	require.Empty(t, w.queue.asked)
}
