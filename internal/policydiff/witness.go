package policydiff

import (
	"fmt"
	"net/netip"
	"slices"

	"github.com/sgwarden/sgwarden/internal/policy"
	"github.com/sgwarden/sgwarden/internal/secgroup"
)

// witness is a set of rules that ends otherwise on both sides.
type witness struct {
	rules  []secgroup.Rule
	packet secgroup.Rule  // one flow of them that is too much on one side
	group  secgroup.Group // only its VPCs count, and its id where ownID
	ownID  bool           // the id of the group matters, as it is a peer
}

// niceAddresses are taken for witnesses where they can be: readers know them.
var niceAddresses = []netip.Addr{
	netip.MustParseAddr("8.8.8.8"), netip.MustParseAddr("10.0.0.1"), netip.MustParseAddr("2606:4700:4700::1111"), netip.MustParseAddr("fd00::1"),
}

// mostRules bounds the rules of a witness: more become one prefix list.
const mostRules = 60

// oneFlow is one flow of a region that is not empty, as a rule.
func oneFlow(dir secgroup.Direction, r secgroup.Region, kind peerKind) secgroup.Rule {
	slice := bestSlice(r.Slices())
	p := piece{slice.Protocols, slice.Span}.point()
	s := secgroup.Slice{Protocols: p.protocols, Span: p.span, Atoms: slice.Atoms}
	if a, ok := anAddress(slice.IPv4.Union(slice.IPv6)); ok {
		s.Atoms, s.IPv4 = nil, secgroup.NewAddressSet(netip.PrefixFrom(a, a.BitLen()))
	}
	rule := secgroup.NewRegion(s).Rules(dir, func(string) secgroup.Peer { return kind.peer })[0]
	if list, ok := kind.peer.(secgroup.PrefixList); ok && list.Readable {
		list.Entries = []netip.Prefix{rule.Peer.(secgroup.CIDR).Prefix}
		rule.Peer = list
	}
	return rule
}

// witnessOf is one flow of flows that end otherwise alone.
func (s sides) witnessOf(kind int, flows secgroup.Region) *witness {
	k := s.kinds[kind]
	return &witness{rules: numbered([]secgroup.Rule{oneFlow(s.dir, flows, k)}), packet: oneFlow(s.dir, flows, plainKind(k)), group: k.group, ownID: k.isSelf()}
}

// bestSlice prefers what people know: tcp, then udp, before the others.
func bestSlice(slices []secgroup.Slice) secgroup.Slice {
	for _, p := range []secgroup.Protocol{secgroup.TCP, secgroup.UDP, secgroup.ICMP, secgroup.ICMPv6} {
		for _, s := range slices {
			if s.Protocols.First <= uint8(p) && uint8(p) <= s.Protocols.Last {
				if s.Protocols.First != s.Protocols.Last {
					s.Protocols = secgroup.ProtocolRange{First: uint8(p), Last: uint8(p)}
					s.Span = secgroup.FullSpan
				}
				return s
			}
		}
	}
	return slices[0]
}

func anAddress(s secgroup.AddressSet) (netip.Addr, bool) {
	for _, a := range niceAddresses {
		if s.Contains(a) {
			return a, true
		}
	}
	if s.IsEmpty() {
		return netip.Addr{}, false
	}
	return s.Prefixes()[0].Addr(), true
}

// findWitness looks for a set of rules that breaks t, and nothing stricter of
// its side, and ends as told on the other side.
func (s sides) findWitness(t terms, d demand, layers []layer, from, to []terms, end Level) *witness {
	for k, kind := range s.kinds {
		want := d.needs[k].Addresses()
		if want.IsEmpty() || !kind.hasAddresses() {
			continue
		}
		free := want.Subtract(layers[0].peers[k])
		inNone := free
		for _, l := range layers[1:] {
			inNone = inNone.Subtract(l.peers[k])
		}
		for _, peers := range []secgroup.AddressSet{inNone, free} {
			if block, ok := blockAbove(peers, d.bound, d.counted != policy.IPv4); ok {
				for _, rules := range [][]secgroup.Rule{s.rulesFor(d, k, secgroup.NewAddressSet(block)), s.halved(d, k, block)} {
					if w := s.judged(k, rules, t.level, end, from, to); w != nil {
						return w
					}
				}
			}
		}
		if picked, ok := pick(free, layers[1:], k, d); ok {
			if w := s.judged(k, s.rulesFor(d, k, picked), t.level, end, from, to); w != nil {
				return w
			}
		}
	}
	return nil
}

