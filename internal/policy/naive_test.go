package policy

import (
	"maps"
	"net/netip"
	"slices"
	"strings"

	"github.com/sgwarden/sgwarden/internal/secgroup"
	"github.com/sgwarden/sgwarden/internal/secgroup/oracle"
)

// A second, naive reading of policies: one packet at a time, from the
// document as it is written, with no region, address set, index or matcher of
// the package under test. Only packets of a small universe are looked at.

// naive is one document read for one group.
type naive struct {
	doc      Document
	group    secgroup.Group
	internal []netip.Prefix
}

// The IANA registries once more, written down as ranges of first and last
// address that are no internet.
var naiveClosed = [][2]string{
	{"0.0.0.0", "0.255.255.255"}, {"10.0.0.0", "10.255.255.255"}, {"100.64.0.0", "100.127.255.255"},
	{"127.0.0.0", "127.255.255.255"}, {"169.254.0.0", "169.254.255.255"}, {"172.16.0.0", "172.31.255.255"},
	{"192.0.0.0", "192.0.0.8"}, {"192.0.0.11", "192.0.0.255"}, {"192.0.2.0", "192.0.2.255"},
	{"192.168.0.0", "192.168.255.255"}, {"198.18.0.0", "198.19.255.255"}, {"198.51.100.0", "198.51.100.255"},
	{"203.0.113.0", "203.0.113.255"}, {"224.0.0.0", "255.255.255.255"},
	{"::", "::1"}, {"::ffff:0:0", "::ffff:ffff:ffff"}, {"64:ff9b:1::", "64:ff9b:1:ffff:ffff:ffff:ffff:ffff"},
	{"100::", "100:0:0:1:ffff:ffff:ffff:ffff"}, {"2001:1::", "2001:1::"}, {"2001:1::4", "2001:2:ffff:ffff:ffff:ffff:ffff:ffff"},
	{"2001:4::", "2001:4:111:ffff:ffff:ffff:ffff:ffff"}, {"2001:4:113::", "2001:1f:ffff:ffff:ffff:ffff:ffff:ffff"},
	{"2001:40::", "2001:1ff:ffff:ffff:ffff:ffff:ffff:ffff"}, {"2001:db8::", "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff"},
	{"3fff::", "3fff:fff:ffff:ffff:ffff:ffff:ffff:ffff"}, {"5f00::", "5f00:ffff:ffff:ffff:ffff:ffff:ffff:ffff"},
	{"fc00::", "fdff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"}, {"fe80::", "febf:ffff:ffff:ffff:ffff:ffff:ffff:ffff"},
	{"ff00::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"},
}

func (n naive) isInternet(a netip.Addr) bool {
	for _, r := range naiveClosed {
		first, last := netip.MustParseAddr(r[0]), netip.MustParseAddr(r[1])
		if a.Is4() == first.Is4() && first.Compare(a) <= 0 && a.Compare(last) <= 0 {
			return false
		}
	}
	return !inSome(a, n.internal) && !n.isOwnVPC(a)
}

func inSome(a netip.Addr, blocks []netip.Prefix) bool {
	return slices.ContainsFunc(blocks, func(p netip.Prefix) bool { return p.Contains(a) })
}

func (n naive) isOwnVPC(a netip.Addr) bool {
	return slices.ContainsFunc(n.group.VPCs, func(v secgroup.VPC) bool { return inSome(a, v.CIDRs) })
}

// forbids answers whether the document's boxes, exceptions taken off, hold
// the packet of a rule.
func (n naive) forbids(rule secgroup.Rule, p oracle.Packet, whole bool) bool {
	for _, c := range n.boxes() {
		if c.Whole == whole && n.inBox(c, rule, p) {
			return true
		}
	}
	return false
}

func (n naive) boxes() []Clause {
	if n.doc.AllowOnly == nil {
		return n.doc.Forbid
	}
	c := n.doc.AllowOnly.Within
	c.But = slices.Concat(c.But, n.doc.AllowOnly.These)
	return []Clause{c}
}

