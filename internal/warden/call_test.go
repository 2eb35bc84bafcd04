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

const pipeline = "arn:aws:iam::123456789012:role/pipeline"

// callText writes a policy on the calls of everybody but the pipeline.
func callText(id, remedy, more string) string {
	return fmt.Sprintf(`---
apiVersion: sgwarden/v1
kind: Policy
metadata: {id: %s, title: Changes come from the pipeline, severity: medium, why: Nobody reviewed it., fix: Change the template.}
onChange: {calls: [any], unless: {actors: ["arn:aws:iam::*:role/pipeline"]}}
remedy: %s
%s
`, id, remedy, more)
}

var tellCalls = callText("calls", "alert", "")

// TestACallIsToldOnceFromItsRecord and without a look at the group: IPv6, every
// protocol and calls that open nothing are calls like others.
func TestACallIsToldOnceFromItsRecord(t *testing.T) {
	tags := `{"detail-type":"AWS API Call via CloudTrail","source":"aws.ec2","detail":{"eventName":"CreateTags","eventSource":"ec2.amazonaws.com","eventID":"tags","eventTime":"2026-05-01T12:00:00Z","userIdentity":{"type":"IAMUser","arn":"arn:aws:iam::123456789012:user/ann"},"requestParameters":{"resourcesSet":{"items":[{"resourceId":"sg-0aaaaaaaaaaaaaaaa"}]},"tagSet":{"items":[{"key":"a","value":"b"}]}},"responseElements":{"_return":true}}}`
	for name, make := range map[string]func(w *world, actor string) []byte{
		"authorize": func(w *world, actor string) []byte { return w.authorizeBy(actor, groupA, https) },
		"IPv6":      func(w *world, actor string) []byte { return w.authorizeBy(actor, groupA, "egress tcp/443 to ::/0") },
		"every protocol": func(w *world, actor string) []byte {
			return w.authorizeBy(actor, groupA, "ingress all from sg-0bbbbbbbbbbbbbbbb")
		},
		"revoke": func(w *world, actor string) []byte {
			return w.record(call{name: "RevokeSecurityGroupIngress", group: groupA, actor: actor, rules: []secgroup.Rule{parse(w.t, https)}})
		},
		"descriptions": func(w *world, actor string) []byte {
			return w.record(call{name: "UpdateSecurityGroupRuleDescriptionsEgress", group: groupA, actor: actor})
		},
		"create": func(w *world, actor string) []byte {
			return w.record(call{name: "CreateSecurityGroup", group: groupA, groupName: "web", actor: actor})
		},
		"delete": func(w *world, actor string) []byte {
			return w.record(call{name: "DeleteSecurityGroup", group: groupA, actor: actor})
		},
		"tags": func(_ *world, actor string) []byte {
			return []byte(strings.Replace(tags, "arn:aws:iam::123456789012:user/ann", actor, 1))
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, tellCalls+revertSSH)
			passed := w.judge1(make(w, pipeline))
			require.Less(t, passed.Outcome, incident.Observed, "the pipeline passes")
			require.Empty(t, w.sent())
			w = newWorld(t, tellCalls+revertSSH)
			body := make(w, "arn:aws:iam::123456789012:user/ann")
			w.reset()
			d := w.judge1(body)
			require.Equal(t, incident.Alerted, d.Outcome)
			require.Equal(t, reasonCall, d.Reason)
			require.False(t, d.Retry)
			require.Equal(t, []string{"opened alerted"}, w.sent())
			require.Empty(t, w.ec2.calls, "record and item say it all")
			require.Empty(t, w.queue.asked, "and nothing is looked at later")
			require.Equal(t, []string{"Note", "Observe", "Open", "Close"}, w.ledger.calls)
			told := w.publisher.messages()[0]
			require.Equal(t, []any{d.IncidentID, "calls", policy.Medium, groupA, 0}, []any{told.ID, told.Policies[0].ID, told.Severity, told.GroupID, len(told.Rules)})
			require.Equal(t, "arn:aws:iam::123456789012:user/ann", told.Actor.ARN)
			require.True(t, told.Actor.Attributed)
			require.Equal(t, d.IncidentID, d.Incident.ID)
			require.Equal(t, []string{"under calls, the actor of " + told.APICall + " is none of those that are left out"}, told.Notes)

			w.reset()
			again := w.judgeTimes(body, 2)
			require.Equal(t, []any{incident.Alerted, d.IncidentID}, []any{again.Outcome, again.IncidentID})
			require.Empty(t, w.sent(), "a duplicate says nothing")
			require.Equal(t, []string{"Note", "Observe"}, w.ledger.calls)
			require.Empty(t, w.memory(groupA).Open)
			require.Len(t, w.closed(groupA), 1)
			w.restart()
			w.judgeTimes(body, 3)
			require.Empty(t, w.sent(), "nor to a new process")
		})
	}
}

