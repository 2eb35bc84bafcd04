package policy

import (
	"math/bits"
	"slices"

	"github.com/sgwarden/sgwarden/internal/secgroup"
)

// Most rules of the internet touch a box with `when: whole`, or a policy that
// tolerates some addresses, and yet all rules of the group together are far
// from too much. Two sums over the group, each above the truth, show that
// without any algebra.

// tally is what rules that touch a policy add up to, by direction.
type tally struct {
	policy    int
	v4, v6    [2]secgroup.Count // addresses, as if no two were the same
	nat64     [2]secgroup.Count // of v6
	unbounded bool              // references and lists have no number
}

// sums is what rules add up to that touch some clauses. They are used again
// for other groups.
type sums struct {
	index   *index
	summed  []uint64 // the clauses that are summed
	set     []uint64 // those that the rule at hand touches
	touched []uint64 // those that some rule touches
	met     []uint64 // the summed ones of them
	open    []uint64 // flows, by whole clause and direction
	tally   []tally  // of the policies that were touched
	place   []uint16 // by policy: its place in tally, from 1; 0 = not touched
}

// newSums takes sums that are done with, or makes new ones.
func (x *index) newSums(policies int) *sums {
	t, ok := x.done.Get().(*sums)
	if !ok {
		return &sums{
			index: x, summed: make([]uint64, x.words), set: make([]uint64, x.words),
			touched: make([]uint64, x.words), met: make([]uint64, x.words),
			open: make([]uint64, 2*len(x.wholes)), place: make([]uint16, policies),
		}
	}
	clear(t.touched)
	clear(t.met)
	clear(t.open)
	for i := range t.tally {
		t.place[t.tally[i].policy] = 0
	}
	t.tally = t.tally[:0]
	return t
}

// harmless drops from inScope the clauses that the rules cannot violate, even
// together. It gives nil where no rule touches any of the others, and inScope
// itself where there are none to drop. The number of allocations does not
// depend on the number of rules.
func (x *index) harmless(policies []*Policy, rules []RuleVerdict, facts *Surroundings, inScope []uint64) []uint64 {
	t := x.newSums(len(policies))
	defer x.done.Put(t)
	copy(t.summed, x.summed)
	if !intersect(t.summed, inScope) {
		return inScope
	}
	for i := range rules {
		if !x.touch(&rules[i].Rule, facts, inScope, t.set) {
			continue
		}
		unite(t.touched, t.set)
		if intersect(t.set, t.summed) {
			t.add(&rules[i].Rule)
		}
	}
	left := inScope
	if len(t.tally) > 0 {
		left = t.drop(policies, slices.Clone(inScope))
	}
	if !intersect(t.touched, left) {
		return nil
	}
	return left
}

// drop drops the clauses that all rules together do not violate.
func (t *sums) drop(policies []*Policy, left []uint64) []uint64 {
	for w, word := range t.met {
		for ; word != 0; word &= word - 1 {
			i := w*64 + bits.TrailingZeros64(word)
			c := &t.index.clauses[i]
			few := c.whole && t.open[2*c.number] < c.fewest && t.open[2*c.number+1] < c.fewest
			if few || policies[c.policy].covers(t.of(c.policy)) {
				left[w] &^= 1 << (i % 64)
			}
		}
	}
	return left
}

// add adds a rule that touches the clauses of t.set.
func (t *sums) add(r *secgroup.Rule) {
	dir := int(r.Direction - secgroup.Ingress)
	protocols, span := r.Protocols(), r.Span()
	last := -1
	for w, word := range t.set {
		t.met[w] |= word
		for ; word != 0; word &= word - 1 {
			c := &t.index.clauses[w*64+bits.TrailingZeros64(word)]
			if c.whole {
				t.open[2*c.number+dir] += c.flowsOf(protocols, span)
			}
			if c.policy != last {
				last = c.policy
				t.of(last).add(r, dir)
			}
		}
	}
}

// of is the tally of a policy.
func (t *sums) of(policy int) *tally {
	if t.place[policy] == 0 {
		t.tally = append(t.tally, tally{policy: policy})
		t.place[policy] = uint16(len(t.tally))
	}
	return &t.tally[t.place[policy]-1]
}

func (t *tally) add(r *secgroup.Rule, dir int) {
	c, ok := r.Peer.(secgroup.CIDR)
	switch {
	case !ok:
		t.unbounded = true
	case c.Addr().Is4():
		t.v4[dir] = t.v4[dir].Add(secgroup.CountOf(c.Bits(), false))
	default:
		t.v6[dir] = t.v6[dir].Add(secgroup.CountOf(c.Bits(), true))
		t.nat64[dir] = t.nat64[dir].Add(nat64Of(c.Prefix))
	}
}

// flowsOf is how many flows of the clause a rule opens, or more.
func (c *clause) flowsOf(protocols secgroup.ProtocolRange, span secgroup.Span) uint64 {
	var n uint64
	for _, f := range c.flows {
		first, last := max(f.protocols.First, protocols.First), min(f.protocols.Last, protocols.Last)
		low, high := max(f.span.First, span.First), min(f.span.Last, span.Last)
		if first <= last && low <= high {
			n += (uint64(last-first) + 1) * (uint64(high-low) + 1)
		}
	}
	return n
}

// covers reports whether the policy tolerates all that a tally can be.
func (p *Policy) covers(t *tally) bool {
	if t.unbounded {
		return false
	}
	for dir := range bothDirections {
		if t.v4[dir].Cmp(p.bound4) > 0 || t.v6[dir].Cmp(p.bound6) > 0 || t.nat64[dir].Cmp(p.bound4) > 0 {
			return false
		}
	}
	return true
}

// fewestFlows is a number of flows below which nobody can have opened the
// whole box of a clause to any peer: its own flows, without those that an
// exception takes off for some peers. An exception from all of them takes the
// peers out of the box. 0 = any number may do.
func (c *clause) fewestFlows() uint64 {
	var fewest uint64
	for i, peers := range []secgroup.AddressSet{secgroup.AllIPv4(), secgroup.AllIPv6()} {
		all := c.flowsTo(peers)
		rest := all
		for _, b := range c.but {
			if other := b.flowsTo(peers); !other.Covers(all) {
				rest = rest.Subtract(other)
			}
		}
		if n := countFlows(rest); i == 0 || n < fewest {
			fewest = n
		}
	}
	return fewest
}

// flowsTo is the flows of the clause to some peers, exceptions not looked at.
func (c *clause) flowsTo(peers secgroup.AddressSet) secgroup.Region {
	var slices []secgroup.Slice
	for _, f := range c.flows {
		s := secgroup.Slice{Protocols: f.protocols, Span: f.span}
		if !f.noIPv4 {
			s.IPv4 = peers.OnlyIPv4()
		}
		if !f.noIPv6 {
			s.IPv6 = peers.OnlyIPv6()
		}
		slices = append(slices, s)
	}
	return secgroup.NewRegion(slices...)
}

func countFlows(r secgroup.Region) uint64 {
	var n uint64
	for _, s := range r.Slices() {
		n += (uint64(s.Protocols.Last-s.Protocols.First) + 1) * (uint64(s.Span.Last-s.Span.First) + 1)
	}
	return n
}
