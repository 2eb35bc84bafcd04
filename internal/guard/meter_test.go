package guard

import (
	"encoding/json"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sgwarden/sgwarden/internal/incident"
	"github.com/sgwarden/sgwarden/internal/metrics"
	"github.com/sgwarden/sgwarden/internal/secgroup"
	"github.com/sgwarden/sgwarden/internal/warden"
)

// counted reads the metrics of samples; those without a value are missing.
func counted(samples []metrics.Sample) map[string][]float64 {
	all := map[string][]float64{}
	for _, s := range samples {
		if len(s.Values) > 0 {
			all[s.Metric.Name] = s.Values
		}
	}
	return all
}

func TestSamples(t *testing.T) {
	opened := handlerTime.Add(-3 * time.Second)
	closed := handlerTime.Add(time.Second)
	decision := func(o incident.Outcome, id string) warden.Decision {
		return warden.Decision{
			Outcome: o, IncidentID: id, Change: secgroup.Change{EventTime: opened},
			Incident: incident.Incident{OpenedAt: opened, ClosedAt: &closed},
		}
	}
	later := decision(incident.Compliant, "")
	later.Change.EventTime = handlerTime.Add(time.Hour)
	unnamed := warden.Decision{Outcome: incident.Ignored}
	open := decision(incident.Reverted, "i-3")
	open.Incident.ClosedAt = nil
	held := decision(incident.Pending, "i-7")
	held.Reason = warden.ReasonHeld
	got := counted(meter{}.samples(handlerTime, []warden.Decision{
		decision(incident.Reverted, "i-1"), decision(incident.Narrowed, "i-1"), decision(incident.Observed, "i-2"), open,
		decision(incident.NotReverted, "i-4"), decision(incident.Unresolved, ""), decision(incident.Pending, "i-5"), decision(incident.CannotRemediate, "i-6"),
		decision(incident.AlreadyCompliant, ""), decision(incident.Exempt, ""), later, unnamed, held,
	}, 2))
	require.Equal(t, map[string][]float64{
		"Changes": {13}, "Violations": {9}, "Remedied": {3}, "Open": {5}, "NotRemedied": {2}, "Unjudged": {2}, "Held": {1},
		"SecondsToLearn": {3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 0, 3}, "SecondsToRemedy": {4},
	}, got)
}

// TestEveryInvocationIsCounted: a batch, an event, and what met no policies.
func TestEveryInvocationIsCounted(t *testing.T) {
	read := func(r *rig) map[string]any {
		var line map[string]any
		require.NoError(t, json.Unmarshal(r.meters.Bytes(), &line))
		return line
	}
	r := newRig(nil)
	_, err := r.Invoke(invocation(arn), batch("again", "fine"))
	require.NoError(t, err)
	require.Subset(t, read(r), map[string]any{"Changes": 2.0, "Remedied": 1.0, "NotRemedied": 1.0, "Unjudged": 0.0})
	require.NotContains(t, r.logs.String(), "_aws")

	r = newRig(errors.New("no bundle"))
	_, err = r.Invoke(invocation(arn), batch("a", "b", "c"))
	require.NoError(t, err)
	require.Subset(t, read(r), map[string]any{"Changes": 0.0, "Unjudged": 3.0})
}

type full struct{}

func (full) Write([]byte) (int, error) { return 0, errors.New("no space") }

func TestMetricsThatCannotBeWrittenAreLogged(t *testing.T) {
	r := newRig(nil)
	r.meter.out = full{}
	_, err := r.Invoke(invocation(arn), batch("fine"))
	require.NoError(t, err)
	require.Contains(t, r.logs.String(), "no space")
}
