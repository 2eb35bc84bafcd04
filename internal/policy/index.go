package policy

import (
	"math/bits"
	"slices"
	"sync"

	"github.com/sgwarden/sgwarden/internal/secgroup"
)

// index answers for one rule, without allocation, which clauses of all
// policies it may touch. It may name too many (it knows nothing of VPC blocks,
// and little of exceptions), never too few.
//
// Clauses are numbered through; a set of them is a bit per clause. For each
// direction and kind of peer the plane protocol x 16-bit space is cut where
// any clause begins or ends: each piece has its set.
//
//	clause 0      |-----|
//	clause 1         |------|
//	starts     0  |  |  |   |
//	sets       {} {0}{01}{1}{}
type index struct {
	clauses []indexed
	words   int // of a set
	planes  [2][peerKinds]plane
	summed  []uint64 // clauses that harmless can drop
	always  []uint64 // clauses of policies that are meant for every group
	scoped  []int    // the other clauses
	wholes  []int    // clauses with `when: whole`
	demands []uint64 // clauses that require something of rules; nil = none
	// sets are the distinct address sets of clauses, so that a rule's block is
	// compared once with each.
	sets []secgroup.AddressSet
	done sync.Pool // of *sums
}

type indexed struct {
	*clause
	policy int    // its place in Set.Policies
	set    int    // its place in index.sets
	number int    // its place in index.wholes, if it is whole
	fewest uint64 // see fewestFlows
}

// The kinds of peers that have planes of their own.
const (
	peerIPv4 = iota
	peerIPv6
	peerList
	peerReference
	peerKinds
)

type plane struct {
	every   []uint64 // every clause of the plane
	columns []column
	of      [256]uint8 // which column a protocol has
}

// column is the 16-bit space of one or more protocols.
type column struct {
	starts []uint16 // where pieces begin, the first at 0
	sets   []uint64 // a set per piece
	all    []uint64 // their union
}

func newIndex(policies []*Policy) *index {
	x := &index{}
	for i, p := range policies {
		for _, c := range p.clauses {
			x.clauses = append(x.clauses, indexed{clause: c, policy: i, set: x.intern(c.openAddresses())})
		}
	}
	x.words = (len(x.clauses) + 63) / 64
	x.summed, x.always = make([]uint64, x.words), make([]uint64, x.words)
	for i := range x.clauses {
		c := &x.clauses[i]
		if p := policies[c.policy]; p.scope.isEmpty() && p.not == nil {
			setBit(x.always, i)
		} else {
			x.scoped = append(x.scoped, i)
		}
		if c.whole {
			c.number, c.fewest = len(x.wholes), c.fewestFlows()
			x.wholes = append(x.wholes, i)
		}
		if c.whole || policies[c.policy].tolerates() {
			setBit(x.summed, i)
		}
		if c.demand != nil {
			if x.demands == nil {
				x.demands = make([]uint64, x.words)
			}
			setBit(x.demands, i)
		}
	}
	for d, dir := range bothDirections {
		var flows []placed
		for kind := range peerKinds {
			if kind > 0 && x.alike(kind, kind-1) {
				x.planes[d][kind] = x.planes[d][kind-1]
				continue
			}
			flows = x.flowsOf(dir, kind, flows[:0])
			x.planes[d][kind] = x.newPlane(flows)
		}
	}
	return x
}

// openAddresses is all addresses that the clause can forbid some flow to:
// those of its peers, without those that an exception from the whole box
// certainly takes out.
func (c *clause) openAddresses() secgroup.AddressSet {
	open := c.peers.addresses(site{}, atMost)
	for _, b := range c.but {
		if len(b.but) == 0 && b.directions&c.directions == c.directions && b.coversFlows(c) {
			open = open.Subtract(b.peers.addresses(site{}, atLeast))
		}
	}
	return open
}

// coversFlows reports whether the clause has all flows of another.
func (c *clause) coversFlows(o *clause) bool {
	if slices.Equal(c.flows, o.flows) { // an exception inherits what it omits
		return true
	}
	return c.flowsTo(everyAddress()).Covers(o.flowsTo(everyAddress()))
}

