package alert

import (
	"context"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sns"
	"github.com/aws/smithy-go"

	"github.com/sgwarden/sgwarden/internal/incident"
)

// Caller makes one call of a service that speaks JSON, for which there is no
// client of the SDK. Errors with a code are smithy.APIErrors.
type Caller interface {
	Call(ctx context.Context, operation string, in, out any) error
}

// Operations that sinks call.
const (
	PutEvents           = "PutEvents"
	BatchImportFindings = "BatchImportFindings"
)

// ChatTopic is a topic whose subscriber is Amazon Q Developer in chat
// applications.
type ChatTopic struct {
	client SNS
	arn    string
}

// NewChatTopic makes the sender to the topic of that ARN.
func NewChatTopic(client SNS, arn string) *ChatTopic { return &ChatTopic{client, arn} }

// Name is what the ledger and the logs call it.
func (*ChatTopic) Name() string { return "chat" }

// Tell sends one notification, in one call. Errors are those of Topic.Publish.
func (t *ChatTopic) Tell(ctx context.Context, i incident.Incident) error {
	text, err := Chat(i)
	if err != nil {
		return err
	}
	in := &sns.PublishInput{TopicArn: &t.arn, Message: aws.String(string(text)), MessageAttributes: snsAttributes(attributes(i))}
	if _, err := t.client.Publish(ctx, in); err != nil {
		return fmt.Errorf("tell the chat topic of incident %s: %w: %w", i.ID, kindOf(err), err)
	}
	return nil
}

// SecurityHub is that of guard's own account and region.
type SecurityHub struct {
	caller Caller
	home   Home
	clock  func() time.Time
}

// NewSecurityHub makes the sender of findings.
func NewSecurityHub(caller Caller, home Home, clock func() time.Time) *SecurityHub {
	return &SecurityHub{caller, home, clock}
}

// Name is what the ledger and the logs call it.
func (*SecurityHub) Name() string { return "security-hub" }

// Tell imports the finding of an incident, or brings it up to date. A finding
// that Security Hub lists as failed is an error, although its answer is a
// success. Errors are those of Topic.Publish.
func (h *SecurityHub) Tell(ctx context.Context, i incident.Incident) error {
	in := map[string]any{"Findings": []Finding{FindingOf(i, h.home, h.clock())}}
	var out struct {
		FailedCount    int
		FailedFindings []struct{ ErrorCode, ErrorMessage string }
	}
	err := h.caller.Call(ctx, BatchImportFindings, in, &out)
	if err == nil && out.FailedCount > 0 {
		failed := &smithy.GenericAPIError{Code: "Unknown", Message: "the finding was not imported"}
		if len(out.FailedFindings) > 0 {
			failed.Code, failed.Message = out.FailedFindings[0].ErrorCode, out.FailedFindings[0].ErrorMessage
		}
		err = failed
	}
	if err != nil {
		return fmt.Errorf("tell Security Hub of incident %s: %w: %w", i.ID, kindOf(err), err)
	}
	return nil
}

// Bus is an event bus of EventBridge: the deployment's own, or the hub's.
type Bus struct {
	caller    Caller
	name, arn string
}

// NewBus makes the sender to the bus of that ARN. name is what the ledger and
// the logs call it.
func NewBus(caller Caller, name, arn string) *Bus { return &Bus{caller, name, arn} }

// Name as given to NewBus.
func (b *Bus) Name() string { return b.name }

// Tell puts one event. An entry that EventBridge lists as failed is an error,
// although its answer is a success. Errors are those of Topic.Publish.
func (b *Bus) Tell(ctx context.Context, i incident.Incident) error {
	detail, err := EventDetail(i)
	if err != nil {
		return err
	}
	e := entry{Source: EventSource, DetailType: DetailTypeOf(i.EventType), Detail: string(detail), EventBusName: b.arn}
	if fitARN(i.Resource) {
		e.Resources = []string{i.Resource}
	}
	if err := b.put(ctx, e); err != nil {
		return fmt.Errorf("tell the bus %s of incident %s: %w", b.name, i.ID, err)
	}
	return nil
}

// Report puts the report of a pass over all groups, as Tell does.
func (b *Bus) Report(ctx context.Context, report []byte) error {
	if err := b.put(ctx, entry{Source: EventSource, DetailType: SweepDetailType, Detail: string(report), EventBusName: b.arn}); err != nil {
		return fmt.Errorf("report to the bus %s: %w", b.name, err)
	}
	return nil
}

// entry is one of PutEvents.
type entry struct {
	Source, DetailType, Detail, EventBusName string
	Resources                                []string `json:",omitempty"`
}

func (b *Bus) put(ctx context.Context, e entry) error {
	var out struct {
		FailedEntryCount int
		Entries          []struct{ ErrorCode, ErrorMessage string }
	}
	err := b.caller.Call(ctx, PutEvents, map[string]any{"Entries": []entry{e}}, &out)
	if err == nil && out.FailedEntryCount > 0 {
		failed := &smithy.GenericAPIError{Code: "Unknown", Message: "the event was not taken"}
		if len(out.Entries) > 0 {
			failed.Code, failed.Message = out.Entries[0].ErrorCode, out.Entries[0].ErrorMessage
		}
		err = failed
	}
	if err != nil {
		return fmt.Errorf("%w: %w", kindOf(err), err)
	}
	return nil
}
