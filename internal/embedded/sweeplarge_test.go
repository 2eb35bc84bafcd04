package embedded

import (
	"fmt"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/sgwarden/sgwarden/internal/localec2"
	"github.com/sgwarden/sgwarden/internal/secgroup"
	"github.com/sgwarden/sgwarden/internal/warden"
)

// manyGroups are n groups of 20 rules; every tenth has one that the policy on
// tcp/22 refuses.
func manyGroups(t *testing.T, n int) []secgroup.Group {
	var rules []secgroup.Rule
	for port := range 19 {
		rules = append(rules, parsed(t, fmt.Sprintf("ingress tcp/%d from 10.%d.0.0/16", 8000+port, port)))
	}
	var groups []secgroup.Group
	for i := range n {
		g := secgroup.Group{ID: fmt.Sprintf("sg-0%016x", i)}
		last := parsed(t, webOpen)
		if i%10 == 0 {
			last = parsed(t, sshOpen)
		}
		g.Rules = append(append(g.Rules, rules...), last)
		groups = append(groups, g)
	}
	return groups
}

// mostHeap bounds what a sweep of it needs at any time, in bytes.
const mostHeap = 256 << 20

// TestSweepOfALargeAccount: 5,000 groups with 20 rules. Once all are known a
// pass takes a read for each page of groups, and some for those that stand by
// a mark.
func TestSweepOfALargeAccount(t *testing.T) {
	s := newSwept(t, closed(22, ""))
	require.NoError(t, s.account.ec2.EnsureGroups(manyGroups(t, 5000)))
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	before, peak := m.HeapAlloc, uint64(0)
	s.world.cloud.Disturb(func(localec2.Call) localec2.Disturbance {
		if runtime.ReadMemStats(&m); m.HeapAlloc > before+mostHeap {
			runtime.GC() // what Go collects late is not ours, and no two runs agree on it
			runtime.ReadMemStats(&m)
		}
		peak = max(peak, m.HeapAlloc)
		return localec2.Disturbance{}
	})
	pass := func(name string) warden.Pass {
		s.world.cloud.Forget()
		peak = 0
		out := s.sweep()
		groups, rules := s.world.cloud.Count("DescribeSecurityGroups"), s.world.cloud.Count("DescribeSecurityGroupRules")
		require.Equal(t, groups+rules, s.world.cloud.Count())
		require.Equal(t, groups+rules, out.Counts.Calls.EC2, "the counts are those of the endpoint")
		fmt.Printf("SHOW sweep, %s: %d groups, %d rules, %d DescribeSecurityGroups, %d DescribeSecurityGroupRules, %d calls of the ledger, %d items written, %d marked, %d asked, at most %d MB of heap beside the %d MB of the EC2\n",
			name, out.Counts.Groups, out.Counts.Rules, groups, rules, out.Counts.Calls.Ledger, out.Counts.Written, out.Counts.Marked["port-22"],
			out.Counts.Enqueued[warden.SweepDue], (peak-min(peak, before))>>20, before>>20)
		require.Less(t, peak-min(peak, before), uint64(mostHeap))
		return out
	}
	first := pass("the first pass")
	require.Equal(t, 500, first.Counts.Marked["port-22"])
	require.Equal(t, 6, s.world.cloud.Count("DescribeSecurityGroups"), "5,002 groups")

	again := pass("nothing new")
	require.Zero(t, again.Counts.Written)
	require.LessOrEqual(t, s.world.cloud.Count("DescribeSecurityGroupRules"), 15, "500 groups of 20 rules stand by a mark")

	for n := range 3 {
		added, err := s.account.ec2.EnsureRule(fmt.Sprintf("sg-0%016x", 1000*n+1), parsed(t, sshOpen6))
		require.NoError(t, err)
		require.True(t, added)
	}
	third := pass("three lost events")
	require.Equal(t, 3, third.Counts.Enqueued[warden.SweepDue])
	require.Equal(t, 3, third.Counts.Written)
}
