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

func TestFault32RuleIsNotVisibleForFiveSeconds(t *testing.T) {
	w := newWorld(t, revertSSH)
	body := w.authorize(groupA, ssh)
	w.ec2.hide("sgr-00000000000000001", noon.Add(5*time.Second))
	d := w.judge1(body)
	require.Equal(t, incident.Reverted, d.Outcome)
	require.False(t, d.Retry)
	require.Empty(t, w.texts(groupA))

	t.Run("the group", func(t *testing.T) {
		w := newWorld(t, revertSSH)
		body := w.authorize(groupA, ssh)
		w.ec2.hide(groupA, noon.Add(5*time.Second))
		d := w.judge1(body)
		require.Equal(t, incident.Reverted, d.Outcome)
		require.Empty(t, w.texts(groupA))
	})
	t.Run("longer than a function should wait", func(t *testing.T) {
		w := newWorld(t, revertSSH)
		body := w.authorize(groupA, ssh)
		w.ec2.hide(groupA, noon.Add(20*time.Second))
		for n := 1; n <= 2; n++ {
			require.True(t, w.judgeTimes(body, n).Retry)
			w.wait(5 * time.Second << (n - 1)) // as the queue does
		}
		w.ec2.reveal(w.clock())
		d := w.judgeTimes(body, 3)
		require.Equal(t, incident.Reverted, d.Outcome)
		require.Equal(t, []string{"acted reverted"}, w.sent())
	})
}

func TestWhatStaysInvisibleComesAgainForAMinute(t *testing.T) {
	w := newWorld(t, revertSSH)
	body := w.authorize(groupA, ssh)
	w.ec2.hide("sgr-00000000000000001", noon.Add(time.Hour))
	d := w.judge1(body)
	require.Equal(t, incident.Unresolved, d.Outcome)
	require.Equal(t, reasonInvisible, d.Reason)
	require.True(t, d.Retry)
	require.Equal(t, []time.Duration{time.Second, 1500 * time.Millisecond, 2500 * time.Millisecond}, w.slept)
	require.Empty(t, w.sent())
	w.wait(time.Minute)
	d = w.judgeTimes(body, 2)
	require.Equal(t, incident.AlreadyCompliant, d.Outcome)
	require.False(t, d.Retry)
}

func TestARevokeExplainsWhyARuleIsNotThere(t *testing.T) {
	for name, together := range map[string]bool{"in the batch": true, "in the item": false} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, revertSSH)
			opened := w.authorize(groupA, ssh)
			closed := w.revoke(groupA, "sgr-00000000000000001")
			var d Decision
			if together {
				d = w.Judge(context.Background(), []Delivery{deliver(opened, 1), deliver(closed, 2)})[0]
			} else {
				w.judge1(closed)
				d = w.judge1(opened)
			}
			require.Equal(t, incident.AlreadyCompliant, d.Outcome)
			require.False(t, d.Retry)
			require.Empty(t, w.slept)
			require.Empty(t, w.sent())
		})
	}
}

func TestVisibleRulesAreNotKeptWaiting(t *testing.T) {
	w := newWorld(t, revertSSH)
	late, now := w.authorize(groupA, "ingress tcp/22 from ::/0"), w.authorize(groupA, ssh)
	w.ec2.hide("sgr-00000000000000001", noon.Add(2*time.Second))
	w.ec2.on = func(name string) error {
		if name == "RevokeSecurityGroupIngress" && len(w.ec2.group(groupA)) == 2 {
			require.Empty(t, w.slept, "what can be seen is removed before anything is waited for")
		}
		return nil
	}
	ds := w.Judge(context.Background(), []Delivery{deliver(late, 1), deliver(now, 2)})
	for _, d := range ds {
		require.Equal(t, incident.Reverted, d.Outcome)
	}
	require.Empty(t, w.texts(groupA))
}

