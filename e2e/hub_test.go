//go:build e2e

package e2e

import (
	"encoding/json"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/sns"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const (
	hubAccount = "111122223333"
	hubBus     = "sgwarden-hub"
	// hubStream is the ARN of a stream that moto's CloudFormation does not make.
	hubStream = "arn:aws:firehose:" + region + ":" + hubAccount + ":deliverystream/told"
)

// skippedOfHub are the types of resources of the hub that moto's CloudFormation
// makes nothing of, and incompleteOfHub is what it makes but in part: with the
// tests of infra/stacks that hold them on the template.
var (
	skippedOfHub = map[string][]string{
		"AWS::CloudWatch::Alarm":               {"TestTheHubsAlarms", "TestEveryAlarmNotifiesAndHasARunbook"},
		"AWS::Events::EventBusPolicy":          {"TestOnlyTheOrganisationTellsTheHub"},
		"AWS::KinesisFirehose::DeliveryStream": {"TestTheHubKeepsWhatItIsTold"},
		"AWS::S3::BucketPolicy":                {"TestTheHubKeepsWhatItIsTold"},
		"AWS::SNS::Subscription":               {"TestTheHubsAlarms"},
		"AWS::SNS::TopicPolicy":                {"TestTheHubCanDoNothing"},
		"AWS::SQS::QueuePolicy":                {"TestTheHubCanDoNothing"},
	}
	incompleteOfHub = map[string][]string{
		"rights, and the organisation that they ask for: moto asks no policy": {"TestOnlyTheOrganisationTellsTheHub", "TestTheHubCanDoNothing", "TestMembersTrustNobody", "TestLeastPrivilege"},
		"targets: moto knows neither topics nor streams":                      {"TestTheHubTellsItsSubscribers", "TestTheHubKeepsWhatItIsTold"},
		"lines and compression of what the stream writes":                     {"TestTheHubKeepsWhatItIsTold"},
	}
)

// hub is an organisation of two accounts: one with the hub's stack, and a member
// whose guard tells it. What the member's alert says arrives at the hub's topic
// and in its bucket.
func hub(t *testing.T) {
	old := stage
	defer func() { stage = old }()
	var err error
	stage.emulator, err = startEmulator()
	require.NoError(t, err)
	defer stage.emulator.stop()
	o := newOrganisation(t)

	_, err = o.hub.make("deploy-hub")
	require.NoError(t, err)
	o.hub.requireMade(t, skippedOfHub, incompleteOfHub)
	outputs := o.hub.outputs(t)

	_, err = o.member.make("deploy")
	require.NoError(t, err)
	stage.site, err = o.member.site()
	require.NoError(t, err)
	require.Equal(t, outputs["HubBusArn"], stage.site.env["SGWARDEN_HUB_BUS_ARN"])
	functions, err := o.hub.lambda().ListFunctions(t.Context(), &lambda.ListFunctionsInput{})
	require.NoError(t, err)
	require.Empty(t, functions.Functions, "the hub runs nothing")

	told, kept := o.listen(t, outputs)
	incident := o.incident(t)
	event := o.event(t, told)
	require.Equal(t, "sgwarden", event["source"])
	require.Equal(t, "Incident Acted", event["detail-type"])
	require.Equal(t, account, event["detail"].(object)["accountId"])
	require.Equal(t, incident, incidentOf(t, event["detail"]), "as the member's own subscribers have it")
	require.Equal(t, event, o.event(t, kept))
	o.atTheTopic(t, outputs["HubTopicArn"], event)
	key := o.inTheBucket(t, outputs["HubBucketName"], event)

	// A report is for the bucket alone; what is of another source for neither.
	o.puts(t, "sgwarden", "Sweep Complete")
	o.puts(t, "somebody", "Incident Acted")
	require.Equal(t, "Sweep Complete", o.event(t, kept)["detail-type"])
	require.Empty(t, o.events(t, kept))
	require.Empty(t, o.events(t, told))

	_, err = o.hub.make("destroy-hub")
	require.NoError(t, err)
	_, err = o.hub.cloudformation().DescribeStacks(t.Context(), &cloudformation.DescribeStacksInput{StackName: &o.hub.stack})
	require.ErrorContains(t, err, "does not exist")
	text, err := o.hub.object(outputs["HubBucketName"], key)
	require.NoError(t, err, "the bucket outlives the stack")
	require.NotEmpty(t, text)
}

