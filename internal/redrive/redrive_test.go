package redrive

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/aws/smithy-go"
	"github.com/stretchr/testify/require"
)

// service has one queue of dead letters, and one that they go to.
type service struct {
	t       *testing.T
	dead    []string // bodies that can be received
	taken   map[string]bool
	sent    []string
	refuses map[string]error // sends, by body
	keeps   map[string]error // deletes, likewise
	empty   int              // receives that give nothing first
	calls   []string
	down    error // of receives and counts
}

func (s *service) GetQueueAttributes(_ context.Context, in *sqs.GetQueueAttributesInput, _ ...func(*sqs.Options)) (*sqs.GetQueueAttributesOutput, error) {
	require.Equal(s.t, "dead", *in.QueueUrl)
	return &sqs.GetQueueAttributesOutput{Attributes: map[string]string{
		"ApproximateNumberOfMessages": strconv.Itoa(len(s.dead)), "ApproximateNumberOfMessagesNotVisible": strconv.Itoa(len(s.taken)),
	}}, s.down
}

func (s *service) ReceiveMessage(_ context.Context, in *sqs.ReceiveMessageInput, _ ...func(*sqs.Options)) (*sqs.ReceiveMessageOutput, error) {
	require.Equal(s.t, "dead", *in.QueueUrl)
	s.calls = append(s.calls, fmt.Sprintf("receive %d for %ds", in.MaxNumberOfMessages, in.VisibilityTimeout))
	if s.down != nil {
		return nil, s.down
	}
	if s.empty > 0 {
		s.empty--
		return &sqs.ReceiveMessageOutput{}, nil
	}
	out := &sqs.ReceiveMessageOutput{}
	for range min(int(in.MaxNumberOfMessages), len(s.dead)) {
		body := s.dead[0]
		s.dead, s.taken[body] = s.dead[1:], true
		out.Messages = append(out.Messages, types.Message{MessageId: aws.String("id-" + body), Body: &body, ReceiptHandle: &body})
	}
	return out, nil
}

func (s *service) SendMessage(_ context.Context, in *sqs.SendMessageInput, _ ...func(*sqs.Options)) (*sqs.SendMessageOutput, error) {
	require.Equal(s.t, "changes", *in.QueueUrl)
	s.calls = append(s.calls, "send "+*in.MessageBody)
	if err := s.refuses[*in.MessageBody]; err != nil {
		return nil, err
	}
	s.sent = append(s.sent, *in.MessageBody)
	return &sqs.SendMessageOutput{}, nil
}

func (s *service) DeleteMessage(ctx context.Context, in *sqs.DeleteMessageInput, _ ...func(*sqs.Options)) (*sqs.DeleteMessageOutput, error) {
	require.Equal(s.t, "dead", *in.QueueUrl)
	require.Contains(s.t, s.sent, *in.ReceiptHandle, "nothing is deleted that was not sent")
	s.calls = append(s.calls, "delete "+*in.ReceiptHandle)
	if err := errors.Join(ctx.Err(), s.keeps[*in.ReceiptHandle]); err != nil {
		return nil, err
	}
	delete(s.taken, *in.ReceiptHandle)
	return &sqs.DeleteMessageOutput{}, nil
}

// holding gives a service with n messages, and who moves them.
func holding(t *testing.T, n int) (*service, *Mover) {
	s := &service{t: t, taken: map[string]bool{}, refuses: map[string]error{}, keeps: map[string]error{}}
	for i := range n {
		s.dead = append(s.dead, strconv.Itoa(i))
	}
	return s, &Mover{Client: s, To: "changes", Gap: 100 * time.Millisecond, Sleep: func(_ context.Context, d time.Duration) error {
		s.calls = append(s.calls, "wait "+d.String())
		return nil
	}}
}

