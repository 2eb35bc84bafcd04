package policy

import (
	"cmp"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sgwarden/sgwarden/internal/secgroup"
	"github.com/sgwarden/sgwarden/policies"
)

// overriddenPolicy gives policy p under overrides, one word of YAML.
func overriddenPolicy(t *testing.T, policy, override string, settings ...string) (Parsed, *Policy) {
	t.Helper()
	if override != "" {
		settings = append(settings, "overrides: {p: "+override+"}")
	}
	parsed := parsedFrom(t, policyText("p", policy), settingsText(append(settings, "mode: enforce")...))
	set, err := Compile(parsed.Documents, parsed.Deployment.Settings(Enforce))
	require.NoError(t, err)
	require.Len(t, set.Policies, 1)
	return parsed, set.Policies[0]
}

// excessUnder is what policy p finds too much of a rule.
func excessUnder(t *testing.T, p *Policy, rule string) string {
	t.Helper()
	r := ruleOf(t, rule)
	r.ID = "sgr-0a1b2c3d"
	set := &Set{Policies: []*Policy{p}, index: newIndex([]*Policy{p}), settle: defaultSettle}
	v := set.Evaluate(Input{Live: secgroup.Group{ID: ownGroup, AccountID: ownAccount, Rules: []secgroup.Rule{r}}, Now: now, Facts: Facts{Acts: set.ActsDone(now)}})
	return strings.Join(excessOf(v.Rules[0].Findings[0], r.Direction), ", ")
}

func TestOverridesChangeWhatAPolicyJudges(t *testing.T) {
	const (
		mail  = "forbid: [{direction: ingress, ports: [25, 465], peers: [internet]}]"
		two   = "forbid:\n  - {direction: ingress, ports: [22], peers: [internet]}\n  - {direction: ingress, protocols: [tcp], ports: [23, 10250], peers: [internet]}"
		web   = "allowOnly: {within: {direction: ingress, protocols: [tcp], ports: [80, 443], peers: [addresses]}, these: [{peers: [10.0.0.0/8]}]}"
		bySet = "forbid: [{direction: ingress, protocols: [tcp], ports: [22], peers: [internet], but: [{peers: ['set:offices']}]}]"
	)
	offices := "sets: {offices: [8.8.8.0/29]}"
	for _, c := range []struct{ name, policy, override, rule, before, after string }{
		{"ports", mail, "{ports: [25, 587]}", "ingress tcp/400-600 from 8.8.8.0/24", "ingress tcp/465 from 8.8.8.0/24", "ingress tcp/587 from 8.8.8.0/24"},
		{"ports of allowOnly", web, "{ports: [8080]}", "ingress tcp/80-8080 from 8.8.8.0/24", "ingress tcp/80 from 8.8.8.0/24, ingress tcp/443 from 8.8.8.0/24", "ingress tcp/8080 from 8.8.8.0/24"},
		{"one port less, of many boxes", two, "{but: [{ports: [10250]}]}", "ingress tcp/23-10250 from 8.8.8.0/24", "ingress tcp/23 from 8.8.8.0/24, ingress tcp/10250 from 8.8.8.0/24", "ingress tcp/23 from 8.8.8.0/24"},
		{"a peer less", two, "{but: [{peers: ['set:offices']}]}", "ingress tcp/22 from 8.8.8.0/28", "ingress tcp/22 from 8.8.8.0/28", "ingress tcp/22 from 8.8.8.8/29"},
		{"more of allowOnly", web, "{but: [{ports: [443]}]}", "ingress tcp/443 from 8.8.8.0/24", "ingress tcp/443 from 8.8.8.0/24", ""},
		{"a set", bySet, "{sets: {offices: [8.8.8.16/29]}}", "ingress tcp/22 from 8.8.8.0/27", "ingress tcp/22 from 8.8.8.8/29, ingress tcp/22 from 8.8.8.16/28", "ingress tcp/22 from 8.8.8.0/28, ingress tcp/22 from 8.8.8.24/29"},
		{"a set and more", bySet, "{sets: {offices: ['set:offices', 8.8.8.16/29]}}", "ingress tcp/22 from 8.8.8.0/27", "ingress tcp/22 from 8.8.8.8/29, ingress tcp/22 from 8.8.8.16/28", "ingress tcp/22 from 8.8.8.8/29, ingress tcp/22 from 8.8.8.24/29"},
		{"a tolerance", mail, "{tolerate: {ipv4: /24}}", "ingress tcp/25 from 8.8.8.0/24", "ingress tcp/25 from 8.8.8.0/24", ""},
	} {
		_, before := overriddenPolicy(t, c.policy, "", offices)
		_, after := overriddenPolicy(t, c.policy, c.override, offices)
		require.Equal(t, c.before, excessUnder(t, before, c.rule), c.name)
		require.Equal(t, c.after, excessUnder(t, after, c.rule), c.name)
		require.NotEqual(t, before.Digest(), after.Digest(), c.name)
	}
}

