package warden

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sgwarden/sgwarden/internal/incident"
	"github.com/sgwarden/sgwarden/internal/policy"
	"github.com/sgwarden/sgwarden/internal/secgroup"
)

func TestFault45NothingIsTouchedBeforeTheAct(t *testing.T) {
	w := newWorld(t, revertSSH)
	w.noActs()
	var older []string
	for i := range 15 {
		older = append(older, fmt.Sprintf("ingress tcp/%d-22 from 0.0.0.0/0", i))
		w.ec2.add(groupA, parse(t, older[i]))
	}
	body := w.record(call{name: "AuthorizeSecurityGroupIngress", group: groupA, incomplete: true})
	d := w.judge1(body)
	require.Equal(t, incident.Unresolved, d.Outcome)
	require.False(t, d.Retry)
	require.Len(t, d.Incident.Standing, 15)
	w.requireOpen(groupA, older...)
	require.Equal(t, []string{"opened unresolved"}, w.sent())
	w.judgeTimes(body, 2)
	require.Len(t, w.sent(), 1)

	// A rule that a record names is judged all the same.
	d = w.judge1(w.authorize(groupA, ssh))
	require.Equal(t, incident.Reverted, d.Outcome)
	w.requireOpen(groupA, older...)
	require.Len(t, w.closed(groupA)[0].Standing, 15)
}

// TestARuleThatStandsIsNotCalledCompliant: its record names it by id alone, so
// it stands until the act; that is no verdict on it.
func TestARuleThatStandsIsNotCalledCompliant(t *testing.T) {
	w := newWorld(t, revertSSH)
	w.noActs()
	body := bytes.ReplaceAll(w.authorize(groupA, ssh), []byte(`"ipProtocol":"tcp"`), []byte(`"ipProtocol":["tcp"]`))
	d := w.judge1(body)
	require.Equal(t, incident.Unresolved, d.Outcome, d.Reason)
	require.Len(t, d.Rules, 1)
	require.Equal(t, incident.Unresolved, d.Rules[0].Outcome)
	require.Equal(t, reasonBeforeAct, d.Rules[0].Reason)
	w.requireOpen(groupA, ssh)
}

// TestARuleThatStandsIsNotCalledCompliantMeanwhile: nor is it while its record has to
// come again, for another rule of the group.
func TestARuleThatStandsIsNotCalledCompliantMeanwhile(t *testing.T) {
	w := newWorld(t, revertSSH)
	w.noActs()
	w.ec2.swallow = true
	require.Equal(t, incident.NotReverted, w.judge1(w.authorize(groupA, "ingress tcp/22 from 9.0.0.0/8")).Outcome)
	w.wait(time.Minute)
	body := bytes.ReplaceAll(w.authorize(groupA, ssh), []byte(`"ipProtocol":"tcp"`), []byte(`"ipProtocol":["tcp"]`))
	ofNamed := func(d Decision) RuleDecision {
		n := slices.IndexFunc(d.Rules, func(r RuleDecision) bool { return r.Rule.Value() == parse(t, ssh).Value() })
		require.GreaterOrEqual(t, n, 0)
		return d.Rules[n]
	}
	d := w.judge1(body)
	require.True(t, d.Retry)
	require.Equal(t, incident.Unresolved, d.Outcome, "the worst of its rules")
	require.Equal(t, incident.Unresolved, ofNamed(d).Outcome)
	require.Equal(t, reasonBeforeAct, ofNamed(d).Reason)
	require.Equal(t, []string{"opened not-reverted"}, w.sent(), "told once it is at rest")

	w.ec2.swallow = false
	w.wait(time.Minute)
	d = w.judgeTimes(body, 2)
	require.False(t, d.Retry)
	require.Equal(t, incident.Unresolved, d.Outcome)
	require.Equal(t, reasonBeforeAct, ofNamed(d).Reason)
	w.requireOpen(groupA, ssh)
	require.Contains(t, w.sent(), "opened unresolved")
}

