package corpus

import (
	"fmt"
	"math/big"
	"net/netip"
	"slices"

	"github.com/sgwarden/sgwarden/internal/policy"
	"github.com/sgwarden/sgwarden/internal/secgroup"
	"github.com/sgwarden/sgwarden/internal/secgroup/oracle"
)

// violation is what one law has against one group.
type violation struct {
	policy  string
	group   string
	packets []oracle.Packet // that are open and forbidden, one of each piece
}

func (v violation) String() string {
	return fmt.Sprintf("%s on %s: %v", v.policy, v.group, v.packets[0])
}

// search finds all that the laws have against a state: it looks at one packet
// of every piece into which the borders of all rules and boxes cut the packets
// there are. Within a piece no rule and no box tells two packets apart, so
// that nothing is missed; addresses of the pieces are counted for `tolerate`.
func search(p *profile, st state, extra ...oracle.Packet) (all []violation) {
	for _, g := range st.groups {
		for _, l := range p.laws {
			if !l.applies(g.group) {
				continue
			}
			s := site{g, l}
			found := s.overTolerance(piecesOf(s, extra))
			found = append(found, s.whole(extra)...)
			if len(found) > 0 {
				all = append(all, violation{l.doc.ID, g.group.ID, found})
			}
		}
	}
	return all
}

// pieces are one packet each of what the borders cut out.
type pieces struct {
	flows []oracle.Packet // without another end
	ends  []end
}

// end is one piece of the far ends: addresses, or a group.
type end struct {
	first oracle.Packet // its address or group alone
	size  *big.Int      // how many addresses; nil for a group
}

func (e end) of(flow oracle.Packet) oracle.Packet {
	flow.Remote, flow.Group, flow.Account = e.first.Remote, e.first.Group, e.first.Account
	return flow
}

func piecesOf(s site, extra []oracle.Packet) pieces {
	b := borders{ports: map[int]bool{0: true}, protocols: map[int]bool{}, addresses: map[netip.Addr]bool{}}
	for _, r := range s.group.Rules {
		b.addRule(r)
	}
	for _, c := range s.law.boxes() {
		b.addClause(c)
	}
	for _, x := range s.law.deployment.Exemptions {
		for _, r := range x.Rules {
			b.addRule(r)
		}
	}
	for _, blocks := range [][]netip.Prefix{s.blocks, s.law.deployment.Internal, privateBlocks} {
		b.addBlocks(blocks)
	}
	b.addBlocks([]netip.Prefix{netip.MustParsePrefix("64:ff9b::/96")}) // has a bound of its own
	for _, r := range closed {
		b.addRange(r[0], r[1])
	}
	for _, p := range extra {
		b.addPacket(p)
	}
	return pieces{b.flows(), append(b.ends(), b.groups...)}
}

var privateBlocks = []netip.Prefix{
	netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("172.16.0.0/12"), netip.MustParsePrefix("192.168.0.0/16"), netip.MustParsePrefix("fc00::/7"),
}

// borders are where something begins, on each scale.
type borders struct {
	ports     map[int]bool // of the 16 bits: ports, or type*256+code
	protocols map[int]bool
	addresses map[netip.Addr]bool
	groups    []end
}

func (b *borders) addRule(r secgroup.Rule) {
	b.protocols[int(r.Protocol)] = true
	from, to := int(r.Ports.From), int(r.Ports.To)
	switch {
	case from < 0:
	case r.Protocol == 1 || r.Protocol == 58:
		b.addSpan(from<<8, from<<8|255)
		if to >= 0 {
			b.addSpan(from<<8|to, from<<8|to)
		}
	default:
		b.addSpan(from, to)
	}
	switch p := r.Peer.(type) {
	case secgroup.CIDR:
		b.addBlocks([]netip.Prefix{p.Prefix})
	case secgroup.PrefixList:
		b.addBlocks(p.Entries)
	case secgroup.GroupReference:
		b.groups = append(b.groups, end{first: oracle.Packet{Group: p.GroupID, Account: p.AccountID}})
	}
}

func (b *borders) addClause(c policy.Clause) {
	for _, f := range c.Flows {
		b.addSpan(int(f.Span.First), int(f.Span.Last))
		if f.Protocols.First == f.Protocols.Last {
			b.protocols[int(f.Protocols.First)] = true
		}
	}
	for _, p := range c.Peers {
		b.addBlocks(p.CIDRs)
	}
	for _, but := range c.But {
		b.addClause(but)
	}
}

