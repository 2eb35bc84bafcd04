package bundle

import (
	"net/netip"
	"path/filepath"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sgwarden/sgwarden/internal/policy"
	"github.com/sgwarden/sgwarden/internal/secgroup"
)

var packsDay = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

// everyPolicy gives the policies of all embedded packs, by id, and their tests.
func everyPolicy(t *testing.T) ([]policy.Document, map[string]policy.Tests) {
	t.Helper()
	parsed, err := parsePacks()
	require.NoError(t, err)
	require.Empty(t, parsed.Warnings)
	tests := map[string]policy.Tests{}
	for _, own := range parsed.Tests {
		require.NotContains(t, tests, own.Policy)
		tests[own.Policy] = own
	}
	all := documentsOf(parsed)
	for i, d := range all {
		all[i] = tests[d.ID].Fill(d)
	}
	slices.SortFunc(all, func(a, b policy.Document) int { return compareNumbered(a.ID, b.ID) })
	return all, tests
}

// switchedOn is the set of one policy, whether it is chosen or not.
func switchedOn(t *testing.T, d policy.Document, exemptions ...policy.Exemption) *policy.Set {
	t.Helper()
	d.Chosen = false
	set, err := policy.Compile([]policy.Document{d}, policy.Settings{Mode: policy.Enforce, TrustedTags: []string{"network-zone"}, Exemptions: exemptions})
	require.NoError(t, err, d.ID)
	return set
}

// said is what a set says of the rules of a group together: fail if it says so
// of one, else exempt if it says so of one, else pass.
func said(set *policy.Set, group secgroup.Group, rules ...secgroup.Rule) string {
	return saidIn(set, policy.TestCase{}, group, rules...)
}

// saidIn is said with what a case knows beyond the group.
func saidIn(set *policy.Set, c policy.TestCase, group secgroup.Group, rules ...secgroup.Rule) string {
	for i := range rules {
		rules[i].ID = "sgr-" + string(rune('a'+i))
	}
	out := "pass"
	in := set.ExplainInput(group, rules, packsDay)
	if c.Dead != nil {
		in.Facts.Surroundings = c.Surroundings
	}
	for _, r := range set.Evaluate(in).Rules {
		for _, f := range r.Findings {
			switch f.State {
			case policy.Fine:
			case policy.Exempt:
				out = "exempt"
			default:
				return "fail"
			}
		}
	}
	return out
}

func TestShippedPoliciesKeepTheirTests(t *testing.T) {
	report, err := RunTests("", packsDay, nil)
	require.NoError(t, err)
	for _, r := range report.Results {
		require.False(t, r.Failed(), r.String())
	}
	require.Empty(t, report.Gaps)
	require.Greater(t, len(report.Results), 1000)
}