func TestStaleLedger(t *testing.T) {
	ctx := context.Background()
	w := newWorld(t, policyText("ssh", "{do: revert, after: 10m}", ""))
	w.judge1(w.authorize(groupA, ssh)) // an open incident of yesterday
	w.wait(time.Hour)
	require.NoError(t, w.store.Operator().PutStamp(ctx, w.clock()))
	w.wait(25 * time.Hour)
	w.ec2.add(groupA, parse(t, "ingress tcp/22 from ::/0"))
	w.reset()

	d := w.judge1(w.authorize(groupA, "ingress tcp/20-22 from 0.0.0.0/0"))
	require.Equal(t, incident.Pending, d.Outcome, "what the record names is judged")
	require.NotContains(t, fmt.Sprint(w.sent()), "acted")
	require.Len(t, w.memory(groupA).Open, 1, "the incident from before the stamp is closed")
	require.Equal(t, "stale-ledger", w.closed(groupA)[0].Reason)
	require.Equal(t, []string{"opened unresolved", "opened pending"}, w.sent(), "one page, and what the record names")
	w.restart()
	w.judge1(w.authorize(groupB, ssh))
	require.Equal(t, []string{"opened unresolved", "opened pending", "opened pending"}, w.sent(), "the page is remembered by the ledger")
	require.Contains(t, w.texts(groupA), "ingress tcp/22 from ::/0")

	// An operator resumes it: what is due is taken back. A day without a
	// complete sweep later it is doubted again.
	w.wait(time.Hour)
	require.NoError(t, w.store.Operator().ResumeLedger(ctx, w.clock()))
	w.judge1(judgeGroup(groupA, "sweep", ""))
	w.wait(11 * time.Minute)
	w.judge1(judgeGroup(groupA, "sweep", ""))
	require.NotContains(t, w.texts(groupA), "ingress tcp/22 from ::/0", "%v", w.sent())
	w.wait(25 * time.Hour)
	w.ec2.add(groupA, parse(t, "ingress tcp/22 from ::/0"))
	w.judge1(judgeGroup(groupA, "sweep", ""))
	require.Contains(t, w.texts(groupA), "ingress tcp/22 from ::/0")
}

func TestStaleIncidentGivesNoRightToAct(t *testing.T) {
	ctx := context.Background()
	w := newWorld(t, revertSSH)
	w.ec2.on = always("RevokeSecurityGroupIngress", incident.ErrDenied)
	body := w.authorize(groupA, ssh)
	w.judge1(body)
	w.ec2.on = nil
	w.wait(time.Hour)
	require.NoError(t, w.store.Operator().PutStamp(ctx, w.clock()))
	w.wait(25 * time.Hour)
	require.Equal(t, incident.Compliant.String(), w.judge1(judgeGroup(groupB, "sweep", "")).Outcome.String())
	w.reset()
	w.judge1(judgeGroup(groupA, "sweep", ""))
	w.requireOpen(groupA, ssh)
	require.Empty(t, w.memory(groupA).Open)
	require.Empty(t, w.sent())

	// A record that names the rule is reason enough, and it is said.
	require.Equal(t, incident.Reverted, w.judgeTimes(body, 2).Outcome)
	require.Equal(t, []string{"acted reverted"}, w.sent())
}

func TestFault48ConflictMeansJudgingAgain(t *testing.T) {
	w := newWorld(t, revertSSH)
	body := w.authorize(groupA, ssh)
	interfere := true
	w.ec2.after = func(name string) {
		if name == "Group" && interfere {
			interfere = false // another writer, between Describe and Open
			_, err := w.store.Note(context.Background(), incident.Note{GroupID: groupA, At: noon})
			require.NoError(t, err)
		}
	}
	require.Equal(t, incident.Reverted, w.judge1(body).Outcome)
	require.Equal(t, 2, w.ec2.count("Group"))
	require.Equal(t, 1, w.ec2.count("Mutations"))

	t.Run("at close only the close is repeated", func(t *testing.T) {
		w := newWorld(t, revertSSH)
		body := w.authorize(groupA, ssh)
		w.ec2.after = func(name string) {
			if name == "RevokeSecurityGroupIngress" {
				_, err := w.store.Note(context.Background(), incident.Note{GroupID: groupA, At: noon, Rules: map[string]policy.KnownRule{"sgr-0f": {Rule: parse(t, https)}}})
				require.NoError(t, err)
			}
		}
		require.Equal(t, incident.Reverted, w.judge1(body).Outcome)
		require.Equal(t, 1, w.ec2.count("Group"))
		require.Equal(t, 1, w.ec2.count("Mutations"))
		require.Len(t, w.sent(), 1)
		require.Contains(t, w.memory(groupA).Known.Rules, "sgr-0f", "what the other noted is kept")
		require.Empty(t, w.memory(groupA).Open)
	})
}

// TestFault48OlderDescribeMeetsANewerItem: one guard has read the widened
// rule; before it writes, another one gives the rule its old value back.
func TestFault48OlderDescribeMeetsANewerItem(t *testing.T) {
	w := newWorld(t, revertSSH)
	const old = "ingress tcp/22 from 10.0.0.0/8"
	w.judge1(w.authorize(groupA, old))
	id := w.ec2.group(groupA)[0].ID
	w.wait(time.Hour)
	w.reset()
	body := w.modify(groupA, id, ssh)

	cfg := w.cfg
	cfg.HolderID = "another"
	another, err := New(cfg)
	require.NoError(t, err)
	overtaken := false
	w.ec2.after = func(name string) {
		if name == "Group" && !overtaken {
			overtaken = true
			d := another.Judge(context.Background(), []Delivery{deliver(body, 1)})[0]
			require.Equal(t, incident.Reverted, d.Outcome)
			require.Equal(t, []string{old + "#" + id}, w.rules(groupA))
		}
	}
	d := w.judgeTimes(body, 2)
	require.Equal(t, incident.AlreadyCompliant, d.Outcome)
	require.Equal(t, 3, w.ec2.count("Group"), "the older one judged again")
	require.Equal(t, 1, w.ec2.count("Mutations"))
	require.Equal(t, []string{"acted reverted"}, w.sent())
	require.Equal(t, old, w.memory(groupA).Known.Rules[id].Rule.String())

	// The next identical widening is seen.
	w.ec2.after = nil
	w.wait(time.Minute)
	require.Equal(t, incident.Reverted, w.judge1(w.modify(groupA, id, ssh)).Outcome)
	require.Equal(t, []string{old + "#" + id}, w.rules(groupA))
	require.Equal(t, []string{"acted reverted", "acted reverted"}, w.sent())
}

