package doctor

import (
	"maps"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sgwarden/sgwarden/internal/doctor/patient"
	"github.com/sgwarden/sgwarden/internal/incident"
	"github.com/sgwarden/sgwarden/internal/localec2"
	"github.com/sgwarden/sgwarden/internal/secgroup"
)

// ailment is one thing that is wrong with an account, and what is said of it.
type ailment struct {
	name  string
	wrong func(x *examined)
	check string
	state State
	says  string // part of it
	do    string // part of it
}

// says makes an ailment of one answer.
func says(operation string, answer any) func(*examined) {
	return func(x *examined) { x.Says(operation, answer) }
}

func configRules(name, source string) object {
	return object{"ConfigRules": []any{object{"ConfigRuleName": name, "Source": object{"Owner": "AWS", "SourceIdentifier": source}}}}
}

func trails(multi bool, home string) object {
	return object{"trailList": []any{object{"Name": "main", "TrailARN": "arn:main", "HomeRegion": home, "IsMultiRegionTrail": multi}}}
}

func selectors(fields ...any) object {
	return object{"AdvancedEventSelectors": []any{object{"FieldSelectors": append([]any{object{"Field": "eventCategory", "Equals": []any{"Management"}}}, fields...)}}}
}

func rule(name, description, pattern string) object {
	return object{"Rules": []any{object{"Name": name, "State": "ENABLED", "Description": description, "EventPattern": pattern}}}
}

// target is where the rules that are not ours lead.
func target(x *examined, arn string) {
	ours := x.Answers["events.ListTargetsByRule"]
	x.Answers["events.ListTargetsByRule"] = func(in object) any {
		if answer := ours(in); answer != (patient.Refusal{Code: "ResourceNotFoundException", Message: "it does not exist"}) {
			return answer
		}
		return object{"Targets": []any{object{"Id": "1", "Arn": arn}}}
	}
}

const hearing = `{"source":["aws.ec2"],"detail":{"eventName":["AuthorizeSecurityGroupIngress"]}}`

