package policy

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// faultTexts is all that is wrong with files, as MESSAGE (HINT).
func faultTexts(t *testing.T, o ParseOptions, packs map[string][]Source, sources ...Source) []string {
	t.Helper()
	_, err := ParseWith(sources, packs, o)
	if err == nil {
		return nil
	}
	var faults Faults
	require.ErrorAs(t, err, &faults)
	out := make([]string, 0, len(faults))
	for _, f := range faults {
		out = append(out, f.Message+" ("+f.Hint+")")
	}
	return out
}

// TestAFaultIsSaidOnce: a slip has one message, and what is right beside it none.
func TestAFaultIsSaidOnce(t *testing.T) {
	longest := strings.Repeat("a", 58) + "@" + strings.Repeat("b", 58) + "." + strings.Repeat("c", 58) + "." + strings.Repeat("d", 58) + ".example." + "com"
	longest += strings.Repeat("m", longestAddress-len(longest))
	const noURL = " is no https URL (write https://alerts.example.com/sgwarden)"
	onCalls := func(remedy string) string { return policyText("p", "onChange: {calls: [any]}", "remedy: "+remedy) }
	stack := func(text string) string { return settingsText("stack: {" + text + "}") }
	for name, c := range map[string]struct {
		text string
		want []string
	}{
		"the policy of an exemption": {settingsText("exemptions: [{id: E, policy: My_P, group: sg-0a1b2c3d, owner: o, reason: r, until: 2027-06-30}]"), []string{`policy must be lower-case letters, digits and -, at most 64, not "My_P" (write my-p)`}},
		"an id that is too long": {policyText(strings.Repeat("A", 65), everywhere), []string{
			`id must be lower-case letters, digits and -, at most 64, not "` + strings.Repeat("A", 65) + `" ()`}},
		"the longest address":            {stack("email: " + longest), nil},
		"a longer address":               {stack("email: " + longest + "m"), []string{`"` + longest + `m" is no e-mail address (write one plain address, as you@example.com)`}},
		"a character above ASCII":        {stack("email: \"a\\u0080@example.com\""), []string{"email holds the invisible character U+0080 (remove it)", "\"a\\u0080@example.com\" is no e-mail address (write one plain address, as you@example.com)"}},
		"a letter in a URL":              {stack("alerts: [{https: 'https://a.example.com/ü'}]"), []string{`"https://a.example.com/ü"` + noURL}},
		"the first character above":      {stack("alerts: [{https: \"https://a.example.com/\\u0080\"}]"), []string{"https holds the invisible character U+0080 (remove it)", `"https://a.example.com/\u0080"` + noURL}},
		"a blank in a URL":               {stack("alerts: [{https: 'https://a.example.com/a b'}]"), []string{`"https://a.example.com/a b"` + noURL}},
		"the beginning of an ARN":        {stack("key: 'arn:aws:kms'"), []string{`"arn:aws:kms" is not the ARN of a KMS key (write ` + keyForm.example + `)`}},
		"another ARN":                    {stack("key: 'urn:aws:kms:eu-west-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab'"), []string{`"urn:aws:kms:eu-west-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab" is not the ARN of a KMS key (write ` + keyForm.example + `)`}},
		"the least concurrency":          {stack("concurrency: 2"), nil},
		"days beyond all":                {stack("logDays: 9999"), []string{"CloudWatch Logs cannot keep logs for 9999 days (write 3653)"}},
		"the most subscribers":           {settingsText("stack:", "  alerts:", subscribers(mostSubscribers)), nil},
		"a URL that is a list":           {stack("alerts: [{https: []}]"), []string{`https must be text, not a list ()`}},
		"an address that is a list":      {stack("alerts: [{email: []}]"), []string{`email must be text, not a list ()`}},
		"a queue that is a list":         {stack("alerts: [{queue: []}]"), []string{`queue must be text, not a list ()`}},
		"the longest wait of a call":     {onCalls("{do: revert, after: 15m}"), nil},
		"a wait that nothing may have":   {onCalls("{do: revert, after: 720h}"), []string{"what a call did waits for 15 minutes at most (write 15m or less)"}},
		"a call that nobody watches":     {policyText("p", "onChange: {calls: [CreateSecurityGrop]}", "remedy: alert"), []string{`"CreateSecurityGrop" is not the name of a watched call (did you mean "CreateSecurityGroup"?)`}},
		"only what is required of rules": {policyText("p", "require: [{where: {direction: ingress, peers: [any]}, description: true}]", "remedy: revert"), nil},
		"a list of rules or all":         {policyText("p", everywhere) + "---\napiVersion: sgwarden/v1\nkind: Tests\npolicy: p\ncases: [{name: c, fail: [[ingress]]}]\n", []string{`an entry of fail must be text, not a list ()`}},
	} {
		t.Run(name, func(t *testing.T) {
			require.Equal(t, c.want, faultTexts(t, ParseOptions{}, nil, Source{File: "all.yaml", Text: []byte(c.text)}))
		})
	}
}

