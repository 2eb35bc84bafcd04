package policydiff

import (
	"slices"

	"github.com/sgwarden/sgwarden/internal/policy"
	"github.com/sgwarden/sgwarden/internal/secgroup"
)

// sumDifferences gives the sets of rules that one side finds too much of
// together, and the other does not. looser: the old side does.
func (s sides) sumDifferences(looser bool) []found {
	from, to := s.old, s.new
	if !looser {
		from, to = s.new, s.old
	}
	var out []found
	for _, t := range from {
		if !t.changed {
			continue
		}
		for _, c := range policy.EveryCounted {
			out = append(out, s.brokenSums(t, from, to, c, looser)...)
			for _, b := range t.whole {
				out = append(out, s.brokenBox(t, b, from, to, c, looser)...)
			}
		}
		for _, b := range t.whole {
			out = append(out, s.brokenAtoms(t, b, from, to, looser)...)
		}
	}
	return out
}

// brokenSums looks at each protocol and port of what t bounds in sum.
func (s sides) brokenSums(t terms, from, to []terms, c policy.Counted, looser bool) []found {
	var all []secgroup.Region
	mine := make([]secgroup.Region, len(s.kinds))
	for k := range s.kinds {
		mine[k] = onCounted(t.sum[k], c)
	}
	all = append(all, mine...)
	for _, o := range to {
		all = append(all, o.none...)
		all = append(all, o.sum...)
		for _, b := range o.whole {
			all = append(all, b.flows...)
		}
	}
	var out []found
	for _, p := range piecesOf(all) {
		d := demand{needs: make([]secgroup.Region, len(s.kinds)), counted: c, bound: t.bound(c), perRule: t.perRule()}
		first := -1
		for k := range s.kinds {
			d.needs[k] = p.point().of(mine[k])
			if first < 0 && !d.needs[k].IsEmpty() {
				first = k
			}
		}
		if first < 0 {
			continue
		}
		how := InSum
		if d.perRule {
			how = InARule
		}
		f := found{kind: first, manner: how}
		s.placeFlows(&f, func(k int) secgroup.Region { return p.of(mine[k]) })
		if s.settle(&f, t, d, from, to, looser) {
			out = append(out, s.withLists(f, t, d, from, to, looser, func(k int) secgroup.Region { return p.of(mine[k]) })...)
		}
	}
	return out
}

// brokenBox looks at a box that may not be open as a whole.
func (s sides) brokenBox(t terms, b box, from, to []terms, c policy.Counted, looser bool) []found {
	d := demand{needs: make([]secgroup.Region, len(s.kinds)), counted: c, bound: t.bound(c), perRule: t.perRule()}
	f := found{kind: -1, manner: Together}
	for k := range s.kinds {
		d.needs[k] = onCounted(b.completable(k), c)
		if f.kind < 0 && !d.needs[k].IsEmpty() {
			f.kind = k
		}
	}
	if f.kind < 0 {
		return nil
	}
	s.placeFlows(&f, func(k int) secgroup.Region { return d.needs[k] })
	if !s.settle(&f, t, d, from, to, looser) {
		return nil
	}
	return s.withLists(f, t, d, from, to, looser, func(k int) secgroup.Region { return d.needs[k] })
}

// withLists tells of the lists that are meant as such beside blocks: what is
// said of blocks does not say it, where the lists may hold other addresses.
// fold drops what follows.
func (s sides) withLists(f found, t terms, d demand, from, to []terms, looser bool, of func(kind int) secgroup.Region) []found {
	out := []found{f}
	if f.words != "" {
		return out // the words of all kinds are joined
	}
	rest := f.others
	out[0].others = nil
	for len(rest) > 0 {
		g := found{kind: rest[0], manner: f.manner, words: s.kinds[rest[0]].words, where: s.whereOf(rest[0])}
		alone := demand{needs: make([]secgroup.Region, len(s.kinds)), counted: d.counted, bound: d.bound, perRule: d.perRule}
		var others []int
		for _, k := range rest {
			if s.kinds[k].words != g.words {
				others = append(others, k)
				continue
			}
			if k != g.kind {
				g.others, g.where = append(g.others, k), Anywhere
			}
			g.flows, alone.needs[k] = g.flows.Union(of(k)), d.needs[k]
		}
		if !s.settle(&g, t, alone, from, to, looser) { // only with blocks
			g.was, g.is, g.bounds, g.upTo, g.witness = f.was, f.is, f.bounds, f.upTo, f.witness
			g.oldPolicies, g.newPolicies = f.oldPolicies, f.newPolicies
		}
		out, rest = append(out, g), others
	}
	return out
}

