package ledger_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sgwarden/sgwarden/internal/incident"
)

func testFuse(t *testing.T, b book, reopen func() book) {
	ctx := context.Background()
	counts := map[string]incident.FuseCount{
		"p@1": {Groups: map[string]time.Time{group: noon}, Actors: map[string]time.Time{"a1": noon}, Told: noon},
		"q@2": {Groups: map[string]time.Time{group: noon}},
	}
	hold := incident.Hold{Reason: "10 groups", At: noon.Add(time.Nanosecond)}
	v := open(t, b, incident.Opening{
		Incidents: []incident.Incident{anIncident(t, "inc-1")}, Lease: lease("a", time.Minute),
		Fuse: &incident.FuseCharge{Counts: counts, Hold: map[string]incident.Hold{"q@2": hold}},
	})
	got := observe(t, reopen()).Controls
	require.Equal(t, incident.Fuse{Version: 1, Counts: counts}, got.Fuse)
	require.Equal(t, map[string]incident.Hold{"q@2": hold}, got.Held)

	_, err := b.Open(ctx, incident.Opening{
		GroupID: group, Version: v, Now: noon, Lease: lease("a", time.Minute), Incidents: []incident.Incident{anIncident(t, "inc-2")},
		Fuse: &incident.FuseCharge{Version: 0, Counts: counts},
	})
	require.ErrorIs(t, err, incident.ErrConflict, "another counted meanwhile")
	require.Equal(t, "inc-1", ids(observe(t, b).Open), "all or nothing")

	v = open(t, b, incident.Opening{Version: v, Lease: lease("a", time.Minute), Fuse: &incident.FuseCharge{Version: 1, Drop: []string{"p@1"}}})
	require.Equal(t, incident.Fuse{Version: 2, Counts: map[string]incident.FuseCount{"q@2": counts["q@2"]}}, observe(t, b).Controls.Fuse)

	require.NoError(t, b.Operator().Release(ctx, "q@2", noon))
	got = observe(t, b).Controls
	require.Empty(t, got.Held)
	require.Equal(t, incident.Fuse{Version: 3, Counts: map[string]incident.FuseCount{"q@2": {Released: noon}}}, got.Fuse, "what rests on the version before is refused")
	all, err := b.Controls(ctx)
	require.NoError(t, err)
	require.Equal(t, got.Fuse, all.Fuse)
	require.Positive(t, v)
}

// testFuseIsExact: of those who count at once, each counts on what all before
// it counted.
func testFuseIsExact(t *testing.T, b book, _ func() book) {
	const workers = 8
	var wait sync.WaitGroup
	for n := range workers {
		id := fmt.Sprintf("sg-0000000000000000%d", n)
		wait.Add(1)
		go func() {
			defer wait.Done()
			for range 100 * workers {
				m, err := b.Observe(context.Background(), id)
				if err != nil {
					t.Error(err)
					return
				}
				c := m.Controls.Fuse.Counts["p@1"]
				groups := map[string]time.Time{id: noon}
				for known, at := range c.Groups {
					groups[known] = at
				}
				_, err = b.Open(context.Background(), incident.Opening{
					GroupID: id, Version: m.Known.Version, Now: noon, Lease: lease(id, time.Minute),
					Fuse: &incident.FuseCharge{Version: m.Controls.Fuse.Version, Counts: map[string]incident.FuseCount{"p@1": {Groups: groups}}},
				})
				if err == nil {
					return
				}
			}
			t.Error("never got through")
		}()
	}
	wait.Wait()
	require.Len(t, observe(t, b).Controls.Fuse.Counts["p@1"].Groups, workers)
	require.Equal(t, int64(workers), observe(t, b).Controls.Fuse.Version)
}