func subscribers(n int) string {
	var out strings.Builder
	for i := range n {
		fmt.Fprintf(&out, "    - {email: a%d@example.com}\n", i)
	}
	return out.String()
}

// TestFaultsOfWhatLiesOver are all said, each as in the file.
func TestFaultsOfWhatLiesOver(t *testing.T) {
	for name, c := range map[string]struct {
		settings string
		over     map[string]any
		want     []string
	}{
		"two that there are not": {"mode: observe", map[string]any{"aaaa": "1", "zzzz": "1"}, []string{"there is no such setting ()", "there is no such setting ()"}},
		"enforce over observe":   {"mode: observe", map[string]any{"mode": "enforce"}, []string{"the settings say observe, and the lower mode counts: nothing would be enforced (leave it out, or write mode: enforce at sgwarden.yaml:3:7)"}},
		"observe over observe":   {"mode: observe", map[string]any{"mode": "observe"}, nil},
		"enforce over enforce":   {"mode: enforce", map[string]any{"mode": "enforce"}, nil},
		"enforce over nothing":   {"settle: 30s", map[string]any{"mode": "enforce"}, nil},
		"a list":                 {"mode: observe", map[string]any{"logDays": []any{1}}, []string{"logDays must be a number from 1 to 9999, not a mapping ()"}},
		"half a number":          {"mode: observe", map[string]any{"logDays": "12a"}, []string{`logDays must be a number from 1 to 9999, not "12a" ()`}},
		"no number":              {"mode: observe", map[string]any{"logDays": ""}, []string{`logDays must be a number from 1 to 9999, not "" ()`}},
	} {
		t.Run(name, func(t *testing.T) {
			require.Equal(t, c.want, faultTexts(t, ParseOptions{Over: c.over}, nil, Source{File: "sgwarden.yaml", Text: []byte(settingsText(c.settings))}))
		})
	}
}

// TestFiltersAreCheckedAsAWhole, unless their keys have faults already.
func TestFiltersAreCheckedAsAWhole(t *testing.T) {
	check := func(conditions []Condition) []FilterFault {
		if len(conditions) == 0 {
			return []FilterFault{{Condition: -1, Err: errText("nothing to filter by")}}
		}
		return []FilterFault{{Condition: 0, Value: 0, Err: errText("no such value")}}
	}
	for filter, want := range map[string][]string{
		"{}":              {"nothing to filter by ()"},
		"{severity: []}":  {"severity is an empty list (add an entry, or remove the key)"},
		"{team: [cards]}": {"no such value ()"},
	} {
		text := settingsText("stack: {alerts: [{email: a@example.com, filter: " + filter + "}]}")
		require.Equal(t, want, faultTexts(t, ParseOptions{Filters: check}, nil, Source{File: "all.yaml", Text: []byte(text)}), filter)
	}
	_, err := ParseWith([]Source{{File: "all.yaml", Text: []byte(settingsText("stack: {alerts: [{email: a@example.com, filter: {team: [cards]}}]}"))}}, nil, ParseOptions{Filters: check})
	require.ErrorContains(t, err, "all.yaml:3:57", "of the first value, not of the filter")
}

type errText string

func (e errText) Error() string { return string(e) }

func TestRangesOfAWSHaveOneFault(t *testing.T) {
	const two = `{"createDate": "2026-01-30-10-00-00", "prefixes": [{"ip_prefix": "8.8.8.8"}, {"ip_prefix": "9"}], "ipv6_prefixes": [{"ipv6_prefix": "x"}]}`
	require.Len(t, faultTexts(t, ParseOptions{}, nil, rangesFolder("{file: ip-ranges.json}", two)...), 1)
}

