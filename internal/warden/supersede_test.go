package warden

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sgwarden/sgwarden/internal/incident"
	"github.com/sgwarden/sgwarden/internal/policy"
	"github.com/sgwarden/sgwarden/internal/secgroup"
)

const (
	first   = "sgr-00000000000000001"
	earlier = "ingress tcp/22 from 10.0.0.0/16"
	between = "ingress tcp/22 from 10.0.0.0/8"
	ann     = "arn:aws:iam::123456789012:user/ann"
	eve     = "arn:aws:iam::123456789012:user/eve"
)

// overwritten is a rule that ann made and was known so, that ann then gave another
// value, and eve a third one a minute later. It gives the records of these two.
func overwritten(t *testing.T, w *world) (late, body []byte) {
	t.Helper()
	require.Equal(t, incident.Compliant, w.judge1(w.authorize(groupA, earlier)).Outcome)
	return w.changes(between, ssh)
}

// changes lets ann and eve give the first rule one value after the other.
func (w *world) changes(anns, eves string) (late, body []byte) {
	w.t.Helper()
	w.wait(time.Hour)
	late = w.modify(groupA, first, anns)
	w.wait(time.Minute)
	r := withID(parse(w.t, eves), first)
	w.ec2.put(groupA, r)
	body = w.record(call{name: "ModifySecurityGroupRules", group: groupA, actor: eve, rules: []secgroup.Rule{r}})
	w.wait(2 * time.Second)
	return late, body
}

// requireSuperseded holds that the last message told of a change by ann, and that
// the incident keeps it.
func (w *world) requireSuperseded(value string, refused ...string) incident.Incident {
	w.t.Helper()
	sent := w.publisher.messages()
	last := sent[len(sent)-1]
	require.Len(w.t, last.News(), 1)
	s := last.News()[0]
	require.Equal(w.t, ann, s.Actor.ARN)
	require.Equal(w.t, "ModifySecurityGroupRules", s.APICall)
	require.Len(w.t, s.Rules, 1)
	require.Equal(w.t, value, s.Rules[0].Value.String())
	require.Equal(w.t, first, s.Rules[0].Value.ID)
	require.Equal(w.t, refused, s.Rules[0].Policies)
	return last
}

func TestAnOverwrittenChangeIsTold(t *testing.T) {
	w := newWorld(t, revertSSH)
	late, body := overwritten(t, w)
	require.Equal(t, incident.Reverted, w.judge1(body).Outcome)
	w.requireOpen(groupA, earlier)

	d := w.judge1(late)
	require.Equal(t, incident.AlreadyCompliant, d.Outcome)
	require.Equal(t, reasonSuperseded, d.Reason)
	require.False(t, d.Retry)
	require.Equal(t, w.closed(groupA)[0].ID, d.IncidentID)
	require.Equal(t, []string{"acted reverted", "attributed reverted"}, w.sent())
	told := w.requireSuperseded(between)
	require.Equal(t, eve, told.Actor.ARN)
	require.Equal(t, w.clock().Add(-time.Minute-2*time.Second), told.Superseded[0].At)
	w.requireOpen(groupA, earlier)
	closed := w.closed(groupA)
	require.Len(t, closed, 2)
	require.Equal(t, closed[0].ID, closed[1].ID)
	require.Equal(t, closed[0].ClosedAt, closed[1].ClosedAt)
	require.Len(t, closed[1].Superseded, 1)
	require.Empty(t, w.memory(groupA).Open)
	require.Equal(t, ann, w.memory(groupA).Known.Rules[first].By.Actor.ARN)

	for times := range 3 {
		w.judgeTimes(late, 2+times)
		w.judgeTimes(body, 2+times)
		w.judge1(judgeGroup(groupA, "sweep", ""))
	}
	require.Len(t, w.sent(), 2, "once")
	require.Len(t, w.closed(groupA), 2)
}

