package alert

import (
	"context"
	"errors"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sns"
	"github.com/aws/aws-sdk-go-v2/service/sns/types"
	"github.com/aws/smithy-go"

	"github.com/sgwarden/sgwarden/internal/incident"
)

// SNS is what a Topic needs of *sns.Client.
type SNS interface {
	Publish(ctx context.Context, in *sns.PublishInput, opts ...func(*sns.Options)) (*sns.PublishOutput, error)
}

// Permissions are the actions that a Topic calls, on its topic.
func Permissions() []string { return []string{"sns:Publish"} }

// Topic sends incidents to the subscribers of one SNS topic.
type Topic struct {
	client SNS
	arn    string
}

// NewTopic makes the sender to the topic of that ARN.
func NewTopic(client SNS, arn string) *Topic { return &Topic{client: client, arn: arn} }

// Publish sends one message, in one call. Its errors wrap ErrDenied, ErrGone
// (no such topic), ErrThrottled, ErrInvalid or ErrUnavailable of package
// incident; only without an error was it sent.
func (t *Topic) Publish(ctx context.Context, i incident.Incident) error {
	m, err := Render(i)
	if err != nil {
		return err
	}
	if err := t.Send(ctx, m); err != nil {
		return fmt.Errorf("publish incident %s: %w", i.ID, err)
	}
	return nil
}

// Send sends a message as Publish does.
func (t *Topic) Send(ctx context.Context, m Message) error {
	whole, err := m.SNS()
	if err != nil {
		return err
	}
	in := &sns.PublishInput{
		TopicArn: &t.arn, Subject: &m.Subject, Message: aws.String(string(whole)), MessageStructure: aws.String("json"),
		MessageAttributes: snsAttributes(m.Attributes),
	}
	if _, err := t.client.Publish(ctx, in); err != nil {
		return fmt.Errorf("%w: %w", kindOf(err), err)
	}
	return nil
}

func snsAttributes(attributes map[string]Attribute) map[string]types.MessageAttributeValue {
	all := map[string]types.MessageAttributeValue{}
	for name, a := range attributes {
		all[name] = types.MessageAttributeValue{DataType: aws.String(a.Type), StringValue: aws.String(a.Value)}
	}
	return all
}

// kinds are the error codes of SNS, EventBridge and Security Hub (API
// references, Publish, PutEvents with its entries, BatchImportFindings with its
// failed findings, and common errors, read 2026-11). What is not listed may
// pass.
var kinds = map[string]error{
	"AuthorizationError":          incident.ErrDenied,
	"AuthorizationErrorException": incident.ErrDenied,
	"AccessDenied":                incident.ErrDenied,
	"AccessDeniedException":       incident.ErrDenied,
	"InvalidClientTokenId":        incident.ErrDenied,
	"SignatureDoesNotMatch":       incident.ErrDenied,
	"MissingAuthenticationToken":  incident.ErrDenied,
	"InvalidSecurity":             incident.ErrDenied,
	"KMSAccessDenied":             incident.ErrDenied,
	"KMSAccessDeniedException":    incident.ErrDenied,
	"KMSDisabled":                 incident.ErrDenied,
	"KMSNotFound":                 incident.ErrDenied,
	"KMSOptInRequired":            incident.ErrDenied,
	"NotFound":                    incident.ErrGone,
	"NotFoundException":           incident.ErrGone,
	"Throttled":                   incident.ErrThrottled,
	"ThrottledException":          incident.ErrThrottled,
	"Throttling":                  incident.ErrThrottled,
	"ThrottlingException":         incident.ErrThrottled,
	"RequestLimitExceeded":        incident.ErrThrottled,
	"KMSThrottling":               incident.ErrThrottled,
	"InvalidParameter":            incident.ErrInvalid,
	"InvalidParameterException":   incident.ErrInvalid,
	"InvalidParameterValue":       incident.ErrInvalid,
	"ParameterValueInvalid":       incident.ErrInvalid,
	"ValidationException":         incident.ErrInvalid,
	"ValidationError":             incident.ErrInvalid,

	"InvalidAccess":                       incident.ErrDenied, // Security Hub is not enabled
	"InvalidAccessException":              incident.ErrDenied,
	"UnrecognizedClientException":         incident.ErrDenied,
	"OptInRequired":                       incident.ErrDenied,
	"InvalidAccountIdException":           incident.ErrDenied,
	"NotAuthorizedForSourceException":     incident.ErrDenied,
	"NotAuthorizedForDetailTypeException": incident.ErrDenied,
	"ResourceNotFoundException":           incident.ErrGone,
	"LimitExceededException":              incident.ErrThrottled,
	"InvalidInput":                        incident.ErrInvalid,
	"InvalidInputException":               incident.ErrInvalid,
	"InvalidArgument":                     incident.ErrInvalid,
	"MalformedDetail":                     incident.ErrInvalid,
}

func kindOf(err error) error {
	var api smithy.APIError
	if errors.As(err, &api) {
		if kind, ok := kinds[api.ErrorCode()]; ok {
			return kind
		}
	}
	return incident.ErrUnavailable
}