func TestShippedPoliciesSayWhatTheyAreFor(t *testing.T) {
	all, tests := everyPolicy(t)
	require.Len(t, all, len(tests))
	for _, d := range all {
		require.True(t, d.Shipped, d.ID)
		require.Equal(t, d.ID+".yaml", filepath.Base(d.File), "a file is named by its policy")
		require.Equal(t, d.ID+testsSuffix, filepath.Base(tests[d.ID].File), "its tests lie beside it")
		for name, text := range map[string]string{"title": d.Title, "why": d.Why, "fix": d.Fix, "maturity": d.Maturity} {
			require.NotEmpty(t, text, "%s of %s", name, d.ID)
		}
		switch filepath.Base(filepath.Dir(d.File)) {
		case "baseline":
			require.False(t, d.Chosen, "%s: baseline is universal", d.ID)
		case "conscious":
			require.True(t, d.Chosen, "%s: conscious is chosen", d.ID)
			require.Contains(t, d.Why, "Connection tracking:", d.ID)
		}
		pass, fail := 0, 0
		for _, c := range tests[d.ID].Cases {
			pass, fail = pass+len(c.Pass), fail+len(c.Fail)
			switch c.Want {
			case "pass":
				pass++
			case "fail":
				fail++
			}
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

// universal gives all policies that are on once their packs are listed, but one.
func universal(all []policy.Document, but string) []policy.Document {
	return slices.DeleteFunc(slices.Clone(all), func(d policy.Document) bool { return d.Chosen || d.ID == but })
}

// TestNoPolicyRepeatsAnother: for each check of each policy some rule of its
// tests violates that policy, and none of those that are on beside it. What
// opens everything opens what others forbid, too.
func TestNoPolicyRepeatsAnother(t *testing.T) {
	all, tests := everyPolicy(t)
	for _, d := range all {
		if d.OnChange != nil || slices.ContainsFunc(d.Forbid, func(c policy.Clause) bool { return c.Whole }) {
			continue
		}
		if !judgesRules(d) {
			words := d.Require[0]
			require.False(t, slices.ContainsFunc(all, func(o policy.Document) bool {
				return o.ID != d.ID && slices.ContainsFunc(o.Require, func(r policy.Requirement) bool {
					r.Line = words.Line
					return reflect.DeepEqual(r, words) && reflect.DeepEqual(o.Scope, d.Scope)
				})
			}), "%s: another policy requires the same", d.ID)
			continue
		}
		own := switchedOn(t, d)
		others, err := policy.Compile(universal(all, d.ID), policy.Settings{Mode: policy.Enforce})
		require.NoError(t, err)
		for _, check := range d.Checks {
			require.True(t, slices.ContainsFunc(tests[d.ID].Cases, func(c policy.TestCase) bool {
				return c.Check == check && slices.ContainsFunc(c.Fail, func(r policy.TestRule) bool {
					rule := fromOutside(r.Rule)
					return saidIn(own, c, c.Group, rule) == "fail" && saidIn(others, c, c.Group, rule) == "pass"
				})
			}), "%s: another policy finds all that it finds for %s", d.ID, check)
		}
	}
}

// judgesRules reports whether a policy is about rules, not about the group alone.
func judgesRules(d policy.Document) bool {
	return len(d.Require) == 0 || slices.ContainsFunc(d.Require, func(r policy.Requirement) bool { return r.Where != nil })
}

// fromOutside is a rule without what of everybody is inside.
func fromOutside(rule secgroup.Rule) secgroup.Rule {
	if c, ok := rule.Peer.(secgroup.CIDR); ok && c.Bits() == 0 {
		outside := "8.0.0.0/8"
		if c.Addr().Is6() {
			outside = "2600::/16"
		}
		rule.Peer = secgroup.NewCIDR(netip.MustParsePrefix(outside))
	}
	return rule
}

// TestUniversalPoliciesLeaveOrdinaryRulesAlone: all packs listed, nothing scoped.
func TestUniversalPoliciesLeaveOrdinaryRulesAlone(t *testing.T) {
	all, _ := everyPolicy(t)
	set, err := policy.Compile(universal(all, ""), policy.Settings{Mode: policy.Enforce})
	require.NoError(t, err)
	for _, text := range []string{
		"ingress tcp/443 from 0.0.0.0/0", "ingress tcp/80 from ::/0", "ingress udp/443 from 0.0.0.0/0", "ingress tcp/22 from 8.8.8.0/29",
		"ingress tcp/22 from 10.1.0.0/16", "ingress tcp/443 from 10.0.0.0/8", "ingress tcp/5432 from sg-0a1b2c3d", "ingress all from sg-0a1b2c3d",
		"ingress icmp/3/4 from 0.0.0.0/0", "ingress icmp from 10.0.0.0/8", "ingress udp/51820 from 0.0.0.0/0", "ingress tcp/8443 from 0.0.0.0/0",
		"egress all to 0.0.0.0/0", "egress all to ::/0", "egress tcp/443 to 10.0.0.0/8",
	} {
		rule, err := secgroup.ParseRule(text)
		require.NoError(t, err)
		require.Equal(t, "pass", said(set, secgroup.Group{ID: "sg-1", Name: "web"}, rule), text)
	}
}

// TestADeploymentFillsInWhatIsItsOwn: the list of known networks, and the mark
// of public groups.
func TestADeploymentFillsInWhatIsItsOwn(t *testing.T) {
	dir := folder(t, map[string]string{"sgwarden.yaml": "apiVersion: sgwarden/v1\nkind: Settings\nmode: enforce\npacks: [segmentation]\n" +
		"sets: {known: [8.8.4.0/24]}\ntrusted: {tags: [zone]}\noverrides:\n" +
		"  known-sources-only: {scope: {regions: [eu-west-1]}}\n" +
		"  public-only-where-marked: {scope: {regions: [eu-west-1], not: {groups: {tags: {zone: [public]}}}}}\n"})
	found, err := Lint(dir, packsDay)
	require.NoError(t, err)
	require.Len(t, found, 1, "what is off")
	set, _, err := Load(dir, Options{})
	require.NoError(t, err)
	for _, c := range []struct {
		zone, rule string
		violates   []string
	}{
		{"inner", "ingress tcp/443 from 8.8.4.0/25", nil},
		{"inner", "ingress tcp/443 from 8.8.4.0/23", []string{"known-sources-only"}},
		{"inner", "ingress tcp/443 from 0.0.0.0/0", []string{"known-sources-only", "public-only-where-marked"}},
		{"public", "ingress tcp/443 from 0.0.0.0/0", []string{"known-sources-only"}},
	} {
		rule, err := secgroup.ParseRule(c.rule)
		require.NoError(t, err)
		rule.ID = "sgr-1"
		group := secgroup.Group{ID: "sg-1", Region: "eu-west-1", Tags: map[string]string{"zone": c.zone}}
		require.Equal(t, c.violates, violated(set, group, rule), "%s: %s", c.zone, c.rule)
	}
}

// violated gives the policies that a rule violates.
func violated(set *policy.Set, group secgroup.Group, rule secgroup.Rule) []string {
	var out []string
	for _, f := range set.Evaluate(set.ExplainInput(group, []secgroup.Rule{rule}, packsDay)).Rules[0].Findings {
		if f.State != policy.Fine {
			out = append(out, f.Policy.ID)
		}
	}
	return out
}

func TestPacksHaveNothingForLint(t *testing.T) {
	dir := folder(t, map[string]string{"sgwarden.yaml": "apiVersion: sgwarden/v1\nkind: Settings\npacks: [baseline, conscious, cis-aws-6.0, aws-fsbp]\noverrides:\n" +
		"  internal-web-from-inside: {scope: {vpcs: [vpc-0a1b2c3d]}}\n  default-egress: {scope: {vpcs: [vpc-0a1b2c3d]}}\n" +
		"  database-from-application: {scope: {vpcs: [vpc-0a1b2c3d]}}\n  vpc-web-from-its-vpc: {scope: {vpcs: [vpc-0a1b2c3d]}}\n"})
	found, err := Lint(dir, time.Time{})
	require.NoError(t, err)
	var messages []string
	for _, d := range found {
		require.True(t, d.Warning)
		messages = append(messages, d.File+": "+d.Message)
	}
	require.Equal(t, []string{
		"packs/aws-fsbp: off, as no scope is given: every-change-is-told, only-web-ports-from-internet",
		"packs/conscious: off, as no scope is given: plain-http-from-internet",
	}, messages)
}
