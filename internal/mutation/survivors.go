package main

import (
	"fmt"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"
)

// survivors are mutants that no test notices, each with the reason.
type survivors map[name]string

// readSurvivors reads a file of blocks that an empty line parts:
//
//	internal/plan/part.go largest
//	line: the text of the line
//	change: what the mutant changes
//	nth: 2 and up, where several are alike
//	reason: why no test can notice, or why none does
//
// Lines that begin with # are left out.
func readSurvivors(path string) (survivors, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	s := survivors{}
	for _, block := range strings.Split(string(text), "\n\n") {
		var lines []string
		for _, line := range strings.Split(block, "\n") {
			if line != "" && !strings.HasPrefix(line, "#") {
				lines = append(lines, line)
			}
		}
		if len(lines) == 0 {
			continue
		}
		n, reason, err := parseSurvivor(lines)
		if err != nil {
			return nil, fmt.Errorf("%s: %q: %w", path, lines[0], err)
		}
		if _, twice := s[n]; twice {
			return nil, fmt.Errorf("%s: %q: listed twice", path, n.Change)
		}
		s[n] = reason
	}
	return s, nil
}

func parseSurvivor(lines []string) (n name, reason string, err error) {
	path, function, _ := strings.Cut(lines[0], " ")
	slash := strings.LastIndex(path, "/")
	if slash < 0 {
		return n, "", fmt.Errorf("does not begin with package/file.go")
	}
	n = name{Package: path[:slash], File: path[slash+1:], Function: function}
	for _, line := range lines[1:] {
		key, text, _ := strings.Cut(line, ": ")
		switch key {
		case "line":
			n.Line = text
		case "change":
			n.Change = text
		case "nth":
			if n.Nth, err = strconv.Atoi(text); err != nil {
				return n, "", err
			}
		case "reason":
			reason = strings.TrimSpace(text)
		default:
			return n, "", fmt.Errorf("unknown line %q", line)
		}
	}
	if n.Change == "" || reason == "" {
		return n, "", fmt.Errorf("%q needs a change and a reason", n.Change)
	}
	return n, reason, nil
}

// of gives those of a package and, where files is not "", of these files alone.
func (s survivors) of(pkg, files string) survivors {
	some := maps.Clone(s)
	maps.DeleteFunc(some, func(n name, _ string) bool { return n.Package != pkg || !isChosen(files, n.File) })
	return some
}

// difference is how a run differs from what was known.
type difference struct {
	unknown []result // survived and are not listed
	noticed []name   // listed, and killed
	gone    []name   // listed, and no mutant any more
}

func compare(results []result, known survivors) difference {
	var d difference
	left := maps.Clone(known)
	for _, r := range results {
		_, listed := known[r.name]
		delete(left, r.name)
		survived := r.fate == lived || r.fate == unseen
		switch {
		case survived && !listed:
			d.unknown = append(d.unknown, r)
		case !survived && listed:
			d.noticed = append(d.noticed, r.name)
		}
	}
	d.gone = slices.SortedFunc(maps.Keys(left), func(a, b name) int { return strings.Compare(a.String(), b.String()) })
	return d
}

func (d difference) size() int { return len(d.unknown) + len(d.noticed) + len(d.gone) }

// String says what has to be done about each.
func (d difference) String() string {
	var out strings.Builder
	for _, r := range d.unknown {
		what := "survived"
		if r.fate == unseen {
			what = "not covered"
		}
		fmt.Fprintf(&out, "\n# %s, line %d: write the test that notices it, or list it with its reason\n%sreason: \n", what, r.at, r.name)
	}
	for _, n := range d.noticed {
		fmt.Fprintf(&out, "\n# killed now: take it off the list\n%s", n)
	}
	for _, n := range d.gone {
		fmt.Fprintf(&out, "\n# no longer a mutant: take it off the list\n%s", n)
	}
	return out.String()
}
