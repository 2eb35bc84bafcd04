package guard

import (
	"context"
	"io"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/aws/aws-lambda-go/lambdacontext"

	"github.com/sgwarden/sgwarden/internal/incident"
	"github.com/sgwarden/sgwarden/internal/metrics"
	"github.com/sgwarden/sgwarden/internal/warden"
)

// meter writes one line of metrics per invocation. Its writer is not the
// logger: no log level may silence an alarm.
type meter struct {
	out    io.Writer
	clock  func() time.Time
	logger *slog.Logger
	missed *atomic.Int64 // messages that sinks did not get since the last line; nil = there are no sinks
}

// miss counts a message that a sink did not get.
func (m meter) miss(string) {
	if m.missed != nil {
		m.missed.Add(1)
	}
}

// judged counts what became of an invocation; unjudged are the messages that
// met no policies.
func (m meter) judged(ctx context.Context, started time.Time, decisions []warden.Decision, unjudged int) {
	line, err := metrics.Line(m.clock(), lambdacontext.FunctionName, m.samples(started, decisions, unjudged)...)
	if err == nil {
		_, err = m.out.Write(line)
	}
	if err != nil {
		m.logger.WarnContext(ctx, "write metrics", slog.String("error", err.Error()))
	}
}

// samples counts each decision, and each incident's time once, though several
// records may have been judged together.
func (m meter) samples(started time.Time, decisions []warden.Decision, unjudged int) []metrics.Sample {
	counts := map[metrics.Metric]int{metrics.Changes: len(decisions), metrics.Unjudged: unjudged}
	var learn, remedy []float64
	timed := map[string]bool{}
	for _, d := range decisions {
		if d.Outcome >= incident.Observed {
			counts[metrics.Violations]++
		}
		if d.Outcome.Changed() {
			counts[metrics.Remedied]++
		}
		if d.Outcome.StaysOpen() {
			counts[metrics.Open]++
		}
		if d.Outcome == incident.Pending && d.Reason == warden.ReasonHeld {
			counts[metrics.Held]++
		}
		if d.Outcome == incident.NotReverted || d.Outcome == incident.CannotRemediate {
			counts[metrics.NotRemedied]++
		}
		if !d.Change.EventTime.IsZero() {
			learn = append(learn, seconds(d.Change.EventTime, started))
		}
		if i := d.Incident; d.Outcome.Changed() && i.ClosedAt != nil && !i.OpenedAt.IsZero() && !timed[d.IncidentID] {
			timed[d.IncidentID] = true
			remedy = append(remedy, seconds(i.OpenedAt, *i.ClosedAt))
		}
	}
	all := make([]metrics.Sample, 0, len(metrics.OfGuard()))
	for _, of := range metrics.OfGuard() {
		switch of {
		case metrics.SecondsToLearn:
			all = append(all, metrics.Sample{Metric: of, Values: learn})
		case metrics.SecondsToRemedy:
			all = append(all, metrics.Sample{Metric: of, Values: remedy})
		case metrics.SinkMissed:
			if m.missed != nil {
				all = append(all, metrics.Count(of, int(m.missed.Swap(0))))
			}
		default:
			all = append(all, metrics.Count(of, counts[of]))
		}
	}
	return all
}

// seconds is never negative: clocks of others differ from ours.
func seconds(from, to time.Time) float64 { return max(0, to.Sub(from).Seconds()) }
