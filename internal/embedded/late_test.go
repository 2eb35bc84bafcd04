package embedded

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sgwarden/sgwarden/events"
	"github.com/sgwarden/sgwarden/internal/bundle"
	"github.com/sgwarden/sgwarden/internal/incident"
	"github.com/sgwarden/sgwarden/internal/policy"
	"github.com/sgwarden/sgwarden/internal/secgroup"
)

const lateRecord = `{"eventVersion":"1.08","userIdentity":{"type":"IAMUser","arn":"arn:aws:iam::123456789012:user/mira","accountId":"123456789012"},` +
	`"eventTime":"2026-03-02T09:00:00Z","eventSource":"ec2.amazonaws.com","eventName":"AuthorizeSecurityGroupIngress","awsRegion":"us-east-1",` +
	`"requestParameters":{"groupId":"sg-0123456789abcdef0","ipPermissions":{},"ipProtocol":"tcp","fromPort":22,"toPort":22,"cidrIp":"0.0.0.0/0"},` +
	`"responseElements":{"_return":true,"securityGroupRuleSet":{"items":[{"groupOwnerId":"123456789012","groupId":"sg-0123456789abcdef0",` +
	`"securityGroupRuleId":"sgr-0123456789abcdef0","isEgress":false,"ipProtocol":"tcp","fromPort":22,"toPort":22,"cidrIpv4":"0.0.0.0/0"}]}},` +
	`"eventID":"late","recipientAccountId":"123456789012"}`

// TestALateRecordTellsWhoItWas: a look takes a rule back that no event told
// of; the record that comes later names the actor, in one message.
func TestALateRecordTellsWhoItWas(t *testing.T) {
	set, _, err := bundle.Load("", bundle.Options{Default: policy.Enforce})
	require.NoError(t, err)
	w := New(Options{Set: set})
	a, err := w.Account(t.Context(), "123456789012", "us-east-1")
	require.NoError(t, err)
	rule, err := secgroup.ParseRule("ingress tcp/22 from 0.0.0.0/0")
	require.NoError(t, err)
	rule.ID = "sgr-0123456789abcdef0"
	_, err = a.ec2.EnsureGroup(secgroup.Group{ID: "sg-0123456789abcdef0", Rules: []secgroup.Rule{rule}})
	require.NoError(t, err)

	a.wind(time.Date(2026, time.March, 2, 9, 30, 0, 0, time.UTC)) // half an hour after the call
	seen := a.Judge(t.Context(), []byte(`{"source":"sgwarden","detail-type":"Judge Group","detail":{"groupId":"sg-0123456789abcdef0","cause":"sweep"}}`))
	require.Equal(t, incident.Reverted, seen.Worst().Outcome)
	require.False(t, seen.Worst().Incident.Actor.Attributed)

	for d := range events.Each([]byte(lateRecord)) {
		judged, err := w.Look(t.Context(), d)
		require.NoError(t, err)
		require.Len(t, judged.Decisions, 1)
		require.Len(t, judged.Decisions[0].Story.Published, 1)
		told := judged.Decisions[0].Story.Published[0]
		require.Equal(t, incident.Attributed, told.EventType)
		require.Equal(t, seen.Worst().IncidentID, told.ID)
		require.Equal(t, "arn:aws:iam::123456789012:user/mira", told.Actor.ARN)

		again, err := w.Look(t.Context(), d)
		require.NoError(t, err)
		require.Empty(t, again.Decisions[0].Story.Published, "it is said once")
	}
}
