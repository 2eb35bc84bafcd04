package policy

import (
	"net/netip"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sgwarden/sgwarden/internal/secgroup"
)

func viewsOf(t *testing.T, s *Set, c Case) map[string]View {
	t.Helper()
	out := map[string]View{}
	for _, v := range s.Views(s.Policies, c) {
		out[v.Policy.ID] = v
	}
	return out
}

func TestViewsAreOfPoliciesThatMeetTheCase(t *testing.T) {
	s := enforcing(t, document("elsewhere", ssh, scope(Scope{VPCs: []string{"vpc-2"}})), document("excepted", ssh, except(time.Time{}, dev)),
		document("later", ssh, after(5*time.Minute)), document("alerts", ssh, remedy(DoAlert)))
	by := &secgroup.Attribution{Actor: secgroup.Actor{ARN: dev}}
	v := viewsOf(t, s, Case{Group: group(t), By: by, Now: now})
	require.Len(t, v, 2)
	require.Equal(t, Acting, v["later"].State)
	require.Equal(t, 5*time.Minute, v["later"].Delay)
	require.Equal(t, Alerting, v["alerts"].State)
	require.Zero(t, v["alerts"].Delay)
	require.Len(t, viewsOf(t, s, Case{Group: group(t), Now: now}), 3, "nobody is excepted where nobody is known")
}

func TestViewsTellWhatIsExempt(t *testing.T) {
	exempt := func(id, policy, group string, until time.Time, rules ...string) Exemption {
		return Exemption{ID: id, Policy: policy, Group: group, Until: until, Rules: liveRules(t, rules...)}
	}
	later := now.Add(time.Hour)
	s := compiledWith(t, Settings{Mode: Enforce, Exemptions: []Exemption{
		exempt("other-group", "p", "sg-0b", later), exempt("other-policy", "q", ownGroup, later), exempt("over", "p", ownGroup, now),
		exempt("part", "p", ownGroup, later, "ingress tcp/22 from 8.8.8.0/24", "ingress tcp/22 from pl-0b"),
	}}, document("p", ssh), document("q", ssh))
	v := viewsOf(t, s, Case{Group: group(t), Now: now})
	require.Equal(t, []string{"part"}, v["p"].Exemptions())
	require.Equal(t, []string{"other-policy"}, v["q"].Exemptions())
	require.True(t, v["p"].Exempt(secgroup.Ingress, anyBlock).Equal(ruleOf(t, "ingress tcp/22 from 8.8.8.0/24").Region()))
	require.True(t, v["p"].Exempt(secgroup.Egress, anyBlock).IsEmpty())
	require.True(t, v["q"].Exempt(secgroup.Ingress, anyBlock).Equal(everything(anyBlock)))
	list := secgroup.PrefixList{ID: "pl-0b"}
	require.Equal(t, []string{list.Key()}, v["p"].Exempt(secgroup.Ingress, list).Atoms())
	list.Readable = true
	require.Empty(t, everything(list).Atoms())
	require.True(t, everything(list).Addresses().Equal(secgroup.AllIPv4().Union(secgroup.AllIPv6())), "a list that was read is its addresses")
	require.Equal(t, []string{"sg-0b"}, everything(secgroup.GroupReference{GroupID: "sg-0b"}).Atoms())
}

