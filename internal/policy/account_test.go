package policy

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sgwarden/sgwarden/internal/secgroup"
)

// TestAccountsOfAGroupSayOfEveryPolicyWhetherAndWhy: a policy that looked at the
// group itself and found nothing says what it found in order.
func TestAccountsOfAGroupSayOfEveryPolicyWhetherAndWhy(t *testing.T) {
	live := group(t, "ingress tcp/443 from 0.0.0.0/0", "egress all to 0.0.0.0/0")
	live.Name, live.Description, live.Tags, live.VPCID = "web", "the shop", map[string]string{"owner": "shop"}, "vpc-1"
	twin := live
	twin.ID = "sg-0twin"
	twin.Rules = nil
	around := Surroundings{Interfaces: &Interfaces{IDs: []string{"eni-1"}}, Groups: &AllGroups{Groups: []secgroup.Group{live, twin}}}
	unread := Surroundings{Interfaces: &Interfaces{Refused: "these credentials may not"}, Groups: around.Groups}
	for name, tc := range map[string]struct {
		require string
		around  Surroundings
		fine    string // why it is; "" = a finding
		why     string
	}{
		"description":   {"[{description: true}]", around, "it has a description", ""},
		"described":     {"[{notDescribed: ['launch*']}]", around, `its description is none of "launch*"`, ""},
		"named":         {"[{notNamed: ['launch*', 'x*']}]", around, `its name is none of "launch*", "x*"`, ""},
		"tags":          {"[{tags: [owner]}]", around, "it has the tags owner", ""},
		"rules":         {"[{maxRules: 3}]", around, "it has 2 rules, where 3 may be", ""},
		"used":          {"[{attached: true}]", around, "it is used by eni-1", ""},
		"distinct":      {"[{distinct: identical}]", around, "no other group of its VPC opens the same", ""},
		"covered":       {"[{distinct: covered}]", around, "no other group of its VPC opens all that it opens", ""},
		"groups":        {"[{maxGroups: 2}]", around, "the region has 2 groups, where 2 may be", ""},
		"not the first": {"[{maxGroups: 1}]", Surroundings{Groups: &AllGroups{Groups: []secgroup.Group{live, {ID: "sg-0"}}}}, "that the region has 2 groups, where 1 may be, is said of another group", ""},
		"several":       {"[{tags: [owner]}, {maxRules: 3, grace: 1h}]", around, "it has the tags owner; it has 2 rules, where 3 may be", ""},
		"unused":        {"[{attached: false}]", around, "", "violates: it is used by eni-1; the policy alerts only"},
		"unread":        {"[{attached: true}]", unread, "", "the network interfaces that it is on could not be read: these credentials may not"},
		"untagged":      {"[{tags: [team]}, {maxRules: 3}]", around, "", "violates: it lacks the tags team; the policy alerts only"},
	} {
		t.Run(name, func(t *testing.T) {
			s := enforcing(t, parsedFrom(t,
				policyText("p", "remedy: alert", "require: "+tc.require),
				policyText("ssh", "forbid: [{direction: ingress, ports: [22], peers: [any]}]"),
				policyText("others", "remedy: alert", "scope: {vpcs: [vpc-0123456789abcdef0]}", "require: [{description: true}]"),
			).Documents...)
			in := s.ExplainInput(live, live.Rules, time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC))
			in.Facts.Surroundings = tc.around
			v := s.Evaluate(in)
			accounts := s.GroupAccounts(in, v)
			require.Len(t, accounts, 2, "not the policy that judges rules")
			byID := map[string]Account{}
			for _, a := range accounts {
				byID[a.Policy.ID] = a
			}
			require.Equal(t, "only for groups of vpc-0123456789abcdef0", byID["others"].OutOfScope)
			require.Equal(t, tc.fine, byID["p"].Fine)
			if tc.fine == "" {
				require.Equal(t, tc.why, byID["p"].Finding.Why)
			} else {
				require.Equal(t, Fine, byID["p"].Finding.State)
				require.NotZero(t, byID["p"].Finding.Line)
			}
			for _, r := range v.Rules {
				of := s.Accounts(in, r)
				require.Len(t, of, 1, "what asks nothing of rules did not look at them")
				require.Equal(t, "ssh", of[0].Policy.ID)
			}
		})
	}
}

