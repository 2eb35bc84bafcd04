package warden

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sgwarden/sgwarden/internal/incident"
	"github.com/sgwarden/sgwarden/internal/policy"
	"github.com/sgwarden/sgwarden/internal/secgroup"
)

// once gives an answer to the n-th call of a name (from 1), and to no other.
func nth(name string, n int, err error) func(string) error {
	return func(call string) error {
		if call != name {
			return nil
		}
		n--
		if n == 0 {
			return err
		}
		return nil
	}
}

// always gives an answer to every call of a name.
func always(name string, err error) func(string) error {
	return func(call string) error {
		if call == name {
			return err
		}
		return nil
	}
}

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

func TestFault51EverythingIsSwallowed(t *testing.T) {
	for _, remedy := range []string{"revert", "{do: narrow, to: [10.0.0.0/8]}", "tag"} {
		t.Run(remedy, func(t *testing.T) {
			w := newWorld(t, policyText("ssh", remedy, ""))
			w.ec2.swallow = true
			body := w.authorize(groupA, ssh)
			d := w.judge1(body)
			require.Equal(t, incident.NotReverted, d.Outcome)
			require.True(t, d.Retry)
			require.Equal(t, []string{"opened not-reverted"}, w.sent())
			require.Len(t, w.memory(groupA).Open, 1)
			require.Empty(t, w.closed(groupA))

			d = w.judgeTimes(body, 2)
			require.Equal(t, incident.NotReverted, d.Outcome)
			require.True(t, d.Retry)
			require.Len(t, w.sent(), 1, "one message per event type")

			w.ec2.swallow = false
			d = w.judgeTimes(body, 3)
			require.True(t, d.Outcome.Changed())
			require.False(t, d.Retry)
			require.Len(t, w.sent(), 2)
			require.Empty(t, w.memory(groupA).Open)
			require.Len(t, w.closed(groupA), 1)
		})
	}
}

func TestReadBackWaitsForWhatIsNotVisibleYet(t *testing.T) {
	w := newWorld(t, revertSSH)
	body := w.authorize(groupA, ssh)
	reads := 0
	stale := w.ec2.group(groupA)
	w.ec2.after = func(name string) {
		if name == "Rules" {
			if reads++; reads == 2 {
				w.ec2.remove(groupA, stale[0].ID)
			}
		}
		if name == "RevokeSecurityGroupIngress" {
			w.ec2.put(groupA, stale[0]) // still shown
		}
	}
	d := w.judge1(body)
	require.Equal(t, incident.Reverted, d.Outcome)
	require.Equal(t, 3, w.ec2.count("Rules"))
	require.Len(t, w.slept, 2)
}

func TestFault29RuleGoesBetweenReadAndRevoke(t *testing.T) {
	w := newWorld(t, revertSSH)
	body := w.authorize(groupA, ssh)
	w.ec2.on = func(name string) error {
		if name == "RevokeSecurityGroupIngress" {
			w.ec2.remove(groupA, "sgr-00000000000000001")
		}
		return nil
	}
	d := w.judge1(body)
	require.Equal(t, incident.AlreadyCompliant, d.Outcome)
	require.False(t, d.Retry)
	require.Empty(t, w.sent())
	require.Empty(t, w.memory(groupA).Open)
}

func TestFault29OneOfManyGoes(t *testing.T) {
	w := newWorld(t, revertSSH)
	body := w.authorize(groupA, ssh, "ingress tcp/21-22 from 0.0.0.0/0", "ingress tcp/20-22 from ::/0")
	first := true
	w.ec2.on = func(name string) error {
		if name == "RevokeSecurityGroupIngress" && first {
			first = false
			w.ec2.remove(groupA, "sgr-00000000000000002")
		}
		return nil
	}
	d := w.judge1(body)
	require.Equal(t, incident.Reverted, d.Outcome)
	require.Empty(t, w.texts(groupA))
	outcomes := map[string]incident.Outcome{}
	for _, r := range d.Rules {
		outcomes[r.ID] = r.Outcome
	}
	require.Equal(t, map[string]incident.Outcome{
		"sgr-00000000000000001": incident.Reverted, "sgr-00000000000000002": incident.AlreadyCompliant, "sgr-00000000000000003": incident.Reverted,
	}, outcomes)
}