// TestDataFilesMayComeFirst: what stands behind them is read.
func TestDataFilesMayComeFirst(t *testing.T) {
	files := rangesFolder("{file: ip-ranges.json}", someRanges)
	p, err := Parse([]Source{files[2], files[0], files[1]}, nil)
	require.NoError(t, err)
	require.Len(t, p.Documents, 1)
}

func TestUnknownPacksAreTold(t *testing.T) {
	packs := map[string][]Source{"baseline": nil, "exposure": nil}
	settings := func(pack string) Source {
		return Source{File: "all.yaml", Text: []byte(settingsText("packs: [" + pack + "]"))}
	}
	require.Equal(t, []string{`unknown pack "baselin" (did you mean "baseline"?)`}, faultTexts(t, ParseOptions{}, packs, settings("baselin")))
	require.Equal(t, []string{`unknown pack "zzzzzzzz" (known: baseline, exposure)`}, faultTexts(t, ParseOptions{}, packs, settings("zzzzzzzz")))
	require.Equal(t, []string{`unknown pack "zzzzzzzz" ()`}, faultTexts(t, ParseOptions{}, nil, settings("zzzzzzzz")))
	for i := range 12 { // more than a slip is told of
		packs[fmt.Sprintf("more-%02d", i)] = nil
	}
	faults := faultTexts(t, ParseOptions{}, packs, settings("zzzzzzzz"))
	require.Len(t, faults, 1)
	require.Contains(t, faults[0], "(known: baseline, exposure, more-00, ")
	require.Contains(t, faults[0], ", more-11)")
}

// TestSetsOfOverrides: what a shipped policy leaves open, an override may not, and
// what it fills is filled for its policy alone.
func TestSetsOfOverrides(t *testing.T) {
	packs := map[string][]Source{"own": {
		{File: "packs/own/p.yaml", Text: []byte(policyText("p", "forbid: [{direction: ingress, ports: [22], peers: ['set:offices']}]"))},
		{File: "packs/own/q.yaml", Text: []byte(policyText("q", "forbid: [{direction: ingress, ports: [22], peers: ['set:offices']}]"))},
	}}
	settings := func(lines ...string) Source {
		return Source{File: "all.yaml", Text: []byte(settingsText(append([]string{"packs: [own]"}, lines...)...))}
	}
	require.Equal(t, []string{`unknown set "nope" (declare it under sets in the settings)`}, faultTexts(t, ParseOptions{}, packs, settings("overrides: {p: {but: [{peers: ['set:nope']}]}}")))
	require.Equal(t, []string{`unknown set "nope" (known: offices)`}, faultTexts(t, ParseOptions{}, packs, settings("sets: {offices: [8.8.8.0/29]}", "overrides: {p: {sets: {offices: ['set:nope']}}}")))

	p, err := Parse([]Source{settings("sets: {offices: [8.8.8.0/29]}", "overrides: {p: {sets: {offices: [9.9.9.0/24]}}}")}, packs)
	require.NoError(t, err)
	require.Empty(t, p.Warnings)
	require.Equal(t, prefixes("9.9.9.0/24"), p.Documents[0].Forbid[0].Peers[0].CIDRs)
	require.Equal(t, prefixes("8.8.8.0/29"), p.Documents[1].Forbid[0].Peers[0].CIDRs)

	p, err = Parse([]Source{settings()}, packs)
	require.NoError(t, err)
	require.Len(t, p.Warnings, 2, "of a shipped policy with an empty set it is said once that it never matches")
	require.Equal(t, "policy p never matches: set:offices is empty", p.Warnings[0].Message)
}

// TestOverridesOfPortsAndScopes: what is changed is not warned about, and what is
// warned about stands where it was written last.
func TestOverridesOfPortsAndScopes(t *testing.T) {
	const mail = "forbid: [{direction: ingress, ports: [25, 465], peers: [internet]}]"
	parsed, _ := overriddenPolicy(t, mail, "{ports: [25, 587]}")
	require.Empty(t, parsed.Warnings)
	parsed, p := overriddenPolicy(t, "allowOnly: {within: {direction: ingress, peers: [addresses]}, these: [{ports: [443]}]}", "{ports: [8443]}")
	require.Empty(t, parsed.Warnings)
	require.Empty(t, excessUnder(t, p, "ingress tcp/8443 from 8.8.8.0/24"))

	parsed, _ = overriddenPolicy(t, mail+"\nscope: {not: {vpcs: [vpc-0a1b2c3d]}}", "{scope: {not: {vpcs: [vpc-0a1b2c3d]}}}")
	require.Len(t, parsed.Warnings, 1)
	require.Contains(t, parsed.Warnings[0].Message, "scope changes nothing")

	faults, warnings := lint(t, lintDay, nil, policyText("p", mail), settingsText("overrides:", "  p:", "    scope: {groups: {names: ['web-*'], default: false}}"))
	require.Empty(t, faults)
	require.Len(t, warnings, 1)
	require.Contains(t, warnings[0], "all.yaml:10:5: name web-* does not count in the scope of p")
}