// TestADeletionByNameIsToldOnce: the group that it names is gone by then, and
// its id is nowhere.
func TestADeletionByNameIsToldOnce(t *testing.T) {
	body := func(actor string) []byte {
		return fmt.Appendf(nil, `{"detail-type":"AWS API Call via CloudTrail","source":"aws.ec2","detail":{"eventName":"DeleteSecurityGroup","eventSource":"ec2.amazonaws.com","eventID":"gone","eventTime":"2026-05-01T12:00:00Z","userIdentity":{"type":"IAMUser","arn":%q},"requestParameters":{"groupName":"no-more"},"responseElements":{"_return":true}}}`, actor)
	}
	w := newWorld(t, tellCalls+revertSSH)
	require.Equal(t, incident.Gone, w.judge1(body(pipeline)).Outcome)
	require.Empty(t, w.sent(), "the pipeline passes")

	w = newWorld(t, tellCalls+revertSSH)
	d := w.judge1(body("arn:aws:iam::123456789012:user/ann"))
	require.Equal(t, []any{incident.Alerted, reasonCall, false}, []any{d.Outcome, d.Reason, d.Retry})
	require.Equal(t, []string{"opened alerted"}, w.sent())
	told := w.publisher.messages()[0]
	require.Equal(t, []any{"calls", policy.Medium, d.IncidentID}, []any{told.Policies[0].ID, told.Severity, told.ID})
	w.reset()
	w.restart()
	require.Equal(t, incident.Alerted, w.judgeTimes(body("arn:aws:iam::123456789012:user/ann"), 2).Outcome)
	require.Empty(t, w.sent(), "a duplicate says nothing")
}

func TestACallIsToldBesideWhatIsDoneAboutItsRules(t *testing.T) {
	w := newWorld(t, tellCalls+revertSSH)
	body := w.authorize(groupA, ssh)
	d := w.judge1(body)
	require.Equal(t, incident.Reverted, d.Outcome)
	require.ElementsMatch(t, []string{"acted reverted", "opened alerted"}, w.sent())
	require.Empty(t, w.texts(groupA))
	w.reset()
	require.False(t, w.judgeTimes(body, 2).Retry)
	require.Empty(t, w.sent())

	t.Run("two deliveries in one batch", func(t *testing.T) {
		w := newWorld(t, tellCalls)
		body := w.authorize(groupA, https)
		ds := w.Judge(context.Background(), []Delivery{deliver(body, 1), deliver(body, 2)})
		require.Equal(t, []incident.Outcome{incident.Alerted, incident.Alerted}, []incident.Outcome{ds[0].Outcome, ds[1].Outcome})
		require.Equal(t, []string{"opened alerted"}, w.sent())
	})
	t.Run("the pipeline beside a person", func(t *testing.T) {
		w := newWorld(t, tellCalls)
		first, second := w.authorizeBy(pipeline, groupA, https), w.authorize(groupA, "ingress tcp/80 from 10.0.0.0/8")
		ds := w.Judge(context.Background(), []Delivery{deliver(first, 1), deliver(second, 2)})
		require.Equal(t, []incident.Outcome{incident.Compliant, incident.Alerted}, []incident.Outcome{ds[0].Outcome, ds[1].Outcome})
		require.Empty(t, ds[0].IncidentID)
		require.Len(t, w.sent(), 1)
	})
	t.Run("another call is another alert", func(t *testing.T) {
		w := newWorld(t, tellCalls)
		a, b := w.judge1(w.authorize(groupA, https)), w.judge1(w.authorize(groupA, "ingress tcp/80 from 10.0.0.0/8"))
		require.NotEqual(t, a.IncidentID, b.IncidentID)
		require.Len(t, w.sent(), 2)
		require.Len(t, w.memory(groupA).Known.Rules, 2, "what triage noted stays")
	})
	t.Run("a record without an id", func(t *testing.T) {
		w := newWorld(t, tellCalls)
		body := strings.Replace(string(w.authorize(groupA, https)), `"eventID":"event-0001",`, "", 1)
		a, b := w.judge1([]byte(body)), w.judgeTimes([]byte(body), 2)
		require.NotEmpty(t, a.IncidentID)
		require.Equal(t, a.IncidentID, b.IncidentID)
		require.Len(t, w.sent(), 1)
	})
}

