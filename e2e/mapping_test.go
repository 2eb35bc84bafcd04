//go:build e2e

package e2e

import (
	"encoding/json"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/sqs"
	sqstypes "github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/stretchr/testify/require"

	"github.com/sgwarden/sgwarden/internal/runtimeapi"
)

// delivery is what one poll of the event source mapping led to.
type delivery struct {
	messages []sqstypes.Message
	failed   []string // message ids
	answer   runtimeapi.Answer
	lost     error // the function ended without an answer
}

// receive polls the queue as the event source mapping does, and waits at most
// wait seconds for a message.
func (w *world) receive(wait int32) []sqstypes.Message {
	w.Helper()
	var all []sqstypes.Message
	for len(all) < 10 {
		out, err := w.sqs().ReceiveMessage(w.Context(), &sqs.ReceiveMessageInput{
			QueueUrl: &w.queue, MaxNumberOfMessages: 10, WaitTimeSeconds: wait,
			MessageSystemAttributeNames: []sqstypes.MessageSystemAttributeName{sqstypes.MessageSystemAttributeNameAll},
		})
		require.NoError(w, err)
		if len(out.Messages) == 0 {
			return all
		}
		all, wait = append(all, out.Messages...), 0
	}
	return all
}

// deliver carries what is in the queue to guard, and deletes what guard does
// not name as failed: functions that answer with an error keep everything.
func (w *world) deliver(wait int32) delivery {
	w.Helper()
	messages := w.receive(wait)
	require.NotEmpty(w, messages, "nothing came to the queue")
	return w.hand(messages)
}

// hand gives messages to guard, and deletes what it does not name as failed.
func (w *world) hand(messages []sqstypes.Message) delivery {
	w.Helper()
	d := delivery{messages: messages}
	d.answer, d.lost = w.guard.Invoke(w.Context(), sqsEvent(d.messages))
	if d.lost != nil || d.answer.Failed() {
		for _, m := range d.messages {
			d.failed = append(d.failed, *m.MessageId)
		}
		return d
	}
	var answer struct {
		BatchItemFailures []struct{ ItemIdentifier string } `json:"batchItemFailures"`
	}
	require.NoError(w, json.Unmarshal(d.answer.Payload, &answer), "answer: %s", d.answer.Payload)
	require.NotNil(w, answer.BatchItemFailures, "answer without a list: %s", d.answer.Payload)
	for _, f := range answer.BatchItemFailures {
		d.failed = append(d.failed, f.ItemIdentifier)
	}
	for _, m := range d.messages {
		if !slices.Contains(d.failed, *m.MessageId) {
			_, err := w.sqs().DeleteMessage(w.Context(), &sqs.DeleteMessageInput{QueueUrl: &w.queue, ReceiptHandle: m.ReceiptHandle})
			require.NoError(w, err)
		}
	}
	return d
}

// sqsEvent is the payload that Lambda makes of messages (with-sqs).
func sqsEvent(messages []sqstypes.Message) []byte {
	var records []object
	for _, m := range messages {
		records = append(records, object{
			"messageId": *m.MessageId, "receiptHandle": *m.ReceiptHandle, "body": *m.Body, "attributes": m.Attributes,
			"messageAttributes": object{}, "md5OfBody": *m.MD5OfBody, "eventSource": "aws:sqs",
			"eventSourceARN": "arn:aws:sqs:" + region + ":" + account + ":changes", "awsRegion": region,
		})
	}
	text, _ := json.Marshal(object{"Records": records}) // made of strings
	return text
}

// decisions are guard's log lines about rules and events: one per decision.
func (w *world) decisions() []string {
	var lines []string
	for line := range strings.Lines(w.guard.Logs()) {
		if strings.Contains(line, `"outcome"`) {
			lines = append(lines, strings.TrimSpace(line))
		}
	}
	return lines
}
