package warden

import (
	"context"
	"errors"
	"fmt"
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

func TestNewNamesEverythingThatIsMissing(t *testing.T) {
	_, err := New(Config{})
	require.Error(t, err)
	for _, name := range []string{"Set", "Inventory", "Applier", "Ledger", "Publisher", "Queue", "Clock", "Sleep", "Logger", "HolderID"} {
		require.ErrorContains(t, err, name+" is missing")
	}
}

func TestTriageTakesTheOthersOfItsGroupAlong(t *testing.T) {
	w := newWorld(t, revertSSH)
	fine, bad := w.authorize(groupA, https), w.authorize(groupA, ssh)
	ds := w.Judge(context.Background(), []Delivery{deliver(fine, 1), deliver(bad, 2)})
	require.Equal(t, incident.Compliant, ds[0].Outcome)
	require.Equal(t, incident.Reverted, ds[1].Outcome)
	require.Equal(t, []string{"Observe", "Open", "Close"}, w.ledger.calls, "what needs no note gets none")
	w.requireOpen(groupA, https)
}

func TestTriageAsksTheItem(t *testing.T) {
	w := newWorld(t, strings.Replace(revertSSH, "forbid:", "scope: {vpcs: [vpc-0bbbbbbbbbbbbbbbb]}\nforbid:", 1))
	d := w.judge1(w.authorize(groupA, ssh))
	require.Equal(t, incident.Compliant, d.Outcome)
	require.Equal(t, []string{"Note", "Observe", "Close"}, w.ledger.calls, "the item does not know the group's VPC yet")
	w.reset()
	require.Equal(t, incident.Compliant, w.judge1(w.authorize(groupA, "ingress tcp/22 from ::/0")).Outcome)
	require.Equal(t, []string{"Note"}, w.ledger.calls)
	require.Empty(t, w.ec2.calls)
}

func TestHarmlessCallsAreTriaged(t *testing.T) {
	w := newWorld(t, revertSSH)
	w.judge1(w.authorize(groupA, https))
	id := w.ec2.group(groupA)[0].ID
	for name, body := range map[string][]byte{
		"revoke":   w.revoke(groupA, id),
		"describe": w.record(call{name: "UpdateSecurityGroupRuleDescriptionsIngress", group: groupA}),
		"delete":   w.record(call{name: "DeleteSecurityGroup", group: groupA}),
		"create":   w.record(call{name: "CreateSecurityGroup", group: groupA, groupName: "web"}),
	} {
		t.Run(name, func(t *testing.T) {
			w.reset()
			require.Equal(t, incident.Compliant, w.judge1(body).Outcome)
			require.Equal(t, []string{"Note"}, w.ledger.calls)
			require.Empty(t, w.ec2.calls)
		})
	}
}

func TestOpenIncidentMeansJudging(t *testing.T) {
	w := newWorld(t, revertSSH)
	w.ec2.swallow = true
	w.judge1(w.authorize(groupA, ssh))
	w.ec2.swallow = false
	d := w.judge1(w.authorize(groupA, https))
	require.Equal(t, incident.Reverted, d.Outcome, "level-triggered: what is due is remedied, whatever brings us here")
	w.requireOpen(groupA, https)
}

func TestFault13FailedCalls(t *testing.T) {
	w := newWorld(t, revertSSH)
	r := w.ec2.add(groupA, parse(t, ssh))
	d := w.judge1(w.record(call{name: "AuthorizeSecurityGroupIngress", group: groupA, errorCode: "Client.UnauthorizedOperation", rules: []secgroup.Rule{r}}))
	require.Equal(t, incident.Ignored, d.Outcome)
	require.Equal(t, "failed-call: Client.UnauthorizedOperation", d.Reason)
	require.Empty(t, w.ec2.calls)
	require.Empty(t, w.ledger.calls)
	require.Contains(t, w.log.String(), "Client.UnauthorizedOperation")
}

func TestWhatIsNotJudgedYetIsSaid(t *testing.T) {
	w := newWorld(t, revertSSH)
	for name, request := range map[string]string{
		"ModifyManagedPrefixList": `{"ModifyManagedPrefixListRequest":{"PrefixListId":"pl-0123456789abcdef0"}}`,
		"CreateVpc":               `{"cidrBlock":"10.0.0.0/16"}`,
		"AssociateVpcCidrBlock":   `{"AssociateVpcCidrBlockRequest":{"VpcId":"vpc-0123456789abcdef0"}}`,
	} {
		t.Run(name, func(t *testing.T) {
			w.reset()
			body := fmt.Appendf(nil, `{"detail-type":"AWS API Call via CloudTrail","source":"aws.ec2","account":"123456789012","region":"us-east-1","detail":{"eventName":%q,"eventSource":"ec2.amazonaws.com","eventID":"e-%s","eventTime":"2026-05-01T12:00:00Z","awsRegion":"us-east-1","requestParameters":%s,"responseElements":{},"userIdentity":{"type":"IAMUser","arn":"arn:aws:iam::123456789012:user/ann"}}}`, name, name, request)
			for n := range 3 {
				d := w.judgeTimes(body, n+1)
				require.Equal(t, incident.Unresolved, d.Outcome)
				require.Equal(t, reasonNotYet, d.Reason)
				require.False(t, d.Retry)
				require.NotEmpty(t, d.IncidentID)
			}
			require.Equal(t, []string{"opened unresolved"}, w.sent())
			require.Empty(t, w.ec2.calls)
		})
	}
}

func TestTagsAreIgnored(t *testing.T) {
	w := newWorld(t, revertSSH)
	body := `{"detail-type":"AWS API Call via CloudTrail","source":"aws.ec2","detail":{"eventName":"CreateTags","eventSource":"ec2.amazonaws.com","eventID":"e","eventTime":"2026-05-01T12:00:00Z","requestParameters":{"resourcesSet":{"items":[{"resourceId":"sg-0aaaaaaaaaaaaaaaa"}]},"tagSet":{"items":[{"key":"a","value":"b"}]}},"responseElements":{"_return":true}}}`
	d := w.judge1([]byte(body))
	require.Equal(t, incident.Ignored, d.Outcome)
	require.Empty(t, w.sent())
}

func TestGroupByNameMeansTheDefaultVPC(t *testing.T) {
	w := newWorld(t, revertSSH)
	r := w.ec2.add(groupA, parse(t, ssh))
	body := w.record(call{name: "AuthorizeSecurityGroupIngress", groupName: "WEB", rules: []secgroup.Rule{r}, bare: true})
	d := w.judge1(body)
	require.Equal(t, incident.Reverted, d.Outcome)
	require.Equal(t, groupA, d.GroupID)
	require.Equal(t, []string{"Named", "Group", "RevokeSecurityGroupIngress", "Rules"}, w.ec2.calls)

	t.Run("several", func(t *testing.T) {
		w.ec2.make("sg-0cccccccccccccccc", "Web")
		d := w.judge1(w.record(call{name: "AuthorizeSecurityGroupIngress", groupName: "web", rules: []secgroup.Rule{r}, bare: true}))
		require.Equal(t, incident.Unresolved, d.Outcome)
		require.Equal(t, reasonNoGroup, d.Reason)
		require.False(t, d.Retry)
		require.Equal(t, "opened unresolved", w.sent()[len(w.sent())-1])
	})
	t.Run("none", func(t *testing.T) {
		body := w.record(call{name: "AuthorizeSecurityGroupIngress", groupName: "nobody", rules: []secgroup.Rule{r}, bare: true})
		require.True(t, w.judge1(body).Retry, "a new group may not be visible yet")
		w.wait(time.Hour)
		d := w.judgeTimes(body, 2)
		require.Equal(t, incident.Unresolved, d.Outcome)
		require.False(t, d.Retry)
	})
}

func TestRecordWithoutIDsNamesByValue(t *testing.T) {
	w := newWorld(t, revertSSH)
	w.noActs()
	w.ec2.add(groupA, parse(t, "ingress tcp/22 from ::/0"))
	r := w.ec2.add(groupA, parse(t, ssh))
	d := w.judge1(w.record(call{name: "AuthorizeSecurityGroupIngress", group: groupA, rules: []secgroup.Rule{r}, bare: true}))
	require.Equal(t, incident.Reverted, d.Outcome)
	w.requireOpen(groupA, "ingress tcp/22 from ::/0")
}

func TestFault32RuleIsNotVisibleForFiveSeconds(t *testing.T) {
	w := newWorld(t, revertSSH)
	body := w.authorize(groupA, ssh)
	w.ec2.hide("sgr-00000000000000001", noon.Add(4*time.Second))
	d := w.judge1(body)
	require.Equal(t, incident.Reverted, d.Outcome)
	require.False(t, d.Retry)
	require.Empty(t, w.texts(groupA))

	t.Run("the group", func(t *testing.T) {
		w := newWorld(t, revertSSH)
		body := w.authorize(groupA, ssh)
		w.ec2.hide(groupA, noon.Add(4*time.Second))
		d := w.judge1(body)
		require.Equal(t, incident.Reverted, d.Outcome)
		require.Empty(t, w.texts(groupA))
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

	// Fault 28: an exemption that ended a second ago.
	w.wait(time.Hour + time.Second)
	require.Equal(t, incident.Reverted, w.judge1(judgeGroup(groupA, "sweep", "")).Outcome)
}

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

func TestFault03OrderAndDuplicatesDoNotMatter(t *testing.T) {
	build := func() (*world, [][]byte) {
		w := newWorld(t, revertSSH)
		a := w.authorize(groupA, ssh)
		b := w.authorize(groupA, https)
		c := w.modify(groupA, "sgr-00000000000000002", "ingress tcp/22-443 from 0.0.0.0/0")
		d := w.authorize(groupA, "ingress tcp/8443 from 0.0.0.0/0")
		return w, [][]byte{a, b, c, d}
	}
	for _, order := range [][]int{{0, 1, 2, 3}, {3, 2, 1, 0}, {2, 0, 2, 3, 1, 0}, {1, 1, 1, 3, 0, 2}, {3, 0, 1, 2, 3, 0, 1, 2}} {
		t.Run(fmt.Sprint(order), func(t *testing.T) {
			w, bodies := build()
			w.wait(2 * time.Minute)
			for n, i := range order {
				require.False(t, w.judgeTimes(bodies[i], n+1).Retry)
			}
			for i := range bodies {
				require.False(t, w.judgeTimes(bodies[i], 9).Retry)
			}
			for _, text := range w.texts(groupA) {
				require.False(t, parse(t, text).Region().Contains(6, 22, addr("8.8.8.8")), text)
			}
			require.Contains(t, w.texts(groupA), "ingress tcp/8443 from 0.0.0.0/0")
		})
	}
}

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

func TestHeldPolicy(t *testing.T) {
	ctx := context.Background()
	w := newWorld(t, revertSSH)
	require.NoError(t, w.store.Operator().Hold(ctx, w.set.Policies[0].Digest, "too many"))
	require.Equal(t, incident.Pending, w.judge1(w.authorize(groupA, ssh)).Outcome)
	require.Zero(t, w.ec2.count("Mutations"))
	require.NoError(t, w.store.Operator().Release(ctx, w.set.Policies[0].Digest))
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

func TestOwnCalls(t *testing.T) {
	w := newWorld(t, policyText("ssh", "{do: narrow, to: [10.0.0.0/8]}", ""))
	w.judge1(w.authorize(groupA, ssh))
	own := w.memory(groupA).Recent
	require.Len(t, own, 1)
	live := w.ec2.group(groupA)[0]
	body := w.record(call{name: "ModifySecurityGroupRules", group: groupA, actor: role, requestID: own[0].RequestID, rules: []secgroup.Rule{live}})
	w.reset()
	d := w.judge1(body)
	require.Equal(t, incident.Ignored, d.Outcome)
	require.Equal(t, "own", d.Reason)
	require.Equal(t, []string{"Observe"}, w.ledger.calls)
	require.Empty(t, w.ec2.calls)

	t.Run("fault 36: not in the journal, it is judged", func(t *testing.T) {
		w.reset()
		body := w.record(call{name: "ModifySecurityGroupRules", group: groupA, actor: role, requestID: "strange", rules: []secgroup.Rule{live}})
		require.Equal(t, incident.Compliant, w.judge1(body).Outcome)
		require.Empty(t, w.sent(), "not before five minutes are over")
		require.Len(t, w.queue.asked, 1)
		require.Equal(t, 5*time.Minute, w.queue.asked[0].delay)
		w.wait(5 * time.Minute)
		w.judge1(judgeGroup(groupA, "role", w.queue.asked[0].incident))
		require.Equal(t, []string{"opened alerted"}, w.sent())
		require.Empty(t, w.memory(groupA).Open)
	})
	t.Run("a stolen role is no shield", func(t *testing.T) {
		w.reset()
		d := w.judge1(w.authorizeBy(role, groupA, ssh))
		require.Equal(t, incident.Narrowed, d.Outcome)
		w.requireOpen(groupA, "ingress tcp/22 from 10.0.0.0/8")
	})
	t.Run("seen before the journal is written: planned by an open incident", func(t *testing.T) {
		w := newWorld(t, revertSSH)
		body := w.authorize(groupA, ssh)
		gone := w.ec2.group(groupA)[0]
		w.ec2.after = func(name string) {
			if name == "RevokeSecurityGroupIngress" {
				w.ec2.after = nil
				d := w.judge1(w.record(call{name: "RevokeSecurityGroupIngress", group: groupA, actor: role, requestID: "r", rules: []secgroup.Rule{gone}}))
				require.Equal(t, incident.Ignored, d.Outcome)
				require.Equal(t, "own", d.Reason)
			}
		}
		require.Equal(t, incident.Reverted, w.judge1(body).Outcome)
		require.Empty(t, w.slept)
	})
}

func TestFault33AttackerAddsFiftyTimes(t *testing.T) {
	w := newWorld(t, revertSSH)
	for range 50 {
		require.Equal(t, incident.Reverted, w.judge1(w.authorizeBy("arn:aws:iam::123456789012:user/eve", groupA, ssh)).Outcome)
		require.Empty(t, w.texts(groupA))
		w.wait(time.Second)
	}
	require.Equal(t, []string{"acted reverted", "acted reverted", "acted reverted", "contested reverted"}, w.sent())
	escalation := w.publisher.messages()[3]
	require.Contains(t, fmt.Sprint(escalation.Notes), "user/eve")
	require.Len(t, w.closed(groupA), 50)
}

func TestFault34ReapplyEveryFiveMinutes(t *testing.T) {
	w := newWorld(t, revertSSH)
	for range 36 {
		require.Equal(t, incident.Reverted, w.judge1(w.authorize(groupA, ssh)).Outcome)
		w.wait(5 * time.Minute)
	}
	contested := 0
	for _, m := range w.sent() {
		if m == "contested reverted" {
			contested++
		}
	}
	require.LessOrEqual(t, len(w.sent()), 3+3)
	require.Positive(t, contested)
}

func TestFault49ManyCheapViolationsThenTheRealOne(t *testing.T) {
	w := newWorld(t, revertSSH)
	for i := range 200 {
		require.Equal(t, incident.Reverted, w.judge1(w.authorize(groupA, fmt.Sprintf("ingress tcp/22 from %d.0.0.0/8", 20+i%80))).Outcome)
	}
	require.Equal(t, incident.Reverted, w.judge1(w.authorize(groupA, ssh)).Outcome)
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

func TestLogHasOneLinePerDecision(t *testing.T) {
	w := newWorld(t, revertSSH)
	r := w.ec2.add(groupA, parse(t, ssh))
	w.judge1(w.record(call{name: "AuthorizeSecurityGroupIngress", group: groupA, eventID: "x\n{\"outcome\":\"compliant\"}", rules: []secgroup.Rule{r}}))
	lines := strings.Split(strings.TrimSpace(w.log.String()), "\n")
	require.Len(t, lines, 1)
	for _, key := range []string{`"group_id":"` + groupA, `"outcome":"reverted"`, `"incident_id":"inc-`, `"account":"` + account, `"region":"` + region, `"decision_ms":`, `"event_id":"x\n{\"outcome`} {
		require.Contains(t, lines[0], key)
	}
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

func TestEveryErrorHasAReason(t *testing.T) {
	outcome, reason := explain(errors.New("something else"))
	require.Equal(t, incident.Unresolved, outcome)
	require.Contains(t, reason, "something else")
	outcome, reason = explain(nil)
	require.Zero(t, outcome)
	require.Empty(t, reason)
}
