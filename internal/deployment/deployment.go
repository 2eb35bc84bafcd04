// Package deployment finds what a stack of sgwarden made, by the stack's
// outputs.
package deployment

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"github.com/aws/smithy-go"
)

// DefaultStack is the name that a stack has if nobody gave it another.
const DefaultStack = "Sgwarden"

// Outputs of the stack, by name. infra writes them, a test there holds the two
// together.
const (
	outputTable       = "TableName"
	outputTopic       = "TopicArn"
	outputAlarmTopic  = "AlarmTopicArn"
	outputQueue       = "QueueUrl"
	outputFailed      = "FailedUrl"
	outputUndelivered = "UndeliveredUrl"
	outputGuard       = "GuardName"
	outputSweep       = "SweepName"
	outputMode        = "Mode"
)

// OutputNames are all outputs that a stack must have.
func OutputNames() []string {
	return []string{outputAlarmTopic, outputFailed, outputGuard, outputMode, outputQueue, outputSweep, outputTable, outputTopic, outputUndelivered}
}

// Deployment is one stack. No field is empty.
type Deployment struct {
	Stack          string
	Table          string // name of the ledger's table
	TopicARN       string // of the alerts
	AlarmTopicARN  string
	QueueURL       string // of the changes
	FailedURL      string // of what guard failed too often
	UndeliveredURL string // of what EventBridge could not deliver
	Guard          string // name of the function
	Sweep          string // likewise
	Mode           string // observe, enforce
}

// CloudFormation is what Find needs of *cloudformation.Client.
type CloudFormation interface {
	DescribeStacks(ctx context.Context, in *cloudformation.DescribeStacksInput, opts ...func(*cloudformation.Options)) (*cloudformation.DescribeStacksOutput, error)
}

// ErrNoStack says that there is no stack of that name in the account and
// region of the client.
var ErrNoStack = errors.New("there is no such stack in this account and region")

// Find reads the outputs of a stack, by one call. Errors: ErrNoStack; the stack
// is not one of sgwarden's, or of another version; the call failed.
func Find(ctx context.Context, client CloudFormation, stack string) (Deployment, error) {
	out, err := client.DescribeStacks(ctx, &cloudformation.DescribeStacksInput{StackName: &stack})
	var refused smithy.APIError
	switch {
	case errors.As(err, &refused) && refused.ErrorCode() == "ValidationError" && strings.Contains(refused.ErrorMessage(), "does not exist"):
		return Deployment{}, fmt.Errorf("find stack %s: %w", stack, ErrNoStack)
	case err != nil:
		return Deployment{}, fmt.Errorf("find stack %s: %w", stack, err)
	case len(out.Stacks) != 1:
		return Deployment{}, fmt.Errorf("find stack %s: %w", stack, ErrNoStack)
	}
	return read(stack, out.Stacks[0])
}

func read(name string, s types.Stack) (Deployment, error) {
	outputs := map[string]string{}
	for _, o := range s.Outputs {
		if o.OutputKey != nil && o.OutputValue != nil {
			outputs[*o.OutputKey] = *o.OutputValue
		}
	}
	var missing []string
	for _, key := range OutputNames() {
		if outputs[key] == "" {
			missing = append(missing, key)
		}
	}
	if len(missing) > 0 {
		return Deployment{}, fmt.Errorf("find stack %s: it is %s and has no output %s: not a stack of sgwarden, or of another version", name, s.StackStatus, strings.Join(missing, ", "))
	}
	return Deployment{
		Stack: name, Table: outputs[outputTable], TopicARN: outputs[outputTopic], AlarmTopicARN: outputs[outputAlarmTopic], QueueURL: outputs[outputQueue],
		FailedURL: outputs[outputFailed], UndeliveredURL: outputs[outputUndelivered], Guard: outputs[outputGuard], Sweep: outputs[outputSweep], Mode: outputs[outputMode],
	}, nil
}
