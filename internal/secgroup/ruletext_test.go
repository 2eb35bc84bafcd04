package secgroup_test

import (
	"errors"
	"net/netip"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/sgwarden/sgwarden/internal/secgroup"
)

func TestParseRule(t *testing.T) {
	cidr := func(text string) secgroup.Peer { return secgroup.CIDR{Prefix: netip.MustParsePrefix(text)} }
	sg := secgroup.GroupReference{GroupID: "sg-0a1b2c3d"}
	for _, tc := range []struct {
		text, canonical string // canonical "" = the same
		protocol        secgroup.Protocol
		from, to        int32
		peer            secgroup.Peer
	}{
		{"ingress tcp/20-25 from 0.0.0.0/0", "", 6, 20, 25, cidr("0.0.0.0/0")},
		{"ingress tcp/22 from 8.8.8.0/29", "", 6, 22, 22, cidr("8.8.8.0/29")},
		{"ingress tcp/0-65535 from ::/0", "", 6, 0, 65535, cidr("::/0")},
		{"ingress udp/53 from pl-0a1b2c3d", "", 17, 53, 53, secgroup.PrefixList{ID: "pl-0a1b2c3d"}},
		{"ingress all from sg-0a1b2c3d", "", -1, -1, -1, sg},
		{"ingress icmp from 10.0.0.0/8", "", 1, -1, -1, cidr("10.0.0.0/8")},
		{"ingress icmp/8 from sg-0a1b2c3d", "", 1, 8, -1, sg},
		{"ingress icmp/3/4 from sg-0a1b2c3d", "", 1, 3, 4, sg},
		{"ingress icmp/0/0 from sg-0a1b2c3d", "", 1, 0, 0, sg},
		{"ingress icmpv6 from 2606:4700::/32", "", 58, -1, -1, cidr("2606:4700::/32")},
		{"ingress icmpv6/128/0 from ::/0", "", 58, 128, 0, cidr("::/0")},
		{"ingress 47 from 123456789012/sg-0a1b2c3d", "", 47, -1, -1,
			secgroup.GroupReference{AccountID: "123456789012", GroupID: "sg-0a1b2c3d"}},
		{"ingress 0 from 0.0.0.0/0", "", 0, -1, -1, cidr("0.0.0.0/0")},
		{"ingress 255 from 0.0.0.0/0", "", 255, -1, -1, cidr("0.0.0.0/0")},
		{"ingress 6/20-25 from 0.0.0.0/0", "ingress tcp/20-25 from 0.0.0.0/0", 6, 20, 25, cidr("0.0.0.0/0")},
		{"ingress 17/53 from 0.0.0.0/0", "ingress udp/53 from 0.0.0.0/0", 17, 53, 53, cidr("0.0.0.0/0")},
		{"ingress 1/8/0 from 0.0.0.0/0", "ingress icmp/8/0 from 0.0.0.0/0", 1, 8, 0, cidr("0.0.0.0/0")},
		{"ingress 58 from ::/0", "ingress icmpv6 from ::/0", 58, -1, -1, cidr("::/0")},
		{"ingress -1 from ::/0", "ingress all from ::/0", -1, -1, -1, cidr("::/0")},
		{"ingress tcp/22-22 from 203.0.113.9/0", "ingress tcp/22 from 0.0.0.0/0", 6, 22, 22, cidr("0.0.0.0/0")},
		{"ingress tcp/22 from 100.68.0.18/18", "ingress tcp/22 from 100.68.0.0/18", 6, 22, 22, cidr("100.68.0.0/18")},
		{"ingress tcp/22 from 0::/0", "ingress tcp/22 from ::/0", 6, 22, 22, cidr("::/0")},
		{"ingress tcp/22 from 2606:4700:0:0::1/32", "ingress tcp/22 from 2606:4700::/32", 6, 22, 22, cidr("2606:4700::/32")},
		{"ingress tcp/22 from ::ffff:0:0/96", "ingress tcp/22 from ::ffff:0.0.0.0/96", 6, 22, 22, cidr("::ffff:0:0/96")},
		{"ingress tcp/22 from ::ffff:8.8.8.8/128", "", 6, 22, 22, cidr("::ffff:8.8.8.8/128")},
		{"  ingress\ttcp/22   from 8.8.8.0/29 ", "ingress tcp/22 from 8.8.8.0/29", 6, 22, 22, cidr("8.8.8.0/29")},
		{"ingress TCP/22 from 8.8.8.0/29", "ingress tcp/22 from 8.8.8.0/29", 6, 22, 22, cidr("8.8.8.0/29")},
	} {
		t.Run(tc.text, func(t *testing.T) {
			want := secgroup.Rule{Direction: secgroup.Ingress, Protocol: tc.protocol,
				Ports: secgroup.Ports{From: tc.from, To: tc.to}, Peer: tc.peer}
			got, err := secgroup.ParseRule(tc.text)
			require.NoError(t, err)
			require.Equal(t, want, got)
			require.NoError(t, got.Validate())
			canonical := tc.canonical
			if canonical == "" {
				canonical = tc.text
			}
			require.Equal(t, canonical, got.String())
			require.Equal(t, canonical, got.Value())
			require.Equal(t, []secgroup.Rule{want}, got.Region().Rules(secgroup.Ingress, nil))
		})
	}
	got, err := secgroup.ParseRule("egress all to ::/0")
	require.NoError(t, err)
	require.Equal(t, secgroup.Rule{Direction: secgroup.Egress, Protocol: -1, Ports: secgroup.NoPorts, Peer: cidr("::/0")}, got)
	require.Equal(t, "egress all to ::/0", got.String())
}