func (b *borders) addPacket(p oracle.Packet) {
	b.protocols[int(p.Protocol)] = true
	place := int(p.Port)
	if p.Protocol == 1 || p.Protocol == 58 {
		place = int(p.Type)<<8 | int(p.Code)
	}
	b.addSpan(place, place)
	if p.Remote.IsValid() {
		b.addRange(p.Remote, p.Remote)
	} else {
		b.groups = append(b.groups, end{first: oracle.Packet{Group: p.Group, Account: p.Account}})
	}
}

func (b *borders) addSpan(first, last int) {
	b.ports[first] = true
	if last < 65535 {
		b.ports[last+1] = true
	}
}

func (b *borders) addBlocks(blocks []netip.Prefix) {
	for _, p := range blocks {
		b.addRange(p.Masked().Addr(), lastOf(p))
	}
}

func (b *borders) addRange(first, last netip.Addr) {
	b.addresses[first] = true
	if next := last.Next(); next.IsValid() {
		b.addresses[next] = true
	}
}

// lastOf is the last address of a block.
func lastOf(p netip.Prefix) netip.Addr {
	a := p.Masked().Addr().AsSlice()
	for i := p.Bits(); i < len(a)*8; i++ {
		a[i/8] |= 0x80 >> (i % 8)
	}
	last, _ := netip.AddrFromSlice(a)
	return last
}

// unnamed is a protocol that stands for all that neither a rule nor a policy
// names.
const unnamed = 200

// flows are one packet of each direction, protocol and piece of its 16 bits.
func (b *borders) flows() (all []oracle.Packet) {
	for _, d := range []secgroup.Direction{secgroup.Ingress, secgroup.Egress} {
		protocols := map[uint8]bool{6: true, 17: true, 1: true, 58: true, unnamed: true}
		for p := range b.protocols {
			if p >= 0 {
				protocols[uint8(p)] = true
			}
		}
		for p := range protocols {
			one := oracle.Packet{Direction: d, Protocol: p}
			switch p {
			case 6, 17:
				for place := range b.ports {
					one.Port = uint16(place)
					all = append(all, one)
				}
			case 1, 58:
				for place := range b.ports {
					one.Type, one.Code = uint8(place>>8), uint8(place)
					all = append(all, one)
				}
			default:
				all = append(all, one)
			}
		}
	}
	return all
}

// ends are the pieces of both families' addresses.
func (b *borders) ends() (all []end) {
	for _, family := range []netip.Prefix{netip.MustParsePrefix("0.0.0.0/0"), netip.MustParsePrefix("::/0")} {
		starts := []netip.Addr{family.Addr()}
		for a := range b.addresses {
			if a.Is4() == family.Addr().Is4() && a != family.Addr() {
				starts = append(starts, a)
			}
		}
		slices.SortFunc(starts, netip.Addr.Compare)
		for i, first := range starts {
			behind := new(big.Int).Add(number(lastOf(family)), big.NewInt(1))
			if i+1 < len(starts) {
				behind = number(starts[i+1])
			}
			all = append(all, end{oracle.Packet{Remote: first}, behind.Sub(behind, number(first))})
		}
	}
	return all
}

func number(a netip.Addr) *big.Int { return new(big.Int).SetBytes(a.AsSlice()) }

// overTolerance gives the packets that are open and forbidden on flows where
// there are more of them than the law tolerates.
func (s site) overTolerance(p pieces) (over []oracle.Packet) {
	rules := [][]secgroup.Rule{s.group.Rules}
	if s.law.doc.Tolerate.PerRule {
		rules = nil
		for _, r := range s.group.Rules {
			rules = append(rules, []secgroup.Rule{r})
		}
	}
	for _, flow := range p.flows {
		for _, some := range rules {
			over = append(over, s.over(some, flow, p.ends)...)
		}
	}
	return over
}

// admitting gives the rules that let the flow in from somewhere: each is asked
// for a far end of its own.
func admitting(rules []secgroup.Rule, flow oracle.Packet) (some []secgroup.Rule) {
	for _, r := range rules {
		p := flow
		switch peer := r.Peer.(type) {
		case secgroup.CIDR:
			p.Remote = peer.Addr()
		case secgroup.PrefixList:
			if len(peer.Entries) == 0 {
				continue
			}
			p.Remote = peer.Entries[0].Addr()
		case secgroup.GroupReference:
			p.Group, p.Account = peer.GroupID, peer.AccountID
		}
		if oracle.Admits(r, p) {
			some = append(some, r)
		}
	}
	return some
}

