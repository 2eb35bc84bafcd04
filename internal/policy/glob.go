package policy

import (
	"strings"
	"unicode/utf8"
)

// matchGlob reports whether text matches a pattern in which `*` is any
// characters and `?` is one. Neither matches a character of stops.
//
// Going back to the last `*` alone is enough, with stops too: only a literal
// of the pattern can match a stop, so that the parts between stops match each
// on its own.
func matchGlob(pattern, text, stops string) bool { return matchRunes(pattern, text, stops, stops) }

// matchFolded is matchGlob for a pattern in lower case, regardless of the case
// of ASCII letters of the text. No allocation.
func matchFolded(pattern, text string) bool {
	star, mark := -1, 0
	p, t := 0, 0
	for t < len(text) {
		_, size := utf8.DecodeRuneInString(text[t:])
		switch {
		case p < len(pattern) && pattern[p] == '*':
			p++
			star, mark = p, t
		case p < len(pattern) && pattern[p] == '?':
			p++
			t += size
		case p < len(pattern) && pattern[p] == lowerByte(text[t]):
			p++
			t++
		case star < 0:
			return false
		default:
			_, size = utf8.DecodeRuneInString(text[mark:])
			mark += size
			p, t = star, mark
		}
	}
	return strings.Trim(pattern[p:], "*") == ""
}

func lowerByte(b byte) byte {
	if 'A' <= b && b <= 'Z' {
		return b + 'a' - 'A'
	}
	return b
}

// matchRunes is matchGlob with what `*` stops at and what `?` does not match.
func matchRunes(pattern, text, stops, not string) bool {
	var star, mark = -1, 0 // place behind the last `*`, and what it has eaten up to
	p, t := 0, 0
	for t < len(text) {
		r, size := utf8.DecodeRuneInString(text[t:])
		switch {
		case p < len(pattern) && pattern[p] == '*':
			p++
			star, mark = p, t
			continue
		case p < len(pattern) && pattern[p] == '?' && !strings.ContainsRune(not, r):
			p++
			t += size
			continue
		case p < len(pattern) && pattern[p] != '?' && pattern[p] == text[t]:
			p++
			t++
			continue
		}
		if star < 0 {
			return false
		}
		r, size = utf8.DecodeRuneInString(text[mark:])
		if strings.ContainsRune(stops, r) {
			return false
		}
		mark += size
		p, t = star, mark
	}
	for p < len(pattern) && pattern[p] == '*' {
		p++
	}
	return p == len(pattern)
}

// globWithin reports whether all that inner matches is certainly matched by
// outer. It may miss some; it never claims one that is not.
func globWithin(inner, outer string) bool {
	for _, text := range []string{inner, outer} {
		if !utf8.ValidString(text) || strings.ContainsAny(text, string([]rune{anyRunes, oneRune})) {
			return inner == outer
		}
	}
	// Read inner as a text in which a wildcard is a character that only a
	// wildcard of outer at least as wide can match.
	return matchRunes(outer, strings.Map(hideWildcards, inner), "", string(anyRunes))
}

// Wildcards of a pattern that is read as a text.
const (
	anyRunes = '\uE000'
	oneRune  = '\uE001'
)

func hideWildcards(r rune) rune {
	switch r {
	case '*':
		return anyRunes
	case '?':
		return oneRune
	}
	return r
}

// matchActor reports whether an ARN matches one of the patterns, in which `*`
// and `?` match neither `/` nor `:`. An unknown actor ("") matches nothing.
func matchActor(patterns []string, arn string) bool {
	if arn == "" {
		return false
	}
	for _, p := range patterns {
		if matchGlob(p, arn, "/:") {
			return true
		}
	}
	return false
}
