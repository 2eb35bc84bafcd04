package plan

import (
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	_ "github.com/sgwarden/sgwarden/internal/fixedseed" // the same draws in every run
	"github.com/sgwarden/sgwarden/internal/policy"
	"github.com/sgwarden/sgwarden/internal/secgroup"
	"github.com/sgwarden/sgwarden/internal/secgroup/oracle"
)

func prefixes(texts ...string) []netip.Prefix {
	var out []netip.Prefix
	for _, t := range texts {
		out = append(out, netip.MustParsePrefix(t))
	}
	return out
}

// state is a group as EC2 would hold it while a plan is carried out.
type state struct {
	rules map[string]secgroup.Rule
	next  int
}

func newState(rules []secgroup.Rule) *state {
	s := &state{rules: map[string]secgroup.Rule{}}
	for _, r := range rules {
		s.rules[r.ID] = r
	}
	return s
}

// apply does what EC2 does, and refuses what EC2 refuses.
func (s *state) apply(a Action) error {
	switch a := a.(type) {
	case Revoke:
		for _, r := range a.Rules {
			if live, ok := s.rules[r.ID]; !ok || live.Direction != a.Direction {
				return fmt.Errorf("revoke %s: not a rule of this direction", r.ID)
			}
			delete(s.rules, r.ID)
		}
	case Modify:
		if kind(a.From.Peer) != kind(a.To.Peer) || a.From.ID != a.To.ID {
			return fmt.Errorf("modify %s: another type", a.From.ID)
		}
		if err := s.free(a.To); err != nil {
			return err
		}
		s.rules[a.To.ID] = a.To
	case Authorize:
		for _, r := range a.Rules {
			if err := s.free(r); err != nil {
				return err
			}
			s.next++
			r.ID = fmt.Sprintf("sgr-new%d", s.next)
			s.rules[r.ID] = r
		}
	}
	return nil
}

func (s *state) free(r secgroup.Rule) error {
	for id, live := range s.rules {
		if live.SameValue(r) && id != r.ID {
			return fmt.Errorf("%s exists as %s", r, id)
		}
	}
	return nil
}

func (s *state) list() []secgroup.Rule {
	var out []secgroup.Rule
	for _, id := range slices.Sorted(maps.Keys(s.rules)) {
		out = append(out, s.rules[id])
	}
	return out
}

// flows is what the rules of one direction open together.
func flowsOf(d secgroup.Direction, rules []secgroup.Rule) secgroup.Region {
	var all secgroup.Region
	for _, r := range rules {
		if r.Direction == d {
			all = all.Union(r.Region())
		}
	}
	return all
}

func drawRule(t *rapid.T, id string) secgroup.Rule {
	r := secgroup.Rule{ID: id, Direction: secgroup.Ingress, Protocol: secgroup.TCP}
	if rapid.IntRange(0, 4).Draw(t, "egress") == 0 {
		r.Direction = secgroup.Egress
	}
	if rapid.IntRange(0, 5).Draw(t, "all") == 0 {
		r.Protocol, r.Ports = secgroup.AllProtocols, secgroup.NoPorts
	} else {
		from := rapid.Int32Range(20, 27).Draw(t, "from")
		r.Ports = secgroup.Ports{From: from, To: rapid.Int32Range(from, 28).Draw(t, "to")}
	}
	bits := rapid.IntRange(0, 3).Draw(t, "bits")
	host := rapid.Uint8().Draw(t, "address")
	if rapid.IntRange(0, 3).Draw(t, "v6") == 0 {
		r.Peer = secgroup.NewCIDR(netip.PrefixFrom(netip.AddrFrom16([16]byte{host}), bits))
	} else {
		r.Peer = secgroup.NewCIDR(netip.PrefixFrom(netip.AddrFrom4([4]byte{host}), bits))
	}
	return r
}

// drawGroup gives rules of different values, as EC2 would hold them.
func drawGroup(t *rapid.T) secgroup.Group {
	g := secgroup.Group{ID: groupID}
	for i := range rapid.IntRange(1, 7).Draw(t, "rules") {
		r := drawRule(t, fmt.Sprintf("sgr-%d", i))
		if !slices.ContainsFunc(g.Rules, r.SameValue) {
			g.Rules = append(g.Rules, r)
		}
	}
	return g
}

