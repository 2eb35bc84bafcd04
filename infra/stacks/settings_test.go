//go:build !race

package stacks

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/sgwarden/sgwarden/internal/bundle"
)

func TestDefaults(t *testing.T) {
	s, err := FromContext(map[string]any{"dist": dist, "aws:cdk:enable-path-metadata": true, "@aws-cdk/core:checkSecretUsage": true, "availability-zones:account=1": []any{}})
	require.NoError(t, err)
	require.Equal(t, "Sgwarden", s.Stack)
	require.Equal(t, Observe, s.Mode, "nothing is changed unless somebody says so")
	require.Equal(t, "arm64", s.Architecture)
	require.Empty(t, s.Email)
	require.False(t, s.Attachments, "they are many, and few policies ask")
}

func TestEverySettingIsRead(t *testing.T) {
	s, err := FromContext(map[string]any{
		"dist": dist, "stack": "Warden-2", "mode": "enforce", "email": "you@example.com", "architecture": "x86_64",
		"operator": "arn:aws:iam::123456789012:role/ops/operator", "attachments": "yes",
	})
	require.NoError(t, err)
	require.Equal(t, Enforce, s.Mode)
	require.Equal(t, "Warden-2", s.Stack)
	require.Equal(t, "you@example.com", s.Email)
	require.Equal(t, "x86_64", s.Architecture)
	require.Equal(t, "arn:aws:iam::123456789012:role/ops/operator", s.Operator)
	require.True(t, s.Attachments)
}

func TestFaultsOfSettings(t *testing.T) {
	for _, c := range []struct {
		name, key string
		value     any
		want      string
	}{
		{"mode", "mode", "Enforce", "-c mode=Enforce: must be observe or enforce"},
		{"empty mode", "mode", "", "must be observe or enforce"},
		{"email", "email", "you", "must be one plain address"},
		{"email with a name", "email", "You <you@example.com>", "must be one plain address"},
		{"architecture", "architecture", "amd64", "must be arm64 or x86_64"},
		{"stack", "stack", "1st", "a letter first"},
		{"long stack", "stack", strings.Repeat("s", 41), "at most 40"},
		{"operator", "operator", "operator", "must be the ARN of a role"},
		{"attachments", "attachments", "true", "must be yes or no"},
		{"canary", "canary", "off", "must be yes or no"},
		{"no text", "email", true, "must be a text"},
		{"misspelt", "emial", "you@example.com", "-c emial=...: there is no such setting; there are stack, mode, email"},
		{"not built", "dist", "no-such-folder", "run make build first"},
	} {
		t.Run(c.name, func(t *testing.T) {
			context := map[string]any{"dist": dist}
			context[c.key] = c.value
			_, err := FromContext(context)
			require.ErrorContains(t, err, c.want)
			require.Len(t, strings.Split(err.Error(), "\n"), 1)
		})
	}
}

func TestFaultsOfSettingsAreToldTogether(t *testing.T) {
	_, err := FromContext(map[string]any{"mode": "on", "emial": "x", "architecture": "sparc", "dist": "no-such-folder"})
	require.Len(t, strings.Split(err.Error(), "\n"), 4)
}

// TestFunctionsOfTwoBuilds: sweep would drop the acts of guard's policies.
func TestFunctionsOfTwoBuilds(t *testing.T) {
	mixed := t.TempDir()
	fakeBuild(mixed, "")
	folder := filepath.Join(mixed, "policies")
	require.NoError(t, os.Mkdir(folder, 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(folder, "sgwarden.yaml"), []byte("apiVersion: sgwarden/v1\nkind: Settings\npacks: [baseline]\nsets: {internal: [100.64.0.0/10]}\n"), 0o600))
	_, other, err := bundle.Load(folder, bundle.Options{})
	require.NoError(t, err)
	require.NoError(t, other.WriteFile(filepath.Join(mixed, "sweep", bundle.FileName)))
	_, err = FromContext(map[string]any{"dist": mixed})
	require.ErrorContains(t, err, "they are not those of guard")
}

func TestPoliciesMustBeBuilt(t *testing.T) {
	bare := t.TempDir()
	require.NoError(t, os.MkdirAll(filepath.Join(bare, "guard"), 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(bare, "guard", "bootstrap"), []byte("x"), 0o755))
	_, err := FromContext(map[string]any{"dist": bare})
	require.ErrorContains(t, err, "policies", "a stack without policies is refused")
}
