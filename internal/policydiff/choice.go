package policydiff

import (
	"net/netip"

	"github.com/sgwarden/sgwarden/internal/secgroup"
)

// blockAbove is the smallest block within s that has more addresses than bound.
func blockAbove(s secgroup.AddressSet, bound secgroup.Count, v6 bool) (netip.Prefix, bool) {
	width := 32
	if v6 {
		width = 128
	}
	bits := width
	for bits > 0 && secgroup.CountOf(bits, v6).Cmp(bound) <= 0 {
		bits--
	}
	if secgroup.CountOf(bits, v6).Cmp(bound) <= 0 {
		return netip.Prefix{}, false
	}
	for _, a := range niceAddresses {
		if block := netip.PrefixFrom(a, min(bits, a.BitLen())).Masked(); a.Is6() == v6 && s.CoversPrefix(block) {
			return block, true
		}
	}
	for _, p := range s.Prefixes() {
		if p.Bits() <= bits {
			return netip.PrefixFrom(p.Addr(), bits), true
		}
	}
	return netip.Prefix{}, false
}

// pick takes one address more than the demand tolerates, those first that lie
// in the fewest layers, and of each layer as many as it admits.
func pick(free secgroup.AddressSet, layers []layer, kind int, d demand) (secgroup.AddressSet, bool) {
	var picked secgroup.AddressSet
	for depth := 0; depth <= len(layers); depth++ {
		for _, cell := range cells(free, layers, kind) {
			if cell.depth != depth {
				continue
			}
			room := d.bound.Add(secgroup.CountOf(32, false))
			for _, l := range layers {
				if l.peers[kind].Overlaps(cell.peers) && l.bound.Cmp(room) < 0 {
					room = l.bound
				}
			}
			for _, p := range cell.peers.Prefixes() {
				for _, block := range blocksUpTo(p, room) {
					next := picked.Union(secgroup.NewAddressSet(block))
					if fits(next, layers, kind) {
						picked = next
					}
					if picked.Count().Cmp(d.bound) > 0 {
						return picked, true
					}
				}
			}
		}
	}
	return picked, false
}

// blocksUpTo is the first blocks of p of at most room addresses, largest first.
func blocksUpTo(p netip.Prefix, room secgroup.Count) []netip.Prefix {
	v6 := p.Addr().Is6()
	var out []netip.Prefix
	for bits := p.Bits(); bits <= p.Addr().BitLen(); bits++ {
		if secgroup.CountOf(bits, v6).Cmp(room) <= 0 {
			half := netip.PrefixFrom(p.Addr(), bits)
			out = append(out, half)
		}
	}
	// Behind the first block lie its neighbours: p without them, by halves.
	rest := secgroup.NewAddressSet(p)
	if len(out) > 0 {
		rest = rest.Subtract(secgroup.NewAddressSet(out[0]))
	}
	for _, q := range rest.Prefixes() {
		if secgroup.CountOf(q.Bits(), v6).Cmp(room) <= 0 {
			out = append(out, q)
		}
	}
	return append(out, netip.PrefixFrom(p.Addr(), p.Addr().BitLen()))
}

func fits(s secgroup.AddressSet, layers []layer, kind int) bool {
	for _, l := range layers {
		if s.Intersect(l.peers[kind]).Count().Cmp(l.bound) > 0 {
			return false
		}
	}
	return true
}

// cell is peers that lie in the same layers, with how many those are.
type cell struct {
	peers secgroup.AddressSet
	depth int
}

func cells(free secgroup.AddressSet, layers []layer, kind int) []cell {
	out := []cell{{free, 0}}
	for _, l := range layers {
		var next []cell
		for _, c := range out {
			for _, part := range []cell{{c.peers.Subtract(l.peers[kind]), c.depth}, {c.peers.Intersect(l.peers[kind]), c.depth + 1}} {
				if !part.peers.IsEmpty() {
					next = append(next, part)
				}
			}
		}
		out = next
	}
	return out
}
