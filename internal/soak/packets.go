package soak

import (
	"math/bits"
	"net/netip"

	"github.com/sgwarden/sgwarden/internal/secgroup"
	"github.com/sgwarden/sgwarden/internal/secgroup/oracle"
)

// The witnesses: packets such that every difference between two rules that an
// episode can make shows in one of them. There is one port for each interval
// between the borders of portRanges and forbidden ports, and one address for
// each interval between the borders of the blocks.
var (
	tcpPorts = []uint16{0, 1, 20, 22, 23, 26, 80, 81, 443, 444, 3000, 3389, 3390, 4001}
	udpPorts = []uint16{22, 53, 80, 443, 3389, 4001}

	witnessAddresses = addresses("8.8.8.1", "8.8.9.1", "8.8.200.1", "8.1.1.1", "9.9.1.1", "9.9.200.1", "63.1.1.1", "200.1.1.1",
		"10.1.1.1", "10.9.1.1", "10.200.1.1", "172.31.1.1", "192.168.1.1", "100.64.1.1", "127.0.0.1", "224.0.0.1",
		"2606:4700::1", "2606:4700:1::1", "2a00::1", "fd00::1", "fe80::1", "64:ff9b::1")
)

func addresses(texts ...string) (all []netip.Addr) {
	for _, t := range texts {
		all = append(all, netip.MustParseAddr(t))
	}
	return all
}

// packetWords bounds the number of witnesses, in words of 64.
const packetWords = 21

// packets is a set of witnesses, by their place in the universe.
type packets [packetWords]uint64

func (p *packets) add(n int)     { p[n/64] |= 1 << (n % 64) }
func (p packets) has(n int) bool { return p[n/64]>>(n%64)&1 == 1 }

func (p packets) and(o packets) packets {
	for i := range p {
		p[i] &= o[i]
	}
	return p
}

func (p packets) or(o packets) packets {
	for i := range p {
		p[i] |= o[i]
	}
	return p
}

func (p packets) without(o packets) packets {
	for i := range p {
		p[i] &^= o[i]
	}
	return p
}

func (p packets) empty() bool { return p == packets{} }

func (p packets) meets(o packets) bool {
	for i := range p {
		if p[i]&o[i] != 0 {
			return true
		}
	}
	return false
}

// each calls f for every witness in the set.
func (p packets) each(f func(n int)) {
	for i, word := range p {
		for ; word != 0; word &= word - 1 {
			f(i*64 + bits.TrailingZeros64(word))
		}
	}
}

// flow is what a packet is but for its ends: direction, protocol and port.
type flow struct {
	direction  secgroup.Direction
	protocol   uint8
	port       uint16
	kind, code uint8
}

func flowOf(p oracle.Packet) flow { return flow{p.Direction, p.Protocol, p.Port, p.Type, p.Code} }

// universe is all witnesses of an episode. References are to groups that every
// episode has, so all episodes of a worker share one.
type universe struct {
	packets []oracle.Packet
	known   map[string]packets // by the text of a rule and, for a list, its entries
	forbids map[scopeKey]packets
	checked map[string]bool // rules that were held against P6
}

// scopeKey is a law of a docket and a group, as far as a law may ask of it.
type scopeKey struct{ docket, law, group, name, vpc string }

func newUniverse(groups []string) *universe {
	u := &universe{known: map[string]packets{}, checked: map[string]bool{}, forbids: map[scopeKey]packets{}}
	var flows []flow
	for _, d := range []secgroup.Direction{secgroup.Ingress, secgroup.Egress} {
		for _, port := range tcpPorts {
			flows = append(flows, flow{direction: d, protocol: 6, port: port})
		}
		for _, port := range udpPorts {
			flows = append(flows, flow{direction: d, protocol: 17, port: port})
		}
		flows = append(flows, flow{direction: d, protocol: 1, kind: 8}, flow{direction: d, protocol: 1, kind: 5}, flow{direction: d, protocol: 1, kind: 5, code: 1},
			flow{direction: d, protocol: 58, kind: 128}, flow{direction: d, protocol: 47}, flow{direction: d, protocol: 50})
	}
	for _, f := range flows {
		p := oracle.Packet{Direction: f.direction, Protocol: f.protocol, Port: f.port, Type: f.kind, Code: f.code}
		for _, a := range witnessAddresses {
			p.Remote = a
			u.packets = append(u.packets, p)
		}
		p.Remote = netip.Addr{}
		for _, g := range groups {
			p.Group = g
			u.packets = append(u.packets, p)
		}
	}
	if len(u.packets) > packetWords*64 {
		panic("soak: more witnesses than packetWords has room for")
	}
	return u
}

// of gives the witnesses that a rule admits. Lists must carry their entries.
func (u *universe) of(r secgroup.Rule) packets {
	key := r.String()
	if l, ok := r.Peer.(secgroup.PrefixList); ok {
		for _, e := range l.Entries {
			key += " " + e.String()
		}
	}
	set, ok := u.known[key]
	if !ok {
		for n, p := range u.packets {
			if oracle.Admits(r, p) {
				set.add(n)
			}
		}
		u.known[key] = set
	}
	return set
}

// ofAll gives the witnesses that a group admits.
func (u *universe) ofAll(rules []secgroup.Rule) (set packets) {
	for _, r := range rules {
		set = set.or(u.of(r))
	}
	return set
}

// where gives the witnesses for which f holds.
func (u *universe) where(f func(oracle.Packet) bool) (set packets) {
	for n, p := range u.packets {
		if f(p) {
			set.add(n)
		}
	}
	return set
}
