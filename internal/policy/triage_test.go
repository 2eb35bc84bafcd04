package policy

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sgwarden/sgwarden/internal/secgroup"
)

// baselineLike is what the pack `baseline` holds in essence.
func baselineLike(t testing.TB, more ...Document) *Set {
	t.Helper()
	docs := append([]Document{
		document("admin", forbid(box("ingress ports/22,ports/3389,ports/5900-5999 internet", box("ingress ports/22 aws:*"))), tolerate(16, 32)),
		document("all", forbid(box("ingress all internet whole"), box("ingress tcp/1-65535 internet whole")), tolerate(16, 32)),
		document("default", scope(Scope{Default: yesOrNo(true)}), forbid(box("both all any"))),
	}, more...)
	return compiledWith(t, Settings{Mode: Enforce, TrustedTags: []string{"tier"}, TrustedNames: []string{"web-*"}}, docs...)
}

func created(name, vpc string) secgroup.Change {
	return secgroup.Change{EventName: "CreateSecurityGroup", Effect: secgroup.Creates, AccountID: ownAccount, Region: "eu-west-1", EventTime: now,
		Complete: true, Groups: []secgroup.GroupName{{ID: ownGroup, Name: name, VPCID: vpc}}}
}

func item(edit func(*Known)) *Known {
	k := &Known{Exists: true, Version: 1, Whole: true, Name: "web-1", VPCID: "vpc-1", Default: yesOrNo(false), Tags: map[string]string{}}
	if edit != nil {
		edit(k)
	}
	return k
}

