//go:build !race

package stacks

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestSubscriptions: who is subscribed to what, with which filter.
func TestSubscriptions(t *testing.T) {
	require.Empty(t, plain.of("AWS::SNS::Subscription"))
	type subscription struct {
		Protocol, Endpoint string
		RawMessageDelivery bool           `json:",omitempty"`
		FilterPolicy       map[string]any `json:",omitempty"`
		TopicArn           struct{ Ref string }
	}
	topics := map[string][]string{}
	for _, s := range full.of("AWS::SNS::Subscription") {
		one := as[subscription](t, s.Properties)
		topic := one.TopicArn.Ref
		one.TopicArn.Ref = ""
		topics[topic] = append(topics[topic], jsonText(t, one))
	}
	require.Len(t, topics, 2)
	const nowhere = `,"TopicArn":{"Ref":""}}`
	require.ElementsMatch(t, []string{
		`{"Protocol":"email","Endpoint":"you@example.com"` + nowhere,
		`{"Protocol":"email","Endpoint":"payments@example.com","FilterPolicy":{"severitylevel":[{"numeric":["\u003e=",4]}],"team":["payments",{"prefix":"cards-"}]}` + nowhere,
		`{"Protocol":"https","Endpoint":"https://alerts.example.com/sgwarden","FilterPolicy":{"eventtype":["opened","acted"],"outcome":[{"anything-but":["observed"]}]}` + nowhere,
		`{"Protocol":"sqs","Endpoint":"arn:aws:sqs:eu-west-1:123456789012:alerts","RawMessageDelivery":true` + nowhere,
	}, topics[topicID(t, "Alerts")])
	require.ElementsMatch(t, []string{
		`{"Protocol":"email","Endpoint":"you@example.com"` + nowhere,
		`{"Protocol":"email","Endpoint":"oncall@example.com"` + nowhere,
	}, topics[topicID(t, "Alarms")])
}

// TestSubscriptionsKeepTheirNames: one that is called otherwise is made anew by
// CloudFormation and then removed, which for SNS are the same subscription.
func TestSubscriptionsKeepTheirNames(t *testing.T) {
	filtered, everything := t.TempDir(), t.TempDir()
	write := func(folder, stack string) template {
		require.NoError(t, os.WriteFile(filepath.Join(folder, "sgwarden.yaml"), []byte("apiVersion: sgwarden/v1\nkind: Settings\npacks: [baseline]\nstack:\n"+stack), 0o600))
		return synthesize(map[string]any{"dist": dist, "policies": folder}, "")
	}
	before := write(everything, "  email: you@example.com\n")
	after := write(filtered, "  alerts: [{email: you@example.com, filter: {minSeverity: high}}]\n  alarms: [{email: you@example.com}]\n")
	require.ElementsMatch(t, slices.Collect(maps.Keys(before.of("AWS::SNS::Subscription"))), slices.Collect(maps.Keys(after.of("AWS::SNS::Subscription"))))
	require.Contains(t, before.of("AWS::SNS::Subscription"), "Alertsyouexamplecom07A58F83", "as in releases before the filters")
}
