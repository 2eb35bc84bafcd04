package policydiff

import (
	"slices"
	"strconv"
	"strings"

	"github.com/sgwarden/sgwarden/internal/policy"
	"github.com/sgwarden/sgwarden/internal/secgroup"
)

// What a group's rules open in sum may have been opened by several actors, some
// of whom a policy leaves out. A case has one actor, so that what several may
// open together is not seen in any. It is no more than before where one policy
// of the looser side counts, for every actor whom the stricter one counts, at
// least what that counts. Where none does, and no case tells of it, a difference
// is told that is not certain.

// several finds these differences, of cases that differ in their actor alone.
func (c *comparison) several() ([]product, error) {
	at := slices.IndexFunc(c.dimensions, func(d dimension) bool { return d.about == aboutActor })
	if at < 0 || len(c.dimensions[at].values) < 2 {
		return nil, nil
	}
	byRest, known := map[string][]*seenCell{}, map[string][]found{}
	var order []string
	for i := range c.all {
		rest := slices.Clone(c.all[i].place)
		rest[at] = 0
		key := placeText(rest)
		if byRest[key] == nil {
			order = append(order, key)
		}
		byRest[key] = append(byRest[key], &c.all[i])
	}
	var out []product
	for _, rest := range order {
		cells := byRest[rest]
		key := ""
		for _, s := range cells {
			key += s.key + "\n"
		}
		all, ok := known[key]
		if !ok {
			var err error
			if all, err = c.severalIn(cells); err != nil {
				return nil, err
			}
			known[key] = all
		}
		for _, f := range all {
			p := c.single(cells[0], f)
			for i := range p.chosen[at] {
				p.chosen[at][i] = true
			}
			out = append(out, p)
		}
	}
	return out, nil
}

func placeText(place []int) string {
	var b strings.Builder
	for _, n := range place {
		b.WriteString(strconv.Itoa(n) + " ")
	}
	return b.String()
}

// severalIn looks at the actors of one kind of group and time.
func (c *comparison) severalIn(cells []*seenCell) ([]found, error) {
	kinds, err := peerKinds(c.words, cells[0].who.Group)
	if err != nil {
		return nil, err
	}
	var out []found
	for _, dir := range directions {
		var by []sides // by actor
		for _, s := range cells {
			old, now := c.old.Views(c.oldPolicies, s.who), c.new.Views(c.newPolicies, s.who)
			by = append(by, newSides(dir, kinds, c.terms(old, c.changedOld, dir, kinds), c.terms(now, c.changedNew, dir, kinds)))
		}
		for _, p := range c.changedOld {
			out = append(out, escaping(cells, by, p, true)...)
		}
		for _, p := range c.changedNew {
			out = append(out, escaping(cells, by, p, false)...)
		}
	}
	return out, nil
}

// sidesOf gives the side that finds too much, and the other.
func (s sides) sidesOf(looser bool) (from, to []terms) {
	if looser {
		return s.old, s.new
	}
	return s.new, s.old
}

func termsOfPolicy(side []terms, p *policy.Policy) *terms {
	for i := range side {
		if side[i].view.Policy == p {
			return &side[i]
		}
	}
	return nil
}

// escaping is what p counts of several actors that no policy of the other side
// counts of all of them. Where each rule counts alone it has one actor.
func escaping(cells []*seenCell, by []sides, p *policy.Policy, looser bool) []found {
	if p.PerRule() {
		return nil
	}
	mine := make([]*terms, len(by)) // by actor; nil = it leaves him out
	others := map[*policy.Policy][]*terms{}
	counting, first := 0, -1
	for a, s := range by {
		from, to := s.sidesOf(looser)
		if mine[a] = termsOfPolicy(from, p); mine[a] != nil {
			if counting++; first < 0 {
				first = a
			}
		}
		for i := range to {
			q := to[i].view.Policy
			if others[q] == nil {
				others[q] = make([]*terms, len(by))
			}
			others[q][a] = &to[i]
		}
	}
	if counting < 2 {
		return nil
	}
	open, told := toldAlready(cells, p, by[0].dir, looser)
	var out []found
	tell := func(manner Manner, flows secgroup.Region) {
		if flows.IsEmpty() || !mine[first].exceeds(flows) {
			return
		}
		f := found{dir: by[0].dir, manner: manner, flows: flows, several: true, bounds: mine[first].bounds()}
		for _, t := range mine {
			if t != nil && t.level.compare(f.was) > 0 {
				f.was = t.level
			}
		}
		f.kind = slices.IndexFunc(by[first].kinds, peerKind.hasAddresses)
		f.oldPolicies = []Place{by[first].placeOf(*mine[first], f.kind, flows)}
		f.kinds = slices.DeleteFunc(slices.Clone(by[first].kinds), func(k peerKind) bool { return !k.hasAddresses() })
		if !looser {
			f.was, f.is, f.oldPolicies, f.newPolicies = f.is, f.was, nil, f.oldPolicies
		}
		f.key = "several " + f.text()
		out = append(out, f)
	}
	tell(InSum, onFlows(sumOf(mine), uncounted(mine, others, told).Subtract(open)))
	for i := range mine[first].whole {
		if flows := mine[first].whole[i].everyPeer(); !completedBy(mine, others, i, told) && !open.Covers(forAnybody(flows)) {
			tell(Together, flows)
		}
	}
	return out
}

