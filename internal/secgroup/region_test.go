package secgroup_test

import (
	"net/netip"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/sgwarden/sgwarden/internal/secgroup"
)

func TestSlices(t *testing.T) {
	v4, v6 := secgroup.AllIPv4(), secgroup.AllIPv6()
	protocols := func(first, last uint8) secgroup.ProtocolRange {
		return secgroup.ProtocolRange{First: first, Last: last}
	}
	span := func(first, last uint16) secgroup.Span { return secgroup.Span{First: first, Last: last} }
	full := secgroup.FullSpan
	for _, tc := range []struct {
		name     string
		in, want []secgroup.Slice
	}{
		{"nothing", nil, nil},
		{"no peers", []secgroup.Slice{{Protocols: secgroup.EveryProtocol, Span: full}}, nil},
		{"inverted", []secgroup.Slice{{Protocols: protocols(6, 5), Span: full, IPv4: v4}, {Protocols: protocols(6, 6), Span: span(2, 1), IPv4: v4}}, nil},
		{"families in the wrong field", []secgroup.Slice{{Protocols: protocols(6, 6), Span: full, IPv4: v6, IPv6: v4}},
			[]secgroup.Slice{{Protocols: protocols(6, 6), Span: full, IPv4: v4, IPv6: v6}}},
		{"a span without meaning is widened", []secgroup.Slice{{Protocols: protocols(47, 47), Span: span(22, 22), IPv4: v4}},
			[]secgroup.Slice{{Protocols: protocols(47, 47), Span: full, IPv4: v4}}},
		{"a span of several protocols", []secgroup.Slice{{Protocols: protocols(5, 7), Span: span(22, 22), IPv4: v4}},
			[]secgroup.Slice{{Protocols: protocols(5, 5), Span: full, IPv4: v4}, {Protocols: protocols(6, 6), Span: span(22, 22), IPv4: v4},
				{Protocols: protocols(7, 7), Span: full, IPv4: v4}}},
		{"neighbours join", []secgroup.Slice{
			{Protocols: protocols(6, 6), Span: span(23, 65535), IPv4: v4}, {Protocols: protocols(7, 9), Span: full, IPv4: v4},
			{Protocols: protocols(6, 6), Span: span(0, 22), IPv4: v4}, {Protocols: protocols(9, 10), Span: full, IPv4: v4}},
			[]secgroup.Slice{{Protocols: protocols(6, 10), Span: full, IPv4: v4}}},
		{"peers differ", []secgroup.Slice{{Protocols: protocols(6, 6), Span: span(1, 10), IPv4: v4}, {Protocols: protocols(6, 6), Span: span(5, 20), IPv6: v6}},
			[]secgroup.Slice{{Protocols: protocols(6, 6), Span: span(1, 4), IPv4: v4}, {Protocols: protocols(6, 6), Span: span(5, 10), IPv4: v4, IPv6: v6},
				{Protocols: protocols(6, 6), Span: span(11, 20), IPv6: v6}}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			require.Equal(t, tc.want, secgroup.NewRegion(tc.in...).Slices())
		})
	}
}

func TestRestrictions(t *testing.T) {
	r := mustRegion(t, "ingress all from 0.0.0.0/0", "ingress tcp/20-25 from ::/0", "ingress icmp from sg-0a", "ingress all from pl-0a")
	web := secgroup.ProtocolRange{First: 6, Last: 17}
	require.True(t, r.On(web, secgroup.Span{First: 22, Last: 22}).Equal(
		mustRegion(t, "ingress tcp/22 from 0.0.0.0/0", "ingress udp/22 from 0.0.0.0/0", "ingress tcp/22 from ::/0",
			"ingress tcp/22 from pl-0a", "ingress udp/22 from pl-0a").
			Union(r.OnlyProtocols(7, 8, 9, 10, 11, 12, 13, 14, 15, 16))))
	require.True(t, r.OnlyAtoms(func(key string) bool { return key == "sg-0a" }).Equal(mustRegion(t, "ingress icmp from sg-0a")))
	require.True(t, r.OnlyAddresses().Equal(mustRegion(t, "ingress all from 0.0.0.0/0", "ingress tcp/20-25 from ::/0")))
	require.Equal(t, []string{"pl-0a", "sg-0a"}, r.Atoms())
	require.True(t, r.Addresses().Equal(secgroup.AllIPv4().Union(secgroup.AllIPv6())))
	require.True(t, r.WithinAddresses(secgroup.NewAddressSet(prefixes("8.8.8.0/29")...)).Equal(mustRegion(t, "ingress all from 8.8.8.0/29")))

	common, other := mustRegion(t, "ingress all from ::/0").CommonProtocols()
	require.Equal(t, []string{"ingress tcp/0-65535 from ::/0", "ingress udp/0-65535 from ::/0", "ingress icmpv6 from ::/0"},
		texts(common.Rules(secgroup.Ingress, nil)))
	require.Len(t, other.Rules(secgroup.Ingress, nil), 253)
}

func TestContains(t *testing.T) {
	r := mustRegion(t, "ingress tcp/20-25 from 8.8.8.0/29", "ingress icmp/8 from sg-0a", "ingress 47 from pl-0a")
	in, out := netip.MustParseAddr("8.8.8.7"), netip.MustParseAddr("8.8.8.8")
	require.True(t, r.Contains(6, 20, in))
	require.False(t, r.Contains(6, 26, in))
	require.False(t, r.Contains(6, 20, out))
	require.False(t, r.Contains(17, 20, in))
	require.True(t, r.ContainsAtom(1, 8<<8|255, "sg-0a"))
	require.False(t, r.ContainsAtom(1, 9<<8, "sg-0a"))
	require.False(t, r.ContainsAtom(1, 8<<8, "pl-0a"))
	require.True(t, r.ContainsAtom(47, 12345, "pl-0a"))
	require.False(t, r.ContainsAtom(255, 0, "pl-0a"))
}

// The questions of the hot path cost no memory.
func TestQuestionsDoNotAllocate(t *testing.T) {
	rule, err := secgroup.ParseRule("ingress tcp/20-25 from 8.8.8.0/29")
	require.NoError(t, err)
	block := rule.Peer.(secgroup.CIDR).Prefix
	a, b := mustRegion(t, "ingress all from 0.0.0.0/0", "ingress all from sg-0a"), rule.Region()
	set := a.Addresses()
	require.Zero(t, testing.AllocsPerRun(100, func() {
		if !a.Covers(b) || !a.Overlaps(b) || b.Covers(a) || !a.Contains(6, 22, block.Addr()) || !a.ContainsAtom(6, 22, "sg-0a") {
			t.Error("wrong answer")
		}
		if !set.OverlapsPrefix(block) || !set.CoversPrefix(block) || !set.Contains(block.Addr()) || !set.Covers(set) {
			t.Error("wrong answer")
		}
		if rule.Protocols().First != 6 || rule.Span().Last != 25 {
			t.Error("wrong answer")
		}
	}))
}
