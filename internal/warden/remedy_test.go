package warden

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sgwarden/sgwarden/internal/incident"
	"github.com/sgwarden/sgwarden/internal/policy"
	"github.com/sgwarden/sgwarden/internal/secgroup"
)

func TestNarrowInPlace(t *testing.T) {
	w := newWorld(t, policyText("ssh", "{do: narrow, parts: 2}", ""))
	d := w.judge1(w.authorize(groupA, "ingress tcp/20-25 from 0.0.0.0/0"))

	require.Equal(t, incident.Narrowed, d.Outcome)
	w.requireOpen(groupA, "ingress tcp/20-21 from 0.0.0.0/0", "ingress tcp/23-25 from 0.0.0.0/0")
	require.Equal(t, []string{"Group", "AuthorizeSecurityGroupIngress", "ModifySecurityGroupRules", "Rules"}, w.ec2.calls)
	require.Equal(t, []string{"acted narrowed"}, w.sent())
	closed := w.closed(groupA)[0]
	require.Len(t, closed.Rules[0].After, 2)
	require.Equal(t, "sgr-00000000000000001", closed.Rules[0].After[0].ID)

	known := w.memory(groupA).Known
	require.Len(t, known.Rules, 2, "what we made is remembered")
	for _, k := range known.Rules {
		require.Empty(t, k.IncidentID)
	}
	// The record comes again within the minute: nothing is waited for.
	d = w.judgeTimes(w.record(call{name: "AuthorizeSecurityGroupIngress", group: groupA, at: noon, rules: []secgroup.Rule{withID(parse(t, "ingress tcp/20-25 from 0.0.0.0/0"), "sgr-00000000000000001")}}), 2)
	require.Equal(t, incident.AlreadyCompliant, d.Outcome)
	require.Empty(t, w.slept)
}

func withID(r secgroup.Rule, id string) secgroup.Rule { r.ID = id; return r }

func TestNarrowFallsBackToRevoke(t *testing.T) {
	const wide = "ingress tcp/20-25 from 0.0.0.0/0"
	narrow := policyText("ssh", "{do: narrow, parts: 2}", "")
	for name, prepare := range map[string]func(*world){
		"the role may not modify": func(w *world) { w.cfg.Limits.MayModify = false; w.restart() },
		"modify is denied":        func(w *world) { w.ec2.on = always("ModifySecurityGroupRules", incident.ErrDenied) },
		"the quota is reached":    func(w *world) { w.ec2.on = always("AuthorizeSecurityGroupIngress", incident.ErrQuota) },
		"modify is refused":       func(w *world) { w.ec2.on = always("ModifySecurityGroupRules", incident.ErrInvalid) },
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, narrow)
			prepare(w)
			d := w.judge1(w.authorize(groupA, wide))
			require.Equal(t, incident.Reverted, d.Outcome)
			require.False(t, d.Retry)
			require.NotContains(t, w.texts(groupA), wide)
			require.NotEmpty(t, w.closed(groupA)[0].Fallback)
			require.Equal(t, []string{"acted reverted"}, w.sent())
		})
	}
}

func TestNarrowIntoARuleThatSomebodyMadeMeanwhile(t *testing.T) {
	w := newWorld(t, policyText("ssh", "{do: narrow, to: [10.0.0.0/8]}", ""))
	body := w.authorize(groupA, ssh)
	w.ec2.on = func(name string) error {
		if name == "ModifySecurityGroupRules" && len(w.ec2.group(groupA)) == 1 {
			w.ec2.add(groupA, parse(t, "ingress tcp/22 from 10.0.0.0/8"))
		}
		return nil
	}
	d := w.judge1(body)
	require.Equal(t, incident.Narrowed, d.Outcome)
	w.requireOpen(groupA, "ingress tcp/22 from 10.0.0.0/8")
}

func TestFault35LegitRuleDuringNarrowIsUntouched(t *testing.T) {
	w := newWorld(t, policyText("ssh", "{do: narrow, to: [10.0.0.0/8]}", ""))
	body := w.authorize(groupA, ssh)
	w.ec2.after = func(name string) {
		if name == "Group" {
			w.ec2.add(groupA, parse(t, https))
		}
	}
	require.Equal(t, incident.Narrowed, w.judge1(body).Outcome)
	w.requireOpen(groupA, "ingress tcp/22 from 10.0.0.0/8", https)
	require.NotContains(t, fmt.Sprint(w.memory(groupA).Known.Rules), "tcp/443", "what was not judged is not remembered as judged")
}