// TestAnotherRemedyHasNoOldTo: the addresses of the policy's own remedy are lint's
// no more, and those of other policies still are.
func TestAnotherRemedyHasNoOldTo(t *testing.T) {
	const ssh = "forbid: [{direction: ingress, ports: [22], peers: [internet]}]\nremedy: {do: narrow, to: [8.8.8.0/24]}"
	both := policyText("p", ssh) + "---\n" + policyText("q", ssh)
	faults, _ := lint(t, lintDay, nil, both)
	require.Len(t, faults, 2)
	faults, _ = lint(t, lintDay, nil, both, settingsText("overrides: {p: {remedy: revert}}"))
	require.Len(t, faults, 1)
	require.Contains(t, faults[0], "is not what policy q itself allows")
	faults, _ = lint(t, lintDay, nil, both, settingsText("overrides: {p: {remedy: {do: narrow, to: [10.0.0.0/8]}}, q: {remedy: revert}}"))
	require.Empty(t, faults)
}

// TestWarningsStandInTheOrderOfTheFile, whoever found them.
func TestWarningsStandInTheOrderOfTheFile(t *testing.T) {
	text := settingsText("mode: observe", "sets: {none: []}", "overrides: {p: {mode: enforce}}") + "---\n" +
		policyText("p", "forbid: [{direction: ingress, ports: [22], peers: ['set:none']}]")
	p, err := Parse([]Source{{File: "all.yaml", Text: []byte(text)}}, nil)
	require.NoError(t, err)
	var lines []int
	for _, w := range p.Warnings {
		lines = append(lines, w.Line)
	}
	require.IsIncreasing(t, lines)
	require.Len(t, lines, 2)
}

// TestConditionsAddUp: a scope with several of them is none without any.
func TestConditionsAddUp(t *testing.T) {
	for _, scope := range []string{"{vpcs: [vpc-0a1b2c3d], usedBy: [lambda]}", "{groups: {names: [a], tags: {tier: [b]}}}"} {
		text := policyText("p", "intent: chosen", "scope: "+scope, everywhere) + "---\n" + settingsText("trusted: {names: [a], tags: [tier]}")
		p, err := Parse([]Source{{File: "all.yaml", Text: []byte(text)}}, nil)
		require.NoError(t, err)
		require.Len(t, p.Documents, 1, scope)
		s, err := Compile(p.Documents, p.Deployment.Settings(Enforce))
		require.NoError(t, err)
		require.Len(t, s.Policies, 1, scope)
		require.Equal(t, strings.Contains(scope, "groups"), s.Policies[0].scope.selectsGroups(), scope)
	}
}

func TestTestsAreChosenByTheirCase(t *testing.T) {
	p := parsedFrom(t, policyText("p", everywhere)+"---\napiVersion: sgwarden/v1\nkind: Tests\npolicy: p\ncases: [{name: a, fail: [ingress all from 0.0.0.0/0]}, {name: b, fail: [ingress all from ::/0]}]\n")
	report, err := p.RunTests(lintDay, TestSelection{Case: func(_, name string) bool { return name == "b" }})
	require.NoError(t, err)
	require.Len(t, report.Results, 1)
	require.Equal(t, "b", report.Results[0].Case)
}

func TestRemediesOfListsInWords(t *testing.T) {
	require.Equal(t, "narrow to 10.0.0.0/8, of a list the rule, after 1h", Remedy{Do: DoNarrow, To: prefixes("10.0.0.0/8"), OnList: true, After: 3600e9}.Text())
	require.Equal(t, "revert", Remedy{Do: DoRevert}.Text())
}

func TestTheFirstOfShortestAbbreviations(t *testing.T) {
	require.Equal(t, "abcdefxx", abbreviated("abcdef", []string{"abcdefxxx", "abcdefxx", "abcdefyy"}))
}
