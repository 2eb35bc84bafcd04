package policy

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/sgwarden/sgwarden/internal/secgroup"
)

// kindsOf makes interfaces of "TYPE/OWNER/REQUESTER".
func kindsOf(texts ...string) *Users {
	u := &Users{}
	for _, text := range texts {
		parts := strings.Split(text, "/")
		u.Kinds = append(u.Kinds, secgroup.InterfaceKind{Type: parts[0], Owner: parts[1], Requester: parts[2]})
	}
	return u
}

// TestScopesByUse: one interface puts a group into a scope, and one of another
// kind keeps it from being left out.
func TestScopesByUse(t *testing.T) {
	public := forbid(box("ingress tcp/443 internet"))
	redshift := enforcing(t, document("p", public, scope(Scope{UsedBy: []string{"lambda", "amazon-redshift"}})))
	balancers := enforcing(t, document("p", public, scopeNot(Scope{UsedBy: []string{"vpc_endpoint", "amazon-elb"}})))
	both := enforcing(t, document("p", public, scope(Scope{UsedBy: []string{"lambda"}}), scopeNot(Scope{UsedBy: []string{"lambda"}})))
	for name, tc := range map[string]struct {
		set   *Set
		users *Users
		due   bool
	}{
		"in scope, nothing":                 {redshift, kindsOf(), false},
		"in scope, an instance":             {redshift, kindsOf("interface/123456789012/"), false},
		"in scope, by type":                 {redshift, kindsOf("lambda/amazon-aws/"), true},
		"in scope, by owner":                {redshift, kindsOf("interface/amazon-redshift/"), true},
		"in scope, by requester":            {redshift, kindsOf("interface//amazon-redshift"), true},
		"in scope, one of two":              {redshift, kindsOf("interface/123456789012/", "interface//amazon-redshift"), true},
		"left out, nothing":                 {balancers, kindsOf(), false},
		"left out, a balancer":              {balancers, kindsOf("interface/amazon-elb/amazon-elb"), false},
		"left out, a balancer not attached": {balancers, kindsOf("interface//amazon-elb"), false},
		"left out, two kinds":               {balancers, kindsOf("interface/amazon-elb/amazon-elb", "vpc_endpoint/amazon-aws/727180483921"), false},
		"not left out, an instance":         {balancers, kindsOf("interface/123456789012/"), true},
		"not left out, one of two":          {balancers, kindsOf("interface/amazon-elb/amazon-elb", "interface/123456789012/"), true},
		"some, and others":                  {both, kindsOf("lambda//", "efa//"), true},
		"some, and no others":               {both, kindsOf("lambda//"), false},
	} {
		in := swept(tc.set, group(t, "ingress tcp/443 from 0.0.0.0/0"))
		in.Facts.Users = tc.users
		v := tc.set.Evaluate(in)
		require.Empty(t, v.Needs, name)
		require.Equal(t, tc.due, v.Rules[0].Due, name)
		require.Equal(t, tc.due, len(v.Rules[0].Findings) > 0, name)
	}
}

