package stacks

import (
	"strings"

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
func (a *account) tamperings(f functions, roles ...awsiam.Role) []tampering {
	rules := []any{prefix(*a.ruleName(""))} // a rule cannot name itself; alarms are called alike
	functions := a.formsOf(f)
	of := func(parts ...any) map[string]any { return map[string]any{"requestParameters": nested(parts...)} }
	table := []any{a.table.TableName(), a.table.TableArn()}
	var roleNames []any
	for _, r := range roles {
		roleNames = append(roleNames, r.RoleName())
	}
	queues := []any{a.queues.changes.QueueUrl(), a.queues.failed.QueueUrl(), a.queues.undelivered.QueueUrl()}
	topics := []any{prefix(*a.topic.TopicArn()), prefix(*a.alarmTopic.TopicArn())}
	if a.sinks.chat != nil {
		topics = append(topics, prefix(*a.sinks.chat))
	}
	all := []tampering{
		{"TrailTampered", "cloudtrail", []string{"DeleteTrail", "PutEventSelectors", "StopLogging", "UpdateTrail"}, nil},
		{"RuleTampered", "events", []string{"DeleteRule", "DisableRule", "PutRule"}, of("name", rules)},
		{"TargetsTampered", "events", []string{"PutTargets", "RemoveTargets"}, of("rule", rules)},
		{
			"FunctionTampered", "lambda", []string{
				"AddPermission20150331v2", "DeleteFunction20150331", "PutFunctionConcurrency20171031", "RemovePermission20150331v2", "UpdateFunctionCode20150331v2", "UpdateFunctionConfiguration20150331v2",
			}, of("functionName", functions),
		},
		{
			// The request names the mapping alone.
			"MappingTampered", "lambda", []string{"DeleteEventSourceMapping20150331", "UpdateEventSourceMapping20150331"},
			map[string]any{"responseElements": map[string]any{"functionArn": functions}},
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
		// CloudWatch's calls are recorded as those of monitoring.
		{"AlarmTampered", "monitoring", []string{"DeleteAlarms", "DisableAlarmActions"}, of("alarmNames", rules)},
	}
	if a.key != nil {
		// Of a key in another account the records are there.
		all = append(all, tampering{
			"KeyTampered", "kms", []string{"DisableKey", "PutKeyPolicy", "RevokeGrant", "ScheduleKeyDeletion"}, of("keyId", []any{*a.key, a.keyID}),
		})
	}
	return all
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

// ruleName gives a rule a name that does not depend on what the stack is called
// where it is deployed (StackSets choose that themselves).
func (a *account) ruleName(id string) *string { return jsii.String(*a.stack.StackName() + "-" + id) }

// formsOf matches the functions by name, part of an ARN or ARN, the forms that
// Lambda takes, with or without a qualifier.
func (a *account) formsOf(f functions) (forms []any) {
	for _, one := range f.all() {
		name := *one.FunctionName()
		forms = append(forms, prefix(name), prefix(*a.stack.Account()+":function:"+name), prefix(*one.FunctionArn()))
	}
	return forms
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
func (a *account) newTamperRules(f functions, roles ...awsiam.Role) {
	for _, t := range a.tamperings(f, roles...) {
		detail := map[string]any{"eventSource": []string{t.service + ".amazonaws.com"}, "eventName": t.calls}
		for key, value := range t.names {
			detail[key] = value
		}
		awsevents.NewCfnRule(a.stack, jsii.String(t.id), &awsevents.CfnRuleProps{
			Name:         a.ruleName(t.id),
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
