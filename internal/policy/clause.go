package policy

import (
	"sync/atomic"

	"github.com/sgwarden/sgwarden/internal/secgroup"
)

// clause is one compiled box: directions x flows x peers, without its
// exceptions.
type clause struct {
	line       int
	directions directions
	flows      []flow
	peers      peerSet
	whole      bool
	but        []*clause
	demand     *demand // what rules of the box must be; nil = the box forbids them

	// plain is the region of CIDR rules, by direction, in a group without VPC
	// blocks: most judgements need no other. It is made on first use; nil = not
	// yet. A sync.Once would be done after a panic too, and the region empty:
	// the policy would forbid nothing from then on.
	plain [2]atomic.Pointer[secgroup.Region]
}

// directions is a set of directions.
type directions uint8

func (d directions) has(dir secgroup.Direction) bool { return d&(1<<dir) != 0 }

// flow is protocols x span for some families. A span that is not full stands
// on a single protocol that has a second dimension.
type flow struct {
	protocols secgroup.ProtocolRange
	span      secgroup.Span
	noIPv4    bool
	noIPv6    bool
}

func compileClauses(boxes []Clause, internal secgroup.AddressSet) []*clause {
	all, out := make([]clause, len(boxes)), make([]*clause, len(boxes))
	for i := range boxes {
		out[i] = &all[i]
		out[i].compile(&boxes[i], internal)
	}
	return out
}

func (c *clause) compile(box *Clause, internal secgroup.AddressSet) {
	c.line, c.peers, c.whole = box.Line, compilePeers(box.Peers, internal), box.Whole
	for _, d := range box.Directions {
		c.directions |= 1 << d
	}
	c.flows = make([]flow, 0, len(box.Flows)+1)
	for _, f := range box.Flows {
		c.flows = appendFlow(c.flows, f)
	}
	if len(box.But) > 0 {
		c.but = compileClauses(box.But, internal)
	}
}

// plainRegion is clause.plain of a direction.
func (c *clause) plainRegion(dir secgroup.Direction) secgroup.Region {
	known := &c.plain[dir-secgroup.Ingress]
	if r := known.Load(); r != nil {
		return *r
	}
	r := c.region(dir, anyBlock, site{}, assumed)
	known.Store(&r)
	return r
}

var (
	bothDirections = [2]secgroup.Direction{secgroup.Ingress, secgroup.Egress}
	// anyBlock stands for the peer of every CIDR rule: clauses tell kinds of
	// peers apart, not blocks.
	anyBlock secgroup.Peer = secgroup.CIDR{}
)

// appendFlow gives a part of a range of protocols to those that have ports;
// icmp is a protocol of IPv4 and icmpv6 of IPv6, where they are named alone.
func appendFlow(flows []flow, f FlowSpec) []flow {
	single := f.Protocols.First == f.Protocols.Last
	protocol := secgroup.Protocol(f.Protocols.First)
	switch {
	case single && protocol.IsICMP():
		return append(flows, flow{f.Protocols, f.Span, protocol == secgroup.ICMPv6, protocol == secgroup.ICMP})
	case single && !protocol.HasPorts() || f.Span == secgroup.FullSpan:
		return append(flows, flow{protocols: f.Protocols, span: secgroup.FullSpan})
	case single:
		return append(flows, flow{protocols: f.Protocols, span: f.Span})
	}
	for _, p := range []uint8{uint8(secgroup.TCP), uint8(secgroup.UDP)} {
		if f.Protocols.First <= p && p <= f.Protocols.Last {
			flows = append(flows, flow{protocols: secgroup.ProtocolRange{First: p, Last: p}, span: f.Span})
		}
	}
	return flows
}

// ofInternet reports whether the clause forbids the internet: what narrowing
// may leave on its ports is then named, never what happens to remain.
func (c *clause) ofInternet() bool { return !c.peers.internet.IsEmpty() }

// dependsOnVPCs reports whether the clause's region can change with the
// blocks of the group's VPCs.
func (c *clause) dependsOnVPCs() bool {
	for _, b := range c.but {
		if b.dependsOnVPCs() {
			return true
		}
	}
	return c.peers.dependsOnVPCs()
}

// shrinksOnly reports whether knowing the VPCs can only take flows off the
// assumed region: `internet` stands in no exception, `vpc` nowhere.
func (c *clause) shrinksOnly() bool {
	for _, b := range c.but {
		if b.dependsOnVPCs() {
			return false
		}
	}
	return !c.peers.vpc
}

// region is the flows of rules with a peer of this kind that the clause
// forbids, in one direction. For a reference or an unreadable list it holds
// the one atom of that peer; for a list that the clause names it holds all
// addresses, as the list is meant whatever its entries.
func (c *clause) region(dir secgroup.Direction, peer secgroup.Peer, at site, b bound) secgroup.Region {
	if !c.directions.has(dir) {
		return secgroup.Region{}
	}
	r := c.match(peer, at, b)
	for _, x := range c.but {
		if r.IsEmpty() {
			break
		}
		r = r.Subtract(x.region(dir, peer, at, b.opposite()))
	}
	return r
}

// match is region without the exceptions, in any direction.
func (c *clause) match(peer secgroup.Peer, at site, b bound) secgroup.Region {
	addresses, atom := c.peers.match(peer, at, b)
	var slices []secgroup.Slice
	for _, f := range c.flows {
		s := secgroup.Slice{Protocols: f.protocols, Span: f.span}
		if !f.noIPv4 {
			s.IPv4 = addresses.OnlyIPv4()
		}
		if !f.noIPv6 {
			s.IPv6 = addresses.OnlyIPv6()
		}
		if atom != "" {
			s.Atoms = []string{atom}
		}
		slices = append(slices, s)
	}
	return secgroup.NewRegion(slices...)
}

// forbidden is region as first judged, from memory where it can be. Of an
// unreadable list only what is certain counts.
func (c *clause) forbidden(dir secgroup.Direction, peer secgroup.Peer, at site) secgroup.Region {
	switch p := peer.(type) {
	case secgroup.CIDR:
		if at.vpcs.IsEmpty() || !c.dependsOnVPCs() {
			return c.plainRegion(dir)
		}
	case secgroup.PrefixList:
		if !p.Readable {
			return c.region(dir, peer, at, atLeast)
		}
	}
	return c.region(dir, peer, at, assumed)
}

// possible is all that the clause can forbid to peers of this kind while the
// VPCs of the group are not known, and what its box can be for one peer: an
// address either is of a VPC of the group or is not. No boxes stand for peers
// of which more is not known.
func (c *clause) possible(dir secgroup.Direction, peer secgroup.Peer, at site) (secgroup.Region, []secgroup.Region) {
	if _, isCIDR := peer.(secgroup.CIDR); !isCIDR {
		most := c.region(dir, peer, at, atMost)
		if most.Equal(c.region(dir, peer, at, atLeast)) {
			return most, []secgroup.Region{most}
		}
		return most, nil
	}
	outside := c.plainRegion(dir)
	if c.shrinksOnly() {
		return outside, []secgroup.Region{outside}
	}
	at.vpcs, at.vpcsKnown = everyAddress(), true
	inside := c.region(dir, peer, at, assumed)
	return outside.Union(inside), []secgroup.Region{outside, inside}
}
