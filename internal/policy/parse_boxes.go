package policy

import (
	"fmt"
	"slices"

	"github.com/sgwarden/sgwarden/internal/secgroup"
)

// boxSyntax is what outer and inner boxes have in common, for reading.
type boxSyntax struct {
	at        position
	direction word
	flows     *flowSyntax
	peers     []peerSyntax
}

func (b *outerBox) box() boxSyntax {
	return boxSyntax{b.position, b.Direction, &b.flowSyntax, b.Peers}
}

func (b *innerBox) box() boxSyntax {
	return boxSyntax{b.position, b.Direction, &b.flowSyntax, b.Peers}
}

func (p *folderReader) forbid(f *forbidSyntax) Clause {
	c := p.outer(f.box())
	c.Whole = f.When.text == "whole"
	for i := range f.But {
		b := f.But[i].box()
		p.isEverything(b)
		but := p.inner(b, c, f.flowSyntax)
		if certainlyApart(c, but) {
			p.warn(b.at, "", "this exception never applies: it has nothing in common with its box")
		}
		c.But = append(c.But, but)
	}
	return c
}

func (p *folderReader) allowOnly(a *allowOnlySyntax) *AllowOnly {
	out := &AllowOnly{Line: a.line}
	if a.Within == nil {
		return out
	}
	out.Within = p.outer(a.Within.box())
	for i := range a.These {
		b := a.These[i].box()
		c := p.inner(b, out.Within, a.Within.flowSyntax)
		if certainlyApart(out.Within, c) {
			p.fault(b.at, "", "this has nothing in common with within (line %d): outside of it nothing is judged", a.Within.line)
		}
		out.These = append(out.These, c)
	}
	return out
}

func (p *folderReader) outer(b boxSyntax) Clause {
	c := Clause{
		Line: b.at.line, Directions: directionsOf(b.direction),
		Flows: p.flows(b.flows), Peers: p.peers(b.peers),
	}
	empty := func(s PeerSpec) bool { return s.Kind == PeerCIDRs && len(s.CIDRs) == 0 }
	if !p.sets.shipped && len(c.Peers) > 0 && !slices.ContainsFunc(c.Peers, func(s PeerSpec) bool { return !empty(s) }) {
		p.warn(b.at, "", "this box never matches: its sets are empty")
	}
	return c
}

// inner reads a box that inherits what it omits. Its flows are one thing: a
// box that names ports, protocols or ICMP types inherits no ICMP types, as
// {ports: [22]} within a box of ports and ICMP means port 22 alone.
func (p *folderReader) inner(b boxSyntax, parent Clause, parentFlows flowSyntax) Clause {
	c := Clause{Line: b.at.line, Directions: parent.Directions, Flows: parent.Flows, Peers: parent.Peers}
	if b.direction.given() {
		c.Directions = directionsOf(b.direction)
	}
	if !b.flows.isEmpty() {
		c.Flows = p.flows(b.flows.inherit(parentFlows))
	}
	if len(b.peers) > 0 {
		c.Peers = p.peers(b.peers)
	}
	return c
}

func directionsOf(w word) []secgroup.Direction {
	switch w.text {
	case "ingress":
		return []secgroup.Direction{secgroup.Ingress}
	case "egress":
		return []secgroup.Direction{secgroup.Egress}
	case "both":
		return []secgroup.Direction{secgroup.Ingress, secgroup.Egress}
	}
	return nil
}

func (f *flowSyntax) isEmpty() bool {
	return len(f.Protocols)+len(f.Ports)+len(f.ICMP)+len(f.ICMP6) == 0
}

// inherit completes ports by the protocols of the box around, and protocols
// that have ports by its ports.
func (f *flowSyntax) inherit(parent flowSyntax) *flowSyntax {
	out := *f
	switch {
	case len(f.Ports) > 0 && len(f.Protocols) == 0:
		for _, proto := range parent.Protocols {
			if proto.protocol.HasPorts() {
				out.Protocols = append(out.Protocols, proto)
			}
		}
	case len(f.Protocols) > 0 && len(f.Ports) == 0:
		havePorts := func(p protocolName) bool { return !p.ok || p.protocol.HasPorts() }
		if !slices.ContainsFunc(f.Protocols, func(p protocolName) bool { return !havePorts(p) }) {
			out.Ports = parent.Ports
		}
	}
	return &out
}

// flows gives protocols x ports, and the ICMP types, of a box.
func (p *folderReader) flows(f *flowSyntax) []FlowSpec {
	if f.isEmpty() {
		return []FlowSpec{{secgroup.EveryProtocol, secgroup.FullSpan}}
	}
	var out []FlowSpec
	for _, proto := range f.Protocols {
		out = append(out, p.protocolFlows(proto, f.Ports)...)
	}
	if len(f.Protocols) == 0 {
		for _, ports := range f.Ports {
			if ports.ok {
				out = append(out, FlowSpec{one(secgroup.TCP), ports.span}, FlowSpec{one(secgroup.UDP), ports.span})
			}
		}
	}
	for _, t := range f.ICMP {
		if t.ok {
			out = append(out, FlowSpec{one(secgroup.ICMP), t.span})
		}
	}
	for _, t := range f.ICMP6 {
		if t.ok {
			out = append(out, FlowSpec{one(secgroup.ICMPv6), t.span})
		}
	}
	return out
}

func (p *folderReader) protocolFlows(proto protocolName, ports []portRange) []FlowSpec {
	if !proto.ok {
		return nil
	}
	protocols := secgroup.EveryProtocol
	if proto.protocol != secgroup.AllProtocols {
		protocols = one(proto.protocol)
	}
	if len(ports) == 0 {
		return []FlowSpec{{protocols, secgroup.FullSpan}}
	}
	if !proto.protocol.HasPorts() {
		hint := "only tcp and udp have ports: name those, or leave ports out"
		if proto.protocol.IsICMP() {
			hint = fmt.Sprintf(`only tcp and udp have ports: types of %s are named under icmp or icmp6`, proto.protocol)
		}
		p.fault(proto.position, hint, "ports are given, but protocol %s has none", proto.protocol)
		return nil
	}
	var out []FlowSpec
	for _, r := range ports {
		if r.ok {
			out = append(out, FlowSpec{protocols, r.span})
		}
	}
	return out
}

func one(p secgroup.Protocol) secgroup.ProtocolRange {
	return secgroup.ProtocolRange{First: uint8(p), Last: uint8(p)}
}

// certainlyApart reports whether two boxes share no rule, whatever the group:
// false where that depends on the group or on lists.
func certainlyApart(a, b Clause) bool {
	return apart(a.Directions, b.Directions, func(x, y secgroup.Direction) bool { return x == y }) ||
		apart(a.Flows, b.Flows, func(x, y FlowSpec) bool {
			return x.Protocols.First <= y.Protocols.Last && y.Protocols.First <= x.Protocols.Last &&
				x.Span.First <= y.Span.Last && y.Span.First <= x.Span.Last
		}) ||
		apart(a.Peers, b.Peers, mayShare)
}

// apart reports whether no element of two lists meets. Empty lists stand for
// faults that are reported already.
func apart[E any](a, b []E, meet func(x, y E) bool) bool {
	for _, x := range a {
		for _, y := range b {
			if meet(x, y) {
				return false
			}
		}
	}
	return len(a) > 0 && len(b) > 0
}