func TestModifiedRuleGetsItsOldValueBack(t *testing.T) {
	w := newWorld(t, revertSSH)
	const old = "ingress tcp/22 from 10.0.0.0/8"
	w.judge1(w.authorize(groupA, old))
	id := w.ec2.group(groupA)[0].ID
	w.wait(time.Hour)
	w.reset()

	d := w.judge1(w.modify(groupA, id, ssh))

	require.Equal(t, incident.Reverted, d.Outcome)
	require.Equal(t, []string{old + "#" + id}, w.rules(groupA))
	require.Equal(t, []string{"Group", "ModifySecurityGroupRules", "Rules"}, w.ec2.calls)
	closed := w.closed(groupA)[0]
	require.True(t, closed.Rules[0].Restored)
	require.Equal(t, ssh, closed.Rules[0].Before.String())
	known := w.memory(groupA).Known.Rules[id]
	require.Equal(t, old, known.Rule.String())
	require.Empty(t, known.IncidentID)

	// The same widening again is growth again (fault 48), in a new incident.
	w.wait(10 * time.Minute)
	require.Equal(t, incident.Reverted, w.judge1(w.modify(groupA, id, ssh)).Outcome)
	require.Equal(t, []string{old + "#" + id}, w.rules(groupA))
	require.Len(t, w.closed(groupA), 2)
	require.NotEqual(t, w.closed(groupA)[0].ID, w.closed(groupA)[1].ID)
}

func TestModifiedRuleOfUnknownPastIsRevoked(t *testing.T) {
	w := newWorld(t, revertSSH)
	r := w.ec2.add(groupA, parse(t, "ingress tcp/22 from 10.0.0.0/8"))
	d := w.judge1(w.modify(groupA, r.ID, ssh))
	require.Equal(t, incident.Reverted, d.Outcome)
	require.Empty(t, w.texts(groupA))
	require.NotEmpty(t, w.closed(groupA)[0].Fallback)
}

func TestModifyThatDoesNotWidenIsCompliant(t *testing.T) {
	w := newWorld(t, revertSSH)
	w.judge1(w.authorize(groupA, "ingress tcp/22 from 10.0.0.0/8"))
	id := w.ec2.group(groupA)[0].ID
	w.wait(time.Hour)
	require.Equal(t, incident.Compliant, w.judge1(w.modify(groupA, id, "ingress tcp/22 from 10.1.0.0/16")).Outcome)
	require.Zero(t, w.ec2.count("Mutations"))
	require.Equal(t, "ingress tcp/22 from 10.1.0.0/16", w.memory(groupA).Known.Rules[id].Rule.String())
}

func TestFault22OneBadOfThirty(t *testing.T) {
	w := newWorld(t, revertSSH)
	var texts []string
	for i := range 29 {
		texts = append(texts, fmt.Sprintf("ingress tcp/22 from 10.%d.0.0/16", i))
	}
	d := w.judge1(w.authorize(groupA, append(texts, ssh)...))
	require.Equal(t, incident.Reverted, d.Outcome)
	require.Len(t, d.Rules, 30)
	w.requireOpen(groupA, texts...)
}

// TestFault21PortsOfAProtocolThatHasNone: whatever an endpoint writes there,
// the rule is all traffic of the protocol.
func TestFault21PortsOfAProtocolThatHasNone(t *testing.T) {
	whole := strings.Replace(revertSSH, "ports: [22], peers: [internet]", "protocols: [47], peers: [internet], when: whole", 1)
	for _, ports := range []secgroup.Ports{{From: 22, To: 22}, {From: 0, To: 0}, {From: -1, To: -1}, {From: 0, To: 65535}} {
		for _, protocol := range []secgroup.Protocol{47, 50} {
			t.Run(fmt.Sprint(protocol, ports), func(t *testing.T) {
				w := newWorld(t, whole)
				r := w.ec2.add(groupA, secgroup.Rule{Direction: secgroup.Ingress, Protocol: protocol, Ports: ports, Peer: parse(t, ssh).Peer})
				d := w.judge1(w.record(call{name: "AuthorizeSecurityGroupIngress", group: groupA, rules: []secgroup.Rule{r}}))
				require.False(t, d.Retry)
				if protocol == 47 {
					require.Equal(t, incident.Reverted, d.Outcome)
					require.Empty(t, w.texts(groupA))
					return
				}
				require.Equal(t, incident.Compliant, d.Outcome)
				w.requireOpen(groupA, "ingress 50 from 0.0.0.0/0")
			})
		}
	}
}