// TestAccountsOfRulesSayWhy: of each policy why it has nothing against a rule,
// by the box that is nearest to it, or why it is not for the group.
func TestAccountsOfRulesSayWhy(t *testing.T) {
	trusted := Settings{Mode: Enforce, TrustedTags: []string{"tier", "team"}, TrustedNames: []string{"*"}}
	ssh := forbid(at(7, box("ingress tcp/22 internet", at(8, box("ingress tcp/22 8.8.8.0/24")))), at(9, box("ingress tcp/23 internet")))
	described := requires(where("ingress all any", func(r *Requirement) { r.Description = true }))
	for name, tc := range map[string]struct {
		options []option
		rule    string
		edit    func(*Input)
		fine    string
		line    int
		outside string
	}{
		"another direction":      {[]option{ssh}, "egress tcp/22 to 0.0.0.0/0", nil, "it is not about egress", 7, ""},
		"another port":           {[]option{ssh}, "ingress tcp/24 from 0.0.0.0/0", nil, "it is about other protocols or ports", 7, ""},
		"other peers":            {[]option{ssh}, "ingress tcp/22 from 10.0.0.0/8", nil, "it is about other peers", 7, ""},
		"peers of the next box":  {[]option{ssh}, "ingress tcp/23 from 10.0.0.0/8", nil, "it is about other peers", 9, ""},
		"a reference":            {[]option{ssh}, "ingress tcp/22 from sg-0b", nil, "it is about other peers", 7, ""},
		"what is left out":       {[]option{ssh}, "ingress tcp/22 from 8.8.8.0/25", nil, "line 8 leaves it out", 7, ""},
		"tolerated":              {[]option{ssh, tolerate(24, 48)}, "ingress tcp/23 from 8.8.8.0/24", nil, "it tolerates as much: a /24 of IPv4 and a /48 of IPv6 in all rules of the group together", 9, ""},
		"tolerated in each rule": {[]option{ssh, tolerate(0, -1), perRule}, "ingress tcp/23 from 8.0.0.0/8", nil, "it tolerates as much: a /0 of IPv4 in each rule", 9, ""},
		"tolerated, IPv6 alone":  {[]option{ssh, tolerate(-1, 128)}, "ingress tcp/23 from 2606:4700::1/128", nil, "it tolerates as much: a /128 of IPv6 in all rules of the group together", 9, ""},
		"a part of a whole":      {[]option{forbid(box("ingress tcp/20-30 internet whole"))}, "ingress tcp/22 from 0.0.0.0/0", nil, "only a part is open of what it forbids as a whole", 7, ""},
		"what it has":            {[]option{described}, "ingress tcp/22 from 0.0.0.0/0", func(in *Input) { in.Live.Rules[0].Description = "shop" }, "it has what is required", 13, ""},
		"a finding":              {[]option{ssh}, "ingress tcp/22 from 0.0.0.0/0", nil, "", 7, ""},
		"names":                  {[]option{ssh, scope(Scope{Names: []string{"db-*", "x"}})}, "ingress tcp/24 from 0.0.0.0/0", nil, "", 0, "only for groups named like db-* or x"},
		"tags":                   {[]option{ssh, scope(Scope{Tags: map[string][]string{"tier": {"a"}, "team": {"b", "c"}}})}, "ingress tcp/24 from 0.0.0.0/0", nil, "", 0, "only for groups with tag team like b or c and groups with tag tier like a"},
		"one of two tags":        {[]option{ssh, scope(Scope{Tags: map[string][]string{"tier": {"a"}, "team": {"b"}}})}, "ingress tcp/24 from 0.0.0.0/0", func(in *Input) { in.Live.Tags = map[string]string{"tier": "a"} }, "", 0, "only for groups with tag team like b"},
		"an id":                  {[]option{ssh, scope(Scope{IDs: []string{"sg-0b"}, VPCs: []string{"vpc-1"}})}, "ingress tcp/24 from 0.0.0.0/0", nil, "", 0, "only for group sg-0b"},
		"a VPC":                  {[]option{ssh, scope(Scope{VPCs: []string{"vpc-2", "vpc-3"}})}, "ingress tcp/24 from 0.0.0.0/0", nil, "", 0, "only for groups of vpc-2 or vpc-3"},
		"an account":             {[]option{ssh, scope(Scope{Accounts: []string{"999999999999"}})}, "ingress tcp/24 from 0.0.0.0/0", nil, "", 0, "only for groups of account 999999999999"},
		"a region":               {[]option{ssh, scope(Scope{Regions: []string{"eu-west-2"}})}, "ingress tcp/24 from 0.0.0.0/0", nil, "", 0, "only for groups in eu-west-2"},
		"default groups":         {[]option{ssh, scope(Scope{Default: yesOrNo(true)})}, "ingress tcp/24 from 0.0.0.0/0", nil, "", 0, "only for default groups"},
		"no default groups":      {[]option{ssh, scope(Scope{Default: yesOrNo(false)})}, "ingress tcp/24 from 0.0.0.0/0", func(in *Input) { in.Live.Name = "default" }, "", 0, "only for groups that are no default group"},
		"left out":               {[]option{ssh, scopeNot(Scope{VPCs: []string{"vpc-1"}, Regions: []string{"eu-west-1"}})}, "ingress tcp/24 from 0.0.0.0/0", nil, "", 0, "not for groups of vpc-1 and groups in eu-west-1"},
	} {
		t.Run(name, func(t *testing.T) {
			s := compiledWith(t, trusted, document("other", forbid(box("egress udp/9 any"))), document("p", tc.options...))
			in := swept(s, group(t, tc.rule))
			if tc.edit != nil {
				tc.edit(&in)
			}
			of := s.Accounts(in, s.Evaluate(in).Rules[0])
			require.Len(t, of, 2)
			require.Equal(t, tc.outside, of[1].OutOfScope)
			require.Equal(t, tc.fine, of[1].Fine)
			require.Equal(t, tc.line, of[1].Finding.Line)
			require.Empty(t, of[1].Assumes)
		})
	}
}

