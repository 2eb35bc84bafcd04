package secgroup

// On is the part of r on some protocols and a span, whatever the peers. On
// protocols without a second dimension any span is all of it.
func (r Region) On(protocols ProtocolRange, span Span) Region {
	return r.within(flowsOf(protocols, span))
}

// OnlyProtocols is the part of r on the given protocols.
func (r Region) OnlyProtocols(protocols ...Protocol) Region {
	var flows []interval[flow]
	for _, p := range protocols {
		flows = unionIntervals(flows, flowsOf(Rule{Protocol: p}.Protocols(), FullSpan))
	}
	return r.within(flows)
}

func (r Region) within(flows []interval[flow]) Region {
	var out Region
	for _, c := range r.cells {
		for _, iv := range intersectIntervals([]interval[flow]{c.flows}, flows) {
			out.add(iv, c.peers)
		}
	}
	return out
}

// OnlyAtoms is the flows of r with atoms that keep wants; no addresses.
func (r Region) OnlyAtoms(keep func(key string) bool) Region {
	return r.mapPeers(func(p peers) peers { return peers{atoms: filterAtoms(p.atoms, keep)} })
}

// OnlyAddresses is the flows of r with addresses; no atoms.
func (r Region) OnlyAddresses() Region {
	return r.mapPeers(func(p peers) peers { return peers{addresses: p.addresses} })
}

// WithinAddresses is the flows of r with addresses in s; no atoms.
func (r Region) WithinAddresses(s AddressSet) Region {
	return r.mapPeers(func(p peers) peers { return peers{addresses: p.addresses.Intersect(s)} })
}

func (r Region) mapPeers(f func(peers) peers) Region {
	var out Region
	for _, c := range r.cells {
		out.add(c.flows, f(c.peers))
	}
	return out
}

// CommonProtocols splits r into tcp, udp and the ICMP of each family (icmp
// over IPv4, icmpv6 over IPv6, both with atoms), and everything else. It is
// what narrowing keeps and loses of a rule for all protocols.
func (r Region) CommonProtocols() (common, other Region) {
	icmp4 := r.OnlyProtocols(ICMP).mapPeers(func(p peers) peers {
		return peers{p.addresses.OnlyIPv4(), p.atoms}
	})
	icmp6 := r.OnlyProtocols(ICMPv6).mapPeers(func(p peers) peers {
		return peers{p.addresses.OnlyIPv6(), p.atoms}
	})
	common = r.OnlyProtocols(TCP, UDP).Union(icmp4).Union(icmp6)
	return common, r.Subtract(common)
}
