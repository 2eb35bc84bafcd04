package stacks

import (
	"path/filepath"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslambda"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslambdaeventsources"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslogs"
	"github.com/aws/jsii-runtime-go"
)

// maxConcurrency is enough for the five revokes a second that EC2 refills
// (devguide/ec2-api-throttling); more would only be throttled, and take from
// what the account's people may call.
const maxConcurrency = 5

func (a *account) newGuard(s Settings, role awsiam.Role) awslambda.Function {
	logs := awslogs.NewLogGroup(a.stack, jsii.String("GuardLogs"), &awslogs.LogGroupProps{
		Retention:     awslogs.RetentionDays_ONE_YEAR,
		RemovalPolicy: awscdk.RemovalPolicy_RETAIN,
	})
	logs.GrantWrite(role)
	architecture := awslambda.Architecture_ARM_64()
	if s.Architecture == "x86_64" {
		architecture = awslambda.Architecture_X86_64()
	}
	guard := awslambda.NewFunction(a.stack, jsii.String("Guard"), &awslambda.FunctionProps{
		Description:   jsii.String("Judges changes of security groups, takes back what policies refuse"),
		Runtime:       awslambda.Runtime_PROVIDED_AL2023(),
		Architecture:  architecture,
		Handler:       jsii.String("bootstrap"),
		Code:          awslambda.Code_FromAsset(jsii.String(filepath.Join(s.Dist, "guard")), nil),
		MemorySize:    jsii.Number(256),
		Timeout:       awscdk.Duration_Seconds(jsii.Number(guardTimeoutSeconds)),
		Role:          role,
		LogGroup:      logs,
		LoggingFormat: awslambda.LoggingFormat_JSON,
		Tracing:       awslambda.Tracing_ACTIVE,
		Environment: &map[string]*string{
			"SGWARDEN_MODE":            jsii.String(string(s.Mode)),
			"SGWARDEN_TABLE":           a.table.TableName(),
			"SGWARDEN_TOPIC_ARN":       a.topic.TopicArn(),
			"SGWARDEN_QUEUE_URL":       a.queues.changes.QueueUrl(),
			"SGWARDEN_POLICIES_DIGEST": jsii.String(s.policies.digest),
			"SGWARDEN_ROLE_ARN":        role.RoleArn(),
		},
	})
	guard.AddEventSource(awslambdaeventsources.NewSqsEventSource(a.queues.changes, &awslambdaeventsources.SqsEventSourceProps{
		BatchSize:               jsii.Number(10),
		MaxConcurrency:          jsii.Number(maxConcurrency),
		ReportBatchItemFailures: jsii.Bool(true),
	}))
	return guard
}
