package policy

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestScopesInWords(t *testing.T) {
	trusted := Trusted{Tags: []string{"tier"}, Names: []string{"web-*"}}
	for scope, want := range map[string]string{
		"":                                 "every group",
		"scope: {vpcs: [vpc-0a1b2c3d]}":    "VPCs vpc-0a1b2c3d",
		"scope: {groups: {default: true}}": "default groups",
		"scope: {groups: {default: false, ids: [sg-0a1b2c3d, sg-0b1b2c3d]}, accounts: ['123456789012'], regions: [eu-west-1]}":             "groups that are no default group; groups sg-0a1b2c3d, sg-0b1b2c3d; accounts 123456789012; regions eu-west-1",
		"scope: {groups: {names: ['web-a*', 'db-*'], tags: {tier: [a, b], team: [c]}}, not: {groups: {default: true, tags: {tier: [x]}}}}": "names web-a*, db-* (not trusted); tag team (not trusted) = c; tag tier = a, b; but not default groups with tag tier = x",
		"scope: {not: {regions: [eu-west-1]}}": "every group; but not regions eu-west-1",
	} {
		d := parsedFrom(t, policyText("p", everywhere, scope)).Documents[0]
		require.Equal(t, want, d.ScopeText(trusted))
	}
}

func TestRemediesInWords(t *testing.T) {
	for remedy, want := range map[string]string{
		"revert": "revert", "{do: narrow, to: [10.0.0.0/8, fc00::/7]}": "narrow to 10.0.0.0/8 fc00::/7", "{do: alert, after: 15m}": "alert, after 15m",
		"{do: tag, after: 90s}": "tag, after 1m30s",
	} {
		require.Equal(t, want, parsedFrom(t, policyText("p", everywhere, "remedy: "+remedy)).Documents[0].Remedy.Text())
	}
	require.Equal(t, "1h", shortSpan(time.Hour))
	require.Equal(t, "10m", shortSpan(10*time.Minute))
}
