package events

import (
	"encoding/json"
	"math"
	"strconv"
	"strings"
)

// kind says what a JSON value is. The zero value is "not there".
type kind uint8

const (
	absent kind = iota
	null
	boolean
	number
	text
	object
	array
)

// value is one JSON value as it was written. Numbers keep their digits: an
// account id or "-1" must not pass through a float.
type value struct {
	kind    kind
	escaped bool     // text that holds a backslash
	raw     string   // as written; text with its quotes; "" for objects and arrays
	members []member // of an object, as written; of an array, without names
	// twice is a name that stands more than once in an object, letters of
	// either case taken as equal; "" = none.
	twice string
}

type member struct {
	name string
	value
}

// get finds a member by name, letters of either case taken as equal: tools
// that re-export records change it. Of several the last one holds, as in
// encoding/json; value.twice tells that there were several.
func (v value) get(names ...string) value {
	if v.kind != object {
		return value{}
	}
	for i := len(v.members) - 1; i >= 0; i-- {
		for _, name := range names {
			if sameName(v.members[i].name, name) {
				return v.members[i].value
			}
		}
	}
	return value{}
}

// empty reports whether the value says nothing: the dialects write an empty
// list as {}, "", null, or not at all.
func (v value) empty() bool {
	switch v.kind {
	case absent, null:
		return true
	case text:
		return len(v.raw) == 2
	case object, array:
		return len(v.members) == 0
	}
	return false
}

// list gives the elements of a list in any dialect: an array, {"items": ...},
// {"item": ...}, a single value without array, or nothing.
func (v value) list() []value {
	if v.empty() {
		return nil
	}
	switch v.kind {
	case array:
		all := make([]value, len(v.members))
		for i, m := range v.members {
			all[i] = m.value
		}
		return all
	case object:
		if inner := v.get("items", "item"); inner.kind != absent {
			return inner.list()
		}
	}
	return []value{v}
}

// scalar gives text, numbers and booleans as text, also where the wrapper
// dialect puts them into {"content": ..., "tag": 1}. Whole numbers lose their
// exponent and fraction: 6.0 is "6". It is false for everything else.
func (v value) scalar() (string, bool) {
	switch v.kind {
	case text:
		return v.string(), true
	case boolean:
		return v.raw, true
	case number:
		return wholeNumber(v.raw), true
	case object:
		if c := v.get("content"); c.kind != absent && c.kind != object {
			return c.scalar()
		}
	}
	return "", false
}

// string is the text of a text value, unescaped; "" for all others.
func (v value) string() string {
	if v.kind != text {
		return ""
	}
	if !v.escaped {
		return v.raw[1 : len(v.raw)-1]
	}
	var s string
	if err := json.Unmarshal([]byte(v.raw), &s); err != nil {
		return "" // the parser let only valid text pass
	}
	return s
}

// walk calls visit for every text and name below the value.
func (v value) walk(visit func(string)) {
	if v.kind == text {
		visit(v.string())
	}
	for _, m := range v.members {
		if m.name != "" {
			visit(m.name)
		}
		m.walk(visit)
	}
}

// repeated gives the name of a member that stands more than once in some
// object at or below the value; "" if there is none.
func (v value) repeated() string {
	if v.twice != "" {
		return v.twice
	}
	for _, m := range v.members {
		if name := m.repeated(); name != "" {
			return name
		}
	}
	return ""
}

// wholeNumber writes 6.0 and 2.00802171337E11 without fraction and exponent;
// every other text comes back as it is.
func wholeNumber(s string) string {
	if !strings.ContainsAny(s, ".eE") {
		return s
	}
	f, err := strconv.ParseFloat(s, 64)
	if err != nil || f != math.Trunc(f) || math.Abs(f) > 1<<53 {
		return s
	}
	return strconv.FormatInt(int64(f), 10)
}

// sameName compares two names, ASCII letters of either case taken as equal.
func sameName(a, b string) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range len(a) {
		if lower(a[i]) != lower(b[i]) {
			return false
		}
	}
	return true
}

func lower(c byte) byte {
	if 'A' <= c && c <= 'Z' {
		return c + 'a' - 'A'
	}
	return c
}

// lowerName is the form of a name under which sameName compares.
func lowerName(s string) string {
	for i := range len(s) {
		if lower(s[i]) != s[i] {
			b := []byte(s)
			for j := range b {
				b[j] = lower(b[j])
			}
			return string(b)
		}
	}
	return s
}
