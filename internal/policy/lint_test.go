package policy

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// lint gives the diagnostics of a folder of one file, each as one line.
func lint(t *testing.T, now time.Time, packs map[string][]Source, texts ...string) (faults, warnings []string) {
	t.Helper()
	all := ""
	for i, text := range texts {
		if i > 0 {
			all += "---\n"
		}
		all += text
	}
	p, err := Parse([]Source{{File: "all.yaml", Text: []byte(all)}}, packs)
	require.NoError(t, err)
	for _, d := range Lint(p, now) {
		if d.Warning {
			warnings = append(warnings, d.Error())
		} else {
			faults = append(faults, d.Error())
		}
	}
	return faults, warnings
}

var lintDay = time.Date(2027, 6, 17, 12, 0, 0, 0, time.UTC)

const everywhere = "forbid: [{direction: ingress, peers: [internet]}]"

func TestLintHasNothingToSay(t *testing.T) {
	faults, warnings := lint(t, lintDay, nil, policyText("p", everywhere))
	require.Empty(t, faults)
	require.Empty(t, warnings)
}

func TestLintPointsOutWhatEnds(t *testing.T) {
	const exemption = "  - {id: EX, policy: p, group: sg-0a1b2c3d, owner: o, reason: r, ticket: T, until: 2027-06-30}"
	texts := []string{
		policyText("p", everywhere, "except: [{actors: ['arn:aws:iam::*:role/a'], reason: r, until: 2027-06-17}]"),
		settingsText("exemptions:", exemption),
	}
	for _, c := range []struct {
		name string
		now  time.Time
		want []string
	}{
		{"long before", lintDay.AddDate(0, -2, 0), nil},
		{"31 days before", lintDay.AddDate(0, 0, -31), nil},
		{"30 days before the first end", time.Date(2027, 5, 19, 0, 0, 0, 0, time.UTC), []string{
			"all.yaml:5:64: the exception of policy p ends in 30 days (renew or remove it)",
		}},
		{"the exception's last day", lintDay, []string{
			"all.yaml:5:64: the exception of policy p ends today (renew or remove it)",
			"all.yaml:10:84: exemption EX ends in 13 days (renew or remove it)",
		}},
		{"the day after", lintDay.AddDate(0, 0, 1), []string{
			"all.yaml:5:64: the exception of policy p is over (renew or remove it)",
			"all.yaml:10:84: exemption EX ends in 12 days (renew or remove it)",
		}},
	} {
		faults, warnings := lint(t, c.now, nil, texts...)
		require.Empty(t, faults, c.name)
		require.Equal(t, c.want, warnings, c.name)
	}
}

func TestLintRefusesAChosenPolicyWithoutScope(t *testing.T) {
	chosen := policyText("p", "intent: chosen", everywhere)
	faults, _ := lint(t, lintDay, nil, chosen)
	require.Equal(t, []string{"all.yaml:3:16: policy p is chosen, and has no scope: it is off (give it a scope, or make its intent universal)"}, faults)
	faults, _ = lint(t, lintDay, nil, policyText("p", "intent: chosen", "scope: {not: {vpcs: [vpc-0a1b2c3d]}}", everywhere))
	require.Equal(t, []string{"all.yaml:5:1: policy p is chosen, and its scope says only whom it is not for: it is off (say whom it is for, beside not, or make its intent universal)"}, faults)

	for _, settings := range []string{"overrides: {p: {off: true}}", "overrides: {p: {scope: {vpcs: [vpc-0a1b2c3d]}}}"} {
		faults, warnings := lint(t, lintDay, nil, chosen, settingsText(settings))
		require.Empty(t, faults, settings)
		require.Empty(t, warnings, settings)
	}

	packs := map[string][]Source{"conscious": {{File: "packs/conscious/p.yaml", Text: []byte(chosen)}}}
	faults, warnings := lint(t, lintDay, packs, settingsText("packs: [conscious]"))
	require.Empty(t, faults, "of a pack it is off until somebody scopes it")
	require.Equal(t, []string{"packs/conscious: off, as no scope is given: p (give them a scope under overrides in the settings)"}, warnings)
}

