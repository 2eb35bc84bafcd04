package warden

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sgwarden/sgwarden/internal/secgroup"
)

// orders are all orders of n events.
func orders(n int) [][]int {
	if n == 0 {
		return [][]int{nil}
	}
	var all [][]int
	for _, shorter := range orders(n - 1) {
		for at := range n {
			all = append(all, slices.Insert(slices.Clone(shorter), at, n-1))
		}
	}
	return all
}

// flows are what the live rules of a group admit together.
func (w *world) flows(group string) secgroup.Region {
	var all secgroup.Region
	for _, r := range w.ec2.group(group) {
		all = all.Union(r.Region())
	}
	return all
}

// TestFault03OrderAndDuplicatesDoNotMatter delivers the records of five calls
// in all 120 orders, every other time each twice.
func TestFault03OrderAndDuplicatesDoNotMatter(t *testing.T) {
	build := func() (*world, [][]byte) {
		w := newWorld(t, revertSSH)
		web := w.authorize(groupA, "ingress tcp/443 from 10.0.0.0/8")
		require.False(t, w.judge1(web).Retry)
		w.wait(time.Hour)
		return w, [][]byte{
			w.authorize(groupA, ssh),
			w.authorize(groupA, https, "ingress tcp/20-22 from ::/0", "ingress tcp/22 from 10.0.0.0/8"),
			w.modify(groupA, "sgr-00000000000000001", "ingress tcp/22-443 from 0.0.0.0/0"),
			w.authorize(groupA, "ingress tcp/8443 from 0.0.0.0/0"),
			w.revoke(groupA, w.ec2.add(groupA, parse(t, "ingress tcp/8080 from 0.0.0.0/0")).ID),
		}
	}
	var want secgroup.Region
	for _, text := range []string{https, "ingress tcp/8443 from 0.0.0.0/0", "ingress tcp/22 from 10.0.0.0/8"} {
		want = want.Union(parse(t, text).Region())
	}
	all := orders(5)
	require.Len(t, all, 120)
	for i, order := range all {
		times := 1 + i%2
		w, bodies := build()
		for n := range times * len(order) {
			d := w.judgeTimes(bodies[order[n/times]], n%times+1)
			require.False(t, d.Retry, "%v: %s", order, d.Reason)
		}
		require.True(t, w.flows(groupA).Equal(want), "%v x %d: %v", order, times, w.texts(groupA))
		for i := range bodies { // and all of them once more
			require.False(t, w.judgeTimes(bodies[i], 9).Retry)
		}
		require.True(t, w.flows(groupA).Equal(want), "%v again: %v", order, w.texts(groupA))
	}
}

// TestFault03ARuleThatWasChangedBeforeItsRecordCame: a Modify record does not
// tell the old value. Whether that is known depends on the order; that the
// hole is closed, and nothing else opened or closed, does not.
func TestFault03ARuleThatWasChangedBeforeItsRecordCame(t *testing.T) {
	least := parse(t, "ingress tcp/8443 from 0.0.0.0/0").Region()
	most := least.Union(parse(t, https).Region())
	restored := 0
	for _, order := range orders(4) {
		t.Run(fmt.Sprint(order), func(t *testing.T) {
			w := newWorld(t, revertSSH)
			bodies := [][]byte{
				w.authorize(groupA, ssh), w.authorize(groupA, https),
				w.modify(groupA, "sgr-00000000000000002", "ingress tcp/22-443 from 0.0.0.0/0"),
				w.authorize(groupA, "ingress tcp/8443 from 0.0.0.0/0"),
			}
			for n, i := range order {
				require.False(t, w.judgeTimes(bodies[i], n+1).Retry)
			}
			got := w.flows(groupA)
			require.True(t, got.Equal(least) || got.Equal(most), "%v", w.texts(groupA))
			if got.Equal(most) {
				restored++
			}
		})
	}
	require.Positive(t, restored)
}
