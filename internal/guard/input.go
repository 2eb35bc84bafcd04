package guard

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"unicode/utf8"

	"github.com/sgwarden/sgwarden/internal/warden"
)

// message is one record of an SQS event, as far as guard needs it
// (docs.aws.amazon.com/lambda/latest/dg/with-sqs.html).
type message struct {
	MessageID     string `json:"messageId"`
	ReceiptHandle string `json:"receiptHandle"`
	Body          string `json:"body"`
	Attributes    struct {
		ApproximateReceiveCount string `json:"ApproximateReceiveCount"`
	} `json:"attributes"`
}

// receives is how often the message was received, this time included.
func (m message) receives() int {
	n, err := strconv.Atoi(m.Attributes.ApproximateReceiveCount)
	if err != nil || n < 1 {
		return 1
	}
	return n
}

// input is one invocation: a batch of messages, or one event as such.
type input struct {
	messages []message
	event    []byte // nil = a batch
}

func (i input) deliveries() []warden.Delivery {
	if i.event != nil {
		return []warden.Delivery{{Body: i.event, ReceiveCount: 1}}
	}
	all := make([]warden.Delivery, 0, len(i.messages))
	for _, m := range i.messages {
		all = append(all, warden.Delivery{ID: m.MessageID, Body: []byte(m.Body), ReceiveCount: m.receives()})
	}
	return all
}

// readInput tells a batch from an event by their keys. What is neither is an
// error: answering anything else would acknowledge what nobody understood.
// What the bodies and the event hold is not its business.
func readInput(payload []byte) (input, error) {
	if len(bytes.TrimSpace(payload)) == 0 {
		return input{}, errors.New("read the payload: it is empty")
	}
	var keys map[string]json.RawMessage
	if err := json.Unmarshal(payload, &keys); err != nil {
		return input{}, fmt.Errorf("read the payload: want an SQS event or an EventBridge event: %w", err)
	}
	if keys == nil {
		return input{}, errors.New("read the payload: want an SQS event or an EventBridge event: it is null")
	}
	_, batch := keys["Records"]
	_, envelope := keys["detail-type"]
	switch {
	case batch && !envelope:
		return readBatch(keys["Records"])
	case envelope && !batch:
		return input{event: payload}, nil
	case envelope:
		return input{}, errors.New("read the payload: it has both Records and detail-type")
	}
	return input{}, errors.New("read the payload: want an SQS event (Records) or an EventBridge event (detail-type)")
}

func readBatch(records json.RawMessage) (input, error) {
	// encoding/json makes three bytes of each that is no UTF-8, and grows on
	// the way to several times that. One stands for as many as there are.
	if !utf8.Valid(records) {
		records = bytes.ToValidUTF8(records, []byte("?"))
	}
	in := input{messages: []message{}}
	if err := json.Unmarshal(records, &in.messages); err != nil {
		return input{}, fmt.Errorf("read the payload: Records are not those of an SQS event: %w", err)
	}
	for i, m := range in.messages {
		if m.MessageID == "" { // it could not be named in the answer
			return input{}, fmt.Errorf("read the payload: Records[%d] has no messageId: not an SQS event", i)
		}
	}
	return in, nil
}