var beforeDeploy = []ailment{
	{"root", says("sts.GetCallerIdentity", object{"Account": patient.ID, "Arn": "arn:aws:iam::" + patient.ID + ":root"}), "identity", Warning, "the root user", "take a role"},
	{"no trail", says("cloudtrail.DescribeTrails", object{"trailList": []any{}}), "trail", Problem, "there is no trail in us-east-1", "create-trail"},
	{"a trail of elsewhere", says("cloudtrail.DescribeTrails", trails(false, "eu-west-1")), "trail", Problem, "there is no trail in us-east-1", "create-trail"},
	{"a trail of here", says("cloudtrail.DescribeTrails", trails(false, "us-east-1")), "trail", OK, "main logs", ""},
	{"a stopped trail", says("cloudtrail.GetTrailStatus", object{"IsLogging": false}), "trail", Problem, "org is stopped", "start its logging"},
	{"reads only", says("cloudtrail.GetEventSelectors", object{"EventSelectors": []any{object{"IncludeManagementEvents": true, "ReadWriteType": "ReadOnly"}}}), "trail", Problem, "org does not log all management events", "writing calls"},
	{"data events only", says("cloudtrail.GetEventSelectors", object{"EventSelectors": []any{object{"IncludeManagementEvents": false, "ReadWriteType": "All"}}}), "trail", Problem, "does not log", ""},
	{"advanced", says("cloudtrail.GetEventSelectors", selectors()), "trail", OK, "org logs", ""},
	{"advanced writes", says("cloudtrail.GetEventSelectors", selectors(object{"Field": "readOnly", "Equals": []any{"false"}})), "trail", OK, "org logs", ""},
	{"advanced reads", says("cloudtrail.GetEventSelectors", selectors(object{"Field": "readOnly", "Equals": []any{"true"}})), "trail", Problem, "does not log", ""},
	{"advanced without KMS", says("cloudtrail.GetEventSelectors", selectors(object{"Field": "eventSource", "NotEquals": []any{"kms.amazonaws.com"}})), "trail", OK, "org logs", ""},
	{"advanced without EC2", says("cloudtrail.GetEventSelectors", selectors(object{"Field": "eventSource", "NotEquals": []any{"ec2.amazonaws.com"}})), "trail", Problem, "does not log", ""},
	{"advanced by name", says("cloudtrail.GetEventSelectors", selectors(object{"Field": "eventName", "Equals": []any{"RunInstances"}})), "trail", Problem, "does not log", ""},
	{"no bootstrap", func(x *examined) {
		x.Answers["cloudformation.DescribeStacks"] = patient.ByName("StackName", object{}, noStack)
	}, "bootstrap", Problem, "there is no stack CDKToolkit", "cdk bootstrap aws://123456789012/us-east-1"},
	{"an old bootstrap", func(x *examined) {
		x.Answers["cloudformation.DescribeStacks"] = patient.ByName("StackName", object{"CDKToolkit": patient.Stack("CREATE_COMPLETE", object{"BootstrapVersion": "5"})}, noStack)
	}, "bootstrap", Problem, "version 5, deploying takes 6", "cdk bootstrap"},
	{"no version", func(x *examined) {
		x.Answers["cloudformation.DescribeStacks"] = patient.ByName("StackName", object{"CDKToolkit": patient.Stack("CREATE_COMPLETE", nil)}, noStack)
	}, "bootstrap", NotKnown, "does not tell the version", "cdk bootstrap"},
	{"no concurrency", says("lambda.GetAccountSettings", object{"AccountLimit": object{"UnreservedConcurrentExecutions": 4}}), "quotas", Problem, "4 Lambda functions may run at once", "Service Quotas"},
	{"little concurrency", says("lambda.GetAccountSettings", object{"AccountLimit": object{"UnreservedConcurrentExecutions": 10}}), "quotas", Warning, "10 Lambda functions may run at once", "Service Quotas"},
	{"a deployment", nil, "name", OK, "stack Sgwarden exists (UPDATE_COMPLETE): deploying updates it", ""},
	{"a failed deployment", func(x *examined) {
		x.Answers["cloudformation.DescribeStacks"] = patient.ByName("StackName", object{"Sgwarden": patient.Stack("ROLLBACK_COMPLETE", nil)}, noStack)
	}, "name", Problem, "its first deployment failed", "delete-stack --stack-name Sgwarden"},
	{"a stack of others", func(x *examined) {
		x.Answers["cloudformation.DescribeStacks"] = patient.ByName("StackName", object{"Sgwarden": patient.Stack("CREATE_COMPLETE", object{"BucketName": "b"})}, noStack)
	}, "name", Problem, "is not one of sgwarden's", "stack=NAME"},
	{"under way", func(x *examined) {
		outputs := x.Stacks()["Sgwarden"].(object)
		outputs["Stacks"].([]any)[0].(object)["StackStatus"] = "UPDATE_IN_PROGRESS"
		x.Answers["cloudformation.DescribeStacks"] = patient.ByName("StackName", object{"Sgwarden": outputs}, noStack)
	}, "name", Warning, "UPDATE_IN_PROGRESS", "wait"},
	{"alarms of that name", func(x *examined) {
		x.notDeployed()
		x.Says("monitoring.DescribeAlarms", object{"MetricAlarms": []any{patient.Alarm("Sgwarden-Failed", "OK")}})
	}, "name", Warning, "alarm Sgwarden-Failed exists", "delete them"},
	{"Config remediation", func(x *examined) {
		x.Says("config.DescribeConfigRules", configRules("no-ssh", "INCOMING_SSH_DISABLED"))
		x.Says("config.DescribeRemediationConfigurations", object{"RemediationConfigurations": []any{object{"ConfigRuleName": "no-ssh", "TargetId": "AWS-DisablePublicAccessForSecurityGroup", "TargetType": "SSM_DOCUMENT", "Automatic": true}}})
	}, "others", Warning, "AWS Config remediation: rule no-ssh runs AWS-DisablePublicAccessForSecurityGroup by itself", "only report"},
	{"Config by hand", func(x *examined) {
		x.Says("config.DescribeConfigRules", configRules("no-ssh", "INCOMING_SSH_DISABLED"))
		x.Says("config.DescribeRemediationConfigurations", object{"RemediationConfigurations": []any{object{"ConfigRuleName": "no-ssh", "TargetId": "doc", "TargetType": "SSM_DOCUMENT", "Automatic": false}}})
	}, "others", OK, "no other remediator", ""},
	{"Firewall Manager", says("config.DescribeConfigRules", object{"ConfigRules": []any{object{"ConfigRuleName": "FMManagedSecurityGroupRule-1", "CreatedBy": "fms.amazonaws.com", "Source": object{"Owner": "AWS", "SourceIdentifier": "X"}, "Scope": object{"ComplianceResourceTypes": []any{"AWS::EC2::SecurityGroup"}}}}}), "others", Warning, "AWS Firewall Manager: Config rule FMManagedSecurityGroupRule-1", "only report"},
	{"Custodian", says("lambda.ListFunctions", object{"Functions": []any{object{"FunctionName": "custodian-sg-open"}}}), "others", Warning, "Cloud Custodian: Lambda function custodian-sg-open", "only report"},
	{"Custodian's rule", says("events.ListRules", rule("custodian-sg-open", "", hearing)), "others", Warning, "Cloud Custodian: EventBridge rule custodian-sg-open", "only report"},
	{"another sgwarden", says("events.ListRules", rule("Other-rules", "Calls that sgwarden judges: rules-changed", hearing)), "others", Warning, "another deployment of sgwarden: EventBridge rule Other-rules", "only report"},
	{"somebody's function", func(x *examined) {
		x.Says("events.ListRules", rule("sg-watch", "", hearing))
		target(x, "arn:aws:lambda:us-east-1:123456789012:function:close-it")
	}, "others", Warning, "is told of changes of security groups, and runs arn:aws:lambda:us-east-1:123456789012:function:close-it", "only report"},
	{"somebody's mail", func(x *examined) {
		x.Says("events.ListRules", rule("sg-watch", "", hearing))
		target(x, "arn:aws:sns:us-east-1:123456789012:mail")
	}, "others", OK, "no other remediator", ""},
	{"Security Hub's findings", func(x *examined) {
		x.Says("events.ListRules", rule("hub", "", `{"source":["aws.securityhub"]}`))
		target(x, "arn:aws:states:us-east-1:123456789012:stateMachine:fix")
	}, "others", Warning, "is told of Security Hub's findings, and runs arn:aws:states", "only report"},
}

