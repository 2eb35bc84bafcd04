package bundle

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sgwarden/sgwarden/internal/alert"
	"github.com/sgwarden/sgwarden/internal/policy"
)

func stackFolder(t *testing.T, stack string) string {
	t.Helper()
	folder := t.TempDir()
	text := "apiVersion: sgwarden/v1\nkind: Settings\npacks: [baseline]\nstack:\n" + stack
	require.NoError(t, os.WriteFile(filepath.Join(folder, "sgwarden.yaml"), []byte(text), 0o600))
	return folder
}

var today = time.Date(2026, 6, 1, 0, 0, 0, 0, time.UTC)

// TestTheStackIsNoPartOfThePolicies: another address does not have the
// functions judge by another bundle, and none lies in their code.
func TestTheStackIsNoPartOfThePolicies(t *testing.T) {
	_, one, err := Load(stackFolder(t, "  email: you@example.com\n"), Options{})
	require.NoError(t, err)
	folder := stackFolder(t, "  email: me@example.com\n  logDays: 30\n")
	_, other, err := Load(folder, Options{})
	require.NoError(t, err)
	require.Equal(t, one.Digest, other.Digest)
	require.NotContains(t, string(other.encode()), "me@example.com")
	s, err := ReadStack(folder, today, policy.ParseOptions{})
	require.NoError(t, err)
	require.Equal(t, other.Digest, s.Digest)
	require.Equal(t, 30, s.LogDays)
}

func TestReadStackWithoutFolder(t *testing.T) {
	s, err := ReadStack("", today, policy.ParseOptions{Over: map[string]any{"email": "you@example.com"}})
	require.NoError(t, err)
	require.Empty(t, s.Digest)
	require.Len(t, s.Alerts, 1)
	require.Len(t, s.Alarms, 1)
	_, err = ReadStack("", today, policy.ParseOptions{Over: map[string]any{"email": "you"}})
	require.ErrorContains(t, err, "-c email: ")
}

// TestFilters of subscribers have the limits of sgwarden alert filter.
func TestFilters(t *testing.T) {
	for _, c := range []struct{ filter, want, fault string }{
		{"{minSeverity: high, team: [payments, 'cards-*']}", `{"severitylevel":[{"numeric":[">=",4]}],"team":["payments",{"prefix":"cards-"}]}`, ""},
		{"{severity: [High], outcome: ['!observed', '!alerted']}", `{"outcome":[{"anything-but":["observed","alerted"]}],"severity":["high"]}`, ""},
		{"{policy: ['admin-*'], account: ['123456789012'], region: [eu-west-1], mode: [enforce], eventType: [opened]}", `{"account":["123456789012"],"eventtype":["opened"],"mode":["enforce"],"policy":[{"prefix":"admin-"}],"region":["eu-west-1"]}`, ""},
		{"{outcome: [reverted, revertet]}", "", `sgwarden.yaml:6:61: outcome: "revertet" is none of ignored, `},
		{"{account: ['12']}", "", `sgwarden.yaml:6:51: account: "12" is no account: 12 digits`},
		{"{outcome: ['!observed', reverted]}", "", `sgwarden.yaml:6:40: outcome: values with ! stand alone`},
		{"{policy: ['!admin-ports-from-internet']}", "", `sgwarden.yaml:6:50: policy: a message names all its policies`},
		{"{severity: [low], team: [a], region: [eu-west-1], mode: [enforce], account: ['123456789012'], outcome: [reverted]}", "", `sgwarden.yaml:6:40: 6 attributes are asked for, and SNS takes 5`},
		{"{team: [a, b, c, d, e, f, g, h, i, j, k, l, m], region: [a-b-1, a-b-2, a-b-3, a-b-4, a-b-5, a-b-6, a-b-7, a-b-8, a-b-9, a-b-10, a-b-11, a-b-12]}", "", `sgwarden.yaml:6:40: the values make 156 combinations`},
	} {
		t.Run(c.filter, func(t *testing.T) {
			folder := stackFolder(t, "  alerts:\n    - {email: you@example.com, filter: "+c.filter+"}\n")
			s, err := ReadStack(folder, today, policy.ParseOptions{})
			found, lintErr := Lint(folder, today)
			require.NoError(t, lintErr)
			if c.fault != "" {
				var faults policy.Faults
				require.ErrorAs(t, err, &faults)
				require.Len(t, faults, 1)
				require.Contains(t, err.Error(), filepath.Join(folder, c.fault))
				require.Equal(t, []policy.Diagnostic(faults), found)
				return
			}
			require.NoError(t, err)
			require.Empty(t, found)
			text, err := FilterPolicy(s.Alerts[0])
			require.NoError(t, err)
			require.JSONEq(t, c.want, text)
		})
	}
	text, err := FilterPolicy(policy.Subscriber{})
	require.NoError(t, err)
	require.Empty(t, text)
}

func TestEveryAttributeCanBeFiltered(t *testing.T) {
	require.ElementsMatch(t, alert.AttributeNames(), slices.Collect(maps.Values(filterAttributes)))
}

func TestReadStackTellsWhatLintFinds(t *testing.T) {
	folder := stackFolder(t, "  logDays: 100\n")
	_, err := ReadStack(folder, today, policy.ParseOptions{Over: map[string]any{"concurrency": "1"}})
	require.ErrorContains(t, err, "-c concurrency: Lambda cannot judge 1 batches at once")
	require.ErrorContains(t, err, "CloudWatch Logs cannot keep logs for 100 days")
	_, err = ReadStack(filepath.Join(folder, "none"), today, policy.ParseOptions{})
	require.ErrorContains(t, err, "there is no such folder")
}