func (n naive) inBox(c Clause, rule secgroup.Rule, p oracle.Packet) bool {
	if !n.matches(c, rule, p) {
		return false
	}
	for _, b := range c.But {
		if n.inBox(b, rule, p) {
			return false
		}
	}
	return true
}

func (n naive) matches(c Clause, rule secgroup.Rule, p oracle.Packet) bool {
	if !slices.Contains(c.Directions, p.Direction) {
		return false
	}
	flow := slices.ContainsFunc(c.Flows, func(f FlowSpec) bool { return flowHolds(f, p) })
	return flow && slices.ContainsFunc(c.Peers, func(s PeerSpec) bool { return n.peerHolds(s, rule, p) })
}

func flowHolds(f FlowSpec, p oracle.Packet) bool {
	if p.Protocol < f.Protocols.First || f.Protocols.Last < p.Protocol {
		return false
	}
	alone := f.Protocols.First == f.Protocols.Last
	if alone && p.Remote.IsValid() && (p.Protocol == 1 && p.Remote.Is6() || p.Protocol == 58 && p.Remote.Is4()) {
		return false // icmp is of IPv4, icmpv6 of IPv6
	}
	second := 0
	switch p.Protocol {
	case 6, 17:
		second = int(p.Port)
	case 1, 58:
		second = int(p.Type)*256 + int(p.Code)
	default:
		return alone || f.Span == secgroup.FullSpan
	}
	if !alone && f.Span != secgroup.FullSpan && p.Protocol != 6 && p.Protocol != 17 {
		return false // ports are for what has ports
	}
	return int(f.Span.First) <= second && second <= int(f.Span.Last)
}

func (n naive) peerHolds(s PeerSpec, rule secgroup.Rule, p oracle.Packet) bool {
	a := p.Remote
	list, isList := rule.Peer.(secgroup.PrefixList)
	switch s.Kind {
	case PeerInternet:
		return a.IsValid() && n.isInternet(a)
	case PeerPrivate:
		return a.IsValid() && a.IsPrivate()
	case PeerVPC:
		return a.IsValid() && n.isOwnVPC(a)
	case PeerAddresses:
		return a.IsValid()
	case PeerReferences:
		return p.Group != ""
	case PeerAny:
		return true
	case PeerSelf:
		return p.Group == n.group.ID && p.Group != ""
	case PeerGroups:
		return p.Group != "" && n.groupHolds(s, p)
	case PeerCIDRs:
		return a.IsValid() && inSome(a, s.CIDRs)
	case PeerList:
		return isList && list.ID == s.Name
	case PeerAWSList:
		return isList && list.OwnerID == "AWS" && (s.Name == "*" || s.Name == list.Name || strings.HasSuffix(list.Name, "."+s.Name))
	}
	panic("peer without a kind")
}

func (n naive) groupHolds(s PeerSpec, p oracle.Packet) bool {
	if len(s.Groups) > 0 && !slices.Contains(s.Groups, p.Group) {
		return false
	}
	owner := p.Account
	if owner == "" {
		owner = n.group.AccountID
	}
	switch s.Account {
	case "", "any":
		return true
	case "self":
		return owner == n.group.AccountID
	}
	return owner == s.Account
}

// judged is a rule with what of it does not count.
type judged struct {
	rule    secgroup.Rule
	excused func(oracle.Packet) bool
}

// excesses gives, for rules in the order of the walk, the packets of a
// universe that are too much.
func (n naive) excesses(rules []judged, universe []oracle.Packet) []map[oracle.Packet]bool {
	out := make([]map[oracle.Packet]bool, len(rules))
	for i := range out {
		out[i] = map[oracle.Packet]bool{}
	}
	n.walkPorts(rules, universe, out)
	for _, c := range n.boxes() {
		if c.Whole {
			n.walkWhole(c, rules, universe, out)
		}
	}
	return out
}

// portOf is what is tolerated apart: direction, protocol, port and family.
type portOf struct {
	direction  secgroup.Direction
	protocol   uint8
	port       uint16
	kind, code uint8
	family     string
}

func port(p oracle.Packet) portOf {
	family := "none"
	if p.Remote.Is4() {
		family = "IPv4"
	} else if p.Remote.Is6() {
		family = "IPv6"
	}
	return portOf{p.Direction, p.Protocol, p.Port, p.Type, p.Code, family}
}

