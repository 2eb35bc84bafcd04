//go:build !race

package stacks

import (
	"debug/elf"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/sgwarden/sgwarden/internal/bundle"
	"github.com/sgwarden/sgwarden/internal/policy"
)

func fromContext(context map[string]any) (Settings, error) {
	return FromContext(context, Where{Now: when})
}

func TestDefaults(t *testing.T) {
	s, err := fromContext(map[string]any{"dist": dist, "aws:cdk:enable-path-metadata": true, "@aws-cdk/core:checkSecretUsage": true, "availability-zones:account=1": []any{}})
	require.NoError(t, err)
	require.Equal(t, policy.Stack{
		Name: "Sgwarden", Mode: policy.Observe, LogDays: 365, Concurrency: 5, Architecture: "arm64", Canary: true,
	}, s.Stack.Stack, "nothing is changed unless somebody says so, and the architecture is the build's")
}

func TestTheContextLiesOverTheSettings(t *testing.T) {
	built := t.TempDir()
	fakeBuild(built, "testdata/full", elf.EM_X86_64)
	s, err := fromContext(map[string]any{
		"dist": built, "policies": "testdata/full", "stack": "Warden-2", "mode": "observe", "logDays": "30", "attachments": "no", "canary": false,
		"concurrency": 2.0, "operator": "arn:aws:iam::123456789012:role/ops/other",
	})
	require.NoError(t, err)
	require.Equal(t, policy.Observe, s.Mode)
	require.Equal(t, "Warden-2", s.Name)
	require.Equal(t, 30, s.LogDays)
	require.Equal(t, 2, s.Concurrency)
	require.Equal(t, "arn:aws:iam::123456789012:role/ops/other", s.Operator)
	require.False(t, s.Attachments)
	require.False(t, s.Canary)
	require.Len(t, s.Alerts, 4, "what only the settings have stays")
	require.Equal(t, "x86_64", s.Architecture)
}

func TestFaultsOfTheContext(t *testing.T) {
	for _, c := range []struct {
		name, key string
		value     any
		want      string
	}{
		{"mode", "mode", "Enforce", "-c mode: unknown mode \"Enforce\"\n    hint: did you mean \"enforce\"?"},
		{"empty mode", "mode", "", "-c mode: mode is empty"},
		{"email", "email", "you", "-c email: \"you\" is no e-mail address\n    hint: write one plain address, as you@example.com"},
		{"email with a name", "email", "You <you@example.com>", "-c email: \"You <you@example.com>\" is no e-mail address\n    hint: write you@example.com"},
		{"architecture", "architecture", "amd64", "-c architecture: unknown architecture \"amd64\"\n    hint: did you mean \"arm64\"?"},
		{"stack", "stack", "1st", "-c stack: \"1st\" cannot be the name of a stack\n    hint: letters, digits and hyphens, at most 40, a letter first"},
		{"operator", "operator", "operator", "-c operator: \"operator\" is not the ARN of a role\n    hint: write arn:aws:iam::123456789012:role/operator"},
		{"attachments", "attachments", "on", "-c attachments: attachments must be true or false, not \"on\""},
		{"canary", "canary", "off", "-c canary: canary must be true or false, not \"off\""},
		{"no text", "email", true, "-c email: email must be text, not true\n    hint: write \"true\""},
		{"a list", "email", []any{"you@example.com"}, "-c email: email must be text, not a mapping"},
		{"no number", "logDays", "a year", "-c logDays: logDays must be a number from 1 to 9999, not \"a year\""},
		{"misspelt", "emial", "you@example.com", "-c emial: there is no such setting\n    hint: did you mean \"email\"?"},
		{"misspelt folder", "dsit", "dist", "-c dsit: there is no such setting\n    hint: did you mean \"dist\"?"},
		{"more than a value", "alerts", "you@example.com", "-c alerts: there is no such setting\n    hint: it is set in the settings only, under stack"},
		{"not built", "dist", "no-such-folder", "no-such-folder/guard: there is no bootstrap in it\n    hint: run make build first, or name its folder with -c dist=FOLDER"},
		{"no folder", "policies", 5.0, "-c policies: policies must be the name of a folder"},
		{"no policies", "policies", "no-such-folder", "-c policies: read no-such-folder: there is no such folder"},
		{"another processor", "architecture", "x86_64", "guard: it was built for arm64, and the stack is for x86_64\n    hint: build with GOARCH=amd64"},
	} {
		t.Run(c.name, func(t *testing.T) {
			context := map[string]any{"dist": dist}
			context[c.key] = c.value
			_, err := fromContext(context)
			var faults policy.Faults
			require.ErrorAs(t, err, &faults)
			require.Len(t, faults, 1)
			require.Contains(t, strings.ReplaceAll(err.Error(), "\n  hint", "\n    hint"), c.want)
		})
	}
}

