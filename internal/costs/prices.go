// Package costs makes of counted calls what a month costs, at public list
// prices, beside what others ask for the same. Its page is docs/cost.md.
package costs

// The list prices of us-east-1 in US dollars, without free tiers and taxes. As
// known in 2025-11; AWS may have changed them since: the page names the page of
// each.
const (
	LambdaRequest   = 0.20 / 1e6
	LambdaARM       = 0.0000133334 // a GB-second, arm64
	LambdaX86       = 0.0000166667 // a GB-second, x86-64
	ReadUnit        = 0.125 / 1e6  // DynamoDB on demand: 4 KB, consistent
	WriteUnit       = 0.625 / 1e6  // DynamoDB on demand: 1 KB; twice in a transaction
	Stored          = 0.25 + 0.20  // a GB-month in DynamoDB, with point-in-time recovery
	QueueRequest    = 0.40 / 1e6   // SQS standard
	Publish         = 0.50 / 1e6   // SNS
	Email           = 2.00 / 1e5   // SNS to e-mail
	LogGB           = 0.50         // CloudWatch Logs, taken in
	MetricMonth     = 0.30         // CloudWatch, of one's own
	AlarmMonth      = 0.10         // CloudWatch, standard
	DashboardMonth  = 3.00         // CloudWatch
	Trace           = 5.00 / 1e6   // X-Ray, recorded
	ConfigItem      = 0.003        // AWS Config, continuous recording
	AutomationStep  = 0.002        // Systems Manager Automation
	FirewallManager = 100.00       // a policy, region and month
)

// Price is a row of the page's list.
type Price struct {
	What, Each, Source string
	Dollars            float64 // of Each
}

// Prices are those that the page is made of.
func Prices() []Price {
	return []Price{
		{"Lambda, requests", "million", "aws.amazon.com/lambda/pricing", LambdaRequest * 1e6},
		{"Lambda, arm64", "million GB-seconds", "aws.amazon.com/lambda/pricing", LambdaARM * 1e6},
		{"Lambda, x86-64", "million GB-seconds", "aws.amazon.com/lambda/pricing", LambdaX86 * 1e6},
		{"DynamoDB on demand, read", "million units", "aws.amazon.com/dynamodb/pricing/on-demand", ReadUnit * 1e6},
		{"DynamoDB on demand, write", "million units", "aws.amazon.com/dynamodb/pricing/on-demand", WriteUnit * 1e6},
		{"DynamoDB, stored, with point-in-time recovery", "GB-month", "aws.amazon.com/dynamodb/pricing/on-demand", Stored},
		{"SQS standard", "million requests", "aws.amazon.com/sqs/pricing", QueueRequest * 1e6},
		{"SNS, publish", "million", "aws.amazon.com/sns/pricing", Publish * 1e6},
		{"SNS, e-mail", "100,000", "aws.amazon.com/sns/pricing", Email * 1e5},
		{"EventBridge, events of AWS services, and rules", "million", "aws.amazon.com/eventbridge/pricing", 0},
		{"CloudWatch Logs, taken in", "GB", "aws.amazon.com/cloudwatch/pricing", LogGB},
		{"CloudWatch, own metric", "month", "aws.amazon.com/cloudwatch/pricing", MetricMonth},
		{"CloudWatch, alarm", "month", "aws.amazon.com/cloudwatch/pricing", AlarmMonth},
		{"CloudWatch, dashboard", "month", "aws.amazon.com/cloudwatch/pricing", DashboardMonth},
		{"X-Ray, trace", "million", "aws.amazon.com/xray/pricing", Trace * 1e6},
		{"AWS Config, item recorded continuously", "item", "aws.amazon.com/config/pricing", ConfigItem},
		{"AWS Config, evaluation: first 100,000", "evaluation", "aws.amazon.com/config/pricing", 0.001},
		{"AWS Config, evaluation: next 400,000", "evaluation", "aws.amazon.com/config/pricing", 0.0008},
		{"AWS Config, evaluation: all others", "evaluation", "aws.amazon.com/config/pricing", 0.0005},
		{"Systems Manager Automation", "step", "aws.amazon.com/systems-manager/pricing", AutomationStep},
		{"Firewall Manager, policy", "region and month", "aws.amazon.com/firewall-manager/pricing", FirewallManager},
	}
}
