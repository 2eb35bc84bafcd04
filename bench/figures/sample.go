// Package figures is what benchmarks tell: samples of one quantity, and the
// table that holds ours against another's and against a bound.
package figures

import (
	"cmp"
	"fmt"
	"slices"
	"time"
)

// Unit is how a quantity is written.
type Unit uint8

const (
	Count   Unit = iota // a plain number
	Seconds             // written in the unit that suits its size
	Bytes               // written in kB or MB, of 1,000
)

// Sample is measurements of one quantity, in the base of its unit. The zero
// value is "there is none".
type Sample struct {
	Unit   Unit
	Values []float64
	// Recorded marks figures that were not measured by this run.
	Recorded bool
}

// Of makes a sample of values.
func Of(unit Unit, values ...float64) Sample { return Sample{Unit: unit, Values: values} }

// OfDurations makes a sample of times.
func OfDurations(values ...time.Duration) Sample {
	s := Sample{Unit: Seconds}
	for _, v := range values {
		s.Values = append(s.Values, v.Seconds())
	}
	return s
}

// IsEmpty reports whether nothing was measured.
func (s Sample) IsEmpty() bool { return len(s.Values) == 0 }

// Median is the middle value, of an even number the mean of the middle two;
// of an empty sample 0.
func (s Sample) Median() float64 {
	if s.IsEmpty() {
		return 0
	}
	sorted := slices.Sorted(slices.Values(s.Values))
	n := len(sorted)
	return (sorted[(n-1)/2] + sorted[n/2]) / 2
}

// String is the median, and where there is more than one value also the
// least, the greatest and their number: "4.20 ms (4.00..4.90 ms, n 25)".
func (s Sample) String() string {
	if s.IsEmpty() {
		return "-"
	}
	text := s.Unit.text(s.Median())
	if n := len(s.Values); n > 1 {
		text += fmt.Sprintf(" (%s..%s, n %d)", s.Unit.text(slices.Min(s.Values)), s.Unit.text(slices.Max(s.Values)), n)
	}
	if s.Recorded {
		text += " recorded"
	}
	return text
}

// text writes one value with three digits that count, and its unit.
func (u Unit) text(v float64) string {
	type scale struct {
		from, divisor float64
		name          string
	}
	var scales []scale
	switch u {
	case Seconds:
		scales = []scale{{1, 1, " s"}, {1e-3, 1e-3, " ms"}, {1e-6, 1e-6, " us"}, {0, 1e-9, " ns"}}
	case Bytes:
		scales = []scale{{1e6, 1e6, " MB"}, {1e3, 1e3, " kB"}, {0, 1, " B"}}
	default:
		scales = []scale{{0, 1, ""}}
	}
	for _, s := range scales {
		if v >= s.from {
			return digits(v/s.divisor) + s.name
		}
	}
	return digits(v)
}

func digits(v float64) string {
	switch {
	case v == float64(int64(v)):
		return fmt.Sprintf("%d", int64(v))
	case cmp.Compare(v, 100) >= 0:
		return fmt.Sprintf("%.0f", v)
	case v >= 10:
		return fmt.Sprintf("%.1f", v)
	}
	return fmt.Sprintf("%.2f", v)
}
