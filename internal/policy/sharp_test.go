package policy

import (
	"fmt"
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/sgwarden/sgwarden/internal/secgroup"
)

// The index and the sums of harmless may keep too much, and the verdict is the
// same; here is what they are for: that they keep no more than they must.

// bitsOf is the members of a set.
func bitsOf(set []uint64) []int {
	out := []int{}
	for i := range len(set) * 64 {
		if set[i/64]>>(i%64)&1 == 1 {
			out = append(out, i)
		}
	}
	return out
}

// everything is all bits of a set of the index.
func (x *index) everything() []uint64 {
	set := make([]uint64, x.words)
	for w := range set {
		set[w] = math.MaxUint64
	}
	return set
}

// touched is the clauses that the index names for a rule, whatever stood in
// the set before.
func touched(t *testing.T, s *Set, text string) []int {
	t.Helper()
	r := ruleOf(t, text)
	set := s.index.everything()
	found := s.index.touch(&r, &Surroundings{}, s.index.everything(), set)
	require.Equal(t, found, len(bitsOf(set)) > 0, text)
	return bitsOf(set)
}

func TestIndexNamesNoMoreThanItMust(t *testing.T) {
	s := enforcing(t, document("p", forbid(
		box("ingress tcp/20-25 internet"), box("ingress udp/53 internet"), box("ingress tcp/60000-65535 internet"), box("egress tcp/20-25 internet"),
		box("ingress 47 internet"), box("ingress icmp/8 internet"), box("ingress tcp/22 references"), box("ingress all 9.0.0.0/8"), box("ingress tcp/23 pl-0b"),
	)))
	for text, want := range map[string][]int{
		"ingress tcp/19 from 8.8.8.8/32": {}, "ingress tcp/20 from 8.8.8.8/32": {0}, "ingress tcp/25 from 8.8.8.8/32": {0}, "ingress tcp/26 from 8.8.8.8/32": {},
		"ingress tcp/0-19 from 8.8.8.8/32": {}, "ingress tcp/19-20 from 8.8.8.8/32": {0}, "ingress tcp/25-60000 from 8.8.8.8/32": {0, 2}, "ingress tcp/26-59999 from 8.8.8.8/32": {},
		"ingress tcp/0-65535 from 8.8.8.8/32": {0, 2}, "ingress tcp/65535 from 8.8.8.8/32": {2}, "ingress tcp/59999 from 8.8.8.8/32": {},
		"ingress udp/53 from ::/0": {1}, "ingress udp/52 from ::/0": {}, "ingress udp/54 from ::/0": {}, "egress tcp/20 to 8.8.8.8/32": {3}, "egress udp/53 to 8.8.8.8/32": {},
		"ingress 46 from 8.8.8.8/32": {}, "ingress 47 from 8.8.8.8/32": {4}, "ingress 48 from 8.8.8.8/32": {},
		"ingress icmp/7 from 8.8.8.8/32": {}, "ingress icmp/8/0 from 8.8.8.8/32": {5}, "ingress icmp from 8.8.8.8/32": {5}, "ingress icmp/9 from 8.8.8.8/32": {},
		"ingress tcp/22 from sg-0b": {6}, "ingress tcp/23 from sg-0b": {}, "ingress all from sg-0b": {6},
		"ingress tcp/99 from 9.9.9.9/32": {7}, "ingress tcp/22 from 9.9.9.9/32": {0, 7}, "ingress tcp/22 from 10.0.0.0/8": {}, "ingress tcp/22 from 10.0.0.0/7": {0},
		"ingress all from 8.8.8.8/32": {0, 1, 2, 4, 5}, "ingress tcp/22 from pl-0c": {0, 7}, "ingress tcp/23 from pl-0b": {0, 7, 8},
	} {
		require.Equal(t, want, touched(t, s, text), text)
	}
	odd := ruleOf(t, "ingress tcp/22 from 8.8.8.8/32")
	odd.Direction = 0
	require.False(t, s.index.touch(&odd, &Surroundings{}, s.index.everything(), make([]uint64, s.index.words)))
	require.True(t, s.index.touchedBy(0, liveRules(t, "ingress tcp/1 from 8.8.8.8/32", "ingress tcp/22 from 8.8.8.8/32")))
	require.False(t, s.index.touchedBy(0, liveRules(t, "ingress tcp/1 from 8.8.8.8/32")))
	require.False(t, s.index.touchedBy(1, liveRules(t, "ingress tcp/22 from 8.8.8.8/32")))
}

