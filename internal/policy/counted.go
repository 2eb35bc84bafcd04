package policy

import (
	"net/netip"
	"sync"

	"github.com/sgwarden/sgwarden/internal/secgroup"
)

// Counted is addresses of which a policy tolerates so many. What is of several
// of them has to keep within each bound: docs/design/0048.
type Counted uint8

// What is counted.
const (
	IPv4 Counted = iota
	IPv6
	// NAT64 is of IPv6: the internet's IPv4 addresses, one by one, which a
	// gateway translates to. They have IPv4's bound, by themselves.
	NAT64
)

// EveryCounted is all that is counted apart.
var EveryCounted = [...]Counted{IPv4, IPv6, NAT64}

// nat64Block is the prefix of RFC 6052 that NAT gateways of AWS translate.
var nat64Block = netip.MustParsePrefix("64:ff9b::/96")

var nat64Addresses = sync.OnceValue(func() secgroup.AddressSet { return secgroup.NewAddressSet(nat64Block) })

// String is the name of the family or translation.
func (c Counted) String() string { return [...]string{"IPv4", "IPv6", "NAT64"}[c] }

// Of is the addresses of a set that are counted. It allocates only where the
// set has some that are translated.
func (c Counted) Of(s secgroup.AddressSet) secgroup.AddressSet {
	switch {
	case c == IPv4:
		return s.OnlyIPv4()
	case c == IPv6:
		return s.OnlyIPv6()
	case !s.OverlapsPrefix(nat64Block):
		return secgroup.AddressSet{}
	}
	return s.Intersect(nat64Addresses())
}

// all is every address that is counted.
func (c Counted) all() secgroup.AddressSet {
	switch c {
	case IPv4:
		return secgroup.AllIPv4()
	case IPv6:
		return secgroup.AllIPv6()
	}
	return nat64Addresses()
}

// Bound is how many of them a port may be open to, in the sum of a group's
// rules, or of each rule alone (PerRule).
func (p *Policy) Bound(c Counted) secgroup.Count {
	if c == IPv6 {
		return p.bound6
	}
	return p.bound4
}

// tooMany is all addresses that are counted with those of which a set has more
// than the policy tolerates.
func (p *Policy) tooMany(s secgroup.AddressSet) secgroup.AddressSet {
	var over secgroup.AddressSet
	for _, c := range EveryCounted {
		if c.Of(s).Count().Cmp(p.Bound(c)) > 0 {
			over = over.Union(c.all())
		}
	}
	return over
}

// nat64Of is how many addresses of a block are translated.
func nat64Of(block netip.Prefix) secgroup.Count {
	if !block.Overlaps(nat64Block) {
		return secgroup.Count{}
	}
	return secgroup.CountOf(max(block.Bits(), nat64Block.Bits()), true)
}

// boundsNAT64 reports whether the bound on translated addresses is one of its
// own: what keeps within that on IPv6 may be more, and the policy is about some.
func (p *Policy) boundsNAT64() bool {
	if p.bound6.Cmp(p.bound4) <= 0 || nat64Of(nat64Block).Cmp(p.bound4) <= 0 {
		return false
	}
	for _, c := range p.clauses {
		if c.openAddresses().OverlapsPrefix(nat64Block) {
			return true
		}
	}
	return false
}
