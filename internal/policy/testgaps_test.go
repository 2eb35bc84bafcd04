package policy

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestFormsThatACheckIsShownIn: one of each form, and what only looks like it.
func TestFormsThatACheckIsShownIn(t *testing.T) {
	const ssh = "forbid: [{direction: ingress, ports: [22], peers: [internet]}]"
	const ipv6, wide = "check I-A: an IPv6 rule that violates", "check I-A: a range or -1 that violates"
	for name, c := range map[string]struct {
		policy, cases string
		gaps          []string
	}{
		"all":        {ssh, "  - {name: a, check: I-A, pass: [ingress tcp/80 from 0.0.0.0/0], fail: ['ingress tcp/22 from ::/0', ingress tcp/20-25 from 8.8.8.8/32]}\n", nil},
		"all, by -1": {ssh, "  - {name: a, check: I-A, pass: [ingress tcp/80 from 0.0.0.0/0], fail: ['ingress tcp/22 from ::/0', ingress all from 8.8.8.8/32]}\n", nil},
		"all, with other cases behind it": {
			ssh, "  - {name: a, check: I-A, pass: [ingress tcp/80 from 0.0.0.0/0], fail: ['ingress tcp/20-25 from ::/0', ingress tcp/22 from 8.8.8.8/32]}\n" +
				"  - {name: b, check: I-A, pass: [ingress tcp/80 from 0.0.0.0/0], fail: [ingress tcp/22 from 8.8.8.8/32]}\n", nil,
		},
		"what passes shows no violation": {
			ssh, "  - {name: a, check: I-A, pass: ['ingress tcp/80 from ::/0', ingress tcp/80-90 from 0.0.0.0/0, ingress all from 10.0.0.0/8], fail: [ingress tcp/22 from 8.8.8.8/32]}\n", []string{ipv6, wide},
		},
		"a list is no IPv6 rule": {
			ssh, "  - {name: a, check: I-A, pass: [ingress tcp/80 from 0.0.0.0/0], fail: [ingress tcp/22-23 from pl-0a000001]}\n", []string{ipv6},
		},
		"a record is no range": {
			ssh, "  - {name: a, check: I-A, pass: [ingress tcp/80 from 0.0.0.0/0], fail: ['event:ssh.json', 'ingress tcp/22 from ::/0']}\n", []string{wide},
		},
		"a policy without IPv6": {
			"forbid: [{direction: ingress, ports: [22], peers: [8.8.8.0/24]}]",
			"  - {name: a, check: I-A, pass: [ingress tcp/80 from 0.0.0.0/0], fail: [ingress tcp/20-25 from 8.8.8.8/32]}\n", nil,
		},
		"a policy whose last box is without IPv6": {
			"forbid: [{direction: ingress, ports: [22], peers: [internet]}, {direction: ingress, ports: [23], peers: [8.8.8.0/24]}]",
			"  - {name: a, check: I-A, pass: [ingress tcp/80 from 0.0.0.0/0], fail: [ingress tcp/20-22 from 8.8.8.8/32, ingress tcp/23 from 8.8.8.8/32]}\n", []string{ipv6},
		},
		"a policy whose protocol is without IPv6": {
			"forbid: [{direction: ingress, icmp: ['8'], peers: [internet]}]",
			"  - {name: a, check: I-A, pass: [ingress tcp/80 from 0.0.0.0/0], fail: [ingress all from 8.8.8.8/32]}\n", nil,
		},
		"of a group: none":                     {"require: [{tags: [owner]}]\nremedy: alert", "  - {name: a, group: {tags: {owner: x}}, want: pass}\n  - {name: b, want: fail}\n", []string{"check I-A: one that violates", "check I-A: one that complies"}},
		"of a group: pass":                     {"require: [{tags: [owner]}]\nremedy: alert", "  - {name: a, check: I-A, group: {tags: {owner: x}}, want: pass}\n  - {name: b, want: fail}\n", []string{"check I-A: one that violates"}},
		"of a group: fail":                     {"require: [{tags: [owner]}]\nremedy: alert", "  - {name: a, group: {tags: {owner: x}}, want: pass}\n  - {name: b, check: I-A, want: fail}\n", []string{"check I-A: one that complies"}},
		"of a group: both":                     {"require: [{tags: [owner]}]\nremedy: alert", "  - {name: b, check: I-A, want: fail}\n  - {name: a, check: I-A, group: {tags: {owner: x}}, want: pass}\n", nil},
		"of a group: both, in the other order": {"require: [{tags: [owner]}]\nremedy: alert", "  - {name: a, check: I-A, group: {tags: {owner: x}}, want: pass}\n  - {name: b, check: I-A, want: fail}\n", nil},
		"of a group: exempt alone": {
			"require: [{tags: [owner]}]\nremedy: alert", "  - {name: a, check: I-A, exemption: all, want: exempt}\n",
			[]string{"check I-A: one that violates", "check I-A: one that complies"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			exempt := "  - {name: exempt, check: I-A, exemption: all, exempt: [ingress tcp/22 from 8.8.8.8/32]}\n"
			if strings.HasPrefix(name, "of a group: exempt") {
				exempt = ""
			} else if strings.HasPrefix(name, "of a group") {
				exempt = "  - {name: exempt, check: I-A, exemption: all, want: exempt}\n"
			} else if strings.Contains(c.policy, "icmp") {
				exempt = "  - {name: exempt, check: I-A, exemption: all, exempt: [ingress icmp/8 from 8.8.8.8/32]}\n"
			}
			for _, cases := range []string{c.cases + exempt, exempt + c.cases} {
				failed, gaps := inTests(t, "I-A", c.policy, cases)
				require.Empty(t, failed)
				var forms []string
				for _, g := range gaps {
					if strings.HasPrefix(g, "check") {
						forms = append(forms, g)
					}
				}
				require.Equal(t, c.gaps, forms)
			}
			if strings.HasPrefix(name, "of a group") && exempt != "" {
				_, gaps := inTests(t, "I-A", c.policy, c.cases)
				require.Contains(t, gaps, "check I-A: one that is exempt")
			}
		})
	}
}

