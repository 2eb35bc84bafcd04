package policy

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/sgwarden/sgwarden/internal/secgroup"
	"github.com/sgwarden/sgwarden/internal/secgroup/oracle"
)

// world makes random policies and groups over few ports and peers, so that
// they meet often.
type world struct {
	*rand.Rand
	// counted keeps to addresses that the universe has all of, as a naive
	// count of addresses needs.
	counted bool
}

func newWorld(seed uint64) world {
	w := world{Rand: rand.New(rand.NewPCG(seed, 17))}
	w.counted = w.IntN(2) == 0
	return w
}

func pick[T any](w world, list ...T) T { return list[w.IntN(len(list))] }

// some gives one to n of a list's entries, maybe one twice.
func some[T any](w world, n int, one func() T) []T {
	var out []T
	for range 1 + w.IntN(n) {
		out = append(out, one())
	}
	return out
}

var awsList = secgroup.PrefixList{
	ID: "pl-a1", Name: "com.amazonaws.eu-west-1.s3", OwnerID: "AWS", Readable: true,
	Entries: []netip.Prefix{netip.MustParsePrefix("8.8.8.8/30")},
}

var ownList = secgroup.PrefixList{
	ID: "pl-b2", Name: "offices", OwnerID: ownAccount, Version: 3, Readable: true,
	Entries: []netip.Prefix{netip.MustParsePrefix("8.8.8.0/31"), netip.MustParsePrefix("8.8.8.4/32")},
}

// universe is every packet that the properties look at.
func universe() []oracle.Packet {
	var flows []oracle.Packet
	for port := uint16(20); port <= 25; port++ {
		flows = append(flows, oracle.Packet{Protocol: 6, Port: port})
	}
	flows = append(flows, oracle.Packet{Protocol: 6, Port: 443}, oracle.Packet{Protocol: 17, Port: 53}, oracle.Packet{Protocol: 17, Port: 22},
		oracle.Packet{Protocol: 1, Type: 8}, oracle.Packet{Protocol: 1, Type: 8, Code: 1}, oracle.Packet{Protocol: 58, Type: 128},
		oracle.Packet{Protocol: 47})
	var out []oracle.Packet
	for _, dir := range bothDirections {
		for _, p := range flows {
			p.Direction = dir
			for _, a := range universeAddresses() {
				q := p
				q.Remote = a
				out = append(out, q)
			}
			for _, g := range []string{ownGroup, "sg-0b", "sg-0c"} {
				q := p
				q.Group = g
				out = append(out, q)
			}
			q := p
			q.Group, q.Account = "sg-0d", "999999999999"
			out = append(out, q)
		}
	}
	return out
}

func universeAddresses() []netip.Addr {
	var out []netip.Addr
	for _, block := range []string{"8.8.8.0/28", "2606:4700::/125"} {
		for p, a := netip.MustParsePrefix(block), netip.MustParsePrefix(block).Addr(); p.Contains(a); a = a.Next() {
			out = append(out, a)
		}
	}
	for _, a := range []string{
		"1.1.1.1", "10.1.0.1", "10.2.0.1", "172.16.0.9", "100.64.0.1", "127.0.0.1", "192.0.0.9", "192.0.0.8", "224.0.0.1", "255.255.255.255",
		"2001::1", "2001:db8::1", "2002::1", "64:ff9b::808:808", "64:ff9b::808:809", "64:ff9b::808:80a", "64:ff9b:1::1", "fd00::1", "ff02::1", "::", "::ffff:8.8.8.8", "2001:1::2",
	} {
		out = append(out, netip.MustParseAddr(a))
	}
	return out
}

func (w world) document(id string) Document {
	d := document(id)
	if w.IntN(4) == 0 {
		c := w.clause(1)
		c.Whole = false
		d.AllowOnly = &AllowOnly{Line: 9, Within: c, These: some(w, 2, func() Clause { return w.inherited(c) })}
	} else {
		d.Forbid = some(w, 3, func() Clause { return w.clause(2) })
	}
	if w.counted && w.IntN(3) > 0 {
		d.Tolerate = Tolerance{Line: 11, IPv4: pick(w, -1, 29, 30, 31, 32), IPv6: pick(w, -1, 126, 127, 128), PerRule: w.IntN(4) == 0}
	}
	if w.IntN(3) == 0 {
		d.Except = append(d.Except, Except{Line: 20, Actors: []string{"arn:aws:iam::*:role/admin"}, Until: pick(w, time.Time{}, now, now.Add(time.Hour))})
	}
	switch w.IntN(4) {
	case 0:
		d.Remedy = Remedy{Do: DoRevert, Parts: 1}
	case 1:
		d.Remedy = Remedy{Do: DoNarrow, Parts: 1 + w.IntN(6), To: some(w, 2, func() netip.Prefix { return w.block() })}
	default:
		d.Remedy = Remedy{Do: DoNarrow, Parts: 1 + w.IntN(6)}
	}
	return d
}

