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

// killedAfter judges a record with a process that dies behind a call.
func (w *world) killedAfter(call string, body []byte) {
	w.t.Helper()
	w.ec2.after = func(name string) {
		if name == call {
			panic("killed")
		}
	}
	require.True(w.t, w.judge1(body).Retry)
	w.ec2.after = nil
	w.restart()
	w.wait(time.Minute + time.Second)
}

// killedBefore judges a record with a process that dies before a call of EC2.
func (w *world) killedBefore(call string, body []byte) {
	w.t.Helper()
	w.ec2.on = func(name string) error {
		if name == call {
			panic("killed")
		}
		return nil
	}
	require.True(w.t, w.judge1(body).Retry)
	w.ec2.on = nil
	w.restart()
	w.wait(time.Minute + time.Second)
}

func TestInterruptedJudgingsAreFinishedByJudgingAfresh(t *testing.T) {
	narrow := policyText("ssh", "{do: narrow, to: [10.0.0.0/8]}", "")
	t.Run("narrowed", func(t *testing.T) {
		w := newWorld(t, narrow)
		w.killedAfter("ModifySecurityGroupRules", w.authorize(groupA, ssh))
		d := w.judge1(judgeGroup(groupA, "sweep", ""))
		require.Equal(t, incident.Narrowed, d.Outcome)
		closed := w.closed(groupA)
		require.Len(t, closed, 1)
		require.Equal(t, reasonInterrupted, closed[0].Reason)
		require.Contains(t, fmt.Sprint(closed[0].Notes), "may not have been the one")
		require.Equal(t, []string{"acted narrowed"}, w.sent())
		require.Equal(t, 1, w.ec2.count("Mutations"), "planned actions are never replayed")
		require.Equal(t, "ingress tcp/22 from 10.0.0.0/8", w.memory(groupA).Known.Rules["sgr-00000000000000001"].Rule.String())
	})
	t.Run("restored", func(t *testing.T) {
		w := newWorld(t, revertSSH)
		w.judge1(w.authorize(groupA, "ingress tcp/22 from 10.0.0.0/8"))
		w.wait(time.Hour)
		body := w.modify(groupA, "sgr-00000000000000001", ssh)
		w.killedAfter("ModifySecurityGroupRules", body)
		require.Equal(t, incident.Reverted, w.judgeTimes(body, 2).Outcome)
		require.True(t, w.closed(groupA)[0].Rules[0].Restored)
		w.requireOpen(groupA, "ingress tcp/22 from 10.0.0.0/8")
		require.Equal(t, []string{"acted reverted"}, w.sent())
	})
	t.Run("not begun: the old value is still known", func(t *testing.T) {
		w := newWorld(t, revertSSH)
		w.judge1(w.authorize(groupA, "ingress tcp/22 from 10.0.0.0/8"))
		w.wait(time.Hour)
		body := w.modify(groupA, "sgr-00000000000000001", ssh)
		w.ec2.on = func(name string) error {
			if name == "ModifySecurityGroupRules" {
				panic("killed")
			}
			return nil
		}
		require.True(t, w.judge1(body).Retry)
		w.ec2.on = nil
		w.restart()
		w.wait(time.Minute + time.Second)
		require.Equal(t, incident.Reverted, w.judgeTimes(body, 2).Outcome)
		w.requireOpen(groupA, "ingress tcp/22 from 10.0.0.0/8")
	})
	t.Run("reverted, and the group is gone", func(t *testing.T) {
		w := newWorld(t, revertSSH)
		w.killedAfter("RevokeSecurityGroupIngress", w.authorize(groupA, ssh))
		w.ec2.drop(groupA)
		require.Equal(t, incident.Gone, w.judge1(judgeGroup(groupA, "sweep", "")).Outcome)
		require.Empty(t, w.memory(groupA).Open)
	})
	t.Run("tagged", func(t *testing.T) {
		w := newWorld(t, policyText("ssh", "tag", ""))
		body := w.authorize(groupA, ssh)
		w.killedAfter("CreateTags", body)
		require.Equal(t, incident.Tagged, w.judgeTimes(body, 2).Outcome)
		require.Equal(t, []string{"acted tagged"}, w.sent())
		require.Equal(t, 1, w.ec2.count("Mutations"))
	})
	t.Run("tagged, and somebody removed it", func(t *testing.T) {
		w := newWorld(t, policyText("ssh", "tag", ""))
		w.killedAfter("CreateTags", w.authorize(groupA, ssh))
		w.ec2.remove(groupA, "sgr-00000000000000001")
		require.Equal(t, incident.Gone, w.judge1(judgeGroup(groupA, "sweep", "")).Outcome, "a tag takes nothing")
		require.Empty(t, w.memory(groupA).Open)
	})
	t.Run("half of it", func(t *testing.T) {
		w := newWorld(t, policyText("ssh", "{do: narrow, parts: 2}", ""))
		body := w.authorize(groupA, "ingress tcp/20-25 from 0.0.0.0/0")
		w.killedAfter("AuthorizeSecurityGroupIngress", body)
		require.Equal(t, incident.Narrowed, w.judgeTimes(body, 2).Outcome)
		w.requireOpen(groupA, "ingress tcp/20-21 from 0.0.0.0/0", "ingress tcp/23-25 from 0.0.0.0/0")
	})
	t.Run("it violates again", func(t *testing.T) {
		w := newWorld(t, narrow)
		w.killedAfter("ModifySecurityGroupRules", w.authorize(groupA, ssh))
		d := w.judge1(w.modify(groupA, "sgr-00000000000000001", "ingress tcp/22 from 8.0.0.0/6"))
		require.True(t, d.Outcome.Changed(), d.Outcome.String())
		require.NotContains(t, fmt.Sprint(w.texts(groupA)), "8.0.0.0/6")
		require.Empty(t, w.memory(groupA).Open)
	})
}

