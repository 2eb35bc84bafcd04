package guard

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/lambdacontext"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sgwarden/sgwarden/internal/incident"
	"github.com/sgwarden/sgwarden/internal/warden"
)

// fakeJudge decides by the body: "again" is to be retried, anything else is
// compliant; "none" gets no decision at all.
type fakeJudge struct{ seen []warden.Delivery }

func (f *fakeJudge) Judge(_ context.Context, deliveries []warden.Delivery) []warden.Decision {
	f.seen = append(f.seen, deliveries...)
	var all []warden.Decision
	for _, d := range deliveries {
		switch {
		case strings.Contains(string(d.Body), "again"):
			all = append(all, warden.Decision{
				DeliveryID: d.ID, EventID: "e-1", GroupID: "sg-1", Outcome: incident.NotReverted, Reason: "swallowed", IncidentID: "i-1", Retry: true,
				Rules: []warden.RuleDecision{{ID: "sgr-1", Outcome: incident.NotReverted}},
			})
		case strings.Contains(string(d.Body), "none"):
		default:
			all = append(all, warden.Decision{
				DeliveryID: d.ID, EventID: "e-2", GroupID: "sg-2", Outcome: incident.Reverted, IncidentID: "i-2",
				Rules: []warden.RuleDecision{{ID: "sgr-2", Outcome: incident.Reverted}},
			})
		}
	}
	return all
}

type fakeQueue struct {
	mu   sync.Mutex
	puts map[string]int
	err  error
}

func (f *fakeQueue) PutOff(_ context.Context, handle string, deliveries int) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.puts == nil {
		f.puts = map[string]int{}
	}
	f.puts[handle] = deliveries
	return f.err
}

const arn = "arn:aws:lambda:eu-west-1:111122223333:function:guard"

func invocation(arn string) context.Context {
	return lambdacontext.NewContext(context.Background(), &lambdacontext.LambdaContext{AwsRequestID: "r-1", InvokedFunctionArn: arn})
}

var handlerTime = time.Date(2026, 3, 2, 9, 9, 3, 0, time.UTC)

type rig struct {
	*Handler
	judge  *fakeJudge
	queue  *fakeQueue
	logs   *bytes.Buffer
	meters *bytes.Buffer
	made   []string
	alerts int
}

func newRig(fault error) *rig {
	r := &rig{judge: &fakeJudge{}, queue: &fakeQueue{}, logs: &bytes.Buffer{}, meters: &bytes.Buffer{}}
	logger := NewLogger(r.logs, "INFO")
	r.Handler = &Handler{logger: logger, meter: meter{out: r.meters, clock: func() time.Time { return handlerTime }, logger: logger}, make: func(own identity) (*tools, error) {
		r.made = append(r.made, own.accountID+" "+own.region)
		t := &tools{judge: r.judge, queue: r.queue}
		if fault != nil {
			t.judge, t.fault = nil, fault
			t.complain = func(context.Context) error { r.alerts++; return nil }
		}
		return t, nil
	}}
	return r
}

func batch(bodies ...string) []byte {
	var records []map[string]any
	for i, b := range bodies {
		id := string(rune('a' + i))
		records = append(records, map[string]any{
			"messageId": id, "receiptHandle": "h" + id, "body": b, "eventSource": "aws:sqs",
			"attributes": map[string]string{"ApproximateReceiveCount": "3"},
		})
	}
	text, err := json.Marshal(map[string]any{"Records": records})
	if err != nil {
		panic(err)
	}
	return text
}

func TestBatchFailsInParts(t *testing.T) {
	r := newRig(nil)
	out, err := r.Invoke(invocation(arn), batch("fine", "again", "none", "fine"))
	require.NoError(t, err)
	require.JSONEq(t, `{"batchItemFailures":[{"itemIdentifier":"b"},{"itemIdentifier":"c"}]}`, string(out), "what was not judged fails too")
	require.Equal(t, map[string]int{"hb": 3, "hc": 3}, r.queue.puts)
	require.Equal(t, []string{"111122223333 eu-west-1"}, r.made)
	require.Equal(t, warden.Delivery{ID: "b", Body: []byte("again"), ReceiveCount: 3}, r.judge.seen[1])

	_, err = r.Invoke(invocation(arn), batch("fine"))
	require.NoError(t, err)
	require.Len(t, r.made, 1, "tools are made once")
}

func TestBatchThatIsFineNamesNothing(t *testing.T) {
	r := newRig(nil)
	for _, payload := range [][]byte{batch("fine"), []byte(`{"Records":[]}`)} {
		out, err := r.Invoke(invocation(arn), payload)
		require.NoError(t, err)
		require.JSONEq(t, `{"batchItemFailures":[]}`, string(out))
	}
	require.Empty(t, r.queue.puts)
}

func TestPutOffMayFail(t *testing.T) {
	r := newRig(nil)
	r.queue.err = errors.New("no such message")
	out, err := r.Invoke(invocation(arn), batch("again"))
	require.NoError(t, err)
	require.JSONEq(t, `{"batchItemFailures":[{"itemIdentifier":"a"}]}`, string(out))
	require.Contains(t, r.logs.String(), `"requestId":"r-1"`)
	require.Contains(t, r.logs.String(), "no such message")
}

func TestEventAnswersItsOutcomes(t *testing.T) {
	r := newRig(nil)
	event := `{"detail-type":"AWS API Call via CloudTrail","detail":{}}`
	out, err := r.Invoke(invocation(arn), []byte(event))
	require.NoError(t, err)
	require.JSONEq(t, `{"outcomes":[{"eventId":"e-2","groupId":"sg-2","outcome":"reverted","reason":"","incidentId":"i-2","rules":[{"id":"sgr-2","outcome":"reverted"}]}]}`, string(out))
	require.Equal(t, []warden.Delivery{{Body: []byte(event), ReceiveCount: 1}}, r.judge.seen)
}

