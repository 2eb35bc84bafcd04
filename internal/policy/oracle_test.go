package policy

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go4.org/netipx"

	"github.com/sgwarden/sgwarden/internal/secgroup"
	"github.com/sgwarden/sgwarden/internal/secgroup/oracle"
)

// TestExcessIsWhatTheDocumentForbids holds Evaluate against the naive reading:
// a packet is in the excess of a rule exactly if the oracle says that the
// rule, as far as it counts, opens it, and the document forbids it.
func TestExcessIsWhatTheDocumentForbids(t *testing.T) {
	packets, opened, inExcess, groups := 0, 0, 0, 0
	seen := map[State]int{}
	all := universe()
	for seed := range cases(4000) {
		w := newWorld(seed)
		doc := w.document("p")
		s := enforcing(t, doc)
		in := w.input(s)
		v := s.Evaluate(in)
		want, rules := naiveExcess(doc, in, all)
		for i, j := range rules {
			f := v.Rules[verdictOf(v, j.rule.ID)].Findings[0]
			seen[f.State]++
			due := f.Excess
			if !f.State.isDue() {
				due = secgroup.Region{}
			}
			for _, p := range all {
				packets++
				if oracle.Admits(j.rule, p) {
					opened++
				}
				got := p.Direction == j.rule.Direction && contains(due, p)
				if want[i][p] {
					inExcess++
				}
				if got == want[i][p] {
					continue
				}
				require.Fail(t, "the excess is not what the document forbids", "seed %d, rule %s %s, packet %+v: in the excess %v\ndocument %+v\nstate %d %s", seed, j.rule.ID, j.rule, p, got, doc, f.State, f.Why)
			}
		}
		groups++
	}
	fmt.Printf("SHOW policy, oracle of policies: %d groups, %d packets compared, %d of them open, %d in an excess, findings by state %v\n", groups, packets, opened, inExcess, seen)
	require.Greater(t, inExcess, budget(opened/20, 0))
	for _, state := range []State{Fine, Acting, Exempt, Baseline, Waiting} {
		require.Positive(t, seen[state], "no finding of state %d", state)
	}
}

func verdictOf(v Verdict, id string) int {
	return slices.IndexFunc(v.Rules, func(r RuleVerdict) bool { return r.Rule.ID == id })
}

// contains reports whether a packet, of the region's direction, is in it.
func contains(r secgroup.Region, p oracle.Packet) bool {
	place := placeIn(p)
	if p.Remote.IsValid() {
		return r.Contains(p.Protocol, place, p.Remote)
	}
	return r.ContainsAtom(p.Protocol, place, secgroup.GroupReference{GroupID: p.Group, AccountID: p.Account}.Key())
}

// naiveExcess gives the rules of a group in the order of the walk, and the
// packets of each that are too much.
func naiveExcess(doc Document, in Input, all []oracle.Packet) ([]map[oracle.Packet]bool, []judged) {
	n := naive{doc: doc, group: in.Live}
	rules := slices.Clone(in.Live.Rules)
	slices.SortStableFunc(rules, func(a, b secgroup.Rule) int { return naiveOrder(in, a, b) })
	var out []judged
	for _, r := range rules {
		out = append(out, judged{r, func(p oracle.Packet) bool { return naiveExcused(doc, in, r, p) }})
	}
	excess := n.excesses(out, all)
	for i, r := range rules {
		for p := range excess[i] {
			if p.Direction != r.Direction {
				delete(excess[i], p)
			}
		}
	}
	return excess, out
}

// naiveOrder: by order; those without (new, or grown) last: unnamed by id,
// then named by event time, then id.
func naiveOrder(in Input, a, b secgroup.Rule) int {
	key := func(r secgroup.Rule) (class int, order int64, when time.Time) {
		if k, ok := in.Known.Rules[r.ID]; ok && !naiveGrew(in, k, r) {
			return 0, k.Order, time.Time{}
		}
		if c := naiveNamed(in, r); c != nil {
			return 2, 0, c.EventTime
		}
		return 1, 0, time.Time{}
	}
	ac, ao, at := key(a)
	bc, bo, bt := key(b)
	return cmp.Or(cmp.Compare(ac, bc), cmp.Compare(ao, bo), at.Compare(bt), cmp.Compare(a.ID, b.ID))
}