// TestWhatSomebodyElseDidIsNoInterruptedActOfOurs: of two rules of an incident that
// stays open for one of them, somebody changed or removed the other before us.
// That stays so when the incident is looked at again.
func TestWhatSomebodyElseDidIsNoInterruptedActOfOurs(t *testing.T) {
	const web = "ingress tcp/443 from 8.8.0.0/17"
	for name, c := range map[string]struct {
		remedy    string
		meanwhile string // what the rule becomes; "" = it is removed
		later     bool   // it is removed after the first judging
		outcome   incident.Outcome
	}{
		"changed before a tag":             {"tag", web, false, incident.AlreadyCompliant},
		"changed before a tag, then gone":  {"tag", web, true, incident.Gone},
		"removed before a tag":             {"tag", "", false, incident.Gone},
		"changed before a modify":          {"{do: narrow, to: [10.0.0.0/8]}", web, false, incident.AlreadyCompliant},
		"changed before a modify and gone": {"{do: narrow, to: [10.0.0.0/8]}", web, true, incident.Gone},
		"removed before a modify":          {"{do: narrow, to: [10.0.0.0/8]}", "", false, incident.Gone},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, policyText("ssh", c.remedy, ""))
			body := w.authorize(groupA, ssh, "ingress tcp/22 from 9.0.0.0/8")
			id := w.ec2.group(groupA)[0].ID
			w.ledger.on = func(call string) error {
				switch {
				case call != "Open":
				case c.meanwhile == "":
					w.ec2.remove(groupA, id)
				default:
					w.wait(freshFor) // so that a Modify looks first
					w.ec2.put(groupA, withID(parse(t, c.meanwhile), id))
				}
				return nil
			}
			w.ec2.swallow = true
			require.True(t, w.judge1(body).Retry)
			w.ledger.on, w.ec2.swallow = nil, false
			if c.later {
				w.ec2.remove(groupA, id)
			}
			w.wait(time.Minute)
			w.judge1(judgeGroup(groupA, "sweep", ""))
			closed := w.closed(groupA)
			require.Len(t, closed, 1)
			for _, r := range closed[0].Rules {
				if r.ID == id {
					require.Equal(t, c.outcome.String(), r.Outcome.String(), r.Reason)
					require.Empty(t, r.Reason)
					continue
				}
				require.True(t, r.Outcome.Changed(), r.Outcome.String())
			}
			require.NotEqual(t, reasonInterrupted, closed[0].Reason)
		})
	}
}

