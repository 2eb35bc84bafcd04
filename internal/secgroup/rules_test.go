package secgroup_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/sgwarden/sgwarden/internal/secgroup"
)

func mustRegion(t testing.TB, texts ...string) secgroup.Region {
	t.Helper()
	var r secgroup.Region
	for _, text := range texts {
		rule, err := secgroup.ParseRule(text)
		require.NoError(t, err)
		r = r.Union(rule.Region())
	}
	return r
}

func texts(rules []secgroup.Rule) []string {
	var out []string
	for _, r := range rules {
		out = append(out, r.String())
	}
	return out
}

func TestRulesOfRemainders(t *testing.T) {
	for _, tc := range []struct {
		name, rule  string
		minus, want []string
	}{
		{"nothing taken", "ingress tcp/22 from 0.0.0.0/0", nil, []string{"ingress tcp/22 from 0.0.0.0/0"}},
		{"everything taken", "ingress tcp/22 from 8.8.8.0/29", []string{"ingress all from 0.0.0.0/0"}, nil},
		{"another family taken", "ingress tcp/22 from 8.8.8.0/29", []string{"ingress all from ::/0"}, []string{"ingress tcp/22 from 8.8.8.0/29"}},
		{"a port in the middle", "ingress tcp/20-25 from 0.0.0.0/0", []string{"ingress tcp/22 from 0.0.0.0/0"},
			[]string{"ingress tcp/20-21 from 0.0.0.0/0", "ingress tcp/23-25 from 0.0.0.0/0"}},
		{"half of the addresses", "ingress tcp/22 from 0.0.0.0/0", []string{"ingress tcp/22 from 128.0.0.0/1"},
			[]string{"ingress tcp/22 from 0.0.0.0/1"}},
		{"a port of half of the addresses", "ingress tcp/20-25 from 0.0.0.0/0", []string{"ingress tcp/22 from 128.0.0.0/1"},
			[]string{"ingress tcp/20-21 from 0.0.0.0/0", "ingress tcp/22 from 0.0.0.0/1", "ingress tcp/23-25 from 0.0.0.0/0"}},
		{"the last port of IPv6", "ingress udp/0-65535 from ::/0", []string{"ingress udp/65535 from ::/0"},
			[]string{"ingress udp/0-65534 from ::/0"}},
		{"one address", "ingress tcp/22 from 8.8.8.0/30", []string{"ingress tcp/22 from 8.8.8.1/32"},
			[]string{"ingress tcp/22 from 8.8.8.0/32", "ingress tcp/22 from 8.8.8.2/31"}},
		{"a group", "ingress all from sg-0a", []string{"ingress 47 from sg-0b", "ingress all from ::/0"}, []string{"ingress all from sg-0a"}},
		{"a port of a group", "ingress tcp/20-25 from sg-0a", []string{"ingress tcp/22 from sg-0a"},
			[]string{"ingress tcp/20-21 from sg-0a", "ingress tcp/23-25 from sg-0a"}},
		{"an unread list", "ingress tcp/22 from pl-0a", []string{"ingress all from 0.0.0.0/0"}, []string{"ingress tcp/22 from pl-0a"}},
		{"all codes but one", "ingress icmp/3 from 0.0.0.0/0", []string{"ingress icmp/3/4 from 0.0.0.0/0", "ingress icmp/3/4 from ::/0"}, codesBut(4)},
	} {
		t.Run(tc.name, func(t *testing.T) {
			rule := mustRegion(t, tc.rule)
			rest := rule.Subtract(mustRegion(t, tc.minus...))
			require.Equal(t, tc.want, texts(rest.Rules(secgroup.Ingress, nil)))
		})
	}
}

func codesBut(not int32) []string {
	var out []string
	for code := range int32(256) {
		if code != not {
			out = append(out, secgroup.Rule{Direction: secgroup.Ingress, Protocol: secgroup.ICMP,
				Ports: secgroup.Ports{From: 3, To: code}, Peer: secgroup.NewCIDR(prefixes("0.0.0.0/0")[0])}.String())
		}
	}
	return out
}

// What EC2 has no short way to say becomes many rules, never fewer flows.
func TestRulesOfWideRemainders(t *testing.T) {
	all := mustRegion(t, "ingress all from 0.0.0.0/0")
	for _, tc := range []struct {
		minus string
		want  int
	}{
		{"ingress tcp/22 from 0.0.0.0/0", 255 + 2},
		{"ingress tcp/0-65535 from 0.0.0.0/0", 255},
		{"ingress tcp/22 from 8.8.8.8/32", 255 + 2 + 32}, // port 22 from the 32 blocks around
		{"ingress icmp/8/0 from 0.0.0.0/0", 255 + 255 + 255},
		{"ingress all from 8.8.8.8/32", 32},
	} {
		rest := all.Subtract(mustRegion(t, tc.minus))
		rules := rest.Rules(secgroup.Ingress, nil)
		require.True(t, regionOf(rules).Equal(rest), tc.minus)
		require.Len(t, rules, tc.want, tc.minus)
	}
}