// TestAccountsSayWhatTheyAssume of a group that is not known whole.
func TestAccountsSayWhatTheyAssume(t *testing.T) {
	s := enforcing(t, document("p", ssh, scope(Scope{VPCs: []string{"vpc-1"}, Regions: []string{"eu-west-1"}})), document("q", ssh, scopeNot(Scope{VPCs: []string{"vpc-2"}})),
		document("r", ssh, scope(Scope{Regions: []string{"eu-west-1"}}), scopeNot(Scope{VPCs: []string{"vpc-3"}})))
	in := swept(s, group(t, "ingress tcp/24 from 0.0.0.0/0"))
	in.Live.VPCID = ""
	var assumes []string
	for _, a := range s.Accounts(in, s.Evaluate(in).Rules[0]) {
		assumes = append(assumes, a.Assumes)
	}
	require.Equal(t, []string{"for groups of vpc-1", "not for groups of vpc-2", "not for groups of vpc-3"}, assumes)
}

// TestAccountsOfCalls: of each policy that judges calls what it says of one, or
// why nothing.
func TestAccountsOfCalls(t *testing.T) {
	was := ruleOf(t, "sgr-a ingress tcp/443 from 10.0.0.0/9")
	s := enforcing(t, document("rules", ssh), document("alerts", onChange(byPipeline), remedy(DoAlert)), document("reverts", onChange(byPipeline)),
		document("others", onChange(nil, "CreateTags"), remedy(DoAlert)), document("elsewhere", onChange(nil), scope(Scope{VPCs: []string{"vpc-2"}})))
	account := func(c secgroup.Change, edit func(*Input)) map[string]Account {
		g := group(t)
		if len(c.Rules) > 0 {
			g.Rules = []secgroup.Rule{was}
		}
		in := swept(s, g)
		in.Known = Known{Exists: true, VPCID: g.VPCID}
		in.Changes = []secgroup.Change{c}
		if edit != nil {
			edit(&in)
		}
		out := map[string]Account{}
		var ids []string
		for _, a := range s.CallAccounts(in, c, s.Evaluate(in)) {
			out[a.Policy.ID] = a
			ids = append(ids, a.Policy.ID)
		}
		require.Equal(t, []string{"alerts", "reverts", "others", "elsewhere"}, ids, "in policy order")
		return out
	}
	by := account(authorized(dev, now, was), nil)
	require.Equal(t, Alerting, by["alerts"].Finding.State)
	require.Empty(t, by["alerts"].Fine)
	require.Equal(t, Acting, by["reverts"].Finding.State, "its finding on the rule")
	require.Equal(t, "it is about other calls", by["others"].Fine)
	require.Equal(t, 12, by["others"].Finding.Line)
	require.Equal(t, "others.yaml", by["others"].Finding.File)
	require.Equal(t, Fine, by["others"].Finding.State)
	require.Equal(t, "only for groups of vpc-2", by["elsewhere"].OutOfScope)

	by = account(authorized(pipelineRole, now, was), nil)
	require.Contains(t, by["alerts"].Fine, "its actor is left out")
	require.Contains(t, by["reverts"].Fine, "its actor is left out")

	narrowed := modified(dev, now, was)
	by = account(narrowed, func(in *Input) {
		remembered(in, ruleOf(t, "sgr-a ingress tcp/443 from 10.0.0.0/8"), func(*KnownRule) {})
	})
	require.Equal(t, Alerting, by["reverts"].Finding.State)

	list := secgroup.Change{EventID: "e", EventName: "ModifyManagedPrefixList", Effect: secgroup.Indirect, AccountID: ownAccount, Region: "eu-west-1", ListIDs: []string{"pl-1"}, Actor: secgroup.Actor{ARN: dev}}
	s = enforcing(t, document("alerts", onChange(nil), remedy(DoAlert)), document("reverts", onChange(nil)), document("others", onChange(nil, "CreateTags"), remedy(DoAlert)), document("elsewhere", onChange(nil), scope(Scope{IDs: []string{ownGroup}})))
	by = account(list, nil)
	require.Equal(t, "only for calls that name a group", by["elsewhere"].OutOfScope)
	require.Equal(t, Alerting, by["alerts"].Finding.State)

	other := called(dev, "DeleteSecurityGroup", secgroup.Narrows)
	other.EventID = "another"
	by = account(authorized(dev, now, was), func(in *Input) { in.Changes = []secgroup.Change{other} })
	require.Equal(t, "the call changed nothing that it could take back", by["reverts"].Fine, "what is said of another call is not said of this")
}
