package stacks

import (
	"encoding/json"
	"fmt"

	"github.com/aws/aws-cdk-go/awscdk/v2/awssns"
	"github.com/aws/jsii-runtime-go"

	"github.com/sgwarden/sgwarden/internal/bundle"
	"github.com/sgwarden/sgwarden/internal/policy"
)

// subscribe makes the subscriptions of a topic. A subscription is called after
// its endpoint: CloudFormation makes a new one before it removes the old, which
// with SNS would be the same, so that one that changed its name would be gone.
func subscribe(topic awssns.Topic, to []policy.Subscriber) {
	for _, s := range to {
		props := &awssns.SubscriptionProps{
			Topic: topic, Endpoint: jsii.String(s.Address), Protocol: protocols[s.Protocol], FilterPolicy: filterOf(s),
		}
		if s.Protocol == "sqs" {
			// Programs get the incident itself, and the attributes beside it.
			props.RawMessageDelivery = jsii.Bool(true)
		}
		awssns.NewSubscription(topic, jsii.String(s.Address), props)
	}
}

var protocols = map[string]awssns.SubscriptionProtocol{
	"email": awssns.SubscriptionProtocol_EMAIL, "https": awssns.SubscriptionProtocol_HTTPS, "sqs": awssns.SubscriptionProtocol_SQS,
}

// filterOf is the filter policy of a subscriber as the CDK takes it; nil = none.
func filterOf(s policy.Subscriber) *map[string]awssns.SubscriptionFilter {
	text, err := bundle.FilterPolicy(s)
	if err != nil {
		panic(fmt.Errorf("the settings were checked: %w", err))
	}
	if text == "" {
		return nil
	}
	var conditions map[string][]any
	if err := json.Unmarshal([]byte(text), &conditions); err != nil {
		panic(fmt.Errorf("read the filter of %s: %w", s.Address, err))
	}
	filter := map[string]awssns.SubscriptionFilter{}
	for attribute, values := range conditions {
		filter[attribute] = awssns.NewSubscriptionFilter(&values)
	}
	return &filter
}