func TestBeforeDeploy(t *testing.T) {
	for _, a := range beforeDeploy {
		t.Run(a.name, func(t *testing.T) {
			x := newExamined(t)
			if a.wrong != nil {
				a.wrong(x)
			}
			a.require(x, x.before())
		})
	}
}

// require wants a finding as the ailment says.
func (a ailment) require(x *examined, r Report) {
	x.Helper()
	found := x.of(r, a.check)
	for _, f := range found {
		if f.State == a.state && containsBoth(f, a) {
			return
		}
	}
	require.Failf(x, "no such finding", "want %s %q, do %q, in\n%+v", a.state, a.says, a.do, found)
}

func TestFullGroups(t *testing.T) {
	x := newExamined(t)
	x.Says("servicequotas.GetServiceQuota", object{"Quota": object{"Value": 2.0}})
	var rules []secgroup.Rule
	for _, text := range []string{"ingress tcp/1 from 10.0.0.0/8", "ingress tcp/2 from 10.0.0.0/8", "ingress tcp/3 from ::/0"} {
		r, err := secgroup.ParseRule(text)
		require.NoError(t, err)
		rules = append(rules, r)
	}
	home := x.Cloud.EC2().Account(localec2.DefaultAccount, patient.Region)
	require.NoError(t, home.EnsureGroups([]secgroup.Group{{ID: "sg-0000000000000000a", Name: "web", Rules: rules}, {ID: "sg-0000000000000000b", Name: "db", Rules: rules[1:]}}))
	ailment{check: "quotas", state: Warning, says: "1 of 3 groups have 2 rules in a direction, as many as they may: sg-0000000000000000a", do: "Service Quotas"}.require(x, x.before())
}