func TestLintSaysWhatOfAScopeDoesNotCount(t *testing.T) {
	p := policyText("p", "scope: {groups: {names: ['web-*'], tags: {tier: [a], team: [b]}}, not: {groups: {names: ['db-*']}}}", everywhere)
	_, warnings := lint(t, lintDay, nil, p, settingsText("trusted: {tags: [tier, team], names: ['web-*', 'db-?']}"))
	require.Equal(t, []string{"all.yaml:4:1: name db-* leaves no group out of the scope of p: whoever makes groups could choose it (list it under trusted in the settings)"}, warnings)
	_, warnings = lint(t, lintDay, nil, p, settingsText("trusted: {tags: [tier], names: ['*']}"))
	require.Equal(t, []string{"all.yaml:4:1: tag team does not count in the scope of p: whoever makes groups could choose it (list it under trusted in the settings)"}, warnings)
}

func TestLintRefusesToOutsideOfWhatThePolicyAllows(t *testing.T) {
	for _, c := range []struct {
		name, judged, to string
		refused          bool
	}{
		{"private under a forbid of the internet", everywhere, "10.0.0.0/8", false},
		{"public under a forbid of the internet", everywhere, "8.8.8.0/29", true},
		{"tolerated is not allowed", everywhere + "\ntolerate: {ipv4: /16}", "8.8.8.0/29", true},
		{"partly outside", everywhere, "10.0.0.0/7", true},
		{"within the exception of the box", "forbid: [{direction: ingress, ports: [22], peers: [internet], but: [{peers: [8.8.8.0/24]}]}]", "8.8.8.0/29", false},
		{"under allowOnly", "allowOnly: {within: {direction: ingress, ports: [80], peers: [addresses]}, these: [{peers: [10.0.0.0/8]}]}", "10.1.0.0/16", false},
		{"outside under allowOnly", "allowOnly: {within: {direction: ingress, ports: [80], peers: [addresses]}, these: [{peers: [10.0.0.0/8]}]}", "172.16.0.0/12", true},
		{"whole, everything", "forbid: [{direction: egress, peers: [internet], when: whole}]", "127.0.0.1/32", false},
		{"whole, internet", "forbid: [{direction: egress, peers: [internet], when: whole}]", "8.8.8.8/32", true},
		{"an icmp type", "forbid: [{direction: ingress, icmp: [8], peers: [internet]}]", "8.8.8.8/32", true},
	} {
		faults, _ := lint(t, lintDay, nil, policyText("p", c.judged, "remedy: {do: narrow, to: ["+c.to+"]}"))
		if !c.refused {
			require.Empty(t, faults, c.name)
			continue
		}
		require.Len(t, faults, 1, c.name)
		require.Contains(t, faults[0], c.to+" is not what policy p itself allows", c.name)
	}
}

func TestLintOfExemptionsFromPoliciesThatAreOff(t *testing.T) {
	_, warnings := lint(t, lintDay, nil, policyText("p", everywhere), policyText("q", everywhere), settingsText("overrides: {p: {off: true}}",
		"exemptions: [{id: EX, policy: p, group: sg-0a1b2c3d, owner: o, reason: r, until: 2028-01-01}]"))
	require.Equal(t, []string{"all.yaml:14:31: exemption EX is from policy p, which is off (remove it)"}, warnings)
}

func TestLintOfTheFuse(t *testing.T) {
	faults, warnings := lint(t, lintDay, nil, policyText("p", everywhere), settingsText("fuse: {groups: 200}"))
	require.Empty(t, faults)
	require.Empty(t, warnings)
	_, err := Parse([]Source{{File: "a.yaml", Text: []byte(settingsText("fuse: {groups: 201, actors: 201}"))}}, nil)
	require.ErrorContains(t, err, "groups of the fuse is more than 200")
	require.ErrorContains(t, err, "actors of the fuse is more than 200")
}

func TestLintOfBoxesThatNeverMatch(t *testing.T) {
	_, warnings := lint(t, lintDay, nil, settingsText("sets: {nobody: []}"),
		policyText("p", "forbid:", "  - {direction: ingress, peers: ['set:nobody']}", "  - {direction: ingress, ports: [22], peers: [10.0.0.0/8], but: [{ports: [80]}, {peers: [10.1.0.0/16]}]}"))
	require.Equal(t, []string{
		"all.yaml:9:5: this box never matches: its sets are empty",
		"all.yaml:10:66: this exception never applies: it has nothing in common with its box",
	}, warnings)
}

