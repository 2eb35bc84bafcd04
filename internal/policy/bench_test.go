package policy

import (
	"fmt"
	"net/netip"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/sgwarden/sgwarden/internal/secgroup"
)

// benchPolicies are n policies like those of the packs: ports of many
// services from the internet, some with tolerance or exceptions.
func benchPolicies(n int) []Document {
	var docs []Document
	for i := range n {
		port := 1000 + 7*i
		c := box(fmt.Sprintf("ingress tcp/%d,tcp/%d-%d,udp/%d internet", port, port+2, port+4, port))
		switch i % 4 {
		case 1:
			c = box(fmt.Sprintf("ingress tcp/22,tcp/3389,tcp/%d internet", port), box("ingress tcp/22 8.8.8.0/29"))
		case 2:
			c = box(fmt.Sprintf("egress ports/%d internet", port))
			if i == 2 {
				c = box("ingress tcp/1-65535 internet whole", box("ingress tcp/1-65535 aws:*"))
			}
		case 3:
			c = box(fmt.Sprintf("ingress tcp/%d 10.%d.0.0/16", port, i))
		}
		docs = append(docs, document(fmt.Sprintf("p%d", i), forbid(c), tolerate(16, 32)))
	}
	return docs
}

// compliantRules are rules that real groups have and no policy above forbids.
func compliantRules(t testing.TB) []secgroup.Rule {
	return liveRules(t, "ingress tcp/443 from 0.0.0.0/0", "ingress tcp/443 from ::/0", "ingress tcp/80 from 0.0.0.0/0",
		"ingress tcp/22 from 10.0.0.0/8", "ingress tcp/5432 from sg-0b", "egress all to 10.0.0.0/8", "ingress udp/53 from 10.0.0.0/8",
		"ingress tcp/22 from 8.8.8.0/29", "egress tcp/443 to 0.0.0.0/0", "ingress tcp/3389 from 172.16.0.0/12")
}

func TestCompliantRulesAreMatchedWithoutAllocation(t *testing.T) {
	for _, n := range []int{20, 200} {
		s := enforcing(t, benchPolicies(n)...)
		set := make([]uint64, s.index.words)
		all := make([]uint64, s.index.words)
		for i := range s.index.clauses {
			setBit(all, i)
		}
		for _, r := range compliantRules(t) {
			require.Zero(t, testing.AllocsPerRun(100, func() { s.index.touch(&r, &Surroundings{}, all, set) }), "%s", r)
		}
	}
}

// TestAllocationsDoNotGrowWithRules: a group costs what its verdict takes,
// whatever number of compliant rules it has.
func TestAllocationsDoNotGrowWithRules(t *testing.T) {
	s := enforcing(t, benchPolicies(20)...)
	allocs := func(n int) float64 {
		in := swept(s, manyRules(t, n))
		return testing.AllocsPerRun(20, func() { s.Evaluate(in) })
	}
	require.Equal(t, allocs(10), allocs(1000))
}

// TestRulesOfExceptionsAreMatchedWithoutAlgebra: an office that a policy lets
// in is as cheap as a rule that the policy has nothing to do with.
func TestRulesOfExceptionsAreMatchedWithoutAlgebra(t *testing.T) {
	office := box("ingress tcp/22,tcp/3389 8.8.8.0/29")
	s := enforcing(t,
		document("admin", forbid(box("ingress tcp/22,tcp/3389 internet", office))),
		document("inherited", allowOnly(box("ingress tcp/22 addresses"), box("ingress tcp/22 8.8.8.0/28,private"))),
		document("mostly", forbid(box("ingress tcp/22,tcp/3389 internet", box("ingress tcp/22 8.8.8.0/29")))), // 3389 is not excepted
	)
	all := []uint64{1<<len(s.index.clauses) - 1}
	touched := func(text string) (ids []string) {
		set := make([]uint64, s.index.words)
		s.index.touch(&liveRules(t, text)[0], &Surroundings{}, all, set)
		for i, c := range s.index.clauses {
			if set[0]&(1<<i) != 0 {
				ids = append(ids, s.Policies[c.policy].ID)
			}
		}
		return ids
	}
	require.Equal(t, []string{"mostly"}, touched("ingress tcp/22 from 8.8.8.0/29"))
	require.Equal(t, []string{"mostly"}, touched("ingress tcp/22 from 8.8.8.4/32"))
	require.Equal(t, []string{"admin", "mostly"}, touched("ingress tcp/22 from 8.8.8.0/28"))
	require.Equal(t, []string{"admin", "inherited", "mostly"}, touched("ingress tcp/22 from 8.8.8.0/27"))
	require.Equal(t, []string{"inherited"}, touched("ingress tcp/22 from 100.64.0.0/10"))
	require.Empty(t, touched("ingress tcp/22 from 10.0.0.0/8"))
}

