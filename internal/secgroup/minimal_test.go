package secgroup_test

import (
	"fmt"
	"math/bits"
	"math/rand/v2"
	"net/netip"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/sgwarden/sgwarden/internal/secgroup"
)

// grid is a model of 2^addressBits addresses x ports ports of tcp, as a set
// of cells: address*ports + port.
type grid struct{ addressBits, ports int }

// cells is up to 256 cells of a grid.
type cells [4]uint64

func (c *cells) set(i int) { c[i/64] |= 1 << (i % 64) }
func (c cells) size() int {
	return bits.OnesCount64(c[0]) + bits.OnesCount64(c[1]) + bits.OnesCount64(c[2]) + bits.OnesCount64(c[3])
}
func (c cells) has(i int) bool { return c[i/64]>>(i%64)&1 == 1 }
func (c cells) within(o cells) bool {
	return c[0]&^o[0]|c[1]&^o[1]|c[2]&^o[2]|c[3]&^o[3] == 0
}
func (c cells) not(o cells) cells {
	return cells{c[0] &^ o[0], c[1] &^ o[1], c[2] &^ o[2], c[3] &^ o[3]}
}

// rules is every rule of the grid with its cells.
func (g grid) rules() (rules []secgroup.Rule, open []cells) {
	for host := range g.addressBits + 1 {
		for first := 0; first < 1<<g.addressBits; first += 1 << host {
			block := secgroup.CIDR{Prefix: netip.PrefixFrom(modelAddr(false, first), 32-host)}
			for from := range g.ports {
				for to := from; to < g.ports; to++ {
					var c cells
					for a := first; a < first+1<<host; a++ {
						for p := from; p <= to; p++ {
							c.set(a*g.ports + p)
						}
					}
					rules = append(rules, secgroup.Rule{Direction: secgroup.Ingress, Protocol: secgroup.TCP,
						Ports: secgroup.Ports{From: int32(from), To: int32(to)}, Peer: block})
					open = append(open, c)
				}
			}
		}
	}
	return rules, open
}

// region is the flows of cells, put together cell by cell.
func (g grid) region(c cells) secgroup.Region {
	var parts []secgroup.Slice
	for a := range 1 << g.addressBits {
		for p := range g.ports {
			if c.has(a*g.ports + p) {
				parts = append(parts, secgroup.Slice{Protocols: secgroup.ProtocolRange{First: 6, Last: 6},
					Span: secgroup.Span{First: uint16(p), Last: uint16(p)},
					IPv4: secgroup.NewAddressSet(netip.PrefixFrom(modelAddr(false, a), 32))})
			}
		}
	}
	return secgroup.NewRegion(parts...)
}

// Every region of three grids of 16 cells: Rules gives as many rules as the
// shortest way to reach it by adding rules, searched without any insight.
func TestRulesAreFewestForEveryRegion(t *testing.T) {
	t.Parallel()
	for _, g := range []grid{{2, 4}, {3, 2}, {1, 8}} {
		checked := 0
		all, open := g.rules()
		fewest := make([]int, 1<<16) // by set of cells; 0 = not reached
		for reached, n := []uint64{0}, 1; len(reached) > 0; n++ {
			var more []uint64
			for _, from := range reached {
				for _, c := range open {
					if to := from | c[0]; to != from && fewest[to] == 0 {
						fewest[to] = n
						more = append(more, to)
					}
				}
			}
			reached = more
		}
		for set := 1; set < 1<<16; set += budget(1, 97) {
			checked++
			region := g.region(cells{uint64(set)})
			rules := region.Rules(secgroup.Ingress, nil)
			if len(rules) != fewest[set] || !unionOf(rules).Equal(region) {
				t.Fatalf("cells %016b of %+v: %d is possible, got %v", set, g, fewest[set], rules)
			}
		}
		fmt.Printf("SHOW minimality: %d regions of %d addresses x %d ports (%d rules): none has a smaller cover\n",
			checked, 1<<g.addressBits, g.ports, len(all))
	}
}

func unionOf(rules []secgroup.Rule) secgroup.Region {
	var r secgroup.Region
	for _, rule := range rules {
		r = r.Union(rule.Region())
	}
	return r
}

// Remainders in the model of 4-bit addresses and ports: the widest rule minus
// every other, and random rules minus random regions. A search for a cover
// with one rule less must fail.
func TestRulesAreFewestForRemainders(t *testing.T) {
	t.Parallel()
	g := grid{4, 16}
	rules, open := g.rules()
	widest := len(rules) - 1
	for i, c := range open {
		if open[widest].within(c) {
			widest = i
		}
	}
	checked, most := 0, 0
	check := func(rest cells, region secgroup.Region) {
		got := region.Rules(secgroup.Ingress, nil)
		if !unionOf(got).Equal(region) {
			t.Fatalf("not exact: %v", got)
		}
		if s := newSearch(rest, open); len(got) > 0 && s.coverable(rest, len(got)-1) {
			t.Fatalf("%d rules are not the fewest: %v", len(got), got)
		}
		checked++
		most = max(most, len(got))
	}
	for i := 0; i < len(open); i += budget(1, 31) {
		check(open[widest].not(open[i]), rules[widest].Region().Subtract(rules[i].Region()))
	}
	random := rand.New(rand.NewPCG(7, 16))
	for range budget(3000, 100) {
		one := random.IntN(len(rules))
		rest, region := open[one], secgroup.Region{}
		for range 1 + random.IntN(5) {
			i := random.IntN(len(rules))
			rest, region = rest.not(open[i]), region.Union(rules[i].Region())
		}
		check(rest, rules[one].Region().Subtract(region))
	}
	fmt.Printf("SHOW minimality: %d remainders of 16 addresses x 16 ports (up to %d rules): none has a smaller cover\n", checked, most)
	require.Greater(t, most, 8, "only easy remainders were tried")
}

