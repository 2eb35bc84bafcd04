//go:build !race

package stacks

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/jsii-runtime-go"
	"github.com/stretchr/testify/require"

	"github.com/sgwarden/sgwarden/infra/release"
	"github.com/sgwarden/sgwarden/internal/policy"
)

// hubTemplate is the template of a hub with these settings.
func hubTemplate(t *testing.T, s HubSettings) template {
	t.Helper()
	app := awscdk.NewApp(&awscdk.AppProps{Outdir: jsii.String(t.TempDir())})
	stack := NewHub(app, s)
	artifact := app.Synth(nil).GetStackArtifact(stack.ArtifactId())
	text := jsonText(t, artifact.Template())
	var tpl template
	require.NoError(t, json.Unmarshal([]byte(text), &tpl))
	tpl.raw = []byte(text)
	var err error
	tpl.file, err = os.ReadFile(*artifact.TemplateFullPath())
	require.NoError(t, err)
	return tpl
}

var you = []policy.Subscriber{{Endpoint: policy.Endpoint{Protocol: "email", Address: "you@example.com"}}}

func aHub(t *testing.T) template {
	return hubTemplate(t, HubSettings{Name: "SgwardenHub", Organisation: "o-abcde12345", Alerts: you, Alarms: you})
}

// TestOnlyTheOrganisationTellsTheHub: the bus lets principals of the
// organisation put events of ours, over TLS, and nobody do anything else.
func TestOnlyTheOrganisationTellsTheHub(t *testing.T) {
	tpl := aHub(t)
	busID, bus := tpl.only(t, "AWS::Events::EventBus")
	require.Equal(t, HubBus, bus.Properties["Name"])
	_, p := tpl.only(t, "AWS::Events::EventBusPolicy")
	s := as[statement](t, p.Properties["Statement"])
	require.Equal(t, "Allow", s.Effect)
	require.Equal(t, list{"events:PutEvents"}, s.Action)
	require.Equal(t, list{arnOf(busID)}, s.Resource)
	require.Equal(t, map[string]map[string]any{
		"StringEquals": {"aws:PrincipalOrgID": map[string]any{"Ref": "OrganisationId"}, "events:source": "sgwarden"},
		"Bool":         {"aws:SecureTransport": "true"},
	}, s.Condition)
}

// TestTheHubCanDoNothing: it has no function, and no role but two, which services
// of its own account take to write into its bucket; nobody of another account is
// let in but to tell.
func TestTheHubCanDoNothing(t *testing.T) {
	tpl := aHub(t)
	kinds := map[string]bool{}
	for _, r := range tpl.Resources {
		kinds[r.Type] = true
	}
	require.Equal(t, map[string]bool{
		"AWS::Events::EventBus": true, "AWS::Events::EventBusPolicy": true, "AWS::Events::Archive": true, "AWS::Events::Rule": true,
		"AWS::SNS::Topic": true, "AWS::SNS::TopicPolicy": true, "AWS::SNS::Subscription": true, "AWS::SQS::Queue": true, "AWS::SQS::QueuePolicy": true,
		"AWS::S3::Bucket": true, "AWS::S3::BucketPolicy": true, "AWS::KinesisFirehose::DeliveryStream": true, "AWS::IAM::Role": true,
		"AWS::CloudWatch::Alarm": true,
	}, kinds, "no function, no policy of a principal")
	bucket, _ := tpl.only(t, "AWS::S3::Bucket")
	stream, _ := tpl.only(t, "AWS::KinesisFirehose::DeliveryStream")
	objects := map[string]any{"Fn::Join": []any{"", []any{arnOf(bucket), "/*"}}}
	require.Len(t, tpl.of("AWS::IAM::Role"), 2)
	for role, want := range map[string]struct {
		service, key string
		may          map[string]list // action -> resource
	}{
		"TellBucket": {"firehose.amazonaws.com", "sts:ExternalId", map[string]list{
			"s3:AbortMultipartUpload": {objects}, "s3:GetObject": {objects}, "s3:PutObject": {objects},
			"s3:GetBucketLocation": {arnOf(bucket)}, "s3:ListBucket": {arnOf(bucket)}, "s3:ListBucketMultipartUploads": {arnOf(bucket)},
		}},
		"TellStream": {"events.amazonaws.com", "aws:SourceAccount", map[string]list{"firehose:PutRecord": {arnOf(stream)}, "firehose:PutRecordBatch": {arnOf(stream)}}},
	} {
		_, r := tpl.one(t, "AWS::IAM::Role", role)
		require.NotContains(t, r.Properties, "ManagedPolicyArns")
		trust := as[struct{ Statement []statement }](t, r.Properties["AssumeRolePolicyDocument"]).Statement
		require.Len(t, trust, 1)
		require.Equal(t, list{map[string]any{"Service": want.service}}, trust[0].Principal)
		require.Equal(t, map[string]map[string]any{"StringEquals": {want.key: map[string]any{"Ref": "AWS::AccountId"}}}, trust[0].Condition)
		got := map[string]list{}
		for _, p := range as[[]struct {
			PolicyDocument struct{ Statement []statement }
		}](t, r.Properties["Policies"]) {
			for _, s := range p.PolicyDocument.Statement {
				require.Equal(t, "Allow", s.Effect)
				for _, a := range s.Action.texts(t) {
					got[a] = s.Resource
				}
			}
		}
		require.Equal(t, want.may, got, role)
	}
	for id, r := range tpl.Resources {
		if r.Type != "AWS::SNS::TopicPolicy" && r.Type != "AWS::SQS::QueuePolicy" {
			continue
		}
		tls := false
		for _, s := range statements(t, r) {
			if s.Effect == "Deny" {
				require.Equal(t, map[string]any{"aws:SecureTransport": "false"}, s.Condition["Bool"], id)
				tls = true
				continue
			}
			service := "events.amazonaws.com"
			if strings.HasPrefix(id, "Alarms") {
				service = "cloudwatch.amazonaws.com"
				require.Equal(t, map[string]any{"aws:SourceAccount": map[string]any{"Ref": "AWS::AccountId"}}, s.Condition["StringEquals"], id)
			}
			require.Equal(t, list{map[string]any{"Service": service}}, s.Principal, id)
			require.Contains(t, []any{"sns:Publish", "sqs:SendMessage"}, s.Action[0], id)
		}
		require.True(t, tls, "%s: over TLS only", id)
	}
	require.Equal(t, 2, strings.Count(string(tpl.raw), "sts:AssumeRole"), "the trust of the two")
	require.NotContains(t, string(tpl.raw), "ec2:")
}

