package figures

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode/utf8"
)

var columns = []string{"goal", "what", "ours", "other", "ratio", "bound", "met"}

// Table is rows in the order in which they are shown.
type Table []Row

// Missed counts the rows whose bound does not hold.
func (t Table) Missed() int {
	n := 0
	for _, r := range t {
		if r.Verdict() == Missed {
			n++
		}
	}
	return n
}

// WriteText writes the table with aligned columns, one line that counts, and why
// bounds are missed.
func (t Table) WriteText(w io.Writer) error {
	lines := t.lines()
	widths := make([]int, len(columns))
	for _, l := range lines {
		for i, c := range l {
			widths[i] = max(widths[i], utf8.RuneCountInString(c))
		}
	}
	for _, l := range lines {
		text := ""
		for i, c := range l {
			text += c + strings.Repeat(" ", widths[i]-utf8.RuneCountInString(c)+2)
		}
		if _, err := fmt.Fprintln(w, strings.TrimRight(text, " ")); err != nil {
			return err
		}
	}
	return t.writeCounts(w)
}

// WriteMarkdown writes the table as a page can hold it.
func (t Table) WriteMarkdown(w io.Writer) error {
	lines := t.lines()
	lines = append(lines[:1:1], append([][]string{strings.Split(strings.Repeat("---,", len(columns)-1)+"---", ",")}, lines[1:]...)...)
	for _, l := range lines {
		if _, err := fmt.Fprintln(w, "| "+strings.Join(l, " | ")+" |"); err != nil {
			return err
		}
	}
	if _, err := fmt.Fprintln(w); err != nil {
		return err
	}
	return t.writeCounts(w)
}

func (t Table) lines() [][]string {
	lines := [][]string{columns}
	for _, r := range t {
		lines = append(lines, r.cells())
	}
	return lines
}

func (t Table) writeCounts(w io.Writer) error {
	n := map[Verdict]int{}
	for _, r := range t {
		n[r.Verdict()]++
	}
	_, err := fmt.Fprintf(w, "%d bounds met, %d missed, %d without a figure yet\n", n[Met], n[Missed], n[NotYet])
	for _, r := range t {
		if err == nil && r.Verdict() == Missed && r.Why != "" {
			_, err = fmt.Fprintf(w, "- %s (%s): %s\n", r.What, r.Goal, r.Why)
		}
	}
	return err
}

// SortByGoal brings the rows into the order of their goals; rows of one goal
// keep theirs.
func (t Table) SortByGoal() {
	slices.SortStableFunc(t, func(a, b Row) int { return cmp.Or(cmp.Compare(len(a.Goal), len(b.Goal)), cmp.Compare(a.Goal, b.Goal)) })
}
