package secgroup_test

import (
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/sgwarden/sgwarden/internal/secgroup"
)

func draw(t *rapid.T) source {
	return func(n int) int { return rapid.IntRange(0, n-1).Draw(t, "n") }
}

func TestLawsOfRegions(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := draw(t)
		a, b, c := regionOf(s.rules(4)), regionOf(s.rules(4)), regionOf(s.rules(3))
		equal := func(x, y secgroup.Region, law string) {
			require.True(t, x.Equal(y), law)
			require.Equal(t, x.Slices(), y.Slices(), "canonical: "+law)
		}
		equal(a.Union(b), b.Union(a), "a + b = b + a")
		equal(a.Union(b.Union(c)), a.Union(b).Union(c), "a + (b + c) = (a + b) + c")
		equal(a.Intersect(b), b.Intersect(a), "a b = b a")
		equal(a.Intersect(b.Union(c)), a.Intersect(b).Union(a.Intersect(c)), "a (b + c) = a b + a c")
		equal(a.Subtract(b.Union(c)), a.Subtract(b).Intersect(a.Subtract(c)), "a - (b + c) = (a - b)(a - c)")
		equal(a.Subtract(b.Intersect(c)), a.Subtract(b).Union(a.Subtract(c)), "a - b c = (a - b) + (a - c)")
		equal(a.Subtract(b).Union(a.Intersect(b)), a, "(a - b) + a b = a")
		equal(a.Subtract(b).Union(b), a.Union(b), "(a - b) + b = a + b")
		equal(a.Union(a), a, "a + a = a")
		equal(a.Union(secgroup.Region{}), a, "a + 0 = a")
		equal(secgroup.NewRegion(a.Slices()...), a, "slices make the region")
		require.True(t, a.Subtract(a).IsEmpty())
		require.True(t, a.Subtract(b).Intersect(b).IsEmpty())
		require.Equal(t, !a.Intersect(b).IsEmpty(), a.Overlaps(b))
		require.Equal(t, b.Subtract(a).IsEmpty(), a.Covers(b))
		require.True(t, a.Union(b).Covers(b))
		require.True(t, a.Covers(a.Intersect(b)))
		require.Equal(t, a.Subtract(b).IsEmpty() && b.Subtract(a).IsEmpty(), a.Equal(b))
	})
}

func TestLawsOfRestrictions(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := draw(t)
		r := regionOf(s.rules(6))
		some := func(key string) bool { return key < "sg" }
		equal := func(x, y secgroup.Region, law string) { require.Equal(t, x.Slices(), y.Slices(), law) }

		equal(r.OnlyAddresses().Union(r.OnlyAtoms(func(string) bool { return true })), r, "addresses and atoms")
		equal(r.OnlyAtoms(some).Union(r.OnlyAtoms(func(key string) bool { return !some(key) })), r.Subtract(r.OnlyAddresses()), "atoms")
		equal(r.WithinAddresses(r.Addresses()), r.OnlyAddresses(), "all of its addresses")
		equal(r.WithinAddresses(secgroup.AllIPv4()).Union(r.WithinAddresses(secgroup.AllIPv6())), r.OnlyAddresses(), "families")
		equal(r.On(secgroup.EveryProtocol, secgroup.FullSpan), r, "everything")
		equal(r.OnlyProtocols(secgroup.AllProtocols), r, "all protocols")

		p := uint8(pick(s, someProtocols...))
		equal(r.On(secgroup.ProtocolRange{First: p, Last: p}, secgroup.FullSpan), r.OnlyProtocols(secgroup.Protocol(p)), "one protocol")

		common, other := r.CommonProtocols()
		equal(common.Union(other), r, "common and other")
		require.False(t, common.Overlaps(other))
		for _, sl := range common.Slices() {
			require.Equal(t, sl.Protocols.First, sl.Protocols.Last)
			switch secgroup.Protocol(sl.Protocols.First) {
			case secgroup.TCP, secgroup.UDP:
			case secgroup.ICMP:
				require.True(t, sl.IPv6.IsEmpty())
			case secgroup.ICMPv6:
				require.True(t, sl.IPv4.IsEmpty())
			default:
				require.Fail(t, "not common", "%+v", sl)
			}
		}
		require.True(t, other.OnlyProtocols(secgroup.TCP, secgroup.UDP).IsEmpty())
		require.True(t, other.OnlyProtocols(secgroup.ICMP).OnlyAtoms(func(string) bool { return true }).IsEmpty())
	})
}

// Slices are disjoint, ascending, never empty, and stand on whole protocols
// where they stand on more than one.
func TestSlicesAreCanonical(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := regionOf(draw(t).rules(6))
		next := 0
		for _, s := range r.Slices() {
			first := int(s.Protocols.First)<<16 | int(s.Span.First)
			last := int(s.Protocols.Last)<<16 | int(s.Span.Last)
			require.GreaterOrEqual(t, first, next)
			require.GreaterOrEqual(t, last, first)
			next = last + 1
			if s.Protocols.First != s.Protocols.Last {
				require.Equal(t, secgroup.FullSpan, s.Span)
			}
			if p := secgroup.Protocol(s.Protocols.First); !p.HasPorts() && !p.IsICMP() {
				require.Equal(t, secgroup.FullSpan, s.Span)
			}
			require.False(t, s.IPv4.IsEmpty() && s.IPv6.IsEmpty() && len(s.Atoms) == 0)
			require.True(t, secgroup.AllIPv4().Covers(s.IPv4))
			require.True(t, secgroup.AllIPv6().Covers(s.IPv6))
			require.IsIncreasing(t, append([]string{""}, s.Atoms...))
		}
	})
}

// What Slices gives belongs to the caller: no later answer changes with it.
func TestRegionsAreImmutable(t *testing.T) {
	a := secgroup.NewRegion(secgroup.Slice{Protocols: secgroup.EveryProtocol, Span: secgroup.FullSpan,
		IPv4: secgroup.AllIPv4(), Atoms: []string{"sg-0b", "sg-0a", "sg-0b"}})
	before := a.Slices()
	require.Equal(t, []string{"sg-0a", "sg-0b"}, before[0].Atoms)
	a.Slices()[0].Atoms[0] = "changed"
	a.Atoms()[0] = "changed"
	a.Union(regionOf([]secgroup.Rule{{Protocol: 6, Ports: secgroup.AllPorts, Peer: secgroup.GroupReference{GroupID: "sg-0c"}}}))
	require.Equal(t, before, a.Slices())
}
