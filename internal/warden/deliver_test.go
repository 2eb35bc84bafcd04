package warden

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sgwarden/sgwarden/internal/alert"
	"github.com/sgwarden/sgwarden/internal/incident"
	"github.com/sgwarden/sgwarden/internal/policy"
	"github.com/sgwarden/sgwarden/internal/secgroup"
)

func TestFault01SameEventFiveTimes(t *testing.T) {
	w := newWorld(t, revertSSH)
	body := w.authorize(groupA, ssh)
	require.Equal(t, incident.Reverted, w.judge1(body).Outcome)
	for n := 2; n <= 5; n++ {
		d := w.judgeTimes(body, n)
		require.Equal(t, incident.AlreadyCompliant, d.Outcome)
		require.False(t, d.Retry)
	}
	require.Equal(t, 1, w.ec2.count("Mutations"))
	require.Equal(t, []string{"acted reverted"}, w.sent())
	require.Len(t, w.closed(groupA), 1)
	require.Empty(t, w.slept, "our own removal explains why the rule is not there")
}

func TestFault01SameEventFiveTimesInOneBatch(t *testing.T) {
	w := newWorld(t, revertSSH)
	body := w.authorize(groupA, ssh)
	var batch []Delivery
	for n := range 5 {
		batch = append(batch, Delivery{ID: fmt.Sprint(n), Body: body, ReceiveCount: 1})
	}
	ds := w.Judge(context.Background(), batch)
	require.Len(t, ds, 5)
	require.Equal(t, incident.Reverted, ds[0].Outcome)
	for _, d := range ds[1:] {
		require.Equal(t, incident.AlreadyCompliant, d.Outcome)
	}
	require.Equal(t, 1, w.ec2.count("Group"), "records of one group are judged together")
	require.Equal(t, []string{"acted reverted"}, w.sent())
}

func TestFault02SameEventInParallel(t *testing.T) {
	w := newWorld(t, revertSSH)
	body := w.authorize(groupA, ssh)
	const workers = 32
	decisions := make([]Decision, workers)
	var wait sync.WaitGroup
	// All have seen the violation before the first goes on.
	var read atomic.Int32
	allRead := make(chan struct{})
	w.ec2.after = func(name string) {
		if name == "Group" && read.Add(1) == workers {
			close(allRead)
		}
		<-allRead
	}
	for n := range workers {
		// Every worker is a process of its own.
		cfg := w.cfg
		cfg.Set, cfg.HolderID = w.set, fmt.Sprintf("worker-%d", n)
		// Its waits are its own: 32 of them together must not end the lease.
		cfg.Sleep = func(ctx context.Context, _ time.Duration) error { time.Sleep(time.Millisecond); return ctx.Err() }
		one, err := New(cfg)
		require.NoError(t, err)
		wait.Go(func() { decisions[n] = one.Judge(context.Background(), []Delivery{deliver(body, 1)})[0] })
	}
	wait.Wait()
	reverted := 0
	for _, d := range decisions {
		switch d.Outcome {
		case incident.Reverted:
			reverted++
		case incident.Unresolved:
			assert.True(t, d.Retry)
			d = w.judgeTimes(body, 2)
			fallthrough
		default:
			assert.Equal(t, incident.AlreadyCompliant, d.Outcome, d.Reason)
		}
	}
	require.Equal(t, 1, reverted)
	require.Equal(t, 1, w.ec2.count("Mutations"))
	require.Equal(t, []string{"acted reverted"}, w.sent())
	require.Len(t, w.closed(groupA), 1)
}

