package secgroup_test

import (
	"net/netip"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/sgwarden/sgwarden/internal/secgroup"
)

func TestParseProtocol(t *testing.T) {
	for _, tc := range []struct {
		text, name, api string
		want            secgroup.Protocol
	}{
		{"tcp", "tcp", "tcp", 6}, {"TCP", "tcp", "tcp", 6}, {"6", "tcp", "tcp", 6},
		{"udp", "udp", "udp", 17}, {"17", "udp", "udp", 17},
		{"icmp", "icmp", "icmp", 1}, {"1", "icmp", "icmp", 1},
		{"icmpv6", "icmpv6", "icmpv6", 58}, {"58", "icmpv6", "icmpv6", 58},
		{"-1", "all", "-1", -1}, {"all", "all", "-1", -1},
		{"0", "0", "0", 0}, {"47", "47", "47", 47}, {"255", "255", "255", 255},
	} {
		got, err := secgroup.ParseProtocol(tc.text)
		require.NoError(t, err, tc.text)
		require.Equal(t, tc.want, got, tc.text)
		require.Equal(t, tc.name, got.String())
		require.Equal(t, tc.api, got.API())
		require.True(t, got.IsValid())
	}
	for _, text := range []string{"", "256", "-2", "+6", "06", " 6", "6.0", "0x6", "esp", "6000000000000000000000"} {
		_, err := secgroup.ParseProtocol(text)
		require.ErrorContains(t, err, "want tcp, udp, icmp, icmpv6, all or a number 0-255", text)
	}
	require.False(t, secgroup.Protocol(-2).IsValid())
	require.False(t, secgroup.Protocol(256).IsValid())
}

func TestCanonical(t *testing.T) {
	any4 := secgroup.CIDR{Prefix: netip.MustParsePrefix("0.0.0.0/0")}
	for _, tc := range []struct {
		name     string
		protocol secgroup.Protocol
		in, want secgroup.Ports
		span     secgroup.Span
	}{
		{"tcp ports", 6, secgroup.Ports{From: 20, To: 25}, secgroup.Ports{From: 20, To: 25}, secgroup.Span{First: 20, Last: 25}},
		{"tcp without ports is all ports", 6, secgroup.NoPorts, secgroup.AllPorts, secgroup.FullSpan},
		{"all protocols have no ports", -1, secgroup.Ports{From: 20, To: 25}, secgroup.NoPorts, secgroup.FullSpan},
		{"neither has 50", 50, secgroup.Ports{From: 20, To: 25}, secgroup.NoPorts, secgroup.FullSpan},
		{"all ICMP types have no code", 1, secgroup.Ports{From: -1, To: 5}, secgroup.NoPorts, secgroup.FullSpan},
		{"an ICMP type", 1, secgroup.Ports{From: 8, To: -1}, secgroup.Ports{From: 8, To: -1}, secgroup.Span{First: 2048, Last: 2303}},
		{"an ICMP code", 58, secgroup.Ports{From: 3, To: 4}, secgroup.Ports{From: 3, To: 4}, secgroup.Span{First: 772, Last: 772}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			rule := secgroup.Rule{ID: "sgr-0a", Direction: secgroup.Ingress, Protocol: tc.protocol, Ports: tc.in,
				Peer:        secgroup.CIDR{Prefix: netip.MustParsePrefix("203.0.113.9/0")},
				Description: "kept", Tags: map[string]string{"kept": "too"}}
			want := rule
			want.Ports, want.Peer = tc.want, any4
			require.NoError(t, rule.Validate())
			require.Equal(t, want, rule.Canonical())
			require.Equal(t, want, want.Canonical())
			require.Equal(t, tc.span, rule.Span())
			require.True(t, rule.Region().Equal(want.Region()))
		})
	}
}