func TestEventFailsAsAWhole(t *testing.T) {
	r := newRig(nil)
	_, err := r.Invoke(invocation(arn), []byte(`{"detail-type":"again"}`))
	require.EqualError(t, err, `judge event "e-1", group "sg-1": not-reverted: swallowed`)
	_, err = r.Invoke(invocation(arn), []byte(`{"detail-type":"none"}`))
	require.ErrorContains(t, err, "no decision")
}

func TestPayloadsThatAreNeither(t *testing.T) {
	for name, payload := range map[string]string{
		"empty": "", "spaces": " \n", "null": "null", "array": "[]", "number": "7", "text": `"x"`, "no JSON": "{", "truncated": `{"Records":[{"messageId":"a"`,
		"object": "{}", "other object": `{"detail":{}}`, "both": `{"Records":[],"detail-type":"x"}`,
		"records of no list": `{"Records":{"messageId":"a"}}`, "records of a log file": `{"Records":[{"eventName":"RunInstances"}]}`,
		"records of numbers": `{"Records":[1]}`, "null record": `{"Records":[null]}`, "body of a number": `{"Records":[{"messageId":"a","body":1}]}`,
		"deep": strings.Repeat("[", 20000), "deep records": `{"Records":` + strings.Repeat("[", 20000), "invalid UTF-8": "{\"Rec\xffords\":[]}",
		"6 MB": `{"x":"` + strings.Repeat("a", 6<<20) + `"}`,
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(nil)
			out, err := r.Invoke(invocation(arn), []byte(payload))
			require.ErrorContains(t, err, "read the payload: ")
			require.Less(t, len(err.Error()), 500, "the error does not repeat the payload")
			require.Nil(t, out)
			require.Empty(t, r.judge.seen)
			_, err = r.Invoke(invocation(arn), batch("fine"))
			require.NoError(t, err, "the next one works")
		})
	}
}

func TestOwnAccountComesFromTheARN(t *testing.T) {
	for _, bad := range []string{"guard", "arn:aws:lambda:eu-west-1::function:guard", "arn:aws:s3:::bucket:a:b", "arn:aws:lambda::111122223333:function:guard"} {
		r := newRig(nil)
		_, err := r.Invoke(invocation(bad), batch("fine"))
		require.ErrorContains(t, err, "find the own account")
		require.Empty(t, r.made)
	}
	for arn, want := range map[string]string{
		"arn:aws-us-gov:lambda:us-gov-west-1:111122223333:function:guard:live": "111122223333 us-gov-west-1",
		"": " ", // no ARN: the settings tell, see New
	} {
		r := newRig(nil)
		_, err := r.Invoke(invocation(arn), batch("fine"))
		require.NoError(t, err)
		require.Equal(t, []string{want}, r.made)
	}
}

func TestLeaseIsAsLongAsTheFunctionMayRun(t *testing.T) {
	own, err := self(invocation(arn))
	require.NoError(t, err)
	require.Equal(t, time.Minute, own.timeout)
	ctx, cancel := context.WithTimeout(invocation(arn), time.Hour)
	defer cancel()
	own, err = self(ctx)
	require.NoError(t, err)
	require.Greater(t, own.timeout, 30*time.Minute)
	cancel()
	ended, cancel := context.WithTimeout(invocation(arn), -time.Minute)
	defer cancel()
	own, err = self(ended)
	require.NoError(t, err)
	require.Equal(t, time.Second, own.timeout, "never none")
}

func TestToolsThatCannotBeMadeAreTriedAgain(t *testing.T) {
	r := newRig(nil)
	broken := r.Handler.make
	r.Handler.make = func(identity) (*tools, error) { return nil, errors.New("no clients") }
	_, err := r.Invoke(invocation(arn), batch("fine"))
	require.EqualError(t, err, "no clients")
	r.Handler.make = broken
	_, err = r.Invoke(invocation(arn), batch("fine"))
	require.NoError(t, err)
}

func TestWithoutPoliciesEverythingFails(t *testing.T) {
	r := newRig(errors.New("bundle is of another digest"))
	out, err := r.Invoke(invocation(arn), batch("fine", "again", "fine"))
	require.NoError(t, err)
	require.JSONEq(t, `{"batchItemFailures":[{"itemIdentifier":"a"},{"itemIdentifier":"b"},{"itemIdentifier":"c"}]}`, string(out))
	require.Len(t, r.queue.puts, 3)
	_, err = r.Invoke(invocation(arn), []byte(`{"detail-type":"x"}`))
	require.ErrorContains(t, err, "another digest")
	require.Equal(t, 2, r.alerts)
	require.Contains(t, r.logs.String(), "another digest")
}

func FuzzInvoke(f *testing.F) {
	f.Add(batch("fine", "again"))
	f.Add([]byte(`{"detail-type":"AWS API Call via CloudTrail","detail":{}}`))
	f.Add([]byte(`{"Records":[{"messageId":"a","attributes":{"ApproximateReceiveCount":7}}]}`))
	f.Fuzz(func(t *testing.T, payload []byte) {
		out, err := newRig(nil).Invoke(invocation(arn), payload)
		if err == nil {
			assert.True(t, json.Valid(out), "%s", out)
		} else {
			assert.Nil(t, out)
		}
	})
}