func TestWhatIsNoOverwrittenChange(t *testing.T) {
	quiet := func(t *testing.T, w *world, body []byte) {
		t.Helper()
		before := len(w.sent())
		w.judge1(body)
		require.Len(t, w.sent(), before)
		for _, i := range w.closed(groupA) {
			require.Empty(t, i.Superseded)
		}
	}
	modified := func(w *world, at time.Time, text string) []byte {
		return w.record(call{name: "ModifySecurityGroupRules", group: groupA, at: at, rules: []secgroup.Rule{withID(parse(w.t, text), first)}})
	}
	acted := func(t *testing.T) *world {
		w := newWorld(t, revertSSH)
		_, body := overwritten(t, w)
		require.Equal(t, incident.Reverted, w.judge1(body).Outcome)
		return w
	}
	t.Run("older than what was known", func(t *testing.T) {
		w := acted(t)
		quiet(t, w, modified(w, noon.Add(-time.Second), between))
	})
	t.Run("of the same second as what was known", func(t *testing.T) {
		w := acted(t)
		quiet(t, w, modified(w, noon, between))
	})
	t.Run("later than the incident's event", func(t *testing.T) {
		w := acted(t)
		quiet(t, w, modified(w, noon.Add(time.Hour+time.Minute+time.Second), between))
	})
	t.Run("the value that stands", func(t *testing.T) {
		w := acted(t)
		quiet(t, w, modified(w, noon.Add(time.Hour), earlier))
	})
	t.Run("the incident's own value", func(t *testing.T) {
		w := acted(t)
		quiet(t, w, modified(w, noon.Add(time.Hour), ssh))
	})
	t.Run("of another rule", func(t *testing.T) {
		w := acted(t)
		r := withID(parse(t, between), "sgr-00000000000000099")
		quiet(t, w, w.record(call{name: "ModifySecurityGroupRules", group: groupA, at: noon.Add(time.Hour), rules: []secgroup.Rule{r}}))
	})
	t.Run("a failed call", func(t *testing.T) {
		w := acted(t)
		r := withID(parse(t, between), first)
		quiet(t, w, w.record(call{name: "ModifySecurityGroupRules", group: groupA, at: noon.Add(time.Hour), errorCode: "UnauthorizedOperation", rules: []secgroup.Rule{r}}))
	})
	t.Run("heard of in time", func(t *testing.T) {
		w := newWorld(t, revertSSH)
		require.Equal(t, incident.Compliant, w.judge1(w.authorize(groupA, earlier)).Outcome)
		w.wait(time.Hour)
		heard := w.modify(groupA, first, between)
		require.Equal(t, incident.Compliant, w.judge1(heard).Outcome)
		w.wait(time.Minute)
		require.Equal(t, incident.Reverted, w.judge1(w.modify(groupA, first, ssh)).Outcome)
		w.requireOpen(groupA, between)
		quiet(t, w, heard)
	})
	t.Run("heard of in time, and a violation that was observed", func(t *testing.T) {
		w := newWorld(t, revertSSH, observing)
		w.judge1(w.authorize(groupA, earlier))
		w.wait(time.Hour)
		heard := w.modify(groupA, first, "ingress tcp/22 from 8.0.0.0/7")
		require.Equal(t, incident.Observed, w.judge1(heard).Outcome)
		w.wait(time.Minute)
		require.Equal(t, incident.Observed, w.judge1(w.modify(groupA, first, ssh)).Outcome)
		quiet(t, w, heard)
	})
	t.Run("overwritten by what is allowed", func(t *testing.T) {
		w := newWorld(t, revertSSH)
		w.judge1(w.authorize(groupA, earlier))
		late, body := w.changes(ssh, between)
		require.Equal(t, incident.Compliant, w.judge1(body).Outcome)
		quiet(t, w, late)
	})
	t.Run("overwritten by what an exception covers", func(t *testing.T) {
		w := newWorld(t, policyText("ssh", "revert", "except:\n  - {actors: ['"+eve+"'], reason: change process}"))
		w.judge1(w.authorize(groupA, earlier))
		late, body := w.changes(between, ssh)
		require.Equal(t, incident.Exempt, w.judge1(body).Outcome)
		quiet(t, w, late)
	})
	t.Run("of the same second", func(t *testing.T) {
		w := acted(t)
		quiet(t, w, modified(w, noon.Add(time.Hour+time.Minute), between))
	})
	t.Run("overwritten by what was in order for long", func(t *testing.T) {
		w := newWorld(t, revertSSH)
		ctx := context.Background()
		exemption := policy.Exemption{ID: "EX-1", Policy: "ssh", Group: groupA, Rules: []secgroup.Rule{parse(t, ssh)}, Owner: "net", Reason: "vendor", Until: noon.Add(time.Hour)}
		require.NoError(t, w.store.Operator().PutExemption(ctx, exemption, noon))
		require.Equal(t, incident.Exempt, w.judge1(w.authorize(groupA, ssh)).Outcome)
		w.wait(2 * time.Hour)
		require.Equal(t, incident.Reverted, w.judge1(judgeGroup(groupA, "sweep", "")).Outcome)
		quiet(t, w, modified(w, noon.Add(-time.Second), between))
	})
	t.Run("what a remedy left, of which another policy waits", func(t *testing.T) {
		w := newWorld(t, policyText("ssh", "{do: narrow, parts: 3}", "")+`---
apiVersion: sgwarden/v1
kind: Policy
metadata: {id: web, title: A title, severity: low}
forbid: [{direction: ingress, ports: [24], peers: [internet]}]
remedy: {do: revert, after: 10m}
`)
		body := w.authorize(groupA, "ingress tcp/22-25 from 0.0.0.0/0")
		w.wait(time.Minute)
		require.Equal(t, incident.Narrowed, w.judge1(judgeGroup(groupA, "sweep", "")).Outcome)
		w.judge1(body)
		w.judgeTimes(body, 2)
		w.wait(time.Hour)
		w.judge1(judgeGroup(groupA, "sweep", ""))
		w.judgeTimes(body, 3)
		for _, i := range w.closed(groupA) {
			require.Empty(t, i.Superseded)
		}
		require.Contains(t, w.sent(), "attributed narrowed")
	})
	t.Run("the guard's own", func(t *testing.T) {
		w := acted(t)
		r := withID(parse(t, between), first)
		w.judge1(w.record(call{name: "ModifySecurityGroupRules", group: groupA, actor: role, at: noon.Add(time.Hour), rules: []secgroup.Rule{r}}))
		require.Equal(t, []string{"acted reverted"}, w.sent())
	})
}

