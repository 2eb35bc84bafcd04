package main

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sgwarden/sgwarden/internal/incident"
	"github.com/sgwarden/sgwarden/internal/localaws"
	"github.com/sgwarden/sgwarden/internal/localec2"
	"github.com/sgwarden/sgwarden/internal/warden"
)

// TestUndoOfWhatWasToldWithoutTheLedger: the id of the alert finds the incident,
// also where an open one held the rule, and nothing was written under that id.
func TestUndoOfWhatWasToldWithoutTheLedger(t *testing.T) {
	for name, open := range map[string]bool{"an incident of its own": false, "in an incident that was open": true} {
		t.Run(name, func(t *testing.T) {
			a := newAdopting(t)
			before := a.open(webGroup)
			_, err := a.cloud.EC2().Account(localec2.DefaultAccount, localRegion).EnsureRule(webGroup, ruleOf(t, "ingress tcp/3389 from 8.0.0.0/7"))
			require.NoError(t, err)
			body := a.recordOf("ingress tcp/3389 from 8.0.0.0/7")
			deliver := func(n int) {
				a.guard.Judge(t.Context(), []warden.Delivery{{ID: "record", ReceiveCount: n, Body: body}})
			}
			if open {
				a.denied(localaws.EC2, "RevokeSecurityGroupIngress")
				deliver(1)
				require.Len(t, a.open(webGroup), len(before)+1)
			}
			a.denied(localaws.DynamoDB, "")
			deliver(2)
			a.cloud.Disturb(nil)
			require.Equal(t, before, a.open(webGroup), "it was taken")
			told := a.told[len(a.told)-1]
			require.Equal(t, incident.Reverted, told.Outcome)

			status, out := a.ran("undo", told.ID, "--group", webGroup)
			require.Equal(t, exitOutside, status)
			require.Contains(t, out, "the ledger has no incident INC: sgwarden incidents list; one that was told while the ledger was down may not be written yet: its alert says how to put it back by hand\n")

			deliver(3)
			require.Equal(t, open, a.told[len(a.told)-1].ID != told.ID)
			for _, args := range [][]string{{"undo", told.ID}, {"undo", told.ID, "--group", webGroup, "--yes", "--owner", "net", "--reason", "agreed"}} {
				status, out = a.ran(args...)
				require.Zero(t, status, out)
				require.Contains(t, out, "put back ingress tcp/3389 from 8.0.0.0/7\n")
			}
			require.Len(t, a.open(webGroup), len(before)+1)
			deliver(4)
			a.sweep()
			a.judge()
			require.Len(t, a.open(webGroup), len(before)+1, "the guard lets it be")
			undone := a.told[len(a.told)-1]
			require.Equal(t, incident.Undone, undone.EventType)
			require.Equal(t, open, undone.ID != told.ID)

			status, out = a.ran("incidents", "show", told.ID)
			require.Zero(t, status, out)
			require.Contains(t, out, "3389")
		})
	}
}

// denied has calls of a service refused; operation "" = all.
func (a *adopting) denied(service localaws.Service, operation string) {
	a.cloud.Disturb(func(c localaws.Call) localec2.Disturbance {
		if c.Service != service || operation != "" && c.Operation != operation {
			return localec2.Disturbance{}
		}
		return localaws.AccessDenied.On(c, nil)
	})
}

// recordOf is the record of the call that made a rule of webGroup, just now.
func (a *adopting) recordOf(text string) []byte {
	a.Helper()
	want := ruleOf(a.T, text)
	g, _ := a.cloud.EC2().Account(localec2.DefaultAccount, localRegion).Group(webGroup)
	k := slices.IndexFunc(g.Rules, want.SameValue)
	require.GreaterOrEqual(a, k, 0)
	now := time.Now().UTC().Format(time.RFC3339)
	return fmt.Appendf(nil, `{"source":"aws.ec2","detail-type":"AWS API Call via CloudTrail","time":%[1]q,"account":%[2]q,"region":%[3]q,"detail":{"eventVersion":"1.08",`+
		`"userIdentity":{"type":"IAMUser","arn":"arn:aws:iam::%[2]s:user/mira","accountId":%[2]q},"eventTime":%[1]q,"eventSource":"ec2.amazonaws.com",`+
		`"eventName":"AuthorizeSecurityGroupIngress","awsRegion":%[3]q,"requestParameters":{"groupId":%[4]q,"ipPermissions":{}},`+
		`"responseElements":{"_return":true,"securityGroupRuleSet":{"items":[{"groupOwnerId":%[2]q,"groupId":%[4]q,"securityGroupRuleId":%[5]q,"isEgress":false,`+
		`"ipProtocol":"tcp","fromPort":3389,"toPort":3389,"cidrIpv4":"8.0.0.0/7"}]}},"eventID":"event-1","recipientAccountId":%[2]q,"eventType":"AwsApiCall","eventCategory":"Management"}}`,
		now, localec2.DefaultAccount, localRegion, webGroup, g.Rules[k].ID)
}