func TestFault04NoEventAtAll(t *testing.T) {
	w := newWorld(t, revertSSH)
	w.ec2.add(groupA, parse(t, ssh))
	w.ec2.add(groupA, parse(t, https))
	d := w.judge1(judgeGroup(groupA, "sweep", ""))
	require.Equal(t, incident.Reverted, d.Outcome)
	require.False(t, d.Retry)
	w.requireOpen(groupA, https)
	require.Equal(t, []string{"acted reverted"}, w.sent())
	told := w.publisher.messages()[0]
	require.Equal(t, "sweep", told.Cause)
	require.False(t, told.Actor.Attributed)
	require.Empty(t, told.Actor.ARN)
	require.Empty(t, told.EventID)
	m, err := alert.Render(told)
	require.NoError(t, err)
	require.Contains(t, string(m.JSON), `"cause":"sweep"`)
	require.Contains(t, m.Text, "Not known: no event has named this rule")
	require.Contains(t, m.Text, "by the sweep")
	require.Equal(t, incident.Compliant, w.judge1(judgeGroup(groupA, "sweep", "")).Outcome)
	require.Len(t, w.sent(), 1)
}

func TestFault05OldEventOfARuleThatIsFineNow(t *testing.T) {
	for name, approved := range map[string]string{
		"another port": strings.Replace(revertSSH, "ports: [22]", "ports: [23]", 1),
		"an exception": policyText("ssh", "revert", "except:\n  - {actors: ['arn:aws:iam::*:user/ann'], reason: approved since}"),
		"an exemption": revertSSH + "---\napiVersion: sgwarden/v1\nkind: Settings\nexemptions:\n  - {id: EX-1, policy: ssh, group: " + groupA +
			", rules: ['" + ssh + "'], owner: net, reason: vendor, ticket: C-1, until: 2027-01-31}\n",
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, revertSSH)
			w.ec2.on = always("Group", incident.ErrThrottled)
			body := w.authorize(groupA, ssh)
			require.True(t, w.judge1(body).Retry, "it was due, and ended in the dead-letter queue")
			w.ec2.on = nil
			w.set = compile(t, approved, policy.Enforce)
			w.restart()
			w.actsDone()
			w.wait(23 * time.Hour)
			d := w.judge1(body)
			require.Contains(t, []incident.Outcome{incident.Compliant, incident.Exempt}, d.Outcome)
			require.False(t, d.Retry)
			require.Zero(t, w.ec2.count("Mutations"))
			w.requireOpen(groupA, ssh)
			require.NotContains(t, w.sent(), "acted reverted")
		})
	}
}

// TestFault06SameCallInTwoAccounts: a call that is recorded in the account of
// its caller as well is told where the group is, and nowhere else.
func TestFault06SameCallInTwoAccounts(t *testing.T) {
	owner, caller := newWorld(t, revertSSH), newWorld(t, revertSSH, func(c *Config) { c.Account = "999999999999" })
	r := owner.ec2.add(groupA, parse(t, ssh))
	caller.ec2.drop(groupA)
	made := call{name: "AuthorizeSecurityGroupIngress", group: groupA, rules: []secgroup.Rule{r}, sharedID: "shared-1", requestID: "request-1"}
	inOwner, inCaller := made, made
	inOwner.eventID, inCaller.eventID, inCaller.account = "event-owner", "event-caller", "999999999999"

	theirs := caller.record(inCaller)
	d := caller.judge1(theirs)
	require.Equal(t, reasonInvisible, d.Reason, "a group of that account might only not be visible yet")
	require.Equal(t, incident.Reverted, owner.judge1(owner.record(inOwner)).Outcome)
	caller.wait(time.Minute)
	d = caller.judgeTimes(theirs, 2)
	require.Equal(t, incident.Gone, d.Outcome)
	require.False(t, d.Retry)
	require.Equal(t, []string{"acted reverted"}, append(owner.sent(), caller.sent()...))
	require.Zero(t, caller.ec2.count("Mutations"))

	// And twice into one account, as two records: the second finds it done.
	inOwner.eventID = "event-again"
	require.Equal(t, incident.AlreadyCompliant, owner.judge1(owner.record(inOwner)).Outcome)
	require.Len(t, owner.sent(), 1)
}

