package stacks

import (
	"maps"
	"slices"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsdynamodb"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsec2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssns"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"github.com/sgwarden/sgwarden/internal/policy"
)

// account is the stack of one account and region while it is put together.
type account struct {
	stack  awscdk.Stack
	queues queues
	table  awsdynamodb.Table
	topic  awssns.Topic
	sinks  sinks

	key   *string // ARN of the customer's; nil = none
	keyID string

	alarmTopic awssns.Topic
	trigger    *string // ARN of guard's event source mapping
	// canaryVPC and canaryGroup are nil without a canary.
	canaryVPC   awsec2.CfnVPC
	canaryGroup awsec2.CfnSecurityGroup
}

// NewAccount adds the stack of one account and region to scope. Settings come checked from FromContext;
// what the CDK itself refuses, it panics on.
func NewAccount(scope constructs.Construct, s Settings) awscdk.Stack {
	a := &account{stack: awscdk.NewStack(scope, jsii.String(s.Name), &awscdk.StackProps{
		Description: jsii.String("sgwarden: takes back what opens security groups against policy"),
	})}
	a.key, a.keyID = a.keyOf(s.Key), s.Key.ID
	a.queues = a.newQueues()
	a.table = a.newTable()
	a.topic = a.newTopic(s.Alerts)
	a.sinks = a.newSinks(s)
	role := a.newRole(s)
	sweepRole := a.newSweepRole(s)
	roles := []awsiam.Role{role, sweepRole}
	a.newRules(s.Attachments)
	a.queues.close(s.Operator, role, sweepRole)
	if s.Canary {
		a.canaryVPC, a.canaryGroup = a.newCanaryGroup()
	}
	f := functions{guard: a.newGuard(s, role), sweep: a.newSweep(s, sweepRole, role)}
	if s.Canary {
		canaryRole := a.newCanaryRole()
		f.canary, roles = a.newCanary(s, canaryRole), append(roles, canaryRole)
	}
	a.newDashboard(f, a.sinks.any(s), a.newAlarms(f, a.sinks.any(s), s.Alarms))
	a.newTamperRules(f, roles...)
	reader, operator := a.newPeoplePolicies(s.Operator, f.all()...)
	newOutputs(a.stack, map[string]*string{
		"GuardName":      f.guard.FunctionName(),
		"SweepName":      f.sweep.FunctionName(),
		"QueueUrl":       a.queues.changes.QueueUrl(),
		"FailedUrl":      a.queues.failed.QueueUrl(),
		"UndeliveredUrl": a.queues.undelivered.QueueUrl(),
		"TableName":      a.table.TableName(),
		"TopicArn":       a.topic.TopicArn(),
		"AlarmTopicArn":  a.alarmTopic.TopicArn(),
		"ReaderPolicy":   reader.ManagedPolicyArn(),
		"OperatorPolicy": operator.ManagedPolicyArn(),
		"Mode":           jsii.String(s.Mode.String()),
	})
	return a.stack
}

// newOutputs makes outputs in one order: the CDK deploys again what stands in
// another order in the template.
func newOutputs(stack awscdk.Stack, values map[string]*string) {
	for _, name := range slices.Sorted(maps.Keys(values)) {
		awscdk.NewCfnOutput(stack, jsii.String(name), &awscdk.CfnOutputProps{Value: values[name]})
	}
}

// newTable makes the ledger. It outlives the stack: it holds what was taken
// from whom, and which rules stood before.
func (a *account) newTable() awsdynamodb.Table {
	key := func(name string) *awsdynamodb.Attribute {
		return &awsdynamodb.Attribute{Name: jsii.String(name), Type: awsdynamodb.AttributeType_STRING}
	}
	return a.encryptTable(awsdynamodb.NewTable(a.stack, jsii.String("Ledger"), &awsdynamodb.TableProps{
		PartitionKey:        key("pk"),
		SortKey:             key("sk"),
		TimeToLiveAttribute: jsii.String("expires"),
		BillingMode:         awsdynamodb.BillingMode_PAY_PER_REQUEST,
		Encryption:          awsdynamodb.TableEncryption_AWS_MANAGED,
		PointInTimeRecoverySpecification: &awsdynamodb.PointInTimeRecoverySpecification{
			PointInTimeRecoveryEnabled: jsii.Bool(true),
		},
		DeletionProtection: jsii.Bool(true),
		RemovalPolicy:      awscdk.RemovalPolicy_RETAIN,
	}))
}

func (a *account) newTopic(alerts []policy.Subscriber) awssns.Topic {
	topic := a.encryptTopic(awssns.NewTopic(a.stack, jsii.String("Alerts"), &awssns.TopicProps{
		DisplayName: jsii.String("sgwarden"),
		EnforceSSL:  jsii.Bool(true),
	}))
	subscribe(topic, alerts)
	return topic
}