func TestRunTestsFindsWhatATestGetsWrong(t *testing.T) {
	p := parsedFrom(t, policyText("p", "forbid: [{direction: ingress, ports: [22], peers: [internet]}]", "except: [{actors: ['arn:aws:iam::*:role/ops'], reason: r}]"),
		"apiVersion: sgwarden/v1\nkind: Tests\npolicy: p\ncases:\n"+
			"  - {name: right, pass: [ingress tcp/80 from 0.0.0.0/0], fail: [ingress tcp/22 from 0.0.0.0/0]}\n"+
			"  - {name: wrong, pass: [ingress tcp/22 from 0.0.0.0/0], fail: [ingress tcp/80 from 0.0.0.0/0]}\n"+
			"  - {name: too much, fail: [ingress tcp/20-25 from 8.8.8.0/24, ingress tcp/22 from 9.9.9.0/24], excess: [ingress tcp/22 from 8.8.8.0/25, ingress tcp/22 from 8.8.8.128/25, ingress tcp/22 from 9.9.9.0/24]}\n"+
			"  - {name: too little, fail: [ingress tcp/20-25 from 8.8.8.0/24], excess: [ingress tcp/22 from 8.8.8.0/25]}\n"+
			"  - {name: none, pass: [ingress tcp/25 from 8.8.8.0/24], excess: [ingress tcp/22 from 8.8.8.0/25]}\n"+
			"  - {name: by ops, actor: 'arn:aws:iam::123456789012:role/ops', exempt: [ingress tcp/22 from 0.0.0.0/0]}\n")
	report, err := p.RunTests(lintDay, TestSelection{})
	require.NoError(t, err)
	require.Len(t, report.Results, 12)
	require.Empty(t, report.Gaps)
	var texts []string
	for _, r := range report.Results {
		if r.Failed() {
			texts = append(texts, r.String())
		}
	}
	require.Equal(t, []string{
		`all.yaml:12: p, "wrong": ingress tcp/22 from 0.0.0.0/0: want pass, got fail`,
		`all.yaml:12: p, "wrong": ingress tcp/80 from 0.0.0.0/0: want fail, got pass`,
		`all.yaml:14: p, "too little": excess: want ingress tcp/22 from 8.8.8.0/25, got ingress tcp/22 from 8.8.8.0/24`,
		`all.yaml:15: p, "none": excess: want ingress tcp/22 from 8.8.8.0/25, got nothing`,
	}, texts)
}

// TestRunTestsFindsWhatNoTestShows: every line of a policy, and every check,
// needs a case; a policy without cases has nothing else said of it.
func TestRunTestsFindsWhatNoTestShows(t *testing.T) {
	own := []string{
		policyText("none", "forbid: [{direction: ingress, peers: [internet]}]"),
		policyText("p", "scope: {groups: {default: false}, not: {vpcs: [vpc-0a1b2c3d]}}", "forbid:",
			"  - {direction: ingress, ports: [22], peers: [internet]}",
			"  - {direction: ingress, ports: [23], peers: [internet], but: [{protocols: [udp]}]}",
			"tolerate: {ipv4: /16}", "except: [{actors: ['arn:aws:iam::*:role/ops'], reason: r}]"),
		policyText("q", "allowOnly: {within: {direction: ingress, ports: [80], peers: [addresses]}, these: [{peers: [10.0.0.0/8]}]}"),
		"apiVersion: sgwarden/v1\nkind: Tests\npolicy: p\ncases:\n  - {name: ssh, fail: [ingress tcp/22 from 0.0.0.0/0]}\n",
		"apiVersion: sgwarden/v1\nkind: Tests\npolicy: q\ncases:\n  - {name: web, pass: [ingress tcp/80 from 10.0.0.0/8], fail: [ingress tcp/80 from 0.0.0.0/0]}\n  - {name: http, check: I-HTTP, fail: [ingress tcp/80 from 8.8.8.8/32]}\n",
	}
	own[2] = strings.Replace(own[2], "severity: high", "severity: high, checks: [I-HTTP, I-HTTPS]", 1)
	p := parsedFrom(t, own...)
	report, err := p.RunTests(lintDay, TestSelection{})
	require.NoError(t, err)
	var texts []string
	for _, g := range report.Gaps {
		texts = append(texts, g.Policy+": "+g.What)
	}
	require.Equal(t, []string{
		"none: it has no tests: nothing shows its lines forbid (line 4)",
		"p: no case tells whether this line (forbid) is there",
		"p: no case tells whether this line (but) is there",
		"p: no case tells whether this line (tolerate) is there",
		"p: no case tells whether this line (scope) is there",
		"p: no case tells whether this line (not) is there",
		"p: no case tells whether this line (except) is there",
		"q: check I-HTTP: no case has one that complies",
		"q: check I-HTTP: no case has one that is exempt",
		"q: check I-HTTP: no case has an IPv6 rule that violates",
		"q: check I-HTTP: no case has a range or -1 that violates",
		"q: check I-HTTPS: no case has one that violates",
		"q: check I-HTTPS: no case has one that complies",
		"q: check I-HTTPS: no case has one that is exempt",
		"q: check I-HTTPS: no case has an IPv6 rule that violates",
		"q: check I-HTTPS: no case has a range or -1 that violates",
	}, texts)
	report, err = p.RunTests(lintDay, TestSelection{Case: func(policy, name string) bool { return name == "web" }})
	require.NoError(t, err)
	require.Len(t, report.Results, 2)
	require.Empty(t, report.Gaps, "some of the cases show some of the policies")
}