// bound is how many addresses of the family of a port are tolerated.
func (n naive) bound(family string) int {
	bits, width := -1, 0
	switch family {
	case "IPv4", "NAT64":
		bits, width = n.doc.Tolerate.IPv4, 32
	case "IPv6":
		bits, width = n.doc.Tolerate.IPv6, 128
	}
	if bits < 0 || n.doc.Tolerate == (Tolerance{}) {
		return 0
	}
	return 1 << (width - bits)
}

func (n naive) walkPorts(rules []judged, universe []oracle.Packet, out []map[oracle.Packet]bool) {
	open := map[portOf]map[netip.Addr]bool{}
	for i, r := range rules {
		if n.doc.Tolerate.PerRule {
			clear(open)
		}
		overlap := map[portOf][]oracle.Packet{}
		for _, p := range universe {
			if oracle.Admits(r.rule, p) && !r.excused(p) && n.forbids(r.rule, p, false) {
				overlap[port(p)] = append(overlap[port(p)], p)
			}
		}
		for k, packets := range overlap {
			sum := map[netip.Addr]bool{}
			for a := range open[k] {
				sum[a] = true
			}
			for _, p := range packets {
				sum[p.Remote] = true
			}
			translated := map[netip.Addr]bool{}
			for a := range sum {
				if isTranslated(a) {
					translated[a] = true
				}
			}
			open[k] = maps.Clone(open[k])
			if open[k] == nil {
				open[k] = map[netip.Addr]bool{}
			}
			for _, p := range packets {
				if k.family == "none" || len(sum) > n.bound(k.family) || isTranslated(p.Remote) && len(translated) > n.bound("IPv4") {
					out[i][p] = true
				} else {
					open[k][p.Remote] = true
				}
			}
		}
	}
}

// isTranslated: 64:ff9b:0:0:0:0:a.b.c.d stands for a.b.c.d.
func isTranslated(a netip.Addr) bool {
	b := a.As16()
	return a.Is6() && [12]byte(b[:12]) == [12]byte{0, 0x64, 0xff, 0x9b}
}

// other is the far end of a packet.
func other(p oracle.Packet) any {
	return struct {
		a       netip.Addr
		g, o, l string
	}{p.Remote, p.Group, p.Account, p.List}
}

func (n naive) walkWhole(c Clause, rules []judged, universe []oracle.Packet, out []map[oracle.Packet]bool) {
	opened := map[oracle.Packet]bool{}
	for i, r := range rules {
		if n.doc.Tolerate.PerRule {
			clear(opened)
		}
		incomplete, complete := map[any]bool{}, map[any]bool{}
		var part []oracle.Packet
		for _, p := range universe {
			if p.Direction != r.rule.Direction || !n.inBox(c, r.rule, p) {
				continue
			}
			mine := oracle.Admits(r.rule, p) && !r.excused(p)
			if mine {
				part = append(part, p)
			}
			if mine || opened[p] {
				complete[other(p)] = true
			} else {
				incomplete[other(p)] = true
			}
		}
		tooMany := n.tooManyComplete(complete, incomplete, universe)
		for _, p := range part {
			if complete[other(p)] && !incomplete[other(p)] && (tooMany[port(p).family] || isTranslated(p.Remote) && tooMany["NAT64"]) {
				out[i][p] = true
			} else {
				opened[p] = true
			}
		}
	}
}

// tooManyComplete tells for each family whether more peers than are tolerated
// have the whole box; of references and lists one is too many.
func (n naive) tooManyComplete(complete, incomplete map[any]bool, universe []oracle.Packet) map[string]bool {
	count := map[string]int{}
	seen := map[any]bool{}
	for _, p := range universe {
		if o := other(p); complete[o] && !incomplete[o] && !seen[o] {
			seen[o] = true
			count[port(p).family]++
			if isTranslated(p.Remote) {
				count["NAT64"]++
			}
		}
	}
	out := map[string]bool{}
	for family, c := range count {
		out[family] = c > n.bound(family)
	}
	return out
}
