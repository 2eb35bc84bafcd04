package policy

import (
	"fmt"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	_ "github.com/sgwarden/sgwarden/internal/fixedseed" // the same draws in every run
	"github.com/sgwarden/sgwarden/internal/secgroup"
)

func requires(list ...Requirement) option {
	return func(d *Document) { d.Require = append(d.Require, list...) }
}

// where is a requirement of the rules of a box.
func where(text string, edit func(*Requirement)) Requirement {
	c := box(text)
	r := Requirement{Line: 13, Where: &c}
	edit(&r)
	return r
}

func described(rules []secgroup.Rule, text string) []secgroup.Rule {
	for i := range rules {
		rules[i].Description = text
	}
	return rules
}

func lacksOf(v Verdict) map[string]string {
	out := map[string]string{}
	for _, r := range v.All() {
		for _, f := range r.Findings {
			if f.Lacks != "" {
				out[r.Rule.ID] = f.Lacks
			}
		}
	}
	return out
}

func TestWhatRulesLack(t *testing.T) {
	list := secgroup.PrefixList{ID: "pl-c3", Readable: true, Entries: prefixes("10.0.0.0/16", "2606:4700::/31")}
	of := func(edit func(*Requirement)) *Set {
		return enforcing(t, document("p", requires(where("ingress all any", edit))))
	}
	describe := func(r *Requirement) { r.Description = true }
	bounded := func(r *Requirement) { r.MaxIPv4, r.MaxIPv6 = 16, 32 }
	only4 := func(r *Requirement) { r.MaxIPv4 = 16 }
	for _, tc := range []struct {
		require     func(*Requirement)
		rule        string
		description string
		want        string
	}{
		{describe, "ingress tcp/22 from 10.0.0.0/8", "", "it has no description"},
		{describe, "ingress tcp/22 from 10.0.0.0/8", "office", ""},
		{describe, "ingress tcp/22 from pl-d4", "", "it has no description"},
		{describe, "egress tcp/22 to 10.0.0.0/8", "", ""},
		{func(r *Requirement) { r.NotDescribed = []string{"TEMP*"} }, "ingress tcp/22 from sg-0b", "Temporary", `its description is one of "temp*"`},
		{func(r *Requirement) { r.NotDescribed = []string{"TEMP*"} }, "ingress tcp/22 from sg-0b", "a temporary one", ""},
		{func(r *Requirement) { r.MaxPorts = 3 }, "ingress tcp/22-24 from sg-0b", "", ""},
		{func(r *Requirement) { r.MaxPorts = 3 }, "ingress udp/22-25 from sg-0b", "", "it opens 4 ports, where 3 may be"},
		{func(r *Requirement) { r.MaxPorts = 3 }, "ingress all from sg-0b", "", "it opens 65536 ports, where 3 may be"},
		{func(r *Requirement) { r.MaxPorts = 3 }, "ingress icmp from 0.0.0.0/0", "", ""},
		{bounded, "ingress tcp/22 from 10.0.0.0/16", "", ""},
		{bounded, "ingress tcp/22 from 10.0.0.0/15", "", "10.0.0.0/15 is wider than /16"},
		{bounded, "ingress tcp/22 from ::/0", "", "::/0 is wider than /32"},
		{only4, "ingress tcp/22 from ::/0", "", ""},
		{bounded, "ingress tcp/22 from sg-0b", "", ""},
		{bounded, "ingress tcp/22 from pl-c3", "", "of prefix list pl-c3, 2606:4700::/31 is wider than /32"},
		{only4, "ingress tcp/22 from pl-c3", "", ""},
	} {
		g := withList(group(t, tc.rule), list)
		described(g.Rules, tc.description)
		s := of(tc.require)
		v := s.Evaluate(swept(s, g))
		require.Equal(t, tc.want, lacksOf(v)["sgr-1"], "%s %q", tc.rule, tc.description)
		if tc.want == "" {
			require.Equal(t, Fine, v.Rules[0].Findings[0].State)
			continue
		}
		require.Equal(t, Revert, v.Rules[0].Decision)
		require.True(t, v.Rules[0].Findings[0].Excess.Equal(g.Rules[0].Region()), "the rule as a whole")
		require.True(t, v.Rules[0].Findings[0].Remaining.IsEmpty())
		require.Equal(t, 13, v.Rules[0].Findings[0].Line)
		require.Contains(t, v.Rules[0].Findings[0].Why, "violates: "+tc.want)
	}
}

func TestAnUnreadableListLacksWhatDoesNotDependOnIt(t *testing.T) {
	s := enforcing(t, document("p", requires(where("ingress all any", func(r *Requirement) { r.MaxIPv4 = 16 }))))
	v := s.Evaluate(swept(s, group(t, "ingress tcp/22 from pl-d4")))
	require.Equal(t, []State{Unknown}, states(v))
	require.Equal(t, []Need{NeedLists}, v.Needs)
	s = enforcing(t, document("p", requires(where("ingress all any", func(r *Requirement) { r.MaxPorts = 1 }))))
	v = s.Evaluate(swept(s, group(t, "ingress tcp/22 from pl-d4", "ingress tcp/22-23 from pl-d4")))
	require.Equal(t, []State{Fine, Acting}, states(v))
	require.Empty(t, v.Needs, "nobody need read it")
}

