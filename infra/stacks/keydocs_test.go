//go:build !race

package stacks

import (
	"encoding/json"
	"os"
	"regexp"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestDocumentedPolicies: what the page has people paste is JSON, and the key
// policy admits the services that use the key without a role of ours.
func TestDocumentedPolicies(t *testing.T) {
	text, err := os.ReadFile("../../docs/keys-and-subscribers.md")
	require.NoError(t, err)
	block := func(name string) []byte {
		m := regexp.MustCompile("(?s)<!-- " + name + " -->\n```json\n(.*?)```").FindSubmatch(text)
		require.NotNil(t, m, name)
		return m[1]
	}
	type policyStatement struct {
		Sid, Effect string
		Action      list
		Principal   map[string]list
		Condition   map[string]map[string]any
	}
	admittedBy := func(name string) (services map[string][]string, account []string) {
		var key []policyStatement
		require.NoError(t, json.Unmarshal(block(name), &key))
		services = map[string][]string{}
		for _, s := range key {
			require.Equal(t, "Allow", s.Effect)
			for _, service := range s.Principal["Service"] {
				services[service.(string)] = s.Action.texts(t)
			}
			if len(s.Principal["AWS"]) > 0 {
				account = s.Action.texts(t)
			}
		}
		return services, account
	}
	admitted, account := admittedBy("key policy")
	// Rules send to the queues and to the topic of the alarms, to which alarms
	// publish too; CloudWatch Logs keeps the logs.
	require.Subset(t, admitted["events.amazonaws.com"], []string{"kms:Decrypt", "kms:GenerateDataKey*"})
	require.Subset(t, admitted["cloudwatch.amazonaws.com"], []string{"kms:Decrypt", "kms:GenerateDataKey*"})
	require.Contains(t, admitted, "logs.REGION.amazonaws.com")
	require.Len(t, admitted, 3)

	// EventBridge user guide, "Encrypting event buses", key policy and "key
	// permissions for event bus actions".
	bus, maker := admittedBy("key policy of a bus")
	require.Equal(t, map[string][]string{"events.amazonaws.com": {"kms:DescribeKey"}}, bus)
	require.ElementsMatch(t, []string{"kms:GenerateDataKeyWithoutPlaintext", "kms:Encrypt", "kms:ReEncryptFrom", "kms:ReEncryptTo"}, maker)
	require.Subset(t, account, []string{"kms:Decrypt", "kms:DescribeKey"}, "which it needs as well")

	var queue policyStatement
	require.NoError(t, json.Unmarshal(block("queue policy"), &queue))
	require.Equal(t, []string{"sqs:SendMessage"}, queue.Action.texts(t))
	require.Equal(t, map[string]map[string]any{"ArnEquals": {"aws:SourceArn": "TOPIC_ARN"}}, queue.Condition)
}
