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
	if s.SecurityHub != "" {
		home := alert.Home{Partition: partitionOf(s.TopicARN), Region: own.region, AccountID: own.accountID}
		add(alert.NewSecurityHub(callerOf(s), home, time.Now))
	}
	for _, b := range busesOf(s) {
		add(b)
	}
	return all
}

// busesOf are the event buses that the settings name.
func busesOf(s Settings) (all []*alert.Bus) {
	for _, b := range []struct{ name, arn string }{{"event-bus", s.EventBusARN}, {"hub", s.HubBusARN}} {
		if b.arn != "" {
			all = append(all, alert.NewBus(callerOf(s), b.name, b.arn))
		}
	}
	return all
}

func callerOf(s Settings) *awsjson.Client {
	return awsjson.New(s.AWS.config(), func(service string) string { return s.AWS.Endpoint(endpointNames[service]) })
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