func TestCallsInObserveMode(t *testing.T) {
	w := newWorld(t, tellCalls+callText("back", "revert", ""), observing)
	body := w.authorize(groupA, https)
	d := w.judge1(body)
	require.Equal(t, incident.Observed, d.Outcome)
	require.Equal(t, []string{"opened observed", "opened observed"}, w.sent(), "the call, and the rule that would be taken back")
	for _, i := range w.publisher.messages() {
		if len(i.Rules) > 0 {
			require.Contains(t, i.Would[0], "RevokeSecurityGroupIngress")
		}
		require.Equal(t, policy.Observe, i.Mode)
	}
	w.requireOpen(groupA, https)
	w.reset()
	w.judge1(judgeGroup(groupA, "sweep", ""))
	w.judgeTimes(body, 2)
	require.Empty(t, w.sent(), "a duplicate says nothing, whatever was looked at in between")
}

func TestWhatACallOpenedIsTakenBack(t *testing.T) {
	back := callText("back", "revert", "")
	t.Run("exactly the rules that it named", func(t *testing.T) {
		w := newWorld(t, back)
		w.ec2.add(groupA, parse(t, "ingress tcp/80 from 0.0.0.0/0"))
		body := w.authorize(groupA, https, "ingress tcp/8443 from ::/0")
		d := w.judge1(body)
		require.Equal(t, incident.Reverted, d.Outcome)
		require.Equal(t, []string{"acted reverted"}, w.sent(), "the call is not told a second time")
		w.requireOpen(groupA, "ingress tcp/80 from 0.0.0.0/0")
		w.reset()
		require.Equal(t, incident.AlreadyCompliant, w.judgeTimes(body, 2).Outcome)
		require.Empty(t, w.sent())
	})
	t.Run("by the pipeline it stays", func(t *testing.T) {
		w := newWorld(t, back)
		require.Equal(t, incident.Compliant, w.judge1(w.authorizeBy(pipeline, groupA, https)).Outcome)
		w.requireOpen(groupA, https)
	})
	t.Run("what a Modify added", func(t *testing.T) {
		w := newWorld(t, back)
		w.judge1(w.authorizeBy(pipeline, groupA, "ingress tcp/443 from 10.0.0.0/9"))
		id := w.ec2.group(groupA)[0].ID
		d := w.judge1(w.modify(groupA, id, "ingress tcp/443 from 10.0.0.0/8"))
		require.Equal(t, incident.Reverted, d.Outcome)
		require.Equal(t, []string{"ingress tcp/443 from 10.0.0.0/9#" + id}, w.rules(groupA))
	})
	t.Run("a Modify that narrows is told", func(t *testing.T) {
		w := newWorld(t, back)
		w.judge1(w.authorizeBy(pipeline, groupA, https))
		id := w.ec2.group(groupA)[0].ID
		body := w.modify(groupA, id, "ingress tcp/443 from 10.0.0.0/8")
		require.Equal(t, incident.Alerted, w.judge1(body).Outcome)
		require.Equal(t, incident.Alerted, w.judgeTimes(body, 2).Outcome)
		require.Equal(t, []string{"opened alerted"}, w.sent())
		w.requireOpen(groupA, "ingress tcp/443 from 10.0.0.0/8")
	})
	t.Run("what was refused is tried again without the record", func(t *testing.T) {
		w := newWorld(t, back)
		w.ec2.swallow = true
		body := w.authorize(groupA, https)
		d := w.judge1(body)
		require.Equal(t, incident.NotReverted, d.Outcome)
		require.True(t, d.Retry)
		w.ec2.swallow = false
		require.Equal(t, incident.Reverted, w.judge1(judgeGroup(groupA, "retry", d.IncidentID)).Outcome)
		w.requireOpen(groupA)
	})
	t.Run("after a wait", func(t *testing.T) {
		w := newWorld(t, callText("back", "{do: revert, after: 5m}", ""))
		d := w.judge1(w.authorize(groupA, https))
		require.Equal(t, incident.Pending, d.Outcome)
		require.Len(t, w.queue.asked, 1)
		w.wait(5 * time.Minute)
		require.Equal(t, incident.Reverted, w.judge1(judgeGroup(groupA, "after", d.IncidentID)).Outcome)
		w.requireOpen(groupA)
	})
	t.Run("tag", func(t *testing.T) {
		w := newWorld(t, callText("back", "tag", ""))
		body := w.authorize(groupA, https)
		require.Equal(t, incident.Tagged, w.judge1(body).Outcome)
		require.Equal(t, []string{"acted tagged"}, w.sent())
		w.reset()
		w.judge1(judgeGroup(groupA, "sweep", ""))
		require.Equal(t, incident.Tagged, w.judgeTimes(body, 2).Outcome)
		require.Empty(t, w.sent())
		require.Zero(t, w.ec2.count("CreateTags"))
	})
	t.Run("a look takes nothing back", func(t *testing.T) {
		w := newWorld(t, back)
		w.ec2.add(groupA, parse(t, https))
		require.Equal(t, incident.Compliant, w.judge1(judgeGroup(groupA, "sweep", "")).Outcome)
		w.requireOpen(groupA, https)
	})
	t.Run("a stolen role is no shield", func(t *testing.T) {
		w := newWorld(t, back)
		require.Equal(t, incident.Reverted, w.judge1(w.authorizeBy(role, groupA, https)).Outcome)
		w.requireOpen(groupA)
	})
}