func TestOverridesChangeWhatAPolicyRequires(t *testing.T) {
	const tidy = "require:\n  - {where: {direction: ingress, peers: [any]}, maxPorts: 10, maxPrefix: {ipv4: /16}}\n  - {where: {direction: ingress, peers: [any]}, notDescribed: [todo]}"
	for override, want := range map[string]Requirement{
		"{require: {maxPorts: 20}}":                  {Line: 5, MaxPorts: 20, MaxIPv4: 16},
		"{require: {maxPrefix: {ipv4: /8}}}":         {Line: 5, MaxPorts: 10, MaxIPv4: 8},
		"{require: {notDescribed: ['*temporary*']}}": {Line: 6, NotDescribed: []string{"*temporary*"}},
	} {
		parsed, after := overriddenPolicy(t, tidy, override)
		_, before := overriddenPolicy(t, tidy, "")
		got := parsed.Documents[0].Require[want.Line-5]
		got.Where = nil
		require.Equal(t, want, got, override)
		require.NotEqual(t, before.Digest(), after.Digest(), override)
	}
	for override, want := range map[string][2]int{
		"{require: {maxPrefix: {ipv4: /8}}}":            {8, 48},
		"{require: {maxPrefix: {ipv6: /56}}}":           {16, 56},
		"{require: {maxPrefix: {ipv4: /8, ipv6: /56}}}": {8, 56},
	} {
		parsed, _ := overriddenPolicy(t, "require:\n  - {where: {direction: ingress, peers: [any]}, maxPrefix: {ipv4: /16, ipv6: /48}}", override)
		require.Equal(t, want, [2]int{parsed.Documents[0].Require[0].MaxIPv4, parsed.Documents[0].Require[0].MaxIPv6}, "%s: a family that is not named stays", override)
	}
	ofGroup, _ := overriddenPolicy(t, "require:\n  - {tags: [owner], notNamed: ['launch-wizard*'], maxRules: 50, grace: 1h}\nremedy: alert",
		"{require: {tags: [team], notNamed: ['test*'], maxRules: 9, grace: 48h}}")
	require.Equal(t, Requirement{Line: 5, Tags: []string{"team"}, NotNamed: []string{"test*"}, MaxRules: 9, Grace: 48 * time.Hour}, ofGroup.Documents[0].Require[0])
}

// TestOverridesReplaceThePartsOfAScopeThatTheyGive: who names the groups that a
// policy is for does not thereby judge those that it leaves out.
func TestOverridesReplaceThePartsOfAScopeThatTheyGive(t *testing.T) {
	const (
		scoped  = everywhere + "\nscope: {vpcs: [vpc-0a1b2c3d], not: {accounts: ['123456789012']}}"
		noParts = everywhere
	)
	in := Scope{VPCs: []string{"vpc-0a1b2c3d"}}
	not := &Scope{Accounts: []string{"123456789012"}}
	other := Scope{Regions: []string{"eu-west-1"}}
	for _, c := range []struct {
		policy, override string
		in               Scope
		not              *Scope
	}{
		{scoped, "{regions: [eu-west-1]}", other, not},
		{scoped, "{not: {regions: [eu-west-1]}}", in, &other},
		{scoped, "{regions: [eu-west-1], not: {regions: [eu-west-1]}}", other, &other},
		{scoped, "{}", Scope{}, not},
		{scoped, "{not: {}}", in, nil},
		{scoped, "{regions: [eu-west-1], not: {}}", other, nil},
		{noParts, "{regions: [eu-west-1]}", other, nil},
		{noParts, "{not: {regions: [eu-west-1]}}", Scope{}, &other},
	} {
		parsed, _ := overriddenPolicy(t, c.policy, "{scope: "+c.override+"}")
		d := parsed.Documents[0]
		require.Empty(t, parsed.Warnings, c.override)
		require.True(t, c.in.equal(d.Scope), c.override)
		require.Equal(t, c.not == nil, d.Not == nil, c.override)
		require.True(t, c.not == nil || c.not.equal(*d.Not), c.override)
	}
}