// TestIndexOfManyClauses has more clauses, and more sets of addresses, than
// fit into one word or into the memory of a look.
func TestIndexOfManyClauses(t *testing.T) {
	const n = 150
	var ports, blocks []Document
	for i := range n {
		ports = append(ports, document(fmt.Sprintf("p%03d", i), forbid(box(fmt.Sprintf("ingress tcp/%d internet", 1000+i)))))
		blocks = append(blocks, document(fmt.Sprintf("p%03d", i), forbid(box(fmt.Sprintf("ingress tcp/22 8.%d.0.0/16", i)))))
	}
	byPort, byBlock := enforcing(t, ports...), enforcing(t, blocks...)
	require.Empty(t, touched(t, byPort, "ingress tcp/999 from 8.8.8.8/32"))
	require.Empty(t, touched(t, byBlock, "ingress tcp/22 from 9.0.0.0/8"))
	for i := range n {
		require.Equal(t, []int{i}, touched(t, byPort, fmt.Sprintf("ingress tcp/%d from 8.8.8.8/32", 1000+i)))
		require.Equal(t, []int{i}, touched(t, byBlock, fmt.Sprintf("ingress tcp/22 from 8.%d.1.0/24", i)))
	}
	require.Len(t, touched(t, byBlock, "ingress tcp/22 from 8.0.0.0/8"), n)
	require.Equal(t, []int{62, 63, 64, 65}, touched(t, byPort, "ingress tcp/1062-1065 from 8.8.8.8/32"))
	require.Equal(t, []int{62, 63}, touched(t, byBlock, "ingress tcp/22 from 8.62.0.0/15"))
	require.Equal(t, []int{64, 65, 66, 67}, touched(t, byBlock, "ingress tcp/22 from 8.64.0.0/14"))
}

func clausesOf(s *Set) []indexed { return s.index.clauses }

func TestCountsOfFlows(t *testing.T) {
	c := func(text string, but ...Clause) *clause {
		return clausesOf(enforcing(t, document("p", forbid(box(text, but...)))))[0].clause
	}
	for _, tc := range []struct {
		box, rule string
		want      uint64
	}{
		{"ingress tcp/20-29 internet", "ingress tcp/25-35 from 8.8.8.8/32", 5},
		{"ingress tcp/20-29 internet", "ingress all from 8.8.8.8/32", 10},
		{"ingress tcp/20-29 internet", "ingress tcp/29 from 8.8.8.8/32", 1},
		{"ingress tcp/20-29 internet", "ingress tcp/30 from 8.8.8.8/32", 0},
		{"ingress tcp/20-29 internet", "ingress udp/20-29 from 8.8.8.8/32", 0},
		{"ingress tcp/20-29,udp/20 internet", "ingress all from 8.8.8.8/32", 11},
		{"ingress all internet", "ingress tcp/22-23 from 8.8.8.8/32", 2},
		{"ingress all internet", "ingress all from 8.8.8.8/32", 1 << 24},
		{"ingress 47 internet", "ingress 47 from 8.8.8.8/32", 1 << 16},
	} {
		r := ruleOf(t, tc.rule)
		require.Equal(t, tc.want, c(tc.box).flowsOf(r.Protocols(), r.Span()), "%s, %s", tc.box, tc.rule)
	}
	require.Equal(t, uint64(10), countFlows(ruleOf(t, "ingress tcp/20-29 from 8.8.8.8/32").Region()))
	require.Equal(t, uint64(1<<24), countFlows(ruleOf(t, "ingress all from 8.8.8.8/32").Region()))
	require.Equal(t, uint64(13), countFlows(ruleOf(t, "ingress tcp/20-29 from 8.8.8.8/32").Region().Union(ruleOf(t, "ingress udp/1-3 from 8.8.8.8/32").Region())))
	require.Zero(t, countFlows(secgroup.Region{}))

	require.Equal(t, uint64(10), c("ingress tcp/20-29 internet whole").fewestFlows())
	require.Equal(t, uint64(6), c("ingress tcp/20-29 internet whole", box("ingress tcp/20-23 10.0.0.0/8")).fewestFlows())
	require.Equal(t, uint64(4), c("ingress tcp/20-29 internet whole", box("ingress tcp/20-23 10.0.0.0/8"), box("ingress tcp/28-35 10.0.0.0/8")).fewestFlows())
	require.Equal(t, uint64(10), c("ingress tcp/20-29 internet whole", box("ingress tcp/0-99 10.0.0.0/8")).fewestFlows(), "an exception from all of it takes out peers, not flows")
	require.Equal(t, uint64(1<<24), c("ingress all internet whole").fewestFlows())
}

