package plan

import (
	"math/big"
	"strings"

	"github.com/sgwarden/sgwarden/internal/secgroup"
)

// peerKind is what a ModifySecurityGroupRules cannot change: "you can't change
// the rule type" (EC2 User Guide, security group rules).
type peerKind uint8

const (
	noPeer peerKind = iota
	ipv4Peer
	ipv6Peer
	listPeer
	groupPeer
)

func kind(p secgroup.Peer) peerKind {
	switch p := p.(type) {
	case secgroup.CIDR:
		if p.Addr().Is4() {
			return ipv4Peer
		}
		return ipv6Peer
	case secgroup.PrefixList:
		return listPeer
	case secgroup.GroupReference:
		return groupPeer
	}
	return noPeer
}

// sharesQuota reports whether rules of the two peers count towards one quota:
// IPv4 and IPv6 rules are counted apart, lists and groups towards both (VPC
// User Guide, quotas).
func sharesQuota(a, b secgroup.Peer) bool {
	ka, kb := kind(a), kind(b)
	return ka == kb || ka == listPeer || ka == groupPeer || kb == listPeer || kb == groupPeer
}

// within reports whether the rule opens everything that the parts open.
func within(rule secgroup.Rule, parts []secgroup.Rule) bool {
	whole := rule.Region()
	for _, p := range parts {
		if p.Direction != rule.Direction || !whole.Covers(p.Region()) {
			return false
		}
	}
	return true
}

// largest is the index of the part that opens the most flows; of equal ones
// the first.
func largest(parts []secgroup.Rule) int {
	best, size := 0, new(big.Int)
	for i, p := range parts {
		if n := flows(p); n.Cmp(size) > 0 {
			best, size = i, n
		}
	}
	return best
}

// flows counts addresses times protocols times ports; a list or a group counts
// as one address.
func flows(r secgroup.Rule) *big.Int {
	n := big.NewInt(width(r))
	if c, ok := r.Peer.(secgroup.CIDR); ok {
		n.Lsh(n, uint(c.Addr().BitLen()-c.Bits()))
	}
	return n
}

// width is how much of protocols x 16-bit space a rule spans.
func width(r secgroup.Rule) int64 {
	switch {
	case r.Protocol == secgroup.AllProtocols:
		return 256 << 16
	case r.Protocol == secgroup.TCP || r.Protocol == secgroup.UDP:
		return int64(r.Ports.To-r.Ports.From) + 1
	case r.Protocol != secgroup.ICMP && r.Protocol != secgroup.ICMPv6, r.Ports.From < 0:
		return 1 << 16
	case r.Ports.To < 0:
		return 256
	}
	return 1
}

// ownTags are the tags that a new rule may be given: those that AWS sets are
// refused in a request.
func ownTags(tags map[string]string) map[string]string {
	var own map[string]string
	for k, v := range tags {
		if strings.HasPrefix(strings.ToLower(k), "aws:") {
			continue
		}
		if own == nil {
			own = map[string]string{}
		}
		own[k] = v
	}
	return own
}