func manyRules(t testing.TB, n int) secgroup.Group {
	g := group(t)
	for i := range n {
		block := netip.PrefixFrom(netip.AddrFrom4([4]byte{8, 8, byte(i >> 8), byte(i)}), 32)
		g.Rules = append(g.Rules, secgroup.Rule{
			ID: fmt.Sprintf("sgr-%06d", i), Direction: secgroup.Ingress, Protocol: secgroup.TCP, Ports: secgroup.Ports{From: 443, To: 443}, Peer: secgroup.NewCIDR(block),
		})
	}
	return g
}

func BenchmarkMatch(b *testing.B) {
	for _, n := range []int{20, 200} {
		b.Run(fmt.Sprintf("%d policies", n), func(b *testing.B) {
			s := enforcing(b, benchPolicies(n)...)
			set := make([]uint64, s.index.words)
			all := make([]uint64, s.index.words)
			for i := range s.index.clauses {
				setBit(all, i)
			}
			rules := compliantRules(b)
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				s.index.touch(&rules[i%len(rules)], &Surroundings{}, all, set)
			}
		})
	}
}

// BenchmarkEvaluate is a whole group of 10 compliant rules, reported per rule.
func BenchmarkEvaluate(b *testing.B) {
	for _, n := range []int{20, 200} {
		b.Run(fmt.Sprintf("%d policies", n), func(b *testing.B) {
			s := enforcing(b, benchPolicies(n)...)
			g := group(b)
			g.Rules = compliantRules(b)
			in := swept(s, g)
			b.ReportAllocs()
			for b.Loop() {
				s.Evaluate(in)
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*len(g.Rules)), "ns/rule")
		})
	}
}

// BenchmarkViolations is a group in which every rule violates.
func BenchmarkViolations(b *testing.B) {
	for _, n := range []int{10, 1000} {
		b.Run(fmt.Sprintf("%d rules", n), func(b *testing.B) {
			for _, tc := range []struct {
				name string
				doc  Document
			}{
				{"nothing tolerated", document("ssh", forbid(box("ingress tcp/443 internet")))},
				{"tolerated", document("ssh", forbid(box("ingress tcp/443 internet")), tolerate(16, 32))},
				{"bound met", document("ssh", forbid(box("ingress tcp/443 internet")), tolerate(30, 32))},
			} {
				b.Run(tc.name, func(b *testing.B) {
					s := enforcing(b, tc.doc)
					in := swept(s, manyRules(b, n))
					for b.Loop() {
						s.Evaluate(in)
					}
				})
			}
		})
	}
}

func BenchmarkCompile(b *testing.B) {
	docs := benchPolicies(200)
	for b.Loop() {
		if _, err := Compile(docs, Settings{Mode: Enforce}); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkDigests is what the first judgement after the start pays for the
// digests of all policies.
func BenchmarkDigests(b *testing.B) {
	docs := benchPolicies(200)
	for b.Loop() {
		b.StopTimer()
		s := enforcing(b, docs...)
		b.StartTimer()
		for _, p := range s.Policies {
			_ = p.Digest()
		}
	}
}
