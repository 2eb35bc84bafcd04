package figures

import (
	"fmt"
	"slices"
)

// Bound is what a figure must not pass. The zero value bounds nothing.
type Bound struct {
	kind  boundKind
	value float64
}

type boundKind uint8

const (
	none boundKind = iota
	atMost
	eachAtMost
	atMostTimes
	fasterTimes
)

// AtMost bounds ours itself, in the base of its unit.
func AtMost(v float64) Bound { return Bound{atMost, v} }

// EachAtMost bounds every value of ours, not their median.
func EachAtMost(v float64) Bound { return Bound{eachAtMost, v} }

// AtMostTimes bounds ours by a multiple of the other.
func AtMostTimes(v float64) Bound { return Bound{atMostTimes, v} }

// FasterTimes bounds the other from below by a multiple of ours.
func FasterTimes(v float64) Bound { return Bound{fasterTimes, v} }

// Row is one line of the table.
type Row struct {
	Goal  string // its number in the list of goals
	What  string // what is measured
	Ours  Sample
	Other Sample // empty = the bound is absolute
	Than  string // whose figure Other is
	Bound Bound
	// Missing says why there is no figure; "" = there is one.
	Missing string
	// Why says why the bound is not met where it is not; "" = nobody knows yet.
	Why string
}

// Verdict is whether a bound holds.
type Verdict uint8

const (
	Unbounded Verdict = iota // nothing was asked
	Met
	Missed
	NotYet // there is no figure
)

func (v Verdict) String() string { return [...]string{"", "yes", "NO", "not yet"}[v] }

// Ratio is ours by the other, and for FasterTimes the other by ours; 0 where
// one of them is missing or 0.
func (r Row) Ratio() float64 {
	ours, other := r.Ours.Median(), r.Other.Median()
	if r.Bound.kind == fasterTimes {
		ours, other = other, ours
	}
	if ours == 0 || other == 0 {
		return 0
	}
	return ours / other
}

// Verdict holds the medians against the bound. A figure that the bound needs
// and nobody measured is not yet; it is never met.
func (r Row) Verdict() Verdict {
	if r.Missing != "" {
		return NotYet
	}
	switch r.Bound.kind {
	case none:
		return Unbounded
	case atMost:
		if r.Ours.IsEmpty() {
			return NotYet
		}
		return verdict(r.Ours.Median() <= r.Bound.value)
	case eachAtMost:
		if r.Ours.IsEmpty() {
			return NotYet
		}
		return verdict(slices.Max(r.Ours.Values) <= r.Bound.value)
	}
	if r.Ratio() == 0 {
		return NotYet
	}
	if r.Bound.kind == fasterTimes {
		return verdict(r.Ratio() >= r.Bound.value)
	}
	return verdict(r.Ratio() <= r.Bound.value)
}

func verdict(met bool) Verdict {
	if met {
		return Met
	}
	return Missed
}

// text is the bound as the table shows it, in the unit of ours.
func (b Bound) text(u Unit) string {
	switch b.kind {
	case atMost, eachAtMost:
		return "<= " + u.text(b.value)
	case atMostTimes:
		return "<= " + digits(b.value) + "x"
	case fasterTimes:
		return ">= " + digits(b.value) + "x faster"
	}
	return ""
}

func (r Row) cells() []string {
	other := ""
	if !r.Other.IsEmpty() {
		other = fmt.Sprintf("%s: %s", r.Than, r.Other)
	}
	ratio := ""
	if v := r.Ratio(); v != 0 {
		ratio = digits(v) + "x"
	}
	ours := r.Ours.String()
	if r.Missing != "" {
		ours = r.Missing
	}
	return []string{r.Goal, r.What, ours, other, ratio, r.Bound.text(r.Ours.Unit), r.Verdict().String()}
}