// TestRunTestsJudgesCallsRecordsAndWhatIsLeft: each case with one that is
// wrong, so that every answer is seen.
func TestRunTestsJudgesCallsRecordsAndWhatIsLeft(t *testing.T) {
	record := func(name, arn string) []byte {
		return []byte(`{"userIdentity":{"type":"IAMUser","arn":"` + arn + `"},"eventTime":"2026-03-02T09:00:00Z","eventSource":"ec2.amazonaws.com","eventName":"` + name + `","requestParameters":{"groupId":"sg-0123456789abcdef0","ipProtocol":"tcp","fromPort":20,"toPort":25,"cidrIp":"0.0.0.0/0"},"responseElements":{"_return":true,"groupId":"sg-0123456789abcdef0"},"eventID":"one"}`)
	}
	files := map[string][]byte{
		"mira.json":   record("AuthorizeSecurityGroupIngress", "arn:aws:iam::123456789012:user/mira"),
		"ops.json":    record("AuthorizeSecurityGroupIngress", "arn:aws:iam::123456789012:user/ops"),
		"create.json": record("CreateSecurityGroup", "arn:aws:iam::123456789012:user/mira"),
		"revoke.json": record("RevokeSecurityGroupIngress", "arn:aws:iam::123456789012:user/mira"),
		"broken.json": []byte("{"),
		"two.json":    []byte(`{"Records":[` + string(record("DeleteSecurityGroup", "x")) + "," + string(record("DeleteSecurityGroup", "x")) + "]}"),
		"cut.json":    []byte(strings.Replace(string(record("AuthorizeSecurityGroupIngress", "x")), `"ipProtocol":"tcp"`, `"omitted":true`, 1)),
	}
	p := parsedFrom(t,
		policyText("ssh", "forbid: [{direction: both, ports: [22], peers: [internet]}]", "except: [{actors: ['arn:aws:iam::*:user/ops'], reason: r}]", "remedy: {do: narrow, parts: 2}"),
		policyText("calls", "onChange: {calls: [any], unless: {actors: ['arn:aws:iam::*:user/ops'], userAgents: ['tool/*']}}", "remedy: tag"),
		policyText("observed", "forbid: [{direction: both, ports: [22], peers: [internet]}]", "mode: observe"),
		"apiVersion: sgwarden/v1\nkind: Tests\npolicy: ssh\ncases:\n"+
			"  - {name: records, pass: ['event:revoke.json', 'event:mira.json'], exempt: ['event:ops.json', 'event:mira.json'], fail: ['event:mira.json', 'event:create.json', 'event:revoke.json']}\n"+
			"  - {name: no records, fail: ['event:gone.json', 'event:broken.json', 'event:two.json', 'event:cut.json']}\n"+
			"  - {name: left, fail: [ingress tcp/20-25 from 0.0.0.0/0], remaining: [ingress tcp/20-21 from 0.0.0.0/0, ingress tcp/23-25 from 0.0.0.0/0], outcome: narrowed}\n"+
			"  - {name: nothing left, fail: [ingress tcp/22 from 0.0.0.0/0], remaining: nothing, outcome: reverted}\n"+
			"  - {name: wrong, fail: [ingress tcp/20-25 from 0.0.0.0/0], remaining: nothing, outcome: alerted}\n"+
			"  - {name: exempt, exemption: [ingress tcp/22 from 8.8.8.0/24], exempt: [ingress tcp/20-25 from 8.8.8.0/25], fail: [ingress tcp/22 from 8.8.8.0/23]}\n"+
			"  - {name: exempt, exemption: all, exempt: [ingress all from 0.0.0.0/0, ingress tcp/80 from 0.0.0.0/0]}\n",
		"apiVersion: sgwarden/v1\nkind: Tests\npolicy: calls\ncases:\n"+
			"  - {name: a person, fail: [AuthorizeSecurityGroupIngress, ModifySecurityGroupRules], outcome: tagged}\n"+
			"  - {name: a person, fail: [RevokeSecurityGroupEgress, CreateVpc, 'event:mira.json'], outcome: alerted}\n"+
			"  - {name: the tool, actor: 'arn:aws:iam::123456789012:user/ops', userAgent: tool/1, pass: [CreateTags, 'event:ops.json'], fail: [DeleteTags]}\n"+
			"  - {name: exempt, exemption: all, exempt: [DeleteSecurityGroup]}\n",
		"apiVersion: sgwarden/v1\nkind: Tests\npolicy: observed\ncases:\n"+
			"  - {name: seen, fail: [egress tcp/22 to 0.0.0.0/0], remaining: [egress tcp/22 to 0.0.0.0/0], outcome: observed}\n",
	)
	report, err := p.RunTests(lintDay, TestSelection{Event: func(tests, name string) ([]byte, error) {
		require.Equal(t, "all.yaml", tests)
		if text, ok := files[name]; ok {
			return text, nil
		}
		return nil, errors.New("no such file")
	}})
	require.NoError(t, err)
	var texts []string
	for _, r := range report.Results {
		if r.Failed() {
			texts = append(texts, r.Case+", "+r.Rule+": want "+r.Want+", got "+r.Got)
		}
	}
	require.Equal(t, []string{
		"records, event:mira.json: want pass, got fail",
		"records, event:mira.json: want exempt, got fail",
		"records, event:revoke.json: want fail, got pass",
		"no records, event:gone.json: want fail, got read gone.json: no such file",
		"no records, event:broken.json: want fail, got read broken.json: decode event: byte 1: a name in quotes is expected",
		"no records, event:two.json: want fail, got read two.json: it holds 2 records, and one is wanted",
		"no records, event:cut.json: want fail, got read cut.json: the record is not complete: requestParameters was omitted or cut; cidrIp: no protocol",
		"wrong, ingress tcp/20-25 from 0.0.0.0/0: want fail, alerted, got fail, narrowed",
		"wrong, remaining: want nothing, got ingress tcp/20-21 from 0.0.0.0/0, ingress tcp/23-25 from 0.0.0.0/0",
		"exempt, ingress tcp/80 from 0.0.0.0/0: want exempt, got pass",
		"a person, event:mira.json: want fail, alerted, got fail, tagged",
		"the tool, event:ops.json: want pass, got fail",
		"the tool, DeleteTags: want fail, got pass",
	}, texts)
	none, err := p.RunTests(lintDay, TestSelection{})
	require.NoError(t, err)
	require.Contains(t, none.Results[0].Got, "there are no files here")
}

