package policy

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// TestSetsThatTestsFill: wherever a policy names them; those that the tests say
// nothing of are the deployment's, and the policy itself stays as it is.
func TestSetsThatTestsFill(t *testing.T) {
	const settings = "sets: {offices: [9.9.9.9/32], homes: [7.7.7.0/24]}"
	for name, c := range map[string]struct{ policy, cases string }{
		"forbid": {
			"forbid: [{direction: ingress, ports: [22], peers: ['set:offices', 'set:homes'], but: [{peers: ['set:offices'], protocols: [udp]}]}]",
			"  - {name: c, pass: [ingress tcp/22 from 9.9.9.9/32, ingress udp/22 from 8.8.8.1/32], fail: [ingress tcp/22 from 8.8.8.1/32, ingress tcp/22 from 7.7.7.1/32]}\n",
		},
		"but": {
			"forbid: [{direction: ingress, ports: [22], peers: [internet], but: [{peers: ['set:offices']}, {peers: ['set:homes']}]}]",
			"  - {name: c, pass: [ingress tcp/22 from 8.8.8.1/32, ingress tcp/22 from 7.7.7.1/32], fail: [ingress tcp/22 from 9.9.9.9/32]}\n",
		},
		"allowOnly": {
			"allowOnly: {within: {direction: ingress, ports: [22], peers: [internet]}, these: [{peers: ['set:offices']}, {peers: ['set:homes']}]}",
			"  - {name: c, pass: [ingress tcp/22 from 8.8.8.1/32, ingress tcp/22 from 7.7.7.1/32], fail: [ingress tcp/22 from 9.9.9.9/32]}\n",
		},
		"within": {
			"allowOnly: {within: {direction: ingress, ports: [22], peers: ['set:offices']}, these: [{protocols: [udp]}]}",
			"  - {name: c, pass: [ingress tcp/22 from 9.9.9.9/32], fail: [ingress tcp/22 from 8.8.8.1/32]}\n",
		},
		"require": {
			"require: [{maxRules: 50}, {where: {direction: ingress, peers: ['set:offices']}, description: true}]\nremedy: alert",
			"  - {name: c, pass: [ingress tcp/22 from 9.9.9.9/32], fail: [ingress tcp/22 from 8.8.8.1/32]}\n",
		},
	} {
		t.Run(name, func(t *testing.T) {
			texts := []string{
				policyText("p", c.policy), settingsText(settings), policyText("q", "forbid: [{direction: egress, peers: ['set:homes']}]"),
				"apiVersion: sgwarden/v1\nkind: Tests\npolicy: p\nsets: {offices: [8.8.8.0/29]}\ncases:\n" + c.cases,
			}
			p := parsedFrom(t, texts...)
			report, err := p.RunTests(lintDay, TestSelection{})
			require.NoError(t, err)
			require.NotEmpty(t, report.Results)
			for _, r := range report.Results {
				require.False(t, r.Failed(), r.String())
			}
			require.Equal(t, parsedFrom(t, texts...).Documents, p.Documents)
		})
	}
}

// TestTestsOfPoliciesThatAreNotTheirs: tests of nobody say one thing, those of
// a pack whose policy another has taken say nothing, and one's own may be of a
// policy of a pack.
func TestTestsOfPoliciesThatAreNotTheirs(t *testing.T) {
	tests := func(policy, cases string) string {
		return "apiVersion: sgwarden/v1\nkind: Tests\npolicy: " + policy + "\ncases: [" + cases + "]\n"
	}
	const open = "forbid: [{direction: ingress, peers: [any]}]"
	faults := func(own string, packs map[string][]Source) (out []string) {
		_, err := Parse([]Source{{File: "own.yaml", Text: []byte(own)}}, packs)
		var all Faults
		require.ErrorAs(t, err, &all)
		for _, f := range all {
			out = append(out, f.Error())
		}
		return out
	}
	unknown := faults(policyText("p", open)+"---\n"+tests("nobody", "{name: a, fail: [CreateTags]}"), nil)
	require.Len(t, unknown, 1, "%v", unknown)
	require.Contains(t, unknown[0], `unknown policy "nobody"`)

	pack := map[string][]Source{"pack": {
		{File: "p.yaml", Text: []byte(policyText("p", open))},
		{File: "p.tests.yaml", Text: []byte(tests("p", "{name: a, check: I-SSH, fail: [ingress all from 0.0.0.0/0]}"))},
		{File: "q.tests.yaml", Text: []byte(tests("nobody", "{name: a, fail: [ingress all from 0.0.0.0/0]}"))},
	}}
	taken := faults(policyText("p", open)+"---\n"+settingsText("packs: [pack]"), pack)
	require.Len(t, taken, 2, "%v", taken)
	require.Contains(t, taken[0]+taken[1], `unknown policy "nobody"`)

	pack["pack"] = pack["pack"][:1]
	p, err := Parse([]Source{{File: "own.yaml", Text: []byte(settingsText("packs: [pack]") + "---\n" + tests("p", "{name: a, fail: [ingress all from 0.0.0.0/0]}"))}}, pack)
	require.NoError(t, err)
	require.Len(t, p.Tests, 1)
	report, err := p.RunTests(lintDay, TestSelection{})
	require.NoError(t, err)
	require.Len(t, report.Results, 1)
	require.Equal(t, "fail", report.Results[0].Got)
}