// TestDemandsAreExcusedLikeBoxes: by exemptions and marks that cover the part
// of the rule that the box holds, and not by less.
func TestDemandsAreExcusedLikeBoxes(t *testing.T) {
	s := enforcing(t, document("p", requires(where("ingress tcp/22 any", func(r *Requirement) { r.Description = true }))))
	g := group(t, "ingress tcp/20-25 from 10.0.0.0/8")
	judged := func(edit func(*Input)) Finding {
		in := swept(s, g)
		edit(&in)
		return s.Evaluate(in).Rules[0].Findings[0]
	}
	exempt := func(rules ...string) func(*Input) {
		return func(in *Input) {
			x := Exemption{ID: "EX-1", Policy: "p", Group: g.ID, Until: now.Add(time.Hour)}
			for _, r := range rules {
				x.Rules = append(x.Rules, ruleOf(t, r))
			}
			in.Exemptions = []Exemption{x}
		}
	}
	require.Equal(t, Acting, judged(func(*Input) {}).State)
	require.Equal(t, Exempt, judged(exempt()).State)
	require.Equal(t, Exempt, judged(exempt("ingress tcp/22 from 10.0.0.0/8")).State)
	partly := judged(exempt("ingress tcp/22 from 10.0.0.0/9"))
	require.Equal(t, Acting, partly.State)
	require.Contains(t, partly.Why, "exemption EX-1 covers only a part of it")
	marked := func(value string) func(*Input) {
		return func(in *Input) {
			in.Known.Rules = map[string]KnownRule{"sgr-1": {Rule: ruleOf(t, value), Baseline: []string{"p"}, Since: now.Add(-time.Hour)}}
		}
	}
	require.Equal(t, Baseline, judged(marked("ingress tcp/20-25 from 10.0.0.0/8")).State)
	require.Equal(t, Acting, judged(marked("ingress tcp/21-25 from 10.0.0.0/9")).State, "a mark covers the value that it was set on")
	require.Equal(t, BeforeAct, judged(func(in *Input) { in.Facts.Acts = nil }).State)
}

// TestWhatIsExemptHidesNoOtherDemand: what is exempt from one entry, and what
// nobody knows of another, are two things, of which neither takes a rule back.
func TestWhatIsExemptHidesNoOtherDemand(t *testing.T) {
	s := enforcing(t, document("p", requires(
		where("ingress tcp/22 any", func(r *Requirement) { r.Description = true }),
		where("ingress tcp/23 any", func(r *Requirement) { r.Alive = true }),
	)))
	in := swept(s, group(t, "ingress tcp/22-23 from sg-0b"))
	in.Exemptions = []Exemption{{ID: "EX-1", Policy: "p", Group: in.Live.ID, Until: now.Add(time.Hour), Rules: liveRules(t, "ingress tcp/22 from sg-0b")}}
	v := s.Evaluate(in)
	require.Equal(t, []State{Exempt}, states(v))
	require.Equal(t, []Need{NeedDead}, v.Needs, "the exemption says nothing of tcp/23")
	all := in
	all.Exemptions = []Exemption{{ID: "EX-1", Policy: "p", Group: in.Live.ID, Until: now.Add(time.Hour)}}
	require.Empty(t, s.Evaluate(all).Needs, "whatever it lacks is exempt")
	in.Facts.Dead = &DeadReferences{Refused: "no"}
	v = s.Evaluate(in)
	require.Equal(t, []State{Unknown}, states(v))
	require.Contains(t, v.Rules[0].Findings[0].Why, "could not be read: no")
	require.NotContains(t, v.Rules[0].Findings[0].Why, "it has no description")
	require.True(t, v.Rules[0].Findings[0].Excess.IsEmpty())
	require.Empty(t, v.Rules[0].Findings[0].Lacks)
	require.Equal(t, Keep, v.Rules[0].Decision, "what is certain is exempt")
	in.Facts.Dead = &DeadReferences{GroupIDs: []string{"sg-0b"}}
	v = s.Evaluate(in)
	require.Equal(t, []State{Acting}, states(v))
	in.Facts.Dead = &DeadReferences{}
	require.Equal(t, []State{Exempt}, states(s.Evaluate(in)))
}

// TestEveryEntryIsAskedOfEveryRule: what one entry does not touch, has nothing
// against or cannot tell does not end the questions.
func TestEveryEntryIsAskedOfEveryRule(t *testing.T) {
	s := enforcing(t, document("p", requires(
		where("ingress tcp/22 any", func(r *Requirement) { r.Description = true }),
		where("ingress tcp/20-25 references", func(r *Requirement) { r.Alive = true }),
		where("ingress tcp/23-25 any", func(r *Requirement) { r.Description = true }),
		where("ingress tcp/23-25 any", func(r *Requirement) { r.MaxPorts = 1 }),
	)))
	judged := func(edit func(*Input), rules ...string) Verdict {
		in := swept(s, group(t, rules...))
		in.Facts.Dead = &DeadReferences{}
		if edit != nil {
			edit(&in)
		}
		return s.Evaluate(in)
	}
	require.Equal(t, map[string]string{
		"sgr-1": "it has no description; it opens 2 ports, where 1 may be",
		"sgr-2": "it has no description; it opens 2 ports, where 1 may be",
		"sgr-3": "it has no description",
	}, lacksOf(judged(nil, "ingress tcp/22-23 from 10.0.0.0/8", "ingress tcp/24-25 from 10.0.0.0/8", "ingress tcp/25 from 10.0.0.0/8")),
		"the same is said once")
	v := judged(func(in *Input) { described(in.Live.Rules, "office") }, "ingress tcp/24-25 from 10.0.0.0/8")
	require.Equal(t, map[string]string{"sgr-1": "it opens 2 ports, where 1 may be"}, lacksOf(v))
	v = judged(func(in *Input) {
		in.Facts.Dead = nil
		described(in.Live.Rules[:1], "office")
	}, "ingress tcp/22 from sg-0b", "ingress tcp/23 from 10.0.0.0/8")
	require.Equal(t, []State{Fine, Acting}, states(v), "a fact that one rule waits for says nothing of the next")
	require.Equal(t, []Need{NeedDead}, v.Needs)
}

