package policy

import (
	"slices"

	"github.com/sgwarden/sgwarden/internal/secgroup"
)

// walk goes through rules in order and gives, for each, its flows that are
// too much under p. open are the flows of each rule that count: without what
// is exempt or baseline, as that neither makes a new rule guilty nor hides it.
//
// Where p tolerates addresses, a port may be open to as many of them as the
// bound says, over all rules together. A rule that would take a port above
// the bound violates with its overlap on that port and is not added; the walk
// goes on:
//
//	bound 10      rule A: 6   ok, sum 6
//	              rule B: 6   sum would be 12: violates, sum stays 6
//	              rule C: 4   ok, sum 10
func (j *judgement) walk(p *Policy, subjects []*subject, open []secgroup.Region) []secgroup.Region {
	excess := make([]secgroup.Region, len(subjects))
	for _, dir := range bothDirections {
		u := newUnion(p, func(c *clause, r secgroup.Rule) (secgroup.Region, []secgroup.Region) {
			box := c.forbidden(dir, r.Peer, j.at)
			return box, []secgroup.Region{box}
		})
		for i, s := range subjects {
			if s.rule.Direction == dir && !open[i].IsEmpty() {
				excess[i] = u.add(s.rule, open[i])
			}
		}
	}
	return excess
}

// union is what the rules of one direction open together of what a policy
// forbids, violating rules left out.
type union struct {
	policy *Policy
	boxes  boxes
	// sums has one region per clause with `when: whole`, and, last, one for
	// all others together.
	sums []secgroup.Region
}

// boxes gives the region of a clause for rules like the given one, and, for
// `when: whole`, what it may be for a single peer: where not all is known of
// the group, a peer has one box of several. The region is their union. None
// stands for a box that any part may complete.
type boxes func(*clause, secgroup.Rule) (box secgroup.Region, each []secgroup.Region)

func newUnion(p *Policy, b boxes) *union {
	return &union{policy: p, boxes: b, sums: make([]secgroup.Region, len(p.clauses)+1)}
}

// rest is the sum of all clauses that are not whole.
func (u *union) rest() *secgroup.Region { return &u.sums[len(u.sums)-1] }

// add gives the excess of the next rule and takes the rest into the union.
func (u *union) add(rule secgroup.Rule, open secgroup.Region) secgroup.Region {
	var over, excess secgroup.Region
	for i, c := range u.policy.clauses {
		if c.demand != nil && !c.demand.lacksWhenAdded(&rule) {
			continue
		}
		box, each := u.boxes(c, rule)
		part := open.Intersect(box)
		switch {
		case part.IsEmpty():
		case c.whole:
			excess = excess.Union(u.complete(&u.sums[i], each, part))
		default:
			over = over.Union(part)
		}
	}
	if over.IsEmpty() {
		return excess
	}
	return excess.Union(u.above(u.rest(), over))
}

// take adds a rule to the union without asking whether it violates.
func (u *union) take(rule secgroup.Rule, open secgroup.Region) {
	for i, c := range u.policy.clauses {
		sum := u.rest()
		if c.whole {
			sum = &u.sums[i]
		}
		box, _ := u.boxes(c, rule)
		u.keep(sum, open.Intersect(box))
	}
}

// above is the part of over on ports where sum and over together are open to
// more addresses than the bound; references and unreadable lists are always
// too many. The rest of over goes into sum.
func (u *union) above(sum *secgroup.Region, over secgroup.Region) secgroup.Region {
	if !u.policy.tolerates() {
		return over
	}
	var full []secgroup.Slice
	for _, port := range sum.Union(over).Slices() {
		port.IPv4 = u.policy.tooMany(port.IPv4)
		port.IPv6 = u.policy.tooMany(port.IPv6)
		full = append(full, port)
	}
	excess := over.Intersect(secgroup.NewRegion(full...))
	u.keep(sum, over.Subtract(excess))
	return excess
}

// complete is the part of a rule in a box with `when: whole` for those peers
// to which the union, with the rule, opens the whole box. As many addresses
// as the bound says may have that.
func (u *union) complete(sum *secgroup.Region, boxes []secgroup.Region, part secgroup.Region) secgroup.Region {
	if len(boxes) == 0 {
		return part
	}
	var open secgroup.AddressSet
	var atoms []string
	for _, box := range boxes {
		missing := box.Subtract(sum.Union(part))
		open = open.Union(box.Addresses().Subtract(missing.Addresses()))
		closed := missing.Atoms()
		atoms = append(atoms, slices.DeleteFunc(box.Atoms(), func(key string) bool { return slices.Contains(closed, key) })...)
	}
	open = open.Intersect(u.policy.tooMany(open))
	excess := part.WithinAddresses(open).Union(part.OnlyAtoms(func(key string) bool { return slices.Contains(atoms, key) }))
	u.keep(sum, part.Subtract(excess))
	return excess
}

// keep adds to a sum, unless each rule is looked at alone.
func (u *union) keep(sum *secgroup.Region, more secgroup.Region) {
	if !u.policy.perRule {
		*sum = sum.Union(more)
	}
}
