package oracle

import (
	"net/netip"

	"github.com/sgwarden/sgwarden/internal/secgroup"
)

// Packet is one packet (or the first of a connection) between an interface
// that has the group of a rule, and somebody else. Exactly one of Remote,
// Group and List says who the other end is.
type Packet struct {
	Direction secgroup.Direction // as seen from the group
	Protocol  uint8              // IANA number
	Port      uint16             // destination port; tcp and udp only
	Type      uint8              // icmp and icmpv6 only
	Code      uint8              // icmp and icmpv6 only

	Remote  netip.Addr // an address
	Group   string     // an interface with this group (sg-...)
	Account string     // the account of Group; empty = that of the rule's group
	List    string     // an address of this prefix list (pl-...), which nobody could read
}

// Admits reports whether the rule lets the packet pass. The rule is taken as
// EC2 takes it: a number other than tcp, udp, icmp and icmpv6, and -1, mean
// all ports, regardless of any port range (API reference IpPermission); the
// ICMP type -1 is all types and codes, the code -1 all codes of the type; host
// bits of a block do not matter. Rules that EC2 would refuse are not judged:
// the answer for them means nothing.
func Admits(rule secgroup.Rule, p Packet) bool {
	return rule.Direction == p.Direction && admitsFlow(rule, p) && admitsPeer(rule.Peer, p)
}

// AdmitsAny reports whether one of the rules of a group lets the packet pass:
// rules only ever permit.
func AdmitsAny(rules []secgroup.Rule, p Packet) bool {
	for _, rule := range rules {
		if Admits(rule, p) {
			return true
		}
	}
	return false
}

func admitsFlow(rule secgroup.Rule, p Packet) bool {
	if rule.Protocol == -1 {
		return true
	}
	if int(rule.Protocol) != int(p.Protocol) {
		return false
	}
	from, to := rule.Ports.From, rule.Ports.To
	switch p.Protocol {
	case 6, 17:
		if from == -1 && to == -1 {
			return true
		}
		return from <= int32(p.Port) && int32(p.Port) <= to
	case 1, 58:
		if from == -1 {
			return true
		}
		return from == int32(p.Type) && (to == -1 || to == int32(p.Code))
	}
	return true
}

func admitsPeer(peer secgroup.Peer, p Packet) bool {
	switch peer := peer.(type) {
	case secgroup.CIDR:
		return inBlock(p.Remote, peer.Prefix)
	case secgroup.PrefixList:
		if !peer.Readable {
			return p.List != "" && p.List == peer.ID
		}
		for _, block := range peer.Entries {
			if inBlock(p.Remote, block) {
				return true
			}
		}
		return false
	case secgroup.GroupReference:
		return p.Group != "" && p.Group == peer.GroupID && p.Account == peer.AccountID
	}
	return false
}

// inBlock compares bit by bit. Families never match each other.
func inBlock(a netip.Addr, block netip.Prefix) bool {
	if !a.IsValid() || !block.IsValid() || a.Is4() != block.Addr().Is4() {
		return false
	}
	x, y := a.As16(), block.Addr().As16()
	skip := 0
	if a.Is4() {
		skip = 96 // As16 puts an IPv4 address into the last 32 bits
	}
	for i := skip; i < skip+block.Bits(); i++ {
		if bit(x, i) != bit(y, i) {
			return false
		}
	}
	return true
}

func bit(b [16]byte, i int) byte { return b[i/8] >> (7 - i%8) & 1 }