// TestDemandsOfListsAndAddresses: each entry of a list counts, and of one that
// could not be read nothing is known where its entries would tell.
func TestDemandsOfListsAndAddresses(t *testing.T) {
	own := netip.MustParseAddr("8.8.8.8")
	elastic := func(r *Requirement) { r.Elastic = true }
	equal := func(r *Requirement) { r.MaxIPv4, r.MaxIPv6 = 16, 16 }
	for name, tc := range map[string]struct {
		require func(*Requirement)
		rule    string
		list    secgroup.PrefixList
		want    string
		state   State
	}{
		"an address":                  {elastic, "ingress tcp/22 from 8.8.8.8/32", secgroup.PrefixList{}, "", Fine},
		"another":                     {elastic, "ingress tcp/22 from 8.8.4.4/32", secgroup.PrefixList{}, "8.8.4.4/32 is no elastic address of this account", Acting},
		"a reference":                 {elastic, "ingress tcp/22 from sg-0b", secgroup.PrefixList{}, "", Fine},
		"a list of them":              {elastic, "ingress tcp/22 from pl-0b", secgroup.PrefixList{ID: "pl-0b", Readable: true, Entries: prefixes("8.8.8.8/32")}, "", Fine},
		"a list with others":          {elastic, "ingress tcp/22 from pl-0b", secgroup.PrefixList{ID: "pl-0b", Readable: true, Entries: prefixes("8.8.8.8/32", "8.8.4.4/32")}, "8.8.4.4/32 is no elastic address of this account", Acting},
		"a list that nobody read":     {elastic, "ingress tcp/22 from pl-0b", secgroup.PrefixList{ID: "pl-0b", Refused: "denied"}, "", Unknown},
		"a width of both":             {equal, "ingress tcp/22 from 10.0.0.0/15", secgroup.PrefixList{}, "10.0.0.0/15 is wider than /16", Acting},
		"its list that nobody read":   {equal, "ingress tcp/22 from pl-0b", secgroup.PrefixList{ID: "pl-0b", Refused: "denied"}, "", Unknown},
		"as wide as it may be":        {equal, "ingress tcp/22 from pl-0b", secgroup.PrefixList{ID: "pl-0b", Readable: true, Entries: prefixes("10.0.0.0/16")}, "", Fine},
		"as many ports as there may":  {func(r *Requirement) { r.MaxPorts, r.Alive = 1, true }, "ingress tcp/22 from sg-0b", secgroup.PrefixList{}, "", Fine},
		"a width, and not elasticity": {equal, "ingress tcp/22 from 8.8.4.4/32", secgroup.PrefixList{}, "", Fine},
	} {
		s := enforcing(t, document("p", requires(where("ingress all any", tc.require))))
		in := swept(s, withList(group(t, tc.rule), tc.list))
		in.Facts.Elastic = &ElasticAddresses{Addresses: []netip.Addr{own}}
		v := s.Evaluate(in)
		require.Equal(t, tc.want, lacksOf(v)["sgr-1"], name)
		require.Equal(t, []State{tc.state}, states(v), name)
	}
}

// TestDemandsOfPeersThatAreNotKnown: a list that nobody could read may be of
// the internet, a block of the group's VPC is not, and where its blocks are not
// known they are asked for.
func TestDemandsOfPeersThatAreNotKnown(t *testing.T) {
	s := enforcing(t, document("p", requires(where("ingress all internet", func(r *Requirement) { r.Description = true }))))
	list := s.Evaluate(swept(s, withList(group(t, "ingress tcp/22 from pl-d4"), secgroup.PrefixList{ID: "pl-d4", Refused: "denied"})))
	require.Equal(t, []State{Unknown}, states(list))
	require.Equal(t, Keep, list.Rules[0].Decision)
	require.Empty(t, lacksOf(list), "what it lacks counts only if it is of the internet")

	in := swept(s, group(t, "ingress tcp/22 from 8.8.8.0/25"))
	in.Live.VPCs = vpcs("8.8.8.0/24")
	require.Equal(t, []State{Fine}, states(s.Evaluate(in)))
	in.Live.VPCs = nil
	v := s.Evaluate(in)
	require.Equal(t, []State{Acting}, states(v))
	require.Equal(t, []Need{NeedVPCs}, v.Needs)

	own := enforcing(t, document("p", requires(where("ingress all vpc", func(r *Requirement) { r.Description = true }))))
	v = own.Evaluate(in)
	require.Equal(t, []State{Fine}, states(v), "a block is known, be it of the VPC or not")
	require.Equal(t, []Need{NeedVPCs}, v.Needs)
}