var afterDeploy = []ailment{
	{"no stack", func(x *examined) { x.notDeployed() }, "stack", Problem, "there is no stack Sgwarden in us-east-1", "make deploy"},
	{"a failed update", func(x *examined) {
		x.Answers["cloudformation.DescribeStacks"] = patient.ByName("StackName", object{"Sgwarden": patient.Stack("UPDATE_ROLLBACK_COMPLETE", x.Outputs())}, noStack)
	}, "stack", Warning, "the last deployment failed, what was there before it runs", "deploy again"},
	{"another version", func(x *examined) {
		x.Answers["cloudformation.DescribeStacks"] = patient.ByName("StackName", object{"Sgwarden": patient.Stack("CREATE_COMPLETE", nil)}, noStack)
	}, "stack", NotKnown, "not a stack of sgwarden, or of another version", ""},
	{"a disabled rule", func(x *examined) {
		well := x.Answers["events.DescribeRule"]
		x.Answers["events.DescribeRule"] = func(in object) any {
			answer := well(in)
			if in["Name"] == "Sgwarden-RulesChanged" {
				answer.(object)["State"] = "DISABLED"
			}
			return answer
		}
	}, "rules", Problem, "rule Sgwarden-RulesChanged is disabled", "aws events enable-rule --name Sgwarden-RulesChanged"},
	{"no targets", says("events.ListTargetsByRule", object{"Targets": []any{}}), "rules", Problem, "has no target", "make deploy"},
	{"no rule", says("events.DescribeRule", gone), "rules", Problem, "is gone", "make deploy"},
	{"targets elsewhere", says("events.ListTargetsByRule", object{"Targets": []any{object{"Id": "1", "Arn": "arn:aws:sqs:us-east-1:123456789012:theirs"}}}), "rules", Problem, "no rule that is on leads AuthorizeSecurityGroup", "make deploy"},
	{"without attachments", nil, "rules", OK, "17 EventBridge rules are on and have targets; ", ""},
	{"with attachments", func(x *examined) { x.Attach() }, "rules", OK, "18 EventBridge rules are on and have targets; ", ""},
	{"attachments that a policy asks for", func(x *examined) {
		x.judging("apiVersion: sgwarden/v1\nkind: Settings\npacks: [hygiene]\n") // default groups are used by nothing
	}, "rules", Warning, "no rule leads RunInstances", "attachments=yes"},
	{"a failed function", says("lambda.GetFunctionConfiguration", object{"State": "Failed", "StateReason": "the role is gone"}), "functions", Problem, "function Guard is Failed: the role is gone", "its role"},
	{"a failed update of a function", says("lambda.GetFunctionConfiguration", object{"State": "Active", "LastUpdateStatus": "Failed", "LastUpdateStatusReason": "no image"}), "functions", Problem, "the last update of function Guard failed: no image", "deploy again"},
	{"no concurrency", says("lambda.GetFunctionConcurrency", object{"ReservedConcurrentExecutions": 0}), "functions", Problem, "function Guard may not run: its concurrency is 0", "delete-function-concurrency --function-name Sgwarden-Guard-1"},
	{"no function", says("lambda.GetFunctionConfiguration", gone), "functions", Problem, "function Guard (Sgwarden-Guard-1) is gone", "deploy again"},
	{"a disabled trigger", says("lambda.GetEventSourceMapping", object{"State": "Disabled"}), "triggers", Problem, "the trigger is disabled: changes wait", "sgwarden resume --hard"},
	{"no trigger", says("lambda.GetEventSourceMapping", gone), "triggers", Problem, "nobody reads the queue", "deploy again"},
	{"a trigger that starts", says("lambda.GetEventSourceMapping", object{"State": "Enabling"}), "triggers", Warning, "the trigger is enabling", "again"},
	{"other policies", says("lambda.GetFunctionConfiguration", patient.Function(object{"SGWARDEN_POLICIES_DIGEST": "0123456789abcdef"})), "policies", Warning, "the guard judges by policies of digest 0123456789ab, the built-in pack baseline have", "--policies"},
	{"other policies, baseline", says("lambda.GetFunctionConfiguration", patient.Function(object{"SGWARDEN_POLICIES_DIGEST": "0123456789abcdef"})), "baseline", NotKnown, "those at hand are others", "--policies"},
	{"a right too many", func(x *examined) { x.may("allowed") }, "rights", Problem, "in observe mode the guard's role may call ec2:ModifyManagedPrefixList, ec2:ModifySecurityGroupRules, ec2:RevokeSecurityGroupEgress, ec2:RevokeSecurityGroupIngress", "deploy again"},
	{"enforcing", func(x *examined) { x.enforcing(); x.may("allowed") }, "rights", OK, "the guard's role may call what its policies need", ""},
	{"enforcing without a right", func(x *examined) { x.enforcing(); x.may("explicitDeny") }, "rights", Problem, "the guard's role may not call ec2:ModifyManagedPrefixList (by the organisation), ec2:ModifySecurityGroupRules (by the organisation)", "service control policy"},
	{"waiting", func(x *examined) {
		x.Says("sqs.GetQueueAttributes", patient.Holding(7))
		x.Says("monitoring.GetMetricData", object{"MetricDataResults": []any{object{"Id": "age", "Values": []any{2400.0}}}})
	}, "queue", Problem, "7 messages waiting, 0 being judged, 0 put off; the oldest for 40m0s", "Waiting"},
	{"waiting for a while", func(x *examined) {
		x.Says("sqs.GetQueueAttributes", patient.Holding(1))
		x.Says("monitoring.GetMetricData", object{"MetricDataResults": []any{object{"Id": "age", "Values": []any{400.0}}}})
	}, "queue", Warning, "1 message waiting", "Waiting"},
	{"busy", says("sqs.GetQueueAttributes", patient.Holding(1)), "queue", OK, "the oldest for 12s", ""},
	{"no age", func(x *examined) {
		x.Says("sqs.GetQueueAttributes", patient.Holding(1))
		x.Says("monitoring.GetMetricData", object{"MetricDataResults": []any{}})
	}, "queue", OK, "1 message waiting, 0 being judged, 0 put off", ""},
	{"failed ones", says("sqs.GetQueueAttributes", patient.Holding(2)), "dead letters", Problem, "2 messages that could not be judged", `"Failed"`},
	{"undelivered ones", says("sqs.GetQueueAttributes", patient.Holding(2)), "dead letters", Problem, "2 messages that EventBridge could not put into the queue", `"Undelivered"`},
	{"no table", says("dynamodb.DescribeTable", gone), "ledger", Problem, "is gone", "backup"},
	{"an archived table", says("dynamodb.DescribeTable", object{"Table": object{"TableStatus": "ARCHIVED"}}), "ledger", Problem, "is ARCHIVED", ""},
	{"an open table", func(x *examined) {
		x.Says("dynamodb.DescribeTable", object{"Table": object{"TableStatus": "ACTIVE"}})
		x.Says("dynamodb.DescribeContinuousBackups", object{"ContinuousBackupsDescription": object{"ContinuousBackupsStatus": "ENABLED"}})
		x.Says("dynamodb.DescribeTimeToLive", object{"TimeToLiveDescription": object{"TimeToLiveStatus": "DISABLED"}})
	}, "ledger", Warning, "without deletion protection, point-in-time recovery, expiry of old incidents (TTL)", "who changed it"},
	{"a pause", func(x *examined) { require.NoError(x, x.table().Operator().Pause(x.Context(), "", "CHG-9")) }, "controls", Warning, `paused, nothing is changed: "CHG-9"`, "sgwarden resume"},
	{"a hold", func(x *examined) {
		require.NoError(x, x.table().Operator().Hold(x.Context(), "ssh@1", incident.Hold{Reason: "11 groups", At: noon}))
	}, "controls", Problem, "the fuse holds 1 policy", "sgwarden resume"},
	{"no sweep yet", nil, "sweep", Warning, "no sweep was completed yet", "half an hour"},
	{"no act yet", nil, "baseline", Warning, "the baseline is not set for", "next complete sweep"},
	{"a late sweep", func(x *examined) { x.swept(noon.Add(-2 * time.Hour)) }, "sweep", Problem, "the last complete sweep was 2 h ago", "its schedule"},
	{"a stale table", func(x *examined) { x.swept(noon.Add(-72 * time.Hour)) }, "sweep", Problem, "3 days ago: the guard acts only on what events name", "its schedule"},
	{"without sweep", func(x *examined) { x.without("Sweep") }, "sweep", Warning, "has no sweep", ""},
	{"without canary", func(x *examined) { x.without("Canary") }, "canary", Warning, "has no canary", ""},
	{"without the canary's alarm", func(x *examined) { x.without("CanaryAlarm"); x.without("CanarySilentAlarm") }, "canary", Problem, "the canary has no alarm", "deploy again"},
	{"a dead canary", says("monitoring.DescribeAlarms", object{"MetricAlarms": []any{patient.Alarm("Sgwarden-Canary", "ALARM")}}), "canary", Problem, "the canary fails, for 3 h", `"Canary"`},
	{"a canary that waits", says("monitoring.DescribeAlarms", object{"MetricAlarms": []any{patient.Alarm("Sgwarden-Canary", "INSUFFICIENT_DATA")}}), "canary", Warning, "told nothing yet", "next run"},
	{"an alarm", says("monitoring.DescribeAlarms", object{"MetricAlarms": []any{patient.Alarm("Sgwarden-Failed", "ALARM")}}), "alarms", Problem, "alarm Sgwarden-Failed rings: 1 datapoint", `"Failed"`},
	{"an alarm of a stack that StackSets named", says("monitoring.DescribeAlarms", object{"MetricAlarms": []any{patient.Alarm("Other-Failed", "ALARM")}}), "alarms", Problem, "alarm Other-Failed rings", `md, "Failed"`},
	{"a missing alarm", says("monitoring.DescribeAlarms", object{"MetricAlarms": []any{patient.Alarm("Sgwarden-Failed", "OK")}}), "alarms", Problem, "alarm Sgwarden-Canary is gone", "who deleted it"},
	{"no alarm at all", func(x *examined) {
		for _, r := range x.Answers["cloudformation.ListStackResources"](nil).(object)["StackResourceSummaries"].([]any) {
			if r.(object)["ResourceType"] == "AWS::CloudWatch::Alarm" {
				x.without(part{logical: r.(object)["LogicalResourceId"].(string)}.name())
			}
		}
	}, "alarms", Problem, "the stack has no alarm", "deploy again"},
	{"a muted alarm", func(x *examined) {
		muted := patient.Alarm("Sgwarden-Failed", "OK")
		muted["ActionsEnabled"] = false
		x.Says("monitoring.DescribeAlarms", object{"MetricAlarms": []any{muted}})
	}, "alarms", Problem, "alarm Sgwarden-Failed tells nobody", "enable-alarm-actions --alarm-names Sgwarden-Failed"},
	{"unconfirmed", says("sns.ListSubscriptionsByTopic", object{"Subscriptions": []any{object{"SubscriptionArn": "PendingConfirmation", "Protocol": "email", "Endpoint": "you@example.com"}}}), "subscriptions", Warning, "Alerts: email you@example.com is not confirmed, and gets nothing", "confirm"},
	{"nobody", says("sns.ListSubscriptionsByTopic", object{"Subscriptions": []any{}}), "subscriptions", Problem, "Alarms: nobody hears of them", "email=you@example.com"},
	{"a topic that is gone", says("sns.ListSubscriptionsByTopic", patient.Refusal{Code: "NotFound", Message: "Topic does not exist"}), "subscriptions", Problem, "the topic Alerts is gone", "deploy again"},
	{"chats that nobody set up", func(x *examined) {
		x.Chat()
		x.Answers["sns.ListSubscriptionsByTopic"] = patient.ByName("TopicArn", map[string]any{patient.ChatTopic: object{"Subscriptions": []any{}}}, x.Answers["sns.ListSubscriptionsByTopic"](nil))
	}, "subscriptions", Warning, "Chat: nobody is subscribed", "Amazon Q Developer in chat applications with " + patient.ChatTopic},
	{"sinks", func(x *examined) { x.telling(everySink) }, "sinks", OK, "told beside the alerts: chats, Security Hub, the bus Sgwarden, the hub in account 111122223333; the alarm SinkMissed", ""},
	{"a bus that is gone", func(x *examined) {
		x.telling(everySink)
		x.rulesOfTheBus(gone)
	}, "sinks", Problem, "the bus Sgwarden is gone", "deploy again"},
	{"a bus that nobody reads", func(x *examined) {
		x.telling(everySink)
		x.rulesOfTheBus(object{"Rules": []any{}})
	}, "sinks", Warning, "the bus Sgwarden has no rule: nobody reads it", "make a rule on it"},
	{"a bus that may not be read", func(x *examined) {
		x.telling(everySink)
		x.rulesOfTheBus(denied)
	}, "sinks", NotKnown, "the bus Sgwarden: you may not call events:ListRules", "events:ListRules"},
	{"a test that sinks do not get", func(x *examined) {
		x.telling(everySink)
		x.options.TestAlert = true
	}, "test alert", OK, "it must arrive at every subscriber of alerts; chats, Security Hub, the bus Sgwarden, the hub in account 111122223333 get no test", ""},
}