func TestFault07KilledAtEveryEffect(t *testing.T) {
	for _, when := range []string{"on Observe", "on Group", "on Open", "after Open", "on RevokeSecurityGroupIngress", "after RevokeSecurityGroupIngress", "on Rules", "on Publish", "on Close", "after Close"} {
		t.Run(when, func(t *testing.T) {
			w := newWorld(t, revertSSH)
			body := w.authorize(groupA, ssh)
			kill := func(moment string) func(string) {
				return func(name string) {
					if moment+" "+name == when {
						panic("killed")
					}
				}
			}
			on := func(name string) error { kill("on")(name); return nil }
			w.ec2.on, w.ec2.after, w.ledger.on, w.ledger.after = on, kill("after"), on, kill("after")
			w.publisher.on = func(incident.Incident) error { kill("on")("Publish"); return nil }

			d := w.judge1(body)
			require.True(t, d.Retry)

			w.ec2.on, w.ec2.after, w.ledger.on, w.ledger.after, w.publisher.on = nil, nil, nil, nil, nil
			w.restart()
			w.wait(time.Minute + time.Second) // the lease of the dead runs out
			d = w.judgeTimes(body, 2)
			require.False(t, d.Retry, d.Reason)
			require.Empty(t, w.texts(groupA))
			require.Empty(t, w.memory(groupA).Open)
			closed := w.closed(groupA)
			require.Len(t, closed, 1)
			require.Equal(t, incident.Reverted, closed[0].Outcome)
			sent := w.sent()
			if when == "on Close" {
				// The one double: killed between publish and close.
				require.Equal(t, []string{"acted reverted", "acted reverted"}, sent)
				messages := w.publisher.messages()
				require.Equal(t, messages[0].ID, messages[1].ID)
				return
			}
			require.Equal(t, []string{"acted reverted"}, sent)
		})
	}
}

func TestFault07LeaseOfTheDeadIsRespected(t *testing.T) {
	w := newWorld(t, revertSSH)
	body := w.authorize(groupA, ssh)
	w.ec2.on = func(name string) error {
		if name == "RevokeSecurityGroupIngress" {
			panic("killed")
		}
		return nil
	}
	w.judge1(body)
	w.ec2.on = nil
	w.restart()
	d := w.judgeTimes(body, 2)
	require.Equal(t, incident.Unresolved, d.Outcome)
	require.Equal(t, "leased", d.Reason)
	require.True(t, d.Retry)
	require.Len(t, w.texts(groupA), 1)
}

func TestFault08DeadlineLooms(t *testing.T) {
	w := newWorld(t, revertSSH)
	body := w.authorize(groupA, ssh)
	w.mu.Lock()
	w.now = time.Now()
	w.mu.Unlock()
	ctx, cancel := context.WithDeadline(context.Background(), w.now.Add(400*time.Millisecond))
	defer cancel()
	d := w.Judge(ctx, []Delivery{deliver(body, 1)})[0]
	require.Equal(t, incident.Unresolved, d.Outcome)
	require.Equal(t, "deadline", d.Reason)
	require.True(t, d.Retry)
	require.Zero(t, w.ec2.count("Mutations"))
	require.Equal(t, incident.Reverted, w.judgeTimes(body, 2).Outcome)
}

func TestFault10BatchOfOneGroup(t *testing.T) {
	w := newWorld(t, revertSSH)
	batch := []Delivery{}
	for i := range 10 {
		batch = append(batch, Delivery{ID: fmt.Sprint(i), Body: w.authorize(groupA, fmt.Sprintf("ingress tcp/%d-22 from 0.0.0.0/0", 10+i)), ReceiveCount: 1})
	}
	ds := w.Judge(context.Background(), batch)
	require.Len(t, ds, 10)
	for i, d := range ds {
		require.Equal(t, fmt.Sprint(i), d.DeliveryID)
		require.Equal(t, incident.Reverted, d.Outcome)
		require.Len(t, d.Rules, 1, "each record answers for the rules that it names")
	}
	require.Equal(t, []string{"Group", "RevokeSecurityGroupIngress", "Rules"}, w.ec2.calls)
	require.Equal(t, []string{"acted reverted"}, w.sent(), "one incident holds what became due in one judging")
}