func TestWhatGroupsLack(t *testing.T) {
	s := enforcing(t, document("p", remedy(DoTag), requires(
		Requirement{Line: 6, Tags: []string{"owner", "cost"}},
		Requirement{Line: 7, NotNamed: []string{"launch-wizard-*"}, MaxRules: 2, Grace: time.Hour},
		Requirement{Line: 8, Description: true, NotDescribed: []string{"Managed by Terraform"}},
	)))
	fine := group(t, "ingress tcp/22 from 10.0.0.0/8", "ingress tcp/23 from 10.0.0.0/8")
	fine.Tags = map[string]string{"owner": "a", "cost": "b", "more": ""}
	fine.Description = "the web"
	require.Empty(t, s.Evaluate(swept(s, fine)).Group)
	for want, edit := range map[string]func(*secgroup.Group){
		"it lacks the tags cost":                               func(g *secgroup.Group) { g.Tags = map[string]string{"owner": "a", "cost": ""} },
		"it lacks the tags owner, cost":                        func(g *secgroup.Group) { g.Tags = nil },
		"it has no description":                                func(g *secgroup.Group) { g.Description = "" },
		`its description is one of "managed by terraform"`:     func(g *secgroup.Group) { g.Description = "MANAGED by Terraform" },
		`its name is one of "launch-wizard-*"`:                 func(g *secgroup.Group) { g.Name = "Launch-Wizard-4" },
		"it has 3 rules, where 2 may be":                       func(g *secgroup.Group) { g.Rules = append(g.Rules, liveRules(t, "sgr-9 egress all to ::/0")...) },
		"it lacks the tags owner, cost; it has no description": func(g *secgroup.Group) { g.Tags, g.Description = nil, "" },
	} {
		g := fine
		edit(&g)
		in := swept(s, g)
		v := s.Evaluate(in)
		require.Len(t, v.Group, 1, want)
		id := secgroup.GroupEntry(g.ID, "p")
		require.Equal(t, map[string]string{id: want}, lacksOf(v))
		if strings.Contains(want, "rules") || strings.Contains(want, "name") {
			require.Equal(t, Graced, v.Group[0].Findings[0].State, want)
			require.False(t, v.Group[0].Due)
			require.Equal(t, now.Add(time.Hour), v.JudgeAgainAt)
			in.Known.Rules = map[string]KnownRule{id: {Rule: secgroup.Rule{ID: id}, Since: now.Add(-time.Hour)}}
			v = s.Evaluate(in)
		}
		require.Equal(t, Tagging, v.Group[0].Findings[0].State, want)
		require.Equal(t, Tag, v.Group[0].Decision)
		require.True(t, v.Group[0].Due)

		in.Exemptions = []Exemption{{ID: "EX-1", Policy: "p", Group: g.ID, Until: now.Add(time.Hour)}}
		require.Equal(t, Exempt, s.Evaluate(in).Group[0].Findings[0].State)
		in.Exemptions[0].Rules = liveRules(t, "ingress tcp/22 from 10.0.0.0/8")
		require.Equal(t, Tagging, s.Evaluate(in).Group[0].Findings[0].State, "an exemption of flows is not one of the group")
		in.Exemptions = nil
		in.Known.Rules = map[string]KnownRule{id: {Rule: secgroup.Rule{ID: id}, Baseline: []string{"p"}}}
		require.Equal(t, Baseline, s.Evaluate(in).Group[0].Findings[0].State)
		in.Known.Rules, in.Facts.Acts = nil, nil
		if !strings.Contains(want, "rules") && !strings.Contains(want, "name") {
			require.Equal(t, BeforeAct, s.Evaluate(in).Group[0].Findings[0].State)
			in.Changes = []secgroup.Change{created("web", "vpc-1")}
			require.Equal(t, Tagging, s.Evaluate(in).Group[0].Findings[0].State, "a record tells that the group is new")
		}
	}
	elsewhere := enforcing(t, document("p", remedy(DoAlert), scope(Scope{IDs: []string{"sg-0b"}}), requires(Requirement{MaxRules: 1})))
	require.Empty(t, elsewhere.Evaluate(swept(elsewhere, fine)).Group)
}