func TestOpenIncidentsEndWithoutUs(t *testing.T) {
	denied := func(t *testing.T) *world {
		w := newWorld(t, revertSSH)
		w.ec2.on = always("RevokeSecurityGroupIngress", incident.ErrDenied)
		w.judge1(w.authorize(groupA, ssh))
		w.ec2.on = nil
		return w
	}
	t.Run("removed by somebody", func(t *testing.T) {
		w := denied(t)
		require.Equal(t, incident.Gone, w.judge1(w.revoke(groupA, "sgr-00000000000000001")).Outcome)
		require.Equal(t, []string{"opened cannot-remediate", "resolved gone"}, w.sent())
		require.Empty(t, w.memory(groupA).Known.Rules)
	})
	t.Run("made compliant by somebody", func(t *testing.T) {
		w := denied(t)
		require.Equal(t, incident.AlreadyCompliant, w.judge1(w.modify(groupA, "sgr-00000000000000001", "ingress tcp/22 from 10.0.0.0/8")).Outcome)
		require.Equal(t, []string{"opened cannot-remediate", "resolved already-compliant"}, w.sent())
		require.Empty(t, w.memory(groupA).Known.Rules["sgr-00000000000000001"].IncidentID)
	})
	t.Run("exempted", func(t *testing.T) {
		w := denied(t)
		e := policy.Exemption{ID: "EX-1", Policy: "ssh", Group: groupA, Rules: []secgroup.Rule{parse(t, ssh)}, Owner: "net", Reason: "x", Until: noon.Add(time.Hour)}
		require.NoError(t, w.store.Operator().PutExemption(context.Background(), e, noon))
		require.Equal(t, incident.Exempt, w.judge1(judgeGroup(groupA, "sweep", "")).Outcome)
		require.Equal(t, []string{"opened cannot-remediate", "resolved exempt"}, w.sent())
	})
}

func TestTheLastGoodValueIsWhatGoesBack(t *testing.T) {
	w := newWorld(t, revertSSH, observing)
	const id, old = "sgr-00000000000000001", "ingress tcp/22 from 10.0.0.0/8"
	w.judge1(w.authorize(groupA, ssh))
	require.Equal(t, "observed", w.memory(groupA).Known.Rules[id].Reported)
	w.wait(time.Hour)
	w.judge1(w.modify(groupA, id, old)) // its owner mends it
	known := w.memory(groupA).Known.Rules[id]
	require.Empty(t, known.IncidentID)
	require.Empty(t, known.Reported)
	w.wait(time.Hour)
	require.Equal(t, incident.Observed, w.judge1(w.modify(groupA, id, "ingress tcp/22 from 0.0.0.0/1")).Outcome)
	w.wait(time.Hour)
	require.Equal(t, incident.Observed, w.judge1(w.modify(groupA, id, ssh)).Outcome)
	require.Equal(t, old, w.memory(groupA).Known.Rules[id].Before.String(), "not the value that was observed only")
	require.Len(t, w.closed(groupA), 3, "every growth is an incident of its own")

	w.cfg.Mode, w.set = policy.Enforce, compile(t, revertSSH, policy.Enforce)
	w.restart()
	w.actsDone()
	require.Equal(t, incident.Reverted, w.judge1(judgeGroup(groupA, "sweep", "")).Outcome)
	require.Equal(t, []string{old + "#" + id}, w.rules(groupA))
}

