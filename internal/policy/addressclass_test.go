package policy

import (
	"math/rand/v2"
	"net/netip"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestInternetIsWhatTheRegistriesLeave compares with the ranges that the
// naive reading has, at every edge and at random.
func TestInternetIsWhatTheRegistriesLeave(t *testing.T) {
	var list []netip.Addr
	for _, r := range naiveClosed {
		for _, text := range r {
			a := netip.MustParseAddr(text)
			list = append(list, a)
			for _, next := range []netip.Addr{a.Prev(), a.Next()} {
				if next.IsValid() {
					list = append(list, next)
				}
			}
		}
	}
	rng := rand.New(rand.NewPCG(1, 1))
	for range 20000 {
		n := rng.Uint32()
		list = append(list, netip.AddrFrom4([4]byte{byte(n >> 24), byte(n >> 16), byte(n >> 8), byte(n)}))
		b := netip.MustParseAddr("2001::").As16()
		b[2], b[3], b[5] = byte(n)&1, byte(n>>8)&0x7f, byte(n>>16)
		list = append(list, netip.AddrFrom16(b))
	}
	open := 0
	for _, a := range list {
		want := naive{}.isInternet(a)
		if want {
			open++
		}
		require.Equal(t, want, internetAddresses().Contains(a), "%s", a)
	}
	require.Greater(t, open, len(list)/10)
}

func TestAddressClasses(t *testing.T) {
	for _, tc := range []struct {
		address           string
		internet, private bool
	}{
		{"8.8.8.8", true, false},
		{"10.0.0.1", false, true},
		{"172.31.255.255", false, true},
		{"172.32.0.0", true, false},
		{"192.168.0.1", false, true},
		{"100.64.0.1", false, false},
		{"127.0.0.1", false, false},
		{"169.254.169.254", false, false},
		{"203.0.113.9", false, false},
		{"192.88.99.1", true, false}, // 6to4 relays: reach "N/A", so not "no"
		{"192.0.0.9", true, false},
		{"224.0.0.1", false, false},
		{"255.255.255.255", false, false},
		{"64:ff9b::808:808", true, false}, // NAT64 of the internet
		{"64:ff9b:1::1", false, false},
		{"2002:808:808::1", true, false}, // 6to4
		{"2001::1", true, false},         // Teredo
		{"2001:db8::1", false, false},
		{"2606:4700::1", true, false},
		{"fd00::1", false, true},
		{"fe80::1", false, false},
		{"ff02::1", false, false},
		{"::1", false, false},
		{"::ffff:8.8.8.8", false, false},
		{"4000::1", true, false}, // not assigned yet is not "not reachable"
	} {
		a := netip.MustParseAddr(tc.address)
		require.Equal(t, tc.internet, internetAddresses().Contains(a), "internet %s", tc.address)
		require.Equal(t, tc.private, privateAddresses().Contains(a), "private %s", tc.address)
	}
}

func TestInternetLeavesOutOwnVPCAndInternal(t *testing.T) {
	settings := Settings{Mode: Enforce, Internal: []netip.Prefix{netip.MustParsePrefix("8.8.4.0/24")}}
	s := compiledWith(t, settings, document("ssh", forbid(box("ingress tcp/22 internet"))))
	g := group(t, "ingress tcp/22 from 8.8.4.0/24", "ingress tcp/22 from 8.8.8.0/24", "ingress tcp/22 from 8.8.9.0/24")
	require.Equal(t, []State{Fine, Acting, Acting}, states(s.Evaluate(swept(s, g))))
	g.VPCs = vpcs("8.8.8.0/24")
	v := s.Evaluate(swept(s, g))
	require.Equal(t, []State{Fine, Fine, Acting}, states(v))
	g = group(t, "ingress tcp/22 from 8.8.8.0/23")
	g.VPCs = vpcs("8.8.8.0/24")
	v = s.Evaluate(swept(s, g))
	require.Equal(t, []string{"ingress tcp/22 from 8.8.9.0/24"}, excessOf(v.Rules[0].Findings[0], v.Rules[0].Rule.Direction))
}
