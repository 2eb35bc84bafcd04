package doctor

// On is what an action of Permissions is about.
type On string

// What there is: everything, as the action takes no resource or looks beyond
// the stack, or parts of the stack.
const (
	OnAll       On = "*"
	OnStack     On = "stack"
	OnTable     On = "table"
	OnQueues    On = "queues"
	OnTopics    On = "topics"
	OnFunctions On = "functions"
	OnRoles     On = "roles"
)

// Permissions are the actions that an examination calls, by what they are
// about. They read. sts:GetCallerIdentity needs no right.
func Permissions() map[On][]string {
	return map[On][]string{
		OnAll: {
			"cloudformation:DescribeStacks", // of the CDK's bootstrap too, whose name a deployment may choose
			"cloudtrail:DescribeTrails", "cloudtrail:GetEventSelectors", "cloudtrail:GetTrailStatus",
			"cloudwatch:DescribeAlarms", "cloudwatch:GetMetricData",
			"config:DescribeConfigRules", "config:DescribeRemediationConfigurations",
			"ec2:DescribeSecurityGroups",
			"events:DescribeRule", "events:ListRules", "events:ListTargetsByRule",
			"lambda:GetAccountSettings", "lambda:GetEventSourceMapping", "lambda:ListFunctions",
			"servicequotas:GetServiceQuota",
		},
		OnStack:     {"cloudformation:ListStackResources"},
		OnTable:     {"dynamodb:BatchGetItem", "dynamodb:DescribeContinuousBackups", "dynamodb:DescribeTable", "dynamodb:DescribeTimeToLive"},
		OnQueues:    {"sqs:GetQueueAttributes"},
		OnTopics:    {"sns:ListSubscriptionsByTopic"},
		OnFunctions: {"lambda:GetFunctionConcurrency", "lambda:GetFunctionConfiguration"},
		OnRoles:     {"iam:SimulatePrincipalPolicy"},
	}
}

// TestAlertPermissions are what a test alert takes beyond those, on the topic
// of the alerts.
func TestAlertPermissions() []string { return []string{"sns:Publish"} }
