package secgroup

import "slices"

// peers is a set of addresses and atoms.
type peers struct {
	addresses AddressSet
	atoms     []string // sorted, each once; never changed
}

func (p peers) isEmpty() bool { return p.addresses.IsEmpty() && len(p.atoms) == 0 }

func (p peers) equal(o peers) bool {
	return p.addresses.Equal(o.addresses) && slices.Equal(p.atoms, o.atoms)
}

func (p peers) union(o peers) peers {
	return peers{p.addresses.Union(o.addresses), unionAtoms(p.atoms, o.atoms)}
}

func (p peers) intersect(o peers) peers {
	return peers{p.addresses.Intersect(o.addresses), filterAtoms(p.atoms, func(key string) bool {
		return hasAtom(o.atoms, key)
	})}
}

func (p peers) subtract(o peers) peers {
	return peers{p.addresses.Subtract(o.addresses), filterAtoms(p.atoms, func(key string) bool {
		return !hasAtom(o.atoms, key)
	})}
}

func (p peers) overlap(o peers) bool {
	return p.addresses.Overlaps(o.addresses) ||
		slices.ContainsFunc(p.atoms, func(key string) bool { return hasAtom(o.atoms, key) })
}

func (p peers) cover(o peers) bool {
	return p.addresses.Covers(o.addresses) &&
		!slices.ContainsFunc(o.atoms, func(key string) bool { return !hasAtom(p.atoms, key) })
}

func hasAtom(sorted []string, key string) bool {
	_, ok := slices.BinarySearch(sorted, key)
	return ok
}

func sortedAtoms(keys []string) []string {
	if len(keys) == 0 {
		return nil
	}
	keys = slices.Clone(keys)
	slices.Sort(keys)
	return slices.Compact(keys)
}

func unionAtoms(a, b []string) []string {
	if len(a) == 0 || slices.Equal(a, b) {
		return b
	}
	if len(b) == 0 {
		return a
	}
	return sortedAtoms(slices.Concat(a, b))
}

func filterAtoms(keys []string, keep func(string) bool) []string {
	var out []string
	for _, key := range keys {
		if keep(key) {
			out = append(out, key)
		}
	}
	return out
}
