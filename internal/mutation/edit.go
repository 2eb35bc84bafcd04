package main

import (
	"cmp"
	"fmt"
	"go/ast"
	"slices"
	"strings"
)

// The functions that every mutated package gets (runtime.go.txt).
const (
	isActive  = "mutantIs"    // reports whether it is this mutant's turn
	notActive = "mutantIsNot" // reports whether it is the turn of none of a range
)

// add notes a place with one mutant per alternative; an empty alternative
// removes the statement.
func (f *finder) add(n ast.Node, form form, typ string, alternatives ...string) {
	e := &edit{start: f.tokens.Offset(n.Pos()), end: f.tokens.Offset(n.End()), form: form, typ: typ}
	for _, alt := range alternatives {
		change := oneLine(f.text(n)) + " -> " + oneLine(alt)
		if alt == "" {
			change = "removed: " + oneLine(f.text(n))
		}
		m := &mutant{id: *f.next, at: f.tokens.Line(n.Pos()), alt: alt}
		m.name = name{Package: f.pkg, File: f.file, Function: f.function(), Line: f.line(m.at), Change: change}
		f.names[m.name]++
		if nth := f.names[m.name]; nth > 1 {
			m.name.Nth = nth
		}
		*f.next++
		e.mutants = append(e.mutants, m)
	}
	f.edits = append(f.edits, e)
}

// function is the name of the declaration that is being visited.
func (f *finder) function() string {
	for _, p := range f.parents {
		switch d := p.(type) {
		case *ast.FuncDecl:
			if d.Recv == nil {
				return d.Name.Name
			}
			receiver := strings.TrimLeft(f.text(d.Recv.List[0].Type), "*")
			return receiver + "." + d.Name.Name
		case *ast.ValueSpec:
			return d.Names[0].Name
		}
	}
	return ""
}

func (f *finder) line(n int) string {
	from := f.tokens.Offset(f.tokens.LineStart(n))
	text, _, _ := strings.Cut(string(f.src[from:]), "\n")
	return strings.TrimSpace(text)
}

// schemata gives the source of the file with all its mutants in it.
func (f *finder) schemata() string {
	slices.SortFunc(f.edits, func(a, b *edit) int { return cmp.Or(a.start-b.start, b.end-a.end) })
	rest := f.edits
	return f.render(0, len(f.src), &rest)
}

// render gives the source between two offsets with the edits in it, which it
// takes off the front of rest.
func (f *finder) render(start, end int, rest *[]*edit) string {
	var out strings.Builder
	at := start
	for len(*rest) > 0 && (*rest)[0].end <= end {
		e := (*rest)[0]
		*rest = (*rest)[1:]
		out.Write(f.src[at:e.start])
		out.WriteString(e.put(f.render(e.start, e.end, rest)))
		at = e.end
	}
	out.Write(f.src[at:end])
	return out.String()
}

// put gives the code that is the original unless it is the turn of one of the
// edit's mutants. An alternative holds the original operands: no two mutants
// are ever active together.
func (e *edit) put(original string) string {
	var out strings.Builder
	switch e.form {
	case condition:
		out.WriteString("(")
		for _, m := range e.mutants {
			fmt.Fprintf(&out, "%s(%d) && (%s) || ", isActive, m.id, m.alt)
		}
		fmt.Fprintf(&out, "%s(%d, %d) && (%s))", notActive, e.mutants[0].id, e.mutants[len(e.mutants)-1].id, original)
	case value:
		fmt.Fprintf(&out, "func() %s { ", e.typ)
		for _, m := range e.mutants {
			fmt.Fprintf(&out, "if %s(%d) { return %s }; ", isActive, m.id, m.alt)
		}
		fmt.Fprintf(&out, "return %s }()", original)
	case statement:
		for _, m := range e.mutants {
			fmt.Fprintf(&out, "if %s(%d) { %s } else ", isActive, m.id, m.alt)
		}
		fmt.Fprintf(&out, "{ %s }", original)
	case post:
		m := e.mutants[0]
		fmt.Fprintf(&out, "func() { if %s(%d) { %s } else { %s } }()", isActive, m.id, m.alt, original)
	}
	return out.String()
}