func (x *index) intern(s secgroup.AddressSet) int {
	for i, known := range x.sets {
		if known.Equal(s) {
			return i
		}
	}
	x.sets = append(x.sets, s)
	return len(x.sets) - 1
}

func (c *clause) has(kind int) bool {
	switch kind {
	case peerReference:
		return c.peers.hasReferences()
	case peerList:
		return c.peers.hasLists()
	}
	return c.peers.hasAddresses()
}

func (f flow) has(kind int) bool {
	return !(kind == peerIPv4 && f.noIPv4 || kind == peerIPv6 && f.noIPv6)
}

// placed is a flow of a clause in a plane.
type placed struct {
	flow
	clause int
}

// alike reports whether every clause says the same of two kinds of peers: most
// policies do of IPv4, IPv6 and lists.
func (x *index) alike(a, b int) bool {
	for i := range x.clauses {
		c := x.clauses[i].clause
		if c.has(a) != c.has(b) || slices.ContainsFunc(c.flows, func(f flow) bool { return f.has(a) != f.has(b) }) {
			return false
		}
	}
	return true
}

// flowsOf appends the flows of all clauses in a plane to flows.
func (x *index) flowsOf(dir secgroup.Direction, kind int, flows []placed) []placed {
	for i := range x.clauses {
		c := x.clauses[i].clause
		if !c.directions.has(dir) || !c.has(kind) {
			continue
		}
		for _, f := range c.flows {
			if f.has(kind) {
				flows = append(flows, placed{f, i})
			}
		}
	}
	return flows
}

func (x *index) newPlane(flows []placed) plane {
	p := plane{every: make([]uint64, x.words)}
	var cuts [257]bool // where the clauses of a protocol can be others than before
	cuts[0] = true
	for _, f := range flows {
		setBit(p.every, f.clause)
		cuts[f.protocols.First], cuts[int(f.protocols.Last)+1] = true, true
	}
	for protocol := range p.of {
		if cuts[protocol] {
			p.columns = append(p.columns, x.newColumn(flows, uint8(protocol)))
		}
		p.of[protocol] = uint8(len(p.columns) - 1)
	}
	return p
}

// newColumn is the column of a protocol: all of a piece between two cuts are alike.
func (x *index) newColumn(flows []placed, protocol uint8) column {
	has := func(f placed) bool { return f.protocols.First <= protocol && protocol <= f.protocols.Last }
	c := column{starts: []uint16{0}, all: make([]uint64, x.words)}
	for _, f := range flows {
		if !has(f) {
			continue
		}
		c.starts = append(c.starts, f.span.First)
		if f.span.Last < 65535 {
			c.starts = append(c.starts, f.span.Last+1)
		}
	}
	slices.Sort(c.starts)
	c.starts = slices.Compact(c.starts)
	c.sets = make([]uint64, len(c.starts)*x.words)
	for _, f := range flows {
		if !has(f) {
			continue
		}
		setBit(c.all, f.clause)
		for i := c.piece(f.span.First); i < len(c.starts) && c.starts[i] <= f.span.Last; i++ {
			setBit(c.sets[i*x.words:], f.clause)
		}
	}
	return c
}

func setBit(set []uint64, i int) { set[i/64] |= 1 << (i % 64) }

// piece is the piece that a place lies in. No allocation.
func (c *column) piece(place uint16) int {
	low, high := 0, len(c.starts)
	for high-low > 1 {
		mid := int(uint(low+high) >> 1)
		if c.starts[mid] <= place {
			low = mid
		} else {
			high = mid
		}
	}
	return low
}

// collect adds the clauses of a column on a span to a set. No allocation.
func (c *column) collect(span secgroup.Span, set []uint64) {
	if span == secgroup.FullSpan {
		for w := range set {
			set[w] |= c.all[w]
		}
		return
	}
	words := len(set)
	for i := c.piece(span.First); i < len(c.starts) && c.starts[i] <= span.Last; i++ {
		for w, bits := range c.sets[i*words : (i+1)*words] {
			set[w] |= bits
		}
	}
}

