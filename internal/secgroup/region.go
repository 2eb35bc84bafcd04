package secgroup

import (
	"net/netip"
	"slices"
)

// Region is a set of flows of one direction: protocols x 16-bit space x
// peers. The zero value is the empty set. Regions are immutable and kept in a
// canonical form: equal sets have equal forms.
//
// The 16-bit space is the port for tcp and udp, type*256+code for icmp and
// icmpv6; other protocols have no second dimension and always span all of it.
// Peers are IPv4 addresses, IPv6 addresses (the families apart), and atoms:
// group references and unreadable prefix lists, by Peer.Key. All protocols
// are 0-255; flows are kept as rules state them, also where no packet can
// exist (icmp over IPv6, icmpv6 over IPv4).
type Region struct {
	// cells are sorted, disjoint and not empty; cells that touch differ in
	// their peers.
	cells []cell
}

// cell is flows that are open to the same peers.
type cell struct {
	flows interval[flow]
	peers peers
}

// Span is an inclusive interval of the 16-bit space.
type Span struct{ First, Last uint16 }

// FullSpan is the whole 16-bit space.
var FullSpan = Span{0, 65535}

// ProtocolRange is an inclusive interval of protocol numbers.
type ProtocolRange struct{ First, Last uint8 }

// EveryProtocol is 0-255.
var EveryProtocol = ProtocolRange{0, 255}

// Slice is the part of a region on some protocols and ports where the peers
// are the same everywhere.
type Slice struct {
	Protocols ProtocolRange
	Span      Span
	IPv4      AddressSet
	IPv6      AddressSet
	Atoms     []string // sorted, each once
}

// NewRegion is the union of slices, in any order and overlapping as they
// like. Addresses count by their own family, whichever field they stand in;
// atoms need no order. On protocols without a second dimension the span is
// widened to all of it. Inverted protocol ranges and spans have no flows.
func NewRegion(slices ...Slice) Region {
	switch len(slices) {
	case 0:
		return Region{}
	case 1:
		return slices[0].region()
	}
	half := len(slices) / 2
	return NewRegion(slices[:half]...).Union(NewRegion(slices[half:]...))
}

func (s Slice) region() Region {
	p := peers{s.IPv4.Union(s.IPv6), sortedAtoms(s.Atoms)}
	if p.isEmpty() {
		return Region{}
	}
	var r Region
	for _, iv := range flowsOf(s.Protocols, s.Span) {
		r.cells = append(r.cells, cell{iv, p})
	}
	return r
}

// Union is the flows of r or o.
func (r Region) Union(o Region) Region {
	if len(o.cells) == 0 {
		return r
	}
	if len(r.cells) == 0 {
		return o
	}
	return combine(r, o, peers.union)
}

// Intersect is the flows of both.
func (r Region) Intersect(o Region) Region { return combine(r, o, peers.intersect) }

// Subtract is the flows of r that are not in o.
func (r Region) Subtract(o Region) Region {
	if len(o.cells) == 0 {
		return r
	}
	return combine(r, o, peers.subtract)
}

// IsEmpty reports whether r has no flow.
func (r Region) IsEmpty() bool { return len(r.cells) == 0 }

// Equal reports whether both have the same flows.
func (r Region) Equal(o Region) bool {
	return slices.EqualFunc(r.cells, o.cells, func(a, b cell) bool {
		return a.flows == b.flows && a.peers.equal(b.peers)
	})
}

// Overlaps reports whether some flow is in both. No allocation.
func (r Region) Overlaps(o Region) bool {
	a, b := r.cells, o.cells
	for len(a) > 0 && len(b) > 0 {
		switch {
		case a[0].flows.last < b[0].flows.first:
			a = a[1:]
		case b[0].flows.last < a[0].flows.first:
			b = b[1:]
		case a[0].peers.overlap(b[0].peers):
			return true
		case a[0].flows.last < b[0].flows.last:
			a = a[1:]
		default:
			b = b[1:]
		}
	}
	return false
}

// Covers reports whether every flow of o is in r. No allocation.
func (r Region) Covers(o Region) bool {
	a := r.cells
	for _, c := range o.cells {
		for len(a) > 0 && a[0].flows.last < c.flows.first {
			a = a[1:]
		}
		need := c.flows.first // the first flow of c that is not yet known to be covered
		for i := 0; ; i++ {
			if i == len(a) || need < a[i].flows.first || !a[i].peers.cover(c.peers) {
				return false
			}
			if c.flows.last <= a[i].flows.last {
				break
			}
			need = a[i].flows.last + 1
		}
	}
	return true
}

