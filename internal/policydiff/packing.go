package policydiff

import (
	"slices"

	"github.com/sgwarden/sgwarden/internal/policy"
	"github.com/sgwarden/sgwarden/internal/secgroup"
)

// A bound on sums, or a box with `when: whole`, can be broken by many sets of
// rules. The question is whether the other side passes one of them. Say that
// more than `bound` peers of `needs` are open, each with all flows that it has
// there. Every term of the other side is then a layer: some of those peers, of
// which only so many may be open. How many fit at most?
//
//	peers      |--------------------------|   bound 10
//	layer 1    |------------|                 at most 4
//	layer 2            |---------|            at most 3
//	neither                       |-------|   5 addresses
//
// For any choice of layers, no more fit than these allow together, and those
// peers that lie in none of them: 4+3+5 here. The smallest such sum is what
// is taken for the most. It may be too large only where three layers or more
// cut across each other: then a difference is told that is none, never the
// reverse. A witness, judged by the real judgement, shows that it is one.

// demand is the flows that break a term of one side, by kind of peer, of what
// is counted together.
type demand struct {
	needs   []secgroup.Region
	counted policy.Counted
	bound   secgroup.Count
	perRule bool // within one rule
}

// layer is peers of a demand, by kind, of which only so many may be open.
type layer struct {
	peers []secgroup.AddressSet
	bound secgroup.Count
}

// mostLayers bounds the choices of layers that are tried: 2^mostLayers.
const mostLayers = 10

// want is the peers of the demand, by kind.
func (d demand) want() []secgroup.AddressSet {
	out := make([]secgroup.AddressSet, len(d.needs))
	for k, r := range d.needs {
		out[k] = r.Addresses()
	}
	return out
}

// against is terms that a set of rules shall pass: those of a level on.
type against struct {
	terms []terms
	from  Level
}

// layersOf gives what those terms are to a demand; the first layer admits
// nothing. Bounds on each rule alone say nothing of many small rules.
func (d demand) layersOf(all ...against) []layer {
	var out []layer
	none := layer{peers: make([]secgroup.AddressSet, len(d.needs))}
	for _, side := range all {
		for _, t := range side.terms {
			if t.level.compare(side.from) < 0 {
				continue
			}
			for k, r := range d.needs {
				none.peers[k] = none.peers[k].Union(r.Intersect(t.none[k]).Addresses())
			}
			if t.perRule() && !d.perRule {
				continue
			}
			out = append(out, d.sumLayers(t)...)
			for _, b := range t.whole {
				out = append(out, d.wholeLayers(b, t)...)
			}
		}
	}
	out = slices.DeleteFunc(out, func(l layer) bool {
		return !slices.ContainsFunc(l.peers, func(s secgroup.AddressSet) bool { return !s.IsEmpty() })
	})
	return append([]layer{none}, distinct(out)...)
}

// distinct drops layers that others say already, and puts the tightest first.
func distinct(layers []layer) []layer {
	slices.SortStableFunc(layers, func(a, b layer) int { return a.bound.Cmp(b.bound) })
	var out []layer
	for _, l := range layers {
		if !slices.ContainsFunc(out, func(o layer) bool {
			return slices.EqualFunc(o.peers, l.peers, secgroup.AddressSet.Equal)
		}) {
			out = append(out, l)
		}
	}
	return out
}

func (d demand) sumLayers(t terms) []layer {
	common := make([]secgroup.Region, len(d.needs))
	for k, r := range d.needs {
		common[k] = onCounted(r.Intersect(t.sum[k]), d.counted)
	}
	var out []layer
	for _, p := range piecesOf(common) {
		l := make([]secgroup.AddressSet, len(d.needs))
		for k, r := range common {
			l[k] = p.of(r).Addresses()
		}
		out = append(out, layersWithin(l, t)...)
	}
	return out
}