func TestFault50MarkedRuleNarrowedByItsOwner(t *testing.T) {
	w := newWorld(t, revertSSH)
	r := w.ec2.add(groupA, parse(t, ssh))
	w.mark(groupA, r, "ssh")
	require.Equal(t, incident.Compliant, w.judge1(w.modify(groupA, r.ID, "ingress tcp/22 from 8.0.0.0/8")).Outcome)
	w.requireOpen(groupA, "ingress tcp/22 from 8.0.0.0/8")
	require.Equal(t, []string{"ssh"}, w.memory(groupA).Known.Rules[r.ID].Baseline, "marks pass on to a narrower value")

	// Growth suspends them; they return with the value.
	w.wait(time.Hour)
	require.Equal(t, incident.Reverted, w.judge1(w.modify(groupA, r.ID, "ingress tcp/22 from 0.0.0.0/0")).Outcome)
	w.requireOpen(groupA, "ingress tcp/22 from 8.0.0.0/8")
	require.Equal(t, []string{"ssh"}, w.memory(groupA).Known.Rules[r.ID].Baseline)
	w.wait(time.Hour)
	require.Equal(t, incident.Compliant, w.judge1(judgeGroup(groupA, "sweep", "")).Outcome)
	w.requireOpen(groupA, "ingress tcp/22 from 8.0.0.0/8")
}

// mark writes a rule as baseline, as the sweep does it.
func (w *world) mark(group string, r secgroup.Rule, policies ...string) {
	mem := w.memory(group)
	known := mem.Known
	known.Whole = true
	known.Rules = map[string]policy.KnownRule{r.ID: {Rule: r, Since: noon.Add(-72 * time.Hour), Order: 1, Baseline: policies}}
	require.NoError(w.t, w.store.Close(context.Background(), incident.Closing{GroupID: group, Version: known.Version, Known: known, Now: noon}))
}

func TestHarmlessEditNeverRemovesAnOlderRule(t *testing.T) {
	w := newWorld(t, revertSSH)
	r := w.ec2.add(groupA, parse(t, ssh))
	w.mark(groupA, r, "ssh")
	for _, body := range [][]byte{w.authorize(groupA, https), w.record(call{name: "UpdateSecurityGroupRuleDescriptionsIngress", group: groupA}), judgeGroup(groupA, "sweep", "")} {
		require.Equal(t, incident.Compliant, w.judge1(body).Outcome)
	}
	d := w.judge1(w.authorize(groupA, "ingress tcp/22 from ::/0"))
	require.Equal(t, incident.Reverted, d.Outcome)
	w.requireOpen(groupA, ssh, https)
	require.Equal(t, "baseline", w.closed(groupA)[0].Standing[0].Reason)
}

// TestALateRecordOfAnEarlierViolation: before the act a value stands that no
// record at hand names, and is put back. Where the record of that value comes
// with the one of the later value, it is at hand.
func TestALateRecordOfAnEarlierViolation(t *testing.T) {
	const id, block = "sgr-00000000000000001", "ingress tcp/22 from 8.0.0.0/8"
	for name, tt := range map[string]struct {
		together bool
		want     []string
	}{
		"together": {true, []string{}},
		"apart":    {false, []string{block}},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, revertSSH)
			w.noActs()
			w.judge1(w.authorize(groupA, https))
			w.wait(time.Minute)
			earlier := w.modify(groupA, id, block)
			w.wait(time.Second)
			require.Equal(t, incident.Compliant, w.judge1(judgeGroup(groupA, "sweep", "")).Outcome)
			w.requireOpen(groupA, block)
			w.wait(time.Second)
			later := w.modify(groupA, id, "ingress tcp/20-25 from 0.0.0.0/0")
			deliveries := []Delivery{deliver(later, 1)}
			if tt.together {
				deliveries = append(deliveries, deliver(earlier, 2))
			}
			require.Equal(t, incident.Reverted, w.Judge(context.Background(), deliveries)[0].Outcome)
			w.requireOpen(groupA, tt.want...)
			require.Empty(t, w.memory(groupA).Open)
		})
	}
}

