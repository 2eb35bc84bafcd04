package secgroup_test

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/sgwarden/sgwarden/internal/secgroup"
	"github.com/sgwarden/sgwarden/internal/secgroup/oracle"
)

// The small model: addresses, ports and ICMP flows of 4 bits, three protocols
// beside "all", two families. It is embedded in the real types, so that it is
// the real code that is proven.
const modelSize = 16

var (
	modelBase4 = netip.MustParseAddr("8.8.8.0")
	modelBase6 = netip.MustParseAddr("2606:4700::")
)

// modelAddr is address i of the model, 0-15.
func modelAddr(v6 bool, i int) netip.Addr {
	if !v6 {
		b := modelBase4.As4()
		b[3] += byte(i)
		return netip.AddrFrom4(b)
	}
	b := modelBase6.As16()
	b[15] += byte(i)
	return netip.AddrFrom16(b)
}

// modelBlocks is every block of the model, in every way to write it: each
// address with each prefix length, host bits and all. 80 per family.
func modelBlocks() []secgroup.Peer {
	var out []secgroup.Peer
	for _, v6 := range []bool{false, true} {
		for i := range modelSize {
			a := modelAddr(v6, i)
			for host := range 5 {
				out = append(out, secgroup.CIDR{Prefix: netip.PrefixFrom(a, a.BitLen()-host)})
			}
		}
	}
	return out
}

// modelFlows is a rule without peer for every protocol and every second
// dimension of the model, well-formed or not as long as EC2 has a meaning for it.
func modelFlows() []secgroup.Rule {
	var out []secgroup.Rule
	add := func(p secgroup.Protocol, from, to int32) {
		out = append(out, secgroup.Rule{Direction: secgroup.Ingress, Protocol: p, Ports: secgroup.Ports{From: from, To: to}})
	}
	for from := range int32(modelSize) {
		for to := from; to < modelSize; to++ {
			add(secgroup.TCP, from, to)
		}
	}
	add(secgroup.TCP, -1, -1)
	for kind := range int32(4) {
		for code := int32(-1); code < 4; code++ {
			add(secgroup.ICMP, kind, code)
		}
	}
	add(secgroup.ICMP, -1, -1)
	add(secgroup.ICMP, -1, 3) // the type decides
	for _, p := range []secgroup.Protocol{47, secgroup.AllProtocols} {
		add(p, -1, -1)
		add(p, 3, 5) // ports that mean nothing
	}
	return out
}

// modelPackets is every packet of the model, and for each protocol one flow
// beyond it: 37 flows x 16 addresses x 2 families.
func modelPackets() []oracle.Packet {
	var flows []oracle.Packet
	for i := range modelSize {
		flows = append(flows,
			oracle.Packet{Protocol: 6, Port: uint16(i)},
			oracle.Packet{Protocol: 1, Type: uint8(i / 4), Code: uint8(i % 4)})
	}
	flows = append(flows, oracle.Packet{Protocol: 6, Port: 65535}, oracle.Packet{Protocol: 1, Type: 255, Code: 255},
		oracle.Packet{Protocol: 1, Type: 1, Code: 255}, oracle.Packet{Protocol: 47}, oracle.Packet{Protocol: 17, Port: 3})
	var out []oracle.Packet
	for _, p := range flows {
		p.Direction = secgroup.Ingress
		for _, v6 := range []bool{false, true} {
			for i := range modelSize {
				p.Remote = modelAddr(v6, i)
				out = append(out, p)
			}
		}
	}
	return out
}

// admits asks a region for a packet.
func admits(r secgroup.Region, p oracle.Packet) bool {
	place := p.Port
	if p.Protocol == 1 || p.Protocol == 58 {
		place = binary.BigEndian.Uint16([]byte{p.Type, p.Code})
	}
	switch {
	case p.List != "":
		return r.ContainsAtom(p.Protocol, place, p.List)
	case p.Account != "":
		return r.ContainsAtom(p.Protocol, place, p.Account+"/"+p.Group)
	case p.Group != "":
		return r.ContainsAtom(p.Protocol, place, p.Group)
	}
	return r.Contains(p.Protocol, place, p.Remote)
}

// tally counts what a proof has looked at, and says it where the reader of
// the test run sees it.
type tally struct{ packets, mismatches int }

// same compares what the oracle says with what the algebra says. It formats
// nothing: most of the time of a proof would go there.
func (c *tally) same(want, got bool) bool {
	c.packets++
	if want != got {
		c.mismatches++
	}
	return want == got
}

func (c *tally) report(t *testing.T, name string) {
	t.Helper()
	line := fmt.Sprintf("oracle: %s: %d packets checked, %d mismatches", name, c.packets, c.mismatches)
	fmt.Println("SHOW " + line)
	require.Zero(t, c.mismatches)
	require.NotZero(t, c.packets, "nothing was checked")
}

