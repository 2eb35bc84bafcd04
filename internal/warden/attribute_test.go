package warden

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sgwarden/sgwarden/internal/incident"
	"github.com/sgwarden/sgwarden/internal/policy"
	"github.com/sgwarden/sgwarden/internal/secgroup"
)

const (
	admin  = "arn:aws:iam::123456789012:role/network-admin"
	except = "except:\n  - {actors: ['arn:aws:iam::*:role/network-admin'], reason: change process}"
)

func TestTheLatestRecordWhoseValueIsLiveIsTheActor(t *testing.T) {
	w := newWorld(t, policyText("ssh", "revert", except))
	r := w.ec2.add(groupA, parse(t, ssh))
	record := func(actor string, at time.Duration) []byte {
		return w.record(call{name: "AuthorizeSecurityGroupIngress", group: groupA, actor: actor, at: noon.Add(at), rules: []secgroup.Rule{r}})
	}
	ds := w.Judge(context.Background(), []Delivery{deliver(record("arn:aws:iam::123456789012:user/eve", -time.Second), 1), deliver(record(admin, -2*time.Second), 2)})
	require.Equal(t, incident.Reverted, ds[0].Outcome)
	require.Equal(t, incident.AlreadyCompliant, ds[1].Outcome)
	require.Contains(t, w.closed(groupA)[0].Actor.ARN, "eve")
}

// TestEachRuleHasItsOwnActor: two people opened rules of a group within one batch.
// The incident names one, and says of the other's rule whose it is; of one that no
// record names it says so.
func TestEachRuleHasItsOwnActor(t *testing.T) {
	w := newWorld(t, revertSSH)
	w.ec2.add(groupA, parse(t, "ingress tcp/22 from 9.0.0.0/8"))
	w.Judge(context.Background(), []Delivery{
		deliver(w.authorize(groupA, ssh), 1), deliver(w.authorizeBy(eve, groupA, "ingress tcp/22 from ::/0"), 1), deliver(w.authorizeBy(eve, groupA, "ingress tcp/22 from 8.0.0.0/7"), 1),
	})
	i := w.closed(groupA)[0]
	require.Len(t, i.Rules, 4)
	notes := strings.Join(i.Notes, "\n")
	require.Contains(t, notes, "sgr-00000000000000001: no record has told so far who opened it")
	other := eve
	if i.Actor.ARN == eve {
		other = "arn:aws:iam::123456789012:user/ann"
	}
	require.Contains(t, notes, ": opened by "+other+" with AuthorizeSecurityGroupIngress, event ")
	require.NotContains(t, notes, "opened by "+i.Actor.ARN)

	require.Equal(t, incident.Reverted, w.judge1(w.authorize(groupB, ssh)).Outcome)
	require.Empty(t, w.closed(groupB)[0].Notes)
}

func TestExceptionByActor(t *testing.T) {
	w := newWorld(t, policyText("ssh", "revert", except))
	body := w.authorizeBy(admin, groupA, ssh)
	d := w.judge1(body)
	require.Equal(t, incident.Exempt, d.Outcome)
	w.requireOpen(groupA, ssh)
	require.Equal(t, []string{"opened exempt"}, w.sent())

	require.Equal(t, incident.Exempt, w.judgeTimes(body, 2).Outcome)
	require.Len(t, w.sent(), 1, "once per exemption and day")
	w.wait(24 * time.Hour)
	require.Equal(t, incident.Exempt, w.judgeTimes(body, 3).Outcome)
	require.Len(t, w.sent(), 2)
}

func TestAnExemptionIsToldOnceADayThoughItsRuleIsGone(t *testing.T) {
	w := newWorld(t, policyText("ssh", "revert", except))
	require.Equal(t, incident.Exempt, w.judge1(w.authorizeBy(admin, groupA, ssh)).Outcome)
	w.judge1(w.revoke(groupA, "sgr-00000000000000001"))
	require.Equal(t, incident.Exempt, w.judge1(w.authorizeBy(admin, groupA, "ingress tcp/22 from ::/0")).Outcome)
	require.Equal(t, []string{"opened exempt"}, w.sent())
}

