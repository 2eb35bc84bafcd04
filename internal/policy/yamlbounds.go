package policy

import "github.com/goccy/go-yaml/token"

// The YAML library recurses without bound, by depth and by the keys of a
// mapping, and its work grows with the square of both and of the entries in
// brackets: 120,000 nested lists fit into a file of MaxSource and cost a minute
// and a gigabyte. These bounds, with maxLine, are far above what a policy needs.
// Any file is read or refused within a tenth of a second: BenchmarkHostileFiles
// prints how long the worst known ones take.
const (
	maxDepth     = 40
	maxKeys      = 2000 // of one mapping, or list in brackets
	maxDocuments = 500
	maxSigns     = 25_000 // lines, brackets, commas and the like, of one file
	maxRefused   = 100    // tags, anchors, aliases, complex keys: no policy has any
)

// fewSigns checks, before the library reads a byte, that it will not find too
// many tokens: each but the last stands before one of the signs counted here.
func (y yamlReader) fewSigns() bool {
	signs := 0
	for i, line := range y.source.lines {
		signs++
		for k := range len(line) {
			switch line[k] {
			case '[', ']', '{', '}', ',', '"', '\'', '!', '&', '*':
				signs++
			case ':', '-', '?':
				if k+1 == len(line) || line[k+1] == ' ' || line[k+1] == '\t' {
					signs++
				}
			}
		}
		if signs > maxSigns {
			y.fault(position{y.source, i + 1, 1, 1}, "split the file", "more than %d lines, brackets, commas and other signs in one file", maxSigns)
			return false
		}
	}
	return true
}

// bounded checks the bounds on the tokens, before they are parsed. It reports
// the first breach.
func (y yamlReader) bounded(tokens token.Tokens) bool {
	var columns []openColumn // of block lists and mappings around the token
	var brackets []int       // entries of those that are open
	flow, documents, refused := 0, 1, 0
	for i, t := range tokens {
		switch t.Type {
		case token.TagType, token.AnchorType, token.AliasType, token.MappingKeyType, token.DirectiveType, token.MergeKeyType:
			refused++
		}
		switch t.Type {
		case token.SequenceStartType, token.MappingStartType:
			flow++
			brackets = append(brackets, 1)
		case token.SequenceEndType, token.MappingEndType:
			flow = max(0, flow-1)
			brackets = brackets[:flow]
		case token.CollectEntryType:
			if flow > 0 {
				brackets[flow-1]++
			}
		case token.DocumentHeaderType, token.DocumentEndType:
			columns, brackets, flow = nil, nil, 0
			documents++
		case token.SequenceEntryType, token.MappingKeyType:
			columns = open(columns, t.Position.Column, flow)
		case token.MappingValueType:
			if i > 0 {
				columns = open(columns, tokens[i-1].Position.Column, flow)
			}
		}
		switch {
		case len(columns)+flow > maxDepth:
			y.fault(y.position(t), "", "nested deeper than %d levels", maxDepth)
			return false
		case flow == 0 && len(columns) > 0 && columns[len(columns)-1].entries > maxKeys && t.Type == token.MappingValueType:
			y.fault(y.position(t), "", "more than %d keys in one mapping", maxKeys)
			return false
		case flow > 0 && brackets[flow-1] > maxKeys:
			y.fault(y.position(t), "", "more than %d entries in one list or mapping in brackets", maxKeys)
			return false
		case refused > maxRefused:
			y.fault(y.position(t), "remove them", "more than %d tags, anchors, aliases and the like", maxRefused)
			return false
		case documents > maxDocuments:
			y.fault(y.position(t), "split the file", "more than %d documents in one file", maxDocuments)
			return false
		}
	}
	return true
}

// openColumn is a block list or mapping that is open at a place.
type openColumn struct{ column, entries int }

// open notes an entry at a column: deeper columns are closed by it. Within
// brackets columns mean nothing.
func open(columns []openColumn, column, flow int) []openColumn {
	if flow > 0 {
		return columns
	}
	for len(columns) > 0 && columns[len(columns)-1].column > column {
		columns = columns[:len(columns)-1]
	}
	if n := len(columns); n > 0 && columns[n-1].column == column {
		columns[n-1].entries++
		return columns
	}
	return append(columns, openColumn{column, 1})
}