// wholeLayers is the peers that have a whole box where they have what they need.
func (d demand) wholeLayers(b box, t terms) []layer {
	peers := make([]secgroup.AddressSet, len(d.needs))
	for k, needs := range d.needs {
		all := onCounted(b.completable(k), d.counted)
		peers[k] = all.Addresses().Subtract(all.Subtract(needs).Addresses())
	}
	return layersWithin(peers, t)
}

// layersWithin is each part of some peers that t bounds.
func layersWithin(peers []secgroup.AddressSet, t terms) (out []layer) {
	for _, c := range policy.EveryCounted {
		l := layer{peers: make([]secgroup.AddressSet, len(peers)), bound: t.bound(c)}
		for k, s := range peers {
			l.peers[k] = c.Of(s)
		}
		out = append(out, l)
	}
	return out
}

// most is how many peers of the demand may be open, or more.
func (d demand) most(layers []layer) secgroup.Count {
	rest := d.want()
	for k := range rest { // the first layer admits nothing
		rest[k] = rest[k].Subtract(layers[0].peers[k])
	}
	layers = layers[1:]
	if len(layers) > mostLayers {
		layers = layers[:mostLayers]
	}
	least := d.count(rest)
	for choice := 1; choice < 1<<len(layers); choice++ {
		left, sum := slices.Clone(rest), secgroup.Count{}
		for i, l := range layers {
			if choice>>i&1 == 0 {
				continue
			}
			sum = sum.Add(l.bound)
			for k := range left {
				left[k] = left[k].Subtract(l.peers[k])
			}
		}
		if sum = sum.Add(d.count(left)); sum.Cmp(least) < 0 {
			least = sum
		}
	}
	return least
}

// count counts an address once, whatever kinds of peers it can be.
func (d demand) count(peers []secgroup.AddressSet) secgroup.Count {
	var all secgroup.AddressSet
	for _, s := range peers {
		all = all.Union(s)
	}
	return all.Count()
}

// breakable reports whether some set of rules breaks the term that the demand
// is of and passes all others, as far as that can be told.
func (d demand) breakable(all ...against) bool {
	return d.most(d.layersOf(all...)).Cmp(d.bound) > 0
}

// piece is some flows, of one protocol or of whole protocols, that some
// regions hold alike for every peer.
type piece struct {
	protocols secgroup.ProtocolRange
	span      secgroup.Span
}

// point is the first flow of a piece.
func (p piece) point() piece {
	one := secgroup.ProtocolRange{First: p.protocols.First, Last: p.protocols.First}
	protocol := secgroup.Protocol(p.protocols.First)
	if !protocol.HasPorts() && !protocol.IsICMP() {
		return piece{one, secgroup.FullSpan}
	}
	return piece{one, secgroup.Span{First: p.span.First, Last: p.span.First}}
}

func (p piece) of(r secgroup.Region) secgroup.Region { return r.On(p.protocols, p.span) }

// piecesOf cuts all that some regions hold into pieces.
func piecesOf(regions []secgroup.Region) []piece {
	var cuts []uint32
	for _, r := range regions {
		for _, s := range r.Slices() {
			first, last := uint32(s.Protocols.First)<<16|uint32(s.Span.First), uint32(s.Protocols.Last)<<16|uint32(s.Span.Last)
			// The ends of protocols too, so that a piece is of one or of whole ones.
			cuts = append(cuts, first, last+1, first&^0xffff, (first|0xffff)+1, last&^0xffff, (last|0xffff)+1)
		}
	}
	slices.Sort(cuts)
	cuts = slices.Compact(cuts)
	var out []piece
	for i := 0; i+1 < len(cuts); i++ {
		first, last := cuts[i], cuts[i+1]-1
		p := piece{secgroup.ProtocolRange{First: uint8(first >> 16), Last: uint8(last >> 16)}, secgroup.Span{First: uint16(first), Last: uint16(last)}}
		if slices.ContainsFunc(regions, func(r secgroup.Region) bool { return !p.of(r).IsEmpty() }) {
			out = append(out, p)
		}
	}
	return out
}