func TestTriage(t *testing.T) {
	authorize := func(rules ...string) secgroup.Change { return authorized(dev, now, liveRules(t, rules...)...) }
	change := func(c secgroup.Change, edit func(*secgroup.Change)) secgroup.Change {
		edit(&c)
		return c
	}
	only := enforcing(t, document("ssh", forbid(box("ingress tcp/22 internet")), tolerate(16, 32)))
	egress := enforcing(t, document("egress", forbid(box("egress all internet"))))
	named := baselineLike(t, document("web", scope(Scope{Names: []string{"web-*"}}), forbid(box("ingress tcp/443 internet"))))
	tagged := baselineLike(t, document("tier", scope(Scope{Tags: map[string][]string{"tier": {"private"}}}), forbid(box("ingress tcp/443 internet"))))
	base := baselineLike(t)
	open := item(func(k *Known) { k.OpenIncidents = []string{"i-1"} })
	holding := func(rules ...string) *Known {
		return item(func(k *Known) {
			k.Rules = map[string]KnownRule{}
			for _, r := range liveRules(t, rules...) {
				k.Rules[r.ID] = KnownRule{Rule: r}
			}
		})
	}
	noted := item(func(k *Known) { k.Whole = false })
	for _, tc := range []struct {
		name          string
		s             *Set
		c             secgroup.Change
		item          *Known
		without, with Concern
	}{
		{"22 from the internet", base, authorize("ingress tcp/22 from 0.0.0.0/0"), item(nil), Concerned, Concerned},
		{"443 from the internet: only the default group's policy", base, authorize("ingress tcp/443 from 0.0.0.0/0"), item(nil), AskItem, NotConcerned},
		{"443 from the internet, without such a policy", only, authorize("ingress tcp/443 from 0.0.0.0/0"), item(nil), NotConcerned, NotConcerned},
		{"the item knows of a default group", base, authorize("ingress tcp/443 from 0.0.0.0/0"), item(func(k *Known) { k.Name, k.Default = "default", yesOrNo(true) }), AskItem, Concerned},
		{"the item does not know", base, authorize("ingress tcp/443 from 0.0.0.0/0"), &Known{Exists: true}, AskItem, Concerned},
		{"the record names the group", base, change(authorize("ingress tcp/443 from 0.0.0.0/0"), func(c *secgroup.Change) { c.Groups[0].Name = "web-1" }), item(nil), AskItem, NotConcerned},
		{"without a policy on all ports", only, change(authorize("ingress tcp/443 from 0.0.0.0/0"), func(c *secgroup.Change) { c.Groups[0].Name = "web-1" }), noted, NotConcerned, NotConcerned},
		{"the record names the default group in capitals", base, change(authorize("ingress tcp/443 from 0.0.0.0/0"), func(c *secgroup.Change) { c.Groups[0].Name = "DEFAULT" }), &Known{}, Concerned, Concerned},
		{"22 from a small block counts in the union", only, authorize("ingress tcp/22 from 8.8.8.8/32"), item(nil), AskItem, NotConcerned},
		{"which the item does not know", only, authorize("ingress tcp/22 from 8.8.8.8/32"), noted, AskItem, Concerned},
		{"or knows to be near the bound", only, authorize("ingress tcp/22 from 8.8.8.8/32"), holding("ingress tcp/20-30 from 9.9.0.0/16"), AskItem, Concerned},
		{"or far from it", only, authorize("ingress tcp/22 from 8.8.8.8/32"), holding("ingress tcp/22 from 9.9.0.0/17", "ingress tcp/23 from 0.0.0.0/0", "egress all to 0.0.0.0/0"), AskItem, NotConcerned},
		{"or not to know", only, authorize("ingress tcp/22 from 8.8.8.8/32"), holding("ingress tcp/22 from pl-c3"), AskItem, Concerned},
		{"a list on another port", only, authorize("ingress tcp/22 from 8.8.8.8/32"), holding("ingress tcp/443 from pl-c3"), AskItem, NotConcerned},
		{"per rule the others do not matter", enforcing(t, document("p", ssh, tolerate(16, 32), perRule)), authorize("ingress tcp/22 from 8.8.8.8/32"), noted, NotConcerned, NotConcerned},
		{"443 completes all ports", base, authorize("ingress tcp/443 from 0.0.0.0/0"), holding("ingress tcp/0-442 from 0.0.0.0/0", "ingress tcp/444-65535 from 0.0.0.0/0"), AskItem, Concerned},
		{"443 completes no more than is tolerated", base, authorize("ingress tcp/443 from 0.0.0.0/0"), holding("ingress tcp/0-442 from 8.8.0.0/16", "ingress tcp/444-65535 from 0.0.0.0/0"), AskItem, NotConcerned},
		{"a name of another kind of group", named, authorize("ingress tcp/444 from 0.0.0.0/0"), item(nil), AskItem, NotConcerned},
		{"22 from private addresses", only, authorize("ingress tcp/22 from 10.0.0.0/8"), item(nil), NotConcerned, NotConcerned},
		{"22 from a group", only, authorize("ingress tcp/22 from sg-0b"), item(nil), NotConcerned, NotConcerned},
		{"one of many rules", only, authorize("ingress tcp/443 from 0.0.0.0/0", "ingress all from ::/0"), item(nil), Concerned, Concerned},
		{"the other direction", only, authorize("egress tcp/22 to 0.0.0.0/0"), item(nil), NotConcerned, NotConcerned},
		{"a prefix list is never triaged", only, authorize("egress tcp/443 to pl-c3"), item(nil), Concerned, Concerned},
		{"an incomplete record neither", only, change(authorize("ingress tcp/443 from 0.0.0.0/0"), func(c *secgroup.Change) { c.Complete = false }), item(nil), Concerned, Concerned},
		{"nor one without rules", only, authorize(), item(nil), Concerned, Concerned},
		{"nor one without a value", only, change(authorize("ingress tcp/443 from 0.0.0.0/0"), func(c *secgroup.Change) { c.Rules[0].HasValue = false }), item(nil), Concerned, Concerned},
		{"nor one with an odd value", only, change(authorize("ingress tcp/443 from 0.0.0.0/0"), func(c *secgroup.Change) { c.Rules[0].Rule.Ports.To = 70000 }), item(nil), Concerned, Concerned},
		{"nor a peer that nobody knows", only, change(authorize("ingress tcp/443 from 0.0.0.0/0"), func(c *secgroup.Change) { c.Rules[0].Rule.Peer = nil }), item(nil), Concerned, Concerned},
		{"Modify neither", only, modified(dev, now, ruleOf(t, "ingress tcp/443 from 0.0.0.0/0")), item(nil), Concerned, Concerned},
		{"an open incident", only, authorize("ingress tcp/443 from 0.0.0.0/0"), open, NotConcerned, Concerned},
		{"a failed call", only, change(authorize("ingress tcp/22 from 0.0.0.0/0"), func(c *secgroup.Change) { c.ErrorCode = "Client.UnauthorizedOperation" }), open, NotConcerned, NotConcerned},
		{"a revoke", base, change(authorize("ingress tcp/22 from 0.0.0.0/0"), func(c *secgroup.Change) { c.Effect = secgroup.Narrows }), item(nil), AskItem, NotConcerned},
		{"a revoke, open incident", base, change(authorize("ingress tcp/22 from 0.0.0.0/0"), func(c *secgroup.Change) { c.Effect = secgroup.Narrows }), open, AskItem, Concerned},
		{"a description", base, change(authorize(), func(c *secgroup.Change) { c.Effect = secgroup.Describe }), item(nil), AskItem, NotConcerned},
		{"a new group, no policy on egress", only, created("web-1", "vpc-1"), item(nil), NotConcerned, NotConcerned},
		{"a new group is no default group", base, created("web-1", "vpc-1"), item(nil), NotConcerned, NotConcerned},
		{"a new group, a policy on egress", egress, created("web-1", "vpc-1"), item(nil), Concerned, Concerned},
		{"indirect", only, secgroup.Change{Effect: secgroup.Indirect, Complete: true}, item(nil), Concerned, Concerned},
		{"asked to look", only, secgroup.Change{Effect: secgroup.Asks}, item(nil), Concerned, Concerned},
		{"an effect that nobody knows", only, secgroup.Change{}, item(nil), Concerned, Concerned},
		{"tags, no policy by tag", base, secgroup.Change{Effect: secgroup.Retags}, item(nil), AskItem, NotConcerned},
		{"tags, a policy by tag", tagged, secgroup.Change{Effect: secgroup.Retags}, item(nil), Concerned, Concerned},
		{"by name: the item tells", named, authorize("ingress tcp/443 from 0.0.0.0/0"), item(func(k *Known) { k.Name = "db-1" }), AskItem, NotConcerned},
		{"by name: the item tells", named, authorize("ingress tcp/443 from 0.0.0.0/0"), item(nil), AskItem, Concerned},
		{"by tag: the item tells", tagged, authorize("ingress tcp/443 from 0.0.0.0/0"), item(nil), AskItem, NotConcerned},
		{"by tag: the item tells", tagged, authorize("ingress tcp/443 from 0.0.0.0/0"), item(func(k *Known) { k.Tags = map[string]string{"tier": "private"} }), AskItem, Concerned},
		{"by tag: the item does not know", tagged, authorize("ingress tcp/443 from 0.0.0.0/0"), item(func(k *Known) { k.Tags = nil }), AskItem, Concerned},
		{"two groups in one record", base, change(authorize("ingress tcp/443 from 0.0.0.0/0"), func(c *secgroup.Change) {
			c.Groups = append(c.Groups, secgroup.GroupName{ID: "sg-0b", Name: "default"})
		}), &Known{}, AskItem, Concerned},
	} {
		t.Run(tc.name, func(t *testing.T) {
			require.Equal(t, tc.without, tc.s.Triage(tc.c, nil), "without item")
			require.Equal(t, tc.with, tc.s.Triage(tc.c, tc.item), "with item")
		})
	}
}

