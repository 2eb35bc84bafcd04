package policy

import (
	"net/netip"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sgwarden/sgwarden/internal/secgroup"
)

// TestExemptionsOfOthersCoverNoCall: neither one of another policy nor one of
// another group.
func TestExemptionsOfOthersCoverNoCall(t *testing.T) {
	of := func(policy, group string) Exemption {
		return Exemption{ID: "EX-" + policy + group, Policy: policy, Group: group, Until: now.Add(time.Hour)}
	}
	s := compiledWith(t, Settings{Mode: Enforce, Exemptions: []Exemption{of("q", ownGroup), of("p", "sg-0b")}},
		document("p", onChange(byPipeline), remedy(DoAlert)), document("q", ssh))
	require.Equal(t, []State{Alerting}, callStates(judgedCall(t, s, called(dev, "DeleteSecurityGroup", secgroup.Narrows), nil)))
	require.Empty(t, s.Policies[1].exemptions, "rules are covered by the set's own list")
	require.Len(t, s.Policies[0].exemptions, 1)
}

// TestGrowthOfListsIsTheirOwners: the list of the account is to lose what was
// added; of another's nobody but its owner can take anything.
func TestGrowthOfListsIsTheirOwners(t *testing.T) {
	for owner, want := range map[string]string{
		ownAccount:     "violates; its prefix list grew: the list is to lose what was added, and the rule stays",
		"999999999999": "violates; its prefix list grew, which this account does not own: alerted, not reverted",
		"AWS":          "violates; its prefix list grew, which this account does not own: alerted, not reverted",
	} {
		s := enforcing(t, document("p", ssh))
		list := secgroup.PrefixList{ID: "pl-c3", OwnerID: owner, Version: 4, Readable: true, Entries: prefixes("10.0.0.0/8", "11.0.0.0/8")}
		in := swept(s, withList(group(t, "sgr-a ingress tcp/22 from pl-c3"), list))
		known := ruleOf(t, "sgr-a ingress tcp/22 from pl-c3")
		known.Peer = secgroup.PrefixList{ID: "pl-c3", OwnerID: owner, Version: 3}
		remembered(&in, known, func(k *KnownRule) { k.ListDigest, k.Since = ListDigest(prefixes("10.0.0.0/8")), now.Add(-time.Hour) })
		f := s.Evaluate(in).Rules[0].Findings[0]
		require.Equal(t, Alerting, f.State, owner)
		require.Equal(t, want, f.Why, owner)
	}
}

// TestWhatAListRuleBecomesIsSaid where the policy wants the rule.
func TestWhatAListRuleBecomesIsSaid(t *testing.T) {
	s := enforcing(t, document("p", ssh, func(d *Document) { d.Remedy.OnList = true }))
	list := secgroup.PrefixList{ID: "pl-c3", OwnerID: "999999999999", Version: 4, Readable: true, Entries: prefixes("10.0.0.0/8", "11.0.0.0/8")}
	in := swept(s, withList(group(t, "sgr-a ingress tcp/22 from pl-c3"), list))
	known := ruleOf(t, "sgr-a ingress tcp/22 from pl-c3")
	known.Peer = secgroup.PrefixList{ID: "pl-c3", OwnerID: "999999999999", Version: 3}
	remembered(&in, known, func(k *KnownRule) { k.ListDigest, k.Since = ListDigest(prefixes("10.0.0.0/8")), now.Add(-time.Hour) })
	in.Facts.OldLists = map[ListVersion][]netip.Prefix{{"pl-c3", 3}: prefixes("10.0.0.0/8")}
	f := s.Evaluate(in).Rules[0].Findings[0]
	require.Equal(t, Acting, f.State)
	require.Equal(t, "violates; its prefix list grew: the entries that the list had take its place", f.Why)
}

// TestEveryDemandIsAsked, whichever of them a rule meets first.
func TestEveryDemandIsAsked(t *testing.T) {
	const ports, description = "\n  - {where: {direction: ingress, peers: [any]}, maxPorts: 10}", "\n  - {where: {direction: ingress, peers: [any]}, description: true}"
	for _, both := range []string{ports + description, description + ports} {
		_, p := overriddenPolicy(t, "require:"+both, "")
		require.Equal(t, "ingress tcp/22 from 8.8.8.0/24", excessUnder(t, p, "ingress tcp/22 from 8.8.8.0/24"))
	}
}

// TestUseIsAskedForWhereItIsNamed alone.
func TestUseIsAskedForWhereItIsNamed(t *testing.T) {
	byUse, byVPC := Scope{UsedBy: []string{"lambda"}}, Scope{VPCs: []string{"vpc-0b"}}
	for _, tc := range []struct {
		doc  Document
		want bool
	}{
		{document("p", ssh), false},
		{document("p", ssh, scopeNot(byVPC)), false},
		{document("p", ssh, scopeNot(byUse)), true},
		{document("p", ssh, scope(byUse)), true},
	} {
		require.Equal(t, tc.want, enforcing(t, tc.doc).Policies[0].mayNeed(NeedUsers))
	}
}

// TestScopesThatAreNotWithin leave groups that scope.not does not leave out.
func TestScopesThatAreNotWithin(t *testing.T) {
	trusted := settingsText("trusted: {tags: [tier]}")
	for _, not := range []string{"{regions: [eu-west-1]}", "{vpcs: [vpc-0a1b2c3d], usedBy: [lambda]}", "{vpcs: [vpc-0a1b2c3d], groups: {tags: {tier: [x]}}}"} {
		require.Empty(t, lintWarnings(t, policyText("p", everywhere, "scope: {vpcs: [vpc-0a1b2c3d], not: "+not+"}"), trusted), not)
	}
}