// TestAnOverwrittenChangeByWhatBecameOfTheRule: whatever was done about the later
// value, the earlier one is told, and whether it may be set.
func TestAnOverwrittenChangeByWhatBecameOfTheRule(t *testing.T) {
	narrow := policyText("ssh", "{do: narrow, to: [10.128.0.0/9]}", "")
	for name, c := range map[string]struct {
		policies string
		unknown  bool // nobody heard of the rule before
		prepare  func(w *world)
		anns     string
		refused  []string
		options  []option
		outcome  incident.Outcome
		left     []string
	}{
		"restored":                {policies: revertSSH, outcome: incident.Reverted, left: []string{earlier}},
		"revoked, as unknown":     {policies: revertSSH, unknown: true, outcome: incident.Reverted, left: []string{}},
		"revoked, as it must not": {policies: revertSSH, prepare: func(w *world) { w.ec2.on = always("ModifySecurityGroupRules", incident.ErrDenied) }, outcome: incident.Reverted, left: []string{}},
		"narrowed":                {policies: narrow, outcome: incident.Narrowed, left: []string{"ingress tcp/22 from 10.128.0.0/9"}},
		"a violation itself":      {policies: revertSSH, anns: "ingress tcp/22 from 8.0.0.0/7", refused: []string{"ssh"}, outcome: incident.Reverted, left: []string{earlier}},
		"alerted":                 {policies: policyText("ssh", "alert", ""), outcome: incident.Alerted, left: []string{ssh}},
		"tagged":                  {policies: policyText("ssh", "tag", ""), outcome: incident.Tagged, left: []string{ssh}},
		"observed":                {policies: revertSSH, options: []option{observing}, outcome: incident.Observed, left: []string{ssh}},
		"open":                    {policies: revertSSH, prepare: func(w *world) { w.ec2.on = refusing(incident.ErrDenied) }, outcome: incident.CannotRemediate, left: []string{ssh}},
		"waiting":                 {policies: policyText("ssh", "{do: revert, after: 30m}", ""), outcome: incident.Pending, left: []string{ssh}},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, c.policies, c.options...)
			body := w.authorize(groupA, earlier)
			if !c.unknown {
				require.Equal(t, incident.Compliant, w.judge1(body).Outcome)
			}
			anns := orOther(c.anns, between)
			late, body := w.changes(anns, ssh)
			if c.prepare != nil {
				c.prepare(w)
			}
			require.Equal(t, c.outcome, w.judge1(body).Outcome)
			require.Equal(t, c.left, w.texts(groupA))
			told := len(w.sent())

			w.judge1(late)
			require.Len(t, w.sent(), told+1)
			require.Equal(t, "attributed "+c.outcome.String(), w.sent()[told])
			w.requireSuperseded(anns, c.refused...)
			require.Equal(t, c.left, w.texts(groupA), "it is told, and nothing is done")

			w.judgeTimes(late, 2)
			w.judgeTimes(body, 2)
			require.Len(t, w.sent(), told+1)
			w.ec2.on = nil
			w.wait(time.Hour)
			w.judge1(judgeGroup(groupA, "sweep", ""))
			w.judgeTimes(late, 3)
			for _, event := range w.sent()[told+1:] {
				require.NotContains(t, event, "attributed")
			}
		})
	}
}