func TestPrefixLists(t *testing.T) {
	const list = "pl-0123456789abcdef0"
	w := newWorld(t, revertSSH)
	w.ec2.lists[list] = secgroup.PrefixList{ID: list, OwnerID: account, Version: 1, Readable: true, Entries: prefixes("0.0.0.0/0")}
	require.Equal(t, incident.Reverted, w.judge1(w.authorize(groupA, "ingress tcp/22 from "+list)).Outcome)
	require.Empty(t, w.texts(groupA))

	w.ec2.lists[list] = secgroup.PrefixList{ID: list, OwnerID: account, Version: 2, Readable: true, Entries: prefixes("10.0.0.0/8")}
	require.Equal(t, incident.Compliant, w.judge1(w.authorize(groupA, "ingress tcp/22 from "+list)).Outcome)

	t.Run("fault 24: unreadable is unknown", func(t *testing.T) {
		w := newWorld(t, revertSSH)
		body := w.authorize(groupA, "ingress tcp/22 from "+list)
		require.Equal(t, incident.Alerted, w.judge1(body).Outcome)
		require.Equal(t, []string{"opened alerted"}, w.sent())
		require.Equal(t, incident.Alerted, w.judgeTimes(body, 2).Outcome)
		require.Len(t, w.sent(), 1)
		require.Zero(t, w.ec2.count("Mutations"))
	})
}

func TestGoneGroupEndsItsIncidents(t *testing.T) {
	w := newWorld(t, revertSSH)
	w.ec2.on = always("RevokeSecurityGroupIngress", incident.ErrDenied)
	w.judge1(w.authorize(groupA, ssh))
	w.ec2.on = nil
	w.ec2.drop(groupA)
	d := w.judge1(w.record(call{name: "DeleteSecurityGroup", group: groupA}))
	require.Equal(t, incident.Gone, d.Outcome)
	require.Equal(t, []string{"opened cannot-remediate", "resolved gone"}, w.sent())
	require.Empty(t, w.memory(groupA).Open)
	require.Empty(t, w.memory(groupA).Known.Rules)
}

func TestFault31NobodyWaitsForAGoneGroupWhoseRuleIsKnownToBeGone(t *testing.T) {
	w := newWorld(t, revertSSH)
	body := w.authorize(groupA, ssh)
	require.Equal(t, incident.Reverted, w.judge1(body).Outcome)
	w.ec2.drop(groupA)
	w.reset()
	d := w.judgeTimes(body, 2)
	require.Equal(t, incident.Gone, d.Outcome)
	require.False(t, d.Retry)
	require.Empty(t, w.sent())

	d = w.judge1(w.record(call{name: "AuthorizeSecurityGroupIngress", group: groupA, rules: []secgroup.Rule{withID(parse(t, "ingress tcp/22 from ::/0"), "sgr-0f")}}))
	require.Equal(t, incident.Unresolved, d.Outcome, "of another rule nothing is known: the group may only not be visible")
	require.True(t, d.Retry)
}

// TestALedgerThatIsStaleAgainIsToldAgain: somebody resumed it, and no sweep
// stamped it since.
func TestALedgerThatIsStaleAgainIsToldAgain(t *testing.T) {
	w := newWorld(t, revertSSH)
	ctx := t.Context()
	require.NoError(t, w.store.Operator().PutStamp(ctx, w.clock()))
	look := func() []string {
		w.reset()
		w.restart()
		w.judge1(judgeGroup(groupA, "sweep", ""))
		return w.sent()
	}
	w.wait(25 * time.Hour)
	require.Equal(t, []string{"opened unresolved"}, look())
	require.Empty(t, look())
	require.NoError(t, w.store.Operator().ResumeLedger(ctx, w.clock()))
	require.Empty(t, look())
	w.wait(25 * time.Hour)
	require.Equal(t, []string{"opened unresolved"}, look())
	require.Empty(t, look())
}
