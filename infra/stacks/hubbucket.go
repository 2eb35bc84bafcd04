package stacks

import (
	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscloudwatch"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsevents"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/aws-cdk-go/awscdk/v2/awskinesisfirehose"
	"github.com/aws/aws-cdk-go/awscdk/v2/awss3"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssqs"
	"github.com/aws/jsii-runtime-go"
)

const (
	// hubBucketDays is how long the bucket keeps what the hub was told: seven
	// years.
	hubBucketDays = 2557
	// hubReplacedDays is how long it keeps what was overwritten or deleted.
	hubReplacedDays = 90
	// An object is written after so long, or so much, whatever comes first.
	hubBufferSeconds, hubBufferMB = 300, 64
)

// newHubBucket keeps all that comes over the bus, incidents and reports, as
// lines of JSON: EventBridge cannot write to S3, Firehose can. What neither could
// take is in undelivered.
//
// Its two roles are taken by these services of the account, and may do nothing
// but put into the stream, and from there into the bucket. The bucket outlives
// the stack.
//
// late is how many seconds the oldest of what is on its way has waited.
func newHubBucket(stack awscdk.Stack, name string, bus awsevents.EventBus, undelivered awssqs.Queue) (bucket awss3.Bucket, late awscloudwatch.Metric) {
	bucket = awss3.NewBucket(stack, jsii.String("Told"), &awss3.BucketProps{
		BlockPublicAccess: awss3.BlockPublicAccess_BLOCK_ALL(),
		Encryption:        awss3.BucketEncryption_S3_MANAGED,
		EnforceSSL:        jsii.Bool(true),
		MinimumTLSVersion: jsii.Number(1.2),
		ObjectOwnership:   awss3.ObjectOwnership_BUCKET_OWNER_ENFORCED,
		Versioned:         jsii.Bool(true),
		RemovalPolicy:     awscdk.RemovalPolicy_RETAIN,
		LifecycleRules: &[]*awss3.LifecycleRule{{
			Expiration:                          awscdk.Duration_Days(jsii.Number(hubBucketDays)),
			NoncurrentVersionExpiration:         awscdk.Duration_Days(jsii.Number(hubReplacedDays)),
			AbortIncompleteMultipartUploadAfter: awscdk.Duration_Days(jsii.Number(7)),
		}},
	})
	// The rights are those of the Firehose developer guide, "Grant Firehose access
	// to an Amazon S3 destination"; the external id is from there too.
	writer := hubRole(stack, "TellBucket", "firehose.amazonaws.com", "sts:ExternalId",
		awsiam.PolicyStatementProps{
			Actions: jsii.Strings("s3:AbortMultipartUpload", "s3:GetObject", "s3:PutObject"), Resources: &[]*string{bucket.ArnForObjects(jsii.String("*"))},
		},
		awsiam.PolicyStatementProps{
			Actions: jsii.Strings("s3:GetBucketLocation", "s3:ListBucket", "s3:ListBucketMultipartUploads"), Resources: &[]*string{bucket.BucketArn()},
		})
	stream := awskinesisfirehose.NewCfnDeliveryStream(stack, jsii.String("Stream"), &awskinesisfirehose.CfnDeliveryStreamProps{
		DeliveryStreamType: jsii.String("DirectPut"),
		DeliveryStreamEncryptionConfigurationInput: &awskinesisfirehose.CfnDeliveryStream_DeliveryStreamEncryptionConfigurationInputProperty{
			KeyType: jsii.String("AWS_OWNED_CMK"),
		},
		ExtendedS3DestinationConfiguration: &awskinesisfirehose.CfnDeliveryStream_ExtendedS3DestinationConfigurationProperty{
			BucketArn: bucket.BucketArn(), RoleArn: writer.RoleArn(), CompressionFormat: jsii.String("GZIP"),
			Prefix:            jsii.String("told/!{timestamp:yyyy/MM/dd}/"),
			ErrorOutputPrefix: jsii.String("failed/!{firehose:error-output-type}/!{timestamp:yyyy/MM/dd}/"),
			BufferingHints: &awskinesisfirehose.CfnDeliveryStream_BufferingHintsProperty{
				IntervalInSeconds: jsii.Number(hubBufferSeconds), SizeInMBs: jsii.Number(hubBufferMB),
			},
			// A line each: Firehose puts nothing between records by itself.
			ProcessingConfiguration: &awskinesisfirehose.CfnDeliveryStream_ProcessingConfigurationProperty{
				Enabled: jsii.Bool(true), Processors: []any{&awskinesisfirehose.CfnDeliveryStream_ProcessorProperty{Type: jsii.String("AppendDelimiterToRecord")}},
			},
		},
	})
	teller := hubRole(stack, "TellStream", "events.amazonaws.com", "aws:SourceAccount",
		awsiam.PolicyStatementProps{Actions: jsii.Strings("firehose:PutRecord", "firehose:PutRecordBatch"), Resources: &[]*string{stream.AttrArn()}})
	rule := awsevents.NewCfnRule(stack, jsii.String("Keep"), &awsevents.CfnRuleProps{
		Name: jsii.String(name + "-Keep"), EventBusName: bus.EventBusName(), State: jsii.String("ENABLED"),
		Description:  jsii.String("Incidents and reports of all accounts, to the bucket of the hub"),
		EventPattern: map[string]any{"source": []string{"sgwarden"}},
		// The whole event, as to the topic.
		Targets: []any{&awsevents.CfnRule_TargetProperty{
			Id: jsii.String("Bucket"), Arn: stream.AttrArn(), RoleArn: teller.RoleArn(),
			DeadLetterConfig: &awsevents.CfnRule_DeadLetterConfigProperty{Arn: undelivered.QueueArn()},
			RetryPolicy:      &awsevents.CfnRule_RetryPolicyProperty{MaximumEventAgeInSeconds: jsii.Number(24 * 60 * 60), MaximumRetryAttempts: jsii.Number(185)},
		}},
	})
	undelivered.AddToResourcePolicy(awsiam.NewPolicyStatement(&awsiam.PolicyStatementProps{
		Sid: jsii.String("KeepUndelivered"), Principals: &[]awsiam.IPrincipal{awsiam.NewServicePrincipal(jsii.String("events.amazonaws.com"), nil)},
		Actions: jsii.Strings("sqs:SendMessage"), Resources: &[]*string{undelivered.QueueArn()},
		Conditions: &map[string]any{"ArnEquals": map[string]any{"aws:SourceArn": rule.AttrArn()}},
	}))
	return bucket, awscloudwatch.NewMetric(&awscloudwatch.MetricProps{
		Namespace: jsii.String("AWS/Firehose"), MetricName: jsii.String("DeliveryToS3.DataFreshness"),
		DimensionsMap: &map[string]*string{"DeliveryStreamName": stream.Ref()}, Statistic: jsii.String("Maximum"), Period: period(),
	})
}

// hubRole is a role of a service, for this account alone: key is the condition
// that names it. Its rights stand in it, so that it has them as soon as it is.
func hubRole(stack awscdk.Stack, id, service, key string, rights ...awsiam.PolicyStatementProps) awsiam.Role {
	document := awsiam.NewPolicyDocument(nil)
	for i := range rights {
		document.AddStatements(awsiam.NewPolicyStatement(&rights[i]))
	}
	return awsiam.NewRole(stack, jsii.String(id), &awsiam.RoleProps{
		Description: jsii.String("sgwarden hub: " + service),
		AssumedBy: awsiam.NewServicePrincipal(jsii.String(service), &awsiam.ServicePrincipalOpts{
			Conditions: &map[string]any{"StringEquals": map[string]any{key: stack.Account()}},
		}),
		InlinePolicies: &map[string]awsiam.PolicyDocument{"Tell": document},
	})
}
