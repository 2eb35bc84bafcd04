package incident_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/sgwarden/sgwarden/internal/incident"
	"github.com/sgwarden/sgwarden/internal/secgroup"
)

func excessOf(t *testing.T, n int) incident.Rule {
	r := incident.Rule{ID: fmt.Sprintf("sgr-%d", n)}
	for port := range n {
		r.Excess = append(r.Excess, rule(t, fmt.Sprintf("ingress tcp/%d from 0.0.0.0/0", port+1)))
	}
	return r
}

func TestBoundExcess(t *testing.T) {
	for _, tc := range []struct {
		name                    string
		rules, standing         []int
		kept, omitted, shortest int
	}{
		{"nothing", nil, nil, 0, 0, 0},
		{"one long list", []int{10_000}, nil, 10_000, 0, 10_000},
		{"one list that is too long", []int{10_001}, nil, 10_000, 1, 10_000},
		{"short lists stay whole", []int{9_999, 1, 1}, nil, 5_002, 4_999, 1},
		{"standing ones count too", []int{6_000}, []int{6_000}, 10_000, 2_000, 5_000},
		{"the shortest list stays whole", []int{20_000, 3}, []int{20_000}, 5_003, 35_000, 3},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var i incident.Incident
			total := 0
			for _, n := range tc.rules {
				i.Rules, total = append(i.Rules, excessOf(t, n)), total+n
			}
			for _, n := range tc.standing {
				i.Standing, total = append(i.Standing, excessOf(t, n)), total+n
			}
			before := append([]incident.Rule(nil), i.Rules...)
			i.BoundExcess()
			kept, omitted, shortest := 0, 0, 1<<30
			for _, r := range append(append([]incident.Rule(nil), i.Rules...), i.Standing...) {
				kept, omitted, shortest = kept+len(r.Excess), omitted+r.OmittedExcess, min(shortest, len(r.Excess))
			}
			require.Equal(t, total, kept+omitted, "what is left out is counted")
			require.LessOrEqual(t, kept, 10_000)
			if tc.omitted > 0 || total <= 10_000 {
				require.Equal(t, tc.kept, kept)
				require.Equal(t, tc.omitted, omitted)
			}
			if total > 0 {
				require.Equal(t, tc.shortest, shortest)
			}
			once := i
			i.BoundExcess()
			require.Equal(t, once, i, "and once is enough")
			for n, r := range before {
				require.Len(t, r.Excess, tc.rules[n], "the list that is shared stays")
			}
		})
	}
}

// What is missing from the list may be open for longer than what is there.
func TestSessionsOfABoundedExcess(t *testing.T) {
	before := rule(t, "ingress all from 0.0.0.0/0")
	cut := incident.Rule{Before: &before, Excess: []secgroup.Rule{rule(t, "ingress udp/53 from 0.0.0.0/0")}, OmittedExcess: 1}
	whole := cut
	whole.Excess, whole.OmittedExcess = nil, 0
	group := []secgroup.Rule{before}
	require.Equal(t, incident.SessionsOf([]incident.Rule{whole}, group), incident.SessionsOf([]incident.Rule{cut}, group))
}
