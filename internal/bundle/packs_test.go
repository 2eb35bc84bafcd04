package bundle

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sgwarden/sgwarden/internal/policy"
	"github.com/sgwarden/sgwarden/internal/secgroup"
)

// everyPack reads all embedded packs, as a deployment that lists them all.
func everyPack(t *testing.T) policy.Parsed {
	t.Helper()
	packs, err := readPacks()
	require.NoError(t, err)
	text := "apiVersion: sgwarden/v1\nkind: Settings\npacks:\n"
	for id := range packs {
		text += "  - " + id + "\n"
	}
	parsed, err := policy.Parse([]policy.Source{{File: "all.yaml", Text: []byte(text)}}, packs)
	require.NoError(t, err)
	return parsed
}

func TestShippedPoliciesKeepTheirTests(t *testing.T) {
	report, err := everyPack(t).RunTests(time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC), policy.TestSelection{Shipped: true})
	require.NoError(t, err)
	for _, r := range report.Results {
		require.False(t, r.Failed(), r.String())
	}
	require.Greater(t, len(report.Results), 80)
}

func TestShippedPoliciesSayWhatTheyAreFor(t *testing.T) {
	parsed := everyPack(t)
	require.Empty(t, parsed.Warnings)
	tested := map[string]policy.Tests{}
	for _, tests := range parsed.Tests {
		require.NotContains(t, tested, tests.Policy)
		tested[tests.Policy] = tests
	}
	all := append(parsed.Documents, parsed.Off...)
	require.Len(t, all, len(tested))
	for _, d := range all {
		require.True(t, d.Shipped, d.ID)
		require.Equal(t, d.ID+".yaml", filepath.Base(d.File), "a file is named by its policy")
		for name, text := range map[string]string{"title": d.Title, "why": d.Why, "fix": d.Fix, "maturity": d.Maturity} {
			require.NotEmpty(t, text, "%s of %s", name, d.ID)
		}
		require.NotEmpty(t, d.Checks, d.ID)
		for _, c := range d.Checks {
			require.Regexp(t, `^[IEDHC]-[A-Z0-9]+$`, c, d.ID)
		}
		universal := filepath.Base(filepath.Dir(d.File)) == "baseline"
		require.Equal(t, !universal, d.Chosen, "%s: baseline is universal, conscious is chosen", d.ID)
		pass, fail := 0, 0
		for _, c := range tested[d.ID].Cases {
			pass, fail = pass+len(c.Pass), fail+len(c.Fail)
		}
		require.Positive(t, pass, "rules that comply with %s", d.ID)
		require.Positive(t, fail, "rules that violate %s", d.ID)
	}
}

// TestBaselineLeavesOrdinaryRulesAlone: the whole pack on rules that people
// make every day, and on those that it is there for.
func TestBaselineLeavesOrdinaryRulesAlone(t *testing.T) {
	set, _, err := Load("", Options{Default: policy.Enforce})
	require.NoError(t, err)
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	for _, c := range []struct {
		group, rule string
		violates    []string
	}{
		{"web", "ingress tcp/443 from 0.0.0.0/0", nil},
		{"web", "ingress tcp/443 from 0.0.0.0/16", nil},
		{"web", "ingress tcp/80 from 0.0.0.0/0", nil},
		{"web", "ingress tcp/443 from ::/0", nil},
		{"web", "ingress udp/443 from 0.0.0.0/0", nil},
		{"web", "ingress icmp from 0.0.0.0/0", nil},
		{"web", "ingress tcp/22 from 8.8.8.0/29", nil},
		{"web", "ingress tcp/22 from 10.0.0.0/8", nil},
		{"web", "egress all to 0.0.0.0/0", nil},
		{"web", "egress all to ::/0", nil},
		{"web", "ingress tcp/22 from 0.0.0.0/0", []string{"admin-ports-from-internet"}},
		{"web", "ingress tcp/20-25 from ::/0", []string{"admin-ports-from-internet"}},
		{"web", "ingress tcp/5432 from 0.0.0.0/1", []string{"database-ports-from-internet"}},
		{"web", "ingress tcp/3000-4000 from 0.0.0.0/0", []string{"admin-ports-from-internet", "database-ports-from-internet"}},
		{"web", "ingress all from 0.0.0.0/0", []string{"admin-ports-from-internet", "all-traffic-from-internet", "database-ports-from-internet"}},
		{"default", "egress all to 0.0.0.0/0", []string{"default-group-has-no-rules"}},
		{"default", "ingress tcp/443 from 10.0.0.0/8", []string{"default-group-has-no-rules"}},
	} {
		rule, err := secgroup.ParseRule(c.rule)
		require.NoError(t, err)
		rule.ID = "sgr-1"
		verdict := set.Evaluate(set.ExplainInput(secgroup.Group{ID: "sg-1", Name: c.group}, []secgroup.Rule{rule}, now))
		var violates []string
		for _, f := range verdict.Rules[0].Findings {
			if f.State != policy.Fine {
				violates = append(violates, f.Policy.ID)
			}
		}
		require.Equal(t, c.violates, violates, "%s: %s", c.group, c.rule)
		want := policy.Keep
		if c.violates != nil {
			want = policy.Revert
		}
		require.Equal(t, want, verdict.Rules[0].Decision, "%s: %s", c.group, c.rule)
	}
}

func TestPacksHaveNothingForLint(t *testing.T) {
	dir := folder(t, map[string]string{"sgwarden.yaml": "apiVersion: sgwarden/v1\nkind: Settings\npacks: [baseline, conscious]\noverrides:\n" +
		"  internal-web-from-inside: {scope: {vpcs: [vpc-0a1b2c3d]}}\n  default-egress: {scope: {vpcs: [vpc-0a1b2c3d]}}\n" +
		"  database-from-application: {scope: {vpcs: [vpc-0a1b2c3d]}}\n"})
	found, err := Lint(dir, time.Time{})
	require.NoError(t, err)
	require.Len(t, found, 1)
	require.True(t, found[0].Warning)
	require.Equal(t, "off, as no scope is given: plain-http-from-internet", found[0].Message)
}
