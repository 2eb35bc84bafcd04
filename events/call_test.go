package events

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/sgwarden/sgwarden/internal/secgroup"
)

func TestTableOfCalls(t *testing.T) {
	seen := map[string]bool{}
	for _, c := range Calls() {
		require.False(t, seen[c.EventSource+c.EventName], "%s stands twice", c.EventName)
		seen[c.EventSource+c.EventName] = true
		require.NotNil(t, c.read, c.EventName)
		require.Contains(t, effectNames, c.Effect, c.EventName)
		require.NotEqual(t, secgroup.Asks, c.Effect, "%s: no API call asks", c.EventName)
		require.Contains(t, []RuleName{RulesChanged, IndirectRule, AttachRule}, c.Rule)
	}
}

func TestCallsAreTheCallersOwn(t *testing.T) {
	Calls()[0].EventName = "Nothing"
	require.Equal(t, "AuthorizeSecurityGroupIngress", Calls()[0].EventName)
}

func TestPatterns(t *testing.T) {
	require.Equal(t, []RuleName{RulesChanged, IndirectRule, AttachRule}, RuleNames())
	_, ok := PatternOf("another")
	require.False(t, ok, "no call is delivered by such a rule")

	covered := map[string]bool{}
	for _, name := range RuleNames() {
		p, ok := PatternOf(name)
		require.True(t, ok)
		require.Equal(t, []string{"aws.ec2"}, p.Source)
		require.Equal(t, []string{"ec2.amazonaws.com"}, p.Detail.EventSource)
		for _, n := range p.Detail.EventName {
			covered[n] = true
		}
		text, err := json.Marshal(p)
		require.NoError(t, err)
		require.LessOrEqual(t, len(text), 2048, "EventBridge takes patterns of at most 2,048 characters")
	}
	require.Len(t, covered, len(Calls()))

	p, _ := PatternOf(IndirectRule)
	text, err := json.Marshal(p)
	require.NoError(t, err)
	require.JSONEq(t, `{"source":["aws.ec2"],"detail-type":["AWS API Call via CloudTrail"],"detail":{"eventSource":["ec2.amazonaws.com"],
		"eventName":["CreateVpc","CreateDefaultVpc","AssociateVpcCidrBlock","DisassociateVpcCidrBlock","CreateManagedPrefixList","ModifyManagedPrefixList",
		"RestoreManagedPrefixListVersion","DeleteManagedPrefixList","AcceptVpcPeeringConnection"]}}`, string(text))
}

func TestBusSource(t *testing.T) {
	for eventSource, want := range map[string]string{"ec2.amazonaws.com": "aws.ec2", "rds.amazonaws.com": "aws.rds", "elasticloadbalancing.amazonaws.com": "aws.elasticloadbalancing", "odd": "aws.odd"} {
		require.Equal(t, want, busSource(eventSource))
	}
}
