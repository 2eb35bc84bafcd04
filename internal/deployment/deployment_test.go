package deployment

import (
	"context"
	"errors"
	"reflect"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"github.com/aws/smithy-go"
	"github.com/stretchr/testify/require"
)

type fake struct {
	asked string
	out   *cloudformation.DescribeStacksOutput
	err   error
}

func (f *fake) DescribeStacks(_ context.Context, in *cloudformation.DescribeStacksInput, _ ...func(*cloudformation.Options)) (*cloudformation.DescribeStacksOutput, error) {
	f.asked = *in.StackName
	return f.out, f.err
}

func stackOf(outputs ...string) *cloudformation.DescribeStacksOutput {
	s := types.Stack{StackStatus: types.StackStatusUpdateComplete, Outputs: []types.Output{{}}}
	for _, name := range outputs {
		value := "the " + name
		s.Outputs = append(s.Outputs, types.Output{OutputKey: &name, OutputValue: &value})
	}
	return &cloudformation.DescribeStacksOutput{Stacks: []types.Stack{s}}
}

func TestFind(t *testing.T) {
	f := &fake{out: stackOf(OutputNames()...)}
	d, err := Find(t.Context(), f, "Warden-2")
	require.NoError(t, err)
	require.Equal(t, "Warden-2", f.asked)
	require.Equal(t, "the TableName", d.Table)
	require.Equal(t, "the QueueUrl", d.QueueURL)
	v := reflect.ValueOf(d)
	for i := range v.NumField() {
		require.NotEmpty(t, v.Field(i).String(), v.Type().Field(i).Name)
	}
	require.Equal(t, v.NumField(), len(OutputNames())+1)
}

func TestFindFails(t *testing.T) {
	_, err := Find(t.Context(), &fake{err: &smithy.GenericAPIError{Code: "ValidationError", Message: "Stack with id Sgwarden does not exist"}}, DefaultStack)
	require.ErrorIs(t, err, ErrNoStack)
	require.ErrorContains(t, err, "find stack Sgwarden")

	_, err = Find(t.Context(), &fake{out: &cloudformation.DescribeStacksOutput{}}, DefaultStack)
	require.ErrorIs(t, err, ErrNoStack)

	denied := errors.New("denied")
	_, err = Find(t.Context(), &fake{err: denied}, DefaultStack)
	require.ErrorIs(t, err, denied)
	require.NotErrorIs(t, err, ErrNoStack)

	_, err = Find(t.Context(), &fake{err: &smithy.GenericAPIError{Code: "ValidationError", Message: "StackName must match"}}, DefaultStack)
	require.NotErrorIs(t, err, ErrNoStack)

	_, err = Find(t.Context(), &fake{out: stackOf("TableName", "Mode")}, DefaultStack)
	require.ErrorContains(t, err, "it is UPDATE_COMPLETE and has no output AlarmTopicArn, FailedUrl, GuardName, QueueUrl, SweepName, TopicArn, UndeliveredUrl: not a stack of sgwarden")
}