func (s site) over(rules []secgroup.Rule, flow oracle.Packet, ends []end) (over []oracle.Packet) {
	if rules = admitting(rules, flow); len(rules) == 0 {
		return nil
	}
	var open [3][]oracle.Packet // by family, and what of IPv6 is translated
	sum := [3]*big.Int{new(big.Int), new(big.Int), new(big.Int)}
	for _, e := range ends {
		p := e.of(flow)
		if !slices.ContainsFunc(rules, func(r secgroup.Rule) bool { return oracle.Admits(r, p) && s.forbids(false, r, p) && !s.excuses(r, p) }) {
			continue
		}
		if e.size == nil {
			over = append(over, p)
			continue
		}
		family := 0
		if p.Remote.Is6() {
			family = 1
		}
		open[family] = append(open[family], p)
		sum[family].Add(sum[family], e.size)
		if isTranslated(p.Remote) {
			open[2] = append(open[2], p)
			sum[2].Add(sum[2], e.size)
		}
	}
	for family, packets := range open {
		if len(packets) > 0 && sum[family].Cmp(s.law.bound(family == 1)) > 0 {
			over = append(over, packets...)
		}
	}
	return over
}

// whole gives the packets of ends to which all of a box with `when: whole` is
// open, where there are more such ends than the law tolerates.
func (s site) whole(extra []oracle.Packet) (done []oracle.Packet) {
	for _, c := range s.law.boxes() {
		if !c.Whole {
			continue
		}
		p := piecesOf(s, extra)
		for _, d := range c.Directions {
			done = append(done, s.complete(c, d, p)...)
		}
	}
	return done
}

func (s site) complete(c policy.Clause, d secgroup.Direction, p pieces) (done []oracle.Packet) {
	type line struct {
		flow  oracle.Packet
		rules []secgroup.Rule // that let it in from somewhere
	}
	var lines []line
	for _, flow := range p.flows {
		if flow.Direction == d {
			lines = append(lines, line{flow, admitting(s.group.Rules, flow)})
		}
	}
	// What nobody lets in is looked at first: it ends the search for most.
	slices.SortStableFunc(lines, func(a, b line) int { return len(a.rules) - len(b.rules) })
	kinds := kindsOf(s.group.Rules)
	var found [3][]oracle.Packet
	sum := [3]*big.Int{new(big.Int), new(big.Int), new(big.Int)}
	for _, e := range p.ends {
		open, all := []oracle.Packet{}, true
		for _, l := range lines {
			at := e.of(l.flow)
			if slices.ContainsFunc(l.rules, func(r secgroup.Rule) bool { return oracle.Admits(r, at) && s.inBox(c, r, at) && !s.excuses(r, at) }) {
				open = append(open, at)
			} else if slices.ContainsFunc(kinds, func(r secgroup.Rule) bool { return s.inBox(c, r, at) }) {
				all = false
				break
			}
		}
		if !all || len(open) == 0 {
			continue
		}
		if e.size == nil {
			done = append(done, open...)
			continue
		}
		family := 0
		if e.first.Remote.Is6() {
			family = 1
		}
		found[family] = append(found[family], open...)
		sum[family].Add(sum[family], e.size)
		if isTranslated(e.first.Remote) {
			found[2] = append(found[2], open...)
			sum[2].Add(sum[2], e.size)
		}
	}
	for family, packets := range found {
		if len(packets) > 0 && sum[family].Cmp(s.law.bound(family == 1)) > 0 {
			done = append(done, packets...)
		}
	}
	return done
}

// kindsOf leaves one of the rules that boxes do not tell apart: a box may ask
// for the list of a rule, and else for the packet alone.
func kindsOf(rules []secgroup.Rule) (kinds []secgroup.Rule) {
	seen := map[string]bool{}
	for _, r := range rules {
		key := ""
		if l, ok := r.Peer.(secgroup.PrefixList); ok {
			key = l.ID
		}
		if !seen[key] {
			seen[key] = true
			kinds = append(kinds, r)
		}
	}
	return kinds
}
