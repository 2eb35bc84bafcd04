package alert

import (
	"fmt"
	"strings"
	"time"
	"unicode/utf8"
)

// lineWidth is where prose is wrapped: mail is often read in a terminal's
// width. Commands and lines to search for are not.
const lineWidth = 78

// letter is a plain text that is being written.
type letter struct {
	b strings.Builder
}

// paragraph writes sentences, wrapped.
func (l *letter) paragraph(text string) { l.wrap("", "", text) }

// title begins a part.
func (l *letter) title(text string) { l.b.WriteString("\n" + text + "\n") }

// item writes an indented text, wrapped with a further indent.
func (l *letter) item(format string, args ...any) {
	l.wrap("  ", "  ", fmt.Sprintf(format, args...))
}

// field writes a short name and a text beside it.
func (l *letter) field(name, text string) {
	if text == "" {
		return
	}
	l.wrap(fmt.Sprintf("  %-10s", name), strings.Repeat(" ", 12), text)
}

// detail writes a text below an item.
func (l *letter) detail(format string, args ...any) {
	l.wrap("    ", "    ", fmt.Sprintf(format, args...))
}

// verbatim writes a line that is to be copied or searched for: never wrapped.
func (l *letter) verbatim(line string) {
	if line != "" {
		l.b.WriteString("    " + line + "\n")
	}
}

func (l *letter) wrap(first, next, text string) {
	indent, width := first, 0
	for _, word := range strings.Fields(text) {
		n := utf8.RuneCountInString(word)
		switch {
		case width == 0:
			l.b.WriteString(indent + word)
			width = utf8.RuneCountInString(indent) + n
		case width+1+n > lineWidth:
			indent = next
			l.b.WriteString("\n" + indent + word)
			width = utf8.RuneCountInString(indent) + n
		default:
			l.b.WriteString(" " + word)
			width += 1 + n
		}
	}
	if width > 0 {
		l.b.WriteByte('\n')
	}
}

func (l *letter) String() string { return unglue(l.b.String()) }

// clock is a time as people write it, in UTC.
func clock(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05 UTC") }

// span is a duration in the one unit that says enough.
func span(d time.Duration) string {
	units := []struct {
		name  string
		size  time.Duration
		until time.Duration
	}{
		{"second", time.Second, 2 * time.Minute}, {"minute", time.Minute, 2 * time.Hour}, {"hour", time.Hour, 48 * time.Hour}, {"day", 24 * time.Hour, 1<<63 - 1},
	}
	if d < time.Second {
		return "less than a second"
	}
	for _, u := range units {
		if d < u.until {
			return count(int(d/u.size), u.name)
		}
	}
	return ""
}

// count is a number with its noun: "1 rule", "2 rules".
func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