func TestTagAndAlertRemedies(t *testing.T) {
	for remedy, want := range map[string]struct {
		outcome   incident.Outcome
		message   string
		mutations int
	}{
		"tag":   {incident.Tagged, "acted tagged", 1},
		"alert": {incident.Alerted, "opened alerted", 0},
	} {
		t.Run(remedy, func(t *testing.T) {
			w := newWorld(t, policyText("ssh", remedy, ""))
			body := w.authorize(groupA, ssh)
			require.Equal(t, want.outcome, w.judge1(body).Outcome)
			w.requireOpen(groupA, ssh)
			require.Equal(t, []string{want.message}, w.sent())
			require.Equal(t, want.mutations, w.ec2.count("Mutations"))
			version := w.memory(groupA).Known.Version
			w.ledger.calls = nil

			d := w.judgeTimes(body, 2)
			require.Equal(t, want.outcome, d.Outcome)
			require.NotEmpty(t, d.IncidentID)
			require.Equal(t, []string{"Observe"}, w.ledger.calls, "seen again it writes and sends nothing")
			require.Equal(t, version, w.memory(groupA).Known.Version)
			require.Len(t, w.sent(), 1)
			require.Equal(t, want.mutations, w.ec2.count("Mutations"))

			w.wait(time.Hour)
			require.Equal(t, want.outcome, w.judge1(judgeGroup(groupA, "sweep", "")).Outcome)
			require.Len(t, w.sent(), 1)
		})
	}
}

func TestObserveChangesNothing(t *testing.T) {
	for _, remedy := range []string{"revert", "{do: narrow, to: [10.0.0.0/8]}", "tag", "alert"} {
		t.Run(remedy, func(t *testing.T) {
			w := newWorld(t, policyText("ssh", remedy, ""), observing)
			body := w.authorize(groupA, ssh)
			d := w.judge1(body)
			require.Equal(t, incident.Observed, d.Outcome)
			w.requireOpen(groupA, ssh)
			require.Zero(t, w.ec2.count("Mutations"))
			require.Equal(t, []string{"opened observed"}, w.sent())
			closed := w.closed(groupA)[0]
			require.Equal(t, policy.Observe, closed.Mode)
			if remedy == "alert" {
				require.Empty(t, closed.Would)
			} else {
				require.NotEmpty(t, closed.Would)
			}
			require.Equal(t, incident.Observed, w.judgeTimes(body, 2).Outcome)
			require.Len(t, w.sent(), 1)
			require.Len(t, w.closed(groupA), 1)
		})
	}
}

func TestModeBoundsWhatTheSetAsksFor(t *testing.T) {
	w := newWorld(t, revertSSH)
	w.cfg.Mode = policy.Observe // the set was compiled in enforce
	w.restart()
	require.Equal(t, incident.Observed, w.judge1(w.authorize(groupA, ssh)).Outcome)
	require.Zero(t, w.ec2.count("Mutations"))
	require.Equal(t, []string{"RevokeSecurityGroupIngress: sgr-00000000000000001 " + ssh}, w.closed(groupA)[0].Would)
}

func TestObservedRuleIsRevertedOnceEnforced(t *testing.T) {
	w := newWorld(t, revertSSH, observing)
	w.judge1(w.authorize(groupA, ssh))
	w.cfg.Mode = policy.Enforce
	w.set = compile(t, revertSSH, policy.Enforce)
	w.restart()
	w.wait(time.Hour)
	require.Equal(t, incident.Compliant, w.judge1(judgeGroup(groupA, "sweep", "")).Outcome, "the new digest has no act yet")
	w.actsDone()
	d := w.judge1(judgeGroup(groupA, "sweep", ""))
	require.Equal(t, incident.Reverted, d.Outcome)
	require.Equal(t, []string{"opened observed", "acted reverted"}, w.sent())
}

func TestIngressBeforeEgress(t *testing.T) {
	w := newWorld(t, revertSSH+`---
apiVersion: sgwarden/v1
kind: Policy
metadata: {id: out, title: Closed, severity: high, why: x, fix: y}
forbid:
  - {direction: egress, ports: [22], peers: [internet]}
`)
	out := w.ec2.add(groupA, parse(t, "egress tcp/22 to 0.0.0.0/0"))
	in := w.ec2.add(groupA, parse(t, ssh))
	ds := w.Judge(context.Background(), []Delivery{
		deliver(w.record(call{name: "AuthorizeSecurityGroupEgress", group: groupA, rules: []secgroup.Rule{out}}), 1),
		deliver(w.record(call{name: "AuthorizeSecurityGroupIngress", group: groupA, rules: []secgroup.Rule{in}}), 1),
	})
	require.Len(t, ds, 2)
	require.Equal(t, []string{"Group", "RevokeSecurityGroupIngress", "RevokeSecurityGroupEgress", "Rules"}, w.ec2.calls)
}
