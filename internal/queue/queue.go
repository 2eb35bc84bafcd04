package queue

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/smithy-go"

	"github.com/sgwarden/sgwarden/internal/incident"
)

const (
	// MaxDelay is the longest that SQS holds a message back (DelaySeconds,
	// API reference SendMessage).
	MaxDelay = 15 * time.Minute
	// FirstRetry is the wait before the second delivery of a failed message;
	// it doubles with every delivery, up to MaxRetry.
	FirstRetry = 5 * time.Second
	// MaxRetry keeps what waits for a repair from being asked for too often.
	MaxRetry = 15 * time.Minute
)

// Client is what of *sqs.Client is used.
type Client interface {
	SendMessage(context.Context, *sqs.SendMessageInput, ...func(*sqs.Options)) (*sqs.SendMessageOutput, error)
	ChangeMessageVisibility(context.Context, *sqs.ChangeMessageVisibilityInput, ...func(*sqs.Options)) (*sqs.ChangeMessageVisibilityOutput, error)
}

// Queue is one SQS queue.
type Queue struct {
	client Client
	url    string
}

// New makes the queue with that URL. It calls nothing.
func New(client Client, url string) *Queue { return &Queue{client: client, url: url} }

// judge is a Judge Group message: a contract (README, "guard's input").
type judge struct {
	Source     string      `json:"source"`
	DetailType string      `json:"detail-type"`
	Detail     judgeDetail `json:"detail"`
}

type judgeDetail struct {
	GroupID    string `json:"groupId"`
	Cause      string `json:"cause"`
	IncidentID string `json:"incidentId,omitempty"`
}

// JudgeAgain sends a Judge Group message that is delivered after delay, in
// whole seconds, rounded up. incidentID may be empty. A delay below zero or
// over MaxDelay is an error that wraps incident.ErrInvalid: a longer wait
// must stand in an incident. Calls sqs:SendMessage once.
func (q *Queue) JudgeAgain(ctx context.Context, groupID, cause, incidentID string, delay time.Duration) error {
	if delay < 0 || delay > MaxDelay {
		return fmt.Errorf("judge %s again after %s: not within 0s and %s: %w", groupID, delay, MaxDelay, incident.ErrInvalid)
	}
	body, err := json.Marshal(judge{"sgwarden", "Judge Group", judgeDetail{groupID, cause, incidentID}})
	if err != nil {
		return fmt.Errorf("judge %s again: %w", groupID, err)
	}
	text := string(body)
	_, err = q.client.SendMessage(ctx, &sqs.SendMessageInput{
		QueueUrl: &q.url, MessageBody: &text, DelaySeconds: int32(math.Ceil(delay.Seconds())),
	})
	if err != nil {
		return fmt.Errorf("judge %s again: %w", groupID, translate(err))
	}
	return nil
}

// RetryAfter is how long a message waits that failed at its n-th delivery
// (from 1; less counts as 1).
func RetryAfter(deliveries int) time.Duration {
	wait := FirstRetry
	for range deliveries - 1 {
		if wait *= 2; wait >= MaxRetry {
			return MaxRetry
		}
	}
	return wait
}

// PutOff makes a received message visible again after RetryAfter(deliveries),
// instead of after the queue's visibility timeout. Calls
// sqs:ChangeMessageVisibility once.
func (q *Queue) PutOff(ctx context.Context, receiptHandle string, deliveries int) error {
	_, err := q.client.ChangeMessageVisibility(ctx, &sqs.ChangeMessageVisibilityInput{
		QueueUrl: &q.url, ReceiptHandle: &receiptHandle, VisibilityTimeout: int32(RetryAfter(deliveries).Seconds()),
	})
	if err != nil {
		return fmt.Errorf("put a message off: %w", translate(err))
	}
	return nil
}

// translate puts an error of package incident under what SQS said.
func translate(err error) error {
	var api smithy.APIError
	if errors.As(err, &api) {
		switch api.ErrorCode() {
		case "AccessDenied", "AccessDeniedException", "AWS.SimpleQueueService.NonExistentQueue", "QueueDoesNotExist":
			return fmt.Errorf("%w: %w", incident.ErrDenied, err)
		case "RequestThrottled", "ThrottlingException", "Throttling":
			return fmt.Errorf("%w: %w", incident.ErrThrottled, err)
		case "InvalidParameterValue", "ReceiptHandleIsInvalid", "MessageNotInflight":
			return fmt.Errorf("%w: %w", incident.ErrInvalid, err)
		}
	}
	return fmt.Errorf("%w: %w", incident.ErrUnavailable, err)
}
