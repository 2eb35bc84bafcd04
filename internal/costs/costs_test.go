package costs

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestEvaluationsHaveSteps(t *testing.T) {
	for n, want := range map[float64]float64{0: 0, 100_000: 100, 200_000: 180, 500_000: 420, 600_000: 470} {
		require.InDelta(t, want, evaluations(n), 1e-9)
	}
}

// TestABillIsTheSumOfItsCounts: each count changes exactly the line that it
// belongs to.
func TestABillIsTheSumOfItsCounts(t *testing.T) {
	base := Ours(Counted{}, 1000)
	for _, c := range []struct {
		counts Counts
		line   string
		more   float64
	}{
		{Counts{ReadUnits: 8}, "DynamoDB", 8 * 10 * ReadUnit},
		{Counts{WriteUnits: 8}, "DynamoDB", 8 * 10 * WriteUnit},
		{Counts{Publishes: 1}, "SNS, one e-mail each", 10 * (Publish + Email)},
		{Counts{Calls: 4}, "Lambda", 40 * secondsACall * memoryGB * LambdaARM},
		{Counts{QueueCalls: 1}, "SQS", 10 * QueueRequest},
	} {
		bill := Ours(Counted{Violation: c.counts}, 1000)
		for i, l := range bill.Lines {
			more := 0.0
			if l.What == c.line {
				more = c.more
			}
			require.InDelta(t, base.Lines[i].Dollars+more, l.Dollars, 1e-12, "%s of %+v", l.What, c.counts)
		}
	}
}

func TestMoney(t *testing.T) {
	for d, want := range map[float64]string{0: "$0", 0.001: "< $0.01", 3.456: "$3.46", 12345.6: "$12,346"} {
		require.Equal(t, want, dollars(d))
	}
	require.Equal(t, "10,000,000", thousands(10_000_000))
	require.Equal(t, "999", thousands(999))
}
