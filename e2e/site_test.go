//go:build e2e

package e2e

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	dynamodbtypes "github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/sns"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	sqstypes "github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"github.com/sgwarden/sgwarden/events"
	"github.com/sgwarden/sgwarden/internal/runtimeapi"
)

// site is where guard works. Two providers fill it: bySDK and byStack.
type site struct {
	queue, topic, table string
	role                string              // ARN of guard's role
	function            runtimeapi.Function // guard's configuration, without its environment
	bootstrap           string              // of guard
	env                 map[string]string   // of the function, as it was deployed
	alerts              string              // URL of a queue that is subscribed to the topic
}

// config is for clients of the test's own, straight to the emulator.
func (e *emulator) config() aws.Config {
	return aws.Config{
		Region:       region,
		BaseEndpoint: &e.url,
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return e.credentials(), nil
		}),
	}
}

func (e *emulator) ec2() *ec2.Client           { return ec2.NewFromConfig(e.config()) }
func (e *emulator) sqs() *sqs.Client           { return sqs.NewFromConfig(e.config()) }
func (e *emulator) sns() *sns.Client           { return sns.NewFromConfig(e.config()) }
func (e *emulator) dynamodb() *dynamodb.Client { return dynamodb.NewFromConfig(e.config()) }

// bySDK makes what the stack would make, call by call.
func bySDK(e *emulator) (site, error) {
	ctx := context.Background()
	s := site{table: "sgwarden-e2e", role: "arn:aws:iam::" + account + ":role/guard"}
	queue, err1 := e.sqs().CreateQueue(ctx, &sqs.CreateQueueInput{QueueName: aws.String("changes"), Attributes: map[string]string{"VisibilityTimeout": "360"}})
	topic, err2 := e.sns().CreateTopic(ctx, &sns.CreateTopicInput{Name: aws.String("alerts")})
	key := func(name string, kind dynamodbtypes.KeyType) dynamodbtypes.KeySchemaElement {
		return dynamodbtypes.KeySchemaElement{AttributeName: &name, KeyType: kind}
	}
	text := func(name string) dynamodbtypes.AttributeDefinition {
		return dynamodbtypes.AttributeDefinition{AttributeName: &name, AttributeType: dynamodbtypes.ScalarAttributeTypeS}
	}
	_, err3 := e.dynamodb().CreateTable(ctx, &dynamodb.CreateTableInput{
		TableName:            &s.table,
		KeySchema:            []dynamodbtypes.KeySchemaElement{key("pk", dynamodbtypes.KeyTypeHash), key("sk", dynamodbtypes.KeyTypeRange)},
		AttributeDefinitions: []dynamodbtypes.AttributeDefinition{text("pk"), text("sk")},
		BillingMode:          dynamodbtypes.BillingModePayPerRequest,
	})
	if err := errors.Join(err1, err2, err3); err != nil {
		return s, fmt.Errorf("make the site: %w", err)
	}
	s.queue, s.topic = *queue.QueueUrl, *topic.TopicArn
	if err := e.putRules(s.queue); err != nil {
		return s, err
	}
	s.env = map[string]string{
		"SGWARDEN_MODE": "enforce", "SGWARDEN_TABLE": s.table, "SGWARDEN_TOPIC_ARN": s.topic, "SGWARDEN_QUEUE_URL": s.queue,
		"SGWARDEN_ROLE_ARN": s.role, "SGWARDEN_POLICIES_DIGEST": stage.guard.digest,
	}
	s.function, s.bootstrap = runtimeapi.Function{Name: "guard", AccountID: account, Region: region}, stage.guard.bootstrap
	return s, e.subscribe(&s)
}

// putRules makes the EventBridge rules of the table of watched calls.
func (e *emulator) putRules(queue string) error {
	arn, err := e.queueARN(queue)
	if err != nil {
		return err
	}
	for _, name := range events.RuleNames() {
		if name == events.AttachRule {
			continue // a deployment has it only where it is asked for
		}
		p, _ := events.PatternOf(name)
		pattern, err := json.Marshal(p)
		if err != nil {
			return err
		}
		if err := e.eventBridge("PutRule", object{"Name": name, "EventPattern": string(pattern)}, nil); err != nil {
			return err
		}
		if err := e.eventBridge("PutTargets", object{"Rule": name, "Targets": []object{{"Id": "queue", "Arn": arn}}}, nil); err != nil {
			return err
		}
	}
	return nil
}

// subscribe puts a queue behind the topic: moto makes no subscription of a
// template, and the messages are to be read.
func (e *emulator) subscribe(s *site) error {
	ctx := context.Background()
	queue, err := e.sqs().CreateQueue(ctx, &sqs.CreateQueueInput{QueueName: aws.String("told")})
	if err != nil {
		return fmt.Errorf("make the queue of alerts: %w", err)
	}
	s.alerts = *queue.QueueUrl
	arn, err := e.queueARN(s.alerts)
	if err != nil {
		return err
	}
	_, err = e.sns().Subscribe(ctx, &sns.SubscribeInput{
		TopicArn: &s.topic, Protocol: aws.String("sqs"), Endpoint: &arn, Attributes: map[string]string{"RawMessageDelivery": "true"},
	})
	if err != nil {
		return fmt.Errorf("subscribe: %w", err)
	}
	return nil
}

func (e *emulator) queueARN(url string) (string, error) {
	out, err := e.sqs().GetQueueAttributes(context.Background(), &sqs.GetQueueAttributesInput{
		QueueUrl: &url, AttributeNames: []sqstypes.QueueAttributeName{sqstypes.QueueAttributeNameQueueArn},
	})
	if err != nil {
		return "", fmt.Errorf("read the ARN of %s: %w", url, err)
	}
	return out.Attributes["QueueArn"], nil
}
