package policy

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Source is one policy file.
type Source struct {
	File string // as messages shall name it
	Text []byte // UTF-8, with or without byte order mark; lines end in LF or CRLF
}

// MaxSource is how many bytes a policy file may have. Of a larger one its
// first MaxSource+1 bytes are enough for Parse to refuse it.
const MaxSource = 256 << 10

// maxLine is how many characters a line may have: finding the place of each of
// the tokens of one line takes time by their number and by its length.
const maxLine = 4000

// maxFaults bounds what is said about one file.
const maxFaults = 100

// sourceText is a file in the form that positions refer to: without byte
// order mark, lines ending in LF.
type sourceText struct {
	file  string
	text  string
	lines []string
}

// position is where something stands in a file. The zero position is nowhere: it
// stands for a key that was not given.
type position struct {
	source *sourceText
	line   int // from 1; 0 = the file as a whole
	column int // characters, from 1
	width  int // characters
}

// given reports whether the key of this place was in the file.
func (p position) given() bool { return p.source != nil }

func (p position) String() string {
	return Diagnostic{File: p.source.file, Line: p.line, Column: p.column}.Place()
}

// ComparePlaces orders diagnostics by file, line and column.
func ComparePlaces(a, b Diagnostic) int {
	if c := strings.Compare(a.File, b.File); c != 0 {
		return c
	}
	if a.Line != b.Line {
		return a.Line - b.Line
	}
	return a.Column - b.Column
}

// reporter is where all faults and warnings of a run come together.
type reporter struct {
	faults   []Diagnostic
	warnings []Diagnostic
	perFile  map[string]int
}

// fault records a fault. hint is "" where nothing better is known.
func (r *reporter) fault(at position, hint, format string, args ...any) {
	if !at.given() { // a slip of ours: better a fault without a place than none
		at.source = &sourceText{}
	}
	if r.perFile == nil {
		r.perFile = map[string]int{}
	}
	r.perFile[at.source.file]++
	switch n := r.perFile[at.source.file]; {
	case n == maxFaults+1:
		r.faults = append(r.faults, Diagnostic{File: at.source.file, Message: fmt.Sprintf("more than %d faults; the others are not shown", maxFaults)})
	case n <= maxFaults:
		r.faults = append(r.faults, at.diagnostic(hint, fmt.Sprintf(format, args...)))
	}
}

// isFull reports whether a fault at a place would not be shown.
func (r *reporter) isFull(at position) bool {
	return at.source != nil && r.perFile[at.source.file] >= maxFaults
}

// take adds what was said elsewhere.
func (r *reporter) take(o *reporter) {
	r.faults, r.warnings = append(r.faults, o.faults...), append(r.warnings, o.warnings...)
	if r.perFile == nil {
		r.perFile = map[string]int{}
	}
	for file, n := range o.perFile {
		r.perFile[file] += n
	}
}

// warn records a remark that does not keep the files from being used.
func (r *reporter) warn(at position, hint, format string, args ...any) {
	d := at.diagnostic(hint, fmt.Sprintf(format, args...))
	d.Warning = true
	r.warnings = append(r.warnings, d)
}

func (p position) diagnostic(hint, message string) Diagnostic {
	d := Diagnostic{File: p.source.file, Line: p.line, Message: message, Hint: hint}
	if p.line > 0 {
		d.Column, d.Width = max(1, p.column), max(1, p.width)
		if p.line <= len(p.source.lines) {
			d.Excerpt = p.source.lines[p.line-1]
		}
	}
	return d
}

// sorted gives the faults by place, as an error; nil if there are none.
func (r *reporter) sorted() error {
	if len(r.faults) == 0 {
		return nil
	}
	faults := slices.Clone(r.faults)
	slices.SortStableFunc(faults, ComparePlaces)
	return Faults(slices.Compact(faults)) // an exception of an override is read for every box
}

// newSourceText checks what must hold of the bytes before any YAML is read:
// size, encoding, no control characters, no tabs as indentation. It returns
// nil after a fault.
func newSourceText(s Source, r *reporter) *sourceText {
	t := &sourceText{file: s.File}
	whole := position{source: t}
	if len(s.Text) > MaxSource {
		r.fault(whole, "split it", "larger than the %d bytes that a policy file may have", MaxSource)
		return nil
	}
	if bytes.HasPrefix(s.Text, []byte{0xfe, 0xff}) || bytes.HasPrefix(s.Text, []byte{0xff, 0xfe}) {
		r.fault(whole, "save it as UTF-8", "the file is UTF-16")
		return nil
	}
	text := strings.TrimPrefix(string(s.Text), "\ufeff")
	t.text = strings.ReplaceAll(text, "\r\n", "\n")
	t.lines = strings.Split(t.text, "\n")
	for i, line := range t.lines {
		if !checkLine(line, position{source: t, line: i + 1, width: 1}, r) {
			return nil
		}
	}
	return t
}

// isPrintable reports whether a line has nothing but the signs of ASCII.
func isPrintable(line string) bool {
	for i := range len(line) {
		if line[i] < ' ' || line[i] > '~' {
			return false
		}
	}
	return true
}

// checkLine faults the first character of a line that may not be there.
func checkLine(line string, at position, r *reporter) bool {
	if isPrintable(line) && len(line) <= maxLine {
		return true
	}
	indentation := true
	for i, c := range line {
		at.column++
		switch {
		case at.column > maxLine:
			r.fault(at, "break it", "longer than the %d characters that a line may have", maxLine)
			return false
		case c == utf8.RuneError && !strings.HasPrefix(line[i:], "\ufffd"):
			r.fault(at, "save it as UTF-8", "byte %#02x is not UTF-8", line[i])
			return false
		case c == '\t' && indentation && strings.TrimSpace(line) != "":
			r.fault(at, "indent with spaces", "tab in the indentation")
			return false
		case c != '\t' && unicode.IsControl(c), c == '\ufeff', unicode.Is(unicode.Bidi_Control, c):
			r.fault(at, "remove it", "invisible character %U", c)
			return false
		}
		indentation = indentation && (c == ' ' || c == '\t')
	}
	return true
}
