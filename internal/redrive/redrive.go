// Package redrive moves messages from a queue of dead letters back into the
// queue that they were for.
package redrive

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/aws/smithy-go"
)

// Client is what of *sqs.Client is used.
type Client interface {
	GetQueueAttributes(context.Context, *sqs.GetQueueAttributesInput, ...func(*sqs.Options)) (*sqs.GetQueueAttributesOutput, error)
	ReceiveMessage(context.Context, *sqs.ReceiveMessageInput, ...func(*sqs.Options)) (*sqs.ReceiveMessageOutput, error)
	SendMessage(context.Context, *sqs.SendMessageInput, ...func(*sqs.Options)) (*sqs.SendMessageOutput, error)
	DeleteMessage(context.Context, *sqs.DeleteMessageInput, ...func(*sqs.Options)) (*sqs.DeleteMessageOutput, error)
}

const (
	batch = 10 // the most that SQS gives at once (API reference, ReceiveMessage)
	// emptyReceives in a row say that a queue is empty: SQS may give nothing
	// though there is something.
	emptyReceives = 3
)

// ErrMayNotSend says that the caller may not send to the queue.
var ErrMayNotSend = errors.New("not allowed to send")

// Held is what a queue holds, as SQS counts it: about right.
type Held struct {
	Waiting int
	Taken   int // given to somebody, and neither deleted nor back yet
}

// Tally counts what became of messages.
type Tally struct {
	Moved  int
	Failed int   // tries to send that SQS refused for the message's sake; they stay where they were
	Why    error // of the first that failed; nil = none
}

// Mover moves messages to one queue.
type Mover struct {
	Client Client
	To     string // URL
	// Gap is the least time between two sends.
	Gap time.Duration
	// Sleep waits, or returns the error of an ended context.
	Sleep func(context.Context, time.Duration) error

	sent bool // anything yet
}

// Count asks how much a queue holds. Calls sqs:GetQueueAttributes once.
func (m *Mover) Count(ctx context.Context, url string) (h Held, err error) {
	out, err := m.Client.GetQueueAttributes(ctx, &sqs.GetQueueAttributesInput{QueueUrl: &url, AttributeNames: []types.QueueAttributeName{
		types.QueueAttributeNameApproximateNumberOfMessages, types.QueueAttributeNameApproximateNumberOfMessagesNotVisible,
	}})
	if err != nil {
		return Held{}, fmt.Errorf("count the messages of %s: %w", url, err)
	}
	for name, into := range map[types.QueueAttributeName]*int{
		types.QueueAttributeNameApproximateNumberOfMessages: &h.Waiting, types.QueueAttributeNameApproximateNumberOfMessagesNotVisible: &h.Taken,
	} {
		if *into, err = strconv.Atoi(out.Attributes[string(name)]); err != nil {
			return Held{}, fmt.Errorf("count the messages of %s: read %s: %w", url, name, err)
		}
	}
	return h, nil
}

// Move moves up to limit messages from a queue: each is received, sent, and
// deleted only after that. It ends when the queue is empty too. Whatever ends it
// before is the error, with the tally up to there: a message that was received
// and not sent is back in its queue after a while, one that was sent and could
// not be deleted is in both. The error wraps ErrMayNotSend where it is that.
func (m *Mover) Move(ctx context.Context, from string, limit int) (t Tally, err error) {
	for empty := 0; t.Moved+t.Failed < limit && empty < emptyReceives; {
		out, err := m.Client.ReceiveMessage(ctx, &sqs.ReceiveMessageInput{
			QueueUrl: &from, MaxNumberOfMessages: int32(min(batch, limit-t.Moved-t.Failed)), WaitTimeSeconds: 1,
			VisibilityTimeout: int32((batch*m.Gap + time.Minute).Seconds()), // so that nobody gets one before it is sent
		})
		if err != nil {
			return t, fmt.Errorf("receive from %s: %w", from, err)
		}
		if empty++; len(out.Messages) > 0 {
			empty = 0
		}
		for _, one := range out.Messages {
			if err := m.move(ctx, from, one, &t); err != nil {
				return t, err
			}
		}
	}
	return t, nil
}

func (m *Mover) move(ctx context.Context, from string, one types.Message, t *Tally) error {
	if m.sent {
		if err := m.Sleep(ctx, m.Gap); err != nil {
			return err
		}
	}
	m.sent = true
	_, err := m.Client.SendMessage(ctx, &sqs.SendMessageInput{QueueUrl: &m.To, MessageBody: one.Body})
	var refused smithy.APIError
	switch {
	case err == nil:
	case errors.As(err, &refused) && (refused.ErrorCode() == "InvalidMessageContents" || refused.ErrorCode() == "InvalidParameterValue"):
		if t.Failed++; t.Why == nil {
			t.Why = fmt.Errorf("send message %s: %w", aws.ToString(one.MessageId), err)
		}
		return nil
	case errors.As(err, &refused) && (refused.ErrorCode() == "AccessDenied" || refused.ErrorCode() == "AccessDeniedException"):
		return fmt.Errorf("send to %s: %w: %w", m.To, ErrMayNotSend, err)
	default:
		return fmt.Errorf("send to %s: %w", m.To, err)
	}
	t.Moved++
	// What was sent is deleted though nobody waits for it any more.
	if _, err := m.Client.DeleteMessage(context.WithoutCancel(ctx), &sqs.DeleteMessageInput{QueueUrl: &from, ReceiptHandle: one.ReceiptHandle}); err != nil {
		return fmt.Errorf("delete message %s from %s, which was sent and is in both now: %w", aws.ToString(one.MessageId), from, err)
	}
	return nil
}
