package queue

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/smithy-go"
	"github.com/stretchr/testify/require"

	"github.com/sgwarden/sgwarden/internal/incident"
)

var _ Client = (*sqs.Client)(nil)

type fakeClient struct {
	sent []*sqs.SendMessageInput
	put  []*sqs.ChangeMessageVisibilityInput
	err  error
}

func (f *fakeClient) SendMessage(_ context.Context, in *sqs.SendMessageInput, _ ...func(*sqs.Options)) (*sqs.SendMessageOutput, error) {
	f.sent = append(f.sent, in)
	return &sqs.SendMessageOutput{}, f.err
}

func (f *fakeClient) ChangeMessageVisibility(_ context.Context, in *sqs.ChangeMessageVisibilityInput, _ ...func(*sqs.Options)) (*sqs.ChangeMessageVisibilityOutput, error) {
	f.put = append(f.put, in)
	return &sqs.ChangeMessageVisibilityOutput{}, f.err
}

func TestJudgeAgain(t *testing.T) {
	for _, c := range []struct {
		name, incidentID, body string
		delay                  time.Duration
		seconds                int32
	}{
		{"at once", "", `{"source":"sgwarden","detail-type":"Judge Group","detail":{"groupId":"sg-0123456789abcdef0","cause":"retry"}}`, 0, 0},
		{"rounded up", "i-1", `{"source":"sgwarden","detail-type":"Judge Group","detail":{"groupId":"sg-0123456789abcdef0","cause":"retry","incidentId":"i-1"}}`, 1500 * time.Millisecond, 2},
		{"longest", "", `{"source":"sgwarden","detail-type":"Judge Group","detail":{"groupId":"sg-0123456789abcdef0","cause":"retry"}}`, 15 * time.Minute, 900},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := &fakeClient{}
			require.NoError(t, New(f, "http://queue").JudgeAgain(t.Context(), "sg-0123456789abcdef0", "retry", c.incidentID, c.delay))
			require.Len(t, f.sent, 1)
			require.Equal(t, "http://queue", *f.sent[0].QueueUrl)
			require.Equal(t, c.seconds, f.sent[0].DelaySeconds)
			require.JSONEq(t, c.body, *f.sent[0].MessageBody)
		})
	}
}

func TestJudgeAgainRefusesWhatSQSWouldRefuse(t *testing.T) {
	for _, delay := range []time.Duration{-time.Second, 15*time.Minute + time.Nanosecond} {
		f := &fakeClient{}
		require.ErrorIs(t, New(f, "u").JudgeAgain(t.Context(), "sg-1", "after", "", delay), incident.ErrInvalid)
		require.Empty(t, f.sent)
	}
}

func TestRetryAfterDoublesFromFiveSeconds(t *testing.T) {
	for n, want := range map[int]time.Duration{
		-1: 5 * time.Second, 0: 5 * time.Second, 1: 5 * time.Second, 2: 10 * time.Second, 3: 20 * time.Second, 8: 640 * time.Second,
		9: 15 * time.Minute, 10: 15 * time.Minute, 1 << 40: 15 * time.Minute,
	} {
		require.Equal(t, want, RetryAfter(n), n)
	}
}

func TestPutOff(t *testing.T) {
	f := &fakeClient{}
	require.NoError(t, New(f, "u").PutOff(t.Context(), "handle", 3))
	require.Equal(t, "handle", *f.put[0].ReceiptHandle)
	require.Equal(t, int32(20), f.put[0].VisibilityTimeout)
}

func TestErrorsAreTranslated(t *testing.T) {
	for _, c := range []struct {
		name string
		err  error
		want error
	}{
		{"denied", &smithy.GenericAPIError{Code: "AccessDenied"}, incident.ErrDenied},
		{"no queue", &smithy.GenericAPIError{Code: "AWS.SimpleQueueService.NonExistentQueue"}, incident.ErrDenied},
		{"throttled", &smithy.GenericAPIError{Code: "RequestThrottled"}, incident.ErrThrottled},
		{"gone handle", &smithy.GenericAPIError{Code: "ReceiptHandleIsInvalid"}, incident.ErrInvalid},
		{"5xx", &smithy.GenericAPIError{Code: "InternalFailure"}, incident.ErrUnavailable},
		{"connection", errors.New("reset by peer"), incident.ErrUnavailable},
	} {
		t.Run(c.name, func(t *testing.T) {
			q := New(&fakeClient{err: c.err}, "u")
			for _, err := range []error{q.JudgeAgain(t.Context(), "sg-1", "retry", "", 0), q.PutOff(t.Context(), "h", 1)} {
				require.ErrorIs(t, err, c.want)
				require.ErrorIs(t, err, c.err)
			}
		})
	}
}