// above is the level next stricter than l; l itself if there is none.
func (s sides) above(l Level) Level { return s.levels[max(0, slices.Index(s.levels, l)-1)] }

// rulesFor opens what the demand needs to some addresses.
func (s sides) rulesFor(d demand, kind int, peers secgroup.AddressSet) []secgroup.Rule {
	flows := d.needs[kind].WithinAddresses(peers)
	list, isList := s.kinds[kind].peer.(secgroup.PrefixList)
	rules := flows.Rules(s.dir, nil)
	if !isList && !d.perRule && len(rules) <= mostRules || !isList && len(rules) == 1 {
		return rules
	}
	if !isList {
		list = secgroup.PrefixList{ID: "pl-0a0b0c0d0e0f01020", Name: "witness", OwnerID: s.kinds[kind].group.AccountID, Readable: true}
	}
	list.Entries = flows.Addresses().Prefixes()
	// One address stands for all: each has the same flows as far as they differ.
	one := flows.WithinAddresses(secgroup.NewAddressSet(netip.PrefixFrom(list.Entries[0].Addr(), list.Entries[0].Addr().BitLen())))
	rules = one.Rules(s.dir, nil)
	for i := range rules {
		rules[i].Peer = list
	}
	return rules
}

// halved opens what the demand needs in twice as many rules, each with half
// of a block: bounds on each rule alone do not see them.
func (s sides) halved(d demand, kind int, block netip.Prefix) []secgroup.Rule {
	if block.IsSingleIP() || d.perRule {
		return nil
	}
	lower := netip.PrefixFrom(block.Addr(), block.Bits()+1)
	upper := secgroup.NewAddressSet(block).Subtract(secgroup.NewAddressSet(lower))
	return append(s.rulesFor(d, kind, secgroup.NewAddressSet(lower)), s.rulesFor(d, kind, upper)...)
}

// judged is the rules as a witness if they end as told on both sides.
func (s sides) judged(kind int, rules []secgroup.Rule, was, is Level, from, to []terms) *witness {
	if len(rules) == 0 {
		return nil
	}
	in := s.kinds[kind].group
	rules = numbered(rules)
	got, excess := judge(from, in, rules)
	if got != was || excess.IsEmpty() {
		return nil
	}
	if ends, _ := judge(to, in, rules); ends != is {
		return nil
	}
	return &witness{rules: rules, packet: oneFlow(s.dir, excess, plainKind(s.kinds[kind])), group: in, ownID: s.kinds[kind].isSelf()}
}

// plainKind is the kind for a flow of the rules: a list's entries are addresses.
func plainKind(k peerKind) peerKind {
	if k.hasAddresses() {
		k.peer = secgroup.CIDR{}
	}
	return k
}

// judge is how rules that stand together in a group end under the policies of
// one side, at the worst, and what is too much of them there. It asks Evaluate.
func judge(side []terms, g secgroup.Group, rules []secgroup.Rule) (Level, secgroup.Region) {
	worst, excess := Level{}, secgroup.Region{}
	if len(side) == 0 {
		return worst, excess
	}
	for _, f := range side[0].view.Judge(g, rules) {
		at := slices.IndexFunc(side, func(t terms) bool { return t.view.Policy == f.Policy })
		if at < 0 || f.State == policy.Exempt {
			continue
		}
		l := side[at].level
		if f.State == policy.Unknown {
			l = Level{kind: unread}
		}
		if l.compare(worst) > 0 {
			worst, excess = l, secgroup.Region{}
		}
		if l == worst {
			excess = excess.Union(f.Excess)
		}
	}
	return worst, excess
}

func numbered(rules []secgroup.Rule) []secgroup.Rule {
	out := slices.Clone(rules)
	for i := range out {
		out[i].ID = fmt.Sprintf("sgr-%017x", i+1)
	}
	return out
}
