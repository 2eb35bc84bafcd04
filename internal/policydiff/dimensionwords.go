package policydiff

import (
	"slices"
	"strings"
	"time"
)

// words says in words which values are meant; "" = all of them.
func (d dimension) words(chosen []bool) string {
	if !slices.Contains(chosen, false) {
		return ""
	}
	for i, l := range d.labels {
		if d.agrees(chosen, i, true) {
			return l.is
		}
	}
	for i, l := range d.labels {
		if d.agrees(chosen, i, false) {
			return l.isNot
		}
	}
	if words := d.anyOf(chosen, true); words != nil {
		return strings.Join(words, " or ")
	}
	if words := d.anyOf(chosen, false); words != nil {
		return strings.Join(words, " and ")
	}
	var all []string
	for i, v := range d.values {
		if chosen[i] {
			all = append(all, d.describe(v))
		}
	}
	return strings.Join(all, ", or ")
}

// anyOf is features of which every chosen value has one and no other value
// has any; or, if not chosen, the reverse of it, in words. nil = there are none.
func (d dimension) anyOf(chosen []bool, has bool) []string {
	var features []int
	var words []string
	for i, l := range d.labels {
		fits, used := true, false
		for j, v := range d.values {
			used = used || v.features[i]
			fits = fits && (!v.features[i] || chosen[j] == has)
		}
		if !fits || !used {
			continue
		}
		features = append(features, i)
		if words = append(words, l.is); !has {
			words[len(words)-1] = l.isNot
		}
	}
	for j, v := range d.values {
		some := slices.ContainsFunc(features, func(i int) bool { return v.features[i] })
		if some != (chosen[j] == has) {
			return nil
		}
	}
	return words
}

// agrees reports whether the chosen values are just those with, or without, a feature.
func (d dimension) agrees(chosen []bool, feature int, has bool) bool {
	for i, v := range d.values {
		if chosen[i] != (v.features[feature] == has) {
			return false
		}
	}
	return true
}

// describe says what a value is, and of what it might be and is not only as
// much as there is.
func (d dimension) describe(v value) string {
	var is, isNot []string
	for i, l := range d.labels {
		if v.features[i] {
			is = append(is, l.is)
		} else {
			isNot = append(isNot, l.isNot)
		}
	}
	if d.about == aboutActor && len(is) > 0 {
		return strings.Join(is, " and ")
	}
	return strings.Join(append(is, isNot...), " and ")
}

// span says from when until when the chosen values are; both "" = always.
func (d dimension) span(chosen []bool) (from, until string) {
	first := slices.Index(chosen, true)
	if at := d.values[first].from; !at.IsZero() {
		from = at.UTC().Format(time.DateOnly)
	}
	for i := first; i < len(chosen); i++ {
		if !chosen[i] {
			return from, d.values[i].from.Add(-time.Nanosecond).UTC().Format(time.DateOnly)
		}
	}
	return from, ""
}
