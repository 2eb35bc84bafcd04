package policy

import (
	"fmt"
	"net/netip"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/sgwarden/sgwarden/internal/secgroup"
)

func TestNeedVPCs(t *testing.T) {
	internet := forbid(box("ingress tcp/22 internet"))
	for _, tc := range []struct {
		name string
		doc  Document
		rule string
		want bool
	}{
		{"the internet is more than any VPC", document("p", internet), "ingress tcp/22 from 0.0.0.0/0", false},
		{"so is IPv6", document("p", internet), "ingress tcp/22 from ::/0", false},
		{"50 blocks of /16 and what is tolerated are not", document("p", internet, tolerate(16, 32)), "ingress tcp/22 from 8.0.0.0/11", true},
		{"a /10 is", document("p", internet, tolerate(16, 32)), "ingress tcp/22 from 8.0.0.0/10", false},
		{"a /38 is no more than 50 blocks of /44", document("p", internet), "ingress tcp/22 from 2606:4700::/39", true},
		{"a /38 is", document("p", internet), "ingress tcp/22 from 2606:4700::/38", false},
		{"private addresses are no internet either way", document("p", internet), "ingress tcp/22 from 10.0.0.0/8", false},
		{"what is tolerated is so either way", document("p", internet, tolerate(16, 32)), "ingress tcp/22 from 8.8.8.0/24", false},
		{"references have no addresses", document("p", forbid(box("ingress tcp/22 any"))), "ingress tcp/22 from sg-0b", false},
		{"blocks do not depend on VPCs", document("p", forbid(box("ingress tcp/22 8.8.8.0/24"))), "ingress tcp/22 from 8.8.8.0/24", false},
		{"vpc decides", document("p", allowOnly(box("ingress tcp/22 addresses"), box("ingress tcp/22 vpc"))), "ingress tcp/22 from 10.1.0.0/16", true},
		{"vpc cannot save the internet", document("p", allowOnly(box("ingress tcp/22 addresses"), box("ingress tcp/22 vpc"))), "ingress tcp/22 from 0.0.0.0/0", false},
		{"but what stays of it", document("p", allowOnly(box("ingress tcp/22 addresses"), box("ingress tcp/22 vpc")), narrow(1)), "ingress tcp/22 from 0.0.0.0/0", true},
		{"the VPC is forbidden", document("p", forbid(box("ingress tcp/22 vpc"))), "ingress tcp/22 from 10.1.0.0/16", true},
		{"on other ports it is not", document("p", forbid(box("ingress tcp/22 vpc"))), "ingress tcp/23 from 10.1.0.0/16", false},
		{"only the internet is allowed", document("p", allowOnly(box("ingress tcp/22 addresses"), box("ingress tcp/22 internet"))), "ingress tcp/22 from 8.8.8.0/24", true},
		{"narrowing to what is no internet", document("p", internet, narrow(1, "10.0.0.0/8")), "ingress tcp/22 from 0.0.0.0/0", false},
		{"narrowing to what the VPC may own", document("p", internet, narrow(1, "8.8.8.0/24")), "ingress tcp/22 from 0.0.0.0/0", true},
		{"what stands is not asked for", document("q", internet), "ingress tcp/22 from 8.8.8.0/24", false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := enforcing(t, tc.doc)
			g := group(t, tc.rule)
			g.VPCs = nil
			in := swept(s, g)
			if tc.doc.ID == "q" {
				in.Facts.Acts = nil
			}
			v := s.Evaluate(in)
			require.Equal(t, tc.want, slices.Contains(v.Needs, NeedVPCs))
			in.Live.VPCs = vpcs("10.1.0.0/16")
			require.Empty(t, s.Evaluate(in).Needs)
		})
	}
}

// TestVerdictsWithoutNeedsHold: where Evaluate asks for no VPCs, no blocks
// that VPCs can have change what becomes of a rule.
func TestVerdictsWithoutNeedsHold(t *testing.T) {
	asked, told, due := 0, 0, 0
	for seed := range cases(3000) {
		w := newWorld(1<<40 + seed)
		s := enforcing(t, w.document("p"))
		in := w.input(s)
		in.Live.VPCs = nil
		before := s.Evaluate(in)
		if slices.Contains(before.Needs, NeedVPCs) {
			asked++
			continue
		}
		told++
		v := secgroup.VPC{ID: "vpc-1"}
		for range 1 + w.IntN(50) {
			v.CIDRs = append(v.CIDRs, w.vpcBlock())
		}
		in.Live.VPCs = []secgroup.VPC{v}
		after := s.Evaluate(in)
		require.Empty(t, after.Needs)
		for i, b := range before.Rules {
			a := after.Rules[i]
			context := fmt.Sprintf("seed %d, %s: %s, then %s", seed, b.Rule, b.Findings[0].Why, a.Findings[0].Why)
			if !b.Due && !a.Due {
				continue
			}
			due++
			require.Equal(t, b.Due, a.Due, context)
			require.Equal(t, b.Findings[0].State, a.Findings[0].State, context)
			require.Equal(t, b.Decision, a.Decision, context)
			require.Equal(t, ruleTexts(b.Remaining), ruleTexts(a.Remaining), context)
		}
	}
	fmt.Printf("SHOW policy, needs: %d groups asked for their VPCs, %d did not, with %d due rules\n", asked, told, due)
	require.Greater(t, asked, told/50)
	require.Greater(t, due, budget(200, 0))
}

// vpcBlock is a block that a VPC can have, of addresses that the rules meet.
func (w world) vpcBlock() netip.Prefix {
	a := netip.MustParseAddr(pick(w, "8.8.8.0", "8.9.0.0", "10.1.0.0", "1.1.1.1", "130.1.2.3", "2606:4700::", "2606:4701::", "2001:5::", "9000::1"))
	bits := 16 + w.IntN(13)
	if a.Is6() {
		bits = 44 + w.IntN(17)
	}
	p, err := a.Prefix(bits)
	if err != nil {
		panic(err)
	}
	return p
}

func TestNeedLists(t *testing.T) {
	g := group(t, "ingress tcp/22 from pl-c3", "ingress tcp/80 from pl-d4")
	s := enforcing(t, document("p", forbid(box("ingress tcp/22 internet"))))
	require.Equal(t, []Need{NeedLists}, s.Evaluate(swept(s, g)).Needs)
	s = enforcing(t, document("p", forbid(box("ingress tcp/443 internet"))))
	require.Empty(t, s.Evaluate(swept(s, g)).Needs, "no policy cares")
	s = enforcing(t, document("p", forbid(box("ingress tcp/22 any"))))
	require.Empty(t, s.Evaluate(swept(s, g)).Needs, "it violates whatever it holds")
	in := swept(s, g)
	in.Facts.Acts = nil
	s = enforcing(t, document("p", forbid(box("ingress tcp/22 internet"))))
	require.Equal(t, []Need{NeedLists}, s.Evaluate(in).Needs, "it stands whatever it holds, and what it gets later is growth")
	in.Live = group(t, "ingress tcp/22 from pl-c3")
	list := in.Live.Rules[0].Peer.(secgroup.PrefixList)
	list.Refused = "AccessDenied"
	in.Live.Rules[0].Peer = list
	v := s.Evaluate(in)
	require.Equal(t, BeforeAct, v.Rules[0].Findings[0].State)
	require.Empty(t, v.Needs, "it was asked for")
}