func (w world) clause(exceptions int) Clause {
	whole := exceptions == 2 && w.IntN(5) == 0
	c := Clause{Line: 5 + w.IntN(90), Whole: whole, Directions: pick(w, bothDirections[:1], bothDirections[:1], bothDirections[1:], bothDirections[:])}
	c.Peers = some(w, 2, w.peer)
	c.Flows = some(w, 2, func() FlowSpec { return w.flow(whole) })
	for range w.IntN(exceptions + 1) {
		c.But = append(c.But, w.inherited(c))
	}
	return c
}

// inherited is an exception of a clause, or one of `these`.
func (w world) inherited(from Clause) Clause {
	c := Clause{Line: 100 + w.IntN(90), Directions: from.Directions, Flows: from.Flows, Peers: some(w, 2, w.peer)}
	if w.IntN(3) == 0 {
		c.Flows = some(w, 2, func() FlowSpec { return w.flow(from.Whole) })
	}
	return c
}

func (w world) flow(whole bool) FlowSpec {
	f := pick(w, "tcp/22", "tcp/20-25", "tcp/23-24", "udp/53", "icmp/8/0", "icmpv6/128/0", "47")
	if !whole {
		f = pick(w, f, f, "all", "all", "tcp", "tcp", "tcp/22", "icmp", "icmpv6", "icmp/8", "ports/22", "tcp/21-443", "udp/22-53")
	}
	specs := flowSpecs(f)
	return specs[w.IntN(len(specs))]
}

func (w world) peer() PeerSpec {
	return peerSpec(pick(w, "internet", "internet", "internet", "internet", "any", "addresses", "private", "vpc", "addresses", "references", "any", "self",
		"group:sg-0b", "account:self", "account:999999999999", "account:any", "10.0.0.0/8", "8.8.8.0/30", "8.8.8.8/32", "2606:4700::/126",
		"pl-b2", "pl-c3", "aws:s3", "aws:*"))
}

func (w world) block() netip.Prefix {
	texts := []string{"8.8.8.0/28", "8.8.8.0/30", "8.8.8.4/31", "8.8.8.9/32", "8.8.8.8/29", "2606:4700::/125", "2606:4700::2/127", "2606:4700::/128", "64:ff9b::808:808/127", "64:ff9b::808:80a/128", "10.1.0.1/32", "1.1.1.1/32"}
	if !w.counted {
		texts = append(texts, "0.0.0.0/0", "0.0.0.0/0", "::/0", "::/0", "0.0.0.0/1", "10.0.0.0/8", "2000::/3", "8.0.0.0/8", "192.0.0.0/24", "2001::/23", "::/8", "128.0.0.0/1")
	}
	return netip.MustParsePrefix(pick(w, texts...))
}

func (w world) livePeer() secgroup.Peer {
	switch w.IntN(8) {
	case 0:
		return secgroup.GroupReference{GroupID: pick(w, ownGroup, "sg-0b", "sg-0c")}
	case 1:
		return secgroup.GroupReference{GroupID: "sg-0d", AccountID: "999999999999"}
	case 2:
		return pick[secgroup.Peer](w, awsList, ownList)
	}
	return secgroup.NewCIDR(w.block())
}

func (w world) rule(id string) secgroup.Rule {
	r := secgroup.Rule{ID: id, Direction: pick(w, secgroup.Ingress, secgroup.Ingress, secgroup.Egress), Peer: w.livePeer(), Ports: secgroup.NoPorts}
	switch w.IntN(8) {
	case 0:
		r.Protocol = secgroup.AllProtocols
	case 1:
		r.Protocol, r.Ports = secgroup.UDP, pick(w, secgroup.Ports{From: 53, To: 53}, secgroup.Ports{From: 22, To: 53})
	case 2:
		r.Protocol, r.Ports = pick(w, secgroup.ICMP, secgroup.ICMPv6), pick(w, secgroup.NoPorts, secgroup.Ports{From: 8, To: -1}, secgroup.Ports{From: 8, To: 0}, secgroup.Ports{From: 128, To: 0})
	case 3:
		r.Protocol = 47
	default:
		r.Protocol = secgroup.TCP
		first := 20 + w.Int32N(6)
		r.Ports = pick(w, secgroup.Ports{From: first, To: first + w.Int32N(26-first)}, secgroup.Ports{From: 22, To: 22}, secgroup.Ports{From: 0, To: 65535}, secgroup.Ports{From: 20, To: 443})
	}
	return r
}

