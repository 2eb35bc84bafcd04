package policydiff

import (
	"fmt"
	"slices"
	"strings"

	"github.com/sgwarden/sgwarden/internal/secgroup"
)

// fold makes as few differences of those of one case and direction as say the
// same: what holds for every kind of peer is said once.
func (s sides) fold(all []found) []found {
	for i := range all {
		all[i].dir = s.dir
		if all[i].words == "" {
			all[i].words = s.kinds[all[i].kind].words
		}
		if all[i].manner == Alone {
			all[i].where = s.whereOf(all[i].kind)
		}
	}
	all = mergeAll(all, s.mergeWhere)
	all = slices.DeleteFunc(all, func(f found) bool { return s.isSaid(f, all) })
	all = mergeAll(all, s.mergeReferences)
	all = mergeAll(all, mergePorts)
	for i := range all {
		for _, k := range append([]int{all[i].kind}, all[i].others...) {
			all[i].kinds = append(all[i].kinds, s.kinds[k])
		}
		all[i].key = all[i].text()
	}
	return all
}

// mergeAll merges each difference into the first before it that takes it.
func mergeAll(all []found, into func(a *found, b found) bool) []found {
	var out []found
	for _, f := range all {
		merged := false
		for i := range out {
			if merged = into(&out[i], f); merged {
				break
			}
		}
		if !merged {
			out = append(out, f)
		}
	}
	return out
}

func (s sides) whereOf(kind int) Where {
	k := s.kinds[kind]
	vary := slices.ContainsFunc(s.kinds, func(o peerKind) bool { return o.inside })
	switch {
	case !k.hasAddresses() || !vary:
		return Anywhere
	case k.inside:
		return Inside
	}
	return Outside
}

// mergeWhere merges what holds for addresses within and outside of the
// group's VPCs alike.
func (s sides) mergeWhere(a *found, b found) bool {
	if a.where == Anywhere || b.where == Anywhere || a.where == b.where || a.words != b.words || a.manner != Alone || !a.sameEnds(b) || !a.flows.Equal(b.flows) {
		return false
	}
	a.where = Anywhere
	return true
}

func (f found) sameEnds(o found) bool {
	return f.manner == o.manner && f.was == o.was && f.is == o.is && samePlaces(f.oldPolicies, o.oldPolicies) && samePlaces(f.newPolicies, o.newPolicies)
}

// samePlaces compares policies; which of their lines matters can differ by port.
func samePlaces(a, b []Place) bool {
	return slices.EqualFunc(a, b, func(x, y Place) bool { return x.Policy == y.Policy })
}

// isSaid reports whether a difference for lists follows from those for blocks:
// of a list that can be read, which is its entries; of one that cannot, where
// they are about the same protocols and ports.
func (s sides) isSaid(f found, all []found) bool {
	list, ok := s.kinds[f.kind].peer.(secgroup.PrefixList)
	if !ok {
		return false
	}
	var said secgroup.Region
	for _, o := range all {
		if _, isBlock := s.kinds[o.kind].peer.(secgroup.CIDR); !isBlock || o.loosens() != f.loosens() {
			continue
		}
		if !list.Readable {
			said = said.Union(forAnybody(o.flows))
		} else if o.sameEnds(f) && (o.where == Anywhere || o.where == f.where) {
			said = said.Union(o.flows)
		}
	}
	if !list.Readable {
		return said.Covers(forAnybody(f.flows))
	}
	return said.Covers(f.flows)
}

// forAnybody is the protocols and ports of a region.
func forAnybody(r secgroup.Region) secgroup.Region {
	var out []secgroup.Slice
	for _, s := range r.Slices() {
		out = append(out, secgroup.Slice{Protocols: s.Protocols, Span: s.Span, IPv4: secgroup.AllIPv4()})
	}
	return secgroup.NewRegion(out...)
}

// mergeReferences merges what holds for several kinds of groups as peers, or
// several kinds of lists that cannot be read.
func (s sides) mergeReferences(a *found, b found) bool {
	kind := func(f found) string {
		switch p := s.kinds[f.kind].peer.(type) {
		case secgroup.GroupReference:
			return "group"
		case secgroup.PrefixList:
			if !p.Readable {
				return "list"
			}
		}
		return ""
	}
	if kind(*a) == "" || kind(*a) != kind(b) || !a.sameEnds(b) || !forAnybody(a.flows).Equal(forAnybody(b.flows)) {
		return false
	}
	a.others = append(a.others, b.kind)
	a.flows = a.flows.Union(b.flows)
	if a.witness == nil {
		a.witness = b.witness
	}
	all := 0
	for i := range s.kinds {
		if kind(found{kind: i}) == kind(b) {
			all++
		}
	}
	if a.words += " or " + b.words; len(a.others)+1 == all {
		a.words = map[string]string{"group": "any group", "list": "any list that cannot be read"}[kind(b)]
	}
	return true
}

// mergePorts merges what is counted port by port, and family by family.
func mergePorts(a *found, b found) bool {
	if a.manner == Alone || a.words != b.words || a.where != b.where || !a.sameEnds(b) || (a.witness == nil) != (b.witness == nil) {
		return false
	}
	for i := range a.bounds {
		if !a.bounds[i].IsZero() && !b.bounds[i].IsZero() && (a.bounds[i] != b.bounds[i] || a.upTo[i] != b.upTo[i]) {
			return false
		}
	}
	for i := range a.bounds {
		if a.bounds[i].IsZero() {
			a.bounds[i], a.upTo[i] = b.bounds[i], b.upTo[i]
		}
	}
	a.flows = a.flows.Union(b.flows)
	for _, k := range b.others {
		if !slices.Contains(a.others, k) {
			a.others = append(a.others, k)
		}
	}
	return true
}

// text is what is told of a difference, as one text.
func (f found) text() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%v %v %v %v %q %v %v %v %v", f.dir, f.manner, f.was, f.is, f.words, f.where, f.bounds, f.upTo, f.witness != nil)
	for _, side := range [][]Place{f.oldPolicies, f.newPolicies} {
		b.WriteString(" |")
		for _, p := range side {
			fmt.Fprintf(&b, " %s:%d", p.Policy.ID, p.Line)
		}
	}
	for _, s := range f.flows.Slices() {
		fmt.Fprintf(&b, "\n%v %v %s %s %v", s.Protocols, s.Span, s.IPv4, s.IPv6, s.Atoms)
	}
	return b.String()
}