// TestOwnCallsAreNotTold: the revoke and the tags of the guard itself.
func TestOwnCallsAreNotTold(t *testing.T) {
	w := newWorld(t, tellCalls+policyText("ssh", "tag", ""))
	w.judge1(w.authorizeBy(pipeline, groupA, ssh))
	own := w.memory(groupA).Recent
	require.Len(t, own, 1)
	require.Equal(t, "CreateTags", own[0].Call)
	record := fmt.Appendf(nil, `{"detail-type":"AWS API Call via CloudTrail","source":"aws.ec2","detail":{"eventName":"CreateTags","eventSource":"ec2.amazonaws.com","eventID":"own","requestID":%q,"eventTime":"2026-05-01T12:00:00Z","userIdentity":{"type":"AssumedRole","sessionContext":{"sessionIssuer":{"arn":%q}}},"requestParameters":{"resourcesSet":{"items":[{"resourceId":"sg-0aaaaaaaaaaaaaaaa"}]}},"responseElements":{"_return":true}}}`, own[0].RequestID, role)
	w.reset()
	d := w.judge1(record)
	require.Equal(t, []any{incident.Ignored, reasonOwn}, []any{d.Outcome, d.Reason})
	require.Empty(t, w.sent())

	t.Run("seen while the judging that made it is not over", func(t *testing.T) {
		w := newWorld(t, tellCalls+policyText("ssh", "tag", ""))
		body := w.authorizeBy(pipeline, groupA, ssh)
		waits, over, done := make(chan struct{}), make(chan struct{}), make(chan Decision, 1)
		cfg := w.cfg
		cfg.HolderID = "another process"
		cfg.Sleep = func(context.Context, time.Duration) error {
			close(waits)
			<-over
			return nil
		}
		other, err := New(cfg)
		require.NoError(t, err)
		w.ec2.after = func(name string) {
			if name != "CreateTags" {
				return
			}
			w.ec2.after = nil
			own := strings.Replace(string(record), own[0].RequestID, fmt.Sprintf("own-%d", w.ec2.next), 1)
			go func() { done <- other.Judge(context.Background(), []Delivery{deliver([]byte(own), 1)})[0] }()
			<-waits
		}
		require.Equal(t, incident.Tagged, w.judge1(body).Outcome)
		close(over)
		d := <-done
		require.Equal(t, []any{incident.Ignored, reasonOwn}, []any{d.Outcome, d.Reason})
		require.Equal(t, []string{"acted tagged"}, w.sent())
	})
}

func TestExemptCallsAreToldOnceADay(t *testing.T) {
	w := newWorld(t, callText("calls", "alert", `except: [{actors: ["arn:aws:iam::*:user/ann"], reason: CHG-7, until: 2026-05-02}]`))
	d := w.judge1(w.authorize(groupA, https))
	require.Equal(t, incident.Exempt, d.Outcome)
	w.judge1(w.authorize(groupA, "ingress tcp/80 from 10.0.0.0/8"))
	require.Equal(t, []string{"opened exempt"}, w.sent())
	w.wait(24 * time.Hour)
	w.judge1(w.authorize(groupA, "ingress tcp/81 from 10.0.0.0/8"))
	require.Equal(t, []string{"opened exempt", "opened exempt"}, w.sent())
	w.wait(24 * time.Hour)
	require.Equal(t, incident.Alerted, w.judge1(w.authorize(groupA, "ingress tcp/82 from 10.0.0.0/8")).Outcome, "the exception is over")
}

