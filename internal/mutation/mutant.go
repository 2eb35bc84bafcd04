package main

import (
	"fmt"
	"regexp"
	"strings"
)

// mutant is one small change of one place.
type mutant struct {
	id   int // from 1, within a package
	at   int // line, from 1
	alt  string
	name name
}

// name tells a mutant from the others of its package, whatever lines were
// added above it.
type name struct {
	Package  string // "internal/plan"
	File     string // "build.go"
	Function string // "builder.replace"; a package variable by its name
	Line     string // the text of the line that the change begins in
	Change   string // "a < b -> a <= b", "removed: x = y"
	Nth      int    // 2 and up: of several alike in the function
}

func (n name) String() string {
	s := fmt.Sprintf("%s/%s %s\nline: %s\nchange: %s\n", n.Package, n.File, n.Function, n.Line, n.Change)
	if n.Nth > 1 {
		s += fmt.Sprintf("nth: %d\n", n.Nth)
	}
	return s
}

var space = regexp.MustCompile(`\s+`)

// oneLine gives code on one line, cut where it is long.
func oneLine(code string) string {
	s := strings.TrimSpace(space.ReplaceAllString(code, " "))
	if len(s) > 120 {
		s = s[:120] + "..."
	}
	return s
}
