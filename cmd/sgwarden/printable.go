package main

import (
	"strings"
	"unicode"
)

// printable makes text that others chose safe for a terminal: one line, no
// control, format or bidirectional character.
func printable(text string) string {
	return strings.Map(func(r rune) rune {
		if !unicode.IsGraphic(r) || unicode.Is(unicode.Bidi_Control, r) {
			return '?'
		}
		return r
	}, text)
}

func printables(all []string) []string {
	out := make([]string, len(all))
	for i, text := range all {
		out[i] = printable(text)
	}
	return out
}