// refusing refuses every call that changes a rule.
func refusing(err error) func(string) error {
	return func(name string) error {
		if name == "ModifySecurityGroupRules" || name == "RevokeSecurityGroupIngress" {
			return err
		}
		return nil
	}
}

// TestAnOverwrittenChangeInTime: what is known before the first message stands in
// it, and needs none of its own.
func TestAnOverwrittenChangeInTime(t *testing.T) {
	w := newWorld(t, revertSSH)
	late, body := overwritten(t, w)
	ds := w.Judge(context.Background(), []Delivery{deliver(body, 1), deliver(late, 2)})
	require.Equal(t, incident.Reverted, ds[0].Outcome)
	require.Equal(t, incident.AlreadyCompliant, ds[1].Outcome)
	require.Equal(t, []string{"acted reverted"}, w.sent())
	w.requireSuperseded(between)
	w.judgeTimes(late, 3)
	require.Len(t, w.sent(), 1)
}

// TestAnOverwrittenChangeOfAnIncidentThatNobodyIsKnownToHaveMade: both records are
// late, in either order.
func TestAnOverwrittenChangeOfAnIncidentThatNobodyIsKnownToHaveMade(t *testing.T) {
	for _, order := range []string{"the overwritten one first", "the incident's first", "together"} {
		t.Run(order, func(t *testing.T) {
			w := newWorld(t, revertSSH)
			late, body := overwritten(t, w)
			require.Equal(t, incident.Reverted, w.judge1(judgeGroup(groupA, "sweep", "")).Outcome)
			want := []string{"acted reverted", "attributed reverted", "attributed reverted"}
			switch order {
			case "the overwritten one first":
				w.judge1(late)
				w.judge1(body)
			case "the incident's first":
				w.judge1(body)
				w.judge1(late)
			default:
				w.Judge(context.Background(), []Delivery{deliver(body, 1), deliver(late, 2)})
				want = want[:2]
			}
			require.Equal(t, want, w.sent())
			closed := w.closed(groupA)
			last := closed[len(closed)-1]
			require.Equal(t, eve, last.Actor.ARN)
			require.Len(t, last.Superseded, 1)
			w.judgeTimes(late, 2)
			w.judgeTimes(body, 2)
			require.Equal(t, want, w.sent())
		})
	}
}

// TestOverwrittenChangesAreToldOnceEach and no more than some of an incident.
func TestOverwrittenChangesAreToldOnceEach(t *testing.T) {
	w := newWorld(t, revertSSH)
	require.Equal(t, incident.Compliant, w.judge1(w.authorize(groupA, earlier)).Outcome)
	w.wait(time.Hour)
	var late [][]byte
	for n := range incident.MostSuperseded + 5 {
		late = append(late, w.modify(groupA, first, fmt.Sprintf("ingress tcp/22 from 10.%d.0.0/16", n+1)))
		w.wait(time.Second)
	}
	w.wait(time.Minute)
	require.Equal(t, incident.Reverted, w.judge1(w.modify(groupA, first, ssh)).Outcome)
	for range 2 {
		for _, body := range late {
			require.False(t, w.judge1(body).Retry)
		}
	}
	require.Len(t, w.sent(), 1+incident.MostSuperseded)
	for n, m := range w.publisher.messages()[1:] {
		require.Len(t, m.News(), 1)
		require.Len(t, m.Superseded, n+1)
	}
}