// TestPartsOfAScopeKeepTheirPlaces: a part that an override left alone is where
// the policy says it.
func TestPartsOfAScopeKeepTheirPlaces(t *testing.T) {
	for override, want := range map[string][2]string{
		"{regions: [eu-west-1]}":                              {"sgwarden.yaml:3", "p.yaml:4"},
		"{not: {regions: [eu-west-1]}}":                       {"p.yaml:4", "sgwarden.yaml:3"},
		"{regions: [eu-west-1], not: {regions: [us-east-1]}}": {"sgwarden.yaml:3", "sgwarden.yaml:3"},
	} {
		p, err := Parse([]Source{
			{File: "p.yaml", Text: []byte(policyText("p", "scope: {vpcs: [vpc-0a1b2c3d], not: {vpcs: [vpc-0b1b2c3d]}}", everywhere))},
			{File: "sgwarden.yaml", Text: []byte(settingsText("overrides: {p: {scope: " + override + "}}"))},
		}, nil)
		require.NoError(t, err)
		d := p.Documents[0]
		place := func(s Scope) string { return fmt.Sprintf("%s:%d", cmp.Or(s.File, d.File), s.Line) }
		require.Equal(t, want, [2]string{place(d.Scope), place(*d.Not)}, override)
	}
}

// TestDroppingNothingIsPointedOut, as with every other key.
func TestDroppingNothingIsPointedOut(t *testing.T) {
	parsed, _ := overriddenPolicy(t, everywhere, "{scope: {not: {}}}")
	require.Len(t, parsed.Warnings, 1)
	require.Contains(t, parsed.Warnings[0].Message, "scope changes nothing")
	_, err := Parse([]Source{{File: "all.yaml", Text: []byte(policyText("p", "scope: {not: {}}", everywhere))}}, nil)
	require.ErrorContains(t, err, "scope.not without a condition leaves out every group", "in a policy there is nothing to drop")
}

// TestTheDigestFollowsOverridesInMeaningOnly: baseline acts are recorded by
// digest, so that an override that changes nothing judged must not start one.
func TestTheDigestFollowsOverridesInMeaningOnly(t *testing.T) {
	const policy = "forbid: [{direction: ingress, ports: [22, 23], peers: [internet]}]\ntolerate: {ipv4: /16}"
	_, own := overriddenPolicy(t, policy, "")
	for _, same := range []string{
		"{severity: low}", "{ports: [23, 22]}", "{tolerate: {ipv4: /16, per: group}}", "{remedy: {do: revert, after: 5m}}", "{scope: {}}", "{mode: enforce}", "{off: false}",
	} {
		_, p := overriddenPolicy(t, policy, same)
		require.Equal(t, own.Digest(), p.Digest(), same)
	}
	seen := map[string]string{own.Digest(): "own"}
	for _, other := range []string{
		"{ports: [22]}", "{but: [{ports: [23]}]}", "{but: [{peers: [8.8.8.0/29]}]}", "{tolerate: {ipv4: /24}}", "{remedy: narrow}", "{mode: observe}",
		"{scope: {vpcs: [vpc-0a1b2c3d]}}", "{except: [{actors: ['arn:aws:iam::*:role/a'], reason: r}]}",
	} {
		_, p := overriddenPolicy(t, policy, other)
		require.NotContains(t, seen, p.Digest(), other)
		seen[p.Digest()] = other
	}
}