// TestExemptionsOfPoliciesThatAreOff are told of, and those behind them looked at.
func TestExemptionsOfPoliciesThatAreOff(t *testing.T) {
	exempt := func(id, policy, group string) string {
		return "  - {id: " + id + ", policy: " + policy + ", group: " + group + ", owner: o, reason: r, ticket: T, until: 2028-06-30}"
	}
	warnings := lintWarnings(t, policyText("p", everywhere, "scope: {groups: {ids: [sg-0b1b2c3d]}}")+"---\n"+policyText("q", everywhere),
		settingsText("overrides: {q: {off: true}}", "exemptions:", exempt("E1", "q", "sg-0a1b2c3d"), exempt("E2", "p", "sg-0a1b2c3d")))
	require.Len(t, warnings, 2)
	require.Contains(t, warnings[1], "exemption E2 exempts nothing: group sg-0a1b2c3d is not in the scope of policy p")
}

// TestExemptionsOfRequirementsMayNameAnyFlow: what is required forbids none.
func TestExemptionsOfRequirementsMayNameAnyFlow(t *testing.T) {
	for policy, want := range map[string]int{
		"require: [{where: {direction: ingress, ports: [22], peers: [any]}, description: true}]": 0,
		"forbid: [{direction: ingress, ports: [22], peers: [any]}]":                              1,
	} {
		require.Len(t, lintWarnings(t, policyText("p", policy), settingsText("exemptions:",
			"  - {id: E, policy: p, group: sg-0a1b2c3d, rules: [ingress tcp/23 from 8.8.8.0/24], owner: o, reason: r, ticket: T, until: 2028-06-30}")), want, policy)
	}
}

// TestLintGoesOn behind a policy, box or set that it has nothing to say of.
func TestLintGoesOn(t *testing.T) {
	const ssh, twice = "{direction: ingress, ports: [22], peers: [internet]}", "{direction: ingress, ports: [22, 23], peers: [internet]}"
	warnings := lintWarnings(t, policyText("a", "require: [{where: {direction: ingress, peers: [any]}, description: true}]")+"---\n"+policyText("b", "forbid: ["+ssh+", "+twice+"]"))
	require.Len(t, warnings, 1)
	require.Contains(t, warnings[0], "this box adds nothing")

	warnings = lintWarnings(t, policyText("p", "forbid:",
		"  - "+ssh,
		"  - {direction: ingress, ports: [25], peers: [10.0.0.0/8], but: [{peers: [10.0.0.0/8]}]}"))
	require.Len(t, warnings, 1)
	require.Contains(t, warnings[0], "its exceptions cover all of it")

	warnings = lintWarnings(t, policyText("p", "forbid: [{direction: ingress, ports: [22], peers: ['set:a']}]"), settingsText("sets: {a: [8.8.8.0/29], b: [8.8.8.0/29], internal: [9.9.9.0/24]}"))
	require.Len(t, warnings, 1)
	require.Contains(t, warnings[0], "no policy names the set b")
}

func TestMatchingGoesByWholeCharacters(t *testing.T) {
	for _, tc := range []struct {
		pattern, text string
		want          bool
	}{
		{"*z", "AZ", true}, {"*?z", "éz", true}, {"*é?", "éé", true}, {"*éb", "éab", false}, {"*b", "ééb", true},
		{"a", "b", false}, {"zz", "zZ", true}, {"*aé", "ébaé", true}, {"", "a", false}, {"?*?", "é", false},
	} {
		require.Equal(t, tc.want, matchFolded(tc.pattern, tc.text), "%q %q", tc.pattern, tc.text)
	}
}

// TestATallyIsOfOneGroup: sums are used again, and what another group touched is
// not in them.
func TestATallyIsOfOneGroup(t *testing.T) {
	s := enforcing(t, document("p", ssh, tolerate(16, 32)), document("q", forbid(box("ingress tcp/23 internet"))))
	touched := s.index.harmless(s.Policies, []RuleVerdict{{Rule: ruleOf(t, "sgr-a ingress tcp/23 from 8.8.8.0/24")}}, &Surroundings{}, s.index.everything())
	require.NotNil(t, touched)
	for range 10 {
		require.Nil(t, s.index.harmless(s.Policies, []RuleVerdict{{Rule: ruleOf(t, "sgr-a ingress tcp/24 from 8.8.8.0/24")}}, &Surroundings{}, s.index.everything()))
	}
}

// TestUseOfTestCases: a case says what uses its group as interfaces do.
func TestUseOfTestCases(t *testing.T) {
	group := testGroup(nil)
	yes := true
	require.Equal(t, []secgroup.InterfaceKind{{Type: "interface", Owner: group.AccountID}}, testSurroundings(&caseSyntax{Group: &testGroupSyntax{Attached: truth{value: &yes}}}, group, nil).Users.Kinds)
	got := testSurroundings(&caseSyntax{Group: &testGroupSyntax{UsedBy: []usedBy{{word{text: "amazon-elb"}}, {word{text: "lambda"}}}}}, group, nil)
	require.Equal(t, []secgroup.InterfaceKind{{Type: "interface", Owner: "amazon-elb", Requester: "amazon-elb"}, {Type: "lambda"}}, got.Users.Kinds)
	require.Equal(t, []string{"eni-00000001", "eni-00000002"}, got.Interfaces.IDs)
}