// TestUseIsAskedForOnlyWhereItTells, and what was refused is unknown.
func TestUseIsAskedForOnlyWhereItTells(t *testing.T) {
	public := forbid(box("ingress tcp/443 internet"))
	balancers := scopeNot(Scope{UsedBy: []string{"amazon-elb"}})
	everywhere := "ingress tcp/443 from 0.0.0.0/0"
	refused := func(in *Input) { in.Facts.Users = &Users{Refused: "no"} }
	notDone := func(in *Input) { in.Facts.Acts = nil }
	exempt := func(in *Input) {
		in.Exemptions = []Exemption{{ID: "EX", Policy: "p", Group: ownGroup, Until: now.Add(1)}}
	}
	marked := func(in *Input) {
		r := in.Live.Rules[0]
		in.Known = Known{Exists: true, Whole: true, Rules: map[string]KnownRule{r.ID: {Rule: r, Since: now.Add(-1), Baseline: []string{"p"}}}}
	}
	unread := func(in *Input) {
		in.Live.Rules[0].Peer = secgroup.PrefixList{ID: "pl-0a", Refused: "no"}
	}
	for name, tc := range map[string]struct {
		doc   Document
		rule  string
		given func(*Input)
		needs []Need
		state State
	}{
		"another port":                   {document("p", public, balancers), "ingress tcp/22 from 0.0.0.0/0", nil, nil, Fine},
		"out of scope anyway":            {document("p", public, balancers, scope(Scope{IDs: []string{"sg-0b"}})), everywhere, nil, nil, 0},
		"a scope that does not ask":      {document("p", public), everywhere, nil, nil, Acting},
		"what violates":                  {document("p", public, balancers), everywhere, nil, []Need{NeedUsers}, Acting},
		"before the act":                 {document("p", public, balancers), everywhere, notDone, []Need{NeedUsers}, BeforeAct},
		"what is exempt":                 {document("p", public, balancers), everywhere, exempt, nil, Exempt},
		"what is marked":                 {document("p", public, balancers), everywhere, marked, nil, Baseline},
		"a list that could not be read":  {document("p", public, balancers), everywhere, unread, []Need{NeedUsers}, Unknown},
		"refused":                        {document("p", public, balancers), everywhere, refused, nil, Unknown},
		"refused, where it is no matter": {document("p", public), everywhere, refused, nil, Acting},
		"refused, before the act":        {document("p", public, balancers), everywhere, func(in *Input) { refused(in); notDone(in) }, nil, BeforeAct},
		"in scope, as far as is known":   {document("p", public, scope(Scope{UsedBy: []string{"lambda"}})), everywhere, nil, []Need{NeedUsers}, Acting},
		"what a rule lacks":              {document("p", requires(where("ingress all any", func(r *Requirement) { r.Description = true })), balancers), everywhere, nil, []Need{NeedUsers}, Acting},
		"what a rule lacks, refused":     {document("p", requires(where("ingress all any", func(r *Requirement) { r.Description = true })), balancers), everywhere, refused, nil, Unknown},
	} {
		s := enforcing(t, tc.doc)
		in := swept(s, group(t, tc.rule))
		if tc.given != nil {
			tc.given(&in)
		}
		v := s.Evaluate(in)
		require.Equal(t, tc.needs, v.Needs, name)
		if tc.state == 0 {
			require.Empty(t, v.Rules[0].Findings, name)
			continue
		}
		require.Equal(t, tc.state, v.Rules[0].Findings[0].State, name)
		if tc.state == Unknown && len(tc.needs) == 0 {
			require.Equal(t, "what uses the group could not be read: no", v.Rules[0].Findings[0].Why, name)
		}
	}
}

// TestUseIsAskedForOfGroupsThemselves, with and without a grace.
func TestUseIsAskedForOfGroupsThemselves(t *testing.T) {
	balancers := scopeNot(Scope{UsedBy: []string{"amazon-elb"}})
	for _, r := range []Requirement{{Tags: []string{"owner"}}, {Tags: []string{"owner"}, Grace: 1000}} {
		s := enforcing(t, document("p", remedy(DoAlert), requires(r), balancers))
		in := swept(s, group(t))
		require.Equal(t, []Need{NeedUsers}, s.Evaluate(in).Needs)
		in.Facts.Users = kindsOf("interface/amazon-elb/amazon-elb")
		v := s.Evaluate(in)
		require.Empty(t, v.Needs)
		require.Empty(t, v.Group)
		in.Facts.Users = kindsOf("interface/123456789012/")
		require.Len(t, s.Evaluate(in).Group, 1)
	}
	s := enforcing(t, document("p", remedy(DoAlert), requires(Requirement{Attached: yesOrNo(false)}), balancers))
	in := swept(s, group(t))
	in.Facts.Interfaces = &Interfaces{Refused: "no"}
	require.Equal(t, []Need{NeedUsers}, s.Evaluate(in).Needs)
}

