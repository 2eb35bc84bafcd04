package policydiff

import (
	"slices"

	"github.com/sgwarden/sgwarden/internal/policy"
	"github.com/sgwarden/sgwarden/internal/secgroup"
)

// terms is what one policy demands of the rules of a group in one direction,
// by kind of peer. A set of rules passes the policy if it meets all of them:
//
//	none   none of these flows is open
//	sum    each protocol and port of these flows is open to as many addresses
//	       that are counted together as the bound says, and no more
//	whole  as many peers as the bound says have all flows of the box open to
//	       them, and no more
//
// A walk through the rules finds nothing too much exactly if the whole set
// passes, in whatever order it goes.
type terms struct {
	view    policy.View
	level   Level
	changed bool // the other side has no policy that judges alike
	none    []secgroup.Region
	unread  []secgroup.Region // what may be forbidden of peers that cannot be read
	sum     []secgroup.Region
	whole   []box
}

// box is a box with `when: whole`, by kind of peer.
type box struct {
	flows  []secgroup.Region
	exempt []secgroup.Region // a peer with some of these is never complete
}

// termsOf takes a policy apart for some kinds of peers.
func termsOf(v policy.View, dir secgroup.Direction, kinds []peerKind) terms {
	n := len(kinds)
	t := terms{view: v, level: levelOf(v), none: make([]secgroup.Region, n), unread: make([]secgroup.Region, n), sum: make([]secgroup.Region, n)}
	wholes := map[int]int{} // a clause -> its place in t.whole
	for k, kind := range kinds {
		in := v.In(kind.group)
		exempt := in.Exempt(dir, kind.peer)
		var open secgroup.Region
		for _, b := range in.Boxes(dir, kind.peer) {
			if !b.Whole {
				open = open.Union(b.Region)
				continue
			}
			i, ok := wholes[b.Clause]
			if !ok {
				i = len(t.whole)
				wholes[b.Clause] = i
				t.whole = append(t.whole, box{make([]secgroup.Region, n), make([]secgroup.Region, n)})
			}
			t.whole[i].flows[k], t.whole[i].exempt[k] = b.Region, exempt
			t.none[k] = t.none[k].Union(t.alone(b.Region, exempt))
		}
		open = open.Subtract(exempt)
		counted := t.counted(open)
		t.sum[k] = counted
		t.none[k] = t.none[k].Union(open.Subtract(counted))
		t.unread[k] = in.Possible(dir, kind.peer).Subtract(exempt)
	}
	return t
}

// counted is the part of a region that a bound above zero is on.
func (t terms) counted(r secgroup.Region) secgroup.Region {
	all := r.Addresses()
	bounded := all
	for _, c := range policy.EveryCounted {
		if t.bound(c).IsZero() {
			bounded = bounded.Subtract(c.Of(all))
		}
	}
	return r.WithinAddresses(bounded)
}

// alone is the part of a box with `when: whole` for peers to which it holds a
// single flow: those are forbidden as they are, if none is tolerated.
func (t terms) alone(r, exempt secgroup.Region) secgroup.Region {
	var out secgroup.Region
	slices := r.Slices()
	for i, s := range slices {
		p := secgroup.Protocol(s.Protocols.First)
		one := s.Protocols.First == s.Protocols.Last && (s.Span.First == s.Span.Last || !p.HasPorts() && !p.IsICMP())
		if !one {
			continue
		}
		var rest secgroup.Region
		for j, other := range slices {
			if j != i {
				rest = rest.Union(secgroup.NewRegion(other))
			}
		}
		out = out.Union(without(secgroup.NewRegion(s), rest.Union(r.Intersect(exempt))))
	}
	return out.Subtract(t.counted(out))
}

// without is the flows of r to peers that have no flow in other.
func without(r, other secgroup.Region) secgroup.Region {
	addresses, atoms := other.Addresses(), other.Atoms()
	return r.WithinAddresses(r.Addresses().Subtract(addresses)).Union(r.OnlyAtoms(func(key string) bool { return !slices.Contains(atoms, key) }))
}

func (t terms) bound(c policy.Counted) secgroup.Count { return t.view.Policy.Bound(c) }

func (t terms) perRule() bool { return t.view.Policy.PerRule() }

// completable is the flows of a box to peers that can have all of it.
func (b box) completable(kind int) secgroup.Region {
	return without(b.flows[kind], b.flows[kind].Intersect(b.exempt[kind]))
}

// onCounted is the part of a region on addresses that are counted together.
func onCounted(r secgroup.Region, c policy.Counted) secgroup.Region {
	return r.WithinAddresses(c.Of(r.Addresses()))
}
