package policy

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Diagnostic is one fault in a policy file, or one remark on it.
type Diagnostic struct {
	File string
	// Line and Column are where it stands, from 1; Column counts characters.
	// Line 0 means the file as a whole.
	Line, Column int
	Width        int    // characters that are meant, at least 1; 0 with Line 0
	Message      string // without place and hint
	Hint         string // what to write instead; "" = nothing better is known
	Excerpt      string // the source line; "" with Line 0
	Warning      bool   // the files work as they are
}

// Place is FILE, or FILE:LINE:COLUMN.
func (d Diagnostic) Place() string {
	if d.Line == 0 {
		return d.File
	}
	return fmt.Sprintf("%s:%d:%d", d.File, d.Line, d.Column)
}

// Error is place, message and hint on one line.
func (d Diagnostic) Error() string {
	if d.Hint == "" {
		return d.Place() + ": " + d.Message
	}
	return d.Place() + ": " + d.Message + " (" + d.Hint + ")"
}

// excerptWidth bounds the part of a source line that is shown.
const excerptWidth = 120

// String is place and message, the source line with carets under the place,
// and the hint:
//
//	web.yaml:9:17: unknown direction "ingres"
//	  9 |   - {direction: ingres, peers: [internet]}
//	    |                 ^^^^^^
//	    hint: did you mean "ingress"?
//
// Control characters of the source are shown as U+FFFD. It has no final newline.
func (d Diagnostic) String() string {
	var b strings.Builder
	b.WriteString(d.Place() + ": ")
	if d.Warning {
		b.WriteString("warning: ")
	}
	b.WriteString(d.Message)
	margin := "  "
	if d.Line > 0 {
		number := fmt.Sprintf("  %d ", d.Line)
		margin = strings.Repeat(" ", len(number))
		shown, caret := d.window()
		b.WriteString("\n" + strings.TrimRight(number+"| "+shown, " ") + "\n" + margin + "| " + caret)
	}
	if d.Hint != "" {
		b.WriteString("\n" + margin + "hint: " + d.Hint)
	}
	return b.String()
}

// window cuts the source line around the place, and draws the carets that go
// under it. Tabs are kept in both, so that they line up.
func (d Diagnostic) window() (shown, caret string) {
	line := []rune(d.Excerpt)
	at := min(d.Column-1, len(line))
	first := 0
	if len(line) > excerptWidth && at > excerptWidth*3/4 {
		first = at - excerptWidth/2
	}
	last := min(len(line), first+excerptWidth)
	width := max(1, min(d.Width, last-at))
	shown, pad := printable(line[first:last]), ""
	for _, r := range line[first:at] {
		if r != '\t' {
			r = ' '
		}
		pad += string(r)
	}
	if first > 0 {
		shown, pad = "…"+shown, " "+pad
	}
	if last < len(line) {
		shown += "…"
	}
	return shown, pad + strings.Repeat("^", width)
}

func printable(line []rune) string {
	return strings.Map(func(r rune) rune {
		if r != '\t' && (unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r)) {
			return utf8.RuneError
		}
		return r
	}, string(line))
}

// Faults are all faults of all files of one run, in the order of the files
// and lines. As an error it means that nothing was loaded.
type Faults []Diagnostic

// Error is every fault as String gives it, one below the other.
func (f Faults) Error() string {
	texts := make([]string, len(f))
	for i, d := range f {
		texts[i] = d.String()
	}
	return strings.Join(texts, "\n")
}
