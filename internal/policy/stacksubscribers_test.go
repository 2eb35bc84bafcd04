package policy

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// TestFiltersNamePoliciesThatThereAre, also by their beginning.
func TestFiltersNamePoliciesThatThereAre(t *testing.T) {
	policies := policyText("ssh-in", "forbid:", "  - {direction: ingress, ports: [22], peers: [internet]}") + "---\n" +
		policyText("gone-in", "forbid:", "  - {direction: ingress, ports: [23], peers: [internet]}")
	settings := func(filter string) string {
		return settingsText("overrides: {gone-in: {off: true}}", "stack: {alerts: [{email: a@example.com, filter: {policy: ["+filter+"]}}]}")
	}
	for filter, want := range map[string]string{
		`ssh-in`: "", `"ssh-*"`: "", `"!gone-in", ssh-in`: "", `SSH-in`: "",
		`"gone-*"`:                 `no policy that is on begins with "gone-"`,
		`"web-*"`:                  `no policy that is on begins with "web-"`,
		`web-in`:                   `unknown policy "web-in"`,
		`"!web-in", "ssh-*", nope`: `unknown policy "nope"`,
	} {
		_, err := Parse([]Source{{File: "p.yaml", Text: []byte(policies)}, {File: "s.yaml", Text: []byte(settings(filter))}}, nil)
		if want == "" {
			require.NoError(t, err, filter)
			continue
		}
		require.ErrorContains(t, err, want, filter)
	}
}

// TestSubscribersHaveOneEndpoint, and no topic has one twice, however it is spelt.
func TestSubscribersHaveOneEndpoint(t *testing.T) {
	for alerts, want := range map[string]string{
		"{email: a@example.com}, {email: b@example.com}":                  "",
		"{email: a@example.com}, {https: \"https://a.example.com/\"}":     "",
		"{filter: {severity: [high]}}":                                    "a subscriber without an endpoint",
		"{email: a@example.com, https: \"https://a.example.com/\"}":       "a subscriber has one endpoint, not 2",
		"{email: a@example.com}, {email: A@example.com}":                  "SNS takes an endpoint once for each topic",
		"{email: a@example.com}, {email: nobody}, {email: A@EXAMPLE.com}": "SNS takes an endpoint once for each topic",
	} {
		p, err := Parse([]Source{{File: "s.yaml", Text: []byte(settingsText("stack: {alerts: [" + alerts + "]}"))}}, nil)
		if want == "" {
			require.NoError(t, err, alerts)
			require.Len(t, p.Stack.Alerts, 2)
			continue
		}
		require.ErrorContains(t, err, want, alerts)
	}
}
