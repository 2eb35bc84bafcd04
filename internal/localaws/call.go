package localaws

import (
	"net/url"
	"slices"

	"github.com/sgwarden/sgwarden/internal/localec2"
)

// Service is one of AWS, by the name that signatures have.
type Service string

// The services that there are.
const (
	EC2      Service = "ec2"
	STS      Service = "sts"
	DynamoDB Service = "dynamodb"
	SNS      Service = "sns"
	SQS      Service = "sqs"
	// EventBridge and SecurityHub take what optional sinks send.
	EventBridge Service = "events"
	SecurityHub Service = "securityhub"
)

// Call is one request, in the order of arrival.
type Call struct {
	Service           Service
	Operation         string // "RevokeSecurityGroupIngress"; "" = the request named none
	Changes           bool   // the operation is one that changes something
	AccountID, Region string
	AccessKeyID       string
	Params            url.Values // of EC2, STS and SNS; nil of others
	Body              []byte     // JSON, of DynamoDB, SQS, EventBridge and Security Hub; nil of others
	RequestID         string
	// Status and ErrorCode are those of the answer: 200 and "" for a success,
	// 0 while it is under way or where no answer was sent.
	Status    int
	ErrorCode string
}

// String is "SERVICE.OPERATION".
func (c Call) String() string { return string(c.Service) + "." + c.Operation }

// Interceptor looks at every call before it runs, and may disturb it. It runs
// in the call's own goroutine with no lock held: it may change anything, to
// play a race.
type Interceptor func(Call) localec2.Disturbance

// Disturb replaces the interceptor; nil = nothing is disturbed any more.
func (a *AWS) Disturb(i Interceptor) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.intercept = i
}

// Calls are all calls since the last Forget, refused ones too.
func (a *AWS) Calls() []Call {
	a.mu.Lock()
	defer a.mu.Unlock()
	return slices.Clone(a.calls)
}

// Forget empties the list of calls.
func (a *AWS) Forget() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.calls = nil
	a.ec2.Forget()
}

// begin lists a call and gives its place.
func (a *AWS) begin(c Call) int {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.calls = append(a.calls, c)
	return len(a.calls) - 1
}

// end notes how a call was answered.
func (a *AWS) end(at int, c Call) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if at < len(a.calls) && a.calls[at].RequestID == c.RequestID {
		a.calls[at] = c
	}
}

func (a *AWS) interceptor() Interceptor {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.intercept
}
