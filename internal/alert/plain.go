package alert

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// plain makes text that others chose harmless in mail, terminals and chat. It
// gives one line of at most limit runes that no common reader takes for
// markup, a link or a mention:
//
//   - controls, line ends, invisible and bidirectional characters, and scripts
//     that run from right to left become a space or "?";
//   - <, >, [, ], backticks, quotes, *, ~, | and & become a relative that means
//     nothing in HTML, Markdown or Slack; so does _ but within a word;
//   - "://", the colon of schemes like mailto, and dots within host names are
//     put in brackets, as is usual for hostile addresses; @ becomes (at).
//
// Numbers, ids, ARNs, CIDRs and rule texts stay as they are but for that.
func plain(text string, limit int) string {
	var b strings.Builder
	previous, marks := ' ', 0
	// Of more bytes than these, nothing would be shown.
	runes := []rune(foldWidth(text[:min(len(text), 16*limit)]))
	for n, r := range runes {
		next := ' '
		if n+1 < len(runes) {
			next = runes[n+1]
		}
		switch {
		case r == utf8.RuneError || unicode.Is(rightToLeft, r):
			r = '?'
		case unicode.IsSpace(r) || !unicode.IsGraphic(r):
			r = ' '
		}
		if marks = countMarks(r, marks); marks > 1 {
			continue
		}
		if r == ' ' && previous == ' ' {
			continue
		}
		b.WriteString(tame(previous, r, next))
		previous = r
	}
	return shorten(breakSchemes(strings.TrimSpace(b.String())), limit)
}

// glue stands for a space at which a letter's line is not broken: what others
// wrote never begins a line. plain lets no such character through.
const glue = '\ue000'

// foreign is plain with its spaces glued.
func foreign(text string, limit int) string {
	return strings.ReplaceAll(plain(text, limit), " ", string(glue))
}

func unglue(text string) string { return strings.ReplaceAll(text, string(glue), " ") }

// tame gives what stands for one rune between its neighbours.
func tame(previous, r, next rune) string {
	switch r {
	case '<', '[', '{':
		return "("
	case ']', '}':
		return ")"
	case '>':
		if previous == '-' { // an arrow of ours
			return ">"
		}
		return ")"
	case '"', '`', '*', '~', '\u00b4', '\u2018', '\u2019', '\u201c', '\u201d':
		return "'"
	case '&':
		return "+"
	case '@':
		return "(at)"
	case '_':
		if isWord(previous) && isWord(next) {
			return "_"
		}
		return "-"
	case '.':
		if isWord(previous) && isWord(next) && !(unicode.IsNumber(previous) && unicode.IsNumber(next)) {
			return "[.]"
		}
	case '/':
		if previous == ':' && next == '/' {
			return "[/]"
		}
	}
	return string(r)
}

func isWord(r rune) bool { return unicode.IsLetter(r) || unicode.IsNumber(r) }

// foldWidth replaces look-alikes that readers fold before they look for
// addresses and mentions (full width forms, other dots, slashes and at signs),
// and, before anything looks at neighbours, what becomes a slash.
func foldWidth(text string) string {
	return strings.Map(func(r rune) rune {
		if r >= 0xff01 && r <= 0xff5e {
			r -= 0xfee0
		}
		switch r {
		case 0x3002, 0xff61, 0x2024, 0xfe52:
			return '.'
		case 0xfe6b:
			return '@'
		case 0x2215, 0x2044, '\\', '|':
			return '/'
		case 0xfe55, 0xa789, 0x2236:
			return ':'
		}
		return r
	}, text)
}

// countMarks counts combining marks in a row: piled up, they run over lines.
func countMarks(r rune, before int) int {
	if unicode.In(r, unicode.Mn, unicode.Me) {
		return before + 1
	}
	return 0
}

// rightToLeft are the scripts whose letters reorder what stands around them.
var rightToLeft = &unicode.RangeTable{
	R16: []unicode.Range16{{Lo: 0x0590, Hi: 0x08ff, Stride: 1}, {Lo: 0xfb1d, Hi: 0xfdff, Stride: 1}, {Lo: 0xfe70, Hi: 0xfefe, Stride: 1}},
	R32: []unicode.Range32{{Lo: 0x10800, Hi: 0x10fff, Stride: 1}, {Lo: 0x1e800, Hi: 0x1efff, Stride: 1}},
}

// schemes that readers make links of without a double slash.
var schemes = []string{"mailto", "tel", "sms", "javascript", "vbscript", "data", "file", "skype", "slack", "msteams"}

// breakSchemes puts the colon of a scheme into brackets.
func breakSchemes(text string) string {
	var b strings.Builder
	for {
		before, after, found := strings.Cut(text, ":")
		b.WriteString(before)
		if !found {
			return b.String()
		}
		text = after
		switch rest, isURL := strings.CutPrefix(after, "[/]/"); {
		case isURL:
			b.WriteString("[:]//")
			text = rest
		case endsInScheme(before):
			b.WriteString("[:]")
		default:
			b.WriteByte(':')
		}
	}
}

func endsInScheme(text string) bool {
	return slices.ContainsFunc(schemes, func(s string) bool {
		return len(text) >= len(s) && strings.EqualFold(text[len(text)-len(s):], s)
	})
}

// shorten cuts text to limit runes, with three dots where something is missing.
func shorten(text string, limit int) string {
	if len(text) <= limit || utf8.RuneCountInString(text) <= limit {
		return text
	}
	cut := string([]rune(text)[:limit-3])
	if open := strings.LastIndexByte(cut, '['); open > strings.LastIndexByte(cut, ']') {
		cut = cut[:open] // not through [.] or [:]
	}
	return strings.TrimSpace(cut) + "..."
}

// ascii replaces what SNS does not take in a subject.
func ascii(text string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' {
			return '?'
		}
		return r
	}, text)
}
