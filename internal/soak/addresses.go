package soak

import (
	"cmp"
	"net/netip"
	"slices"
)

// closed are the blocks that are not internet, as ranges of first and last
// address; of the IANA registries those that a witness or a block of the
// episodes can lie in.
var closed = ranges([][2]string{
	{"0.0.0.0", "0.255.255.255"}, {"10.0.0.0", "10.255.255.255"}, {"100.64.0.0", "100.127.255.255"}, {"127.0.0.0", "127.255.255.255"},
	{"169.254.0.0", "169.254.255.255"}, {"172.16.0.0", "172.31.255.255"}, {"192.168.0.0", "192.168.255.255"}, {"224.0.0.0", "255.255.255.255"},
	{"fc00::", "fdff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"}, {"fe80::", "febf:ffff:ffff:ffff:ffff:ffff:ffff:ffff"},
	{"ff00::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"},
})

// closedRange is one of them; extent is the same in the numbers of its family.
type closedRange struct {
	first, last netip.Addr
	extent      extent
}

func ranges(texts [][2]string) (out []closedRange) {
	for _, t := range texts {
		first, last := netip.MustParseAddr(t[0]), netip.MustParseAddr(t[1])
		width := 64
		if first.Is4() {
			width = 32
		}
		out = append(out, closedRange{first, last, extent{
			extentOf(netip.PrefixFrom(first, width)).first, extentOf(netip.PrefixFrom(last, width)).last,
		}})
	}
	return out
}

// isInternet reads `internet` of a policy: every address but those that the
// registries close and those of the group's own VPC.
func isInternet(a netip.Addr, own []netip.Prefix) bool {
	if !a.IsValid() {
		return false
	}
	for _, r := range closed {
		if a.Is4() == r.first.Is4() && r.first.Compare(a) <= 0 && a.Compare(r.last) <= 0 {
			return false
		}
	}
	return !inAny(a, own)
}

func inAny(a netip.Addr, blocks []netip.Prefix) bool {
	return slices.ContainsFunc(blocks, func(p netip.Prefix) bool { return p.Contains(a) })
}

// extent is a range of one family's addresses: IPv4 addresses, or blocks of
// /64 of IPv6, first and last inclusive.
type extent struct{ first, last uint64 }

// extentOf gives a block as a range; no block of an episode is smaller than a
// /64 of IPv6.
func extentOf(p netip.Prefix) extent {
	var first uint64
	size := uint64(1)
	a := p.Masked().Addr()
	if a.Is4() {
		b := a.As4()
		first, size = uint64(b[0])<<24|uint64(b[1])<<16|uint64(b[2])<<8|uint64(b[3]), size<<(32-p.Bits())
	} else {
		b := a.As16()
		for _, x := range b[:8] {
			first = first<<8 | uint64(x)
		}
		if p.Bits() == 0 {
			return extent{0, ^uint64(0)}
		}
		size <<= 64 - p.Bits()
	}
	return extent{first, first + size - 1}
}

// internetCount counts the internet addresses of a union of blocks of one
// family: IPv4 addresses, or /64 of IPv6.
func internetCount(blocks []netip.Prefix, own []netip.Prefix) (n uint64) {
	if len(blocks) == 0 {
		return 0
	}
	is4 := blocks[0].Addr().Is4()
	var taken, shut []extent
	for _, b := range blocks {
		taken = append(taken, extentOf(b))
	}
	for _, r := range closed {
		if r.first.Is4() == is4 {
			shut = append(shut, r.extent)
		}
	}
	for _, b := range own {
		if b.Addr().Is4() == is4 {
			shut = append(shut, extentOf(b))
		}
	}
	taken, shut = joined(taken), joined(shut)
	for _, t := range taken {
		n += t.last - t.first + 1 // of ::/0 the sum wraps to 0, and what is closed is taken off below: exact modulo 2^64
		for _, s := range shut {
			first, last := max(t.first, s.first), min(t.last, s.last)
			if first <= last {
				n -= last - first + 1
			}
		}
	}
	return n
}

// joined sorts ranges and joins those that overlap.
func joined(all []extent) []extent {
	slices.SortFunc(all, func(a, b extent) int { return cmp.Compare(a.first, b.first) })
	var out []extent
	for _, e := range all {
		if n := len(out); n > 0 && e.first <= out[n-1].last {
			out[n-1].last = max(out[n-1].last, e.last)
			continue
		}
		out = append(out, e)
	}
	return out
}