// input is a group with rules, some of them known, marked, exempt or named.
func (w world) input(s *Set) Input {
	g := secgroup.Group{ID: ownGroup, Name: "web-1", AccountID: ownAccount, Region: "eu-west-1", VPCID: "vpc-1"}
	g.VPCs = []secgroup.VPC{{ID: "vpc-1", CIDRs: []netip.Prefix{netip.MustParsePrefix("10.1.0.0/16")}}}
	if w.IntN(4) == 0 {
		g.VPCs[0].CIDRs = append(g.VPCs[0].CIDRs, netip.MustParsePrefix("8.8.8.12/30"), netip.MustParsePrefix("2606:4700::4/126"))
	}
	in := Input{Now: now, Facts: Facts{Acts: s.ActsDone(now.Add(-24 * time.Hour))}}
	in.Known = Known{Exists: true, Version: 1, Rules: map[string]KnownRule{}}
	for i := range 1 + w.IntN(5) {
		r := w.rule(fmt.Sprintf("sgr-%d", i))
		g.Rules = append(g.Rules, r)
		w.remember(&in, s, r)
	}
	in.Live = g
	for i := range w.IntN(2) {
		in.Exemptions = append(in.Exemptions, w.exemption(fmt.Sprintf("EX-%d", i), s))
	}
	return in
}

func (w world) remember(in *Input, s *Set, r secgroup.Rule) {
	k := KnownRule{Rule: r, Since: now.Add(-time.Hour), Order: int64(1 + w.IntN(9))}
	if list, ok := r.Peer.(secgroup.PrefixList); ok {
		k.ListDigest = ListDigest(list.Entries)
	}
	switch w.IntN(5) {
	case 0: // not in the item
		if w.IntN(2) == 0 {
			in.Changes = append(in.Changes, authorized(pick(w, "arn:aws:iam::1:role/admin", "arn:aws:iam::1:role/dev"), now.Add(-time.Duration(w.IntN(9))*time.Second), r))
		}
		return
	case 1: // marked
		k.Baseline = []string{s.Policies[w.IntN(len(s.Policies))].ID}
	case 2: // marked, and grown or changed since
		k.Baseline = []string{s.Policies[w.IntN(len(s.Policies))].ID}
		k.Rule = w.rule(r.ID)
		k.Rule.Direction = r.Direction
		k.Rule.Peer = r.Peer
		if c, ok := r.Peer.(secgroup.CIDR); ok && c.Bits() < 32 {
			k.Rule.Peer = secgroup.NewCIDR(netip.PrefixFrom(c.Addr(), c.Bits()+1))
		}
	case 3:
		k.By = &secgroup.Attribution{EventID: "e", EventTime: now.Add(-time.Hour), Actor: secgroup.Actor{ARN: pick(w, "arn:aws:iam::1:role/admin", "arn:aws:iam::1:role/dev")}}
	}
	in.Known.Rules[r.ID] = k
}

func (w world) exemption(id string, s *Set) Exemption {
	x := Exemption{ID: id, Policy: pick(w, "*", s.Policies[w.IntN(len(s.Policies))].ID), Group: pick(w, ownGroup, ownGroup, "sg-0other"), Until: pick(w, now, now.Add(time.Hour), now.Add(time.Hour))}
	for range w.IntN(3) {
		x.Rules = append(x.Rules, w.rule(""))
	}
	return x
}

// budget is how much of a long test is done: all of it, or with -short, as
// mutation testing runs it, a sample.
func budget(whole, sample int) int {
	if testing.Short() {
		return sample
	}
	return whole
}

// cases is how many seeds a property runs: SGWARDEN_CASES multiplies it, for
// long runs.
func cases(n int) uint64 {
	if testing.Short() {
		return uint64(n) / 20
	}
	factor, err := strconv.Atoi(os.Getenv("SGWARDEN_CASES"))
	if err != nil || factor < 1 {
		factor = 1
	}
	return uint64(n) * uint64(factor)
}
