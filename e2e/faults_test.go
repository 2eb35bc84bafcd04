//go:build e2e

package e2e

import (
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/sgwarden/sgwarden/internal/runtimeapi"
)

func is(c call, service, prefix string) bool {
	return c.service == service && strings.HasPrefix(c.operation, prefix)
}

// swallowed: EC2 says true and does nothing.
func swallowed(t *testing.T) {
	w := enter(t, nil)
	record, _ := w.authorize("ingress", ssh)
	w.proxy.inject(func(c call, rw http.ResponseWriter) bool {
		if !is(c, "ec2", "Revoke") {
			return false
		}
		rw.Header().Set("Content-Type", "text/xml;charset=UTF-8")
		_, _ = rw.Write([]byte(`<` + c.operation + `Response xmlns="http://ec2.amazonaws.com/doc/2016-11-15/"><requestId>` + c.requestID + `</requestId><return>true</return></` + c.operation + `Response>`))
		return true
	})
	w.put(record)
	d := w.deliver(5)
	require.Len(t, d.failed, 1, "the message comes again")
	w.done(d)
	require.Contains(t, w.texts(), sshText)
	told := w.told()
	require.Len(t, told, 1)
	require.Equal(t, "not-reverted", told[0].Outcome)
	require.Equal(t, "opened", told[0].EventType, "nothing is claimed")
	require.Len(t, w.incidents("open#"), 1)

	w.proxy.inject(nil)
	d = w.deliver(20) // guard put the message off for 5 seconds
	require.Empty(t, d.failed)
	w.done(d)
	require.Equal(t, onlyEgress, w.texts())
	told = w.told()
	require.Len(t, told, 1)
	require.Equal(t, "reverted", told[0].Outcome)
	require.Equal(t, "acted", told[0].EventType)
}

func denied(t *testing.T) {
	w := enter(t, nil)
	record, _ := w.authorize("ingress", ssh)
	w.proxy.inject(func(c call, rw http.ResponseWriter) bool {
		if !is(c, "ec2", "Revoke") {
			return false
		}
		ec2Error(rw, http.StatusForbidden, "UnauthorizedOperation", "You are not authorized to perform this operation.", c.requestID)
		return true
	})
	w.put(record)
	d := w.deliver(5)
	require.Len(t, d.failed, 1)
	calls := w.done(d)
	require.Len(t, mutations(calls), 1, "what is denied is not tried again at once")
	told := w.told()
	require.Len(t, told, 1)
	require.Equal(t, "cannot-remediate", told[0].Outcome)

	w.proxy.inject(nil)
	d = w.deliver(20)
	require.Empty(t, d.failed)
	w.done(d)
	require.Equal(t, onlyEgress, w.texts(), "still due, and taken back as soon as it may be")
}

// throttled: the third try of the revoke passes.
func throttled(t *testing.T) {
	w := enter(t, nil)
	record, _ := w.authorize("ingress", ssh)
	var refused atomic.Int32
	w.proxy.inject(func(c call, rw http.ResponseWriter) bool {
		if !is(c, "ec2", "Revoke") || refused.Add(1) > 2 {
			return false
		}
		ec2Error(rw, http.StatusServiceUnavailable, "RequestLimitExceeded", "Request limit exceeded.", c.requestID)
		return true
	})
	w.put(record)
	d := w.deliver(5)
	require.Empty(t, d.failed)
	require.Len(t, mutations(w.done(d)), 3)
	require.Equal(t, onlyEgress, w.texts())
	told := w.told()
	require.Len(t, told, 1)
	require.Equal(t, "reverted", told[0].Outcome)
}

// answerLost: EC2 does it, and the connection breaks before it says so. The
// read-back decides.
func answerLost(t *testing.T) {
	w := enter(t, nil)
	record, _ := w.authorize("ingress", ssh)
	var lost atomic.Bool
	w.proxy.loseAnswer(func(c call) bool { return is(c, "ec2", "Revoke") && !lost.Swap(true) })
	w.put(record)
	d := w.deliver(5)
	require.Empty(t, d.failed)
	w.done(d)
	require.Equal(t, onlyEgress, w.texts())
	told := w.told()
	require.Len(t, told, 1)
	require.Equal(t, "reverted", told[0].Outcome)
}

// ledgerDown: what the record names under a severe policy is taken back all
// the same, is told at once, and the message comes again.
func ledgerDown(t *testing.T) {
	w := enter(t, nil)
	record, _ := w.authorize("ingress", ssh)
	w.proxy.inject(func(c call, rw http.ResponseWriter) bool {
		if c.service != "dynamodb" {
			return false
		}
		rw.Header().Set("Content-Type", "application/x-amz-json-1.0")
		rw.WriteHeader(http.StatusInternalServerError)
		_, _ = rw.Write([]byte(`{"__type":"com.amazonaws.dynamodb.v20120810#InternalServerError","message":"down"}`))
		return true
	})
	w.put(record)
	d := w.deliver(5)
	require.Len(t, d.failed, 1, "all is judged again when it is back")
	require.Len(t, mutations(w.done(d)), 1)
	require.Equal(t, onlyEgress, w.texts())
	told := w.told()
	require.Len(t, told, 1)
	require.Contains(t, told[0].Reason, "ledger-down")

	w.proxy.inject(nil)
	d = w.deliver(20)
	require.Empty(t, d.failed)
	w.done(d)
	require.Empty(t, w.told(), "told once")
	require.Len(t, w.incidents("shut#"), 1, "and written down when it could be")
}