func TestRuleIsChangedWhileItIsRemedied(t *testing.T) {
	narrow := policyText("ssh", "{do: narrow, to: [10.0.0.0/8]}", "")
	for name, tt := range map[string]struct {
		to   string
		want []string
	}{
		"to another violation": {"ingress tcp/20-22 from 0.0.0.0/0", []string{"ingress tcp/20-21 from 0.0.0.0/0", "ingress tcp/22 from 10.0.0.0/8"}},
		"to something fine":    {"ingress tcp/443 from 0.0.0.0/0", []string{"ingress tcp/443 from 0.0.0.0/0"}},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, strings.Replace(narrow, "to: [10.0.0.0/8]", "to: [10.0.0.0/8], parts: 2", 1))
			body := w.authorize(groupA, ssh)
			changed := false
			w.ec2.after = func(name string) {
				if name == "ModifySecurityGroupRules" && !changed {
					changed = true // behind our back, after our call
					w.ec2.put(groupA, withID(parse(t, tt.to), "sgr-00000000000000001"))
				}
			}
			d := w.judge1(body)
			require.False(t, d.Retry, "%s %s", d.Outcome, d.Reason)
			require.True(t, d.Outcome.Changed())
			w.requireOpen(groupA, tt.want...)
		})
	}
}

func TestDeadlineBetweenTwoMutations(t *testing.T) {
	w := newWorld(t, policyText("ssh", "{do: narrow, parts: 2}", ""))
	body := w.authorize(groupA, "ingress tcp/20-25 from 0.0.0.0/0")
	w.mu.Lock()
	w.now = time.Now()
	w.mu.Unlock()
	ctx, cancel := context.WithDeadline(context.Background(), w.clock().Add(10*time.Second))
	defer cancel()
	w.ec2.after = func(name string) {
		if name == "AuthorizeSecurityGroupIngress" {
			w.wait(9600 * time.Millisecond)
		}
	}
	d := w.Judge(ctx, []Delivery{deliver(body, 1)})[0]
	require.Equal(t, incident.Unresolved, d.Outcome)
	require.True(t, d.Retry)
	require.Zero(t, w.ec2.count("ModifySecurityGroupRules"), "no mutation begins in the last half second")
	require.Contains(t, w.texts(groupA), "ingress tcp/20-25 from 0.0.0.0/0")
	w.ec2.after = nil
	require.Equal(t, incident.Narrowed, w.judgeTimes(body, 2).Outcome)
}

func TestNamesThatCannotBeLookedUp(t *testing.T) {
	w := newWorld(t, revertSSH)
	r := w.ec2.add(groupA, parse(t, ssh))
	body := w.record(call{name: "AuthorizeSecurityGroupIngress", groupName: "web", rules: []secgroup.Rule{r}, bare: true})
	w.ec2.on = always("Named", incident.ErrThrottled)
	d := w.judge1(body)
	require.Equal(t, incident.Unresolved, d.Outcome)
	require.True(t, d.Retry)
	require.Empty(t, w.sent())
	w.ec2.on = always("Named", incident.ErrDenied)
	d = w.judgeTimes(body, 2)
	require.Equal(t, incident.CannotRemediate, d.Outcome)
	require.True(t, d.Retry)
	require.Equal(t, []string{"opened cannot-remediate"}, w.sent())
	w.ec2.on = nil
	require.Equal(t, incident.Reverted, w.judgeTimes(body, 3).Outcome)
	require.Equal(t, incident.Gone, w.judge1(w.record(call{name: "DeleteSecurityGroup", groupName: "old"})).Outcome)
}

