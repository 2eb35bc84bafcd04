//go:build !race

package stacks

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestKey: what is kept is encrypted with the customer's key, where there is one.
func TestKey(t *testing.T) {
	const arn = "arn:aws:kms:eu-west-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab"
	require.NotContains(t, string(plain.raw), "kms:")
	require.NotContains(t, string(plain.raw), "Kms")
	keys := map[string]any{}
	for id, r := range full.Resources {
		switch r.Type {
		case "AWS::SQS::Queue", "AWS::SNS::Topic":
			keys[id] = r.Properties["KmsMasterKeyId"]
			require.NotContains(t, r.Properties, "SqsManagedSseEnabled")
		case "AWS::Logs::LogGroup":
			keys[id] = r.Properties["KmsKeyId"]
		case "AWS::Events::EventBus":
			keys[id] = r.Properties["KmsKeyIdentifier"]
		case "AWS::DynamoDB::Table":
			require.Equal(t, map[string]any{"SSEEnabled": true, "SSEType": "KMS", "KMSMasterKeyId": arn}, r.Properties["SSESpecification"])
		}
	}
	require.Len(t, keys, 3+3+3+1)
	for id, key := range keys {
		require.Equal(t, arn, key, id)
	}
}

// TestMultiRegionKey: its replica in the region of the stack is meant.
func TestMultiRegionKey(t *testing.T) {
	tpl := synthesize(map[string]any{"dist": dist, "key": "arn:aws:kms:us-east-1:210987654321:key/mrk-1234abcd12ab34cd56ef1234567890ab"}, "eu-west-1")
	want := map[string]any{"Fn::Join": []any{"", []any{
		"arn:", map[string]any{"Ref": "AWS::Partition"}, ":kms:", map[string]any{"Ref": "AWS::Region"}, ":210987654321:key/mrk-1234abcd12ab34cd56ef1234567890ab",
	}}}
	_, changes := tpl.one(t, "AWS::SQS::Queue", "Changes")
	require.Equal(t, want, changes.Properties["KmsMasterKeyId"])
	require.NotContains(t, string(tpl.raw), "us-east-1")
}

// onKey are the questions that a service asks of the customer's key in the name
// of who makes these requests.
func onKey(requests []iamRequest) (all []iamRequest) {
	for _, r := range requests {
		service, operation, _ := strings.Cut(r.action, ":")
		via := map[string][]string{"kms:ViaService": {service + "." + ownRegion + ".amazonaws.com"}}
		switch operation {
		case "SendMessage", "Publish":
			all = append(all, iamRequest{"kms:GenerateDataKey", ownKey, via}, iamRequest{"kms:Decrypt", ownKey, via})
		case "ReceiveMessage":
			all = append(all, iamRequest{"kms:Decrypt", ownKey, via})
		default:
			if service == "dynamodb" {
				all = append(all, iamRequest{"kms:Decrypt", ownKey, via})
			}
		}
	}
	return all
}