func TestTriageOfRequirements(t *testing.T) {
	authorize := func(description string, rules ...string) secgroup.Change {
		return authorized(dev, now, described(liveRules(t, rules...), description)...)
	}
	one := "ingress tcp/22 from 10.0.0.0/8"
	rules := enforcing(t, document("p", requires(where("ingress all any", func(r *Requirement) { r.Description, r.MaxPorts = true, 2 }))))
	many := enforcing(t, document("p", remedy(DoAlert), requires(Requirement{MaxRules: 3})))
	tags := enforcing(t, document("p", remedy(DoAlert), requires(Requirement{Tags: []string{"owner"}})))
	named := enforcing(t, document("p", remedy(DoAlert), requires(Requirement{NotNamed: []string{"launch-wizard-*"}})))
	distinct := enforcing(t, document("p", remedy(DoAlert), requires(Requirement{Distinct: NotIdentical})))
	holding := func(n int, whole bool) *Known {
		k := item(func(k *Known) { k.Whole, k.Rules = whole, map[string]KnownRule{} })
		for i := range n {
			k.Rules[string(rune('a'+i))] = KnownRule{}
		}
		k.Rules[secgroup.GroupEntry(ownGroup, "p")] = KnownRule{}
		return k
	}
	describe := secgroup.Change{Effect: secgroup.Describe, Groups: []secgroup.GroupName{{ID: ownGroup}}}
	retag := secgroup.Change{Effect: secgroup.Retags, Groups: []secgroup.GroupName{{ID: ownGroup}}}
	for name, tc := range map[string]struct {
		s             *Set
		c             secgroup.Change
		item          *Known
		without, with Concern
	}{
		"described in the record":                   {rules, authorize("office", one), item(nil), NotConcerned, NotConcerned},
		"not described":                             {rules, authorize("", one), item(nil), Concerned, Concerned},
		"too many ports":                            {rules, authorize("office", "ingress tcp/22-24 from 10.0.0.0/8"), item(nil), Concerned, Concerned},
		"not in the box":                            {rules, authorize("", "egress tcp/22-24 to 10.0.0.0/8"), item(nil), NotConcerned, NotConcerned},
		"descriptions change":                       {rules, describe, item(nil), Concerned, Concerned},
		"descriptions change, and nobody asks":      {many, describe, item(nil), AskItem, NotConcerned},
		"tags change":                               {tags, retag, item(nil), Concerned, Concerned},
		"tags change, and nobody asks":              {many, retag, item(nil), AskItem, NotConcerned},
		"a new group without tags, for all we know": {tags, created("web", "vpc-1"), item(nil), Concerned, Concerned},
		"a rule does not change tags":               {tags, authorize("", one), item(nil), NotConcerned, NotConcerned},
		"a new group of another name":               {named, created("web", "vpc-1"), item(nil), NotConcerned, NotConcerned},
		"a new group of the wizard":                 {named, created("Launch-Wizard-1", "vpc-1"), item(nil), Concerned, Concerned},
		"a new group without a name":                {named, created("", "vpc-1"), item(nil), Concerned, Concerned},
		"the third rule":                            {many, authorize("", one), holding(2, true), AskItem, NotConcerned},
		"the fourth rule":                           {many, authorize("", one), holding(3, true), AskItem, Concerned},
		"rules that nobody has counted":             {many, authorize("", one), holding(0, false), AskItem, Concerned},
		"a rule may make it like another group":     {distinct, authorize("", one), item(nil), NotConcerned, NotConcerned},
		"a new group opens nothing":                 {distinct, created("web", "vpc-1"), item(nil), NotConcerned, NotConcerned},
		"four rules at once":                        {many, authorize("", one, "ingress tcp/1 from ::/0", "ingress tcp/2 from ::/0", "ingress tcp/3 from ::/0"), item(nil), Concerned, Concerned},
	} {
		require.Equal(t, tc.without, tc.s.Triage(tc.c, nil), name)
		require.Equal(t, tc.with, tc.s.Triage(tc.c, tc.item), name)
	}
}

// TestDescribedRulesAreMatchedWithoutAllocation: what has all that is required
// never becomes a subject.
func TestDescribedRulesAreMatchedWithoutAllocation(t *testing.T) {
	s := enforcing(t, document("p", requires(where("both all any", func(r *Requirement) {
		r.Description, r.NotDescribed, r.MaxPorts, r.MaxIPv4, r.MaxIPv6 = true, []string{"temp*", "*none*"}, 1, 8, 8
	}))), document("q", forbid(box("ingress tcp/22 internet"))))
	set, all := make([]uint64, s.index.words), []uint64{3}
	for _, r := range described(liveRules(t, "ingress tcp/443 from 8.0.0.0/8", "ingress tcp/443 from 2600::/8", "ingress tcp/443 from sg-0b"), "The Office of Mr. Nobody, 4th floor") {
		require.Zero(t, testing.AllocsPerRun(100, func() { require.False(t, s.index.touch(&r, &Surroundings{}, all, set)) }), "%s", r)
	}
	allocs := func(n int) float64 {
		g := manyRules(t, n)
		in := swept(s, secgroup.Group{ID: g.ID, Rules: described(g.Rules, "The Office")})
		return testing.AllocsPerRun(20, func() { s.Evaluate(in) })
	}
	require.Equal(t, allocs(10), allocs(1000))
}

