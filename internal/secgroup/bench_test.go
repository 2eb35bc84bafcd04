package secgroup_test

import (
	"math/rand/v2"
	"net/netip"
	"testing"

	"github.com/sgwarden/sgwarden/internal/secgroup"
)

func BenchmarkRuleRegion(b *testing.B) {
	rule, err := secgroup.ParseRule("ingress tcp/20-25 from 8.8.8.0/29")
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		rule.Region()
	}
}

// A list of 1,000 entries, asked for one block: the size of the longest
// customer-managed prefix list.
func BenchmarkAddressSetOverlapsPrefix(b *testing.B) {
	random := rand.New(rand.NewPCG(1, 2))
	var entries []netip.Prefix
	for range 1000 {
		entries = append(entries, netip.PrefixFrom(netip.AddrFrom4([4]byte{byte(random.IntN(256)), byte(random.IntN(256)), byte(random.IntN(256))}), 24))
	}
	set := secgroup.NewAddressSet(entries...)
	asked := netip.MustParsePrefix("8.8.8.0/29")
	b.ReportAllocs()
	for b.Loop() {
		set.OverlapsPrefix(asked)
	}
}

// A group of 60 rules put together, and what an open rule leaves beside it.
func BenchmarkRemainderOfGroup(b *testing.B) {
	random := rand.New(rand.NewPCG(3, 4))
	s := source(random.IntN)
	var rules []secgroup.Rule
	for range 60 {
		rules = append(rules, s.rule())
	}
	open, err := secgroup.ParseRule("ingress tcp/0-65535 from 0.0.0.0/0")
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		open.Region().Subtract(regionOf(rules)).Rules(secgroup.Ingress, nil)
	}
}