func TestLogFileOfSeveralRecords(t *testing.T) {
	w := newWorld(t, revertSSH)
	detail := func(body []byte) string {
		s := string(body)
		s = s[strings.Index(s, `"detail":`)+len(`"detail":`):]
		depth := 0
		for i, c := range s {
			switch c {
			case '{':
				depth++
			case '}':
				if depth--; depth == 0 {
					return s[:i+1]
				}
			}
		}
		return ""
	}
	bad, fine := detail(w.authorize(groupA, ssh)), detail(w.authorize(groupB, https))
	file := fmt.Sprintf(`{"Records":[%s,{"eventName":"AuthorizeSecurityGroupIngress","eventSource":"ec2.amazonaws.com"},%s]}`, bad, fine)
	ds := w.Judge(context.Background(), []Delivery{{ID: "file", Body: []byte(file), ReceiveCount: 1}})
	got := []string{}
	for _, d := range ds {
		require.Equal(t, "file", d.DeliveryID)
		got = append(got, d.Outcome.String())
	}
	require.ElementsMatch(t, []string{"reverted", "compliant", "unresolved"}, got)
}

func TestReferencesToTheOwnAccountAreOneRule(t *testing.T) {
	w := newWorld(t, strings.Replace(revertSSH, "peers: [internet]", "peers: [references]", 1))
	r := parse(t, "ingress tcp/22 from "+groupB)
	ref := r.Peer.(secgroup.GroupReference)
	ref.AccountID = account
	r.Peer = ref
	r = w.ec2.add(groupA, r)
	r.Peer = secgroup.GroupReference{GroupID: groupB}
	d := w.judge1(w.record(call{name: "AuthorizeSecurityGroupIngress", group: groupA, rules: []secgroup.Rule{r}}))
	require.Equal(t, incident.Reverted, d.Outcome)
	require.Empty(t, w.slept, "EC2 names the account, the record does not: it is the same rule")
}

func TestOwnCallsThatAnOpenIncidentPlanned(t *testing.T) {
	w := newWorld(t, policyText("ssh", "{do: narrow, parts: 2}", ""))
	body := w.authorize(groupA, "ingress tcp/20-25 from 0.0.0.0/0")
	var seen []Decision
	w.ec2.after = func(name string) {
		live := w.ec2.group(groupA)
		switch name {
		case "AuthorizeSecurityGroupIngress":
			seen = append(seen, w.judge1(w.record(call{name: name, group: groupA, actor: role, rules: live[1:]})))
		case "ModifySecurityGroupRules":
			seen = append(seen, w.judge1(w.record(call{name: name, group: groupA, actor: role, rules: live[:1]})))
		}
	}
	require.Equal(t, incident.Narrowed, w.judge1(body).Outcome)
	require.Len(t, seen, 2)
	for _, d := range seen {
		require.Equal(t, incident.Ignored, d.Outcome, d.Reason)
	}
	require.Empty(t, w.slept)
}

func TestAnAnswerToEveryRecordOfAPanic(t *testing.T) {
	w := newWorld(t, revertSSH)
	w.ec2.on = func(name string) error {
		if name == "Group" {
			panic("no group")
		}
		return nil
	}
	ds := w.Judge(context.Background(), []Delivery{deliver(w.authorize(groupA, ssh), 1), deliver(w.authorize(groupB, https), 2)})
	require.True(t, ds[0].Retry)
	require.Equal(t, incident.Compliant, ds[1].Outcome)
	require.Contains(t, w.log.String(), "no group")
}

func TestWhatIsRememberedOfRemovedRulesIsBounded(t *testing.T) {
	removed := map[string]policy.RemovedRule{"sgr-old": {At: noon.Add(-25 * time.Hour)}}
	for i := range 300 {
		removed[fmt.Sprintf("sgr-%03d", i)] = policy.RemovedRule{At: noon.Add(-time.Duration(i) * time.Minute)}
	}
	kept := prune(removed, noon)
	require.Len(t, kept, removedMost)
	require.Contains(t, kept, "sgr-000")
	require.NotContains(t, kept, "sgr-299")
	require.NotContains(t, kept, "sgr-old")
}

