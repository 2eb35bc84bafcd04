package engines

import (
	"fmt"
	"math/rand/v2"
	"net/netip"

	"github.com/sgwarden/sgwarden/internal/secgroup"
)

// Usual are rules that real groups have and no policy of a set forbids.
func Usual() []secgroup.Rule {
	var rules []secgroup.Rule
	for i, text := range []string{
		"ingress tcp/443 from 0.0.0.0/0", "ingress tcp/443 from ::/0", "ingress tcp/80 from 0.0.0.0/0", "ingress tcp/22 from 10.0.0.0/8",
		"ingress tcp/5432 from sg-0b", "egress all to 10.0.0.0/8", "ingress udp/53 from 10.0.0.0/8", "ingress tcp/22 from 8.8.8.0/29",
		"egress tcp/443 to 0.0.0.0/0", "ingress tcp/3389 from 172.16.0.0/12",
	} {
		r, err := secgroup.ParseRule(text)
		if err != nil {
			panic(err) // constants
		}
		r.ID = fmt.Sprintf("sgr-%06d", i)
		rules = append(rules, r)
	}
	return rules
}

// Random gives n rules of a seed: both directions and families, single ports,
// ranges and all, protocol -1, icmp, protocols without ports, groups. They lie
// where the policies of a set have their bounds.
func Random(seed uint64, n int) []secgroup.Rule {
	g := generator{rand.New(rand.NewPCG(seed, 0))}
	rules := make([]secgroup.Rule, n)
	for i := range rules {
		rules[i] = g.rule()
		rules[i].ID = fmt.Sprintf("sgr-%08d", i)
	}
	return rules
}

type generator struct{ *rand.Rand }

func (g generator) rule() secgroup.Rule {
	r := secgroup.Rule{Direction: secgroup.Ingress, Ports: secgroup.NoPorts}
	if g.IntN(4) == 0 {
		r.Direction = secgroup.Egress
	}
	v6 := g.IntN(4) == 0
	switch n := g.IntN(20); {
	case n < 11:
		r.Protocol, r.Ports = secgroup.TCP, g.ports()
	case n < 14:
		r.Protocol, r.Ports = secgroup.UDP, g.ports()
	case n < 16:
		r.Protocol = secgroup.AllProtocols
	case n < 19:
		r.Protocol = secgroup.ICMP
		if v6 {
			r.Protocol = secgroup.ICMPv6
		}
		r.Ports = g.icmp()
	default:
		r.Protocol = secgroup.Protocol([]int{0, 4, 47, 50, 51, 132}[g.IntN(6)])
	}
	r.Peer = secgroup.GroupReference{GroupID: fmt.Sprintf("sg-%08x", g.IntN(5))}
	if g.IntN(6) > 0 {
		r.Peer = secgroup.NewCIDR(g.block(v6))
	}
	return r
}

func (g generator) ports() secgroup.Ports {
	port := func() int32 {
		if g.IntN(3) == 0 {
			return []int32{0, 21, 22, 23, 80, 443, 3388, 3389, 3390, 65535}[g.IntN(10)]
		}
		return int32(firstPort + stride*g.IntN(200) + g.IntN(12) - 1)
	}
	switch g.IntN(8) {
	case 0:
		return secgroup.AllPorts
	case 1, 2:
		a, b := port(), port()
		return secgroup.Ports{From: min(a, b), To: max(a, b)}
	}
	p := port()
	return secgroup.Ports{From: p, To: p}
}

func (g generator) icmp() secgroup.Ports {
	switch g.IntN(4) {
	case 0:
		return secgroup.NoPorts
	case 1:
		return secgroup.Ports{From: int32(g.IntN(44)), To: int32(g.IntN(16))}
	}
	return secgroup.Ports{From: int32(g.IntN(44)), To: -1}
}

// places are where blocks begin: all, the internet, networks that are closed,
// those that policies name, and their neighbours.
var places = [2][]string{
	{"0.0.0.0", "8.8.8.0", "8.8.8.8", "8.8.4.4", "1.1.1.1", "10.0.0.0", "10.3.0.0", "10.9.255.0", "100.64.0.0", "127.0.0.0", "169.254.1.0", "172.16.0.0",
		"172.32.0.0", "192.0.0.8", "192.168.1.0", "198.18.0.0", "203.0.113.0", "224.0.0.0", "240.0.0.0", "255.255.255.255", "128.0.0.0"},
	{"::", "::1", "2000::", "2001::", "2001:1::", "2001:db8::", "2606:4700::", "64:ff9b::", "64:ff9b:1::", "100::", "2002::", "3fff::", "5f00::", "fc00::", "fe80::", "ff00::"},
}

func (g generator) block(v6 bool) netip.Prefix {
	list := places[0]
	if v6 {
		list = places[1]
	}
	at := netip.MustParseAddr(list[g.IntN(len(list))])
	bits := g.IntN(at.BitLen() + 1)
	switch g.IntN(6) {
	case 0:
		bits = 0
	case 1:
		bits = at.BitLen()
	case 2:
		at = g.address(v6)
	case 3:
		at, bits = netip.AddrFrom4([4]byte{10, byte(g.IntN(256)), 0, 0}), 8+g.IntN(25)
		if v6 {
			at, bits = netip.MustParseAddr("2606:4700::"), 16+g.IntN(113)
		}
	}
	return netip.PrefixFrom(at, bits).Masked()
}

func (g generator) address(v6 bool) netip.Addr {
	var b [16]byte
	for i := range b {
		b[i] = byte(g.IntN(256))
	}
	if v6 {
		return netip.AddrFrom16(b)
	}
	return netip.AddrFrom4([4]byte(b[:4]))
}