func TestFault30RuleBecomesAnotherViolationBeforeTheRevoke(t *testing.T) {
	w := newWorld(t, revertSSH)
	body := w.authorize(groupA, ssh)
	w.ec2.on = func(name string) error {
		if name == "RevokeSecurityGroupIngress" {
			w.ec2.put(groupA, withID(parse(t, "ingress tcp/22 from ::/0"), "sgr-00000000000000001"))
		}
		return nil
	}
	require.Equal(t, incident.Reverted, w.judge1(body).Outcome)
	require.Empty(t, w.texts(groupA))
	require.Equal(t, "ingress tcp/22 from ::/0", w.closed(groupA)[0].Rules[0].Before.String(), "the value that was removed is told")
}

func TestRuleThatBecameCompliantBeforeTheRevokeIsPutBack(t *testing.T) {
	w := newWorld(t, revertSSH)
	body := w.authorize(groupA, ssh)
	w.ec2.on = func(name string) error {
		if name == "RevokeSecurityGroupIngress" {
			w.ec2.put(groupA, withID(parse(t, "ingress tcp/22 from 10.0.0.0/8"), "sgr-00000000000000001"))
		}
		return nil
	}
	d := w.judge1(body)
	require.False(t, d.Retry)
	w.requireOpen(groupA, "ingress tcp/22 from 10.0.0.0/8")
	require.Contains(t, fmt.Sprint(w.closed(groupA)[0].Notes), "was put back")

	t.Run("said where the role may not", func(t *testing.T) {
		w := newWorld(t, revertSSH, func(c *Config) { c.Limits.MayAuthorize = false })
		body := w.authorize(groupA, ssh)
		w.ec2.on = func(name string) error {
			if name == "RevokeSecurityGroupIngress" {
				w.ec2.put(groupA, withID(parse(t, "ingress tcp/22 from 10.0.0.0/8"), "sgr-00000000000000001"))
			}
			return nil
		}
		w.judge1(body)
		require.Empty(t, w.texts(groupA))
		require.Contains(t, fmt.Sprint(w.closed(groupA)[0].Notes), "put it back: authorize ingress tcp/22 from 10.0.0.0/8")
		require.Len(t, w.sent(), 1)
	})
}

func TestFault31GroupIsDeletedMidway(t *testing.T) {
	w := newWorld(t, revertSSH)
	body := w.authorize(groupA, ssh)
	w.ec2.on = func(name string) error {
		if name == "RevokeSecurityGroupIngress" {
			w.ec2.drop(groupA)
		}
		return nil
	}
	d := w.judge1(body)
	require.False(t, d.Retry)
	require.Contains(t, []incident.Outcome{incident.Gone, incident.AlreadyCompliant}, d.Outcome)
	require.Empty(t, w.sent())
	require.Empty(t, w.memory(groupA).Open)

	w.wait(2 * time.Minute)
	d = w.judgeTimes(body, 2)
	require.Equal(t, incident.Gone, d.Outcome)
	require.False(t, d.Retry)
}

