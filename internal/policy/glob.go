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
func matchGlob(pattern, text, stops string) bool {
	var star, mark = -1, 0 // place behind the last `*`, and what it has eaten up to
	p, t := 0, 0
	for t < len(text) {
		r, size := utf8.DecodeRuneInString(text[t:])
		switch {
		case p < len(pattern) && pattern[p] == '*':
			p++
			star, mark = p, t
			continue
		case p < len(pattern) && pattern[p] == '?' && !strings.ContainsRune(stops, r):
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
	// Read inner as a text in which a wildcard is a character that only a
	// wildcard of outer at least as wide can match.
	outer = strings.Map(hideWildcards, outer)
	inner = strings.Map(hideWildcards, inner)
	return within(inner, outer)
}

// Wildcards of a pattern that is matched as a text.
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

func within(inner, outer string) bool {
	if outer == "" {
		return inner == ""
	}
	o, osize := utf8.DecodeRuneInString(outer)
	if o == anyRunes {
		for i := 0; ; {
			if within(inner[i:], outer[osize:]) {
				return true
			}
			if i == len(inner) {
				return false
			}
			_, size := utf8.DecodeRuneInString(inner[i:])
			i += size
		}
	}
	if inner == "" {
		return false
	}
	i, isize := utf8.DecodeRuneInString(inner)
	if i == anyRunes || o != oneRune && i != o {
		return false
	}
	return within(inner[isize:], outer[osize:])
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