func TestTriageByNotName(t *testing.T) {
	s := compiledWith(t, trusting, document("p", scopeNot(Scope{Names: []string{"web-*"}}), forbid(box("ingress tcp/443 internet"))))
	c := authorized(dev, now, ruleOf(t, "ingress tcp/443 from 0.0.0.0/0"))
	c.Groups[0].Name = "web-1"
	require.Equal(t, AskItem, s.Triage(c, nil), "a caller may write the name in any case")
	require.Equal(t, NotConcerned, s.Triage(c, item(nil)))
	require.Equal(t, Concerned, s.Triage(c, item(func(k *Known) { k.Name = "WEB-1" })))
	require.Equal(t, Concerned, s.Triage(c, &Known{}))
	c.Groups[0].Name = "db-1"
	require.Equal(t, Concerned, s.Triage(c, nil))
}

// TestTriageIsSound: if a rule that the record names is due, triage never
// said that no policy is concerned, whatever it knew of the group.
func TestTriageIsSound(t *testing.T) {
	due, asked, concerned, let := 0, 0, 0, 0
	for seed := range cases(4000) {
		w := newWorld(1<<41 + seed)
		var docs []Document
		for i := range 1 + w.IntN(3) {
			d := w.document(fmt.Sprintf("p%d", i))
			d.Scope, d.Not = w.scope(), nil
			if w.IntN(3) == 0 {
				not := w.scope()
				d.Not = &not
			}
			docs = append(docs, d)
		}
		s := compiledWith(t, trusting, docs...)
		in := w.input(s)
		in.Live.Name, in.Live.Tags = pick(w, "web-1", "WEB-2", "db-1", "default"), pick(w, nil, map[string]string{"tier": "public"}, map[string]string{"tier": "x", "free": "y"})
		in.Live.VPCID = pick(w, "vpc-1", "vpc-2")
		in.Known.Rules = nil
		cut := w.IntN(len(in.Live.Rules))
		others := in.Live.Rules[:cut]
		c := authorized(dev, now.Add(-time.Second), in.Live.Rules[cut:]...)
		c.Groups[0].Name = pick(w, "", in.Live.Name)
		c.AccountID, c.Region = pick(w, "", ownAccount), pick(w, "", "eu-west-1")
		in.Changes = []secgroup.Change{c}
		bad := false
		for _, r := range s.Evaluate(in).Rules {
			bad = bad || r.Due && r.Named
		}
		k := item(func(k *Known) {
			k.Whole, k.Rules = w.IntN(2) == 0, map[string]KnownRule{}
			for _, r := range others {
				k.Rules[r.ID] = KnownRule{Rule: r}
			}
			k.Name, k.VPCID = pick(w, "", in.Live.Name), pick(w, "", in.Live.VPCID)
			k.Default = pick(w, nil, yesOrNo(in.Live.IsDefault()))
			k.Tags = pick(w, nil, trustedTags(in.Live.Tags))
		})
		without, with := s.Triage(c, nil), s.Triage(c, k)
		require.NotEqual(t, AskItem, with)
		require.False(t, without == NotConcerned && with == Concerned, "without item triage may not know more")
		if bad {
			due++
			require.NotEqual(t, NotConcerned, without, "seed %d", seed)
			require.Equal(t, Concerned, with, "seed %d", seed)
		}
		switch without {
		case AskItem:
			asked++
		case Concerned:
			concerned++
		default:
			let++
		}
	}
	fmt.Printf("SHOW policy, triage: %d changes with due rules; without item %d were concerned, %d asked, %d were let go\n", due, concerned, asked, let)
	require.Positive(t, due)
	require.Positive(t, asked)
	require.Positive(t, let)
}