// search looks for an exact cover of cells by at most n rules.
type search struct {
	fits []cells // rules within the cells that no other such rule contains
}

func newSearch(rest cells, open []cells) search {
	var inside []cells
	for _, c := range open {
		if c.within(rest) {
			inside = append(inside, c)
		}
	}
	slices.SortFunc(inside, func(a, b cells) int { return b.size() - a.size() })
	var s search
	for _, c := range inside {
		if !slices.ContainsFunc(s.fits, c.within) {
			s.fits = append(s.fits, c)
		}
	}
	return s
}

// coverable tries every rule over some cell that is left; it gives up early
// where more than n cells are left of which no two fit into one rule.
func (s search) coverable(rest cells, n int) bool {
	apart, left := 0, rest
	best, fewest := -1, len(s.fits)+1
	for word := range left {
		for left[word] != 0 {
			cell := word*64 + bits.TrailingZeros64(left[word])
			if count := s.count(cell); count < fewest {
				best, fewest = cell, count
			}
			apart++
			left[word] &^= 1 << (cell % 64)
			for _, c := range s.fits {
				if c.has(cell) {
					left = left.not(c)
				}
			}
		}
	}
	if apart > n {
		return false
	}
	if best == -1 {
		return true
	}
	for _, c := range s.fits {
		if c.has(best) && s.coverable(rest.not(c), n-1) {
			return true
		}
	}
	return false
}

func (s search) count(cell int) int {
	n := 0
	for _, c := range s.fits {
		if c.has(cell) {
			n++
		}
	}
	return n
}

// The lines of a rule beside port ranges (all protocols, all ICMP, one type)
// in a model of two addresses and eight classes of flows. A class stands for
// as many flows as `each` says, which only the big lines put together.
func TestRulesAreFewestAcrossProtocols(t *testing.T) {
	t.Parallel()
	classes := []struct {
		slices []secgroup.Slice
		each   int // rules for the class alone
	}{
		0: {icmpSlice(0, 0), 1},         // icmp type 0 code 0
		1: {icmpSlice(1, 1), 1},         // icmp type 0 code 1
		2: {icmpSlice(2, 255), 254},     // the other codes of type 0
		3: {icmpSlice(256, 65535), 255}, // the other types
		4: {tcpSlice(0, 21), 1},         // ports below ssh
		5: {tcpSlice(22, 22), 1},        // ssh
		6: {tcpSlice(23, 65535), 1},     // ports above
		7: {otherSlices(), 256 - 2},     // all protocols but icmp and tcp
	}
	// Big lines as sets of classes; the small ones are the classes themselves.
	big := []int{0b111, 0b1111, 0b110000, 0b1100000, 0b1110000, 0b11111111}
	blocks := []int{0b01, 0b10, 0b11} // of the two addresses
	addresses := []string{"8.8.8.0/32", "8.8.8.1/32"}

	checked := 0
	for set := 1; set < 1<<16; set += budget(1, 101) { // class*2 + address
		if swapped := set&0x5555<<1 | set>>1&0x5555; swapped < set {
			continue // the same with the addresses exchanged was tried
		}
		var parts []secgroup.Slice
		for class, c := range classes {
			for a, text := range addresses {
				if set>>(class*2+a)&1 == 1 {
					for _, s := range c.slices {
						s.IPv4 = secgroup.NewAddressSet(netip.MustParsePrefix(text))
						parts = append(parts, s)
					}
				}
			}
		}
		var fits []int
		for _, l := range big {
			for _, b := range blocks {
				if box := boxOf(l, b); box&^set == 0 {
					fits = append(fits, box)
				}
			}
		}
		fewest := 1 << 30
		for choice := range 1 << len(fits) {
			n, left := bits.OnesCount(uint(choice)), set
			for i, box := range fits {
				if choice>>i&1 == 1 {
					left &^= box
				}
			}
			for class, c := range classes {
				if left>>(class*2)&3 != 0 {
					n += c.each // one block per flow is enough, also for both addresses
				}
			}
			fewest = min(fewest, n)
		}
		region := secgroup.NewRegion(parts...)
		rules := region.Rules(secgroup.Ingress, nil)
		if len(rules) != fewest {
			t.Fatalf("set %016b: %d rules are possible, got %d", set, fewest, len(rules))
		}
		checked++
		if set%257 == 0 {
			require.True(t, unionOf(rules).Equal(region))
		}
	}
	fmt.Printf("SHOW minimality: %d regions of 2 addresses x 8 classes of all protocols, up to exchange: none has a smaller cover\n", checked)
}

func boxOf(line, block int) int {
	box := 0
	for class := range 8 {
		if line>>class&1 == 1 {
			box |= block << (class * 2)
		}
	}
	return box
}

func icmpSlice(first, last uint16) []secgroup.Slice {
	return []secgroup.Slice{{Protocols: secgroup.ProtocolRange{First: 1, Last: 1}, Span: secgroup.Span{First: first, Last: last}}}
}

func tcpSlice(first, last uint16) []secgroup.Slice {
	return []secgroup.Slice{{Protocols: secgroup.ProtocolRange{First: 6, Last: 6}, Span: secgroup.Span{First: first, Last: last}}}
}

func otherSlices() []secgroup.Slice {
	var out []secgroup.Slice
	for _, p := range []secgroup.ProtocolRange{{First: 0, Last: 0}, {First: 2, Last: 5}, {First: 7, Last: 255}} {
		out = append(out, secgroup.Slice{Protocols: p, Span: secgroup.FullSpan})
	}
	return out
}