// TestAnOverwrittenChangeOfSeveralRules: of a record only the rules count that an
// incident is about.
func TestAnOverwrittenChangeOfSeveralRules(t *testing.T) {
	w := newWorld(t, revertSSH)
	w.judge1(w.authorize(groupA, earlier, "ingress tcp/443 from 10.0.0.0/16"))
	w.wait(time.Hour)
	second := "sgr-00000000000000002"
	rules := []secgroup.Rule{withID(parse(t, between), first), withID(parse(t, "ingress tcp/443 from 10.0.0.0/8"), second)}
	for _, r := range rules {
		w.ec2.put(groupA, r)
	}
	late := w.record(call{name: "ModifySecurityGroupRules", group: groupA, rules: rules})
	w.wait(time.Minute)
	require.Equal(t, incident.Reverted, w.judge1(w.modify(groupA, first, ssh)).Outcome)
	w.judge1(late)
	w.requireSuperseded(between)
	require.Len(t, w.sent(), 2)
}

func TestAnOverwrittenChangeThatCouldNotBeTold(t *testing.T) {
	w := newWorld(t, revertSSH)
	late, body := overwritten(t, w)
	w.judge1(body)
	w.publisher.on = func(incident.Incident) error { return incident.ErrUnavailable }
	require.True(t, w.judge1(late).Retry)
	require.True(t, w.judgeTimes(late, 2).Retry)
	w.publisher.on = nil
	closed := w.closed(groupA)[0].ClosedAt
	w.wait(time.Minute)
	require.False(t, w.judgeTimes(late, 3).Retry)
	require.Equal(t, []string{"acted reverted", "attributed reverted"}, w.sent())
	w.requireSuperseded(between)
	require.Equal(t, closed, w.closed(groupA)[1].ClosedAt)
	require.Equal(t, ann, w.memory(groupA).Known.Rules[first].By.Actor.ARN)
	w.judgeTimes(late, 4)
	require.Len(t, w.sent(), 2)
}

// TestALateActorThatCouldNotBeTold is told when it can be.
func TestALateActorThatCouldNotBeTold(t *testing.T) {
	for _, how := range []string{"unsent", "killed before", "killed behind"} {
		t.Run(how, func(t *testing.T) {
			w := newWorld(t, revertSSH)
			body := w.authorize(groupA, ssh)
			w.wait(time.Minute)
			w.judge1(judgeGroup(groupA, "sweep", ""))
			sends := 2
			switch how {
			case "unsent":
				w.publisher.on = func(incident.Incident) error { return incident.ErrUnavailable }
				require.True(t, w.judge1(body).Retry)
			case "killed before":
				w.ledger.after = func(name string) { panicAt(name, "Open") }
				require.True(t, w.judge1(body).Retry)
			case "killed behind":
				w.ledger.on = func(name string) error { panicAt(name, "Close"); return nil }
				require.True(t, w.judge1(body).Retry)
				sends = 3 // at least once
			}
			w.publisher.on, w.ledger.on, w.ledger.after = nil, nil, nil
			w.restart()
			w.wait(2 * time.Minute)
			require.False(t, w.judgeTimes(body, 2).Retry)
			require.Len(t, w.sent(), sends)
			for _, event := range w.sent()[1:] {
				require.Equal(t, "attributed reverted", event)
			}
			require.Empty(t, w.memory(groupA).Open)
		})
	}
}

func panicAt(name, call string) {
	if name == call {
		panic("killed")
	}
}

// TestAnOverwrittenChangeAndAProcessThatDies at each effect: it is told at least
// once, and twice only if it died between message and close.
func TestAnOverwrittenChangeAndAProcessThatDies(t *testing.T) {
	for _, point := range []string{"before Observe", "after Observe", "before Open", "after Open", "before Publish", "after Publish", "before Close", "after Close"} {
		t.Run(point, func(t *testing.T) {
			w := newWorld(t, policyText("ssh", "revert", except))
			require.Equal(t, incident.Exempt, w.judge1(w.authorizeBy(admin, groupA, "ingress tcp/22 from 8.0.0.0/8")).Outcome)
			late, body := w.changes(between, ssh)
			require.Equal(t, incident.Reverted, w.judge1(body).Outcome)
			told := len(w.sent())

			w.ledger.on = func(name string) error { panicAt("before "+name, point); return nil }
			w.ledger.after = func(name string) { panicAt("after "+name, point) }
			w.publisher.on = func(incident.Incident) error { panicAt("before Publish", point); return nil }
			if point == "after Publish" {
				w.ledger.on = func(name string) error { panicAt(name, "Close"); return nil }
			}
			require.True(t, w.judge1(late).Retry)
			w.ledger.on, w.ledger.after, w.publisher.on = nil, nil, nil
			w.restart()
			w.wait(2 * time.Minute)
			require.False(t, w.judgeTimes(late, 2).Retry)
			sends := 1
			if point == "after Publish" || point == "before Close" {
				sends = 2
			}
			require.Len(t, w.sent(), told+sends)
			w.requireSuperseded(between)
			require.Empty(t, w.memory(groupA).Open)
			for range 3 {
				w.wait(5 * time.Minute)
				w.judge1(judgeGroup(groupA, "sweep", ""))
			}
			w.requireOpen(groupA, "ingress tcp/22 from 8.0.0.0/8")
			require.Len(t, w.sent(), told+sends)
		})
	}
}