// organisation is a hub and a member of it in one emulator.
type organisation struct {
	hub, member *deployment

	mu       sync.Mutex
	crossing [][]byte // PutEvents of the member, on its way to the hub
}

// newOrganisation bootstraps both accounts. Both are deployed with one folder of
// settings, as docs/organisation.md has it.
func newOrganisation(t *testing.T) *organisation {
	t.Helper()
	folder := t.TempDir()
	settings := "apiVersion: sgwarden/v1\nkind: Settings\npacks: [baseline]\nstack:\n  organisation: {id: o-abcde12345, hub: \"" + hubAccount + "\"}\n"
	require.NoError(t, os.WriteFile(filepath.Join(folder, "sgwarden.yaml"), []byte(settings), 0o600))
	other, err := stage.emulator.in(hubAccount)
	require.NoError(t, err)
	direct := *other
	other.url = newGate(t, other.url, func(_ http.ResponseWriter, form url.Values) bool {
		if form.Get("Action") == "CreateStack" && form.Get("StackName") == stackName+"Hub" {
			at, err := url.Parse(form.Get("TemplateURL"))
			if !assert.NoError(t, err) {
				return false
			}
			bucket, key, _ := strings.Cut(strings.TrimPrefix(at.Path, "/"), "/")
			text, err := direct.object(bucket, key)
			if assert.NoError(t, err) {
				form.Del("TemplateURL")
				form.Set("TemplateBody", readableHub(string(text)))
			}
		}
		return false
	})
	o := &organisation{}
	for _, of := range []struct {
		where *emulator
		stack string
		is    **deployment
	}{{other, stackName + "Hub", &o.hub}, {stage.emulator, stackName, &o.member}} {
		d, err := newDeployment(of.where, t.TempDir())
		require.NoError(t, err)
		d.stack, d.settings = of.stack, append(d.settings, "POLICIES="+folder)
		*of.is = d
	}
	o.hub.readable = readableHub
	return o
}

// readableHub is a template of the hub as moto can read it: with the pattern of
// the archive as text, with the name of the bus for its Ref, and with the ARN of
// the stream for its attribute.
func readableHub(template string) string {
	var t struct {
		Resources map[string]struct {
			Type       string
			Properties object
		}
	}
	var whole object
	if json.Unmarshal([]byte(template), &t) != nil || json.Unmarshal([]byte(template), &whole) != nil {
		return template
	}
	ids := map[string]string{}
	for id, r := range t.Resources {
		ids[r.Type] = id
		if r.Type == "AWS::Events::Archive" {
			pattern, _ := json.Marshal(r.Properties["EventPattern"]) // it was JSON
			whole["Resources"].(object)[id].(object)["Properties"].(object)["EventPattern"] = string(pattern)
		}
	}
	text, _ := json.Marshal(whole) // it was JSON
	return strings.NewReplacer(
		`{"Ref":"`+ids["AWS::Events::EventBus"]+`"}`, `"`+hubBus+`"`,
		`{"Fn::GetAtt":["`+ids["AWS::KinesisFirehose::DeliveryStream"]+`","Arn"]}`, `"`+hubStream+`"`,
	).Replace(string(text))
}

// outputs are those of the deployed stack.
func (d *deployment) outputs(t *testing.T) map[string]string {
	t.Helper()
	out, err := d.cloudformation().DescribeStacks(t.Context(), &cloudformation.DescribeStacksInput{StackName: &d.stack})
	require.NoError(t, err)
	require.Len(t, out.Stacks, 1)
	all := map[string]string{}
	for _, o := range out.Stacks[0].Outputs {
		all[*o.OutputKey] = *o.OutputValue
	}
	return all
}