const ownBus = "arn:aws:events:us-east-1:" + patient.ID + ":event-bus/Sgwarden"

// everySink is what guard is told where the settings ask for every sink.
var everySink = object{
	"SGWARDEN_CHAT_TOPIC_ARN": patient.ChatTopic, "SGWARDEN_SECURITY_HUB": "yes", "SGWARDEN_EVENT_BUS_ARN": ownBus,
	"SGWARDEN_HUB_BUS_ARN": "arn:aws:events:us-east-1:111122223333:event-bus/sgwarden-hub",
}

// telling adds to the environment of the functions.
func (x *examined) telling(more object) {
	environment := object{"SGWARDEN_MODE": "observe", "SGWARDEN_POLICIES_DIGEST": x.options.Policies.Digest}
	maps.Copy(environment, more)
	x.Says("lambda.GetFunctionConfiguration", patient.Function(environment))
}

// rulesOfTheBus answers who reads the stack's own bus.
func (x *examined) rulesOfTheBus(answer any) {
	x.Answers["events.ListRules"] = patient.ByName("EventBusName", map[string]any{ownBus: answer}, x.Answers["events.ListRules"](nil))
}

func TestDeployed(t *testing.T) {
	for _, a := range afterDeploy {
		t.Run(a.name, func(t *testing.T) {
			x := newExamined(t)
			if a.wrong != nil {
				a.wrong(x)
			}
			a.require(x, x.deployed())
		})
	}
}

