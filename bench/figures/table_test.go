package figures

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestSample(t *testing.T) {
	for _, row := range []struct {
		name   string
		sample Sample
		median float64
		text   string
	}{
		{"nothing", Sample{}, 0, "-"},
		{"one", Of(Count, 3), 3, "3"},
		{"odd", OfDurations(5*time.Millisecond, 4200*time.Microsecond, 4*time.Millisecond), 0.0042, "4.20 ms (4 ms..5 ms, n 3)"},
		{"even", Of(Count, 4, 1, 3, 2), 2.5, "2.50 (1..4, n 4)"},
		{"nanoseconds", OfDurations(88), 88e-9, "88.0 ns"},
		{"bytes", Of(Bytes, 5_123_456), 5_123_456, "5.12 MB"},
		{"recorded", Sample{Seconds, []float64{0.728, 0.748}, true}, 0.738, "738 ms (728 ms..748 ms, n 2) recorded"},
	} {
		t.Run(row.name, func(t *testing.T) {
			require.InDelta(t, row.median, row.sample.Median(), 1e-12)
			require.Equal(t, row.text, row.sample.String())
		})
	}
}

func TestMedianLeavesTheSampleAsItIs(t *testing.T) {
	s := Of(Count, 3, 1, 2)
	require.InDelta(t, 2, s.Median(), 0)
	require.Equal(t, []float64{3, 1, 2}, s.Values)
}

func TestVerdict(t *testing.T) {
	for _, row := range []struct {
		name string
		row  Row
		want Verdict
	}{
		{"no bound", Row{Ours: Of(Count, 1)}, Unbounded},
		{"at most, just", Row{Ours: Of(Count, 3), Bound: AtMost(3)}, Met},
		{"at most, over", Row{Ours: Of(Count, 3.01), Bound: AtMost(3)}, Missed},
		{"at most zero", Row{Ours: Of(Count, 0), Bound: AtMost(0)}, Met},
		{"at most, nothing measured", Row{Bound: AtMost(3)}, NotYet},
		{"each, just", Row{Ours: Of(Count, 1, 3, 1), Bound: EachAtMost(3)}, Met},
		{"each, one over", Row{Ours: Of(Count, 1, 4, 1), Bound: EachAtMost(3)}, Missed},
		{"each, nothing measured", Row{Bound: EachAtMost(3)}, NotYet},
		{"times, just", Row{Ours: Of(Count, 16), Other: Of(Count, 10), Bound: AtMostTimes(1.6)}, Met},
		{"times, over", Row{Ours: Of(Count, 17), Other: Of(Count, 10), Bound: AtMostTimes(1.6)}, Missed},
		{"times, no other", Row{Ours: Of(Count, 17), Bound: AtMostTimes(1.6)}, NotYet},
		{"faster, just", Row{Ours: Of(Count, 2), Other: Of(Count, 100), Bound: FasterTimes(50)}, Met},
		{"faster, not", Row{Ours: Of(Count, 2.1), Other: Of(Count, 100), Bound: FasterTimes(50)}, Missed},
		{"missing", Row{Missing: "needs scan", Bound: FasterTimes(50), Ours: Of(Count, 1), Other: Of(Count, 100)}, NotYet},
	} {
		t.Run(row.name, func(t *testing.T) { require.Equal(t, row.want, row.row.Verdict()) })
	}
}

func TestTable(t *testing.T) {
	table := Table{
		{Goal: "1", What: "exec to ready", Ours: Of(Seconds, 0.004), Other: Of(Seconds, 0.0028), Than: "hello", Bound: AtMostTimes(1.6), Why: "it is met"},
		{Goal: "4", What: "calls", Ours: Of(Count, 3), Bound: AtMost(2), Why: "one is repeated"},
		{Goal: "8", What: "scan", Missing: "needs sgwarden scan", Bound: FasterTimes(300)},
	}
	var text, page strings.Builder
	require.NoError(t, table.WriteText(&text))
	require.NoError(t, table.WriteMarkdown(&page))
	require.Equal(t, `goal  what           ours                 other           ratio  bound           met
1     exec to ready  4 ms                 hello: 2.80 ms  1.43x  <= 1.60x        yes
4     calls          3                                           <= 2            NO
8     scan           needs sgwarden scan                         >= 300x faster  not yet
1 bounds met, 1 missed, 1 without a figure yet
- calls (4): one is repeated
`, text.String())
	require.Equal(t, `| goal | what | ours | other | ratio | bound | met |
| --- | --- | --- | --- | --- | --- | --- |
| 1 | exec to ready | 4 ms | hello: 2.80 ms | 1.43x | <= 1.60x | yes |
| 4 | calls | 3 |  |  | <= 2 | NO |
| 8 | scan | needs sgwarden scan |  |  | >= 300x faster | not yet |

1 bounds met, 1 missed, 1 without a figure yet
- calls (4): one is repeated
`, page.String())
	require.Equal(t, 1, table.Missed())
}
