package policy

import (
	"reflect"
	"slices"

	"github.com/sgwarden/sgwarden/internal/secgroup"
)

// shadowed points out policies of the deployment's own that do nothing beside
// another one. Embedded packs overlap by intent: docs/design/0014.
func (l *linter) shadowed() {
	for i := range l.policies {
		p := &l.policies[i]
		if p.Shipped || !p.forbids() || !slices.ContainsFunc(p.clauses, func(c *clause) bool { return !l.isNothing(c) }) {
			continue
		}
		for k := range l.policies {
			o := &l.policies[k]
			if i == k || !o.forbids() || !l.isWithin(p, o) || k > i && !o.Shipped && l.isWithin(o, p) {
				continue // of two that are the same the later is too much
			}
			hint := "remove it, or give it another scope"
			if o.Shipped {
				hint += "; of rules that AWS services make, policies of packs only alert"
			}
			l.warn(p.places.judged, hint, "all that policy %s forbids, policy %s (%s) forbids too, with no weaker remedy", p.ID, o.ID, o.places.id)
			break
		}
	}
}

// isWithin reports whether everything that p does is done by o too.
func (l *linter) isWithin(p, o *linted) bool {
	a, b := p.Tolerate.bounds(), o.Tolerate.bounds()
	switch {
	case !o.isForAllOf(p),
		lowerMode(Enforce, o.Mode) < lowerMode(Enforce, p.Mode),
		!o.Remedy.isNoWeaker(p.Remedy),
		b[0].Cmp(a[0]) > 0 || b[1].Cmp(a[1]) > 0,
		o.Tolerate.PerRule && !p.Tolerate.PerRule,
		len(o.Except) > 0 && !sameExcept(o.Except, p.Except),
		slices.ContainsFunc(l.Deployment.Exemptions, func(x Exemption) bool { return x.Policy == o.ID }):
		return false
	}
	all := l.forbidden(o)
	for i, r := range l.forbidden(p) {
		if !all[i].Covers(r) {
			return false
		}
	}
	// A whole box is done by the same one, or by boxes that ask for less.
	for _, c := range p.clauses {
		if c.whole && !l.covers(all, c) && !slices.ContainsFunc(o.clauses, func(d *clause) bool { return d.whole && l.alike(c, d) }) {
			return false
		}
	}
	return true
}

// covers reports whether regions, by probe, hold all that a clause forbids.
func (l *linter) covers(regions []secgroup.Region, c *clause) bool {
	for i, q := range l.probes {
		if !regions[i].Covers(q.forbids([]*clause{c})) {
			return false
		}
	}
	return true
}

// alike reports whether two clauses forbid the same.
func (l *linter) alike(c, d *clause) bool {
	for _, q := range l.probes {
		if !q.forbids([]*clause{c}).Equal(q.forbids([]*clause{d})) {
			return false
		}
	}
	return true
}

// isForAllOf reports whether o is certainly for every group that p is for.
func (o *linted) isForAllOf(p *linted) bool {
	return (o.Scope.isEmpty() || o.Scope.equal(p.Scope)) && (o.Not == nil || p.Not != nil && o.Not.equal(*p.Not))
}

func (t Tolerance) bounds() [2]secgroup.Count {
	if t == (Tolerance{}) {
		return [2]secgroup.Count{}
	}
	return [2]secgroup.Count{secgroup.CountOf(t.IPv4, false), secgroup.CountOf(t.IPv6, true)}
}

// isNoWeaker reports whether a remedy takes away all that another would, and
// no later.
func (r Remedy) isNoWeaker(o Remedy) bool {
	order := []RemedyKind{DoAlert, DoTag, DoNarrow, DoRevert}
	if r.After > o.After || slices.Index(order, r.Do) < slices.Index(order, o.Do) {
		return false
	}
	return r.Do != DoNarrow || o.Do != DoNarrow || r.equal(o)
}

func sameExcept(a, b []Except) bool {
	bare := func(list []Except) []Except {
		list = slices.Clone(list)
		for i := range list {
			list[i].File, list[i].Line, list[i].Reason = "", 0, ""
		}
		return list
	}
	return reflect.DeepEqual(bare(a), bare(b))
}

// contradictions points out policies of which together nothing is allowed that
// one of them means to allow.
func (l *linter) contradictions() {
	for i := range l.policies {
		for k := range l.policies {
			p, o := &l.policies[i], &l.policies[k]
			switch {
			case i == k || p.AllowOnly == nil || !o.forbids() || o.Tolerate.bounds() != ([2]secgroup.Count{}) || !mayMeet(p, o):
			case o.AllowOnly == nil:
				if o.isForAllOf(p) && l.forbidsAllOf(o, p) {
					l.warn(p.places.judged, "let the other leave it out under but, or give one another scope", "all that policy %s allows, policy %s (%s) forbids", p.ID, o.ID, o.places.id)
				}
			case k < i && l.nothingInCommon(p, o):
				l.warn(p.places.judged, "let them allow something in common, or give one another scope", "policies %s and %s (%s) contradict: where both judge, none of what one allows is allowed by the other", p.ID, o.ID, o.places.id)
			}
		}
	}
}

// mayMeet reports whether some group may be in the scope of both.
func mayMeet(p, o *linted) bool {
	a, b := newScopeMatcher(p.Scope), newScopeMatcher(o.Scope)
	return !a.apart(b)
}

// forbidsAllOf reports whether o forbids everything that p, an allowOnly,
// allows.
func (l *linter) forbidsAllOf(o, p *linted) bool {
	allows := false
	forbidden := l.forbidden(o)
	for i, allowed := range l.allowed(p) {
		if !forbidden[i].Covers(allowed) {
			return false
		}
		allows = allows || !allowed.IsEmpty()
	}
	return allows
}

// nothingInCommon reports whether both allow something where both judge, and
// never the same.
func (l *linter) nothingInCommon(p, o *linted) bool {
	mine, yours := l.allowed(p), l.allowed(o)
	var pAllows, oAllows bool
	for i, q := range l.probes {
		where := q.boxes(p.clauses).Intersect(q.boxes(o.clauses))
		a, b := mine[i].Intersect(where), yours[i].Intersect(where)
		if a.Overlaps(b) {
			return false
		}
		pAllows, oAllows = pAllows || !a.IsEmpty(), oAllows || !b.IsEmpty()
	}
	return pAllows && oAllows
}

// allowed is what an allowOnly allows of its within, by probe.
func (l *linter) allowed(p *linted) []secgroup.Region {
	var out []secgroup.Region
	forbidden := l.forbidden(p)
	for i, q := range l.probes {
		out = append(out, q.boxes(p.clauses).Subtract(forbidden[i]))
	}
	return out
}