// TestAllFaultsAreToldTogether: those of the settings, of what lies over them
// and of the build.
func TestAllFaultsAreToldTogether(t *testing.T) {
	folder := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(folder, "sgwarden.yaml"), []byte(`apiVersion: sgwarden/v1
kind: Settings
mode: observe
packs: [baseline]
stack:
  alerts:
    - {https: "http://alerts.example.com", filter: {severity: [hihg]}}
  logDays: 100
`), 0o600))
	_, err := fromContext(map[string]any{"mode": "enforce", "emial": "x", "architecture": "sparc", "dist": "no-such-folder", "policies": folder})
	require.Equal(t, `-c architecture: unknown architecture "sparc"
  hint: known: arm64, x86_64
-c emial: there is no such setting
  hint: did you mean "email"?
-c mode: the settings say observe, and the lower mode counts: nothing would be enforced
  hint: leave it out, or write mode: enforce at sgwarden.yaml:3:7
sgwarden.yaml:7:15: alerts do not go over plain http
  7 |     - {https: "http://alerts.example.com", filter: {severity: [hihg]}}
    |               ^^^^^^^^^^^^^^^^^^^^^^^^^^^
    hint: write https://alerts.example.com
sgwarden.yaml:7:64: severity: "hihg" is none of none, info, low, medium, high, critical
  7 |     - {https: "http://alerts.example.com", filter: {severity: [hihg]}}
    |                                                                ^^^^
sgwarden.yaml:8:12: CloudWatch Logs cannot keep logs for 100 days
  8 |   logDays: 100
    |            ^^^
    hint: write 90 or 120
no-such-folder/guard: there is no bootstrap in it
  hint: run make build first, or name its folder with -c dist=FOLDER`, strings.ReplaceAll(err.Error(), folder+string(filepath.Separator), ""))
}

// TestABuildOfOtherPolicies: what is deployed would not be what was checked.
func TestABuildOfOtherPolicies(t *testing.T) {
	_, err := fromContext(map[string]any{"dist": dist, "policies": "testdata/everything"})
	require.ErrorContains(t, err, "it was not built of the policies that the settings come with")
}

// TestFunctionsOfTwoBuilds: sweep would drop the acts of guard's policies.
func TestFunctionsOfTwoBuilds(t *testing.T) {
	mixed := t.TempDir()
	fakeBuild(mixed, "", elf.EM_AARCH64)
	folder := filepath.Join(mixed, "policies")
	require.NoError(t, os.Mkdir(folder, 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(folder, "sgwarden.yaml"), []byte("apiVersion: sgwarden/v1\nkind: Settings\npacks: [baseline]\nsets: {internal: [100.64.0.0/10]}\n"), 0o600))
	_, other, err := bundle.Load(folder, bundle.Options{})
	require.NoError(t, err)
	require.NoError(t, other.WriteFile(filepath.Join(mixed, "sweep", bundle.FileName)))
	_, err = fromContext(map[string]any{"dist": mixed})
	require.ErrorContains(t, err, "its policies are not those of guard")
}

func TestPoliciesMustBeBuilt(t *testing.T) {
	bare := t.TempDir()
	require.NoError(t, os.MkdirAll(filepath.Join(bare, "guard"), 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(bare, "guard", "bootstrap"), executable(elf.EM_AARCH64, ""), 0o755))
	_, err := fromContext(map[string]any{"dist": bare})
	require.ErrorContains(t, err, "policies", "a stack without policies is refused")
}
