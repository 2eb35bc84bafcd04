package secgroup_test

import (
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/sgwarden/sgwarden/internal/secgroup"
	"github.com/sgwarden/sgwarden/internal/secgroup/oracle"
)

// A million random packets in the full model: groups of rules of all
// protocols, families and peers, one operation on two of them, and the rules
// that come back from the result.
func TestMillionRandomPackets(t *testing.T) {
	t.Parallel()
	want := budget(1_000_000, 25_000)
	random := rand.New(rand.NewPCG(2026, 10))
	s := source(random.IntN)
	var c, back tally
	open := 0
	for c.packets < want {
		left, right := s.rules(5), s.rules(5)
		a, b := regionOf(left), regionOf(right)
		operation := pick(s, "union", "intersect", "subtract")
		var result secgroup.Region
		switch operation {
		case "union":
			result = a.Union(b)
		case "intersect":
			result = a.Intersect(b)
		case "subtract":
			result = a.Subtract(b)
		}
		rules := result.Rules(secgroup.Ingress, nil)
		require.True(t, regionOf(rules).Equal(result), "%v %s %v", left, operation, right)
		near := append(append([]secgroup.Rule{}, left...), right...)
		for range 500 {
			p := s.packet(near)
			x, y := oracle.AdmitsAny(left, p), oracle.AdmitsAny(right, p)
			expect := map[string]bool{"union": x || y, "intersect": x && y, "subtract": x && !y}[operation]
			if !c.same(expect, admits(result, p)) {
				t.Fatalf("%v %s %v: %+v", left, operation, right, p)
			}
			if !back.same(expect, oracle.AdmitsAny(rules, p)) {
				t.Fatalf("%v %s %v = %v: %+v", left, operation, right, rules, p)
			}
			if expect {
				open++
			}
		}
	}
	require.Greater(t, open, want/10, "hardly any packet was admitted: the proof looks away")
	require.Less(t, open, want*9/10, "hardly any packet was refused: the proof looks away")
	c.report(t, "random packets, operations on regions")
	back.report(t, "random packets, regions back to rules")
}