// TestWhatFactsTellIsMatchedWithoutAllocation: a reference that is known to be
// alive, and an address that is known to be elastic, are no subjects; where the
// facts were not read, or could not be, they are.
func TestWhatFactsTellIsMatchedWithoutAllocation(t *testing.T) {
	s := enforcing(t,
		document("alive", requires(where("both all references", func(r *Requirement) { r.Alive = true }))),
		document("elastic", requires(where("both all internet", func(r *Requirement) { r.Elastic = true }))))
	own, other := netip.MustParseAddr("8.8.8.8"), netip.MustParseAddr("8.8.4.4")
	read := Surroundings{Dead: &DeadReferences{GroupIDs: []string{"sg-0c"}}, Elastic: &ElasticAddresses{Addresses: []netip.Addr{own}}}
	refused := Surroundings{Dead: &DeadReferences{Refused: "denied"}, Elastic: &ElasticAddresses{Refused: "denied", Addresses: []netip.Addr{own, other}}}
	for text, want := range map[string]bool{
		"ingress tcp/443 from sg-0b": false, "ingress tcp/443 from sg-0c": true, "ingress tcp/443 from 8.8.8.8/32": false, "ingress tcp/443 from 8.8.4.4/32": true,
		"egress all to 8.8.8.8/32": false, "ingress tcp/443 from 8.8.8.8/31": true, "ingress tcp/443 from pl-0b": true, "ingress tcp/443 from 10.0.0.0/8": false,
	} {
		r, set := liveRules(t, text)[0], make([]uint64, s.index.words)
		require.Equal(t, want, s.index.touch(&r, &read, []uint64{3}, set), text)
		if !want {
			require.Zero(t, testing.AllocsPerRun(100, func() { s.index.touch(&r, &read, []uint64{3}, set) }), text)
		}
		for _, facts := range []Surroundings{{}, refused} {
			require.Equal(t, text != "ingress tcp/443 from 10.0.0.0/8", s.index.touch(&r, &facts, []uint64{3}, set), text)
		}
	}
	allocs := func(n int) float64 {
		var texts []string
		for range n / 2 {
			texts = append(texts, "ingress tcp/443 from sg-0b", "ingress tcp/443 from 8.8.8.8/32")
		}
		g := group(t)
		g.Rules = liveRules(t, texts...)
		in := swept(s, g)
		in.Facts.Surroundings = read
		return testing.AllocsPerRun(20, func() { s.Evaluate(in) })
	}
	require.Equal(t, allocs(10), allocs(1000))
}

// TestGlobsFoldAsIfBothWereLowerCase, of ASCII letters.
func TestGlobsFoldAsIfBothWereLowerCase(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		pattern := rapid.StringOfN(rapid.RuneFrom([]rune("abAB*?ä")), 0, 6, -1).Draw(t, "pattern")
		text := rapid.StringOfN(rapid.RuneFrom([]rune("abABäÄ*?")), 0, 8, -1).Draw(t, "text")
		fold := lowered([]string{pattern, text})
		require.Equal(t, matchGlob(fold[0], fold[1], ""), matchFolded(fold[0], text))
	})
}

// TestDemandsHoldForEveryRule: a rule is refused exactly where it touches the
// box and lacks something, read naively; and a record of a rule that is fine is
// let go.
func TestDemandsHoldForEveryRule(t *testing.T) {
	refused := 0
	rapid.Check(t, func(t *rapid.T) {
		r := Requirement{Line: 1, Description: rapid.Bool().Draw(t, "description"), MaxPorts: rapid.IntRange(0, 3).Draw(t, "ports"), MaxIPv4: rapid.IntRange(0, 32).Draw(t, "v4")}
		if !r.Description && r.MaxPorts+r.MaxIPv4 == 0 {
			r.MaxPorts = 1
		}
		c := box(rapid.SampledFrom([]string{"ingress tcp/20-25 any", "both all addresses", "ingress all 10.0.0.0/8", "egress ports/22 any", "ingress all references"}).Draw(t, "where"))
		r.Where = &c
		s, err := Compile([]Document{document("p", requires(r))}, Settings{Mode: Enforce})
		require.NoError(t, err)
		first := rapid.IntRange(18, 27).Draw(t, "first")
		rule := secgroup.Rule{
			ID: "sgr-1", Direction: rapid.SampledFrom(bothDirections[:]).Draw(t, "direction"), Protocol: rapid.SampledFrom([]secgroup.Protocol{secgroup.TCP, secgroup.UDP, 47, secgroup.AllProtocols}).Draw(t, "protocol"),
			Ports: secgroup.Ports{From: int32(first), To: int32(first + rapid.IntRange(0, 4).Draw(t, "more"))}, Description: rapid.SampledFrom([]string{"", "office"}).Draw(t, "text"),
			Peer: rapid.SampledFrom([]secgroup.Peer{
				secgroup.NewCIDR(prefixes("10.1.0.0/16")[0]), secgroup.NewCIDR(prefixes("8.8.0.0/13")[0]), secgroup.NewCIDR(prefixes("::/0")[0]), secgroup.GroupReference{GroupID: "sg-0b"},
			}).Draw(t, "peer"),
		}.Canonical()
		ports := 0
		switch {
		case rule.Protocol == secgroup.AllProtocols:
			ports = 65536
		case rule.Protocol.HasPorts():
			ports = int(rule.Ports.To-rule.Ports.From) + 1
		}
		cidr, isBlock := rule.Peer.(secgroup.CIDR)
		lacks := r.Description && rule.Description == "" || r.MaxPorts > 0 && ports > r.MaxPorts || isBlock && cidr.Addr().Is4() && cidr.Bits() < r.MaxIPv4
		// What a policy forbids the box would touch.
		probe, err := Compile([]Document{document("probe", forbid(c))}, Settings{Mode: Enforce})
		require.NoError(t, err)
		g := secgroup.Group{ID: ownGroup, Name: "web", AccountID: ownAccount, Rules: []secgroup.Rule{rule}, VPCs: []secgroup.VPC{}}
		touches := probe.Evaluate(swept(probe, g)).Rules[0].Due
		v := s.Evaluate(swept(s, g))
		require.Equal(t, lacks && touches, v.Rules[0].Due)
		if v.Rules[0].Due {
			refused++
		}
		concern := s.Triage(authorized(dev, now, rule), nil)
		require.Equal(t, v.Rules[0].Due, concern != NotConcerned)
	})
	require.Positive(t, refused)
}

