package policydiff

import (
	"slices"

	"github.com/sgwarden/sgwarden/internal/policy"
	"github.com/sgwarden/sgwarden/internal/secgroup"
)

// sides are the policies of both sides that matter for one case, in one
// direction, taken apart.
type sides struct {
	dir      secgroup.Direction
	kinds    []peerKind
	old, new []terms
	levels   []Level // of either side, strictest first, "allowed" last
}

func newSides(dir secgroup.Direction, kinds []peerKind, old, new []terms) sides {
	s := sides{dir: dir, kinds: kinds, old: old, new: new, levels: []Level{{}}}
	for _, t := range slices.Concat(old, new) {
		s.levels = append(s.levels, t.level)
		for _, r := range t.unread {
			if !r.IsEmpty() {
				s.levels = append(s.levels, Level{kind: unread})
			}
		}
	}
	slices.SortFunc(s.levels, func(a, b Level) int { return b.compare(a) })
	s.levels = slices.Compact(s.levels)
	return s
}

// byLevel gives, for one kind of peer, the flows that end at each level if
// they stand alone, strictest first; what is in none is allowed.
func (s sides) byLevel(side []terms, kind int) []secgroup.Region {
	out := make([]secgroup.Region, len(s.levels))
	var stricter secgroup.Region
	for i, l := range s.levels {
		var here secgroup.Region
		for _, t := range side {
			if t.level == l {
				here = here.Union(t.none[kind])
			}
			if l == (Level{kind: unread}) {
				here = here.Union(t.unread[kind])
			}
		}
		out[i] = here.Subtract(stricter)
		stricter = stricter.Union(here)
	}
	return out
}

// touched is the flows that some policy is about that the other side lacks.
func (s sides) touched(kind int) secgroup.Region {
	var out secgroup.Region
	for _, t := range slices.Concat(s.old, s.new) {
		if t.changed {
			out = out.Union(t.none[kind]).Union(t.unread[kind])
		}
	}
	return out
}

// flowDifferences gives, for each kind of peer, the flows that end otherwise
// where they stand alone.
func (s sides) flowDifferences() []found {
	var out []found
	for k := range s.kinds {
		touched := s.touched(k)
		if touched.IsEmpty() {
			continue
		}
		old, now := s.byLevel(s.old, k), s.byLevel(s.new, k)
		for i, was := range s.levels {
			for j, is := range s.levels {
				if i == j {
					continue
				}
				r := touched
				if was.kind == allowed {
					r = subtractAll(r, old)
				} else {
					r = r.Intersect(old[i])
				}
				if is.kind == allowed {
					r = subtractAll(r, now)
				} else {
					r = r.Intersect(now[j])
				}
				for _, part := range s.byPolicy(r, was, is, k) {
					f := found{kind: k, manner: Alone, was: was, is: is, flows: part}
					f.oldPolicies, f.newPolicies = s.places(s.old, was, k, part), s.places(s.new, is, k, part)
					f.witness = s.witnessOf(k, part)
					out = append(out, f)
				}
			}
		}
	}
	return out
}

// byPolicy cuts flows into those that the same policies speak of: each part
// has a scope that is easy to say.
func (s sides) byPolicy(r secgroup.Region, was, is Level, kind int) []secgroup.Region {
	parts := []secgroup.Region{r}
	cut := func(by secgroup.Region) {
		var next []secgroup.Region
		for _, p := range parts {
			for _, q := range []secgroup.Region{p.Intersect(by), p.Subtract(by)} {
				if !q.IsEmpty() {
					next = append(next, q)
				}
			}
		}
		parts = next
	}
	if r.IsEmpty() {
		return nil
	}
	for _, end := range []struct {
		side  []terms
		level Level
	}{{s.old, was}, {s.new, is}} {
		for _, t := range end.side {
			if t.level == end.level {
				cut(t.none[kind])
			}
			if end.level == (Level{kind: unread}) {
				cut(t.unread[kind])
			}
		}
	}
	return parts
}

func subtractAll(r secgroup.Region, others []secgroup.Region) secgroup.Region {
	for _, o := range others {
		r = r.Subtract(o)
	}
	return r
}

// places are the policies that make some flows end at a level, and where.
func (s sides) places(side []terms, l Level, kind int, flows secgroup.Region) []Place {
	if l.kind == allowed {
		return nil
	}
	var out []Place
	for _, t := range side {
		if t.level == l && t.none[kind].Overlaps(flows) || l.kind == unread && t.unread[kind].Overlaps(flows) {
			out = append(out, s.placeOf(t, kind, flows))
		}
	}
	return out
}

func (s sides) placeOf(t terms, kind int, flows secgroup.Region) Place {
	p := Place{Policy: t.view.Policy, File: t.view.Policy.File, Line: t.view.Policy.Line}
	for _, b := range t.view.In(s.kinds[kind].group).Boxes(s.dir, s.kinds[kind].peer) {
		if b.Region.Overlaps(flows) {
			p.Line = b.Line
			break
		}
	}
	return p
}

// Place is a policy, and the line of its clause that matters.
type Place struct {
	Policy *policy.Policy
	File   string
	Line   int
}

// Manner is how flows are counted that end otherwise.
type Manner uint8

// The manners of counting.
const (
	Alone    Manner = iota // each by itself
	InSum                  // more of them, in the rules of a group together, than are tolerated
	InARule                // more of them in one rule than are tolerated
	Together               // all of a box to more peers than are tolerated
)

// Where says whether addresses lie within the blocks of the group's own VPCs.
type Where uint8

// The places of addresses.
const (
	Anywhere Where = iota
	Outside
	Inside
)

// Bounds are numbers of addresses, by what is counted together.
type Bounds [len(policy.EveryCounted)]secgroup.Count

// found is one difference in one case.
type found struct {
	dir     secgroup.Direction
	kind    int   // its place among the kinds of peers
	others  []int // other kinds of peers that it is the same for
	words   string
	where   Where
	manner  Manner
	was, is Level
	flows   secgroup.Region
	bounds  Bounds // what is tolerated where manner is not Alone
	upTo    Bounds // how many the looser side may let pass; 0 = all

	several bool // only of several actors together

	oldPolicies, newPolicies []Place
	witness                  *witness   // nil = none was found: the difference may not be one
	kinds                    []peerKind // kind and others
	key                      string     // the same for differences that are told as one, whatever the case
}

func (f found) loosens() bool { return f.was.compare(f.is) > 0 }