// touch leaves in set the clauses of inScope that the rule may touch, and
// reports whether there is one. Both have index.words words. No allocation.
//
// facts are those that were read: what they tell of a rule that it has is not
// asked again.
func (x *index) touch(r *secgroup.Rule, facts *Surroundings, inScope, set []uint64) bool {
	return x.touchBoxes(r, inScope, set) && (x.demands == nil || x.keepLacking(r, facts, set))
}

// keepLacking drops clauses of which the rule certainly has what they require.
func (x *index) keepLacking(r *secgroup.Rule, facts *Surroundings, set []uint64) bool {
	var left uint64
	for w := range set {
		for rest := set[w] & x.demands[w]; rest != 0; rest &= rest - 1 {
			if i := w*64 + bits.TrailingZeros64(rest); !x.clauses[i].demand.mayLack(r, facts) {
				set[w] &^= 1 << (i % 64)
			}
		}
		left |= set[w]
	}
	return left != 0
}

// touchBoxes is touch by direction, flows and peer alone.
func (x *index) touchBoxes(r *secgroup.Rule, inScope, set []uint64) bool {
	clear(set)
	if r.Direction != secgroup.Ingress && r.Direction != secgroup.Egress {
		return false
	}
	planes := &x.planes[r.Direction-secgroup.Ingress]
	switch peer := r.Peer.(type) {
	case secgroup.CIDR:
		kind := peerIPv6
		if peer.Addr().Is4() {
			kind = peerIPv4
		}
		planes[kind].collect(r, set)
		return intersect(set, inScope) && x.keepOverlapping(peer, set)
	case secgroup.GroupReference:
		planes[peerReference].collect(r, set)
	case secgroup.PrefixList:
		planes[peerList].collect(r, set)
	default:
		for kind := range planes {
			planes[kind].collect(r, set)
		}
	}
	return intersect(set, inScope)
}

func (p *plane) collect(r *secgroup.Rule, set []uint64) {
	protocols := r.Protocols()
	if protocols.First != protocols.Last {
		for w := range set {
			set[w] |= p.every[w]
		}
		return
	}
	if len(p.columns) > 0 {
		p.columns[p.of[protocols.First]].collect(r.Span(), set)
	}
}

// intersect drops from set what is not in with, and reports whether any is left.
func intersect(set, with []uint64) bool {
	var left uint64
	for w := range set {
		set[w] &= with[w]
		left |= set[w]
	}
	return left != 0
}

// unite adds to set what is in other.
func unite(set, other []uint64) {
	for w := range set {
		set[w] |= other[w]
	}
}

// keepOverlapping drops clauses without an address of the block.
func (x *index) keepOverlapping(block secgroup.CIDR, set []uint64) bool {
	const (
		apart    = 1
		overlaps = 2
	)
	var known [64]uint8 // by address set, as far as there is room
	found := false
	for w := range set {
		for rest := set[w]; rest != 0; rest &= rest - 1 {
			i := w*64 + bits.TrailingZeros64(rest)
			s := x.clauses[i].set
			result := uint8(0)
			if s < len(known) {
				result = known[s]
			}
			if result == 0 {
				result = apart
				if x.sets[s].OverlapsPrefix(block.Prefix) {
					result = overlaps
				}
				if s < len(known) {
					known[s] = result
				}
			}
			if result == overlaps {
				found = true
			} else {
				set[w] &^= 1 << (i % 64)
			}
		}
	}
	return found
}

// touchedBy reports whether some rule may touch a clause of one policy.
func (x *index) touchedBy(policy int, rules []secgroup.Rule) bool {
	var buffers [2][16]uint64
	inScope, set := words(buffers[0][:], x.words), words(buffers[1][:], x.words)
	for i, c := range x.clauses {
		if c.policy == policy {
			setBit(inScope, i)
		}
	}
	for i := range rules {
		if x.touch(&rules[i], &Surroundings{}, inScope, set) {
			return true
		}
	}
	return false
}
