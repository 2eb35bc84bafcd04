package policy

import (
	"cmp"
	"net/netip"
	"slices"
	"strings"
)

// maxBlocks is how many blocks all sets may hold together: a thousand sets that
// name a large one hold it a thousand times.
const maxBlocks = 50_000

// setResolver gives sets their blocks: entries are blocks, or other sets.
type setResolver struct {
	*reporter
	declared map[string]*declaredSet
	// shipped is true while a policy of an embedded pack is read: a set that it
	// names is the deployment's to fill, and empty until it does.
	shipped bool
	// local are what an override says that sets hold, for the policy that is
	// read; nil = nothing.
	local map[string][]netip.Prefix
	named map[string]bool // sets that some policy or other set names
	held  int             // blocks of all sets so far
}

type declaredSet struct {
	name    word
	entries []setEntry
	state   setState
	blocks  []netip.Prefix
}

type setState uint8

const (
	setUnread setState = iota
	setInWork
	setDone
)

// setEntry is a block, or set:NAME.
type setEntry struct {
	word
	prefix netip.Prefix // valid for a block
}

func (e *setEntry) read(s *syntaxReader, n *yamlNode, label string) {
	e.word.read(s, n, label)
	if e.text != "" && !strings.HasPrefix(e.text, "set:") {
		e.prefix = readCIDR(s.reporter, e.word)
	}
}

func newSetResolver(r *reporter) *setResolver {
	return &setResolver{reporter: r, declared: map[string]*declaredSet{}, named: map[string]bool{}}
}

// declare takes the sets of the settings, and resolves them all.
func (r *setResolver) declare(sets keyed[possiblyEmpty[setEntry]]) {
	for _, s := range sets {
		if !only(s.key.text, setLetters) {
			r.fault(s.key.position, "lower-case letters, digits, - _ and .", "%q cannot be the name of a set", s.key.text)
		}
		r.declared[s.key.text] = &declaredSet{name: s.key, entries: s.value}
	}
	for _, s := range sets {
		r.blocks(r.declared[s.key.text], nil)
	}
}

// resolve gives the blocks of a set that is named at a place.
func (r *setResolver) resolve(name string, at word) []netip.Prefix {
	r.named[name] = true
	if blocks, ok := r.local[name]; ok {
		return blocks
	}
	s, ok := r.declared[name]
	if !ok && r.shipped {
		return nil
	}
	if !ok {
		hint := "declare it under sets in the settings"
		if !r.isFull(at.position) {
			hint = cmp.Or(didYouMean(name, sortedKeys(r.declared)), hint)
		}
		r.fault(at.position, hint, "unknown set %q", name)
		return nil
	}
	return r.blocks(s, nil)
}

// blocks gives the blocks of a set, each once. path are the sets that are
// being resolved, outermost first.
func (r *setResolver) blocks(s *declaredSet, path []string) []netip.Prefix {
	if s.state == setDone || r.held > maxBlocks {
		return s.blocks
	}
	s.state = setInWork
	path = append(path, s.name.text)
	seen := map[string]bool{}
	for _, e := range s.entries {
		if seen[e.text] {
			continue
		}
		seen[e.text] = true
		if e.prefix.IsValid() {
			s.blocks = append(s.blocks, e.prefix)
			continue
		}
		name, isSet := strings.CutPrefix(e.text, "set:")
		if !isSet {
			continue // its fault is reported already
		}
		r.named[name] = true
		if inner, ok := r.declared[name]; ok && inner.state == setInWork {
			cycle := append(slices.Clone(path[slices.Index(path, name):]), name)
			r.fault(e.position, "", "the set contains itself: %s", strings.Join(cycle, " -> "))
			continue
		} else if ok {
			s.blocks = append(s.blocks, r.blocks(inner, path)...)
			continue
		}
		s.blocks = append(s.blocks, r.resolve(name, e.word)...)
	}
	s.state = setDone
	if r.held += len(s.blocks); r.held > maxBlocks {
		r.fault(s.name.position, "let fewer sets name large ones", "the sets hold more than %d blocks together", maxBlocks)
	}
	slices.SortFunc(s.blocks, netip.Prefix.Compare)
	s.blocks = slices.Compact(s.blocks)
	return s.blocks
}