// TestUseIsNotKnownFromRecords: triage looks, or asks whether the rest of the
// scope leaves the group out.
func TestUseIsNotKnownFromRecords(t *testing.T) {
	s := enforcing(t, document("p", forbid(box("ingress tcp/443 internet")), scopeNot(Scope{UsedBy: []string{"amazon-elb"}})))
	public := authorized(dev, now, liveRules(t, "ingress tcp/443 from 0.0.0.0/0")...)
	require.Equal(t, AskItem, s.Triage(public, nil))
	require.Equal(t, Concerned, s.Triage(public, &Known{Exists: true, Whole: true}))
	fine := authorized(dev, now, liveRules(t, "ingress tcp/443 from 10.0.0.0/8")...)
	require.Equal(t, NotConcerned, s.Triage(fine, nil))
	require.True(t, s.JudgesUse())
	require.Equal(t, []Need{NeedUsers}, s.Facts())
}

func TestUseIsPartOfTheMeaning(t *testing.T) {
	digest := func(options ...option) string {
		return enforcing(t, document("p", append(options, forbid(box("ingress tcp/443 internet")))...)).Policies[0].Digest()
	}
	none := digest(scopeNot(Scope{IDs: []string{"sg-0a"}}))
	elb := digest(scopeNot(Scope{IDs: []string{"sg-0a"}, UsedBy: []string{"amazon-elb"}}))
	require.NotEqual(t, none, elb)
	require.NotEqual(t, elb, digest(scopeNot(Scope{IDs: []string{"sg-0a"}, UsedBy: []string{"lambda"}})))
	require.Equal(t, digest(scope(Scope{UsedBy: []string{"lambda", "efa"}})), digest(scope(Scope{UsedBy: []string{"efa", "lambda", "efa"}})))
}

// TestUseInWords of a scope: what nobody knows is assumed.
func TestUseOfScopesInWords(t *testing.T) {
	g := group(t, "ingress tcp/443 from 0.0.0.0/0")
	for _, tc := range []struct {
		scope               option
		users               *Users
		outOfScope, assumes string
	}{
		{scope(Scope{UsedBy: []string{"lambda", "efa"}}), nil, "", "for groups that are on some lambda or efa"},
		{scope(Scope{UsedBy: []string{"lambda"}}), kindsOf(), "only for groups that are on some lambda", ""},
		{scopeNot(Scope{UsedBy: []string{"lambda"}}), nil, "", "not for groups that are on nothing but lambda"},
		{scopeNot(Scope{UsedBy: []string{"lambda"}}), kindsOf(), "not for groups that are on nothing but lambda", ""},
		{scopeNot(Scope{UsedBy: []string{"lambda"}}), kindsOf("efa//"), "", ""},
	} {
		s := enforcing(t, document("p", forbid(box("ingress tcp/443 internet")), tc.scope))
		in := swept(s, g)
		in.Facts.Users = tc.users
		a := s.Accounts(in, s.Evaluate(in).Rules[0])[0]
		require.Equal(t, []string{tc.outOfScope, tc.assumes}, []string{a.OutOfScope, a.Assumes})
	}
}

func TestScopesByUseAreRead(t *testing.T) {
	forbids := []string{"forbid:", "  - {direction: ingress, ports: [443], peers: [internet]}"}
	d := parsedFrom(t, policyText("p", append([]string{"scope: {usedBy: [lambda, amazon-redshift], not: {usedBy: [nat_gateway]}}"}, forbids...)...)).Documents[0]
	require.Equal(t, []string{"lambda", "amazon-redshift"}, d.Scope.UsedBy)
	require.Equal(t, []string{"nat_gateway"}, d.Not.UsedBy)
	require.Equal(t, "used by lambda, amazon-redshift; but not used by nat_gateway", d.ScopeText(Trusted{}))
	p := parsedFrom(t, policyText("p", forbids...), settingsText("overrides:", "  p: {scope: {not: {usedBy: [amazon-elb]}}}"))
	require.Equal(t, []string{"amazon-elb"}, p.Documents[0].Not.UsedBy)
	require.Empty(t, p.Warnings)
}