// TestRunTestsFindsWhatNoTestShowsOfCalls: each call, actor and user agent.
func TestRunTestsFindsWhatNoTestShowsOfCalls(t *testing.T) {
	text := policyText("calls", "onChange: {calls: [CreateTags, DeleteTags], unless: {actors: ['arn:aws:iam::*:user/ops', 'arn:aws:iam::*:role/ops'], userAgents: ['tool/*', 'other/*']}}", "remedy: alert")
	text = strings.Replace(text, "severity: high", "severity: high, checks: [C-MAN]", 1)
	cases := []string{
		"  - {name: a person, check: C-MAN, pass: [CreateVpc], fail: [CreateTags]}\n",
		"  - {name: a person, fail: [DeleteTags]}\n",
		"  - {name: exempt, check: C-MAN, exemption: all, exempt: [CreateTags]}\n",
		"  - {name: ops, actor: 'arn:aws:iam::123456789012:user/ops', userAgent: tool/1, pass: [CreateTags]}\n",
		"  - {name: ops, actor: 'arn:aws:iam::123456789012:role/ops', userAgent: tool/1, pass: [CreateTags]}\n",
		"  - {name: ops, actor: 'arn:aws:iam::123456789012:role/ops', userAgent: other/1, pass: [CreateTags]}\n",
		"  - {name: ops, actor: 'arn:aws:iam::123456789012:role/ops', userAgent: another/1, fail: [CreateTags]}\n",
	}
	gaps := func(cases ...string) []string {
		p := parsedFrom(t, text, "apiVersion: sgwarden/v1\nkind: Tests\npolicy: calls\ncases:\n"+strings.Join(cases, ""))
		report, err := p.RunTests(lintDay, TestSelection{})
		require.NoError(t, err)
		var out []string
		for _, g := range report.Gaps {
			out = append(out, g.What)
		}
		for _, r := range report.Results {
			require.False(t, r.Failed(), r.String())
		}
		return out
	}
	require.Empty(t, gaps(cases...))
	line := func(key string) string { return "no case tells whether this line (" + key + ") is there" }
	for i, want := range [][]string{
		{"check C-MAN: no case has one that violates", "check C-MAN: no case has one that complies"},
		{line("calls")},
		{"check C-MAN: no case has one that is exempt"},
		{line("actors")},
		nil,
		{line("userAgents")},
		nil,
	} {
		require.Equal(t, want, gaps(without(cases, i)...), "%d", i)
	}
	require.Equal(t, []string{line("userAgents")}, gaps(slices.Delete(slices.Clone(cases), 4, 6)...)[1:])
}