func TestBoundsOfTallies(t *testing.T) {
	s := enforcing(t, document("p", forbid(box("ingress tcp/22 internet")), tolerate(16, 48)))
	p := s.Policies[0]
	sum := func(texts ...string) *tally {
		var sum tally
		for _, r := range liveRules(t, texts...) {
			sum.add(&r, int(r.Direction-secgroup.Ingress))
		}
		return &sum
	}
	for _, tc := range []struct {
		rules []string
		want  bool
	}{
		{nil, true},
		{[]string{"ingress tcp/22 from 8.8.0.0/16"}, true},
		{[]string{"ingress tcp/22 from 8.8.0.0/17", "ingress tcp/22 from 8.9.0.0/17"}, true},
		{[]string{"ingress tcp/22 from 8.8.0.0/16", "ingress tcp/22 from 8.9.0.0/32"}, false},
		{[]string{"ingress tcp/22 from 8.8.0.0/15"}, false},
		{[]string{"ingress tcp/22 from 8.8.0.0/16", "egress tcp/22 to 8.9.0.0/16"}, true},
		{[]string{"egress tcp/22 to 8.8.0.0/15"}, false},
		{[]string{"ingress tcp/22 from 2600::/48"}, true},
		{[]string{"ingress tcp/22 from 2600::/48", "ingress tcp/22 from 8.8.0.0/16"}, true},
		{[]string{"ingress tcp/22 from 2600::/47"}, false},
		{[]string{"ingress tcp/22 from sg-0b"}, false},
		{[]string{"ingress tcp/22 from pl-0b"}, false},
	} {
		require.Equal(t, tc.want, p.covers(sum(tc.rules...)), "%v", tc.rules)
	}
	require.Equal(t, secgroup.CountOf(16, false), sum("ingress tcp/22 from 8.8.0.0/16").v4[0])
	require.Equal(t, secgroup.CountOf(48, true), sum("egress tcp/22 to 2600::/48").v6[1])
	require.True(t, p.tolerates())
	require.True(t, enforcing(t, document("p", ssh, tolerate(-1, 48))).Policies[0].tolerates())
	require.True(t, enforcing(t, document("p", ssh, tolerate(16, -1))).Policies[0].tolerates())
	require.False(t, enforcing(t, document("p", ssh)).Policies[0].tolerates())
}

// TestHarmlessDropsWhatCannotBeViolated looks past the first word of clauses.
func TestHarmlessDropsWhatCannotBeViolated(t *testing.T) {
	var docs []Document
	for i := range 90 {
		d := document(fmt.Sprintf("p%03d", i), forbid(box(fmt.Sprintf("ingress tcp/%d internet", 1000+i))))
		switch i {
		case 3, 70:
			tolerate(16, -1)(&d)
		case 5, 72:
			d.Forbid = []Clause{box(fmt.Sprintf("ingress tcp/%d-%d internet whole", 2000+i, 2009+i))}
		}
		docs = append(docs, d)
	}
	s := enforcing(t, docs...)
	left := func(texts ...string) map[int]bool {
		var rules []RuleVerdict
		for _, r := range liveRules(t, texts...) {
			rules = append(rules, RuleVerdict{Rule: r})
		}
		kept := map[int]bool{}
		for _, i := range bitsOf(s.index.harmless(s.Policies, rules, &Surroundings{}, s.index.everything())) {
			kept[i] = true
		}
		return kept
	}
	for _, i := range []int{3, 70} {
		port := 1000 + i
		require.False(t, left(fmt.Sprintf("ingress tcp/%d from 8.8.0.0/16", port))[i], "%d", i)
		require.True(t, left(fmt.Sprintf("ingress tcp/%d from 8.8.0.0/15", port))[i], "%d", i)
		require.True(t, left(fmt.Sprintf("ingress tcp/%d from 8.8.0.0/16", port), fmt.Sprintf("ingress tcp/%d from 8.9.0.0/16", port))[i], "%d", i)
		require.True(t, left(fmt.Sprintf("ingress tcp/%d from pl-0b", port))[i], "%d", i)
	}
	for _, i := range []int{5, 72} {
		from, to := 2000+i, 2009+i
		require.False(t, left(fmt.Sprintf("ingress tcp/%d-%d from 0.0.0.0/0", from, to-1))[i], "%d", i)
		require.True(t, left(fmt.Sprintf("ingress tcp/%d-%d from 0.0.0.0/0", from, to))[i], "%d", i)
		require.True(t, left(fmt.Sprintf("ingress tcp/%d-%d from 0.0.0.0/0", from, from+4), fmt.Sprintf("ingress tcp/%d-%d from 0.0.0.0/0", from+5, to))[i], "%d", i)
	}
	for i, kept := range left("ingress tcp/1-65535 from 8.8.0.0/16") {
		require.True(t, kept, "%d", i)
	}
	for _, i := range []int{4, 71} {
		require.True(t, left(fmt.Sprintf("ingress tcp/%d from 8.8.8.8/32", 1000+i))[i], "nothing is tolerated by %d", i)
	}
}