// TestLinesThatNoCaseTellsOf: cases that show every line, and for each line
// cases that leave it out.
func TestLinesThatNoCaseTellsOf(t *testing.T) {
	line := func(keys ...string) (out []string) {
		for _, key := range keys {
			out = append(out, "line ("+key+") is there")
		}
		return out
	}
	scoped := "scope: {groups: {default: false}, not: {vpcs: [vpc-0a1b2c3d]}}\nforbid: [{direction: ingress, ports: [22], peers: [internet]}]\ntolerate: {ipv4: /16, ipv6: /32}"
	only := "allowOnly: {within: {direction: ingress, ports: [80], peers: [addresses]}, these: [{peers: [10.0.0.0/8]}]}"
	calls := "onChange: {calls: [CreateTags], unless: {actors: ['arn:aws:iam::*:user/ops']}}\nremedy: alert"
	for name, c := range map[string]struct {
		policy string
		cases  []string
		gaps   []string
	}{
		"scope and tolerance": {scoped, []string{
			"fail: [ingress tcp/22 from 8.0.0.0/15]", "pass: [ingress tcp/22 from 8.8.0.0/16]", "group: {name: default}, pass: [ingress tcp/22 from 0.0.0.0/0]", "group: {vpc: vpc-0a1b2c3d}, pass: [ingress tcp/22 from 0.0.0.0/0]",
		}, nil},
		"tolerance of IPv6": {scoped, []string{
			"fail: ['ingress tcp/22 from 2606::/16']", "pass: ['ingress tcp/22 from 2606:4700::/32']", "group: {name: default}, pass: [ingress tcp/22 from 0.0.0.0/0]", "group: {vpc: vpc-0a1b2c3d}, pass: [ingress tcp/22 from 0.0.0.0/0]",
		}, nil},
		"half of IPv4 is tolerated": {"forbid: [{direction: ingress, ports: [22], peers: [addresses]}]\ntolerate: {ipv4: /1, ipv6: /1}", []string{
			"fail: [ingress tcp/22 from 0.0.0.0/0]", "pass: [ingress tcp/22 from 0.0.0.0/1]",
		}, nil},
		"half of IPv6 is tolerated": {"forbid: [{direction: ingress, ports: [22], peers: [addresses]}]\ntolerate: {ipv4: /1, ipv6: /1}", []string{
			"fail: ['ingress tcp/22 from ::/0']", "pass: ['ingress tcp/22 from 8000::/1']",
		}, nil},
		"no scope":                {scoped, []string{"fail: [ingress tcp/22 from 8.0.0.0/15]", "pass: [ingress tcp/22 from 8.8.0.0/16]", "group: {vpc: vpc-0a1b2c3d}, pass: [ingress tcp/22 from 0.0.0.0/0]"}, line("scope")},
		"no not":                  {scoped, []string{"fail: [ingress tcp/22 from 8.0.0.0/15]", "pass: [ingress tcp/22 from 8.8.0.0/16]", "group: {name: default}, pass: [ingress tcp/22 from 0.0.0.0/0]"}, line("not")},
		"allowOnly":               {only, []string{"fail: [ingress tcp/80 from 0.0.0.0/0]", "pass: [ingress tcp/80 from 10.0.0.0/8]"}, nil},
		"nothing it allows":       {only, []string{"fail: [ingress tcp/80 from 8.0.0.0/8]"}, line("these")},
		"nothing it refuses":      {only, []string{"pass: [ingress tcp/80 from 10.0.0.0/8]"}, line("allowOnly")},
		"nothing it judges":       {only, []string{"pass: [ingress tcp/81 from 10.0.0.0/8]"}, line("allowOnly", "these")},
		"require":                 {"require: [{tags: [owner]}, {maxRules: 2}]\nremedy: alert", []string{"want: fail", "group: {tags: {owner: x}}, want: pass", "group: {tags: {owner: x}, rules: 3}, want: fail"}, nil},
		"the first of them":       {"require: [{tags: [owner]}, {maxRules: 2}]\nremedy: alert", []string{"group: {tags: {owner: x}}, want: pass", "group: {tags: {owner: x}, rules: 3}, want: fail"}, line("require")},
		"neither of them":         {"require: [{tags: [owner]}, {maxRules: 2}]\nremedy: alert", []string{"group: {tags: {owner: x}}, want: pass"}, line("require", "require")},
		"a call alone":            {calls, []string{"fail: [CreateTags]", "actor: 'arn:aws:iam::123456789012:user/ops', pass: [CreateTags]"}, nil},
		"a call that nobody made": {calls, []string{"pass: [CreateVpc]", "actor: 'arn:aws:iam::123456789012:user/ops', pass: [CreateTags]"}, line("onChange")},
		"a call of anybody":       {calls, []string{"fail: [CreateTags]"}, line("unless", "actors")},
	} {
		t.Run(name, func(t *testing.T) {
			var cases strings.Builder
			for _, text := range c.cases {
				cases.WriteString("  - {name: c, " + text + "}\n")
			}
			failed, gaps := inTests(t, "", c.policy, cases.String())
			require.Empty(t, failed)
			require.Equal(t, c.gaps, gaps)
		})
	}
	p := parsedFrom(t, strings.Replace(policyText("p", scoped), "severity: high", "severity: high, checks: [I-A, I-B]", 1))
	report, err := p.RunTests(lintDay, TestSelection{})
	require.NoError(t, err)
	require.Equal(t, "it has no tests: nothing shows its checks I-A, I-B, nor its lines forbid (line 5), tolerate (line 6), scope (line 4), not (line 4)", report.Gaps[0].What)
}

// TestTestsWithoutCases show as little as none.
func TestTestsWithoutCases(t *testing.T) {
	_, err := Parse([]Source{{File: "all.yaml", Text: []byte(policyText("p", everywhere) + "---\napiVersion: sgwarden/v1\nkind: Tests\npolicy: p\n")}}, nil)
	require.ErrorContains(t, err, "cases")
}
