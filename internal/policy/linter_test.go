package policy

import (
	"fmt"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// lintWarnings gives the warnings of files without a fault.
func lintWarnings(t *testing.T, texts ...string) []string {
	t.Helper()
	faults, warnings := lint(t, lintDay, nil, texts...)
	require.Empty(t, faults)
	return warnings
}

func TestLintOfScopesWithoutGroups(t *testing.T) {
	trusted := settingsText("trusted: {tags: [tier], names: ['*']}")
	for scope, want := range map[string]string{
		"{vpcs: [vpc-0a1b2c3d], not: {vpcs: [vpc-0a1b2c3d, vpc-0b1b2c3d]}}":                                                      "scope.not leaves out all of its scope",
		"{vpcs: [vpc-0a1b2c3d, vpc-0b1b2c3d], not: {vpcs: [vpc-0a1b2c3d]}}":                                                      "",
		"{groups: {names: ['web-1*', 'web-2*']}, not: {groups: {names: ['web-*']}}}":                                             "scope.not leaves out all of its scope",
		"{groups: {names: ['web-*']}, not: {groups: {names: ['web-1*']}}}":                                                       "",
		"{groups: {tags: {tier: [a]}}, regions: [eu-west-1], not: {groups: {tags: {tier: ['*']}}}}":                              "scope.not leaves out all of its scope",
		"{groups: {tags: {tier: [a]}}, not: {groups: {tags: {tier: ['*']}}, regions: [eu-west-1]}}":                              "",
		"{groups: {default: true}, not: {groups: {default: true}}}":                                                              "scope.not leaves out all of its scope",
		"{groups: {ids: [sg-0a1b2c3d]}, not: {groups: {ids: [sg-0b1b2c3d]}}}":                                                    "scope.not of p leaves no group out",
		"{groups: {default: true}, not: {groups: {default: false}}}":                                                             "scope.not of p leaves no group out",
		"{groups: {default: true, names: ['web-*']}}":                                                                            "no default group has such a name",
		"{groups: {default: true, names: ['d*']}}":                                                                               "",
		"{groups: {default: false, names: [default]}}":                                                                           "only default groups are called default",
		"{accounts: ['123456789012'], regions: [eu-west-1], not: {accounts: ['123456789012'], regions: [eu-west-1, us-east-1]}}": "scope.not leaves out all of its scope",
	} {
		warnings := lintWarnings(t, policyText("p", everywhere, "scope: "+scope), trusted)
		if want == "" {
			require.Empty(t, warnings, scope)
			continue
		}
		require.Len(t, warnings, 1, scope)
		require.Contains(t, warnings[0], "all.yaml:5:1: ", scope)
		require.Contains(t, warnings[0], want, scope)
	}
	warnings := lintWarnings(t, policyText("p", everywhere, "scope: {groups: {names: ['web-1*']}, not: {groups: {names: ['web-*']}}}"))
	require.Len(t, warnings, 2, "what is not trusted leaves nothing out")
	require.NotContains(t, warnings[0]+warnings[1], "all of its scope")
}

func TestLintOfBoxesThatTheirExceptionsCover(t *testing.T) {
	for judged, want := range map[string]string{
		"forbid: [{direction: ingress, ports: [22, 23], peers: [internet], but: [{ports: [22]}, {ports: [23]}]}]":                                        "this box never matches: its exceptions cover all of it",
		"forbid: [{direction: ingress, ports: [22, 23], peers: [internet], but: [{ports: [22]}, {ports: [23], protocols: [tcp]}]}]":                      "",
		"forbid: [{direction: ingress, peers: [10.0.0.0/8], but: [{peers: [10.0.0.0/9]}, {peers: [10.128.0.0/9]}]}]":                                     "this box never matches: its exceptions cover all of it",
		"forbid: [{direction: ingress, peers: [10.0.0.0/8, references], but: [{peers: [10.0.0.0/8]}]}]":                                                  "",
		"forbid: [{direction: ingress, peers: [references], but: [{peers: [{account: self}]}]}]":                                                         "",
		"forbid: [{direction: ingress, peers: [{groups: ['sg-0a*'], account: self}], but: [{peers: [{account: self}]}]}]":                                "this box never matches: its exceptions cover all of it",
		"forbid: [{direction: ingress, peers: [internet], but: [{peers: ['aws:*']}]}]":                                                                   "",
		"forbid: [{direction: ingress, peers: ['aws:s3'], but: [{peers: ['aws:*']}]}]":                                                                   "this box never matches: its exceptions cover all of it",
		"forbid: [{direction: ingress, peers: [vpc], but: [{peers: [private]}]}]":                                                                        "",
		"allowOnly: {within: {direction: ingress, protocols: [tcp], ports: [80], peers: [addresses]}, these: [{peers: ['::/0']}, {peers: [0.0.0.0/0]}]}": "policy p judges nothing: these allow all of within",
		"allowOnly: {within: {direction: ingress, protocols: [tcp], ports: [80], peers: [any]}, these: [{peers: ['::/0']}, {peers: [0.0.0.0/0]}]}":       "",
	} {
		warnings := lintWarnings(t, policyText("p", judged))
		if want == "" {
			require.Empty(t, warnings, judged)
			continue
		}
		require.Len(t, warnings, 1, judged)
		require.Contains(t, warnings[0], want, judged)
	}
}

// TestLintOfBoxesBesideOthers: a box of which the other boxes of its policy
// forbid all is pointed out, once of two that are alike.
func TestLintOfBoxesBesideOthers(t *testing.T) {
	const what = ": this box adds nothing: other boxes of the policy forbid all of it (remove it)"
	for name, c := range map[string]struct {
		boxes []string
		want  []int // by line, the first at 1
	}{
		"within an earlier one":     {[]string{"{direction: ingress, ports: [20-30], peers: [internet]}", "{direction: ingress, protocols: [tcp], ports: [22], peers: [internet]}"}, []int{2}},
		"within a later one":        {[]string{"{direction: ingress, ports: [22], peers: [8.8.8.0/24]}", "{direction: ingress, ports: [20-30], peers: [addresses]}"}, []int{1}},
		"of a VPC perhaps":          {[]string{"{direction: ingress, ports: [22], peers: [8.8.8.0/24]}", "{direction: ingress, ports: [20-30], peers: [internet]}"}, nil},
		"alike":                     {[]string{"{direction: ingress, ports: [22], peers: [internet]}", "{direction: ingress, ports: [22], peers: [internet]}"}, []int{2}},
		"within two others":         {[]string{"{direction: ingress, ports: [20-24], peers: [addresses]}", "{direction: ingress, ports: [22-28], peers: [addresses]}", "{direction: ingress, ports: [25-30], peers: [addresses]}"}, []int{2}},
		"two within a third":        {[]string{"{direction: ingress, ports: [22], peers: ['::/0']}", "{direction: ingress, ports: [20-30], peers: [any]}", "{direction: ingress, ports: [23], peers: [self]}"}, []int{1, 3}},
		"a port more":               {[]string{"{direction: ingress, ports: [20-30], peers: [internet]}", "{direction: ingress, ports: [30-31], peers: [internet]}"}, nil},
		"a direction more":          {[]string{"{direction: ingress, ports: [22], peers: [internet]}", "{direction: both, ports: [22], peers: [internet]}"}, []int{1}},
		"a peer more":               {[]string{"{direction: ingress, ports: [22], peers: [internet]}", "{direction: ingress, ports: [22], peers: [8.8.8.0/24, self]}"}, nil},
		"what the other leaves out": {[]string{"{direction: ingress, ports: [22], peers: [internet], but: [{peers: ['aws:*']}]}", "{direction: ingress, ports: [22], peers: ['aws:s3']}"}, nil},
		"a whole one, and all":      {[]string{"{direction: ingress, ports: [20-30], peers: [internet], when: whole}", "{direction: ingress, ports: [20-30], peers: [internet]}"}, []int{1}},
		"all, within a whole one":   {[]string{"{direction: ingress, ports: [20-30], peers: [internet], when: whole}", "{direction: ingress, ports: [22], peers: [internet]}"}, nil},
		"whole ones that are alike": {[]string{"{direction: ingress, ports: [20-30], peers: [internet], when: whole}", "{direction: ingress, ports: [20-30], peers: [internet], when: whole}"}, []int{2}},
		"a part of a whole one":     {[]string{"{direction: ingress, ports: [20-30], peers: [internet], when: whole}", "{direction: ingress, ports: [20-25], peers: [internet], when: whole}"}, nil},
	} {
		text := policyText("p", "forbid:\n  - "+strings.Join(c.boxes, "\n  - "))
		var want []string
		for _, line := range c.want {
			want = append(want, fmt.Sprintf("all.yaml:%d:5%s", strings.Count(text[:strings.Index(text, "forbid:")], "\n")+1+line, what))
		}
		require.Equal(t, want, lintWarnings(t, text), name)
	}
	empty := policyText("empty", "forbid: [{direction: ingress, peers: [10.0.0.0/8], but: [{peers: [10.0.0.0/8]}]}]")
	warnings := lintWarnings(t, empty, policyText("p", everywhere))
	require.Len(t, warnings, 1, "what forbids nothing is said to be empty, not to be forbidden elsewhere too")
	require.Contains(t, warnings[0], "this box never matches")
}

func TestLintOfSets(t *testing.T) {
	packs := map[string][]Source{"seg": {{File: "packs/seg/q.yaml", Text: []byte(policyText("q", "forbid: [{direction: ingress, peers: [internet], but: [{peers: ['set:known']}]}]"))}}}
	_, warnings := lint(t, lintDay, packs, settingsText("packs: [seg]", "sets: {knwon: [8.8.8.0/29], internal: [100.64.0.0/10], a: ['set:b'], b: [8.8.8.0/29]}"),
		policyText("p", "forbid: [{direction: egress, peers: [internet], but: [{peers: ['set:a']}]}]"))
	require.Equal(t, []string{
		`all.yaml:4:8: no policy names the set knwon (did you mean "known"?)`,
		"packs/seg/q.yaml:3:16: policy q names the set known, which is empty (declare it under sets in the settings)",
	}, warnings)
	_, warnings = lint(t, lintDay, packs, settingsText("packs: [seg]", "sets: {known: [], more: [8.8.8.0/29]}"))
	require.Equal(t, []string{"all.yaml:4:19: no policy names the set more (remove it)"}, warnings, "an empty set is said to be empty on purpose")

	box := "forbid: [{direction: ingress, peers: [internet], but: [{peers: [10.0.0.0/8, 'set:one', 'set:two']}]}]"
	packs = map[string][]Source{"seg": {
		{File: "packs/seg/q.yaml", Text: []byte(policyText("q", box))},
		{File: "packs/seg/r.yaml", Text: []byte(policyText("r", box))},
	}}
	_, warnings = lint(t, lintDay, packs, settingsText("packs: [seg]"))
	var empty []string
	for _, w := range warnings {
		if strings.Contains(w, "which is empty") {
			empty = append(empty, w)
		}
	}
	require.Len(t, empty, 2, "each set of a policy, and each once: %q", warnings)
	require.Contains(t, empty[0], "policy q names the set one")
	require.Contains(t, empty[1], "policy q names the set two")
}

func TestLintOfShadowedPolicies(t *testing.T) {
	const ssh = "forbid: [{direction: ingress, ports: [22], peers: [internet]}]"
	wide := func(more ...string) string {
		return policyText("wide", append([]string{"forbid: [{direction: ingress, ports: [20-30], peers: [internet, private]}]"}, more...)...)
	}
	for _, c := range []struct {
		name, narrow, wide string
		shadowed           bool
	}{
		{"less ports and peers", policyText("p", ssh), wide(), true},
		{"a scope of its own", policyText("p", ssh, "scope: {vpcs: [vpc-0a1b2c3d]}"), wide(), true},
		{"one of two boxes beside it", policyText("p", "forbid:\n  - {direction: ingress, ports: [22], peers: [internet]}\n  - {direction: ingress, ports: [80], peers: [internet]}"), wide(), false},
		{"another direction", policyText("p", "forbid: [{direction: both, ports: [22], peers: [internet]}]"), wide(), false},
		{"the scope of the other is narrower", policyText("p", ssh), wide("scope: {vpcs: [vpc-0a1b2c3d]}"), false},
		{"the same scope", policyText("p", ssh, "scope: {vpcs: [vpc-0a1b2c3d]}"), wide("scope: {vpcs: [vpc-0a1b2c3d]}"), true},
		{"the other leaves groups out", policyText("p", ssh), wide("scope: {not: {vpcs: [vpc-0a1b2c3d]}}"), false},
		{"the other observes", policyText("p", ssh), wide("mode: observe"), false},
		{"both observe", policyText("p", ssh, "mode: observe"), wide("mode: observe"), true},
		{"the other alerts", policyText("p", ssh), wide("remedy: alert"), false},
		{"alerts beside a revert", policyText("p", ssh, "remedy: alert"), wide(), true},
		{"the other waits", policyText("p", ssh), wide("remedy: {do: revert, after: 5m}"), false},
		{"narrows differ", policyText("p", ssh, "remedy: {do: narrow, to: [10.0.0.0/8]}"), wide("remedy: narrow"), false},
		{"the other tolerates", policyText("p", ssh), wide("tolerate: {ipv4: /16}"), false},
		{"tolerates more than the other", policyText("p", ssh, "tolerate: {ipv4: /16}"), wide("tolerate: {ipv4: /24}"), true},
		{"the other looks at rules alone", policyText("p", ssh, "tolerate: {ipv4: /16}"), wide("tolerate: {ipv4: /24, per: rule}"), false},
		{"the other has an exception", policyText("p", ssh), wide("except: [{actors: ['arn:aws:iam::*:role/a'], reason: r}]"), false},
		{"an exception of its own", policyText("p", ssh, "except: [{actors: ['arn:aws:iam::*:role/a'], reason: r}]"), wide(), true},
		{"the same exception for another reason", policyText("p", ssh, "except: [{actors: ['arn:aws:iam::*:role/a'], reason: r}]"), wide("except: [{actors: ['arn:aws:iam::*:role/a'], reason: s}]"), true},
		{"both leave the same groups out", policyText("p", ssh, "scope: {not: {vpcs: [vpc-0a1b2c3d]}}"), wide("scope: {not: {vpcs: [vpc-0a1b2c3d]}}"), true},
		{"the other leaves other groups out", policyText("p", ssh, "scope: {not: {vpcs: [vpc-0a1b2c3d]}}"), wide("scope: {not: {vpcs: [vpc-0b1b2c3d]}}"), false},
		{"the other tolerates more of IPv6", policyText("p", ssh, "tolerate: {ipv6: /64}"), wide("tolerate: {ipv6: /48}"), false},
		{"tolerates more of IPv6 than the other", policyText("p", ssh, "tolerate: {ipv6: /48}"), wide("tolerate: {ipv6: /64}"), true},
		{"narrows beside a revert", policyText("p", ssh, "remedy: {do: narrow, to: [10.0.0.0/8]}"), wide(), true},
		{"the same whole box, and another", policyText("p", "forbid: [{direction: ingress, ports: [22], peers: [internet], when: whole}]"), policyText("wide", "forbid:\n  - {direction: ingress, ports: [80], peers: [internet]}\n  - {direction: ingress, ports: [22], peers: [internet], when: whole}"), true},
		{"a whole box beside the same that is not, of other peers", policyText("p", "forbid: [{direction: ingress, ports: [22], peers: [internet], when: whole}]"), policyText("wide", "forbid: [{direction: ingress, ports: [22], peers: [private]}]"), false},
		{"the other leaves a port out", policyText("p", ssh), policyText("wide", "forbid: [{direction: ingress, ports: [20-30], peers: [internet], but: [{protocols: [udp], ports: [22]}]}]"), false},
		{"the other leaves lists of AWS out", policyText("p", ssh), policyText("wide", "forbid: [{direction: ingress, ports: [20-30], peers: [internet], but: [{peers: ['aws:*']}]}]"), false},
		{"internet beside addresses", policyText("p", ssh), policyText("wide", "forbid: [{direction: ingress, ports: [22], peers: [addresses]}]"), true},
		{"addresses beside internet", policyText("p", "forbid: [{direction: ingress, ports: [22], peers: [addresses]}]"), wide(), false},
		{"a VPC beside private addresses", policyText("p", "forbid: [{direction: ingress, ports: [22], peers: [vpc]}]"), policyText("wide", "forbid: [{direction: ingress, ports: [22], peers: [private]}]"), false},
		{"self beside references", policyText("p", "forbid: [{direction: ingress, peers: [self]}]"), policyText("wide", "forbid: [{direction: ingress, peers: [references]}]"), true},
		{"references beside self", policyText("p", "forbid: [{direction: ingress, peers: [references]}]"), policyText("wide", "forbid: [{direction: ingress, peers: [self]}]"), false},
		{"whole beside not whole", policyText("p", "forbid: [{direction: ingress, ports: [22], peers: [internet], when: whole}]"), wide(), true},
		{"not whole beside whole", policyText("p", ssh), policyText("wide", "forbid: [{direction: ingress, ports: [20-30], peers: [internet], when: whole}]"), false},
		{"a part of a whole", policyText("p", "forbid: [{direction: ingress, ports: [22], peers: [internet], when: whole}]"), policyText("wide", "forbid: [{direction: ingress, ports: [20-30], peers: [internet], when: whole}]"), false},
		{"allowOnly beside a forbid", policyText("p", "allowOnly: {within: {direction: ingress, ports: [22-23], peers: [internet]}, these: [{ports: [23]}]}"), wide(), true},
	} {
		for _, id := range []string{"wide", "a"} { // whichever is first
			wide := strings.Replace(c.wide, "id: wide", "id: "+id, 1)
			warnings := lintWarnings(t, wide, c.narrow)
			found := false
			for _, w := range warnings {
				if w == "all.yaml:"+judgedAt(wide)+"1: all that policy p forbids, policy "+id+" (all.yaml:3:16) forbids too, with no weaker remedy (remove it, or give it another scope)" {
					found = true
				}
			}
			require.Equal(t, c.shadowed, found, "%s, beside %s: %v", c.name, id, warnings)
		}
	}

	twins := lintWarnings(t, policyText("p", ssh), policyText("q", ssh))
	require.Len(t, twins, 1, "of two alike one is too much")
	require.Contains(t, twins[0], "all that policy q forbids, policy p (all.yaml:3:16) forbids too")

	const described = "require: [{where: {direction: ingress, peers: [any]}, description: true}]"
	require.Empty(t, lintWarnings(t, wide(), policyText("p", described), policyText("q", described), policyText("r", "require: [{maxRules: 50}]", "remedy: alert")), "what is required is no flow")

	required := lintWarnings(t, policyText("a", described), wide(), policyText("p", ssh))
	require.Len(t, required, 1, "policies behind one that forbids nothing are looked at")
	require.Contains(t, required[0], "all that policy p forbids, policy wide")

	exempt := settingsText("exemptions: [{id: EX, policy: wide, group: sg-0a1b2c3d, owner: o, reason: r, ticket: T, until: 2028-01-01}]")
	require.Empty(t, lintWarnings(t, wide(), policyText("p", ssh), exempt), "the exemption is from the other alone")

	packs := map[string][]Source{"a": {{File: "packs/a/p.yaml", Text: []byte(policyText("p", ssh))}, {File: "packs/a/wide.yaml", Text: []byte(wide())}}}
	_, warnings := lint(t, lintDay, packs, settingsText("packs: [a]"))
	require.Empty(t, warnings, "packs overlap by intent")
	_, warnings = lint(t, lintDay, packs, settingsText("packs: [a]"), policyText("own", ssh))
	require.Len(t, warnings, 1)
	require.Contains(t, warnings[0], "all that policy own forbids, policy p (packs/a/p.yaml:3:16) forbids too")
	require.Contains(t, warnings[0], "(remove it, or give it another scope; of rules that AWS services make, policies of packs only alert)")

	const excepted = "except: [{actors: ['arn:aws:iam::*:role/a'], reason: r}]"
	parsed := parsedFrom(t, policyText("p", ssh, excepted), wide(excepted))
	Lint(parsed, lintDay)
	require.Equal(t, parsedFrom(t, policyText("p", ssh, excepted), wide(excepted)).Documents, parsed.Documents, "comparing changes nothing")
}

// judgedAt is the line, and a colon, of what the second of two policies of one
// file judges.
func judgedAt(first string) string {
	return strconv.Itoa(strings.Count(first, "\n")+5) + ":"
}

func TestLintOfContradictions(t *testing.T) {
	only := func(id, ports, these string, more ...string) string {
		return policyText(id, append([]string{"allowOnly: {within: {direction: ingress, protocols: [tcp], ports: [" + ports + "], peers: [addresses]}, these: [" + these + "]}"}, more...)...)
	}
	for _, c := range []struct {
		name   string
		first  string
		second string
		want   string
	}{
		{"disjoint", only("a", "80", "{peers: [10.0.0.0/8]}"), only("b", "80", "{peers: [172.16.0.0/12]}"), "policies b and a (all.yaml:3:16) contradict"},
		{"on a part of within", only("a", "80, 443", "{peers: [10.0.0.0/8]}"), only("b", "443-500", "{peers: [172.16.0.0/12]}"), "policies b and a (all.yaml:3:16) contradict"},
		{"they share a block", only("a", "80", "{peers: [10.0.0.0/8]}"), only("b", "80", "{peers: [10.1.0.0/16, 172.16.0.0/12]}"), ""},
		{"the VPC may be there", only("a", "80", "{peers: [10.0.0.0/8]}"), only("b", "80", "{peers: [vpc]}"), ""},
		{"other ports", only("a", "80", "{peers: [10.0.0.0/8]}"), only("b", "443", "{peers: [172.16.0.0/12]}"), ""},
		{"other groups", only("a", "80", "{peers: [10.0.0.0/8]}", "scope: {vpcs: [vpc-0a1b2c3d]}"), only("b", "80", "{peers: [172.16.0.0/12]}", "scope: {vpcs: [vpc-0b1b2c3d]}"), ""},
		{"one tolerates", only("a", "80", "{peers: [10.0.0.0/8]}", "tolerate: {ipv4: /16}"), only("b", "80", "{peers: [172.16.0.0/12]}", "tolerate: {ipv4: /16}"), ""},
		{"a forbid of all that is allowed", policyText("a", "forbid: [{direction: ingress, ports: [80], peers: [private]}]"), only("b", "80", "{peers: [10.0.0.0/8]}"), "all that policy b allows, policy a (all.yaml:3:16) forbids"},
		{"a forbid of some groups", policyText("a", "forbid: [{direction: ingress, ports: [80], peers: [private]}]", "scope: {groups: {default: true}}"), only("b", "80", "{peers: [10.0.0.0/8]}"), ""},
		{"a forbid of a part", policyText("a", "forbid: [{direction: ingress, ports: [80], peers: [10.0.0.0/9]}]"), only("b", "80", "{peers: [10.0.0.0/8]}"), ""},
		{"a forbid beside what another leaves out", policyText("a", "forbid: [{direction: ingress, ports: [80], peers: [addresses], but: [{peers: [10.0.0.0/8]}]}]"), policyText("b", "forbid: [{direction: ingress, ports: [80], peers: [10.0.0.0/8]}]"), ""},
		{"a forbid of other groups", policyText("a", "forbid: [{direction: ingress, ports: [80], peers: [private]}]", "scope: {groups: {default: true}}"), only("b", "80", "{peers: [10.0.0.0/8]}", "scope: {groups: {default: false}}"), ""},
	} {
		warnings := lintWarnings(t, c.first, c.second)
		if c.want == "" {
			require.Empty(t, warnings, c.name)
			continue
		}
		require.Len(t, warnings, 1, c.name)
		require.Contains(t, warnings[0], c.want, c.name)
	}
}

// TestLintOfPoliciesThatAllowNothing: what allows nothing contradicts nobody.
func TestLintOfPoliciesThatAllowNothing(t *testing.T) {
	only := func(id, these string) string {
		return policyText(id, "allowOnly: {within: {direction: ingress, protocols: [tcp], ports: [80], peers: [addresses]}, these: ["+these+"]}")
	}
	const nothing, some, others = "{peers: ['set:none']}", "{peers: [10.0.0.0/8]}", "{peers: [172.16.0.0/12]}"
	none := settingsText("sets: {none: []}")
	for _, c := range []struct {
		first, second string
		want          string
	}{
		{only("a", nothing), only("b", some), ""},
		{only("a", some), only("b", nothing), ""},
		{only("a", nothing), only("b", nothing), ""},
		{only("a", some), only("b", others), "contradict"},
		{policyText("a", "forbid: [{direction: ingress, ports: [80], peers: [addresses]}]"), only("b", nothing), ""},
		{policyText("a", "forbid: [{direction: ingress, ports: [80], peers: [addresses]}]"), only("b", some), "all that policy b allows"},
	} {
		found := []string{}
		for _, w := range lintWarnings(t, c.first, c.second, none) {
			if strings.Contains(w, "contradict") || strings.Contains(w, "allows") {
				found = append(found, w)
			}
		}
		if c.want == "" {
			require.Empty(t, found)
			continue
		}
		require.Len(t, found, 1)
		require.Contains(t, found[0], c.want)
	}
}

func TestLintOfExemptionsWithoutEffect(t *testing.T) {
	const ssh = "forbid: [{direction: ingress, ports: [22], peers: [internet]}]"
	exemption := func(more string) string {
		return settingsText("exemptions: [{id: EX, policy: p, group: sg-0a1b2c3d, owner: o, reason: r, until: 2028-01-01" + more + "}]")
	}
	for _, c := range []struct{ name, policy, more, want string }{
		{"fine", policyText("p", ssh), ", ticket: T, rules: [ingress tcp/20-25 from 8.8.8.0/24]", ""},
		{"no ticket", policyText("p", ssh), "", "exemption EX names no ticket"},
		{"another port", policyText("p", ssh), ", ticket: T, rules: [ingress tcp/22 from 8.8.8.0/24, ingress tcp/23 from 8.8.8.0/24]", "exempts nothing here: policy p forbids none of it"},
		{"private addresses", policyText("p", ssh), ", ticket: T, rules: [ingress tcp/22 from 10.0.0.0/8]", "exempts nothing here"},
		{"a reference", policyText("p", ssh), ", ticket: T, rules: [ingress tcp/22 from sg-0a1b2c3d]", "exempts nothing here"},
		{"a reference under references", policyText("p", "forbid: [{direction: ingress, peers: [references]}]"), ", ticket: T, rules: [ingress tcp/22 from sg-0a1b2c3d]", ""},
		{"a list", policyText("p", ssh), ", ticket: T, rules: [ingress tcp/22 from pl-0a1b2c3d]", ""},
		{"the VPC", policyText("p", "forbid: [{direction: ingress, peers: [vpc]}]"), ", ticket: T, rules: [ingress tcp/22 from 10.0.0.0/8]", ""},
		{"another group", policyText("p", ssh, "scope: {groups: {ids: [sg-0b1b2c3d]}}"), ", ticket: T", "group sg-0a1b2c3d is not in the scope of policy p"},
		{"a group that is left out", policyText("p", ssh, "scope: {not: {groups: {ids: [sg-0a1b2c3d]}}}"), ", ticket: T", "group sg-0a1b2c3d is not in the scope of policy p"},
		{"perhaps left out", policyText("p", ssh, "scope: {not: {groups: {ids: [sg-0a1b2c3d]}, vpcs: [vpc-0a1b2c3d]}}"), ", ticket: T", ""},
	} {
		warnings := lintWarnings(t, c.policy, exemption(c.more))
		if c.want == "" {
			require.Empty(t, warnings, c.name)
			continue
		}
		require.Len(t, warnings, 1, c.name)
		require.Contains(t, warnings[0], c.want, c.name)
	}
}