func naiveNamed(in Input, r secgroup.Rule) *secgroup.Change {
	for i, c := range in.Changes {
		if c.Rules[0].Rule.ID == r.ID {
			return &in.Changes[i]
		}
	}
	return nil
}

// naiveGrew looks at the corners of the live rule: it lies within its known
// value, which is a box too, if they do.
func naiveGrew(in Input, k KnownRule, r secgroup.Rule) bool {
	return slices.ContainsFunc(corners(r), func(p oracle.Packet) bool { return oracle.Admits(r, p) && !oracle.Admits(k.Rule, p) })
}

func corners(r secgroup.Rule) []oracle.Packet {
	var flows []oracle.Packet
	for _, protocol := range []uint8{uint8(max(r.Protocol, 0)), 0, 1, 6, 17, 58, 99} {
		for _, port := range []uint16{0, 65535, uint16(r.Ports.From), uint16(r.Ports.To)} {
			flows = append(flows, oracle.Packet{Direction: r.Direction, Protocol: protocol, Port: port, Type: uint8(port), Code: uint8(port)})
			flows = append(flows, oracle.Packet{Direction: r.Direction, Protocol: protocol, Port: port, Type: uint8(r.Ports.From), Code: uint8(port)})
		}
	}
	var out []oracle.Packet
	for _, p := range flows {
		switch peer := r.Peer.(type) {
		case secgroup.CIDR:
			block := netipx.RangeOfPrefix(peer.Prefix)
			for _, a := range []netip.Addr{block.From(), block.To()} {
				p.Remote = a
				out = append(out, p)
			}
		case secgroup.PrefixList:
			p.Remote = peer.Entries[0].Addr()
			out = append(out, p)
		case secgroup.GroupReference:
			p.Group, p.Account = peer.GroupID, peer.AccountID
			out = append(out, p)
		}
	}
	return out
}

func naiveExcused(doc Document, in Input, r secgroup.Rule, p oracle.Packet) bool {
	k, known := in.Known.Rules[r.ID]
	if known && slices.Contains(k.Baseline, doc.ID) && oracle.Admits(k.Rule, p) {
		return true
	}
	actor := ""
	if known && k.By != nil && !naiveGrew(in, k, r) {
		actor = k.By.Actor.ARN
	}
	if c := naiveNamed(in, r); c != nil {
		actor = c.Actor.ARN
	}
	for _, e := range doc.Except {
		if (e.Until.IsZero() || now.Before(e.Until)) && actor == "arn:aws:iam::1:role/admin" {
			return true
		}
	}
	for _, x := range in.Exemptions {
		if x.Group != ownGroup || x.Policy != "*" && x.Policy != doc.ID || !now.Before(x.Until) {
			continue
		}
		if len(x.Rules) == 0 || slices.ContainsFunc(x.Rules, func(e secgroup.Rule) bool { return naiveExempt(e, r, p) }) {
			return true
		}
	}
	return false
}

func naiveExempt(e, r secgroup.Rule, p oracle.Packet) bool {
	if list, ok := e.Peer.(secgroup.PrefixList); ok {
		live, same := r.Peer.(secgroup.PrefixList)
		if !same || live.ID != list.ID {
			return false
		}
	}
	return oracle.Admits(e, p)
}

// placeIn is the place of a packet in the 16-bit space of its protocol.
func placeIn(p oracle.Packet) uint16 {
	if p.Protocol == 1 || p.Protocol == 58 {
		return uint16(p.Type)<<8 | uint16(p.Code)
	}
	return p.Port
}