// placeFlows fills in the flows of a difference that is counted, for addresses
// within and outside of the group's VPCs together where there are both. Lists
// that are meant as such count with them.
func (s sides) placeFlows(f *found, of func(kind int) secgroup.Region) {
	f.where, f.words = s.whereOf(f.kind), s.kinds[f.kind].words
	said := []string{f.words}
	for k, kind := range s.kinds {
		if of(k).IsEmpty() {
			continue
		}
		if kind.words == s.kinds[f.kind].words {
			f.flows = f.flows.Union(of(k))
			if k != f.kind {
				f.where = Anywhere
			}
			continue
		}
		f.others = append(f.others, k)
		if f.words != "" && !slices.Contains(said, kind.words) {
			f.words += " or " + kind.words
		}
		said = append(said, kind.words)
	}
}

// settle fills in how the demand ends on the other side; false = alike.
//
// What breaks stricter terms of the same side too is told of those.
func (s sides) settle(f *found, t terms, d demand, from, to []terms, looser bool) bool {
	own := against{from, s.above(t.level)}
	if own.from == t.level {
		own.terms = nil
	}
	if !d.breakable(own) || !d.breakable(own, against{to, t.level}) {
		return false // nothing can break it, or whatever does breaks the other side too
	}
	end := Level{}
	for _, l := range s.levels {
		if l.compare(t.level) < 0 && !d.breakable(own, against{to, l}) {
			end = l
			break
		}
	}
	f.was, f.is = t.level, end
	f.oldPolicies = []Place{s.placeOf(t, f.kind, f.flows)}
	f.newPolicies = s.placesOf(to, end, f)
	if !looser {
		f.was, f.is = f.is, f.was
		f.oldPolicies, f.newPolicies = f.newPolicies, f.oldPolicies
	}
	f.bounds[d.counted] = d.bound
	layers := d.layersOf(own, against{to, s.above(end)})
	if most := d.most(layers); most.Cmp(d.count(d.want())) < 0 {
		f.upTo[d.counted] = most
	}
	f.witness = s.findWitness(t, d, layers, from, to, end)
	return true
}

// placesOf are the policies of a side that have terms of a level on the flows.
func (s sides) placesOf(side []terms, l Level, f *found) []Place {
	if l.kind == allowed {
		return nil
	}
	var out []Place
	for _, t := range side {
		if t.level != l {
			continue
		}
		touches := t.none[f.kind].Overlaps(f.flows) || t.sum[f.kind].Overlaps(f.flows)
		for _, b := range t.whole {
			touches = touches || b.flows[f.kind].Overlaps(f.flows)
		}
		if touches {
			out = append(out, s.placeOf(t, f.kind, f.flows))
		}
	}
	return out
}

// brokenAtoms looks at a box for peers that are no addresses: a single one
// with all of it is too much.
func (s sides) brokenAtoms(t terms, b box, from, to []terms, looser bool) []found {
	var out []found
	for k, kind := range s.kinds {
		if kind.hasAddresses() {
			continue
		}
		needs := b.completable(k)
		if needs.IsEmpty() {
			continue
		}
		end := s.endOfAtom(needs, k, t, to)
		if end.compare(t.level) >= 0 || s.endOfAtom(needs, k, t, from).compare(t.level) > 0 {
			continue
		}
		f := found{kind: k, manner: Together, flows: needs, was: t.level, is: end}
		f.oldPolicies, f.newPolicies = []Place{s.placeOf(t, k, needs)}, s.placesOf(to, end, &f)
		if !looser {
			f.was, f.is = f.is, f.was
			f.oldPolicies, f.newPolicies = f.newPolicies, f.oldPolicies
		}
		f.witness = s.judged(k, needs.Rules(s.dir, func(string) secgroup.Peer { return kind.peer }), t.level, end, from, to)
		out = append(out, f)
	}
	return out
}

// endOfAtom is at which level a side stops one peer with some flows.
func (s sides) endOfAtom(needs secgroup.Region, k int, t terms, side []terms) Level {
	var end Level
	for _, o := range side {
		stops := o.none[k].Overlaps(needs)
		for _, b := range o.whole {
			whole := b.completable(k)
			stops = stops || (t.perRule() || !o.perRule()) && !whole.IsEmpty() && needs.Covers(whole)
		}
		if stops && o.level.compare(end) > 0 {
			end = o.level
		}
		if o.unread[k].Overlaps(needs) && end.compare(Level{kind: unread}) < 0 {
			end = Level{kind: unread}
		}
	}
	return end
}