func TestACallOnAGroupThatIsGone(t *testing.T) {
	w := newWorld(t, tellCalls+revertSSH)
	body := w.authorize(groupA, ssh)
	w.ec2.drop(groupA)
	w.wait(time.Hour)
	d := w.judge1(body)
	require.Equal(t, incident.Alerted, d.Outcome)
	require.Equal(t, []string{"opened alerted"}, w.sent())
	w.reset()
	require.Equal(t, incident.Alerted, w.judgeTimes(body, 2).Outcome)
	require.Empty(t, w.sent())
}

func TestACallWhoseRulesAreGoneAlready(t *testing.T) {
	w := newWorld(t, tellCalls+revertSSH)
	body := w.authorize(groupA, ssh)
	require.Equal(t, incident.Reverted, w.judge1(judgeGroup(groupA, "sweep", "")).Outcome)
	w.reset()
	d := w.judge1(body)
	require.Contains(t, w.sent(), "opened alerted")
	require.Equal(t, incident.Alerted, d.Outcome)
	require.Empty(t, w.ec2.calls)
	w.reset()
	w.judgeTimes(body, 2)
	require.Empty(t, w.sent())
}

func TestAMessageAboutACallThatCannotBeSent(t *testing.T) {
	w := newWorld(t, tellCalls)
	w.publisher.on = func(incident.Incident) error { return errors.New("down") }
	body := w.authorize(groupA, https)
	d := w.judge1(body)
	require.True(t, d.Retry)
	require.Len(t, w.memory(groupA).Open, 1)
	w.publisher.on = nil
	d = w.judgeTimes(body, 2)
	require.False(t, d.Retry)
	require.Equal(t, incident.Alerted, d.Outcome)
	require.Equal(t, []string{"opened alerted"}, w.sent())
	require.Empty(t, w.memory(groupA).Open)

	t.Run("nor written down: a look sends it", func(t *testing.T) {
		w := newWorld(t, tellCalls)
		w.ledger.after = func(name string) {
			if name == "Open" {
				panic("killed")
			}
		}
		require.True(t, w.judge1(w.authorize(groupA, https)).Retry)
		w.ledger.after = nil
		require.Empty(t, w.sent())
		w.restart()
		w.wait(2 * time.Minute)
		w.judge1(judgeGroup(groupA, "sweep", ""))
		require.Equal(t, []string{"opened alerted"}, w.sent())
		require.Empty(t, w.memory(groupA).Open)
	})
}

func TestACallThatNamesNoGroupSaysWhichPolicyIsAgainstIt(t *testing.T) {
	w := newWorld(t, tellCalls)
	record := func(actor string) []byte {
		return fmt.Appendf(nil, `{"detail-type":"AWS API Call via CloudTrail","source":"aws.ec2","account":"123456789012","region":"us-east-1","detail":{"eventName":"ModifyManagedPrefixList","eventSource":"ec2.amazonaws.com","eventID":"e-%d","eventTime":"2026-05-01T12:00:00Z","awsRegion":"us-east-1","requestParameters":{"ModifyManagedPrefixListRequest":{"PrefixListId":"pl-0123456789abcdef0"}},"responseElements":{},"userIdentity":{"type":"IAMUser","arn":%q}}}`, len(actor), actor)
	}
	d := w.judge1(record("arn:aws:iam::123456789012:user/ann"))
	require.Equal(t, incident.Alerted, d.Outcome)
	require.Equal(t, []string{"opened alerted"}, w.sent())
	require.Len(t, w.publisher.messages()[0].Policies, 1)

	w.reset()
	require.Equal(t, incident.Compliant, w.judge1(record(pipeline)).Outcome, "its actor is left out, and no group refers to the list")
	require.Empty(t, w.sent())
}

// TestHostileUserAgentsStayText: what a caller says of itself leaves nobody out
// and is no name of a policy's.
func TestHostileUserAgentsStayText(t *testing.T) {
	w := newWorld(t, tellCalls)
	agent := "arn:aws:iam::123456789012:role/pipeline\n\"}],\"outcome\":\"compliant\" <script>" + strings.Repeat("x", 5000)
	r := w.ec2.add(groupA, parse(t, https))
	d := w.judge1(w.record(call{name: "AuthorizeSecurityGroupIngress", group: groupA, rules: []secgroup.Rule{r}, userAgent: agent}))
	require.Equal(t, incident.Alerted, d.Outcome)
	told := w.publisher.messages()[0]
	require.Equal(t, agent[:1024], told.Actor.UserAgent)
	for _, n := range told.Notes {
		require.NotContains(t, n, "script")
	}
	require.NotContains(t, w.log.String(), "<script>")
}