func TestViewsTellBoxesAndWhatIsPossible(t *testing.T) {
	s := enforcing(t, document("p", forbid(at(7, box("ingress tcp/22 internet")), at(8, box("egress all any whole")))))
	v := viewsOf(t, s, Case{Group: group(t), Now: now})["p"]
	boxes := v.Boxes(secgroup.Ingress, anyBlock)
	require.Len(t, boxes, 1)
	require.Equal(t, []any{0, 7, false}, []any{boxes[0].Clause, boxes[0].Line, boxes[0].Whole})
	boxes = v.Boxes(secgroup.Egress, secgroup.GroupReference{GroupID: "sg-0b"})
	require.Len(t, boxes, 1)
	require.Equal(t, []any{1, 8, true}, []any{boxes[0].Clause, boxes[0].Line, boxes[0].Whole})
	unread := secgroup.PrefixList{ID: "pl-0b"}
	require.Equal(t, []string{unread.Key()}, v.Possible(secgroup.Ingress, unread).Atoms())
	unread.Readable = true
	require.True(t, v.Possible(secgroup.Ingress, unread).IsEmpty(), "a list that was read is certain")
	require.True(t, v.Possible(secgroup.Ingress, anyBlock).IsEmpty())
	p := s.Policies[0]
	require.True(t, p.Reach(secgroup.Ingress).Equal(ruleOf(t, "ingress tcp/22 from 0.0.0.0/0").Region().Union(ruleOf(t, "ingress tcp/22 from ::/0").Region())))
	require.True(t, p.Reach(secgroup.Egress).Covers(p.Reach(secgroup.Ingress)))
	require.False(t, p.Reach(secgroup.Ingress).Covers(p.Reach(secgroup.Egress)))
}

func TestWhatPoliciesAreLike(t *testing.T) {
	exempt := func(policy, group string, until time.Time, rules ...string) Exemption {
		return Exemption{ID: "EX", Policy: policy, Group: group, Until: until, Rules: liveRules(t, rules...)}
	}
	later := now.Add(time.Hour)
	likeness := func(exemptions []Exemption, options ...option) string {
		s := compiledWith(t, Settings{Mode: Enforce, Exemptions: exemptions}, document("q", ssh), document("p", options...))
		return s.Likeness(s.Policies[1])
	}
	plain := likeness(nil, ssh)
	require.Equal(t, plain, likeness([]Exemption{exempt("q", ownGroup, later)}, ssh), "what is exempt from another")
	one := likeness([]Exemption{exempt("q", ownGroup, later), exempt("p", ownGroup, later)}, ssh)
	different := map[string]string{
		"plain": plain, "after": likeness(nil, ssh, after(time.Minute)), "shipped": likeness(nil, ssh, func(d *Document) { d.Shipped = true }), "an exemption": one,
		"of another group": likeness([]Exemption{exempt("p", "sg-0b", later)}, ssh), "until": likeness([]Exemption{exempt("p", ownGroup, later.Add(time.Hour))}, ssh),
		"rules": likeness([]Exemption{exempt("p", ownGroup, later, "ingress tcp/22 from 8.8.8.8/32")}, ssh), "other rules": likeness([]Exemption{exempt("p", ownGroup, later, "ingress tcp/22 from 8.8.8.9/32")}, ssh),
	}
	seen := map[string]string{}
	for name, text := range different {
		require.Empty(t, seen[text], "%s is like %s", name, seen[text])
		seen[text] = name
	}
	s := enforcing(t, document("flows", ssh, tolerate(16, 32), perRule), document("only", allowOnly(box("ingress tcp/22 any"), box("ingress tcp/22 self"))),
		document("rules", requires(where("ingress all any", func(r *Requirement) { r.Description = true }))), document("group", requires(Requirement{MaxRules: 3}), remedy(DoAlert)),
		document("calls", onChange(nil)), document("pack", ssh, func(d *Document) { d.Shipped = true }))
	var flows, shipped, alone []string
	for _, p := range s.Policies {
		if p.ForbidsFlows() {
			flows = append(flows, p.ID)
		}
		if p.Shipped() {
			shipped = append(shipped, p.ID)
		}
		if p.PerRule() {
			alone = append(alone, p.ID)
		}
	}
	require.Equal(t, []string{"flows", "only", "pack"}, flows)
	require.Equal(t, []string{"pack"}, shipped)
	require.Equal(t, []string{"flows"}, alone)
}