// TestValuesOfRequireAreOverridden, where one entry has the key.
func TestValuesOfRequireAreOverridden(t *testing.T) {
	policy := policyText("p", "remedy: alert", "require:", "  - {where: {direction: ingress, peers: [any]}, maxPorts: 1, maxPrefix: {ipv4: /16}}", "  - {tags: [owner], maxRules: 50, grace: 1h}")
	p := parsedFrom(t, policy, settingsText("overrides:", "  p: {require: {maxPorts: 5, maxPrefix: {ipv6: /32}, tags: [team], maxRules: 9, grace: 2h}}"))
	require.Empty(t, p.Warnings)
	r := p.Documents[0].Require
	require.Equal(t, []any{5, 16, 32}, []any{r[0].MaxPorts, r[0].MaxIPv4, r[0].MaxIPv6})
	require.Equal(t, []any{[]string{"team"}, 9, 2 * time.Hour}, []any{r[1].Tags, r[1].MaxRules, r[1].Grace})
	same := parsedFrom(t, policy, settingsText("overrides:", "  p: {require: {maxRules: 50}}"))
	require.Len(t, same.Warnings, 1)
	require.Contains(t, same.Warnings[0].Message, "require changes nothing")
}

// TestFactsAreAskedForOnlyWhereTheyTell, and what was refused is unknown.
func TestFactsAreAskedForOnlyWhereTheyTell(t *testing.T) {
	alive := enforcing(t, document("p", requires(where("ingress all any", func(r *Requirement) { r.Alive = true }))))
	elastic := enforcing(t, document("p", requires(where("ingress all 8.8.0.0/16", func(r *Requirement) { r.Elastic = true }))))
	used := enforcing(t, document("p", remedy(DoAlert), requires(Requirement{Attached: yesOrNo(true)})))
	few := enforcing(t, document("p", remedy(DoAlert), requires(Requirement{MaxGroups: 1})))
	for name, tc := range map[string]struct {
		s     *Set
		rule  string
		needs []Need
		read  func(*Surroundings)
	}{
		"no reference":                  {alive, "ingress tcp/22 from 10.0.0.0/8", nil, nil},
		"a reference in another box":    {alive, "egress tcp/22 to sg-0b", nil, nil},
		"a reference":                   {alive, "ingress tcp/22 from sg-0b", []Need{NeedDead}, func(s *Surroundings) { s.Dead = &DeadReferences{Refused: "no"} }},
		"other addresses":               {elastic, "ingress tcp/22 from 9.9.9.9/32", nil, nil},
		"addresses that may be elastic": {elastic, "ingress tcp/22 from 8.8.8.8/32", []Need{NeedElastic}, func(s *Surroundings) { s.Elastic = &ElasticAddresses{Refused: "no"} }},
		"use":                           {used, "ingress tcp/22 from 8.8.8.8/32", []Need{NeedInterfaces}, func(s *Surroundings) { s.Interfaces = &Interfaces{Refused: "no"} }},
		"the number of groups":          {few, "ingress tcp/22 from 8.8.8.8/32", []Need{NeedGroups}, func(s *Surroundings) { s.Groups = &AllGroups{Refused: "no"} }},
	} {
		in := swept(tc.s, group(t, tc.rule))
		v := tc.s.Evaluate(in)
		require.Equal(t, tc.needs, v.Needs, name)
		require.Empty(t, lacksOf(v), name)
		if tc.read == nil {
			continue
		}
		tc.read(&in.Facts.Surroundings)
		v = tc.s.Evaluate(in)
		require.Empty(t, v.Needs, name)
		unknown := 0
		for _, r := range v.All() {
			for _, f := range r.Findings {
				if f.State == Unknown {
					unknown++
					require.Contains(t, f.Why, "could not be read: no", name)
				}
			}
		}
		require.Equal(t, 1, unknown, name)
	}
	require.Equal(t, NotConcerned, alive.Triage(authorized(dev, now, liveRules(t, "ingress tcp/22 from sg-0b")...), nil), "EC2 takes no reference to what is gone")
	require.Equal(t, Concerned, elastic.Triage(authorized(dev, now, liveRules(t, "ingress tcp/22 from 8.8.8.8/32")...), nil))
	require.Equal(t, Concerned, few.Triage(created("web", "vpc-1"), nil))
	require.Equal(t, NotConcerned, used.Triage(created("web", "vpc-1"), nil), "use changes by other calls")
	require.Equal(t, []Need{NeedDead}, alive.Facts())
	require.Equal(t, []Need{NeedGroups}, few.Facts())
}