// Every rule of the model, in every form, against every packet.
func TestModelEveryRuleEveryPacket(t *testing.T) {
	t.Parallel()
	var c tally
	packets, blocks := modelPackets(), modelBlocks()
	for _, rule := range modelFlows() {
		for i := 0; i < len(blocks); i += budget(1, 11) {
			rule.Peer = blocks[i]
			require.NoError(t, rule.Validate())
			region := rule.Region()
			for i := range packets {
				if !c.same(oracle.Admits(rule, packets[i]), admits(region, packets[i])) {
					t.Fatalf("%s: %+v", rule, packets[i])
				}
			}
			back := region.Rules(secgroup.Ingress, nil)
			require.Equal(t, []secgroup.Rule{rule.Canonical()}, back, "one rule comes back as itself")
			parsed, err := secgroup.ParseRule(rule.String())
			require.NoError(t, err)
			require.Equal(t, rule.Canonical(), parsed)
		}
	}
	c.report(t, "every rule x every packet")
}

// Every pair of rules of one protocol and family, 3 bits each way: what each
// operation gives, packet by packet.
func TestModelEveryPair(t *testing.T) {
	t.Parallel()
	const size = 8
	var c tally
	var rules []secgroup.Rule
	for from := range int32(size) {
		for to := from; to < size; to++ {
			for host := range 4 {
				for i := 0; i < size; i += 1 << host {
					rules = append(rules, secgroup.Rule{Direction: secgroup.Ingress, Protocol: secgroup.TCP,
						Ports: secgroup.Ports{From: from, To: to},
						Peer:  secgroup.CIDR{Prefix: netip.PrefixFrom(modelAddr(false, i), 32-host)}})
				}
			}
		}
	}
	var packets []oracle.Packet
	for port := range uint16(size) {
		for i := range size {
			packets = append(packets, oracle.Packet{Direction: secgroup.Ingress, Protocol: 6, Port: port, Remote: modelAddr(false, i)})
		}
	}
	regions, open := make([]secgroup.Region, len(rules)), make([]uint64, len(rules))
	for i, rule := range rules {
		regions[i] = rule.Region()
		for bit, p := range packets {
			if oracle.Admits(rule, p) {
				open[i] |= 1 << bit
			}
		}
	}
	for i, a := range regions {
		for j := 0; j < len(regions); j += budget(1, 37) {
			b := regions[j]
			union, both, minus := a.Union(b), a.Intersect(b), a.Subtract(b)
			for bit, p := range packets {
				x, y := open[i]>>bit&1 == 1, open[j]>>bit&1 == 1
				ok := c.same(x || y, admits(union, p))
				ok = c.same(x && y, admits(both, p)) && ok
				if ok = c.same(x && !y, admits(minus, p)) && ok; !ok {
					t.Fatalf("%s, %s: %+v", rules[i], rules[j], p)
				}
			}
			if (open[i]&open[j] != 0) != a.Overlaps(b) || (open[j]&^open[i] == 0) != a.Covers(b) || (open[i] == open[j]) != a.Equal(b) {
				t.Fatalf("%s, %s: overlaps %v, covers %v, equal %v", rules[i], rules[j], a.Overlaps(b), a.Covers(b), a.Equal(b))
			}
		}
	}
	c.report(t, "every pair of rules x every packet")
}

// Groups of rules of the whole model, two at a time: each operation, and the
// rules that come back from it, on every packet.
func TestModelGroups(t *testing.T) {
	t.Parallel()
	var c, back tally
	random := rand.New(rand.NewPCG(4, 4))
	s := source(random.IntN)
	flows, blocks, packets := modelFlows(), modelBlocks(), modelPackets()
	group := func() (rules []secgroup.Rule) {
		for range 1 + s(6) {
			rule := pick(s, flows...)
			rule.Peer = pick(s, blocks...)
			rules = append(rules, rule)
		}
		return rules
	}
	for range budget(1000, 25) {
		left, right := group(), group()
		a, b := regionOf(left), regionOf(right)
		union, both, minus := a.Union(b), a.Intersect(b), a.Subtract(b)
		rest := minus.Rules(secgroup.Ingress, nil)
		for _, p := range packets {
			x, y := oracle.AdmitsAny(left, p), oracle.AdmitsAny(right, p)
			ok := c.same(x || y, admits(union, p))
			ok = c.same(x && y, admits(both, p)) && ok
			ok = c.same(x && !y, admits(minus, p)) && ok
			if ok = back.same(x && !y, oracle.AdmitsAny(rest, p)) && ok; !ok {
				t.Fatalf("%v, %v: %+v", left, right, p)
			}
		}
	}
	c.report(t, "groups of the model x every packet")
	back.report(t, "groups of the model back to rules x every packet")
}