func TestViewsJudgeRulesInTheirOrder(t *testing.T) {
	s := enforcing(t, document("p", ssh, tolerate(24, 48)), document("q", forbid(box("ingress tcp/23 internet"))))
	g := group(t, "ingress tcp/23 from 0.0.0.0/0")
	v := viewsOf(t, s, Case{Group: g, Now: now})["p"]
	rules := []secgroup.Rule{ruleOf(t, "sgr-z ingress tcp/22 from 8.8.8.0/24"), ruleOf(t, "sgr-a ingress tcp/22 from 8.8.9.0/24")}
	found := v.Judge(g, rules)
	require.Len(t, found, 1, "the rules of the group itself are not asked for")
	require.Equal(t, []string{"ingress tcp/22 from 8.8.9.0/24"}, excessOf(found[0], secgroup.Ingress), "the first that was made stays")
	rules = []secgroup.Rule{ruleOf(t, "sgr-z ingress tcp/22 from 8.8.8.0/25"), ruleOf(t, "sgr-b ingress tcp/22 from 8.8.9.0/25"), ruleOf(t, "sgr-a ingress tcp/22 from 8.8.10.0/25")}
	found = v.Judge(g, rules)
	require.Len(t, found, 1)
	require.Equal(t, []string{"ingress tcp/22 from 8.8.10.0/25"}, excessOf(found[0], secgroup.Ingress))
	list := secgroup.PrefixList{ID: "pl-0b", OwnerID: "999999999999", Readable: true, Entries: []netip.Prefix{netip.MustParsePrefix("8.0.0.0/8")}}
	rules = []secgroup.Rule{{ID: "sgr-a", Direction: secgroup.Ingress, Protocol: secgroup.TCP, Ports: secgroup.Ports{From: 22, To: 22}, Peer: list}}
	found = v.Judge(g, rules)
	require.Len(t, found, 1)
	require.Equal(t, Acting, found[0].State, "the list held that when the rule was made")
	list.Entries = prefixes("8.8.8.0/24")
	rules[0].Peer = list
	found = v.Judge(g, append(rules, ruleOf(t, "sgr-0 ingress tcp/22 from 8.8.9.0/24")))
	require.Len(t, found, 1)
	require.Equal(t, []string{"ingress tcp/22 from 8.8.9.0/24"}, excessOf(found[0], secgroup.Ingress), "a list has its place too")
	require.Empty(t, v.Judge(g, []secgroup.Rule{ruleOf(t, "sgr-a ingress tcp/24 from 0.0.0.0/0")}))
}

func TestFactsThatPoliciesMayNeed(t *testing.T) {
	alive := where("ingress all any", func(r *Requirement) { r.Alive = true })
	elastic := where("ingress all any", func(r *Requirement) { r.Elastic = true })
	for name, tc := range map[string]struct {
		docs []Document
		want []Need
		use  bool
	}{
		"flows":       {[]Document{document("p", ssh)}, nil, false},
		"rules alone": {[]Document{document("p", requires(where("ingress all any", func(r *Requirement) { r.Description = true })))}, nil, false},
		"references":  {[]Document{document("p", requires(alive)), document("q", requires(alive))}, []Need{NeedDead}, false},
		"addresses":   {[]Document{document("p", requires(elastic))}, []Need{NeedElastic}, false},
		"use":         {[]Document{document("p", ssh), document("q", requires(Requirement{Attached: yesOrNo(true)}), remedy(DoAlert))}, []Need{NeedInterfaces}, true},
		"twins":       {[]Document{document("p", requires(Requirement{Distinct: NotIdentical}), remedy(DoAlert))}, []Need{NeedGroups}, false},
		"their count": {[]Document{document("p", requires(Requirement{MaxGroups: 3}), remedy(DoAlert))}, []Need{NeedGroups}, false},
		"none":        {[]Document{document("p", requires(Requirement{MaxRules: 3}), remedy(DoAlert))}, nil, false},
	} {
		s := enforcing(t, tc.docs...)
		require.Equal(t, tc.want, s.Facts(), name)
		require.Equal(t, tc.use, s.JudgesUse(), name)
	}
}