func TestOverridesKeepTheirPlaces(t *testing.T) {
	files := []Source{
		{File: "p.yaml", Text: []byte(policyText("p", "forbid: [{direction: ingress, ports: [22], peers: [internet]}]"))},
		{File: "sgwarden.yaml", Text: []byte(settingsText("overrides:", "  p:", "    but: [{peers: [8.8.8.0/29]}]", "    tolerate: {ipv4: /24}",
			"    scope: {vpcs: [vpc-0a1b2c3d], not: {groups: {default: true}}}", "    except: [{actors: ['arn:aws:iam::*:role/a'], reason: r}]"))},
		{File: "tests.yaml", Text: []byte("apiVersion: sgwarden/v1\nkind: Tests\npolicy: p\ncases: [{name: c, group: {vpc: vpc-0a1b2c3d}, fail: [ingress tcp/22 from 0.0.0.0/0]}]\n")},
	}
	p, err := Parse(files, nil)
	require.NoError(t, err)
	require.Equal(t, map[string][]string{"p": {"but", "tolerate", "scope", "except"}}, p.Overridden)
	report, err := p.RunTests(lintDay, TestSelection{})
	require.NoError(t, err)
	var gaps []string
	for _, g := range report.Gaps {
		gaps = append(gaps, g.String())
	}
	require.Equal(t, []string{
		"sgwarden.yaml:5: p: no case tells whether this line (but) is there",
		"sgwarden.yaml:6: p: no case tells whether this line (tolerate) is there",
		"sgwarden.yaml:7: p: no case tells whether this line (scope) is there",
		"sgwarden.yaml:7: p: no case tells whether this line (not) is there",
		"sgwarden.yaml:8: p: no case tells whether this line (except) is there",
	}, gaps)

	set, err := Compile(p.Documents, p.Deployment.Settings(Enforce))
	require.NoError(t, err)
	live := secgroup.Group{ID: ownGroup, VPCID: "vpc-0a1b2c3d", Rules: []secgroup.Rule{ruleOf(t, "sgr-0a1b2c3d ingress tcp/22 from 0.0.0.0/0")}}
	v := set.Evaluate(Input{Live: live, Now: now, Facts: Facts{Acts: set.ActsDone(now)}})
	require.Contains(t, v.Rules[0].Findings[0].Why, "the exception by actor at sgwarden.yaml:8")
}

func TestOverridesThatChangeNothing(t *testing.T) {
	const policy = "forbid: [{direction: ingress, ports: [22], peers: [internet]}]\ntolerate: {ipv4: /16}"
	for override, want := range map[string]string{
		"{severity: high}":                   "severity changes nothing",
		"{mode: observe}":                    "",
		"{remedy: {do: revert, parts: 1}}":   "parts belongs to narrow",
		"{remedy: revert}":                   "remedy changes nothing",
		"{scope: {}}":                        "scope changes nothing",
		"{tolerate: {ipv4: /16}}":            "tolerate changes nothing",
		"{ports: ['22']}":                    "ports changes nothing",
		"{off: false}":                       "off changes nothing",
		"{}":                                 "the override of p changes nothing",
		"{severity: low, remedy: narrow}":    "",
		"{scope: {regions: [eu-central-1]}}": "",
	} {
		text := policyText("p", policy) + "---\n" + settingsText("overrides: {p: "+override+"}")
		parsed, err := Parse([]Source{{File: "all.yaml", Text: []byte(text)}}, nil)
		switch {
		case err != nil:
			require.Contains(t, err.Error(), want, override)
		case want == "":
			require.Empty(t, parsed.Warnings, override)
		default:
			require.Len(t, parsed.Warnings, 1, override)
			require.Contains(t, parsed.Warnings[0].Message, want, override)
		}
	}
	_, warnings := lint(t, lintDay, nil, policyText("p", policy), settingsText("mode: observe", "overrides: {p: {mode: enforce}}"))
	require.Equal(t, []string{"all.yaml:10:23: enforce has no effect: the deployment observes (remove it, or raise the mode of the settings)"}, warnings)
}

