package policy

import (
	"errors"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// inTests runs the cases of a policy p that has checks, and gives what failed
// ("CASE, RULE: want WANT, got GOT") and what no case shows.
func inTests(t *testing.T, checks, policy, cases string) (failed, gaps []string) {
	t.Helper()
	text := policyText("p", policy)
	if checks != "" {
		text = strings.Replace(text, "severity: high", "severity: high, checks: ["+checks+"]", 1)
	}
	p := parsedFrom(t, text, "apiVersion: sgwarden/v1\nkind: Tests\npolicy: p\nlists:\n  pl-0a000001: {name: l, entries: [8.8.8.0/29, '2606:4700::/32']}\ncases:\n"+cases)
	report, err := p.RunTests(lintDay, TestSelection{Event: func(_, name string) ([]byte, error) {
		if name != "ssh.json" {
			return nil, errors.New("no such file")
		}
		return []byte(`{"userIdentity":{"type":"IAMUser","arn":"arn:aws:iam::123456789012:user/mira"},"eventTime":"2026-03-02T09:00:00Z","eventSource":"ec2.amazonaws.com","eventName":"AuthorizeSecurityGroupIngress","requestParameters":{"groupId":"sg-0123456789abcdef0","ipProtocol":"tcp","fromPort":22,"toPort":22,"cidrIp":"0.0.0.0/0"},"responseElements":{"_return":true},"eventID":"one"}`), nil
	}})
	require.NoError(t, err)
	for _, r := range report.Results {
		if r.Failed() {
			failed = append(failed, r.Case+", "+r.Rule+": want "+r.Want+", got "+r.Got)
		}
	}
	for _, g := range report.Gaps {
		gaps = append(gaps, strings.NewReplacer("no case tells whether this line ", "line ", "no case has ", "").Replace(g.What))
	}
	return failed, gaps
}

// TestCasesOfRulesTogether: what adds up only together, rules beside records,
// and what is asked of the flows.
func TestCasesOfRulesTogether(t *testing.T) {
	const tolerant = "forbid: [{direction: both, ports: [22], peers: [internet]}]\ntolerate: {ipv4: /16}"
	const a, b, web = "ingress tcp/22 from 8.8.0.0/16", "ingress tcp/22 from 9.9.0.0/16", "ingress tcp/80 from 0.0.0.0/0"
	const fives = "ingress tcp/22 from 8.0.0.0/15, ingress tcp/22 from 9.0.0.0/15, ingress tcp/22 from 11.0.0.0/15, ingress tcp/22 from 12.0.0.0/15"
	for name, c := range map[string]struct {
		cases  string
		failed []string
	}{
		"each alone":                    {"pass: [" + a + ", " + b + "]", nil},
		"together":                      {"together: true, pass: [" + web + ", " + a + "], fail: [" + b + "]", nil},
		"the outcome of one":            {"together: true, pass: [" + web + ", " + a + "], fail: [" + b + ", ingress tcp/22 from 11.0.0.0/16], outcome: reverted", nil},
		"a record between them":         {"together: true, pass: [" + a + "], fail: ['event:ssh.json', " + b + "]", []string{"c, " + b + ": want fail, got pass"}},
		"a record before them":          {"together: true, pass: ['event:ssh.json'], fail: [" + a + ", " + b + "]", []string{"c, event:ssh.json: want pass, got fail", "c, " + a + ": want fail, got pass"}},
		"a record alone":                {"fail: ['event:ssh.json']", nil},
		"what passes leaves nothing":    {"pass: [" + web + ", " + a + "], fail: [ingress tcp/22 from 9.0.0.0/15], remaining: nothing, excess: [ingress tcp/22 from 9.0.0.0/15]", nil},
		"what is exempt leaves nothing": {"exemption: [" + b + "], exempt: [" + b + "], fail: [ingress tcp/22 from 11.0.0.0/15], remaining: nothing, excess: [ingress tcp/22 from 11.0.0.0/15]", []string{"c, " + b + ": want exempt, got pass"}},
		"a part is exempt":              {"exemption: [ingress tcp/22 from 9.0.0.0/15], exempt: [ingress tcp/22 from 9.0.0.0/15], fail: [ingress tcp/22 from 11.0.0.0/15], remaining: nothing, excess: [ingress tcp/22 from 11.0.0.0/15]", nil},
		"four":                          {"fail: [" + fives + "], excess: [ingress tcp/1 from 1.0.0.0/8]", []string{"c, excess: want ingress tcp/1 from 1.0.0.0/8, got " + fives}},
		"five": {
			"fail: [" + fives + ", ingress tcp/22 from 13.0.0.0/8], excess: [ingress tcp/1 from 1.0.0.0/8]",
			[]string{"c, excess: want ingress tcp/1 from 1.0.0.0/8, got " + fives + " and 1 more"},
		},
		"other flows that begin alike": {
			"fail: [" + fives + ", ingress tcp/22 from 13.0.0.0/8], excess: [" + fives + ", ingress tcp/22 from 14.0.0.0/8]",
			[]string{"c, excess: want " + fives + " and 1 more, got " + fives + " and 1 more and others"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			failed, _ := inTests(t, "", tolerant, "  - {name: c, "+c.cases+"}\n")
			require.Equal(t, c.failed, failed)
		})
	}
}

// TestCasesOfAGroupItself: all that a case says of the group is what the policy
// sees, and nothing else.
func TestCasesOfAGroupItself(t *testing.T) {
	const a, b = "ingress tcp/22 from 10.0.0.0/8", "ingress tcp/23 from 10.0.0.0/8"
	const used, few, distinct = "require: [{attached: true, grace: 24h}]\nremedy: alert", "require: [{maxRules: 2}]\nremedy: alert", "require: [{distinct: identical}]\nremedy: alert"
	const groups = "require: [{maxGroups: 3}]\nremedy: alert"
	for name, c := range map[string]struct{ policy, cases string }{
		"attached":                 {used, "group: {attached: true, for: 1000h}, want: pass"},
		"not attached":             {used, "group: {attached: false, for: 24h}, want: fail"},
		"not said":                 {used, "group: {for: 24h}, want: fail"},
		"not for long":             {used, "group: {for: 23h}, want: pass"},
		"exempt":                   {used, "group: {for: 24h}, exemption: all, want: exempt"},
		"as many as may be":        {few, "group: {rules: 2}, want: pass"},
		"one more":                 {few, "group: {rules: 3}, want: fail"},
		"with its own":             {few, "group: {rules: 1}, pass: [" + a + "], want: pass"},
		"one more of its own":      {few, "group: {rules: 1}, pass: [" + a + ", " + b + "], want: fail"},
		"alone of its own":         {few, "pass: [" + a + ", " + b + "], want: pass"},
		"the same elsewhere":       {distinct, "group: {others: [[" + a + "]]}, pass: [" + a + "], want: fail"},
		"others elsewhere":         {distinct, "group: {others: [[" + a + "]]}, pass: [" + b + "], want: pass"},
		"as many groups as may be": {groups, "group: {ofRegion: 3}, want: pass"},
		"one more group":           {groups, "group: {ofRegion: 4}, want: fail"},
		"others count too":         {groups, "group: {others: [[" + a + "], [" + a + "], [" + a + "]]}, want: fail"},
		"others within so many":    {groups, "group: {ofRegion: 3, others: [[" + a + "], [" + a + "]]}, want: pass"},
		"no rules anywhere":        {distinct, "group: {others: [[" + a + "]]}, want: pass"},
	} {
		t.Run(name, func(t *testing.T) {
			failed, _ := inTests(t, "", c.policy, "  - {name: c, "+c.cases+"}\n")
			require.Empty(t, failed)
		})
	}
	failed, _ := inTests(t, "", few, "  - {name: c, want: fail}\n  - {name: d, group: {rules: 3}, want: pass}\n  - {name: e, exemption: all, want: pass}\n")
	require.Equal(t, []string{"c, the group: want fail, got pass", "d, the group: want pass, got fail"}, failed)
}

// TestCasesOfWhatSurroundsRules: what a case says beside its rules is what the
// policy sees.
func TestCasesOfWhatSurroundsRules(t *testing.T) {
	const alive = "require: [{where: {direction: both, peers: [references]}, references: alive}]\nremedy: alert"
	const elastic = "require: [{where: {direction: ingress, peers: [internet]}, elastic: own}]\nremedy: alert"
	const described = "require: [{where: {direction: ingress, peers: [any]}, description: true}]\nremedy: alert"
	const reference, address = "ingress tcp/443 from sg-0dead000", "ingress tcp/443 from 8.8.4.4/32"
	for name, c := range map[string]struct{ policy, cases string }{
		"a group that is gone":     {alive, "dead: [sg-0a1b2c3d, sg-0dead000], fail: [" + reference + "]"},
		"another that is gone":     {alive, "dead: [sg-0a1b2c3d], pass: [" + reference + "]"},
		"none is gone":             {alive, "pass: [" + reference + "]"},
		"an address of one's own":  {elastic, "elastic: [8.8.4.5/32, 8.8.4.4/32], pass: [" + address + "]"},
		"an address of another's":  {elastic, "elastic: [8.8.4.5/32], fail: [" + address + "]"},
		"a description":            {described, "described: of the shop, pass: [" + address + "]"},
		"no description":           {described, "fail: [" + address + "]"},
		"exempt and described":     {described, "described: of the shop, exemption: all, pass: [" + address + "]"},
		"exempt and not described": {described, "exemption: all, exempt: [" + address + "]"},
	} {
		t.Run(name, func(t *testing.T) {
			failed, _ := inTests(t, "", c.policy, "  - {name: c, "+c.cases+"}\n")
			require.Empty(t, failed)
		})
	}
}
