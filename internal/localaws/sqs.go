package localaws

import (
	"bytes"
	"crypto/md5" //nolint:gosec // SQS answers with it, and the SDK compares
	"encoding/hex"
	"encoding/json"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/sgwarden/sgwarden/internal/localec2/query"
)

// Limits of the queue (API reference, SendMessage and ChangeMessageVisibility,
// read 2026-11).
const (
	maxQueueMessage = 1 << 20
	maxDelay        = 900
	maxVisibility   = 43_200
)

func (a *AWS) sqs(c Call) result {
	run := map[string]func(Call) (any, *query.Fault){"SendMessage": a.sendMessage, "ChangeMessageVisibility": a.changeVisibility}[c.Operation]
	if run == nil {
		return failure(c, *query.Refuse("UnknownOperationException", "%s is not supported here", c.Operation))
	}
	out, fault := run(c)
	if fault != nil {
		res := failure(c, *fault)
		// The code of the older protocol, which the SDK prefers.
		if fault.Code == noQueue.Code {
			res.header = map[string]string{"X-Amzn-Query-Error": "AWS.SimpleQueueService.NonExistentQueue;Sender"}
		}
		return res
	}
	return result{status: 200, body: encode(out)}
}

var noQueue = query.Fault{Status: 400, Code: "QueueDoesNotExist", Message: "The specified queue does not exist."}

// read reads a request to the queue. An unknown parameter is refused.
func (a *AWS) read(c Call, in any, url *string) *query.Fault {
	d := json.NewDecoder(bytes.NewReader(c.Body))
	d.DisallowUnknownFields()
	if err := d.Decode(in); err != nil {
		return query.Refuse("InvalidParameterValue", "%s", strings.TrimPrefix(err.Error(), "json: "))
	}
	if *url != a.QueueURL() || !a.isHome(c) {
		return &noQueue
	}
	return nil
}

func (a *AWS) sendMessage(c Call) (any, *query.Fault) {
	var in struct {
		QueueUrl, MessageBody string //nolint:revive // SQS's own names
		DelaySeconds          int
	}
	if fault := a.read(c, &in, &in.QueueUrl); fault != nil {
		return nil, fault
	}
	switch {
	case in.MessageBody == "":
		return nil, query.Refuse("MissingParameter", "The request must contain the parameter MessageBody.")
	case len(in.MessageBody) > maxQueueMessage:
		return nil, query.Refuse("InvalidParameterValue", "One or more parameters are invalid. Reason: Message must be shorter than %d bytes.", maxQueueMessage)
	case !utf8.ValidString(in.MessageBody):
		return nil, query.Refuse("InvalidMessageContents", "Invalid characters found in the message body.")
	case in.DelaySeconds < 0 || in.DelaySeconds > maxDelay:
		return nil, query.Refuse("InvalidParameterValue", "Value %d for parameter DelaySeconds is invalid. Reason: DelaySeconds must be >= 0 and <= 900.", in.DelaySeconds)
	}
	id := a.queue.Send(in.MessageBody, time.Duration(in.DelaySeconds)*time.Second)
	sum := md5.Sum([]byte(in.MessageBody)) //nolint:gosec // as above
	return map[string]string{"MessageId": id, "MD5OfMessageBody": hex.EncodeToString(sum[:])}, nil
}

func (a *AWS) changeVisibility(c Call) (any, *query.Fault) {
	var in struct {
		QueueUrl, ReceiptHandle string //nolint:revive // SQS's own names
		VisibilityTimeout       int
	}
	if fault := a.read(c, &in, &in.QueueUrl); fault != nil {
		return nil, fault
	}
	if in.VisibilityTimeout < 0 || in.VisibilityTimeout > maxVisibility {
		return nil, query.Refuse("InvalidParameterValue", "Value %d for parameter VisibilityTimeout is invalid. Reason: VisibilityTimeout must be an integer between 0 and 43200.", in.VisibilityTimeout)
	}
	if err := a.queue.changeVisibility(in.ReceiptHandle, time.Duration(in.VisibilityTimeout)*time.Second); err != nil {
		return nil, query.Refuse("ReceiptHandleIsInvalid", "The input receipt handle is invalid: %s", err)
	}
	return map[string]string{}, nil
}
