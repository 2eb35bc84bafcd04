package doctor

import (
	"context"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"

	"github.com/sgwarden/sgwarden/internal/deployment"
)

// checkName asks whether the name of the stack, and of its alarms, is free, or
// is of an earlier deployment of ours.
func checkName(ctx context.Context, x *examination, f *findings) {
	stack, found, err := describeStack(ctx, x.CloudFormation, x.Stack)
	switch {
	case err != nil:
		f.unknown("whether the name "+x.Stack+" is free", err)
	case !found:
		x.checkAlarmNames(ctx, f)
	case stack.StackStatus == types.StackStatusRollbackComplete || stack.StackStatus == types.StackStatusRollbackFailed:
		f.problem("aws cloudformation delete-stack --stack-name "+x.Stack, "stack %s is %s: its first deployment failed, and it cannot be updated", x.Stack, stack.StackStatus)
	case !isOurs(stack):
		f.problem("choose another: make deploy CONTEXT='stack=NAME'", "a stack %s exists, and is not one of sgwarden's", x.Stack)
	case strings.HasSuffix(string(stack.StackStatus), "_IN_PROGRESS"):
		f.warn("wait until it is done", "stack %s is %s", x.Stack, stack.StackStatus)
	default:
		f.ok("stack %s exists (%s): deploying updates it", x.Stack, stack.StackStatus)
	}
}

// checkAlarmNames: alarms have names of their own, and CloudFormation does not
// take over one that exists.
func (x *examination) checkAlarmNames(ctx context.Context, f *findings) {
	prefix := x.Stack + "-"
	out, err := x.CloudWatch.DescribeAlarms(ctx, &cloudwatch.DescribeAlarmsInput{AlarmNamePrefix: &prefix, MaxRecords: aws.Int32(100)})
	switch {
	case err != nil:
		f.unknown("whether alarms named "+prefix+"... exist", err)
	case len(out.MetricAlarms) > 0:
		f.warn("delete them, or choose another name of the stack", "alarm %s exists, and there is no stack %s: a name that the stack takes as well fails its deployment", aws.ToString(out.MetricAlarms[0].AlarmName), x.Stack)
	default:
		f.ok("the name %s is free", x.Stack)
	}
}

func isOurs(s types.Stack) bool {
	var outputs []string
	for _, o := range s.Outputs {
		outputs = append(outputs, aws.ToString(o.OutputKey))
	}
	return !slices.ContainsFunc(deployment.OutputNames(), func(name string) bool { return !slices.Contains(outputs, name) })
}