// What EC2 would never store is named by Validate, and taken for everything
// that it might be: never for less.
func TestRulesThatCannotBe(t *testing.T) {
	any4 := secgroup.CIDR{Prefix: netip.MustParsePrefix("0.0.0.0/0")}
	tcp := secgroup.ProtocolRange{First: 6, Last: 6}
	icmp := secgroup.ProtocolRange{First: 1, Last: 1}
	for _, tc := range []struct {
		name      string
		protocol  secgroup.Protocol
		from, to  int32
		message   string
		protocols secgroup.ProtocolRange
	}{
		{"inverted ports", 6, 25, 20, "tcp ports 25-20 are inverted", tcp},
		{"half of the ports", 6, 25, -1, "tcp ports 25--1: want 0-65535", tcp},
		{"a port too high", 6, 25, 65536, "tcp ports 25-65536: want 0-65535", tcp},
		{"a type too high", 1, 256, -1, "icmp type 256 code -1: want -1 or 0-255", icmp},
		{"a type too low", 1, -2, -1, "icmp type -2 code -1: want -1 or 0-255", icmp},
		{"a code too high", 1, 3, 256, "icmp type 3 code 256: want -1 or 0-255", icmp},
		{"a protocol too high", 256, -1, -1, "protocol 256 is none of -1 to 255", secgroup.EveryProtocol},
		{"a protocol too low", -2, -1, -1, "protocol -2 is none of -1 to 255", secgroup.EveryProtocol},
	} {
		t.Run(tc.name, func(t *testing.T) {
			rule := secgroup.Rule{Direction: secgroup.Ingress, Protocol: tc.protocol, Ports: secgroup.Ports{From: tc.from, To: tc.to}, Peer: any4}
			require.EqualError(t, rule.Validate(), tc.message)
			require.Equal(t, []secgroup.Slice{{Protocols: tc.protocols, Span: secgroup.FullSpan, IPv4: secgroup.AllIPv4()}}, rule.Region().Slices())
			require.NotPanics(t, func() { _ = rule.String() })
		})
	}
	for _, peer := range []secgroup.Peer{nil, secgroup.CIDR{}, secgroup.PrefixList{}, secgroup.GroupReference{}} {
		rule := secgroup.Rule{Protocol: 300, Peer: peer}
		require.ErrorContains(t, rule.Validate(), "no direction\nprotocol 300")
		require.NotPanics(t, func() { _, _ = rule.String(), rule.Region().Slices() })
		require.True(t, rule.SameValue(rule))
	}
	require.False(t, secgroup.Rule{}.SameValue(secgroup.Rule{Peer: any4}))
	require.True(t, secgroup.Rule{}.Region().IsEmpty())
}

func TestRegionOfPeers(t *testing.T) {
	rule := secgroup.Rule{Direction: secgroup.Ingress, Protocol: 6, Ports: secgroup.Ports{From: 22, To: 22}}
	ssh := secgroup.Slice{Protocols: secgroup.ProtocolRange{First: 6, Last: 6}, Span: secgroup.Span{First: 22, Last: 22}}
	entries := prefixes("8.8.8.0/29", "2606:4700::/32")
	v4, v6 := secgroup.NewAddressSet(entries[0]), secgroup.NewAddressSet(entries[1])
	for _, tc := range []struct {
		name string
		peer secgroup.Peer
		want []secgroup.Slice
	}{
		{"a block of IPv4", secgroup.NewCIDR(entries[0]), []secgroup.Slice{{IPv4: v4}}},
		{"a block of IPv6", secgroup.NewCIDR(entries[1]), []secgroup.Slice{{IPv6: v6}}},
		{"a group", secgroup.GroupReference{GroupID: "sg-0a", PeeringID: "pcx-0a"}, []secgroup.Slice{{Atoms: []string{"sg-0a"}}}},
		{"a group of an account", secgroup.GroupReference{GroupID: "sg-0a", AccountID: "123456789012"},
			[]secgroup.Slice{{Atoms: []string{"123456789012/sg-0a"}}}},
		{"a list", secgroup.PrefixList{ID: "pl-0a", Entries: entries, Readable: true}, []secgroup.Slice{{IPv4: v4, IPv6: v6}}},
		{"an empty list", secgroup.PrefixList{ID: "pl-0a", Readable: true}, nil},
		{"an unreadable list", secgroup.PrefixList{ID: "pl-0a", Entries: entries}, []secgroup.Slice{{Atoms: []string{"pl-0a"}}}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			for i := range tc.want {
				tc.want[i].Protocols, tc.want[i].Span = ssh.Protocols, ssh.Span
			}
			rule.Peer = tc.peer
			require.Equal(t, tc.want, rule.Region().Slices())
		})
	}
	require.Equal(t, secgroup.PrefixList{ID: "pl-0a"}, secgroup.AtomPeer("pl-0a"))
	require.Equal(t, secgroup.GroupReference{GroupID: "sg-0a", AccountID: "123456789012"}, secgroup.AtomPeer("123456789012/sg-0a"))
	require.Nil(t, secgroup.AtomPeer("8.8.8.0/29"))
	require.Nil(t, secgroup.AtomPeer("nothing"))
}