func TestMixedBatch(t *testing.T) {
	w := newWorld(t, revertSSH)
	ds := w.Judge(context.Background(), []Delivery{
		{ID: "bad", Body: w.authorize(groupA, ssh), ReceiveCount: 1},
		{ID: "empty", Body: nil, ReceiveCount: 1},
		{ID: "fine", Body: w.authorize(groupB, https), ReceiveCount: 1},
		{ID: "not json", Body: []byte("{{{"), ReceiveCount: 1},
		{ID: "failed", Body: w.record(call{name: "AuthorizeSecurityGroupIngress", group: groupB, errorCode: "Client.UnauthorizedOperation"}), ReceiveCount: 1},
		{ID: "other", Body: []byte(`{"source":"aws.s3","detail-type":"Object Created","detail":{}}`), ReceiveCount: 1},
		{ID: "foreign", Body: w.record(call{name: "AuthorizeSecurityGroupIngress", group: groupB, account: "999999999999"}), ReceiveCount: 1},
	})
	got := map[string]string{}
	for _, d := range ds {
		got[d.DeliveryID] = d.Outcome.String()
		require.False(t, d.Retry, d.DeliveryID)
	}
	require.Equal(t, map[string]string{
		"bad": "reverted", "empty": "unresolved", "fine": "compliant", "not json": "unresolved", "failed": "ignored", "other": "ignored", "foreign": "unresolved",
	}, got)
	require.ElementsMatch(t, []string{"acted reverted", "opened unresolved", "opened unresolved", "opened unresolved"}, w.sent())
	require.Equal(t, 7, strings.Count(w.log.String(), `"msg":"decision"`), "one line per decision")
}

func TestFault11HostileInputIsRefusedOnce(t *testing.T) {
	deep := strings.Repeat(`{"a":`, 10000) + "1" + strings.Repeat("}", 10000)
	big := `{"detail-type":"AWS API Call via CloudTrail","source":"aws.ec2","detail":{"x":"` + strings.Repeat("a", 6<<20) + `"}}`
	for name, body := range map[string]string{
		"empty": "", "null": "null", "array": "[]", "text": `"x"`, "number": "7", "not JSON": "hello", "cut": `{"detail":{"eventName":"Auth`,
		"deep": deep, "big": big, "not UTF-8": "{\"detail-type\":\"\xff\xfe\"}", "a log file of nothing": `{"Records":[]}`, "twice": `{"detail-type":"a","detail-type":"b","source":"aws.ec2","detail":{}}`,
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, revertSSH)
			for n := 1; n <= 5; n++ {
				d := w.judgeTimes([]byte(body), n)
				if d.Outcome == incident.Ignored {
					require.Contains(t, d.Reason, "not-watched")
					continue
				}
				require.Equal(t, incident.Unresolved, d.Outcome)
				require.False(t, d.Retry)
			}
			require.LessOrEqual(t, len(w.sent()), 1, "one alert per event")
			require.Equal(t, incident.Reverted, w.judge1(w.authorize(groupA, ssh)).Outcome, "the next event works")
		})
	}
}

func TestFault15ForeignEvents(t *testing.T) {
	for name, c := range map[string]call{
		"account": {account: "999999999999"}, "region": {region: "eu-west-1"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, revertSSH)
			r := w.ec2.add(groupA, parse(t, ssh))
			c.name, c.group, c.rules = "AuthorizeSecurityGroupIngress", groupA, append(c.rules, r)
			body := w.record(c)
			for n := range 3 {
				d := w.judgeTimes(body, n+1)
				require.Equal(t, incident.Unresolved, d.Outcome)
				require.Contains(t, d.Reason, "foreign")
			}
			require.Empty(t, w.ec2.calls)
			require.Equal(t, []string{"opened unresolved"}, w.sent())
		})
	}
	t.Run("what is missing is no difference", func(t *testing.T) {
		w := newWorld(t, revertSSH)
		body := w.authorize(groupA, ssh)
		text := strings.ReplaceAll(string(body), `"account":"123456789012",`, "")
		text = strings.ReplaceAll(text, `"recipientAccountId":"123456789012",`, "")
		require.Equal(t, incident.Reverted, w.judge1([]byte(text)).Outcome)
	})
}
