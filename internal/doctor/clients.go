package doctor

import (
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudtrail"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/configservice"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/servicequotas"
	"github.com/aws/aws-sdk-go-v2/service/sns"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"github.com/sgwarden/sgwarden/internal/inventory"
	"github.com/sgwarden/sgwarden/internal/ledger"
	"github.com/sgwarden/sgwarden/internal/marks"
)

// Clients are the services that are asked, each by what is asked of it.
type Clients struct {
	STS            identityReader
	CloudTrail     trailReader
	CloudFormation stackReader
	Quotas         quotaReader
	Lambda         lambdaReader
	Events         eventsReader
	Config         configReader
	IAM            rightsReader
	SQS            queueReader
	SNS            topics
	Table          tableReader
	CloudWatch     alarmReader
	Groups         marks.Groups
	Ledger         func(table string) ledgerReader
}

// NewClients makes them all of one configuration.
func NewClients(c aws.Config) Clients {
	db := dynamodb.NewFromConfig(c)
	return Clients{
		STS: sts.NewFromConfig(c), CloudTrail: cloudtrail.NewFromConfig(c), CloudFormation: cloudformation.NewFromConfig(c),
		Quotas: servicequotas.NewFromConfig(c), Lambda: lambda.NewFromConfig(c), Events: eventbridge.NewFromConfig(c),
		Config: configservice.NewFromConfig(c), IAM: iam.NewFromConfig(c), SQS: sqs.NewFromConfig(c), SNS: sns.NewFromConfig(c),
		Table: db, CloudWatch: cloudwatch.NewFromConfig(c), Groups: inventory.New(ec2.NewFromConfig(c)),
		Ledger: func(table string) ledgerReader { return ledger.NewTable(db, table) },
	}
}