func TestFactsAreReadOnlyWhereTheyMatter(t *testing.T) {
	const block = "ingress tcp/22 from 8.0.0.0/11" // may be the VPC's own
	w := newWorld(t, revertSSH)
	require.Equal(t, incident.Reverted, w.judge1(w.authorize(groupA, block)).Outcome)
	require.Equal(t, []string{"Group", "VPCs", "RevokeSecurityGroupIngress", "Rules"}, w.ec2.calls)
	for name, err := range map[string]error{"VPCs": incident.ErrThrottled, "List": incident.ErrUnavailable} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, revertSSH)
			text := map[string]string{"VPCs": block, "List": "ingress tcp/22 from pl-0123456789abcdef0"}[name]
			w.ec2.on = always(name, err)
			d := w.judge1(w.authorize(groupA, text))
			require.Equal(t, incident.Unresolved, d.Outcome)
			require.True(t, d.Retry)
			require.Zero(t, w.ec2.count("Mutations"))
			require.Empty(t, w.sent())
		})
	}
}

func TestResourceNamesThePartition(t *testing.T) {
	for region, want := range map[string]string{
		"eu-west-1": "arn:aws:ec2:eu-west-1:", "cn-north-1": "arn:aws-cn:ec2:cn-north-1:", "us-gov-west-1": "arn:aws-us-gov:ec2:us-gov-west-1:",
	} {
		w := &Warden{cfg: Config{Region: region, Account: account}}
		require.True(t, strings.HasPrefix(w.resource(groupA), want))
		require.Empty(t, w.resource(""))
	}
}

func TestOneRecordOfManyGroups(t *testing.T) {
	w := newWorld(t, revertSSH)
	r := w.ec2.add(groupA, parse(t, ssh))
	body := strings.Replace(string(w.record(call{name: "AuthorizeSecurityGroupIngress", group: groupA, rules: []secgroup.Rule{r}})),
		`"ipPermissions":`, `"omitted":true,"x":"`+groupB+`","ipPermissions":`, 1)
	ds := w.Judge(context.Background(), []Delivery{deliver([]byte(body), 1)})
	got := map[string]string{}
	for _, d := range ds {
		got[d.GroupID] = d.Outcome.String()
	}
	require.Equal(t, map[string]string{groupA: "reverted", groupB: "compliant"}, got)
}

// What was planned of a rule counts until the rule has an end of its own: an
// incident that stays open for another rule must not tell of it later.
func TestAnOldPlanIsForgottenWithTheEndOfItsRule(t *testing.T) {
	mail := strings.NewReplacer("ingress", "egress", "[22]", "[25]").Replace(policyText("mail", "revert", ""))
	w := newWorld(t, policyText("ssh", "{do: narrow, to: [10.0.0.0/8]}", "")+mail)
	body := w.authorize(groupA, ssh)
	w.ec2.add(groupA, parse(t, "egress tcp/25 to 0.0.0.0/0"))

	w.ec2.on = func(name string) error {
		if name == "Rules" || name == "ModifySecurityGroupRules" {
			return incident.ErrUnavailable
		}
		return nil
	}
	require.Equal(t, incident.Unresolved, w.judge1(body).Outcome)

	w.ec2.on = func(name string) error {
		if name == "ModifySecurityGroupRules" || name == "RevokeSecurityGroupEgress" {
			return incident.ErrDenied
		}
		return nil
	}
	w.wait(2 * time.Minute)
	require.Equal(t, incident.CannotRemediate, w.judgeTimes(body, 2).Outcome)
	w.requireOpen(groupA, "egress tcp/25 to 0.0.0.0/0")

	w.ec2.on = nil
	w.wait(2 * time.Minute)
	w.judgeTimes(body, 3)
	w.requireOpen(groupA)
	closed := w.closed(groupA)
	require.Len(t, closed, 1)
	require.Equal(t, incident.Reverted, closed[0].Outcome)
	for _, r := range closed[0].Rules {
		require.Empty(t, r.After, "nothing is left of %s", r.ID)
	}
}
