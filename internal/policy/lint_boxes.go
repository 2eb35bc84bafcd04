package policy

import "github.com/sgwarden/sgwarden/internal/secgroup"

// mostCompared is how many boxes of a policy are compared with each other: what
// they forbid together is worked out for each of them.
const mostCompared = 64

// boxes points out boxes of which their exceptions leave nothing.
func (l *linter) boxes() {
	for _, p := range l.policies {
		for i, c := range p.clauses {
			if i >= len(p.places.boxes) || !l.isEmptied(c) {
				continue
			}
			if p.AllowOnly != nil {
				l.warn(p.places.boxes[i], "", "policy %s judges nothing: these allow all of within", p.ID)
			} else {
				l.warn(p.places.boxes[i], "", "this box never matches: its exceptions cover all of it")
			}
		}
	}
}

// isEmptied reports whether a clause forbids nothing to anybody, and would
// without its exceptions.
func (l *linter) isEmptied(c *clause) bool {
	one, matches := []*clause{c}, false
	for _, q := range l.probes {
		if !q.forbids(one).IsEmpty() {
			return false
		}
		matches = matches || !q.boxes(one).IsEmpty()
	}
	return matches
}

// repeated points out boxes of which the others of their policy forbid all: of
// two that are alike, the later.
func (l *linter) repeated() {
	for i := range l.policies {
		p := &l.policies[i]
		if len(p.Forbid) == 0 || len(p.clauses) > mostCompared {
			continue
		}
		before := []regions{make(regions, len(l.probes))} // what boxes before each forbid
		for _, c := range p.clauses {
			before = append(before, before[len(before)-1].with(l.plainly(c)))
		}
		after := make(regions, len(l.probes))
		for n := len(p.clauses) - 1; n >= 0; n-- {
			c := p.clauses[n]
			switch {
			case l.isNothing(c):
			case l.covers(before[n].with(after), c), c.whole && l.hasTwin(c, p.clauses[:n]):
				l.warn(p.places.boxes[n], "remove it", "this box adds nothing: other boxes of the policy forbid all of it")
			default:
				after = after.with(l.plainly(c))
			}
		}
	}
}

// regions are flows by probe.
type regions []secgroup.Region

func (r regions) with(more regions) regions {
	out := make(regions, len(r))
	for i := range r {
		out[i] = r[i].Union(more[i])
	}
	return out
}

// plainly is what a clause forbids; nothing for one with when: whole, which
// forbids no part of its box by itself.
func (l *linter) plainly(c *clause) regions {
	out := make(regions, len(l.probes))
	for i, q := range l.probes {
		if !c.whole {
			out[i] = q.forbids([]*clause{c})
		}
	}
	return out
}

// isNothing reports whether a clause forbids nothing to anybody.
func (l *linter) isNothing(c *clause) bool { return l.covers(make(regions, len(l.probes)), c) }

// hasTwin reports whether one of the clauses is whole and forbids the same.
func (l *linter) hasTwin(c *clause, others []*clause) bool {
	for _, d := range others {
		if d.whole && l.alike(c, d) {
			return true
		}
	}
	return false
}
