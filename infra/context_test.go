package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestContext(t *testing.T) {
	overflow := filepath.Join(t.TempDir(), "context.json")
	require.NoError(t, os.WriteFile(overflow, []byte(`{"email": "you@example.com", "stack": "Other"}`), 0o600))
	for _, c := range []struct {
		name        string
		environment map[string]string
		want        map[string]any
		fault       string
	}{
		{"none", nil, map[string]any{}, ""},
		{"as the CDK gives it", map[string]string{contextVariable: `{"stack": "Warden", "logDays": 30}`}, map[string]any{"stack": "Warden", "logDays": 30.0}, ""},
		{"too large", map[string]string{contextVariable: `{"stack": "Warden"}`, overflowVariable: overflow}, map[string]any{"stack": "Warden", "email": "you@example.com"}, ""},
		{"no file", map[string]string{overflowVariable: overflow + "x"}, nil, "read context: open"},
		{"no JSON", map[string]string{contextVariable: `{`}, nil, "read context of CDK_CONTEXT_JSON"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := contextOf(func(name string) string { return c.environment[name] })
			if c.fault != "" {
				require.ErrorContains(t, err, c.fault)
				return
			}
			require.NoError(t, err)
			require.Equal(t, c.want, got)
		})
	}
}
