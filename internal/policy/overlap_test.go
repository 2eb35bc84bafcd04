package policy

import (
	"net/netip"
	"slices"

	"github.com/sgwarden/sgwarden/internal/secgroup"
	"github.com/sgwarden/sgwarden/internal/secgroup/oracle"
)

// overlapsNaively answers whether some rule overlaps a box, exceptions not
// looked at, of a document that is meant for the group. A box is a product,
// and so is a rule: they overlap if their directions, some flows and some
// peers do.
func overlapsNaively(docs []Document, g secgroup.Group, s *Set) bool {
	facts := factsOf(g)
	for i, d := range docs {
		if s.Policies[i].applies(&facts) == no {
			continue
		}
		for _, c := range (naive{doc: d}).boxes() {
			for _, r := range g.Rules {
				if boxOverlaps(c, r, g) {
					return true
				}
			}
		}
	}
	return false
}

func boxOverlaps(c Clause, r secgroup.Rule, g secgroup.Group) bool {
	return slices.Contains(c.Directions, r.Direction) &&
		slices.ContainsFunc(c.Flows, func(f FlowSpec) bool { return flowOverlaps(f, r) }) &&
		slices.ContainsFunc(c.Peers, func(p PeerSpec) bool { return peerOverlaps(p, r, g) })
}

func flowOverlaps(f FlowSpec, r secgroup.Rule) bool {
	if c, ok := r.Peer.(secgroup.CIDR); ok && f.Protocols.First == f.Protocols.Last {
		if f.Protocols.First == 1 && !c.Addr().Is4() || f.Protocols.First == 58 && c.Addr().Is4() {
			return false
		}
	}
	if r.Protocol == secgroup.AllProtocols {
		return true
	}
	if p := uint8(r.Protocol); p < f.Protocols.First || f.Protocols.Last < p {
		return false
	}
	first, last := int(r.Ports.From), int(r.Ports.To)
	switch r.Protocol {
	case secgroup.TCP, secgroup.UDP:
	case secgroup.ICMP, secgroup.ICMPv6:
		first, last = icmpPlaces(r.Ports)
	default:
		return true
	}
	return first <= int(f.Span.Last) && int(f.Span.First) <= last
}

func icmpPlaces(p secgroup.Ports) (first, last int) {
	switch {
	case p.From == -1:
		return 0, 65535
	case p.To == -1:
		return int(p.From) * 256, int(p.From)*256 + 255
	}
	return int(p.From)*256 + int(p.To), int(p.From)*256 + int(p.To)
}

func peerOverlaps(s PeerSpec, r secgroup.Rule, g secgroup.Group) bool {
	ref, isReference := r.Peer.(secgroup.GroupReference)
	if isReference {
		return (naive{group: g}).peerHolds(s, r, oracle.Packet{Group: ref.GroupID, Account: ref.AccountID})
	}
	block := r.Peer.(secgroup.CIDR).Prefix
	switch s.Kind {
	case PeerInternet:
		return blockHasInternet(block)
	case PeerPrivate:
		return slices.ContainsFunc([]string{"10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7"}, func(p string) bool {
			return block.Overlaps(netip.MustParsePrefix(p))
		})
	case PeerVPC, PeerAddresses, PeerAny: // which addresses a VPC has, no record tells
		return true
	case PeerCIDRs:
		return slices.ContainsFunc(s.CIDRs, block.Overlaps)
	}
	return false
}

// blockHasInternet: were all of a block closed, its first address and the
// ones behind each closed range in it would be.
func blockHasInternet(block netip.Prefix) bool {
	candidates := []netip.Addr{block.Addr()}
	for _, r := range naiveClosed {
		if next := netip.MustParseAddr(r[1]).Next(); next.IsValid() && block.Contains(next) {
			candidates = append(candidates, next)
		}
	}
	return slices.ContainsFunc(candidates, naive{}.isInternet)
}