func TestMove(t *testing.T) {
	s, m := holding(t, 3)
	tally, err := m.Move(t.Context(), "dead", 2)
	require.NoError(t, err)
	require.Equal(t, Tally{Moved: 2}, tally)
	require.Equal(t, []string{"receive 2 for 61s", "send 0", "delete 0", "wait 100ms", "send 1", "delete 1"}, s.calls, "one by one, no more than the limit")
	require.Equal(t, []string{"2"}, s.dead)

	s.calls = nil
	tally, err = m.Move(t.Context(), "dead", 1)
	require.NoError(t, err)
	require.Equal(t, Tally{Moved: 1}, tally)
	require.Equal(t, []string{"receive 1 for 61s", "wait 100ms", "send 2", "delete 2"}, s.calls, "the rate holds for both queues together")

	s.calls = nil
	tally, err = m.Move(t.Context(), "dead", 0)
	require.NoError(t, err)
	require.Empty(t, tally)
	require.Empty(t, s.calls)
}

func TestMoveTakesBatches(t *testing.T) {
	s, m := holding(t, 34)
	s.empty = 2
	tally, err := m.Move(t.Context(), "dead", 23)
	require.NoError(t, err)
	require.Equal(t, Tally{Moved: 23}, tally)
	require.Len(t, s.sent, 23)
	require.Len(t, s.dead, 11)
	require.Empty(t, s.taken)
	var receives []string
	for _, c := range s.calls {
		if c[0] == 'r' {
			receives = append(receives, c)
		}
	}
	require.Equal(t, []string{"receive 10 for 61s", "receive 10 for 61s", "receive 10 for 61s", "receive 10 for 61s", "receive 3 for 61s"}, receives)

	tally, err = m.Move(t.Context(), "dead", 100)
	require.NoError(t, err)
	require.Equal(t, Tally{Moved: 11}, tally, "it ends when there is no more")
}

func TestWhatIsNotSentStays(t *testing.T) {
	bad := &smithy.GenericAPIError{Code: "InvalidMessageContents", Message: "no"}
	s, m := holding(t, 3)
	s.refuses["1"] = bad
	tally, err := m.Move(t.Context(), "dead", 3)
	require.NoError(t, err, "one message keeps no other")
	require.Equal(t, []string{"0", "2"}, s.sent)
	require.Equal(t, map[string]bool{"1": true}, s.taken)
	require.Equal(t, 2, tally.Moved)
	require.Equal(t, 1, tally.Failed)
	require.ErrorIs(t, tally.Why, bad)
	require.ErrorContains(t, tally.Why, "send message id-1")

	for code, mayNot := range map[string]bool{"AccessDenied": true, "AccessDeniedException": true, "AWS.SimpleQueueService.NonExistentQueue": false} {
		s, m = holding(t, 3)
		s.refuses["1"] = &smithy.GenericAPIError{Code: code}
		tally, err = m.Move(t.Context(), "dead", 3)
		require.ErrorIs(t, err, s.refuses["1"])
		require.Equal(t, mayNot, errors.Is(err, ErrMayNotSend), code)
		require.Equal(t, Tally{Moved: 1}, tally)
		require.Equal(t, map[string]bool{"1": true, "2": true}, s.taken)
	}
}

func TestMoveEnds(t *testing.T) {
	fault := errors.New("fault")
	s, m := holding(t, 3)
	s.keeps["1"] = fault
	tally, err := m.Move(t.Context(), "dead", 3)
	require.ErrorIs(t, err, fault)
	require.ErrorContains(t, err, "delete message id-1 from dead, which was sent and is in both now")
	require.Equal(t, Tally{Moved: 2}, tally)
	require.Equal(t, []string{"0", "1"}, s.sent)

	s, m = holding(t, 3)
	s.down = fault
	_, err = m.Move(t.Context(), "dead", 3)
	require.ErrorIs(t, err, fault)
	_, err = m.Count(t.Context(), "dead")
	require.ErrorIs(t, err, fault)

	// Interrupted between two messages: what was sent is deleted.
	s, m = holding(t, 3)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	m.Sleep = func(ctx context.Context, _ time.Duration) error { return ctx.Err() }
	tally, err = m.Move(ctx, "dead", 3)
	require.ErrorIs(t, err, context.Canceled)
	require.Equal(t, Tally{Moved: 1}, tally)
	require.Equal(t, []string{"0"}, s.sent)
	require.Equal(t, map[string]bool{"1": true, "2": true}, s.taken)
}

func TestCount(t *testing.T) {
	s, m := holding(t, 3)
	s.taken["x"] = true
	h, err := m.Count(t.Context(), "dead")
	require.NoError(t, err)
	require.Equal(t, Held{Waiting: 3, Taken: 1}, h)
}
