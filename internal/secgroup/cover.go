package secgroup

import (
	"cmp"
	"slices"
)

// Region to rules: the fewest rules whose union is a region.
//
// A rule is a "block" (a CIDR, or one atom) times a "line": all protocols,
// one port range of tcp or udp, one ICMP type or type and code, all of ICMP,
// or all of another protocol. Each family and each atom is a problem of its
// own. Call T(b) the flows that are open to all of block b. Two facts make
// the fewest rules easy to find:
//
//   - Blocks form a tree, and T grows downward: what is open to a block is
//     open to both of its halves.
//   - In any set of flows, each flow lies in exactly one greatest line: lines
//     of one protocol are intervals or nest, and "all" contains all.
//
// So only rules b x (a greatest line of T(b)) matter. Walk the tree from the
// leaves up. At block b take a line J of T(b) if some flow of J is not open to
// the parent of b, and is not yet covered for some address of b: nothing
// above b may cover it. Take nothing else.
//
// This is the minimum. Keep, for each rule taken, one such flow and address
// as its witness. No rule covers two witnesses: let d x K cover those of
// (b, J) and (b', J'). Neither flow is open above b, or above b', so d lies
// within both, and one of them, say b', contains the other. Should K lie in
// T(b), it lies in J, and taking (b, J) has covered the second witness before
// it became one. Otherwise, going from d up to b, there is a highest block e
// with K in T(e), below b; some flow of K is not open to the parent of e, so
// it was covered for every address of e when e was done, by a line of a block
// within e; being greatest, that line contains K, so that each witness within
// d was covered before it became one. Hence every exact cover has at least as
// many rules as there are witnesses.
//
// The tests repeat this by brute force in a small model.

// line is what a rule can open of the flows; see above.
type line = interval[flow]

var everyFlow = line{0, lastFlow}

// chosen is a rule that was taken: block x line.
type chosen struct {
	first address // of the block
	host  int     // the block has 2^host addresses
	line  line
}

// part is some flows with the addresses of one family that they are open to.
type part struct {
	flows line
	list  []interval[address]
}

// coverFamily gives the fewest block x line that together are exactly parts,
// whose flows are sorted and disjoint. width is 32 or 128.
func coverFamily(parts []part, width int) []chosen {
	var c cover
	open, todo := c.visit(address{}, width, nil, parts)
	c.settle(address{}, width, open, todo, nil)
	c.trim()
	return c.taken
}

type cover struct{ taken []chosen }

// visit walks the tree below the block at first. open is what is open to all
// of the block by cells that do not vary within it, parts are those that do.
// It gives T of the block, and the flows that are not covered yet for some
// address of it.
func (c *cover) visit(first address, host int, open []line, parts []part) (t, todo []line) {
	block := interval[address]{first, first.or(host)}
	var vary []part
	for _, p := range parts {
		list := clip(p.list, block)
		switch {
		case len(list) == 0:
		case !block.first.less(list[0].first) && !list[0].last.less(block.last):
			open = unionIntervals(open, []line{p.flows})
		default:
			vary = append(vary, part{p.flows, list})
		}
	}
	if len(vary) == 0 {
		return open, open
	}
	host--
	upper := first.or(host).next()
	t0, todo0 := c.visit(first, host, open, vary)
	t1, todo1 := c.visit(upper, host, open, vary)
	t = intersectIntervals(t0, t1)
	todo0 = c.settle(first, host, t0, todo0, t)
	todo1 = c.settle(upper, host, t1, todo1, t)
	return t, unionIntervals(todo0, todo1)
}

// clip is the intervals that overlap the block; their ends may lie outside.
func clip(list []interval[address], block interval[address]) []interval[address] {
	list = list[reach(list, block.first):]
	end := len(list)
	for end > 0 && block.last.less(list[end-1].first) {
		end--
	}
	return list[:end]
}

// settle takes the lines of block that no block above can cover; above is T
// of its parent. It gives what of todo is left for the blocks above.
func (c *cover) settle(first address, host int, t, todo, above []line) []line {
	own := subtractIntervals(todo, above)
	if len(own) == 0 {
		return todo
	}
	var taken []line
	for _, l := range lines(t) {
		if overlapIntervals([]line{l}, own) {
			c.taken = append(c.taken, chosen{first, host, l})
			taken = append(taken, l)
		}
	}
	return subtractIntervals(todo, normalize(taken))
}

// trim makes each line as short as the rules of the blocks around it allow:
// the number stays, but tcp/20-25 from 10.0.0.0/8 beside tcp/20-21 and
// tcp/23-25 from 0.0.0.0/0 becomes tcp/22.
func (c *cover) trim() {
	// Blocks nest, so in this order those around a block are a stack.
	slices.SortStableFunc(c.taken, func(a, b chosen) int {
		return cmp.Or(cmp.Compare(a.first.hi, b.first.hi), cmp.Compare(a.first.lo, b.first.lo), b.host-a.host)
	})
	type outer struct {
		last  address // of the block
		lines []line  // taken for it and all blocks around it
	}
	var stack []outer
	for rest := c.taken; len(rest) > 0; {
		first, host := rest[0].first, rest[0].host
		for len(stack) > 0 && stack[len(stack)-1].last.less(first) {
			stack = stack[:len(stack)-1]
		}
		var around, own []line
		if len(stack) > 0 {
			around = stack[len(stack)-1].lines
		}
		n := 0
		for ; n < len(rest) && rest[n].first == first && rest[n].host == host; n++ {
			own = appendInterval(own, rest[n].line)
			rest[n].line = hull(subtractIntervals([]line{rest[n].line}, around))
		}
		stack = append(stack, outer{first.or(host), unionIntervals(around, own)})
		rest = rest[n:]
	}
}

// lines is the greatest lines within flows.
func lines(flows []line) []line {
	if len(flows) == 1 && flows[0] == everyFlow {
		return []line{everyFlow}
	}
	var out []line
	for _, iv := range flows {
		for p := int(iv.first.protocol()); p <= int(iv.last.protocol()); p++ {
			within := line{max(iv.first, startOf(uint8(p))), min(iv.last, endOf(uint8(p)))}
			if !Protocol(p).IsICMP() || within == (line{startOf(uint8(p)), endOf(uint8(p))}) {
				out = append(out, within)
				continue
			}
			out = appendTypes(out, within)
		}
	}
	return out
}

// appendTypes cuts a part of an ICMP protocol into whole types and single
// codes.
func appendTypes(out []line, iv line) []line {
	for f := iv.first; f <= iv.last; {
		l := line{f, f}
		if f&255 == 0 && f|255 <= iv.last {
			l.last = f | 255
		}
		out = append(out, l)
		f = l.last + 1
	}
	return out
}

// hull is the shortest line that contains flows, which are not empty.
func hull(flows []line) line {
	all := line{flows[0].first, flows[len(flows)-1].last}
	p := all.first.protocol()
	switch {
	case p != all.last.protocol():
		return everyFlow
	case Protocol(p).HasPorts() || all.first == all.last:
		return all
	case Protocol(p).IsICMP() && all.first>>8 == all.last>>8:
		return line{all.first &^ 255, all.first | 255}
	}
	return line{startOf(p), endOf(p)}
}