func TestAnExemptionIsToldOnceADayHoweverManyRulesItCovers(t *testing.T) {
	w := newWorld(t, policyText("ssh", "revert", except))
	for _, rule := range []string{ssh, "ingress tcp/22 from ::/0", "ingress tcp/22 from 8.0.0.0/7"} {
		require.Equal(t, incident.Exempt, w.judge1(w.authorizeBy(admin, groupA, rule)).Outcome)
	}
	require.Equal(t, []string{"opened exempt"}, w.sent())
	require.Len(t, w.closed(groupA), 3, "each is written down")
	w.wait(24 * time.Hour)
	require.Equal(t, incident.Exempt, w.judge1(w.authorizeBy(admin, groupA, "ingress tcp/22 from 16.0.0.0/7")).Outcome)
	require.Len(t, w.sent(), 2)
}

func TestAnExemptionThatCouldNotBeToldIsToldAgain(t *testing.T) {
	for name, later := range map[string]time.Duration{"the same day": time.Minute, "the day after": 24 * time.Hour} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, policyText("ssh", "revert", except))
			body := w.authorizeBy(admin, groupA, ssh)
			w.publisher.on = func(incident.Incident) error { return incident.ErrUnavailable }
			d := w.judge1(body)
			require.Equal(t, incident.Exempt, d.Outcome)
			require.True(t, d.Retry)

			w.publisher.on = nil
			w.wait(later)
			d = w.judgeTimes(body, 2)
			require.Equal(t, incident.Exempt, d.Outcome)
			require.False(t, d.Retry)
			require.Equal(t, []string{"opened exempt"}, w.sent())
			require.Empty(t, w.memory(groupA).Open)
		})
	}
}

func TestFault47AnExemptActorCoversOnlyItsOwnRules(t *testing.T) {
	w := newWorld(t, policyText("ssh", "revert", except))
	eve := w.authorizeBy("arn:aws:iam::123456789012:user/eve", groupA, "ingress tcp/22 from ::/0")
	d := w.judge1(w.authorizeBy(admin, groupA, ssh))
	require.Equal(t, incident.Pending, d.Outcome, "the other rule waits for its own record")
	require.Len(t, w.queue.asked, 1)
	require.Equal(t, 120*time.Second, w.queue.asked[0].delay)
	require.NotContains(t, w.sent(), "opened pending", "attribution is waited for in silence")

	d = w.judge1(eve)
	require.Equal(t, incident.Reverted, d.Outcome)
	w.requireOpen(groupA, ssh)

	t.Run("without a record it is removed after two minutes", func(t *testing.T) {
		w := newWorld(t, policyText("ssh", "revert", except))
		w.ec2.add(groupA, parse(t, "ingress tcp/22 from ::/0"))
		w.judge1(w.authorizeBy(admin, groupA, ssh))
		w.wait(119 * time.Second)
		require.Equal(t, incident.Pending, w.judge1(judgeGroup(groupA, "settle", "")).Outcome)
		require.Len(t, w.queue.asked, 2, "a message that comes early asks again")
		w.wait(time.Second)
		require.Equal(t, incident.Reverted, w.judge1(judgeGroup(groupA, "settle", "")).Outcome)
		w.requireOpen(groupA, ssh)
		require.False(t, w.closed(groupA)[1].Actor.Attributed)
	})
}

func TestLateRecordCompletesAnIncident(t *testing.T) {
	w := newWorld(t, revertSSH)
	r := w.ec2.add(groupA, parse(t, ssh))
	w.ec2.on = always("RevokeSecurityGroupIngress", incident.ErrDenied)
	w.judge1(judgeGroup(groupA, "sweep", ""))
	require.False(t, w.memory(groupA).Open[0].Actor.Attributed)
	require.Equal(t, []string{"opened cannot-remediate"}, w.sent())
	w.wait(10 * time.Second)

	w.judge1(w.record(call{name: "AuthorizeSecurityGroupIngress", group: groupA, at: noon.Add(-time.Minute), rules: []secgroup.Rule{r}}))
	require.Equal(t, []string{"opened cannot-remediate", "attributed cannot-remediate"}, w.sent())
	require.Contains(t, w.memory(groupA).Open[0].Actor.ARN, "ann")
	w.judge1(judgeGroup(groupA, "sweep", ""))
	require.Len(t, w.sent(), 2)
}