func TestFault39SingleFaults(t *testing.T) {
	faults := map[string]error{"throttled": incident.ErrThrottled, "unavailable": incident.ErrUnavailable, "unknown": errors.New("connection reset")}
	for name, err := range faults {
		for _, call := range []string{"Group", "RevokeSecurityGroupIngress", "Rules", "Publish", "Open", "Close", "Observe"} {
			t.Run(name+" "+call, func(t *testing.T) {
				w := newWorld(t, revertSSH)
				body := w.authorize(groupA, ssh)
				fault := always(call, err)
				w.ec2.on, w.ledger.on = fault, fault
				w.publisher.on = func(incident.Incident) error { return fault("Publish") }
				d := w.judge1(body)
				require.True(t, d.Retry, "%s %s", d.Outcome, d.Reason)
				if len(w.texts(groupA)) > 0 {
					require.False(t, d.Outcome.Changed(), "claimed though the rule stands")
				}
				w.ec2.on, w.ledger.on, w.publisher.on = nil, nil, nil
				w.wait(time.Minute + time.Second)
				d = w.judgeTimes(body, 2)
				require.False(t, d.Retry, "%s %s", d.Outcome, d.Reason)
				require.Empty(t, w.texts(groupA))
				require.Contains(t, w.sent(), "acted reverted", "no alert is lost")
				require.Empty(t, w.memory(groupA).Open)
			})
		}
	}
}

func TestLostAnswerIsNoLostAlert(t *testing.T) {
	w := newWorld(t, revertSSH)
	w.ec2.silent = incident.ErrUnavailable
	d := w.judge1(w.authorize(groupA, ssh))
	require.Equal(t, incident.Reverted, d.Outcome)
	require.Equal(t, []string{"acted reverted"}, w.sent())
	require.NotEmpty(t, w.closed(groupA)[0].Notes)
}

func TestFault40RevokeIsDenied(t *testing.T) {
	w := newWorld(t, revertSSH)
	w.ec2.on = always("RevokeSecurityGroupIngress", incident.ErrDenied)
	body := w.authorize(groupA, ssh)
	for n := 1; n <= 3; n++ {
		d := w.judgeTimes(body, n)
		require.Equal(t, incident.CannotRemediate, d.Outcome)
		require.True(t, d.Retry)
	}
	require.Equal(t, []string{"opened cannot-remediate"}, w.sent())
	require.Equal(t, 3, w.ec2.count("RevokeSecurityGroupIngress"))

	// Fault 46: mended an hour later it is still due.
	w.wait(time.Hour)
	w.ec2.on = nil
	require.Equal(t, incident.Reverted, w.judge1(judgeGroup(groupA, "sweep", "")).Outcome)
	require.Equal(t, []string{"opened cannot-remediate", "acted reverted"}, w.sent())
}

func TestReadIsDenied(t *testing.T) {
	w := newWorld(t, revertSSH)
	w.ec2.on = always("Group", incident.ErrDenied)
	body := w.authorize(groupA, ssh)
	for n := 1; n <= 3; n++ {
		d := w.judgeTimes(body, n)
		require.Equal(t, incident.CannotRemediate, d.Outcome)
		require.True(t, d.Retry)
	}
	require.Equal(t, []string{"opened cannot-remediate"}, w.sent())
}

func TestFault41PublishIsDenied(t *testing.T) {
	w := newWorld(t, revertSSH)
	w.publisher.on = func(incident.Incident) error { return incident.ErrDenied }
	body := w.authorize(groupA, ssh)
	d := w.judge1(body)
	require.Equal(t, incident.Reverted, d.Outcome)
	require.True(t, d.Retry)
	require.Empty(t, w.texts(groupA), "the remediation stands")
	require.Len(t, w.memory(groupA).Open, 1, "the alert is stored")
	require.Equal(t, incident.Reverted, w.memory(groupA).Open[0].Outcome)

	w.publisher.on = nil
	d = w.judgeTimes(body, 2)
	require.False(t, d.Retry)
	require.Equal(t, []string{"acted reverted"}, w.sent())
	closed := w.closed(groupA)
	require.Len(t, closed, 1)
	require.Equal(t, ssh, closed[0].Rules[0].Before.String())
	require.NotEqual(t, reasonInterrupted, closed[0].Reason)
	require.Equal(t, 1, w.ec2.count("Mutations"))
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
