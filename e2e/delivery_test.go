//go:build e2e

package e2e

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sgwarden/sgwarden/internal/runtimeapi"
)

func batch(t *testing.T) {
	w := enter(t, nil)
	bad, _ := w.authorize("ingress", ssh)
	good, _ := w.authorize("ingress", permission{protocol: "tcp", from: 443, to: 443, v4: []string{"10.0.0.0/8"}})
	again := append([]string{"ec2", "authorize-security-group-ingress", "--group-id", w.group}, permissionFlags([]permission{ssh})...)
	require.ErrorContains(t, w.person.aws(nil, again...), "InvalidPermission.Duplicate")
	failedCall := w.person.last(t, "AuthorizeSecurityGroupIngress")
	require.Equal(t, "Client.InvalidPermission.Duplicate", failedCall["errorCode"])
	w.put(good, bad, failedCall)
	for _, poison := range []string{"", "null", "[]", "not JSON", `{"detail-type":"AWS API Call via CloudTrail","detail":{"eventSource":"ec2.amazonaws.com","eventName":"AuthorizeSecurityGroupIngress"`, strings.Repeat("[", 10_000)} {
		if poison == "" {
			poison = " " // SQS takes no empty body
		}
		_, err := w.sqs().SendMessage(t.Context(), &sqs.SendMessageInput{QueueUrl: &w.queue, MessageBody: &poison})
		require.NoError(t, err)
	}
	d := w.deliver(5)
	require.Len(t, d.messages, 9)
	require.Empty(t, d.failed, "what can never be read is told once and acknowledged")
	calls := w.done(d)
	require.Len(t, mutations(calls), 1)
	require.Equal(t, []string{onlyEgress[0], "ingress tcp/443-443 from 10.0.0.0/8"}, w.texts())
	var outcomes []string
	for _, m := range w.told() {
		outcomes = append(outcomes, m.Outcome)
	}
	require.Contains(t, outcomes, "reverted")
	require.Contains(t, outcomes, "unresolved")
}

func duplicate(t *testing.T) {
	w := enter(t, nil)
	record, _ := w.authorize("ingress", ssh)
	var calls []call
	for range 5 {
		w.put(record)
		d := w.deliver(5)
		require.Empty(t, d.failed)
		calls = append(calls, w.done(d)...)
	}
	require.Len(t, mutations(calls), 1)
	require.Len(t, w.told(), 1)
	require.Equal(t, onlyEgress, w.texts())
	require.Len(t, w.incidents("shut#"), 1)
}

// parallel: the same event in six functions at once.
func parallel(t *testing.T) {
	w := enter(t, nil)
	record, _ := w.authorize("ingress", ssh)
	w.put(record)
	messages := w.receive(5)
	require.NotEmpty(t, messages)
	payload := sqsEvent(messages)
	guards := []*runtimeapi.Process{w.guard}
	for range 5 {
		w.start()
		guards = append(guards, w.guard)
	}
	var wait sync.WaitGroup
	for _, g := range guards {
		wait.Add(1)
		go func() {
			defer wait.Done()
			for range 3 { // a failed one comes again
				a, err := g.Invoke(t.Context(), payload)
				if !assert.NoError(t, err) || string(a.Payload) == `{"batchItemFailures":[]}` {
					return
				}
			}
			assert.Fail(t, "still failing at the third delivery", g.Logs())
		}()
	}
	wait.Wait()
	calls := w.proxy.take()
	showCalls(calls)
	w.showRules("after")
	require.Len(t, mutations(calls), 1, "one of them has the lease")
	require.Len(t, w.told(), 1)
	require.Equal(t, onlyEgress, w.texts())
}

func ownCall(t *testing.T) {
	w := enter(t, nil)
	record, _ := w.authorize("ingress", ssh)
	w.put(record)
	w.done(w.deliver(5))
	w.told()
	w.put(w.own.last(t, "RevokeSecurityGroupIngress"))
	d := w.deliver(5)
	require.Empty(t, d.failed)
	require.Empty(t, mutations(w.done(d)))
	require.Empty(t, w.told(), "guard does not report on itself")
	require.Contains(t, w.decisions()[len(w.decisions())-1], `"own`)
}

// eventAnswer is the contract of an invocation with one event.
type eventAnswer struct {
	Outcomes []struct {
		EventID, GroupID, Outcome, Reason, IncidentID string
		Rules                                         []struct{ ID, Outcome string }
	}
}

func (w *world) invoke(payload []byte) (eventAnswer, runtimeapi.Answer) {
	w.Helper()
	a, err := w.guard.Invoke(w.Context(), payload)
	require.NoError(w, err)
	var answer eventAnswer
	if !a.Failed() {
		require.NoError(w, json.Unmarshal(a.Payload, &answer))
	}
	say("answer  %s", a.Payload)
	return answer, a
}

func bareEvent(t *testing.T) {
	w := enter(t, nil)
	record, added := w.authorize("ingress", ssh)
	answer, _ := w.invoke(event(record))
	requireRevertCalls(t, w.proxy.take(), "RevokeSecurityGroupIngress")
	require.Len(t, answer.Outcomes, 1)
	o := answer.Outcomes[0]
	require.Equal(t, record["eventID"], o.EventID)
	require.Equal(t, w.group, o.GroupID)
	require.Equal(t, "reverted", o.Outcome)
	require.NotEmpty(t, o.IncidentID)
	require.Len(t, o.Rules, 1)
	require.Equal(t, *added[0].SecurityGroupRuleId, o.Rules[0].ID)
	for _, payload := range []string{`null`, `[]`, `{}`, `"x"`} {
		_, raw := w.invoke([]byte(payload))
		require.True(t, raw.Failed())
	}
	answer, _ = w.invoke(event(record))
	require.Equal(t, "already-compliant", answer.Outcomes[0].Outcome)
}

func judgeGroup(t *testing.T) {
	w := enter(t, nil)
	// Nobody told who opened it: before the baseline act nothing unnamed is touched.
	w.authorize("ingress", ssh)
	body := `{"source":"sgwarden","detail-type":"Judge Group","detail":{"groupId":"` + w.group + `","cause":"sweep"}}`
	_, err := w.sqs().SendMessage(t.Context(), &sqs.SendMessageInput{QueueUrl: &w.queue, MessageBody: &body})
	require.NoError(t, err)
	d := w.deliver(5)
	calls := w.done(d)
	require.Positive(t, count(calls, "ec2", "Describe"), "the group is looked at")
	require.Contains(t, w.decisions()[len(w.decisions())-1], w.group)
}

func foreign(t *testing.T) {
	w := enter(t, nil)
	record, _ := w.authorize("ingress", ssh)
	record = maps.Clone(record)
	record["recipientAccountId"] = "999999999999"
	w.put(record)
	d := w.deliver(5)
	require.Empty(t, d.failed)
	calls := w.done(d)
	require.Empty(t, mutations(calls))
	require.Contains(t, w.texts(), sshText)
	told := w.told()
	require.Len(t, told, 1)
	require.Equal(t, "unresolved", told[0].Outcome)
	require.True(t, slices.ContainsFunc(w.decisions(), func(l string) bool { return strings.Contains(l, "foreign") }))
}
