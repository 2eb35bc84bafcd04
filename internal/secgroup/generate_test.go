package secgroup_test

import (
	"net/netip"

	"github.com/sgwarden/sgwarden/internal/secgroup"
	"github.com/sgwarden/sgwarden/internal/secgroup/oracle"
)

// source draws a number 0 to n-1: from a random generator, rapid, or the
// bytes of a fuzzer. Everything below is made from it.
type source func(n int) int

func pick[T any](s source, list ...T) T { return list[s(len(list))] }

// Interesting protocols: those with names, their neighbours, the ends.
var someProtocols = []secgroup.Protocol{6, 6, 17, 1, 58, -1, 0, 2, 5, 7, 16, 18, 47, 50, 57, 59, 254, 255}

// port is often an end or a neighbour of a port that others draw too.
func (s source) port() int32 {
	if s(3) == 0 {
		return int32(s(65536))
	}
	return pick[int32](s, 0, 1, 20, 21, 22, 23, 25, 443, 3389, 32767, 32768, 65534, 65535)
}

// code is an ICMP type or code, all with -1.
func (s source) code() int32 { return pick[int32](s, -1, 0, 3, 4, 8, 128, 254, 255, int32(s(256))) }

// address is near others: few bits of it are random.
func (s source) address() netip.Addr {
	fill := pick[byte](s, 0, 0, 255, byte(s(256)))
	if s(2) == 0 {
		b := [4]byte{pick[byte](s, 8, 10, 0, 127, 128, 255), fill, fill, fill}
		b[s(4)] ^= 1 << s(8)
		return netip.AddrFrom4(b)
	}
	b := [16]byte{pick[byte](s, 0x26, 0x20, 0, 0xfe, 0xff), 0x06, 0x47}
	for i := 3; i < 16; i++ {
		b[i] = fill
	}
	if s(8) == 0 {
		b = [16]byte{10: 255, 11: 255, 12: 8, 13: fill, 14: fill, 15: fill} // IPv4-mapped
	}
	b[s(16)] ^= 1 << s(8)
	return netip.AddrFrom16(b)
}

// prefix may have host bits.
func (s source) prefix() netip.Prefix {
	a := s.address()
	return netip.PrefixFrom(a, pick(s, 0, 1, 8, 16, 24, 29, a.BitLen()-1, a.BitLen(), s(a.BitLen()+1)))
}

func (s source) peer() secgroup.Peer {
	switch s(8) {
	case 0:
		return secgroup.GroupReference{GroupID: pick(s, "sg-0a", "sg-0b"), AccountID: pick(s, "", "123456789012")}
	case 1:
		list := secgroup.PrefixList{ID: pick(s, "pl-0a", "pl-0b"), Readable: s(2) == 0}
		for range s(4) {
			list.Entries = append(list.Entries, s.prefix())
		}
		return list
	}
	return secgroup.CIDR{Prefix: s.prefix()}
}

// rule is valid, in any form that EC2 has a meaning for.
func (s source) rule() secgroup.Rule {
	r := secgroup.Rule{Direction: secgroup.Ingress, Protocol: pick(s, someProtocols...), Peer: s.peer()}
	switch {
	case r.Protocol.HasPorts():
		r.Ports = secgroup.Ports{From: s.port(), To: s.port()}
		if r.Ports.From > r.Ports.To {
			r.Ports.From, r.Ports.To = r.Ports.To, r.Ports.From
		}
		if s(16) == 0 {
			r.Ports = secgroup.NoPorts
		}
	default:
		r.Ports = secgroup.Ports{From: s.code(), To: s.code()}
	}
	return r
}

func (s source) rules(most int) []secgroup.Rule {
	var out []secgroup.Rule
	for range s(most + 1) {
		out = append(out, s.rule())
	}
	return out
}

// packet is often at an end of one of the rules, or just outside.
func (s source) packet(rules []secgroup.Rule) oracle.Packet {
	p := oracle.Packet{Direction: secgroup.Ingress, Protocol: uint8(pick(s, someProtocols...)), Port: uint16(s.port()),
		Type: uint8(s.code()), Code: uint8(s.code()), Remote: s.address()}
	if len(rules) == 0 || s(8) == 0 {
		return p
	}
	near := rules[s(len(rules))]
	if near.Protocol >= 0 && s(8) > 0 {
		p.Protocol = uint8(near.Protocol)
	}
	if s(4) > 0 {
		p.Port = uint16(pick(s, near.Ports.From, near.Ports.To) + int32(s(3)) - 1)
		p.Type, p.Code = uint8(near.Ports.From), uint8(near.Ports.To)
	}
	if s(8) == 0 {
		near = rules[s(len(rules))] // the peer of another rule
	}
	switch peer := near.Peer.(type) {
	case secgroup.CIDR:
		p.Remote = s.near(peer.Prefix)
	case secgroup.GroupReference:
		p.Remote, p.Group, p.Account = netip.Addr{}, peer.GroupID, peer.AccountID
	case secgroup.PrefixList:
		if len(peer.Entries) > 0 {
			p.Remote = s.near(pick(s, peer.Entries...))
		}
		if !peer.Readable {
			p.Remote, p.List = netip.Addr{}, peer.ID
		}
	}
	return p
}

// near is the first or last address of a block, one beside them, or one within.
func (s source) near(block netip.Prefix) netip.Addr {
	first := block.Masked().Addr()
	last := first.AsSlice()
	for i := block.Bits(); i < len(last)*8; i++ {
		last[i/8] |= 1 << (7 - i%8)
	}
	end, _ := netip.AddrFromSlice(last)
	for _, a := range []netip.Addr{pick(s, first, end, first.Prev(), end.Next(), block.Addr())} {
		if a.IsValid() && a.BitLen() == first.BitLen() {
			return a
		}
	}
	return first
}

// regionOf is the union of rules by the algebra.
func regionOf(rules []secgroup.Rule) secgroup.Region {
	var r secgroup.Region
	for _, rule := range rules {
		r = r.Union(rule.Region())
	}
	return r
}