// toldAlready is the flows, for anybody, of which cases tell already what p is
// about: that one actor may open them, and, by actor, that they end otherwise.
func toldAlready(cells []*seenCell, p *policy.Policy, dir secgroup.Direction, looser bool) (open secgroup.Region, told []secgroup.Region) {
	told = make([]secgroup.Region, len(cells))
	for a, s := range cells {
		for _, f := range s.found {
			places, end := f.oldPolicies, f.is
			if !looser {
				places, end = f.newPolicies, f.was
			}
			if f.dir != dir || f.loosens() != looser || !slices.ContainsFunc(places, func(x Place) bool { return x.Policy == p }) {
				continue
			}
			flows := forAnybody(f.flows)
			if told[a] = told[a].Union(flows); end.kind == allowed {
				open = open.Union(flows)
			}
		}
	}
	return open, told
}

// sumOf is what a policy counts in sum of whomever.
func sumOf(mine []*terms) (out secgroup.Region) {
	for _, t := range mine {
		if t != nil {
			for _, r := range t.sum {
				out = out.Union(r)
			}
		}
	}
	return out
}

// uncounted is the flows, for anybody, that no other policy counts of every actor
// of whom this one does. Less strictly will do where that is told.
func uncounted(mine []*terms, others map[*policy.Policy][]*terms, told []secgroup.Region) secgroup.Region {
	rest := forAnybody(sumOf(mine))
	for _, theirs := range others {
		var missing secgroup.Region
		for a, t := range mine {
			if t == nil {
				continue
			}
			for k, r := range t.sum {
				counted := theirs[a].counts(t, k)
				if theirs[a] != nil && theirs[a].level.compare(t.level) < 0 {
					counted = onFlows(counted, told[a])
				}
				missing = missing.Union(forAnybody(r.Subtract(counted)))
			}
		}
		rest = rest.Intersect(missing)
	}
	return rest
}

// counts is what a policy stops that another one stops, of one kind of peer, as
// it is, or in sum beyond a bound that is no larger.
func (t *terms) counts(other *terms, kind int) secgroup.Region {
	if t == nil {
		return secgroup.Region{}
	}
	out := t.none[kind]
	if t.perRule() {
		return out
	}
	sum := t.sum[kind]
	for _, c := range policy.EveryCounted {
		if t.bound(c).Cmp(other.bound(c)) > 0 {
			sum = sum.Subtract(onCounted(sum, c))
		}
	}
	return out.Union(sum)
}

// completedBy reports whether whoever has all of a box has all of a box of one
// other policy, whichever of the actors opened it.
func completedBy(mine []*terms, others map[*policy.Policy][]*terms, box int, told []secgroup.Region) bool {
	for _, theirs := range others {
		all := true
		for a, t := range mine {
			all = all && (t == nil || box < len(t.whole) && theirs[a].completes(t, t.whole[box], told[a]))
		}
		if all {
			return true
		}
	}
	return false
}

func (t *terms) completes(other *terms, b box, told secgroup.Region) bool {
	if t == nil || t.perRule() || t.level.compare(other.level) < 0 && !told.Covers(forAnybody(b.everyPeer())) || t.toleratesMore(other) {
		return false
	}
	return slices.ContainsFunc(t.whole, func(o box) bool {
		for k := range b.flows {
			mine, theirs := b.completable(k), o.completable(k)
			same := theirs.WithinAddresses(mine.Addresses())
			if !b.flows[k].Covers(same) || !mine.Addresses().Subtract(theirs.Addresses()).IsEmpty() {
				return false
			}
		}
		return true
	})
}

// everyPeer is the flows of a box to all kinds of addresses that can have it all.
func (b box) everyPeer() (out secgroup.Region) {
	for k := range b.flows {
		all := b.completable(k)
		out = out.Union(all.WithinAddresses(all.Addresses()))
	}
	return out
}

// exceeds reports whether flows go to more addresses than the policy tolerates.
func (t *terms) exceeds(flows secgroup.Region) bool {
	all := flows.Addresses()
	return slices.ContainsFunc(policy.EveryCounted[:], func(c policy.Counted) bool { return c.Of(all).Count().Cmp(t.bound(c)) > 0 })
}

// toleratesMore reports whether the policy tolerates more than another somewhere.
func (t *terms) toleratesMore(other *terms) bool {
	return slices.ContainsFunc(policy.EveryCounted[:], func(c policy.Counted) bool { return t.bound(c).Cmp(other.bound(c)) > 0 })
}

func (t *terms) bounds() (out Bounds) {
	for _, c := range policy.EveryCounted {
		out[c] = t.bound(c)
	}
	return out
}

// onFlows is the part of a region on protocols and ports.
func onFlows(r, anybody secgroup.Region) (out secgroup.Region) {
	for _, s := range anybody.Slices() {
		out = out.Union(piece{s.Protocols, s.Span}.of(r))
	}
	return out
}