// Rules of wide blocks come first; those of blocks within them open only what
// the wide ones do not.
func TestRulesAreTrimmed(t *testing.T) {
	for _, tc := range []struct{ in, want []string }{
		{[]string{"ingress tcp/20-25 from 10.0.0.0/8", "ingress tcp/20-21 from 0.0.0.0/0", "ingress tcp/23-25 from 0.0.0.0/0"},
			[]string{"ingress tcp/20-21 from 0.0.0.0/0", "ingress tcp/22 from 10.0.0.0/8", "ingress tcp/23-25 from 0.0.0.0/0"}},
		{[]string{"ingress all from 10.0.0.0/8", "ingress tcp/22 from 0.0.0.0/0"},
			[]string{"ingress all from 10.0.0.0/8", "ingress tcp/22 from 0.0.0.0/0"}},
		{[]string{"ingress icmp from 10.0.0.0/8", "ingress icmp/8 from 0.0.0.0/0", "ingress icmp/3/4 from 10.0.0.0/9"},
			[]string{"ingress icmp from 10.0.0.0/8", "ingress icmp/8 from 0.0.0.0/0"}},
		{[]string{"ingress tcp/1-10 from 10.0.0.0/8", "ingress tcp/5-15 from 10.1.0.0/16", "ingress tcp/7-20 from 10.1.1.0/24"},
			[]string{"ingress tcp/1-10 from 10.0.0.0/8", "ingress tcp/11-15 from 10.1.0.0/16", "ingress tcp/16-20 from 10.1.1.0/24"}},
	} {
		require.Equal(t, tc.want, texts(mustRegion(t, tc.in...).Rules(secgroup.Ingress, nil)))
	}
}

func TestRulesJoin(t *testing.T) {
	for _, tc := range []struct{ in, want []string }{
		{[]string{"ingress tcp/22 from 128.0.0.0/1", "ingress 6/22 from 0.0.0.0/1", "ingress tcp/23 from 0.0.0.0/0"},
			[]string{"ingress tcp/22-23 from 0.0.0.0/0"}},
		{[]string{"ingress all from ::/0", "ingress all from 0.0.0.0/0", "ingress all from sg-0b", "ingress all from sg-0a"},
			[]string{"ingress all from 0.0.0.0/0", "ingress all from ::/0", "ingress all from sg-0a", "ingress all from sg-0b"}},
		{[]string{"ingress udp/1 from ::/0", "ingress tcp/1 from ::/0", "ingress tcp/1 from 8.8.8.0/29", "ingress 0 from ::/0"},
			[]string{"ingress 0 from ::/0", "ingress tcp/1 from 8.8.8.0/29", "ingress tcp/1 from ::/0", "ingress udp/1 from ::/0"}},
	} {
		require.Equal(t, tc.want, texts(mustRegion(t, tc.in...).Rules(secgroup.Ingress, nil)))
	}
	// All 256 protocols one by one are "all".
	var r secgroup.Region
	peer := secgroup.NewCIDR(prefixes("8.8.8.0/29")[0])
	for p := range secgroup.Protocol(256) {
		r = r.Union(secgroup.Rule{Protocol: p, Ports: secgroup.NoPorts, Peer: peer}.Region())
	}
	require.Equal(t, []string{"egress all to 8.8.8.0/29"}, texts(r.Rules(secgroup.Egress, nil)))
}

func TestRulesGiveAtomsTheirPeers(t *testing.T) {
	list := secgroup.PrefixList{ID: "pl-0a", Name: "com.amazonaws.eu-west-1.s3", OwnerID: "AWS"}
	group := secgroup.GroupReference{GroupID: "sg-0a", AccountID: "123456789012", PeeringID: "pcx-0a"}
	region := secgroup.Rule{Protocol: 6, Ports: secgroup.AllPorts, Peer: list}.Region().
		Union(secgroup.Rule{Protocol: 47, Peer: group}.Region())
	peers := map[string]secgroup.Peer{list.Key(): list, group.Key(): group}
	require.Equal(t, []secgroup.Rule{
		{Direction: secgroup.Egress, Protocol: 6, Ports: secgroup.AllPorts, Peer: list},
		{Direction: secgroup.Egress, Protocol: 47, Ports: secgroup.NoPorts, Peer: group},
	}, region.Rules(secgroup.Egress, func(atom string) secgroup.Peer { return peers[atom] }))
	require.Empty(t, secgroup.Region{}.Rules(secgroup.Ingress, nil))
}

func TestMergeSpans(t *testing.T) {
	span := func(first, last uint16) secgroup.Span { return secgroup.Span{First: first, Last: last} }
	require.Empty(t, secgroup.MergeSpans())
	require.Empty(t, secgroup.MergeSpans(span(5, 4)))
	require.Equal(t, []secgroup.Span{span(1, 3), span(5, 9), span(65535, 65535)},
		secgroup.MergeSpans(span(65535, 65535), span(7, 9), span(1, 2), span(3, 3), span(5, 7), span(6, 6)))
	require.Equal(t, []secgroup.Span{secgroup.FullSpan}, secgroup.MergeSpans(span(100, 65535), span(0, 99)))
}