// Contains reports whether the flow of a protocol, a place in its 16-bit
// space and one address is in r.
func (r Region) Contains(protocol uint8, place uint16, remote netip.Addr) bool {
	c, ok := r.at(flowAt(protocol, place))
	return ok && c.peers.addresses.Contains(remote)
}

// ContainsAtom is Contains for a group reference or an unreadable list.
func (r Region) ContainsAtom(protocol uint8, place uint16, key string) bool {
	c, ok := r.at(flowAt(protocol, place))
	if !ok {
		return false
	}
	_, ok = slices.BinarySearch(c.peers.atoms, key)
	return ok
}

func (r Region) at(f flow) (cell, bool) {
	for _, c := range r.cells {
		if f <= c.flows.last {
			return c, c.flows.first <= f
		}
	}
	return cell{}, false
}

// Slices is r in pieces that are disjoint in protocol x span, sorted by
// protocol, then span, as few as protocols and peers allow: the same for
// equal regions. A slice of more than one protocol has the full span. What it
// gives is the caller's own.
func (r Region) Slices() []Slice {
	var out []Slice
	for _, c := range r.cells {
		for _, iv := range byProtocol(c.flows) {
			out = append(out, Slice{
				Protocols: ProtocolRange{iv.first.protocol(), iv.last.protocol()},
				Span:      Span{iv.first.place(), iv.last.place()},
				IPv4:      c.peers.addresses.OnlyIPv4(),
				IPv6:      c.peers.addresses.OnlyIPv6(),
				Atoms:     slices.Clone(c.peers.atoms),
			})
		}
	}
	return out
}

// Addresses is all addresses that some flow of r has.
func (r Region) Addresses() AddressSet {
	var s AddressSet
	for _, c := range r.cells {
		s = s.Union(c.peers.addresses)
	}
	return s
}

// Atoms is the keys of all atoms that some flow of r has, sorted, each once.
func (r Region) Atoms() []string {
	var keys []string
	for _, c := range r.cells {
		keys = unionAtoms(keys, c.peers.atoms)
	}
	return slices.Clone(keys)
}

// combine applies op to the peers of both regions on every flow. op must be
// empty where both are, and must not change its arguments.
func combine(r, o Region, op func(a, b peers) peers) Region {
	var out Region
	a, b := cursor{rest: r.cells}, cursor{rest: o.cells}
	a.step()
	b.step()
	for a.ok || b.ok {
		switch {
		case !b.ok || a.ok && a.head.flows.last < b.head.flows.first:
			out.add(a.head.flows, op(a.head.peers, peers{}))
			a.step()
		case !a.ok || b.head.flows.last < a.head.flows.first:
			out.add(b.head.flows, op(peers{}, b.head.peers))
			b.step()
		case a.head.flows.first < b.head.flows.first:
			out.add(a.cutBefore(b.head.flows.first), op(a.head.peers, peers{}))
		case b.head.flows.first < a.head.flows.first:
			out.add(b.cutBefore(a.head.flows.first), op(peers{}, b.head.peers))
		default:
			last := min(a.head.flows.last, b.head.flows.last)
			out.add(interval[flow]{a.head.flows.first, last}, op(a.head.peers, b.head.peers))
			a.passed(last)
			b.passed(last)
		}
	}
	return out
}

// add appends flows behind those of r; it keeps r canonical.
func (r *Region) add(flows interval[flow], p peers) {
	if p.isEmpty() {
		return
	}
	if n := len(r.cells); n > 0 {
		end := &r.cells[n-1]
		if end.flows.last+1 == flows.first && end.peers.equal(p) {
			end.flows.last = flows.last
			return
		}
	}
	r.cells = append(r.cells, cell{flows, p})
}

// cursor walks over cells; head is what is left of the current one.
type cursor struct {
	head cell
	ok   bool
	rest []cell
}

func (c *cursor) step() {
	if c.ok = len(c.rest) > 0; c.ok {
		c.head, c.rest = c.rest[0], c.rest[1:]
	}
}

// cutBefore takes the flows below f, which is within head, off it.
func (c *cursor) cutBefore(f flow) interval[flow] {
	cut := interval[flow]{c.head.flows.first, f - 1}
	c.head.flows.first = f
	return cut
}

// passed takes the flows up to last, which is within head, off it.
func (c *cursor) passed(last flow) {
	if last == c.head.flows.last {
		c.step()
		return
	}
	c.head.flows.first = last + 1
}