func TestPoliciesOfPacksThatAreNotListed(t *testing.T) {
	packs := map[string][]Source{
		"exposure": {{File: "packs/exposure/mail.yaml", Text: []byte(policyText("mail-ports", everywhere))}},
		"cis":      {{File: "packs/exposure/mail.yaml", Text: []byte(policyText("mail-ports", everywhere))}},
	}
	for id, want := range map[string]string{
		"mail-ports": "it is in pack exposure: add that to packs in the settings",
		"mail-port":  `did you mean "mail-ports"? It is in pack exposure: add that to packs in the settings`,
		"own-polcy":  `did you mean "own-policy"?`,
		"zzz":        "sgwarden policies lists what there is",
	} {
		text := policyText("own-policy", everywhere) + "---\n" + settingsText("overrides: {"+id+": {severity: low}}")
		_, err := Parse([]Source{{File: "all.yaml", Text: []byte(text)}}, packs)
		var faults Faults
		require.ErrorAs(t, err, &faults)
		require.Len(t, faults, 1)
		require.Equal(t, "all.yaml:8:13", faults[0].Place())
		require.Equal(t, want, faults[0].Hint)
	}
}

// TestUnknownPoliciesCostLittle: packs are searched once for all of them, and
// not at all for those that no fault is shown of.
func TestUnknownPoliciesCostLittle(t *testing.T) {
	packs := map[string][]Source{}
	for i := range 100 {
		id := fmt.Sprintf("policy-with-some-name-%d", i)
		packs["big"] = append(packs["big"], Source{File: "packs/big/" + id + ".yaml", Text: []byte(policyText(id, everywhere))})
	}
	allocs := func(n int) float64 {
		var text strings.Builder
		text.WriteString(settingsText("overrides:"))
		for i := range n {
			fmt.Fprintf(&text, "  policy-with-another-%d: {severity: low}\n", i)
		}
		files := []Source{{File: "all.yaml", Text: []byte(text.String())}}
		return testing.AllocsPerRun(1, func() { _, _ = Parse(files, packs) })
	}
	const most = 200 // of one override: reading it as YAML takes most of them
	require.Less(t, allocs(1100)-allocs(100), float64(1000*most))
}

// TestUnknownSetsCostLittle, as unknown policies do.
func TestUnknownSetsCostLittle(t *testing.T) {
	allocs := func(n int) float64 {
		var text strings.Builder
		text.WriteString(settingsText("sets:"))
		for i := range n {
			fmt.Fprintf(&text, "  some-set-%d: ['set:another-set-%d']\n", i, i)
		}
		files := []Source{{File: "all.yaml", Text: []byte(text.String())}}
		return testing.AllocsPerRun(1, func() { _, _ = Parse(files, nil) })
	}
	const most = 200 // of one set: reading it as YAML takes most of them
	require.Less(t, allocs(1100)-allocs(100), float64(1000*most))
}

// TestHintsKnowEveryShippedPolicy: they find ids without reading YAML.
func TestHintsKnowEveryShippedPolicy(t *testing.T) {
	packs := map[string][]Source{}
	err := fs.WalkDir(policies.Packs(), ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || filepath.Ext(name) != ".yaml" {
			return err
		}
		text, err := fs.ReadFile(policies.Packs(), name)
		pack := filepath.Base(filepath.Dir(name))
		packs[pack] = append(packs[pack], Source{File: name, Text: text})
		return err
	})
	require.NoError(t, err)
	settings := settingsText("packs: [" + strings.Join(sortedKeys(packs), ", ") + "]")
	p, err := Parse([]Source{{File: "all.yaml", Text: []byte(settings)}}, packs)
	require.NoError(t, err)
	want := map[string]string{}
	for _, d := range slices.Concat(p.Documents, p.Off) {
		want[d.ID] = filepath.Base(filepath.Dir(d.File))
	}
	require.Equal(t, want, newFolderReader(packs).unlisted())
}
