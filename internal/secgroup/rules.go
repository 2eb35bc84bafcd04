package secgroup

import (
	"cmp"
	"net/netip"
	"slices"
)

// Rules is the fewest rules whose flows are exactly r, in one direction,
// without id, description and tags: sorted by protocol (all first), ports, and
// peer (IPv4, IPv6, atoms). No smaller set of rules has these flows, whatever
// r is; rules may overlap. Prefix lists do not come back: their entries are
// addresses of r. peerOf gives the peer of an atom; nil = AtomPeer.
//
// The number has no other bound. What one rule for ports leaves beside one
// block of addresses and ports is at most 2 + 32 rules for IPv4 and 2 + 128
// for IPv6; but "all" minus one port is 257 (255 protocols, 2 port ranges),
// and all ICMP minus one code 510 (255 types, 255 codes): EC2 has no shorter
// way to say it. CommonProtocols gives what is worth keeping of "all".
func (r Region) Rules(d Direction, peerOf func(atom string) Peer) []Rule {
	if peerOf == nil {
		peerOf = AtomPeer
	}
	var out []Rule
	for _, v6 := range []bool{false, true} {
		width := 32
		if v6 {
			width = 128
		}
		for _, c := range coverFamily(r.parts(v6), width) {
			block := netip.PrefixFrom(c.first.addr(v6), width-c.host)
			out = append(out, ruleOf(c.line, d, CIDR{block}))
		}
	}
	for _, key := range r.Atoms() {
		for _, l := range lines(r.flowsOfAtom(key)) {
			out = append(out, ruleOf(l, d, peerOf(key)))
		}
	}
	slices.SortStableFunc(out, compareRules)
	return out
}

func (r Region) parts(v6 bool) []part {
	var out []part
	for _, c := range r.cells {
		if list := c.peers.addresses.family(v6); len(list) > 0 {
			out = append(out, part{c.flows, list})
		}
	}
	return out
}

func (r Region) flowsOfAtom(key string) []line {
	var out []line
	for _, c := range r.cells {
		if hasAtom(c.peers.atoms, key) {
			out = appendInterval(out, c.flows)
		}
	}
	return out
}

// ruleOf is the rule for a line as lines and hull give them.
func ruleOf(l line, d Direction, peer Peer) Rule {
	rule := Rule{Direction: d, Protocol: Protocol(l.first.protocol()), Ports: NoPorts, Peer: peer}
	switch whole := l.first.place() == 0 && l.last.place() == 65535; {
	case l == everyFlow:
		rule.Protocol = AllProtocols
	case rule.Protocol.HasPorts():
		rule.Ports = Ports{int32(l.first.place()), int32(l.last.place())}
	case rule.Protocol.IsICMP() && !whole:
		rule.Ports = Ports{int32(l.first.place() >> 8), -1}
		if l.first == l.last {
			rule.Ports.To = int32(l.first.place() & 255)
		}
	}
	return rule
}

func compareRules(a, b Rule) int {
	return cmp.Or(
		cmp.Compare(a.Direction, b.Direction),
		cmp.Compare(a.Protocol, b.Protocol),
		cmp.Compare(a.Ports.From, b.Ports.From),
		cmp.Compare(a.Ports.To, b.Ports.To),
		comparePeers(a.Peer, b.Peer),
	)
}

// comparePeers puts blocks first, by family, address and length.
func comparePeers(a, b Peer) int {
	ca, aIs := a.(CIDR)
	cb, bIs := b.(CIDR)
	switch {
	case aIs && bIs:
		return cmp.Or(ca.Addr().Compare(cb.Addr()), cmp.Compare(ca.Bits(), cb.Bits()))
	case aIs:
		return -1
	case bIs:
		return 1
	case a == nil || b == nil:
		return 0
	}
	return cmp.Compare(a.Key(), b.Key())
}

// MergeSpans is the fewest spans whose union is the given ones, ascending:
// the minimal port cover. Inverted spans are empty.
func MergeSpans(spans ...Span) []Span {
	var list []interval[flow]
	for _, s := range spans {
		if s.First <= s.Last {
			list = append(list, interval[flow]{flow(s.First), flow(s.Last)})
		}
	}
	slices.SortFunc(list, func(a, b interval[flow]) int { return cmp.Compare(a.first, b.first) })
	var out []Span
	for _, iv := range normalize(list) {
		out = append(out, Span{iv.first.place(), iv.last.place()})
	}
	return out
}
