package policy

import (
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sgwarden/sgwarden/internal/secgroup"
)

// inputOf is what a case gives to judge of one entry.
func inputOf(t *testing.T, entry TestRule) Input {
	t.Helper()
	p := parsedFrom(t, policyText("calls", "onChange: {calls: [any]}", "remedy: alert"))
	set, err := p.alone(p.Documents[0])
	require.NoError(t, err)
	c := caseRun{
		TestCase: TestCase{Group: testGroup(nil), Actor: "arn:aws:iam::123456789012:user/ann", Agent: "tool/1"}, now: lintDay,
		event: func(name string) ([]byte, error) { return os.ReadFile("../../events/samples/" + name) },
	}
	in, err := c.input(set, []TestRule{entry})
	require.NoError(t, err)
	return in
}

// TestCallsOfCases: a call by name is one of its kind, on the group of the case
// unless calls of that kind name none.
func TestCallsOfCases(t *testing.T) {
	for call, want := range map[string]struct {
		direction secgroup.Direction
		rules     int
		groups    bool
	}{
		"AuthorizeSecurityGroupIngress": {secgroup.Ingress, 1, true},
		"AuthorizeSecurityGroupEgress":  {secgroup.Egress, 1, true},
		"ModifySecurityGroupRules":      {secgroup.Ingress, 1, true},
		"RevokeSecurityGroupEgress":     {0, 0, true},
		"DeleteSecurityGroup":           {0, 0, true},
		"AssociateSecurityGroupVpc":     {0, 0, true},
		"ModifyManagedPrefixList":       {0, 0, false},
		"DisassociateVpcCidrBlock":      {0, 0, false},
	} {
		in := inputOf(t, TestRule{Call: call, Rule: secgroup.Rule{ID: "sgr-00000007"}})
		change := in.Changes[0]
		require.Equal(t, call, change.EventName)
		require.Equal(t, effectOf(call), change.Effect, call)
		require.Equal(t, want.groups, len(change.Groups) == 1, call)
		require.Equal(t, "123456789012 us-east-1", change.AccountID+" "+change.Region, call)
		require.Equal(t, secgroup.Actor{ARN: "arn:aws:iam::123456789012:user/ann", UserAgent: "tool/1"}, change.Actor, call)
		require.Len(t, in.Live.Rules, want.rules, call)
		require.Len(t, change.Rules, want.rules, call)
		if want.rules == 0 {
			continue
		}
		require.Equal(t, want.direction, in.Live.Rules[0].Direction, call)
		require.Equal(t, call == "ModifySecurityGroupRules", change.Rules[0].AnyDirection, call)
		if call == "ModifySecurityGroupRules" {
			before := in.Live.Rules[0]
			before.Ports = secgroup.Ports{From: 442, To: 442}
			require.Equal(t, map[string]KnownRule{"sgr-00000007": {Rule: before, Since: lintDay.Add(-time.Hour)}}, in.Known.Rules)
		} else {
			require.Empty(t, in.Known.Rules, call)
		}
	}
}

// TestRecordsOfCases: a record is judged in its own group, account and region,
// with the rules that it names.
func TestRecordsOfCases(t *testing.T) {
	modify := inputOf(t, TestRule{Event: "modify-wrapper-one.json"})
	require.True(t, modify.Changes[0].Rules[0].AnyDirection)
	require.Equal(t, secgroup.Ingress, modify.Live.Rules[0].Direction, "most rules are")

	egress := inputOf(t, TestRule{Event: "authorize-egress-classic-all-traffic.json"})
	require.Equal(t, secgroup.Egress, egress.Live.Rules[0].Direction)
	require.Equal(t, "310200000417", egress.Live.AccountID)
	require.Equal(t, "eu-central-1", egress.Live.Region)
	require.Equal(t, egress.Changes[0].Groups[0].ID, egress.Live.ID)

	flat := inputOf(t, TestRule{Event: "authorize-ingress-classic-before-2021.json"})
	require.Equal(t, "sgr-00000000", flat.Live.Rules[0].ID, "the record gives none")
	require.Equal(t, "sg-00000000", inputOf(t, TestRule{Event: "create-vpc-classic.json"}).Live.ID, "the record names no group")

	created := inputOf(t, TestRule{Event: "create-group-classic.json"})
	require.Len(t, created.Live.Rules, 1)
	require.Equal(t, "sgr-00000000", created.Live.Rules[0].ID)
	require.Equal(t, secgroup.Egress, created.Live.Rules[0].Direction)
	require.Len(t, created.Changes, 2, "the rule that nobody asked for, and the record")
}