func TestDidYouMean(t *testing.T) {
	known := []string{"ingress", "egress", "both"}
	for word, want := range map[string]string{
		"ingres": `did you mean "ingress"?`, "Ingress": `did you mean "ingress"?`, "egres": `did you mean "egress"?`, "ingerss": `did you mean "ingress"?`,
		"x": "known: ingress, egress, both", "outgoing traffic": "known: ingress, egress, both",
	} {
		require.Equal(t, want, didYouMean(word, known), word)
	}
	require.Empty(t, didYouMean("x", nil))
	require.Equal(t, 1, editDistance("ab", "ba"), "a swap is one slip")
	require.Equal(t, 3, editDistance("kitten", "sitting"))
}

// TestEveryDocumentOfTestsFillsSetsForItself: also where lines are looked for
// that no case tells of.
func TestEveryDocumentOfTestsFillsSetsForItself(t *testing.T) {
	tests := func(sets, cases string) string {
		return "apiVersion: sgwarden/v1\nkind: Tests\npolicy: p\nsets: " + sets + "\ncases:\n" + cases
	}
	office := tests("{offices: [8.8.8.0/29]}", "  - {name: office, pass: [ingress tcp/22 from 8.8.8.1/32]}\n")
	closed := tests("{offices: [9.9.9.0/29]}", "  - {name: closed, fail: [ingress tcp/22 from 8.8.8.1/32]}\n")
	for _, order := range [][]string{{office, closed}, {closed, office}} {
		p := parsedFrom(t, append([]string{
			policyText("p", "forbid: [{direction: ingress, ports: [22], peers: [internet], but: [{peers: ['set:offices']}]}]"),
			settingsText("sets: {offices: [9.9.9.9/32]}"),
		}, order...)...)
		report, err := p.RunTests(lintDay, TestSelection{})
		require.NoError(t, err)
		require.Len(t, report.Results, 2)
		for _, r := range report.Results {
			require.False(t, r.Failed(), r.String())
		}
		require.Empty(t, report.Gaps)
	}
}