// may makes IAM decide so of every right.
func (x *examined) may(decision string) {
	x.Answers["iam.SimulatePrincipalPolicy"] = func(in object) any {
		return object{"EvaluationResults": []any{object{
			"EvalActionName": in["ActionNames.member.1"], "EvalDecision": decision, "OrganizationsDecisionDetail": object{"AllowedByOrganizations": decision == "allowed"},
		}}}
	}
}

func (x *examined) enforcing() {
	outputs := x.Outputs()
	outputs["Mode"] = "enforce"
	x.Answers["cloudformation.DescribeStacks"] = patient.ByName("StackName", object{"Sgwarden": patient.Stack("CREATE_COMPLETE", outputs)}, noStack)
}

// without takes a resource out of the stack, by its logical id without the
// CDK's suffix.
func (x *examined) without(name string) {
	well := x.Answers["cloudformation.ListStackResources"](nil).(object)["StackResourceSummaries"].([]any)
	left := []any{}
	for _, r := range well {
		if (part{logical: r.(object)["LogicalResourceId"].(string)}).name() != name {
			left = append(left, r)
		}
	}
	require.Less(x, len(left), len(well))
	x.Says("cloudformation.ListStackResources", object{"StackResourceSummaries": left})
}

// TestMarksAreCounted: rules that the act marked, and nobody gave up.
func TestMarksAreCounted(t *testing.T) {
	x := newExamined(t)
	x.swept(noon.Add(-time.Minute))
	open, err := secgroup.ParseRule("ingress tcp/22 from 0.0.0.0/0")
	require.NoError(t, err)
	open.ID = "sgr-0000000000000000a"
	home := x.Cloud.EC2().Account(localec2.DefaultAccount, patient.Region)
	require.NoError(t, home.EnsureGroups([]secgroup.Group{{ID: "sg-0000000000000000a", Name: "web", Rules: []secgroup.Rule{open}}}))
	x.mark("sg-0000000000000000a", open)
	ailment{check: "baseline", state: OK, says: "what stood before its policy and stands still: 1 rule in 1 group (sgwarden adopt --all lists them)"}.require(x, x.deployed())

	require.NoError(t, x.table().Operator().Adopt(t.Context(), "", incident.EveryPolicy, noon))
	ailment{check: "baseline", state: OK, says: "no rule stands by it"}.require(x, x.deployed())
}