// drawVerdict decides about some rules; a narrowed one keeps what overlaps a
// drawn region.
func drawVerdict(t *rapid.T, g secgroup.Group) policy.Verdict {
	v := policy.Verdict{GroupID: g.ID}
	for _, r := range g.Rules {
		rv := policy.RuleVerdict{Rule: r, Decision: rapid.SampledFrom([]policy.Decision{policy.Keep, policy.Revert, policy.Narrow, policy.Narrow}).Draw(t, "decision")}
		if rv.Decision == policy.Narrow {
			keep := r.Region().Subtract(drawRule(t, "").Region())
			if rapid.Bool().Draw(t, "cut") {
				keep = keep.Intersect(drawRule(t, "").Region())
			}
			rv.Remaining = keep.Rules(r.Direction, secgroup.AtomPeer)
			rv.Parts = rapid.IntRange(1, 4).Draw(t, "parts")
		}
		v.Rules = append(v.Rules, rv)
	}
	return v
}

// TestPlansNeverWidenAndNeverCut carries random plans out step by step: EC2
// accepts every step, what is open only shrinks, what is to be kept is open
// after each step, and rules that were not decided about are never touched.
func TestPlansNeverWidenAndNeverCut(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		g := drawGroup(t)
		v := drawVerdict(t, g)
		limits := Limits{MayModify: rapid.Bool().Draw(t, "modify"), MayAuthorize: rapid.Bool().Draw(t, "authorize"), RulesPerGroup: rapid.SampledFrom([]int{0, 8, 60}).Draw(t, "quota")}
		p := Build(v, g, policy.Known{}, limits)
		require.Equal(t, p, Build(v, g, policy.Known{}, limits))

		untouched, kept := afterwards(g, v, p)
		s := newState(g.Rules)
		for _, d := range []secgroup.Direction{secgroup.Ingress, secgroup.Egress} {
			open := flowsOf(d, g.Rules)
			s = newState(g.Rules)
			for _, a := range p.Actions {
				require.NoError(t, s.apply(a), "plan %v", steps(p))
				now := flowsOf(d, s.list())
				require.True(t, open.Covers(now), "%v widens", a)
				require.True(t, now.Covers(flowsOf(d, kept)), "%v cuts what is to be kept", a)
				open = now
			}
			require.True(t, open.Equal(flowsOf(d, kept)), "what is left is not what was to be left")
		}
		for _, r := range untouched {
			require.Equal(t, r, s.rules[r.ID])
		}
	})
}

// afterwards gives the rules that the plan must not touch, and all that shall
// stand in the end, both taken from verdict and rule plans alone.
func afterwards(g secgroup.Group, v policy.Verdict, p Plan) (untouched, kept []secgroup.Rule) {
	planned := map[string]RulePlan{}
	for _, r := range p.Rules {
		planned[r.Before.ID] = r
	}
	for i, r := range g.Rules {
		rp, ok := planned[r.ID]
		if !ok {
			untouched = append(untouched, r)
			kept = append(kept, r)
			continue
		}
		if rp.Goal == Narrowed {
			kept = append(kept, v.Rules[i].Remaining...)
		}
	}
	return untouched, kept
}

// TestPlansAgreeWithTheOracle asks the packet oracle, which shares no code
// with the algebra, about every step of a plan.
func TestPlansAgreeWithTheOracle(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		g := drawGroup(t)
		v := drawVerdict(t, g)
		p := Build(v, g, policy.Known{}, everything)
		_, kept := afterwards(g, v, p)
		packets := make([]oracle.Packet, 40)
		for i := range packets {
			packets[i] = drawPacket(t)
		}
		s := newState(g.Rules)
		before := s.list()
		for _, a := range p.Actions {
			require.NoError(t, s.apply(a))
			for _, packet := range packets {
				admitted := oracle.AdmitsAny(s.list(), packet)
				require.True(t, !admitted || oracle.AdmitsAny(before, packet), "%v opens %+v", a, packet)
				require.True(t, admitted || !oracle.AdmitsAny(kept, packet), "%v cuts %+v", a, packet)
			}
			before = s.list()
		}
	})
}

func drawPacket(t *rapid.T) oracle.Packet {
	p := oracle.Packet{Direction: secgroup.Ingress, Protocol: rapid.SampledFrom([]uint8{6, 6, 6, 17, 50}).Draw(t, "protocol"), Port: rapid.Uint16Range(18, 30).Draw(t, "port")}
	if rapid.IntRange(0, 4).Draw(t, "out") == 0 {
		p.Direction = secgroup.Egress
	}
	host := rapid.Uint8().Draw(t, "remote")
	if rapid.IntRange(0, 3).Draw(t, "remote6") == 0 {
		p.Remote = netip.AddrFrom16([16]byte{host, 1})
	} else {
		p.Remote = netip.AddrFrom4([4]byte{host, 1, 1, 1})
	}
	return p
}