// TestAnOverwrittenChangeWithoutTheLedger comes again, until it can be written.
func TestAnOverwrittenChangeWithoutTheLedger(t *testing.T) {
	t.Run("for the late record", func(t *testing.T) {
		w := newWorld(t, revertSSH)
		late, body := overwritten(t, w)
		w.judge1(body)
		w.down()
		require.True(t, w.judge1(late).Retry)
		w.up()
		w.judgeTimes(late, 2)
		require.Equal(t, []string{"acted reverted", "attributed reverted"}, w.sent())
		w.requireSuperseded(between)
	})
	t.Run("for both", func(t *testing.T) {
		w := newWorld(t, revertSSH)
		late, body := overwritten(t, w)
		w.down()
		require.True(t, w.judge1(body).Retry)
		require.True(t, w.judge1(late).Retry)
		w.requireOpen(groupA)
		w.up()
		w.judgeTimes(body, 2)
		w.judgeTimes(late, 2)
		w.requireSuperseded(between)
		require.Len(t, w.sent(), 2)
	})
}

// TestAnOverwrittenChangeWaitsForTheLease of whoever is at work on the group.
func TestAnOverwrittenChangeWaitsForTheLease(t *testing.T) {
	w := newWorld(t, revertSSH)
	late, body := overwritten(t, w)
	w.judge1(body)
	mem := w.memory(groupA)
	_, err := w.store.Open(context.Background(), incident.Opening{
		GroupID: groupA, Version: mem.Known.Version, Known: mem.Known, Now: w.clock(),
		Lease: incident.Lease{Holder: "another", Until: w.clock().Add(time.Minute)},
	})
	require.NoError(t, err)
	require.True(t, w.judge1(late).Retry)
	require.Len(t, w.sent(), 1)
	w.wait(2 * time.Minute)
	require.False(t, w.judgeTimes(late, 2).Retry)
	w.requireSuperseded(between)
}

// TestAnOverwrittenChangeCostsNoCallOfEC2 beside the look that its record asks for,
// and what is no such change asks for no incident that is over.
func TestAnOverwrittenChangeCostsNoCallOfEC2(t *testing.T) {
	w := newWorld(t, revertSSH)
	late, body := overwritten(t, w)
	w.judge1(body)
	require.Zero(t, w.found)
	w.reset()
	w.judge1(late)
	require.Equal(t, 1, w.found)
	require.Equal(t, []string{"Observe", "Open", "Close"}, w.ledger.calls)
	require.Equal(t, []string{"Group"}, w.ec2.calls)
	w.reset()
	w.judgeTimes(late, 2)
	require.Equal(t, []string{"Observe"}, w.ledger.calls)
	require.Equal(t, []string{"Group"}, w.ec2.calls)
}

// TestAnOverwrittenChangeBelongsToTheFirstIncidentAfterIt.
func TestAnOverwrittenChangeBelongsToTheFirstIncidentAfterIt(t *testing.T) {
	w := newWorld(t, revertSSH)
	late, body := overwritten(t, w)
	w.judge1(body)
	w.wait(time.Hour)
	require.Equal(t, incident.Reverted, w.judge1(w.modify(groupA, first, "ingress tcp/22 from ::/0")).Outcome)
	w.judge1(late)
	closed := w.closed(groupA)
	require.Len(t, closed, 3)
	require.Equal(t, closed[0].ID, closed[2].ID)
	require.Len(t, closed[2].Superseded, 1)
	w.judgeTimes(late, 2)
	require.Len(t, w.closed(groupA), 3)
}