func TestLateRecordCompletesAClosedIncident(t *testing.T) {
	for _, remedy := range []string{"revert", "{do: narrow, to: [10.0.0.0/8]}"} {
		t.Run(remedy, func(t *testing.T) {
			w := newWorld(t, policyText("ssh", remedy, ""))
			r := w.ec2.add(groupA, parse(t, ssh))
			d := w.judge1(judgeGroup(groupA, "sweep", ""))
			require.True(t, d.Outcome.Changed())
			require.False(t, w.closed(groupA)[0].Actor.Attributed)
			w.wait(time.Minute)
			left := w.texts(groupA)

			body := w.record(call{name: "AuthorizeSecurityGroupIngress", group: groupA, at: noon.Add(-time.Second), rules: []secgroup.Rule{r}})
			late := w.judge1(body)
			require.Equal(t, incident.AlreadyCompliant, late.Outcome)
			require.False(t, late.Retry)
			require.Equal(t, []string{"acted " + d.Outcome.String(), "attributed " + d.Outcome.String()}, w.sent())
			require.Contains(t, w.publisher.messages()[1].Actor.ARN, "ann")
			closed := w.closed(groupA)
			require.Len(t, closed, 2, "what is learnt later is an entry of its own")
			require.Equal(t, closed[0].ID, closed[1].ID)
			require.Equal(t, closed[0].ClosedAt, closed[1].ClosedAt)
			require.Equal(t, left, w.texts(groupA))

			w.ledger.calls = nil
			w.judgeTimes(body, 2)
			require.Len(t, w.sent(), 2)
			require.Equal(t, []string{"Observe"}, w.ledger.calls)
			require.Equal(t, 1, w.found, "once it is complete nobody looks again")
		})
	}
}

func TestFileAndLedgerExemptions(t *testing.T) {
	ctx := context.Background()
	w := newWorld(t, revertSSH)
	exemption := policy.Exemption{ID: "EX-1", Policy: "ssh", Group: groupA, Rules: []secgroup.Rule{parse(t, ssh)}, Owner: "net", Reason: "vendor", Until: noon.Add(time.Hour)}
	require.NoError(t, w.store.Operator().PutExemption(ctx, exemption, noon))
	body := w.authorize(groupA, ssh)
	d := w.judge1(body)
	require.Equal(t, incident.Exempt, d.Outcome)
	require.Equal(t, "EX-1", d.Reason)
	require.Equal(t, "EX-1", w.memory(groupA).Known.Rules["sgr-00000000000000001"].Exemption)
	require.Equal(t, []string{"it was agreed by net: vendor", "EX-1 ends at 2026-05-01T13:00:00Z: what it covers is judged then"}, w.publisher.messages()[0].Notes)

	// Fault 28: an exemption that ended a second ago.
	w.wait(time.Hour + time.Second)
	require.Equal(t, incident.Reverted, w.judge1(judgeGroup(groupA, "sweep", "")).Outcome)
}

// TestALaterCallDidNotMakeWhatWasFound: what an operator puts back has the value
// that was taken, and its record must not name the operator as who opened it.
func TestALaterCallDidNotMakeWhatWasFound(t *testing.T) {
	rule := parse(t, ssh)
	rule.ID = "sgr-00000000000000001"
	inc := incident.Incident{LearntAt: noon, Rules: []incident.Rule{{ID: rule.ID, Before: &rule}}}
	for after, want := range map[time.Duration]bool{-time.Hour: true, 0: true, time.Second: true, 2 * time.Second: false, time.Hour: false} {
		r := &record{change: secgroup.Change{Effect: secgroup.Names, EventTime: noon.Add(after), Rules: []secgroup.NamedRule{{Rule: rule, HasValue: true}}}}
		require.Equal(t, want, made(inc, rule.ID, r), after)
	}
}