// alertDenied: the rule is gone, nobody was told; the next delivery tells.
func alertDenied(t *testing.T) {
	w := enter(t, nil)
	record, _ := w.authorize("ingress", ssh)
	w.proxy.inject(func(c call, rw http.ResponseWriter) bool {
		if !is(c, "sns", "Publish") {
			return false
		}
		rw.Header().Set("Content-Type", "text/xml")
		rw.WriteHeader(http.StatusForbidden)
		_, _ = rw.Write([]byte(`<ErrorResponse xmlns="http://sns.amazonaws.com/doc/2010-03-31/"><Error><Type>Sender</Type><Code>AuthorizationError</Code><Message>not authorized</Message></Error><RequestId>` + c.requestID + `</RequestId></ErrorResponse>`))
		return true
	})
	w.put(record)
	d := w.deliver(5)
	require.Len(t, d.failed, 1)
	w.done(d)
	require.Equal(t, onlyEgress, w.texts(), "what was taken back stays so")
	require.Empty(t, w.told())
	require.Len(t, w.incidents("open#"), 1)

	w.proxy.inject(nil)
	d = w.deliver(20)
	require.Empty(t, d.failed)
	w.done(d)
	told := w.told()
	require.Len(t, told, 1)
	require.Equal(t, "reverted", told[0].Outcome)
	require.Empty(t, w.incidents("open#"))
}

// killed: guard dies between the revoke and the alert. The next delivery
// finds the open incident and tells it, once.
func killed(t *testing.T) {
	w := enter(t, nil)
	record, _ := w.authorize("ingress", ssh)
	guard := w.guard
	w.proxy.inject(func(c call, _ http.ResponseWriter) bool {
		if !is(c, "sns", "Publish") {
			return false
		}
		_ = guard.Kill()
		return true
	})
	w.put(record)
	d := w.deliver(5)
	require.ErrorIs(t, d.lost, runtimeapi.ErrExited)
	showCalls(w.proxy.take())
	require.Equal(t, onlyEgress, w.texts(), "it was taken back")
	require.Empty(t, w.told(), "and nobody heard of it")
	require.Len(t, w.incidents("open#"), 1)

	w.proxy.inject(nil)
	w.start()
	w.endLease()
	again, err := w.guard.Invoke(t.Context(), sqsEvent(d.messages))
	require.NoError(t, err)
	require.JSONEq(t, `{"batchItemFailures":[]}`, string(again.Payload))
	showCalls(w.proxy.take())
	told := w.told()
	require.Len(t, told, 1)
	require.Equal(t, "reverted", told[0].Outcome)
	require.Len(t, w.incidents("shut#"), 1)
	require.Empty(t, w.incidents("open#"))
}

func badBundle(t *testing.T) {
	w := enter(t, map[string]string{"SGWARDEN_POLICIES_DIGEST": strings.Repeat("0", 64)})
	record, _ := w.authorize("ingress", ssh)
	fineOne, _ := w.authorize("ingress", permission{protocol: "tcp", from: 443, to: 443, v4: []string{"10.0.0.0/8"}})
	w.put(record, fineOne)
	d := w.deliver(5)
	require.Len(t, d.failed, 2, "nothing is acknowledged")
	require.Zero(t, count(w.done(d), "ec2", ""))
	w.start() // another container
	a, err := w.guard.Invoke(t.Context(), sqsEvent(d.messages))
	require.NoError(t, err)
	require.NotEqual(t, `{"batchItemFailures":[]}`, string(a.Payload))
	_, raw := w.invoke(event(record))
	require.True(t, raw.Failed())
	require.Contains(t, w.texts(), sshText)
	require.Len(t, w.told(), 1, "one alert for all of them")
}

func badSettings(t *testing.T) {
	w := enter(t, nil)
	guard, err := runtimeapi.Start(stage.guard.bootstrap, runtimeapi.Function{Env: map[string]string{
		"SGWARDEN_MODE": "on", "SGWARDEN_TOPIC": w.topic, "SGWARDEN_QUEUE_URL": w.queue, "SGWARDEN_TABLE": "",
	}})
	require.NoError(t, err)
	t.Cleanup(func() { _ = guard.Close() })
	require.ErrorIs(t, guard.WaitReady(t.Context()), runtimeapi.ErrExited)
	require.NotZero(t, guard.ExitCode())
	for _, name := range []string{"SGWARDEN_MODE", "SGWARDEN_TOPIC:", "SGWARDEN_TOPIC_ARN", "SGWARDEN_TABLE"} {
		require.Contains(t, guard.Logs(), name, "all faults at once")
	}
	say("refused %s", strings.ReplaceAll(strings.TrimSpace(guard.Logs()), "\n", "; "))
}
