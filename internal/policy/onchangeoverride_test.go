package policy

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// TestWhatAnOverrideSaysOfCalls replaces what the policy says, and carries its file.
func TestWhatAnOverrideSaysOfCalls(t *testing.T) {
	const a, b = `"arn:aws:iam::123456789012:role/a"`, `"arn:aws:iam::123456789012:role/b"`
	policy := policyText("p", "onChange: {calls: [CreateTags, DeleteTags, CreateTags], unless: {actors: ["+a+"], userAgents: [\"cdk*\"]}}", "remedy: alert")
	parsed := func(override string) Parsed {
		return parsedFrom(t, policy, settingsText("overrides: {p: {"+override+"}}"))
	}
	p := parsed("unless: {actors: [" + b + "]}")
	require.Empty(t, p.Warnings)
	o := p.Documents[0].OnChange
	require.Equal(t, []string{"CreateTags", "DeleteTags"}, o.Calls)
	require.Equal(t, []string{"arn:aws:iam::123456789012:role/b"}, o.Unless.Actors)
	require.Empty(t, o.Unless.UserAgents)
	require.NotEmpty(t, o.Unless.File)
	for _, same := range []string{"unless: {actors: [" + a + "], userAgents: [\"cdk*\"]}"} {
		w := parsed(same).Warnings
		require.Len(t, w, 1)
		require.Contains(t, w[0].Message, "unless changes nothing")
	}
	require.Empty(t, parsed("unless: {actors: ["+a+"], userAgents: [\"pulumi*\"]}").Warnings)
	require.Empty(t, parsed("unless: {actors: ["+a+", "+b+"], userAgents: [\"cdk*\"]}").Warnings)
	w := parsed("severity: high").Warnings
	require.Len(t, w, 1, "unless, which the override does not give, is not said to be the same")
}