// listen puts a queue into the place of each target of the hub's two rules: moto
// has EventBridge tell neither topics nor streams. What comes to the queues is
// what these would get.
func (o *organisation) listen(t *testing.T, outputs map[string]string) (told, kept string) {
	t.Helper()
	for _, way := range []struct {
		rule, target string
		queue        *string
	}{
		{o.hub.stack + "-Tell", outputs["HubTopicArn"], &told},
		{o.hub.stack + "-Keep", hubStream, &kept},
	} {
		var on struct{ Targets []object }
		rule := object{"Rule": way.rule, "EventBusName": hubBus}
		require.NoError(t, o.hub.eventBridge("ListTargetsByRule", rule, &on))
		require.Len(t, on.Targets, 1)
		require.Equal(t, way.target, on.Targets[0]["Arn"])
		arn := ""
		*way.queue, arn = o.queue(t, way.rule)
		rule["Targets"] = []object{{"Id": on.Targets[0]["Id"], "Arn": arn}}
		require.NoError(t, o.hub.eventBridge("PutTargets", rule, nil))
	}
	return told, kept
}

func (o *organisation) queue(t *testing.T, name string) (url, arn string) {
	t.Helper()
	queue, err := o.hub.sqs().CreateQueue(t.Context(), &sqs.CreateQueueInput{QueueName: &name})
	require.NoError(t, err)
	arn, err = o.hub.queueARN(*queue.QueueUrl)
	require.NoError(t, err)
	return *queue.QueueUrl, arn
}

// incident has somebody open a group of the member, and gives what its
// subscribers were told.
func (o *organisation) incident(t *testing.T) incidentDocument {
	t.Helper()
	w := enter(t, nil)
	w.proxy.inject(o.takes)
	record, _ := w.authorize("ingress", ssh)
	w.put(record)
	d := w.deliver(5)
	require.Empty(t, d.failed, "%s", w.guard.Logs())
	require.Equal(t, 1, count(w.done(d), "events", "PutEvents"))
	o.cross(t)
	require.Equal(t, onlyEgress, w.texts())
	told := w.told()
	require.Len(t, told, 1)
	return told[0]
}

// takes answers PutEvents of the member as EventBridge does, which delivers
// later, and keeps what is to cross. moto would look for the bus in the account of
// who calls, and deliver before it answers.
func (o *organisation) takes(c call, w http.ResponseWriter) bool {
	if !is(c, "events", "PutEvents") {
		return false
	}
	o.mu.Lock()
	o.crossing = append(o.crossing, c.body)
	o.mu.Unlock()
	w.Header().Set("Content-Type", "application/x-amz-json-1.1")
	_, _ = w.Write([]byte(`{"FailedEntryCount":0,"Entries":[{"EventId":"` + newID() + `"}]}`))
	return true
}

// cross puts what the member sent on the hub's bus. `account` is the hub's in
// these events, which AWS writes as the member's.
func (o *organisation) cross(t *testing.T) {
	t.Helper()
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, body := range o.crossing {
		var in object
		require.NoError(t, json.Unmarshal(body, &in))
		o.putEvents(t, in)
	}
	o.crossing = nil
}

func (o *organisation) putEvents(t *testing.T, in object) {
	t.Helper()
	var out struct{ FailedEntryCount int }
	require.NoError(t, o.hub.eventBridge("PutEvents", in, &out))
	require.Zero(t, out.FailedEntryCount)
}

// puts puts an event on the hub's bus.
func (o *organisation) puts(t *testing.T, source, detailType string) {
	t.Helper()
	o.putEvents(t, object{"Entries": []object{{"Source": source, "DetailType": detailType, "Detail": "{}", "EventBusName": hubBus}}})
}

