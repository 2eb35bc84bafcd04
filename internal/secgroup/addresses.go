package secgroup

import (
	"cmp"
	"net/netip"
	"slices"
)

// AddressSet is an immutable set of IPv4 and IPv6 addresses, kept as sorted,
// disjoint, non-adjacent ranges. The families never mix: an IPv4-mapped IPv6
// address is not the IPv4 address. The zero value is empty.
type AddressSet struct{ v4, v6 []interval[address] }

var (
	allIPv4 = NewAddressSet(netip.MustParsePrefix("0.0.0.0/0"))
	allIPv6 = NewAddressSet(netip.MustParsePrefix("::/0"))
)

// AllIPv4 is 0.0.0.0/0.
func AllIPv4() AddressSet { return allIPv4 }

// AllIPv6 is ::/0.
func AllIPv6() AddressSet { return allIPv6 }

// NewAddressSet is the union of blocks of either family, in any order. Host
// bits are masked; an invalid prefix has no addresses.
func NewAddressSet(prefixes ...netip.Prefix) AddressSet {
	var v4, v6 []interval[address]
	for _, p := range prefixes {
		if !p.IsValid() {
			continue
		}
		if block, is6 := blockOf(p); is6 {
			v6 = append(v6, block)
		} else {
			v4 = append(v4, block)
		}
	}
	return AddressSet{sortIntervals(v4), sortIntervals(v6)}
}

func sortIntervals(list []interval[address]) []interval[address] {
	if len(list) < 2 {
		return list
	}
	slices.SortFunc(list, func(a, b interval[address]) int {
		return cmp.Or(cmp.Compare(a.first.hi, b.first.hi), cmp.Compare(a.first.lo, b.first.lo))
	})
	return normalize(list)
}

// Union is the addresses of s or o.
func (s AddressSet) Union(o AddressSet) AddressSet {
	switch { // no set is ever changed, so that two may share their intervals
	case o.IsEmpty():
		return s
	case s.IsEmpty():
		return o
	}
	return AddressSet{unionIntervals(s.v4, o.v4), unionIntervals(s.v6, o.v6)}
}

// Intersect is the addresses of both.
func (s AddressSet) Intersect(o AddressSet) AddressSet {
	return AddressSet{intersectIntervals(s.v4, o.v4), intersectIntervals(s.v6, o.v6)}
}

// Subtract is the addresses of s that are not in o.
func (s AddressSet) Subtract(o AddressSet) AddressSet {
	if o.IsEmpty() {
		return s
	}
	return AddressSet{subtractIntervals(s.v4, o.v4), subtractIntervals(s.v6, o.v6)}
}

// Covers reports whether every address of o is in s. No allocation.
func (s AddressSet) Covers(o AddressSet) bool {
	return coverIntervals(s.v4, o.v4) && coverIntervals(s.v6, o.v6)
}

// Overlaps reports whether some address is in both. No allocation.
func (s AddressSet) Overlaps(o AddressSet) bool {
	return overlapIntervals(s.v4, o.v4) || overlapIntervals(s.v6, o.v6)
}

// Equal reports whether both have the same addresses.
func (s AddressSet) Equal(o AddressSet) bool {
	return equalIntervals(s.v4, o.v4) && equalIntervals(s.v6, o.v6)
}

// IsEmpty reports whether s has no address.
func (s AddressSet) IsEmpty() bool { return len(s.v4) == 0 && len(s.v6) == 0 }

// OnlyIPv4 is the IPv4 addresses of s.
func (s AddressSet) OnlyIPv4() AddressSet { return AddressSet{v4: s.v4} }

// OnlyIPv6 is the IPv6 addresses of s.
func (s AddressSet) OnlyIPv6() AddressSet { return AddressSet{v6: s.v6} }

func (s AddressSet) family(v6 bool) []interval[address] {
	if v6 {
		return s.v6
	}
	return s.v4
}

// Contains reports whether a is in s; zones are ignored. Binary search, no
// allocation. The zero Addr is in no set.
func (s AddressSet) Contains(a netip.Addr) bool {
	if !a.IsValid() {
		return false
	}
	n, v6 := numberOf(a)
	list := s.family(v6)
	i := reach(list, n)
	return i < len(list) && !n.less(list[i].first)
}

// OverlapsPrefix reports whether some address of the block, host bits masked,
// is in s. Binary search, no allocation. An invalid prefix overlaps nothing.
func (s AddressSet) OverlapsPrefix(p netip.Prefix) bool {
	if !p.IsValid() {
		return false
	}
	block, v6 := blockOf(p)
	list := s.family(v6)
	i := reach(list, block.first)
	return i < len(list) && !block.last.less(list[i].first)
}

// CoversPrefix reports whether every address of the block, host bits masked,
// is in s. Binary search, no allocation. An invalid prefix is not covered.
func (s AddressSet) CoversPrefix(p netip.Prefix) bool {
	if !p.IsValid() {
		return false
	}
	block, v6 := blockOf(p)
	list := s.family(v6)
	i := reach(list, block.first)
	return i < len(list) && !block.first.less(list[i].first) && !list[i].last.less(block.last)
}

// reach is the index of the first interval that ends at or after a.
func reach(list []interval[address], a address) int {
	low, high := 0, len(list)
	for low < high {
		mid := int(uint(low+high) >> 1)
		if list[mid].last.less(a) {
			low = mid + 1
		} else {
			high = mid
		}
	}
	return low
}

// Count is the number of addresses of s, of both families together: take
// OnlyIPv4 or OnlyIPv6 first where they count apart.
func (s AddressSet) Count() Count {
	var n Count
	for _, list := range [2][]interval[address]{s.v4, s.v6} {
		for _, iv := range list {
			size := iv.last.minus(iv.first)
			n = n.Add(Count{hi: size.hi, lo: size.lo}).Add(Count{lo: 1})
		}
	}
	return n
}

// Prefixes is the fewest blocks whose union is s, IPv4 first, ascending. As
// blocks nest or are disjoint, the largest ones that fit are the fewest, and
// there is only one such cover.
func (s AddressSet) Prefixes() []netip.Prefix {
	var out []netip.Prefix
	for _, iv := range s.v4 {
		out = appendBlocks(out, iv, false)
	}
	for _, iv := range s.v6 {
		out = appendBlocks(out, iv, true)
	}
	return out
}

// appendBlocks cuts an interval into aligned blocks, the largest first that
// begins where the one before it ended.
func appendBlocks(out []netip.Prefix, iv interval[address], v6 bool) []netip.Prefix {
	width := 32
	if v6 {
		width = 128
	}
	for {
		host := min(iv.first.trailingZeros(), width)
		// The block must not reach beyond last: its size is at most the
		// greatest power of two in last-first+1.
		if rest := iv.last.minus(iv.first); rest != lowBits(width) {
			host = min(host, rest.next().bitLen()-1)
		}
		out = append(out, netip.PrefixFrom(iv.first.addr(v6), width-host))
		end := iv.first.or(host)
		if end == iv.last {
			return out
		}
		iv.first = end.next()
	}
}

// String is the fewest blocks, separated by a blank; "none" if empty.
func (s AddressSet) String() string {
	if s.IsEmpty() {
		return "none"
	}
	var b []byte
	for i, p := range s.Prefixes() {
		if i > 0 {
			b = append(b, ' ')
		}
		b = p.AppendTo(b)
	}
	return string(b)
}