// TestTheHubsAlarms: what does not come out of the hub rings, and whoever gets
// the alarms of the members gets these.
func TestTheHubsAlarms(t *testing.T) {
	tpl := aHub(t)
	alarms, _ := tpl.one(t, "AWS::SNS::Topic", "Alarms")
	topic := []any{map[string]any{"Ref": alarms}}
	queue, _ := tpl.only(t, "AWS::SQS::Queue")
	stream, _ := tpl.only(t, "AWS::KinesisFirehose::DeliveryStream")
	require.Len(t, tpl.of("AWS::CloudWatch::Alarm"), 2)
	for name, want := range map[string]struct {
		namespace, metric, dimension string
		of                           any
		above                        float64
	}{
		"HubUndelivered": {"AWS/SQS", "ApproximateNumberOfMessagesVisible", "QueueName", map[string]any{"Fn::GetAtt": []any{queue, "QueueName"}}, 0},
		"HubNotKept":     {"AWS/Firehose", "DeliveryToS3.DataFreshness", "DeliveryStreamName", map[string]any{"Ref": stream}, 3600},
	} {
		_, a := tpl.one(t, "AWS::CloudWatch::Alarm", name+"Alarm")
		require.Equal(t, []any{want.namespace, want.metric, "Maximum", want.above, "GreaterThanThreshold", "notBreaching"}, []any{
			a.Properties["Namespace"], a.Properties["MetricName"], a.Properties["Statistic"], a.Properties["Threshold"], a.Properties["ComparisonOperator"], a.Properties["TreatMissingData"],
		}, name)
		require.Equal(t, []any{map[string]any{"Name": want.dimension, "Value": want.of}}, a.Properties["Dimensions"], name)
		require.Equal(t, topic, a.Properties["AlarmActions"], name)
		require.Equal(t, topic, a.Properties["OKActions"], name)
	}
	for _, s := range tpl.of("AWS::SNS::Subscription") {
		require.Equal(t, "you@example.com", s.Properties["Endpoint"])
	}
	require.Len(t, tpl.of("AWS::SNS::Subscription"), 2, "of alerts and of alarms")
}