// TestCallsOnRulesAskForNothingBeyondTheGroup, unless something is known of it
// that the facts may have ended.
func TestCallsOnRulesAskForNothingBeyondTheGroup(t *testing.T) {
	rules := liveRules(t, "ingress tcp/22 from 10.0.0.0/8")
	on := func(e secgroup.Effect) secgroup.Change {
		return secgroup.Change{Effect: e, EventTime: now, Groups: []secgroup.GroupName{{ID: ownGroup}}}
	}
	for need, of := range map[Need]Requirement{
		NeedInterfaces: {Attached: yesOrNo(true)}, NeedGroups: {Distinct: NotIdentical},
	} {
		s := enforcing(t, document("p", remedy(DoAlert), requires(of)))
		for name, tc := range map[string]struct {
			changes []secgroup.Change
			known   bool
			asks    bool
		}{
			"nobody called":               {nil, false, true},
			"a rule was added":            {[]secgroup.Change{authorized(dev, now, rules...)}, false, false},
			"rules went":                  {[]secgroup.Change{on(secgroup.Narrows)}, false, false},
			"descriptions":                {[]secgroup.Change{on(secgroup.Describe)}, false, false},
			"a rule was added, and known": {[]secgroup.Change{authorized(dev, now, rules...)}, true, true},
			"the group was made":          {[]secgroup.Change{created("web", "vpc-1")}, false, true},
			"its tags changed":            {[]secgroup.Change{on(secgroup.Retags)}, false, true},
			"somebody asks":               {[]secgroup.Change{authorized(dev, now, rules...), on(secgroup.Asks)}, false, true},
		} {
			in := swept(s, secgroup.Group{ID: ownGroup, VPCID: "vpc-1", Rules: rules})
			in.Changes = tc.changes
			if tc.known {
				in.Known.Rules = map[string]KnownRule{secgroup.GroupEntry(ownGroup, "p"): {Rule: secgroup.Rule{ID: secgroup.GroupEntry(ownGroup, "p")}}}
			}
			var want []Need
			if tc.asks {
				want = []Need{need}
			}
			v := s.Evaluate(in)
			require.Equal(t, want, v.Needs, "%s, %s", need, name)
			require.Empty(t, v.Group)

			in.Facts.Interfaces = &Interfaces{}
			in.Facts.Groups = &AllGroups{Groups: []secgroup.Group{in.Live, {ID: "sg-0b", VPCID: "vpc-1", Rules: rules}}}
			require.Len(t, s.Evaluate(in).Group, 1, "what is at hand is judged: %s, %s", need, name)
		}
	}
}

// TestGroupsThatOpenTheSame are compared by flows, within their VPC.
func TestGroupsThatOpenTheSame(t *testing.T) {
	of := func(id, vpc string, rules ...string) secgroup.Group {
		return secgroup.Group{ID: id, VPCID: vpc, Rules: liveRules(t, rules...)}
	}
	own := of(ownGroup, "vpc-1", "ingress tcp/22 from 10.0.0.0/8", "ingress tcp/22 from "+ownGroup, "egress all to ::/0")
	for distinct, want := range map[Distinct]string{NotIdentical: "it opens the same as sg-0b", NotCovered: "all that it opens is opened by sg-0b, sg-0c"} {
		s := enforcing(t, document("p", remedy(DoAlert), requires(Requirement{Distinct: distinct})))
		g := group(t)
		g.ID = ownGroup
		in := swept(s, g)
		in.Facts.Groups = &AllGroups{Groups: []secgroup.Group{
			own,
			of("sg-0a", "vpc-2", "ingress tcp/22 from 10.0.0.0/8", "ingress tcp/22 from sg-0a", "egress all to ::/0"),
			of("sg-0b", "vpc-1", "ingress tcp/22 from 10.0.0.0/9", "ingress tcp/22 from 10.128.0.0/9", "ingress tcp/22 from sg-0b", "egress all to ::/0"),
			of("sg-0c", "vpc-1", "ingress tcp/22 from 10.0.0.0/8", "ingress tcp/22 from sg-0c", "egress all to ::/0", "ingress tcp/23 from 10.0.0.0/8"),
			of("sg-0d", "vpc-1", "ingress tcp/22 from 10.0.0.0/8", "ingress tcp/22 from sg-0b", "egress all to ::/0"),
		}}
		require.Equal(t, map[string]string{secgroup.GroupEntry(ownGroup, "p"): want}, lacksOf(s.Evaluate(in)))
	}
}

// TestOneListServesAllGroups that are judged by it, also at once.
func TestOneListServesAllGroups(t *testing.T) {
	s := enforcing(t, document("p", remedy(DoAlert), requires(Requirement{Distinct: NotIdentical})))
	all := &AllGroups{}
	for i := range 20 {
		all.Groups = append(all.Groups, secgroup.Group{
			ID: fmt.Sprintf("sg-%02d", i), VPCID: "vpc-1", Rules: liveRules(t, fmt.Sprintf("ingress tcp/%d from 10.0.0.0/8", 1+i/2)),
		})
	}
	lacks := make([]map[string]string, len(all.Groups))
	var wait sync.WaitGroup
	for i, g := range all.Groups {
		wait.Go(func() {
			in := swept(s, g)
			in.Facts.Groups = all
			lacks[i] = lacksOf(s.Evaluate(in))
		})
	}
	wait.Wait()
	for i, g := range all.Groups {
		require.Equal(t, map[string]string{secgroup.GroupEntry(g.ID, "p"): "it opens the same as " + all.Groups[i^1].ID}, lacks[i])
	}
}