func trustedTags(tags map[string]string) map[string]string {
	out := map[string]string{}
	for _, key := range trusting.TrustedTags {
		if v, ok := tags[key]; ok {
			out[key] = v
		}
	}
	return out
}

func (w world) scope() Scope {
	var s Scope
	switch w.IntN(9) {
	case 0:
		s.Names = []string{pick(w, "web-*", "web-1", "db-*")}
	case 1:
		s.Tags = map[string][]string{pick(w, "tier", "free"): {pick(w, "public", "y")}}
	case 2:
		s.VPCs = []string{pick(w, "vpc-1", "vpc-2")}
	case 3:
		s.Default = yesOrNo(w.IntN(2) == 0)
	case 4:
		s.IDs = []string{pick(w, ownGroup, "sg-0b")}
	case 5:
		s.Accounts, s.Regions = []string{pick(w, ownAccount, "999999999999")}, []string{pick(w, "eu-west-1", "eu-west-2")}
	}
	return s
}

// TestTriageIsSharp: complete changes that overlap no box of a policy that is
// meant for the group are all let go, where the group has an item.
func TestTriageIsSharp(t *testing.T) {
	let, skipped := 0, 0
	for seed := uint64(1 << 42); let < int(cases(10_000)); seed++ {
		w := newWorld(seed)
		docs := []Document{w.document("p0"), w.document("p1")}
		for i := range docs {
			docs[i].Scope = w.scope()
		}
		s := compiledWith(t, trusting, docs...)
		g := secgroup.Group{ID: ownGroup, Name: "web-1", AccountID: ownAccount, Region: "eu-west-1", VPCID: "vpc-1", VPCs: []secgroup.VPC{}}
		for i := range 1 + w.IntN(4) {
			r := w.rule(fmt.Sprintf("sgr-%d", i))
			if _, isList := r.Peer.(secgroup.PrefixList); isList {
				r.Peer = secgroup.NewCIDR(w.block())
			}
			g.Rules = append(g.Rules, r)
		}
		if overlapsNaively(docs, g, s) {
			skipped++
			continue
		}
		c := authorized(dev, now, g.Rules...)
		require.Equal(t, NotConcerned, s.Triage(c, item(nil)), "seed %d: %v", seed, ruleTexts(g.Rules))
		let++
	}
	fmt.Printf("SHOW policy, triage: %d changes that overlap no box let go, %d others\n", let, skipped)
}