// events are those in a queue of the hub, which are gone from it then.
func (o *organisation) events(t *testing.T, queue string) (all []object) {
	t.Helper()
	out, err := o.hub.sqs().ReceiveMessage(t.Context(), &sqs.ReceiveMessageInput{QueueUrl: &queue, MaxNumberOfMessages: 10})
	require.NoError(t, err)
	for _, m := range out.Messages {
		var event object
		require.NoError(t, json.Unmarshal([]byte(*m.Body), &event), *m.Body)
		delete(event, "time") // moto looks at the clock for every rule
		delete(event, "ingestion-time")
		all = append(all, event)
		_, err := o.hub.sqs().DeleteMessage(t.Context(), &sqs.DeleteMessageInput{QueueUrl: &queue, ReceiptHandle: m.ReceiptHandle})
		require.NoError(t, err)
	}
	return all
}

// event is the one in a queue of the hub.
func (o *organisation) event(t *testing.T, queue string) object {
	t.Helper()
	all := o.events(t, queue)
	require.Len(t, all, 1)
	return all[0]
}

func incidentOf(t *testing.T, detail any) (d incidentDocument) {
	t.Helper()
	text, err := json.Marshal(detail)
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(text, &d))
	return d
}

// atTheTopic: who subscribes to the hub's topic gets the event as it is.
func (o *organisation) atTheTopic(t *testing.T, topic string, event object) {
	t.Helper()
	subscriber, arn := o.queue(t, "subscriber")
	_, err := o.hub.sns().Subscribe(t.Context(), &sns.SubscribeInput{
		TopicArn: &topic, Protocol: aws.String("sqs"), Endpoint: &arn, Attributes: map[string]string{"RawMessageDelivery": "true"},
	})
	require.NoError(t, err)
	text, err := json.Marshal(event)
	require.NoError(t, err)
	_, err = o.hub.sns().Publish(t.Context(), &sns.PublishInput{TopicArn: &topic, Message: aws.String(string(text))})
	require.NoError(t, err)
	require.Equal(t, event, o.event(t, subscriber))
}

// inTheBucket makes the stream that the template has, gives it the event, and
// gives the key of the object that it wrote into the bucket.
func (o *organisation) inTheBucket(t *testing.T, bucket string, event object) (key string) {
	t.Helper()
	template, err := o.hub.template()
	require.NoError(t, err)
	var roles struct {
		Roles []struct{ RoleName, Arn string }
	}
	require.NoError(t, o.hub.aws(&roles, "iam", "list-roles"))
	at := slices.IndexFunc(roles.Roles, func(r struct{ RoleName, Arn string }) bool {
		return strings.HasPrefix(r.RoleName, o.hub.stack+"-TellBucket")
	})
	require.GreaterOrEqual(t, at, 0)
	for _, r := range template.Resources {
		if r.Type != "AWS::KinesisFirehose::DeliveryStream" {
			continue
		}
		destination := r.Properties.ExtendedS3DestinationConfiguration
		destination["BucketARN"], destination["RoleARN"] = "arn:aws:s3:::"+bucket, roles.Roles[at].Arn
		require.NoError(t, o.hub.json("firehose", "Firehose_20150804.CreateDeliveryStream", object{"DeliveryStreamName": "told", "ExtendedS3DestinationConfiguration": destination}, nil))
		record, err := json.Marshal(event)
		require.NoError(t, err)
		require.NoError(t, o.hub.json("firehose", "Firehose_20150804.PutRecord", object{"DeliveryStreamName": "told", "Record": object{"Data": record}}, nil))
	}
	var list struct{ Contents []struct{ Key string } }
	require.NoError(t, o.hub.aws(&list, "s3api", "list-objects-v2", "--bucket", bucket))
	require.Len(t, list.Contents, 1)
	key = list.Contents[0].Key
	require.True(t, strings.HasPrefix(key, "told/"), key)
	text, err := o.hub.object(bucket, key)
	require.NoError(t, err)
	var in object
	if assert.NoError(t, json.Unmarshal(text, &in), "%.200q", text) {
		require.Equal(t, event, in)
	}
	return key
}
