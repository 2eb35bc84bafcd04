package patient

import (
	"maps"
	"slices"
	"strconv"
	"time"
)

// Resource is one of the stack.
func Resource(kind, logical, physical string) any {
	return Object{"ResourceType": kind, "LogicalResourceId": logical, "PhysicalResourceId": physical, "ResourceStatus": "CREATE_COMPLETE", "LastUpdatedTimestamp": "2026-11-26T09:00:00Z"}
}

// Stack is one with outputs.
func Stack(status string, outputs Object) Object {
	var list []any
	for _, name := range slices.Sorted(maps.Keys(outputs)) {
		list = append(list, Object{"OutputKey": name, "OutputValue": outputs[name]})
	}
	return Object{"Stacks": []any{Object{"StackName": "S", "StackStatus": status, "CreationTime": "2026-11-26T09:00:00Z", "Outputs": list}}}
}

// Outputs are those of the stack.
func (a *Account) Outputs() Object {
	return Object{
		"GuardName": Guard, "SweepName": "Sgwarden-Sweep-1", "QueueUrl": Changes, "FailedUrl": failed, "UndeliveredUrl": undelvd, "TableName": a.Cloud.Table(), "TopicArn": Alerts,
		"AlarmTopicArn": Alarms, "Mode": "observe", "ReaderPolicy": "arn:aws:iam::" + ID + ":policy/reader", "OperatorPolicy": "arn:aws:iam::" + ID + ":policy/operator",
	}
}

// ByName gives each operation's answer by the name that it asks for.
func ByName(key string, answers map[string]any, missing any) func(Object) any {
	return func(in Object) any {
		name, _ := in[key].(string)
		if answer, ok := answers[name]; ok {
			return answer
		}
		return missing
	}
}

// Stacks are the answers to DescribeStacks by name.
func (a *Account) Stacks() map[string]any {
	return map[string]any{"Sgwarden": Stack("UPDATE_COMPLETE", a.Outputs()), "CDKToolkit": Stack("CREATE_COMPLETE", Object{"BootstrapVersion": "29", "BucketName": "b"})}
}

// Alarm is one of the stack.
func Alarm(name, state string) Object {
	return Object{"AlarmName": name, "StateValue": state, "StateReason": "1 datapoint was greater than the threshold", "ActionsEnabled": true, "AlarmActions": []any{Alarms}, "StateUpdatedTimestamp": time.Date(2026, 11, 26, 9, 0, 0, 0, time.UTC)}
}

// Function is a function that can run, with its environment.
func Function(environment Object) Object {
	return Object{"FunctionName": "f", "State": "Active", "LastUpdateStatus": "Successful", "Role": "arn:aws:iam::" + ID + ":role/guard", "Environment": Object{"Variables": environment}}
}

// Holding is a queue with so many messages.
func Holding(waiting int) Object {
	return Object{"Attributes": Object{"ApproximateNumberOfMessages": strconv.Itoa(waiting), "ApproximateNumberOfMessagesNotVisible": "0", "ApproximateNumberOfMessagesDelayed": "0"}}
}

func (a *Account) healthy() map[string]func(Object) any {
	always := func(answer any) func(Object) any { return func(Object) any { return answer } }
	noStack := Refusal{"ValidationError", "Stack with id X does not exist"}
	gone := Refusal{"ResourceNotFoundException", "it does not exist"}
	return map[string]func(Object) any{
		"sts.GetCallerIdentity":                    always(Object{"Account": ID, "Arn": Caller, "UserId": "AIDA"}),
		"cloudtrail.DescribeTrails":                always(Object{"trailList": []any{Object{"Name": "org", "TrailARN": trail, "HomeRegion": "eu-west-1", "IsMultiRegionTrail": true}}}),
		"cloudtrail.GetTrailStatus":                always(Object{"IsLogging": true}),
		"cloudtrail.GetEventSelectors":             always(Object{"EventSelectors": []any{Object{"IncludeManagementEvents": true, "ReadWriteType": "All"}}}),
		"cloudformation.DescribeStacks":            ByName("StackName", a.Stacks(), noStack),
		"cloudformation.ListStackResources":        func(Object) any { return Object{"StackResourceSummaries": a.resources} },
		"servicequotas.GetServiceQuota":            always(Object{"Quota": Object{"Value": 60.0}}),
		"lambda.GetAccountSettings":                always(Object{"AccountLimit": Object{"ConcurrentExecutions": 1000, "UnreservedConcurrentExecutions": 1000}}),
		"lambda.GetFunctionConfiguration":          always(Function(Object{"SGWARDEN_MODE": "observe", "SGWARDEN_POLICIES_DIGEST": a.digest})),
		"lambda.GetFunctionConcurrency":            always(Object{}),
		"lambda.GetEventSourceMapping":             always(Object{"UUID": "uuid-1", "State": "Enabled"}),
		"lambda.ListFunctions":                     always(Object{"Functions": []any{Object{"FunctionName": Guard}, Object{"FunctionName": "shop-api"}}}),
		"events.ListRules":                         always(Object{"Rules": []any{Object{"Name": "nightly", "State": "ENABLED", "ScheduleExpression": "rate(1 day)"}}}),
		"events.DescribeRule":                      ByName("Name", a.rules, gone),
		"events.ListTargetsByRule":                 ByName("Rule", a.targets, gone),
		"config.DescribeConfigRules":               always(Object{"ConfigRules": []any{}}),
		"config.DescribeRemediationConfigurations": always(Object{"RemediationConfigurations": []any{}}),
		"iam.SimulatePrincipalPolicy": func(in Object) any {
			return Object{"EvaluationResults": []any{Object{"EvalActionName": in["ActionNames.member.1"], "EvalResourceName": "*", "EvalDecision": "implicitDeny"}}}
		},
		"sqs.GetQueueAttributes":             always(Holding(0)),
		"sns.ListSubscriptionsByTopic":       always(Object{"Subscriptions": []any{Object{"SubscriptionArn": Alerts + ":1", "Protocol": "email", "Endpoint": "you@example.com"}}}),
		"dynamodb.DescribeTable":             always(Object{"Table": Object{"TableStatus": "ACTIVE", "DeletionProtectionEnabled": true}}),
		"dynamodb.DescribeContinuousBackups": always(Object{"ContinuousBackupsDescription": Object{"ContinuousBackupsStatus": "ENABLED", "PointInTimeRecoveryDescription": Object{"PointInTimeRecoveryStatus": "ENABLED"}}}),
		"dynamodb.DescribeTimeToLive":        always(Object{"TimeToLiveDescription": Object{"TimeToLiveStatus": "ENABLED", "AttributeName": "expires"}}),
		"monitoring.DescribeAlarms":          always(Object{"MetricAlarms": wellAlarms()}),
		"monitoring.GetMetricData":           always(Object{"MetricDataResults": []any{Object{"Id": "age", "Values": []any{12.0}}}}),
	}
}
