package soak

import (
	"net/netip"
	"slices"

	"github.com/sgwarden/sgwarden/internal/secgroup"
)

// overTolerance gives the forbidden witnesses on flows where the rules together
// reach more internet addresses than the law tolerates.
func (w *world) overTolerance(l law, group string, rules []secgroup.Rule) (over packets) {
	p := w.place(group)
	f := w.forbiddenIn(l, group)
	blocks := map[flow][2][]netip.Prefix{}
	for _, r := range rules {
		reached := map[flow]bool{}
		w.universe.of(r).and(w.forbiddenBut(l, group, r)).each(func(n int) { reached[flowOf(w.universe.packets[n])] = true })
		for fl := range reached {
			b := blocks[fl]
			for _, block := range blocksOf(r) {
				family := 0
				if block.Addr().Is6() {
					family = 1
				}
				b[family] = append(b[family], block)
			}
			blocks[fl] = b
		}
	}
	counts := map[flow][2]uint64{}
	for fl, b := range blocks {
		own := slices.Concat(p.blocks, w.excusedBlocks(l, group, fl)) // neither counts
		counts[fl] = [2]uint64{internetCount(b[0], own), internetCount(b[1], own)}
	}
	f.each(func(n int) {
		packet := w.universe.packets[n]
		family, bound := 0, l.ipv4
		if packet.Remote.Is6() {
			family, bound = 1, l.ipv6
		}
		if counts[flowOf(packet)][family] > bound {
			over.add(n)
		}
	})
	return over
}

// completed gives the forbidden witnesses whose other end reaches every flow
// that the law forbids.
func (w *world) completed(l law, group string, rules []secgroup.Rule) (done packets) {
	f := w.forbiddenIn(l, group)
	var open packets
	for _, r := range rules {
		open = open.or(w.universe.of(r).without(f.without(w.forbiddenBut(l, group, r))))
	}
	missing := map[string]bool{}
	f.each(func(n int) {
		if !open.has(n) {
			missing[farEnd(w, n)] = true
		}
	})
	f.each(func(n int) {
		if !missing[farEnd(w, n)] {
			done.add(n)
		}
	})
	return done
}

// excusedBlocks are the blocks that are exempt under a law on a flow, whichever
// rule opens them.
func (w *world) excusedBlocks(l law, group string, fl flow) (blocks []netip.Prefix) {
	for _, id := range sortedKeys(w.history.excused) {
		e := w.history.excused[id]
		if w.step.blind || e.group != group || e.law != l.id {
			continue
		}
		r, on := e.rule, false
		if _, isList := r.Peer.(secgroup.PrefixList); isList {
			continue // only what refers to it, with all of its blocks
		}
		w.universe.of(r).each(func(n int) { on = on || flowOf(w.universe.packets[n]) == fl })
		if on {
			blocks = append(blocks, blocksOf(r)...)
		}
	}
	return blocks
}

func farEnd(w *world, n int) string {
	p := w.universe.packets[n]
	if p.Remote.IsValid() {
		return p.Remote.String()
	}
	return p.Group
}

// blocksOf are the address blocks of a rule's peer.
func blocksOf(r secgroup.Rule) []netip.Prefix {
	switch p := r.Peer.(type) {
	case secgroup.CIDR:
		return []netip.Prefix{p.Prefix}
	case secgroup.PrefixList:
		return p.Entries
	}
	return nil
}
