//go:build !race

package stacks

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/sgwarden/sgwarden/infra/release"
)

// TestReleaseTemplate: what is released is this stack, without the CDK.
func TestReleaseTemplate(t *testing.T) {
	for _, partition := range release.Partitions() {
		text, assets, err := release.Template(plain.raw, partition)
		require.NoError(t, err)
		require.Len(t, assets, len(plain.of("AWS::Lambda::Function")))
		require.Less(t, len(text), 1_000_000, "CloudFormation takes 1 MB from a bucket")
		var made struct {
			Parameters, Conditions, Resources map[string]any
			Outputs                           map[string]any
		}
		require.NoError(t, json.Unmarshal(text, &made))
		require.Len(t, made.Parameters, 5)
		for name, p := range made.Parameters {
			require.Contains(t, p, "Default", "%s: all defaults work", name)
		}
		require.Len(t, made.Resources, len(plain.Resources)-len(plain.of("AWS::CDK::Metadata"))+3, "two subscriptions more, and the alarm of the hub")
		require.Equal(t, len(plain.Outputs), len(made.Outputs))
		for _, ref := range refs(made.Resources) {
			_, resource := made.Resources[ref]
			_, parameter := made.Parameters[ref]
			require.True(t, resource || parameter || strings.HasPrefix(ref, "AWS::"), ref)
		}
	}
	_, _, err := release.Template(full.raw, "aws")
	require.ErrorContains(t, err, "without the setting organisation")
}

// refs are the names that a part of a template refers to by Ref.
func refs(part any) (names []string) {
	switch part := part.(type) {
	case map[string]any:
		for key, v := range part {
			if name, ok := v.(string); ok && key == "Ref" && len(part) == 1 {
				names = append(names, name)
				continue
			}
			names = append(names, refs(v)...)
		}
	case []any:
		for _, v := range part {
			names = append(names, refs(v)...)
		}
	}
	return names
}
