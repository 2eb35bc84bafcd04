package stacks

import (
	"maps"
	"slices"
	"strings"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslambda"
	"github.com/aws/jsii-runtime-go"

	"github.com/sgwarden/sgwarden/internal/doctor"
	"github.com/sgwarden/sgwarden/internal/ledger"
)

// newPeoplePolicies makes two managed policies for the roles of people, which
// the stack has none of: a reader looks at incidents, exemptions, the groups and
// the state of the deployment (sgwarden doctor); an operator writes the controls,
// and nothing else of the ledger, sends test alerts, turns guard's trigger off and
// on (sgwarden pause --hard), takes dead letters, and reads what those commands
// read, but does not examine the deployment. Only where redriver names a role may
// it put dead letters back into the queue (sgwarden redrive); "" = nobody may.
// Neither may touch a security group.
func (a *account) newPeoplePolicies(redriver string, functions ...awslambda.Function) (reader, operator awsiam.ManagedPolicy) {
	statement := func(sid string, resources []*string, conditions *map[string]any, actions ...string) awsiam.PolicyStatement {
		return awsiam.NewPolicyStatement(&awsiam.PolicyStatementProps{
			Sid: jsii.String(sid), Actions: jsii.Strings(actions...), Resources: &resources, Conditions: conditions,
		})
	}
	table, all := []*string{a.table.TableArn()}, *jsii.Strings("*")
	readLedger := func() awsiam.PolicyStatement {
		return statement("ReadLedger", table, nil, slices.Compact(slices.Sorted(slices.Values(append(ledger.ReadPermissions(), ledger.ArchivePermissions()...))))...)
	}
	// Whether there is a hard pause. Lambda takes neither resource nor condition.
	findTrigger := func() awsiam.PolicyStatement {
		return statement("FindTrigger", all, nil, "lambda:ListEventSourceMappings")
	}
	reads := []awsiam.PolicyStatement{
		readLedger(),
		// What is to be adopted is listed with the groups as they are. EC2 takes no
		// resource for reads.
		statement("ReadGroups", all, nil, "ec2:DescribeSecurityGroupRules"),
		findTrigger(),
	}
	for _, on := range slices.Sorted(maps.Keys(doctor.Permissions())) {
		reads = append(reads, statement("Examine"+sidOf(on), a.examined(on, functions), nil, doctor.Permissions()[on]...))
	}
	writes := []awsiam.PolicyStatement{
		readLedger(), findTrigger(),
		statement("FindStack", all, nil, "cloudformation:DescribeStacks"),
		// What is to be put back is compared with the groups and lists as they are.
		statement("ReadGroups", all, nil, "ec2:DescribeManagedPrefixLists", "ec2:DescribeSecurityGroupRules", "ec2:DescribeSecurityGroups", "ec2:GetManagedPrefixListEntries"),
		statement("CountMessages", a.examined(doctor.OnQueues, functions), nil, doctor.Permissions()[doctor.OnQueues]...),
		statement("WriteControls", table, leadingKeys(ledger.OperatorKeys()), ledger.OperatorPermissions()...),
		statement("TestAlert", []*string{a.topic.TopicArn()}, nil, doctor.TestAlertPermissions()...),
		// The condition keeps the mapping from being led to another function.
		statement("TurnTrigger", []*string{a.trigger}, &map[string]any{"ArnEquals": map[string]any{"lambda:FunctionArn": functions[0].FunctionArn()}}, "lambda:GetEventSourceMapping", "lambda:UpdateEventSourceMapping"),
		statement("TakeDeadLetters", []*string{a.queues.failed.QueueArn(), a.queues.undelivered.QueueArn()}, nil, "sqs:DeleteMessage", "sqs:ReceiveMessage"),
	}
	if redriver != "" { // the queue's own policy lets no other role send
		writes = append(writes, statement("PutBack", []*string{a.queues.changes.QueueArn()}, nil, "sqs:SendMessage"))
	}
	reads = append(reads, a.keyStatements(keyUse{decrypt: []string{viaTable}})...)
	writes = append(writes, a.keyStatements(keyUse{decrypt: []string{viaTable, viaTopic, viaQueue}, encrypt: []string{viaTopic, viaQueue}})...)
	// The descriptions stay as they are: with another one CloudFormation makes
	// another policy, and cannot remove the old one while a role has it.
	reader = awsiam.NewManagedPolicy(a.stack, jsii.String("Reader"), &awsiam.ManagedPolicyProps{
		Description: jsii.String("Reads the incidents and exemptions of sgwarden and the groups, and asks how it does"), Statements: &reads,
	})
	operator = awsiam.NewManagedPolicy(a.stack, jsii.String("Operator"), &awsiam.ManagedPolicyProps{
		Description: jsii.String("Exempts, adopts, pauses, resumes and redrives, and tests alerts; for roles that have the policy of readers too"), Statements: &writes,
	})
	for _, p := range []awsiam.ManagedPolicy{reader, operator} {
		p.ApplyRemovalPolicy(awscdk.RemovalPolicy_DESTROY)
	}
	return reader, operator
}

// examined are the parts of the stack that an examination asks about.
func (a *account) examined(on doctor.On, functions []awslambda.Function) []*string {
	var arns []*string
	switch on {
	case doctor.OnStack:
		arns = append(arns, a.stack.StackId())
	case doctor.OnTable:
		arns = append(arns, a.table.TableArn())
	case doctor.OnQueues:
		arns = append(arns, a.queues.changes.QueueArn(), a.queues.failed.QueueArn(), a.queues.undelivered.QueueArn())
	case doctor.OnTopics:
		arns = append(arns, a.topic.TopicArn(), a.alarmTopic.TopicArn())
		if a.sinks.chat != nil {
			arns = append(arns, a.sinks.chat)
		}
	case doctor.OnFunctions:
		for _, f := range functions {
			arns = append(arns, f.FunctionArn())
		}
	case doctor.OnRoles:
		arns = append(arns, functions[0].Role().RoleArn()) // the guard's: whose rights are asked for
	case doctor.OnAll:
		arns = append(arns, jsii.String("*"))
	}
	return arns
}

// sidOf makes Queues of "queues", and All of "*".
func sidOf(on doctor.On) string {
	if on == doctor.OnAll {
		return "All"
	}
	return strings.ToUpper(string(on[:1])) + string(on[1:])
}
