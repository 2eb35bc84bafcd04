package stacks

import (
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslambda"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslambdaeventsources"
	"github.com/aws/jsii-runtime-go"
)

func (a *account) newGuard(s Settings, role awsiam.Role) awslambda.Function {
	guard := a.newFunction(s, function{
		id: "Guard", folder: "guard", says: "Judges changes of security groups, takes back what policies refuse",
		timeoutSeconds: guardTimeoutSeconds, memory: 256, environment: a.environment(s, role),
	}, role)
	source := awslambdaeventsources.NewSqsEventSource(a.queues.changes, &awslambdaeventsources.SqsEventSourceProps{
		BatchSize:               jsii.Number(10),
		MaxConcurrency:          jsii.Number(s.Concurrency),
		ReportBatchItemFailures: jsii.Bool(true),
	})
	guard.AddEventSource(source)
	a.trigger = source.EventSourceMappingArn()
	return guard
}

// environment is what the functions that judge are told. guard is its role, by
// which they know its own calls.
func (a *account) environment(s Settings, guard awsiam.Role) map[string]*string {
	env := map[string]*string{
		"SGWARDEN_MODE":            jsii.String(s.Mode.String()),
		"SGWARDEN_TABLE":           a.table.TableName(),
		"SGWARDEN_TOPIC_ARN":       a.topic.TopicArn(),
		"SGWARDEN_QUEUE_URL":       a.queues.changes.QueueUrl(),
		"SGWARDEN_POLICIES_DIGEST": jsii.String(s.policies.digest),
		"SGWARDEN_ROLE_ARN":        guard.RoleArn(),
	}
	if a.canaryGroup != nil {
		env["SGWARDEN_CANARY_GROUP"] = a.canaryGroup.AttrGroupId()
	}
	return env
}
