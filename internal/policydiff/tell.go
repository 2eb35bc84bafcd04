package policydiff

import (
	"cmp"
	"slices"
	"strings"

	"github.com/sgwarden/sgwarden/internal/policy"
	"github.com/sgwarden/sgwarden/internal/secgroup"
)

// product is cases as a product of values: for each dimension, which of them.
type product struct {
	chosen [][]bool
	cell   *seenCell // one of the cases
	found  found
}

// tell puts the cases in which one difference holds together, and more that were
// found beside them, and says in words what they are.
func (c *comparison) tell(more []product) []Difference {
	var keys []string
	products := map[string][]product{}
	add := func(p product) {
		key := p.found.key
		if products[key] == nil {
			keys = append(keys, key)
		}
		products[key] = append(products[key], p)
	}
	for i := range c.all {
		for _, f := range c.all[i].found {
			add(c.single(&c.all[i], f))
		}
	}
	for _, p := range more {
		add(p)
	}
	var out []Difference
	for _, key := range keys {
		for _, p := range widen(products[key]) {
			out = append(out, c.difference(p))
		}
	}
	slices.SortStableFunc(out, compareDifferences)
	return out
}

// single is one case as a product.
func (c *comparison) single(s *seenCell, f found) product {
	p := product{cell: s, found: f}
	for i, d := range c.dimensions {
		chosen := make([]bool, len(d.values))
		chosen[s.place[i]] = true
		p.chosen = append(p.chosen, chosen)
	}
	return p
}

// widen puts products together that differ in one dimension only, as long as
// there are some.
func widen(all []product) []product {
	for again := true; again; {
		again = false
		for d := range all[0].chosen {
			byRest := map[string]int{}
			var next []product
			for _, p := range all {
				key := restOf(p, d)
				at, ok := byRest[key]
				if !ok {
					byRest[key] = len(next)
					next = append(next, p)
					continue
				}
				chosen := slices.Clone(next[at].chosen[d])
				for i, is := range p.chosen[d] {
					chosen[i] = chosen[i] || is
				}
				next[at].chosen = slices.Clone(next[at].chosen)
				next[at].chosen[d] = chosen
				again = true
			}
			all = next
		}
	}
	return all
}

func restOf(p product, but int) string {
	var b strings.Builder
	for d, chosen := range p.chosen {
		if d == but {
			continue
		}
		for _, is := range chosen {
			b.WriteString(flag(is))
		}
		b.WriteByte(' ')
	}
	return b.String()
}

func (c *comparison) difference(p product) Difference {
	f := p.found
	x := Difference{
		Loosens: f.loosens(), Was: f.was, Is: f.is, Direction: f.dir, Flows: f.flows, Peers: f.words, Where: f.where,
		Manner: f.manner, Bounds: f.bounds, UpTo: f.upTo, OldPolicies: f.oldPolicies, NewPolicies: f.newPolicies,
	}
	var scope []string
	for i, d := range c.dimensions {
		switch words := d.words(p.chosen[i]); {
		case d.about == aboutTime:
			x.From, x.Until = d.span(p.chosen[i])
		case words == "":
		case d.about == aboutActor:
			x.Actor, x.ByService, x.ButByService = words, words == byService, words == notByService
		default:
			scope = append(scope, words)
		}
	}
	if x.BySeveral = f.several; f.several {
		x.Actor = "by several actors together, whom no policy leaves out all"
	}
	if x.Scope = "every group"; len(scope) > 0 {
		x.Scope = strings.Join(scope, ", ")
	}
	x.dimensions, x.chosen, x.kinds = c.dimensions, p.chosen, f.kinds
	x.fillCase(p.cell.who, f.witness)
	x.OfServices = c.isOfServices(p.cell.who, f)
	return x
}

// isOfServices reports whether what ends otherwise, of what an AWS service made,
// does so as the policies that are stricter about it are, on the other side, the
// same with another answer to "is it of an embedded pack".
func (c *comparison) isOfServices(who policy.Case, f found) bool {
	stricter, others, looser := f.oldPolicies, c.new, f.is
	if !f.loosens() {
		stricter, others, looser = f.newPolicies, c.old, f.was
	}
	if who.By == nil || who.By.Actor.Type != serviceType || looser.kind != alerted {
		return false
	}
	return len(stricter) > 0 && !slices.ContainsFunc(stricter, func(p Place) bool {
		return !slices.ContainsFunc(others.Policies, func(o *policy.Policy) bool {
			return o.ID == p.Policy.ID && o.Shipped() != p.Policy.Shipped() && o.Remedy.Do == p.Policy.Remedy.Do && o.Mode == p.Policy.Mode
		})
	})
}

// Holds reports whether a rule of a case has a flow that ends otherwise by
// this difference: by itself, or, where flows are counted, with others.
func (d Difference) Holds(c policy.Case, r secgroup.Rule) bool {
	for i, dim := range d.dimensions {
		if !dim.holds(d.chosen[i], c) {
			return false
		}
	}
	if r.Direction != d.Direction {
		return false
	}
	own := secgroup.AddressSet{}
	for _, v := range c.Group.VPCs {
		own = own.Union(secgroup.NewAddressSet(v.CIDRs...))
	}
	region := r.Region()
	switch d.Where {
	case Inside:
		region = region.WithinAddresses(own)
	case Outside:
		region = region.WithinAddresses(region.Addresses().Subtract(own))
	}
	list, isList := r.Peer.(secgroup.PrefixList)
	_, isBlock := r.Peer.(secgroup.CIDR)
	for _, k := range d.kinds {
		switch {
		case k.is == nil && (isBlock || isList && list.Readable):
			if d.Flows.Overlaps(region) {
				return true
			}
		case k.is == nil && isList, k.is != nil && (!k.hasAddresses() || d.Manner != Alone) && k.is(r.Peer, c.Group):
			if forAnybody(d.Flows).Overlaps(forAnybody(region)) {
				return true
			}
		case k.is != nil && k.is(r.Peer, c.Group):
			if d.Flows.Overlaps(region) {
				return true
			}
		}
	}
	return false
}

func (x *Difference) fillCase(who policy.Case, w *witness) {
	x.Group, x.At = who.Group, who.Now
	if who.By != nil {
		x.By = cmp.Or(who.By.Actor.ARN, who.By.Actor.Type)
	}
	if w == nil {
		return
	}
	x.Rules, x.Packet = w.rules, w.packet
	x.Group.VPCs = w.group.VPCs
	if w.ownID {
		x.Group.ID = w.group.ID
	}
}

// compareDifferences puts what loosens first, then what was stopped hardest.
func compareDifferences(a, b Difference) int {
	if a.Loosens != b.Loosens {
		if a.Loosens {
			return -1
		}
		return 1
	}
	return cmp.Or(b.Was.compare(a.Was), b.Is.compare(a.Is), cmp.Compare(a.Direction, b.Direction), cmp.Compare(a.Manner, b.Manner))
}
