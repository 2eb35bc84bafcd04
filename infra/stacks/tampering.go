package stacks

import (
	"strings"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsevents"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/jsii-runtime-go"

	"github.com/sgwarden/sgwarden/events"
)

// tampering is one kind of call that switches sgwarden off, or a part of it.
type tampering struct {
	id      string // of the rule, and a heading in the runbook under Tampering
	service string // as its event source has it
	calls   []string
	// names are what the record names; each entry is a path and what may stand
	// there, and all must match. nil = any call counts.
	names map[string]any
}

// tamperings are the calls that the stack tells of. The records name lambda's
// calls with the version of its API (CloudTrail's Lambda reference).
func (a *account) tamperings(roles ...awsiam.Role) []tampering {
	name := *a.stack.StackName()
	of := func(parts ...any) map[string]any { return map[string]any{"requestParameters": nested(parts...)} }
	table := []any{a.table.TableName(), a.table.TableArn()}
	var roleNames []any
	for _, r := range roles {
		roleNames = append(roleNames, r.RoleName())
	}
	queues := []any{a.queues.changes.QueueUrl(), a.queues.failed.QueueUrl(), a.queues.undelivered.QueueUrl()}
	topics := []any{prefix(*a.topic.TopicArn()), prefix(*a.alarmTopic.TopicArn())}
	return []tampering{
		{"TrailTampered", "cloudtrail", []string{"DeleteTrail", "PutEventSelectors", "StopLogging", "UpdateTrail"}, nil},
		{"RuleTampered", "events", []string{"DeleteRule", "DisableRule", "PutRule"}, of("name", []any{prefix(name + "-")})},
		{"TargetsTampered", "events", []string{"PutTargets", "RemoveTargets"}, of("rule", []any{prefix(name + "-")})},
		{
			"FunctionTampered", "lambda", []string{
				"AddPermission20150331v2", "DeleteFunction20150331", "PutFunctionConcurrency20171031", "UpdateFunctionCode20150331v2", "UpdateFunctionConfiguration20150331v2",
			}, of("functionName", a.functionsNamed(name)),
		},
		{
			// The request names the mapping alone.
			"MappingTampered", "lambda", []string{"DeleteEventSourceMapping20150331", "UpdateEventSourceMapping20150331"},
			map[string]any{"responseElements": map[string]any{"functionArn": a.functionsNamed(name)}},
		},
		{"SubscriptionTampered", "sns", []string{"SetSubscriptionAttributes", "Unsubscribe"}, of("subscriptionArn", topics)},
		{"TopicTampered", "sns", []string{"DeleteTopic", "RemovePermission", "SetTopicAttributes"}, of("topicArn", topics)},
		{"QueueTampered", "sqs", []string{"DeleteQueue", "PurgeQueue", "SetQueueAttributes"}, of("queueUrl", queues)},
		{"LedgerTampered", "dynamodb", []string{"DeleteTable", "UpdateContinuousBackups", "UpdateTable", "UpdateTimeToLive"}, of("tableName", table)},
		{
			// Only where a trail has data events of the table: writes of items are
			// no management events.
			"ControlsWritten", "dynamodb", []string{"DeleteItem", "PutItem", "UpdateItem"},
			of("tableName", table, "key", map[string]any{"pk": []any{prefix("control#")}}),
		},
		{
			// IAM is recorded in one region of the partition; in others this rule is
			// silent.
			"RoleTampered", "iam", []string{
				"AttachRolePolicy", "DeleteRole", "DeleteRolePolicy", "DetachRolePolicy", "PutRolePermissionsBoundary", "PutRolePolicy", "UpdateAssumeRolePolicy",
			}, of("roleName", roleNames),
		},
	}
}

func prefix(text string) map[string]any { return map[string]any{"prefix": text} }

// nested makes a pattern of names and values in turn.
func nested(parts ...any) map[string]any {
	pattern := map[string]any{}
	for i := 0; i < len(parts); i += 2 {
		pattern[parts[i].(string)] = parts[i+1]
	}
	return pattern
}

// functionsNamed matches the functions of a stack by name, part of an ARN or
// ARN, the forms that Lambda takes.
func (a *account) functionsNamed(stack string) []any {
	arn := a.stack.FormatArn(&awscdk.ArnComponents{
		Service: jsii.String("lambda"), Resource: jsii.String("function"), ResourceName: jsii.String(stack + "-"), ArnFormat: awscdk.ArnFormat_COLON_RESOURCE_NAME,
	})
	return []any{prefix(stack + "-"), prefix(*a.stack.Account() + ":function:" + stack + "-"), prefix(*arn)}
}

// told is what the message says, and where it stands in the event. All of it
// is written by AWS: names, user agents and session names are the attacker's,
// and EventBridge puts them into the text as they are.
var told = map[string]string{
	"call": "$.detail.eventName", "source": "$.detail.eventSource", "time": "$.detail.eventTime", "region": "$.detail.awsRegion",
	"account": "$.account", "event": "$.detail.eventID", "type": "$.detail.userIdentity.type", "key": "$.detail.userIdentity.accessKeyId",
}

// newTamperRules make rules that tell the topic of the alarms straight away,
// past queue and guard: whoever switches those off is told of nonetheless.
func (a *account) newTamperRules(roles ...awsiam.Role) {
	for _, t := range a.tamperings(roles...) {
		detail := map[string]any{"eventSource": []string{t.service + ".amazonaws.com"}, "eventName": t.calls}
		for key, value := range t.names {
			detail[key] = value
		}
		awsevents.NewCfnRule(a.stack, jsii.String(t.id), &awsevents.CfnRuleProps{
			Description:  jsii.String("Calls that switch sgwarden off: " + strings.Join(t.calls, ", ")),
			State:        jsii.String("ENABLED"),
			EventPattern: map[string]any{"source": []string{"aws." + t.service}, "detail-type": []string{events.DetailType}, "detail": detail},
			Targets: []any{&awsevents.CfnRule_TargetProperty{
				Id: jsii.String("Alarms"), Arn: a.alarmTopic.TopicArn(),
				InputTransformer: &awsevents.CfnRule_InputTransformerProperty{
					InputPathsMap: told,
					InputTemplate: jsii.String(`"sgwarden: <call> (<source>) was called on what sgwarden rests on, in account <account>, <region>, at <time>, by a caller of type <type> with key <key>, event <event>. ` +
						`Who, from where and on what: aws cloudtrail lookup-events --region <region> --lookup-attributes AttributeKey=EventId,AttributeValue=<event>. ` +
						`What to do: docs/runbook/alarms.md, ` + t.id + `."`),
				},
			}},
		})
	}
	// Without a condition: a topic's policy may have none for EventBridge, which
	// would publish nothing (EventBridge user guide, "Using resource-based
	// policies", Amazon SNS permissions).
	a.alarmTopic.AddToResourcePolicy(awsiam.NewPolicyStatement(&awsiam.PolicyStatementProps{
		Sid:        jsii.String("Rules"),
		Principals: &[]awsiam.IPrincipal{awsiam.NewServicePrincipal(jsii.String("events.amazonaws.com"), nil)},
		Actions:    jsii.Strings("sns:Publish"),
		Resources:  &[]*string{a.alarmTopic.TopicArn()},
	}))
}