// TestTheHubTellsItsSubscribers the whole event, and keeps what it was told.
func TestTheHubTellsItsSubscribers(t *testing.T) {
	tpl := aHub(t)
	topic, _ := tpl.one(t, "AWS::SNS::Topic", "Alerts")
	_, rule := tpl.one(t, "AWS::Events::Rule", "Tell")
	require.Equal(t, map[string]any{"source": []any{"sgwarden"}, "detail-type": []any{map[string]any{"prefix": "Incident "}}}, rule.Properties["EventPattern"])
	target := as[[]map[string]any](t, rule.Properties["Targets"])[0]
	require.Equal(t, map[string]any{"Ref": topic}, target["Arn"])
	for _, key := range []string{"Input", "InputPath", "InputTransformer"} {
		require.NotContains(t, target, key, "the account in the event is EventBridge's word")
	}
	require.NotEmpty(t, target["DeadLetterConfig"])
	_, archive := tpl.only(t, "AWS::Events::Archive")
	require.EqualValues(t, 365, archive.Properties["RetentionDays"])
	require.Len(t, tpl.Outputs, 5)
}

// TestTheHubKeepsWhatItIsTold in a bucket that only its own account sees, over
// TLS, for years, and after the stack.
func TestTheHubKeepsWhatItIsTold(t *testing.T) {
	tpl := aHub(t)
	id, bucket := tpl.only(t, "AWS::S3::Bucket")
	require.Equal(t, "Retain", bucket.DeletionPolicy)
	require.Equal(t, "Retain", bucket.UpdateReplacePolicy)
	require.JSONEq(t, `{
		"BucketEncryption": {"ServerSideEncryptionConfiguration": [{"ServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}]},
		"LifecycleConfiguration": {"Rules": [{"Status": "Enabled", "ExpirationInDays": 2557, "NoncurrentVersionExpiration": {"NoncurrentDays": 90}, "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 7}}]},
		"OwnershipControls": {"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]},
		"PublicAccessBlockConfiguration": {"BlockPublicAcls": true, "BlockPublicPolicy": true, "IgnorePublicAcls": true, "RestrictPublicBuckets": true},
		"VersioningConfiguration": {"Status": "Enabled"}}`, jsonText(t, bucket.Properties))
	_, policy := tpl.only(t, "AWS::S3::BucketPolicy")
	for _, s := range statements(t, policy) {
		require.Equal(t, "Deny", s.Effect, "nobody is let in by it")
		require.Equal(t, list{"s3:*"}, s.Action)
	}
	require.Contains(t, jsonText(t, policy.Properties), `"aws:SecureTransport":"false"`)

	streamID, stream := tpl.only(t, "AWS::KinesisFirehose::DeliveryStream")
	writer, _ := tpl.one(t, "AWS::IAM::Role", "TellBucket")
	require.JSONEq(t, `{
		"DeliveryStreamType": "DirectPut", "DeliveryStreamEncryptionConfigurationInput": {"KeyType": "AWS_OWNED_CMK"},
		"ExtendedS3DestinationConfiguration": {
			"BucketARN": {"Fn::GetAtt": ["`+id+`", "Arn"]}, "RoleARN": {"Fn::GetAtt": ["`+writer+`", "Arn"]}, "CompressionFormat": "GZIP",
			"Prefix": "told/!{timestamp:yyyy/MM/dd}/", "ErrorOutputPrefix": "failed/!{firehose:error-output-type}/!{timestamp:yyyy/MM/dd}/",
			"BufferingHints": {"IntervalInSeconds": 300, "SizeInMBs": 64},
			"ProcessingConfiguration": {"Enabled": true, "Processors": [{"Type": "AppendDelimiterToRecord"}]}}}`, jsonText(t, stream.Properties))

	_, rule := tpl.one(t, "AWS::Events::Rule", "Keep")
	require.Equal(t, map[string]any{"source": []any{"sgwarden"}}, rule.Properties["EventPattern"], "reports as well")
	bus, _ := tpl.only(t, "AWS::Events::EventBus")
	require.Equal(t, map[string]any{"Ref": bus}, rule.Properties["EventBusName"])
	teller, _ := tpl.one(t, "AWS::IAM::Role", "TellStream")
	undelivered, _ := tpl.only(t, "AWS::SQS::Queue")
	require.JSONEq(t, `[{"Id": "Bucket", "Arn": {"Fn::GetAtt": ["`+streamID+`", "Arn"]}, "RoleArn": {"Fn::GetAtt": ["`+teller+`", "Arn"]},
		"DeadLetterConfig": {"Arn": {"Fn::GetAtt": ["`+undelivered+`", "Arn"]}},
		"RetryPolicy": {"MaximumEventAgeInSeconds": 86400, "MaximumRetryAttempts": 185}}]`, jsonText(t, rule.Properties["Targets"]), "the whole event")
	_, queue := tpl.only(t, "AWS::SQS::QueuePolicy")
	require.Contains(t, jsonText(t, queue.Properties), `{"ArnEquals":{"aws:SourceArn":{"Fn::GetAtt":["Keep","Arn"]}}}`)
}