func TestParseRuleRefuses(t *testing.T) {
	for _, tc := range []struct{ text, message string }{
		{"", `rule "": column 1: want "ingress" or "egress", got the end`},
		{"ingres tcp/22 from ::/0", `rule "ingres tcp/22 from ::/0": column 1: want "ingress" or "egress", got "ingres"`},
		{"Ingress tcp/22 from ::/0", `rule "Ingress tcp/22 from ::/0": column 1: want "ingress" or "egress", got "Ingress"`},
		{"ingress", `rule "ingress": column 8: want a protocol: tcp, udp, icmp, icmpv6, all or 0-255, got the end`},
		{"ingress tpc/22 from ::/0", `rule "ingress tpc/22 from ::/0": column 9: want a protocol: tcp, udp, icmp, icmpv6, all or 0-255, got "tpc"`},
		{"ingress 256 from ::/0", `rule "ingress 256 from ::/0": column 9: want a protocol: tcp, udp, icmp, icmpv6, all or 0-255, got "256"`},
		{"ingress 06/22 from ::/0", `rule "ingress 06/22 from ::/0": column 9: want a protocol: tcp, udp, icmp, icmpv6, all or 0-255, got "06"`},
		{"ingress tcp from ::/0", `rule "ingress tcp from ::/0": column 12: want ports after tcp: /PORT or /FIRST-LAST (all ports are tcp/0-65535), got nothing`},
		{"ingress tcp/ from ::/0", `rule "ingress tcp/ from ::/0": column 13: want a port 0-65535, got nothing`},
		{"ingress tcp/65536 from ::/0", `rule "ingress tcp/65536 from ::/0": column 13: want a port 0-65535, got "65536"`},
		{"ingress tcp/022 from ::/0", `rule "ingress tcp/022 from ::/0": column 13: want a port 0-65535, got "022"`},
		{"ingress tcp/22- from ::/0", `rule "ingress tcp/22- from ::/0": column 16: want a port 0-65535, got nothing`},
		{"ingress tcp/25-20 from ::/0", `rule "ingress tcp/25-20 from ::/0": column 16: want a last port that is not below the first, 25, got "20"`},
		{"ingress tcp/-1 from ::/0", `rule "ingress tcp/-1 from ::/0": column 13: want a port 0-65535, got nothing`},
		{"ingress icmp/256 from ::/0", `rule "ingress icmp/256 from ::/0": column 14: want an ICMP type 0-255, got "256"`},
		{"ingress icmp/8-0 from ::/0", `rule "ingress icmp/8-0 from ::/0": column 14: want an ICMP type 0-255, got "8-0"`},
		{"ingress icmp/8/ from ::/0", `rule "ingress icmp/8/ from ::/0": column 16: want an ICMP code 0-255, got nothing`},
		{"ingress 47/22 from ::/0", `rule "ingress 47/22 from ::/0": column 12: want no ports: 47 has none, got "22"`},
		{"ingress all/22 from ::/0", `rule "ingress all/22 from ::/0": column 13: want no ports: all has none, got "22"`},
		{"ingress tcp/22 to ::/0", `rule "ingress tcp/22 to ::/0": column 16: want "from" after an ingress flow, got "to"`},
		{"egress tcp/22 from ::/0", `rule "egress tcp/22 from ::/0": column 15: want "to" after an egress flow, got "from"`},
		{"ingress tcp/22", `rule "ingress tcp/22": column 15: want "from" after an ingress flow, got the end`},
		{"ingress tcp/22 from", `rule "ingress tcp/22 from": column 20: want a peer: a CIDR, sg-ID, ACCOUNT/sg-ID or pl-ID, got the end`},
		{"ingress tcp/22 from everywhere", `rule "ingress tcp/22 from everywhere": column 21: want a CIDR, sg-ID, ACCOUNT/sg-ID or pl-ID, got "everywhere"`},
		{"ingress tcp/22 from 8.8.8.8", `rule "ingress tcp/22 from 8.8.8.8": column 21: want a CIDR, for one address 8.8.8.8/32, got "8.8.8.8"`},
		{"ingress tcp/22 from fe80::1%eth0/64", `rule "ingress tcp/22 from fe80::1%eth0/64": column 21: want a CIDR, sg-ID, ACCOUNT/sg-ID or pl-ID, got "fe80::1%eth0/64"`},
		{"ingress tcp/22 from 8.8.8.8/33", `rule "ingress tcp/22 from 8.8.8.8/33": column 21: want a CIDR, sg-ID, ACCOUNT/sg-ID or pl-ID, got "8.8.8.8/33"`},
		{"ingress tcp/22 from 1234/sg-0a", `rule "ingress tcp/22 from 1234/sg-0a": column 21: want an account id of 12 digits before the group, got "1234/sg-0a"`},
		{"ingress tcp/22 from 12345678901x/sg-0a", `rule "ingress tcp/22 from 12345678901x/sg-0a": column 21: want an account id of 12 digits before the group, got "12345678901x/sg-0a"`},
		{"ingress tcp/22 from sg-0a/0", `rule "ingress tcp/22 from sg-0a/0": column 21: want a CIDR, sg-ID, ACCOUNT/sg-ID or pl-ID, got "sg-0a/0"`},
		{"ingress tcp/22 from sg-", `rule "ingress tcp/22 from sg-": column 21: want a CIDR, sg-ID, ACCOUNT/sg-ID or pl-ID, got "sg-"`},
		{"ingress tcp/22 from ::/0 # ssh", `rule "ingress tcp/22 from ::/0 # ssh": column 26: want nothing after the peer, got "#"`},
	} {
		t.Run(tc.text, func(t *testing.T) {
			got, err := secgroup.ParseRule(tc.text)
			require.EqualError(t, err, tc.message)
			require.Zero(t, got)
			var place *secgroup.SyntaxError
			require.True(t, errors.As(err, &place))
			require.Equal(t, tc.text, place.Text)
		})
	}
}

// print after parse is the identity on values, parse after print on rules.
func TestRuleTextRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rule := draw(t).rule()
		parsed, err := secgroup.ParseRule(rule.String())
		require.NoError(t, err)
		require.Equal(t, rule.String(), parsed.String())
		require.Equal(t, rule.Value(), rule.Canonical().Value())
		require.True(t, rule.SameValue(parsed))
		if list, ok := rule.Peer.(secgroup.PrefixList); ok {
			rule.Peer = secgroup.PrefixList{ID: list.ID} // entries are no part of the text
		}
		require.Equal(t, rule.Canonical(), parsed)
		require.True(t, rule.Region().Equal(parsed.Region()))
	})
}

func TestSameValueIsSameText(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := draw(t)
		a, b := s.rule(), s.rule()
		require.Equal(t, a.Value() == b.Value(), a.SameValue(b))
		b = a
		b.ID, b.Description, b.Tags = "sgr-0a", "other", map[string]string{"team": "web"}
		require.True(t, a.SameValue(b))
		require.Equal(t, a.Value(), b.Value())
		b.Direction = secgroup.Egress
		require.False(t, a.SameValue(b))
	})
}
