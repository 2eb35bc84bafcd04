package secgroup

// point is a place on a line: an address of one family, or a flow.
type point[P any] interface {
	comparable
	less(P) bool
	next() P // undefined for the last point of the line
	prev() P // undefined for the first
}

// interval is the points first to last, both inclusive.
type interval[P point[P]] struct{ first, last P }

// A list of intervals is canonical if it is sorted and the intervals neither
// overlap nor touch: equal sets of points then have equal lists. The functions
// below take and give canonical lists and never change their arguments, but
// may give one of them back.

// normalize makes a list canonical whose intervals are sorted by first.
func normalize[P point[P]](sorted []interval[P]) []interval[P] {
	var out []interval[P]
	for _, iv := range sorted {
		out = appendInterval(out, iv)
	}
	return out
}

// appendInterval adds an interval that begins at or after the last of list.
func appendInterval[P point[P]](list []interval[P], iv interval[P]) []interval[P] {
	if n := len(list); n > 0 {
		end := &list[n-1].last
		if !(*end).less(iv.first) || (*end).next() == iv.first {
			if (*end).less(iv.last) {
				*end = iv.last
			}
			return list
		}
	}
	return append(list, iv)
}

func unionIntervals[P point[P]](a, b []interval[P]) []interval[P] {
	if len(a) == 0 || sameList(a, b) {
		return b
	}
	if len(b) == 0 {
		return a
	}
	out := make([]interval[P], 0, len(a)+len(b))
	for len(a) > 0 || len(b) > 0 {
		if len(b) == 0 || len(a) > 0 && a[0].first.less(b[0].first) {
			out, a = appendInterval(out, a[0]), a[1:]
		} else {
			out, b = appendInterval(out, b[0]), b[1:]
		}
	}
	return out
}

func intersectIntervals[P point[P]](a, b []interval[P]) []interval[P] {
	if sameList(a, b) {
		return a
	}
	var out []interval[P]
	for len(a) > 0 && len(b) > 0 {
		iv := interval[P]{a[0].first, a[0].last}
		if iv.first.less(b[0].first) {
			iv.first = b[0].first
		}
		if b[0].last.less(iv.last) {
			iv.last = b[0].last
		}
		if !iv.last.less(iv.first) {
			out = append(out, iv)
		}
		if a[0].last.less(b[0].last) {
			a = a[1:]
		} else {
			b = b[1:]
		}
	}
	return out
}

// subtractIntervals cuts b out of a:
//
//	a    |---------|   |------|
//	b  |---|  |--|       |-------|
//	out     |-|  |-|   |-|
func subtractIntervals[P point[P]](a, b []interval[P]) []interval[P] {
	if len(b) == 0 {
		return a
	}
	if sameList(a, b) {
		return nil
	}
	var out []interval[P]
	for _, iv := range a {
		for len(b) > 0 && b[0].last.less(iv.first) {
			b = b[1:]
		}
		rest, gone := iv, false
		for _, cut := range b {
			if rest.last.less(cut.first) {
				break
			}
			if rest.first.less(cut.first) {
				out = append(out, interval[P]{rest.first, cut.first.prev()})
			}
			if !cut.last.less(rest.last) {
				gone = true
				break
			}
			rest.first = cut.last.next()
		}
		if !gone {
			out = append(out, rest)
		}
	}
	return out
}

func overlapIntervals[P point[P]](a, b []interval[P]) bool {
	for len(a) > 0 && len(b) > 0 {
		switch {
		case a[0].last.less(b[0].first):
			a = a[1:]
		case b[0].last.less(a[0].first):
			b = b[1:]
		default:
			return true
		}
	}
	return false
}

// coverIntervals reports whether every point of b is in a. As lists are
// canonical, each interval of b must lie in a single one of a.
func coverIntervals[P point[P]](a, b []interval[P]) bool {
	if sameList(a, b) {
		return true
	}
	for _, iv := range b {
		for len(a) > 0 && a[0].last.less(iv.first) {
			a = a[1:]
		}
		if len(a) == 0 || iv.first.less(a[0].first) || a[0].last.less(iv.last) {
			return false
		}
	}
	return true
}

func equalIntervals[P point[P]](a, b []interval[P]) bool {
	if sameList(a, b) {
		return true
	}
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i] != b[i] {
			return false
		}
	}
	return true
}

// sameList reports whether both are the same memory, which the parts of one
// region often are.
func sameList[P point[P]](a, b []interval[P]) bool {
	return len(a) == len(b) && (len(a) == 0 || &a[0] == &b[0])
}
