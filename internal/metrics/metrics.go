// Package metrics names what the functions count, and writes the lines that
// CloudWatch makes metrics of. It is pure.
package metrics

import (
	"encoding/json"
	"slices"
	"time"
)

// Namespace and Dimension are those of all metrics. The dimension's value is
// the name of the function.
const (
	Namespace = "sgwarden"
	Dimension = "FunctionName"
)

// Metric is one that CloudWatch keeps.
type Metric struct {
	Name string
	Unit string // as CloudWatch has it: Count, Seconds
	Says string // what it is, in a few words
}

// What guard counts, once per invocation. Every line has all counts, zero
// included, but SinkMissed, which is there only where there are sinks; a
// duration is there only where something had it.
var (
	Changes         = Metric{"Changes", "Count", "changes that were judged"}
	Violations      = Metric{"Violations", "Count", "changes that broke a policy, whatever came of it"}
	Remedied        = Metric{"Remedied", "Count", "changes reverted, narrowed or tagged, and read back"}
	Open            = Metric{"Open", "Count", "changes that ended open: cannot-remediate, unresolved, not-reverted, pending"}
	NotRemedied     = Metric{"NotRemedied", "Count", "changes that should have been taken back, and were not: cannot-remediate, not-reverted"}
	Unjudged        = Metric{"Unjudged", "Count", "messages that nobody judged, because the policies could not be used"}
	Held            = Metric{"Held", "Count", "changes that broke a policy while remedies were paused, or the fuse held the policy"}
	SinkMissed      = Metric{"SinkMissed", "Count", "messages that a sink beside the alerts did not get: chats, Security Hub, an event bus"}
	SecondsToLearn  = Metric{"SecondsToLearn", "Seconds", "from the call to its first judgement"}
	SecondsToRemedy = Metric{"SecondsToRemedy", "Seconds", "from the call to the read-back that shows the remedy"}
)

// What sweep counts, once per invocation.
var (
	SweepsComplete = Metric{"SweepsComplete", "Count", "passes over all groups that came to their end"}
	Swept          = Metric{"Swept", "Count", "groups that a pass met so far"}
	Marked         = Metric{"Marked", "Count", "rules that stood before a policy, and were marked so"}
	Asked          = Metric{"Asked", "Count", "groups that guard was asked to look at"}
	Left           = Metric{"Left", "Count", "groups that no pass can judge: a rule is not understood, or the ledger does not take the item"}
)

// What the canary counts, once per invocation.
var (
	CanaryPassed  = Metric{"CanaryPassed", "Count", "runs in which guard did about the canary's rule what it is to do"}
	CanaryFailed  = Metric{"CanaryFailed", "Count", "runs in which it did not, in time"}
	CanarySeconds = Metric{"CanarySeconds", "Seconds", "from the canary's call until it saw what guard did"}
)

// All are the metrics of all functions.
func All() []Metric { return slices.Concat(OfGuard(), OfSweep(), OfCanary()) }

// OfCanary are those of the canary.
func OfCanary() []Metric { return []Metric{CanaryPassed, CanaryFailed, CanarySeconds} }

// OfSweep are those of sweep.
func OfSweep() []Metric { return []Metric{SweepsComplete, Swept, Marked, Asked, Left} }

// OfGuard are those of guard, counts first.
func OfGuard() []Metric {
	return []Metric{Changes, Violations, Remedied, Open, NotRemedied, Unjudged, Held, SinkMissed, SecondsToLearn, SecondsToRemedy}
}

// Sample is what one line says of one metric.
type Sample struct {
	Metric Metric
	Values []float64 // none = the line does not have the metric
}

// Count is a sample of one number.
func Count(m Metric, n int) Sample { return Sample{m, []float64{float64(n)}} }

// maxValues is how many values of a metric a line may have (CloudWatch user
// guide, "Embedded metric format specification").
const maxValues = 100

// Line writes samples in CloudWatch's embedded metric format, as one line of
// JSON. Of more than 100 values of a metric the greatest stay: what took
// longest is what alarms are about.
func Line(at time.Time, function string, samples ...Sample) ([]byte, error) {
	type definition struct{ Name, Unit string }
	var definitions []definition
	line := map[string]any{Dimension: function}
	for _, s := range samples {
		if len(s.Values) == 0 {
			continue
		}
		definitions = append(definitions, definition{s.Metric.Name, s.Metric.Unit})
		values := slices.Sorted(slices.Values(s.Values))
		values = values[max(0, len(values)-maxValues):]
		line[s.Metric.Name] = values
		if len(values) == 1 {
			line[s.Metric.Name] = values[0]
		}
	}
	line["_aws"] = map[string]any{
		"Timestamp": at.UnixMilli(),
		"CloudWatchMetrics": []any{map[string]any{
			"Namespace": Namespace, "Dimensions": [][]string{{Dimension}}, "Metrics": definitions,
		}},
	}
	text, err := json.Marshal(line)
	if err != nil {
		return nil, err // a value that is no number
	}
	return append(text, '\n'), nil
}
