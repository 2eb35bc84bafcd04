package policy

import (
	"fmt"
	"net/netip"
	"strings"
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
		{"a", "b", false}, {"zz", "zZ", true}, {"*aé", "ébaé", true}, {"*a?b", "aa😀b", true}, {"", "a", false}, {"?*?", "é", false},
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

// TestTheRulesOfTheCallerKeepTheirOrder: they are judged in that of their ids.
func TestTheRulesOfTheCallerKeepTheirOrder(t *testing.T) {
	s := enforcing(t, document("p", ssh))
	in := swept(s, group(t, "sgr-b ingress tcp/22 from 8.8.8.8/32", "sgr-a ingress tcp/22 from 9.9.9.9/32"))
	v := s.Evaluate(in)
	require.Equal(t, []string{"sgr-a", "sgr-b"}, []string{v.Rules[0].Rule.ID, v.Rules[1].Rule.ID})
	require.Equal(t, []string{"sgr-b", "sgr-a"}, []string{in.Live.Rules[0].ID, in.Live.Rules[1].ID})
}

// TestFaultsOfTwoReadersAreBoundedTogether: what another reader said of a file counts.
func TestFaultsOfTwoReadersAreBoundedTogether(t *testing.T) {
	at := position{&sourceText{file: "a.yaml"}, 1, 1, 1}
	var first, second, both reporter
	for range maxFaults / 2 {
		first.fault(at, "", "wrong")
		second.fault(at, "", "wrong")
	}
	both.take(&first)
	require.False(t, both.isFull(at))
	both.take(&second)
	require.True(t, both.isFull(at))
	require.Len(t, both.faults, maxFaults)
}

// TestARuleIsAskedForAllThatIsRequired, also where it has what is required first.
func TestARuleIsAskedForAllThatIsRequired(t *testing.T) {
	s := enforcing(t, document("p", requires(
		where("ingress all any", func(r *Requirement) { r.Description = true }),
		where("ingress all any", func(r *Requirement) { r.MaxPorts = 1 }),
	)))
	g := group(t, "ingress tcp/22-24 from 8.8.8.8/32")
	described(g.Rules, "office")
	v := s.Evaluate(swept(s, g))
	require.Equal(t, Revert, v.Rules[0].Decision)

	u := newUnion(s.Policies[0], func(c *clause, r secgroup.Rule) (secgroup.Region, []secgroup.Region) { return r.Region(), nil })
	require.False(t, u.add(g.Rules[0], g.Rules[0].Region()).IsEmpty())
}

// TestAnOverrideThatLeavesACallerOutIsNamed with its file, else the policy's.
func TestAnOverrideThatLeavesACallerOutIsNamed(t *testing.T) {
	for file, want := range map[string]string{"all.yaml": "all.yaml", "": "p.yaml"} {
		unless := *byPipeline
		unless.File = file
		s := enforcing(t, document("p", func(d *Document) { d.File = "p.yaml" }, onChange(&unless), remedy(DoAlert)))
		v := judgedCall(t, s, called(pipelineRole, "DeleteSecurityGroup", secgroup.Narrows), nil)
		require.Len(t, v.Calls, 1)
		require.Equal(t, want, v.Calls[0].Findings[0].File)
		require.Equal(t, unless.Line, v.Calls[0].Findings[0].Line)
	}
}

// TestNobodyObjectsToARefusedCall: it changed nothing.
func TestNobodyObjectsToARefusedCall(t *testing.T) {
	s := enforcing(t, document("p", onChange(byPipeline), remedy(DoAlert)))
	c := called(dev, "DeleteSecurityGroup", secgroup.Narrows)
	require.True(t, s.Policies[0].objects(&c))
	c.ErrorCode = "Client.DependencyViolation"
	require.False(t, s.Policies[0].objects(&c))
}

// TestUseThatPoliciesNameIsSorted, each once.
func TestUseThatPoliciesNameIsSorted(t *testing.T) {
	public := forbid(box("ingress tcp/443 internet"))
	s := enforcing(t, document("p", public, scope(Scope{UsedBy: []string{"lambda"}})),
		document("q", public, scope(Scope{UsedBy: []string{"efa"}})), document("r", public, scope(Scope{UsedBy: []string{"lambda"}})))
	require.Equal(t, []UseCondition{{Kinds: []string{"efa"}}, {Kinds: []string{"lambda"}}}, s.WordsOf(s.Policies).UsedBy)
}

// TestTheDefaultEgressIsOfIPv6Too, as far as a policy looks at nothing else.
func TestTheDefaultEgressIsOfIPv6Too(t *testing.T) {
	require.Equal(t, []string{"egress all to 0.0.0.0/0", "egress all to ::/0"}, []string{defaultEgress()[0].String(), defaultEgress()[1].String()})
	s := enforcing(t, document("p", forbid(box("egress all ::/0"))))
	c := called(dev, "CreateSecurityGroup", secgroup.Creates)
	require.Equal(t, Concerned, s.Triage(c, nil))
}

// TestEachGlobOfOneKindIsComparedAsText: neither invalid text nor what stands for a
// wildcard is within another glob.
func TestEachGlobOfOneKindIsComparedAsText(t *testing.T) {
	for _, text := range []string{"\xff", string(anyRunes), string(oneRune)} {
		require.False(t, globWithin(text, "*"), "%q", text)
		require.True(t, globWithin(text, text), "%q", text)
	}
}

// TestWhetherAGroupIsTheDefaultOne is known from its item, else from its name; without
// either it is not known.
func TestWhetherAGroupIsTheDefaultOne(t *testing.T) {
	yes := true
	c := called(dev, "CreateTags", secgroup.Retags)
	require.True(t, *factsOfRecord(c, secgroup.GroupName{}, &Known{Name: "web", Default: &yes}).isDefault)
	require.True(t, *factsOfRecord(c, secgroup.GroupName{Name: "Default"}, nil).isDefault)
	require.False(t, *factsOfRecord(c, secgroup.GroupName{Name: "web"}, nil).isDefault)
	require.Nil(t, factsOfRecord(c, secgroup.GroupName{ID: ownGroup}, nil).isDefault)
}

// TestRequirementsBehindManyBoxes are asked of a rule like the first ones.
func TestRequirementsBehindManyBoxes(t *testing.T) {
	var docs []Document
	for i := range 70 {
		docs = append(docs, document(fmt.Sprintf("p%02d", i), forbid(box("ingress tcp/22 internet"))))
	}
	s := enforcing(t, append(docs, document("q", requires(where("ingress all any", func(r *Requirement) { r.Description = true }))))...)
	for text, want := range map[string]State{"": Acting, "office": Fine} {
		g := group(t, "ingress tcp/23 from 8.8.8.8/32")
		described(g.Rules, text)
		got := s.Evaluate(swept(s, g)).Rules[0].Findings
		require.Equal(t, want, got[len(got)-1].State, "%q", text)
	}
	g := group(t, "ingress tcp/22 from 8.8.8.8/32")
	described(g.Rules, "office")
	require.Equal(t, Acting, s.Evaluate(swept(s, g)).Rules[0].Findings[0].State, "a box that demands nothing")
}

// TestOnlyScopesByTagsDependOnThem, also where a scope just leaves some out.
func TestOnlyScopesByTagsDependOnThem(t *testing.T) {
	require.True(t, compiledWith(t, trusting, document("p", ssh, scopeNot(Scope{Tags: map[string][]string{"tier": {"a"}}}))).byTags)
	require.False(t, compiledWith(t, trusting, document("p", ssh, scopeNot(Scope{IDs: []string{"sg-0b"}}))).byTags)
}

// TestUseIsAwaitedWhereItCounts: neither where no scope asks for it, nor where it is known.
func TestUseIsAwaitedWhereItCounts(t *testing.T) {
	byVPC := enforcing(t, document("p", ssh, scope(Scope{VPCs: []string{"vpc-0b"}}))).Policies[0]
	byUse := enforcing(t, document("p", ssh, scope(Scope{UsedBy: []string{"lambda"}, VPCs: []string{"vpc-0b"}}))).Policies[0]
	require.False(t, byVPC.awaitsUse(&groupFacts{}), "the VPC is not known")
	require.True(t, byUse.awaitsUse(&groupFacts{}))
	require.False(t, byUse.awaitsUse(&groupFacts{users: kindsOf("lambda//")}), "the VPC is not known, what uses the group is")
}

// TestEveryTakenIDIsTold, also behind one that is missing and one that is taken.
func TestEveryTakenIDIsTold(t *testing.T) {
	var files []Source
	for i, id := range []string{`""`, "a", "a", "b", "b"} {
		files = append(files, Source{File: fmt.Sprintf("%d.yaml", i), Text: []byte(policyText(id, "forbid: [{direction: ingress, ports: [22], peers: [internet]}]"))})
	}
	faults := strings.Join(faultTexts(t, ParseOptions{}, nil, files...), "\n")
	require.Contains(t, faults, `policy id "a" is taken`)
	require.Contains(t, faults, `policy id "b" is taken`)
}

// TestProbesAreOfAllPeersThatBoxesName, however often they do.
func TestProbesAreOfAllPeersThatBoxesName(t *testing.T) {
	s := enforcing(t, document("p", forbid(box("ingress all account:123123123123"), box("ingress all pl-b2"), box("ingress all pl-b2"), box("ingress all pl-c3"))))
	peers := map[string]bool{}
	for _, q := range probesFor(s.Policies[0].clauses) {
		switch p := q.peer.(type) {
		case secgroup.PrefixList:
			peers[p.ID] = true
		case secgroup.GroupReference:
			peers[p.AccountID] = true
		}
	}
	require.True(t, peers["123123123123"])
	require.True(t, peers["pl-b2"])
	require.True(t, peers["pl-c3"])
}

// TestViewsGoByWhatUsesTheGroup, where that is known.
func TestViewsGoByWhatUsesTheGroup(t *testing.T) {
	s := enforcing(t, document("p", ssh, scope(Scope{UsedBy: []string{"lambda"}})))
	require.Len(t, s.Views(s.Policies, Case{Group: group(t), Now: now, Users: kindsOf("lambda//")}), 1)
	require.Empty(t, s.Views(s.Policies, Case{Group: group(t), Now: now, Users: kindsOf("efa//")}))
}
