package guard

import (
	"strings"
	"time"

	"github.com/sgwarden/sgwarden/internal/alert"
	"github.com/sgwarden/sgwarden/internal/awsjson"
	"github.com/sgwarden/sgwarden/internal/warden"
)

// hasSinks reports whether the settings name any sink.
func (s Settings) hasSinks() bool {
	return s.ChatTopicARN != "" || s.SecurityHub != "" || s.EventBusARN != "" || s.HubBusARN != ""
}

// sinksOf are the sinks that the settings name, in a fixed order; none without.
func sinksOf(s Settings, own identity, c clients) []warden.Sink {
	var all []warden.Sink
	add := func(sink warden.Sink) { all = append(all, quietSink{sink, s.Canary}) }
	if s.ChatTopicARN != "" {
		add(alert.NewChatTopic(c.sns, s.ChatTopicARN))
	}
	if s.SecurityHub == "" && s.EventBusARN == "" && s.HubBusARN == "" {
		return all
	}
	caller := awsjson.New(s.AWS.config(), func(service string) string { return s.AWS.Endpoint(endpointNames[service]) })
	if s.SecurityHub != "" {
		home := alert.Home{Partition: partitionOf(s.TopicARN), Region: own.region, AccountID: own.accountID}
		add(alert.NewSecurityHub(caller, home, time.Now))
	}
	if s.EventBusARN != "" {
		add(alert.NewBus(caller, "event-bus", s.EventBusARN))
	}
	if s.HubBusARN != "" {
		add(alert.NewBus(caller, "hub", s.HubBusARN))
	}
	return all
}

// endpointNames are the services as AWS_ENDPOINT_URL_SERVICE names them, by
// how their hosts begin.
var endpointNames = map[string]string{"events": "EVENTBRIDGE", "securityhub": "SECURITYHUB"}

// partitionOf is that of an ARN.
func partitionOf(arn string) string {
	_, rest, _ := strings.Cut(arn, ":")
	partition, _, _ := strings.Cut(rest, ":")
	return partition
}