// TestALateRecordOfWhatANarrowingLeft: before the act one policy narrows a rule
// whose incident is open, and leaves to another what only a later record names.
// That record still names what is left of its value.
func TestALateRecordOfWhatANarrowingLeft(t *testing.T) {
	rdp := strings.Replace(policyText("rdp", "{do: narrow, parts: 2}", ""), "[22]", "[3389]", 1)
	for name, tt := range map[string]struct {
		to, left string
		killed   bool // behind the narrowing
		changed  bool // somebody narrows what is left: nobody's record is at hand then
		want     []string
	}{
		"in place":                {to: "ingress tcp/22-3389 from 0.0.0.0/0", left: "ingress tcp/22-3388 from 0.0.0.0/0"},
		"in a rule made beside":   {to: "ingress tcp/22-65535 from 0.0.0.0/0", left: "ingress tcp/22-3388 from 0.0.0.0/0", want: []string{"ingress tcp/3390-65535 from 0.0.0.0/0"}},
		"finished after a death":  {to: "ingress tcp/22-3389 from 0.0.0.0/0", left: "ingress tcp/22-3388 from 0.0.0.0/0", killed: true},
		"and somebody changes it": {to: "ingress tcp/22-3389 from 0.0.0.0/0", left: "ingress tcp/22-3388 from 0.0.0.0/0", changed: true, want: []string{"ingress tcp/22 from 0.0.0.0/0"}},
	} {
		t.Run(name, func(t *testing.T) {
			const id = "sgr-00000000000000001"
			w := newWorld(t, revertSSH+rdp)
			w.noActs()
			first := w.authorize(groupA, "ingress tcp/3389 from 8.0.0.0/8")
			w.killedBefore("RevokeSecurityGroupIngress", first)
			later := w.modify(groupA, id, tt.to)
			if tt.killed {
				w.killedAfter("ModifySecurityGroupRules", first)
			}
			require.Equal(t, incident.Narrowed, w.judgeTimes(first, 2).Outcome)
			require.Contains(t, w.texts(groupA), tt.left)
			if tt.changed {
				w.wait(time.Second)
				w.modify(groupA, id, ssh)
			}
			d := w.judge1(later)
			require.False(t, d.Retry)
			w.requireOpen(groupA, tt.want...)
			if !tt.changed {
				require.Equal(t, incident.Reverted, d.Outcome)
				require.True(t, d.Incident.Actor.Attributed)
			}
			require.Empty(t, w.memory(groupA).Open)
		})
	}
}

// TestAnIncidentHoldsARuleUnderItsPolicyOnly: that another policy refuses the
// rule too, and lets it stand until its act, gives that one no right to act.
func TestAnIncidentHoldsARuleUnderItsPolicyOnly(t *testing.T) {
	rdp := strings.Replace(policyText("rdp", "{do: narrow, parts: 2}", ""), "[22]", "[3389]", 1)
	w := newWorld(t, revertSSH+rdp)
	w.noActs()
	w.ec2.on = always("RevokeSecurityGroupIngress", incident.ErrDenied)
	require.Equal(t, incident.CannotRemediate, w.judge1(w.authorize(groupA, "ingress tcp/3389 from 8.0.0.0/8")).Outcome)
	w.wait(time.Minute)
	w.modify(groupA, "sgr-00000000000000001", "ingress tcp/22-3389 from 0.0.0.0/0") // its record is lost
	w.ec2.on = func(call string) error {
		if call == "ModifySecurityGroupRules" || call == "RevokeSecurityGroupIngress" {
			return incident.ErrThrottled
		}
		return nil
	}
	require.True(t, w.judge1(judgeGroup(groupA, "sweep", "")).Retry)
	require.Equal(t, []string{"rdp"}, w.memory(groupA).Known.Rules["sgr-00000000000000001"].Under)
	w.ec2.on = nil
	require.Equal(t, incident.Narrowed, w.judge1(judgeGroup(groupA, "sweep", "")).Outcome)
	w.requireOpen(groupA, "ingress tcp/22-3388 from 0.0.0.0/0")
}

// TestWhatWasLeftAsExemptIsNamedByTheRecordOfTheRule: before the act only what a record
// names is taken back, and the record of a rule names what was left of it, also once
// the exemption that let it be has ended.
func TestWhatWasLeftAsExemptIsNamedByTheRecordOfTheRule(t *testing.T) {
	const agreed = "ingress tcp/22 from 8.0.0.0/9"
	w := newWorld(t, policyText("ssh", "narrow", ""))
	w.noActs()
	e := policy.Exemption{ID: "agreed", Policy: "ssh", Group: groupA, Rules: []secgroup.Rule{parse(t, agreed)}, Owner: "net", Reason: "agreed", Until: w.clock().Add(time.Hour)}
	require.NoError(t, w.store.Operator().PutExemption(t.Context(), e, w.clock()))
	body := w.authorize(groupA, ssh)
	require.Equal(t, incident.Narrowed, w.judge1(body).Outcome)
	w.requireOpen(groupA, agreed)
	w.wait(61 * time.Minute)
	require.Equal(t, incident.Reverted, w.judgeTimes(body, 2).Outcome)
	require.Empty(t, w.texts(groupA))
}
