package bundle

import (
	"bytes"
	"net/netip"
	"slices"

	"github.com/sgwarden/sgwarden/internal/policy"
	"github.com/sgwarden/sgwarden/internal/secgroup"
)

// canonical puts everything whose order means nothing into one order, so that
// the digest is of the meaning, and a compiled bundle behaves like its files.
func (b *Bundle) canonical() {
	for i := range b.Documents {
		canonicalDocument(&b.Documents[i])
	}
	d := &b.Deployment
	d.Internal = minimal(d.Internal)
	sortTexts(&d.Packs, &d.Trusted.Tags, &d.Trusted.Names)
	for i := range d.Exemptions {
		sortBy(&d.Exemptions[i].Rules, codeRule)
	}
}

func canonicalDocument(d *policy.Document) {
	sortTexts(&d.Checks)
	for k, v := range d.Controls {
		sortTexts(&v)
		d.Controls[k] = v
	}
	canonicalScope(&d.Scope)
	if d.Not != nil {
		canonicalScope(d.Not)
	}
	canonicalClauses(&d.Forbid)
	if a := d.AllowOnly; a != nil {
		canonicalClause(&a.Within)
		canonicalClauses(&a.These)
	}
	for i := range d.Require {
		r := &d.Require[i]
		sortTexts(&r.NotDescribed, &r.Tags, &r.NotNamed)
		if r.Where != nil {
			canonicalClause(r.Where)
		}
	}
	sortBy(&d.Require, codeRequirement)
	if o := d.OnChange; o != nil {
		sortTexts(&o.Calls)
		if o.Unless != nil {
			sortTexts(&o.Unless.Actors, &o.Unless.UserAgents)
		}
	}
	for i := range d.Except {
		sortTexts(&d.Except[i].Actors)
	}
	sortBy(&d.Except, codeExcept)
	d.Remedy.To = minimal(d.Remedy.To)
}

func canonicalScope(s *policy.Scope) {
	sortTexts(&s.Names, &s.IDs, &s.VPCs, &s.Accounts, &s.Regions, &s.UsedBy)
	for k, v := range s.Tags {
		sortTexts(&v)
		s.Tags[k] = v
	}
}

func canonicalClauses(list *[]policy.Clause) {
	for i := range *list {
		canonicalClause(&(*list)[i])
	}
	sortBy(list, codeClause)
}

func canonicalClause(c *policy.Clause) {
	c.Directions = sorted(c.Directions)
	c.Flows = slices.Clone(c.Flows) // boxes that inherit share them
	slices.SortFunc(c.Flows, compareFlows)
	c.Flows = slices.Compact(c.Flows)
	c.Peers = slices.Clone(c.Peers)
	for i := range c.Peers {
		c.Peers[i].CIDRs = minimal(c.Peers[i].CIDRs)
		groups := slices.Clone(c.Peers[i].Groups)
		sortTexts(&groups)
		c.Peers[i].Groups = groups
	}
	sortBy(&c.Peers, codePeer)
	canonicalClauses(&c.But)
}

func compareFlows(a, b policy.FlowSpec) int {
	key := func(f policy.FlowSpec) int {
		return int(f.Protocols.First)<<40 | int(f.Protocols.Last)<<32 | int(f.Span.First)<<16 | int(f.Span.Last)
	}
	return key(a) - key(b)
}

// minimal gives the fewest blocks that cover the same addresses.
func minimal(blocks []netip.Prefix) []netip.Prefix {
	return secgroup.NewAddressSet(blocks...).Prefixes()
}

func sorted[T ~uint8](list []T) []T {
	out := slices.Clone(list)
	slices.Sort(out)
	return slices.Compact(out)
}

func sortTexts(lists ...*[]string) {
	for _, l := range lists {
		slices.Sort(*l)
		*l = slices.Compact(*l)
	}
}

// sortBy sorts by what elements mean, as it is written.
func sortBy[T any](list *[]T, code func(*wire, *T)) {
	type element struct {
		key   []byte
		value T
	}
	elements := make([]element, len(*list))
	for i := range *list {
		w := &wire{writing: true}
		code(w, &(*list)[i])
		elements[i] = element{w.meaning.bytes, (*list)[i]}
	}
	slices.SortStableFunc(elements, func(a, b element) int { return bytes.Compare(a.key, b.key) })
	for i := range elements {
		(*list)[i] = elements[i].value
	}
}