// TestMembersTellWhereTheHubListens: the name that members make is the hub's.
func TestMembersTellWhereTheHubListens(t *testing.T) {
	_, guard := full.one(t, "AWS::Lambda::Function", "Guard")
	env := as[struct{ Variables map[string]any }](t, guard.Properties["Environment"]).Variables
	values := resolver{"AWS::Partition": "aws-us-gov", "AWS::Region": "us-gov-west-1"}
	require.Equal(t, "arn:aws-us-gov:events:us-gov-west-1:111122223333:event-bus/"+HubBus, values.text(t, env["SGWARDEN_HUB_BUS_ARN"]))
}

// TestMembersTrustNobody: naming a hub gives nobody of another account anything.
func TestMembersTrustNobody(t *testing.T) {
	for id, r := range full.of("AWS::IAM::Role") {
		for _, s := range as[struct{ Statement []statement }](t, r.Properties["AssumeRolePolicyDocument"]).Statement {
			require.Equal(t, list{map[string]any{"Service": "lambda.amazonaws.com"}}, s.Principal, id)
		}
	}
	require.Empty(t, full.of("AWS::Events::EventBusPolicy"), "nor may anybody of another account put events on its bus")
	require.Equal(t, strings.Count(string(full.raw), "111122223333"), strings.Count(string(full.raw), "111122223333:event-bus/"), "the hub's account is in ARNs of its bus alone")
}

func TestHubFromContext(t *testing.T) {
	s, err := HubFromContext(map[string]any{"policies": folderWith(t, `stack: {name: Warden, organisation: {id: o-abcde12345, hub: "111122223333"}, email: you@example.com, alarms: [{email: ops@example.com}]}`), "dist": "none", "aws:cdk:x": 1}, Where{Now: when})
	require.NoError(t, err, "a hub needs no build")
	ops := policy.Subscriber{Endpoint: policy.Endpoint{Protocol: "email", Address: "ops@example.com"}}
	require.Equal(t, HubSettings{Name: "WardenHub", Organisation: "o-abcde12345", Alerts: you, Alarms: append(slices.Clone(you), ops)}, s)
	s, err = HubFromContext(map[string]any{"stack": "Other"}, Where{Now: when})
	require.NoError(t, err)
	require.Equal(t, HubSettings{Name: "OtherHub"}, s)

	_, err = HubFromContext(map[string]any{"policies": folderWith(t, `stack: {alerts: [{email: you@example.com, filter: {minSeverity: high}}]}`)}, Where{Now: when})
	require.ErrorContains(t, err, "the hub cannot filter for you@example.com")
	of := map[string]any{"policies": folderWith(t, `stack: {organisation: {id: o-abcde12345, hub: "111122223333"}}`)}
	_, err = HubFromContext(of, Where{Account: "111122223333", Now: when})
	require.NoError(t, err)
	_, err = HubFromContext(of, Where{Account: "123456789012", Now: when})
	require.ErrorContains(t, err, "the hub is in account 111122223333, and this would make one in 123456789012, which no member tells")
	_, err = HubFromContext(map[string]any{"emial": "you@example.com", "dist": 7}, Where{Now: when})
	require.ErrorContains(t, err, "there is no such setting")
	require.ErrorContains(t, err, "dist must be the name of a folder")
}

func folderWith(t *testing.T, settings string) string {
	t.Helper()
	folder := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(folder, "sgwarden.yaml"), []byte("apiVersion: sgwarden/v1\nkind: Settings\npacks: [baseline]\n"+settings+"\n"), 0o600))
	return folder
}

// TestReleaseOfTheHub: its template has no organisation of its own, and needs
// none of the CDK.
func TestReleaseOfTheHub(t *testing.T) {
	text, err := release.Hub(hubTemplate(t, HubSettings{Name: "SgwardenHub"}).raw)
	require.NoError(t, err)
	require.Empty(t, arnPartition.FindAllString(string(text), -1), "it is one for all partitions")
	var made struct{ Parameters map[string]map[string]any }
	require.NoError(t, json.Unmarshal(text, &made))
	require.Len(t, made.Parameters, 2)
	require.NotContains(t, made.Parameters["OrganisationId"], "Default", "whoever makes a hub says for whom")
	require.Equal(t, "", made.Parameters["Email"]["Default"])
	_, err = release.Hub(aHub(t).raw)
	require.ErrorContains(t, err, "without the settings email")
}
