package policy

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"
)

// yamlReader makes trees of the YAML of files, one after the other: of all of
// YAML 1.2 but tags, anchors and aliases, directives, and keys that are no
// text, which make a policy mean something else than what stands there.
//
// It goes once through the lines of a file that newSourceText found in order.
// A fault of syntax ends the file: what follows it cannot be relied upon. The
// reader goes to the end then, so that all that is open finds nothing more.
type yamlReader struct {
	*reporter
	source  *sourceText
	row, at int // of lines, and bytes of it: what is read next
	depth   int
	values  int
	broken  bool // a fault of syntax was reported

	// What was last counted of a line: columns are characters.
	countedRow, countedAt, countedColumns int

	// What was read of the collections that are open, the innermost last: each
	// takes no more than it needs once its size is known.
	items []yamlNode
	pairs []yamlPair
}

// Far above what a policy needs: any file is read or refused within a tenth of
// a second. BenchmarkHostileFiles prints how long the worst known ones take.
const (
	maxDepth  = 40     // of lists and mappings
	maxValues = 25_000 // of one file
)

// read gives the documents of a file. Documents without content are left out.
// Faults are reported; what is returned beside them is incomplete, and nothing
// after a fault of syntax.
func (y *yamlReader) read(source *sourceText, r *reporter) (trees []yamlNode) {
	*y = yamlReader{reporter: r, source: source, items: y.items[:0], pairs: y.pairs[:0]}
	begins, bare := true, true // a document may begin here, also one without a marker, or directives
	for {
		switch more := y.next(); {
		case more && bare && y.at == 0 && y.line()[0] == '%':
			y.fault(y.place(0, 1), "remove it", "directives are not part of the policy language")
			y.row++
		case more && !begins:
			y.unexpected()
		case more:
			trees = append(trees, y.node(-1, false))
			begins, bare = false, false
		case y.broken:
			return nil
		case y.ended():
			return trees
		default:
			bare = y.line()[0] == '.'
			begins, y.at = true, len("---")
			if y.more(); bare && y.onLine() {
				y.unexpected()
			}
		}
	}
}

// ended reports whether the file has been read.
func (y *yamlReader) ended() bool { return y.row >= len(y.source.lines) }

// line is the one that is read; empty at the end.
func (y *yamlReader) line() string {
	if y.ended() {
		return ""
	}
	return y.source.lines[y.row]
}

// onLine goes over blanks and a comment, and reports whether anything else
// stands on the line.
func (y *yamlReader) onLine() bool {
	line := y.line()
	for y.at < len(line) && isBlank(line[y.at]) {
		y.at++
	}
	if y.at < len(line) && line[y.at] == '#' && (y.at == 0 || isBlank(line[y.at-1])) {
		y.at = len(line)
	}
	return y.at < len(line)
}

// next goes to what stands next in the document, on this line or below it. It
// reports whether there is anything.
func (y *yamlReader) next() bool {
	for !y.ended() {
		if y.onLine() {
			return y.at > 0 || !isMarker(y.line())
		}
		y.row, y.at = y.row+1, 0
	}
	return false
}

// fresh reports whether nothing but blanks stands before what is next.
func (y *yamlReader) fresh() bool { return strings.Trim(y.line()[:y.at], " \t") == "" }

// has reports whether a sign that counts only before a blank is next.
func (y *yamlReader) has(sign byte) bool {
	line := y.line()
	return y.at < len(line) && line[y.at] == sign && (y.at+1 == len(line) || isBlank(line[y.at+1]))
}

func isBlank(c byte) bool { return c == ' ' || c == '\t' }

// isMarker reports whether a line begins or ends a document.
func isMarker(line string) bool {
	return (strings.HasPrefix(line, "---") || strings.HasPrefix(line, "...")) && (len(line) == 3 || isBlank(line[3]))
}

// place is where a part of the line stands.
func (y *yamlReader) place(from, to int) position {
	line := y.line()
	if y.row != y.countedRow || from < y.countedAt {
		y.countedRow, y.countedAt, y.countedColumns = y.row, 0, 0
	}
	y.countedColumns += utf8.RuneCountInString(line[y.countedAt:from])
	y.countedAt = from
	return position{y.source, y.row + 1, y.countedColumns + 1, max(1, utf8.RuneCountInString(line[from:to]))}
}

// syntax reports a fault that leaves the rest of the file without a meaning.
func (y *yamlReader) syntax(at position, hint, format string, args ...any) {
	y.end(at, hint, "not readable as YAML: "+format, args...)
}

// end reports a fault after which nothing more is read.
func (y *yamlReader) end(at position, hint, format string, args ...any) {
	if !y.broken {
		y.fault(at, hint, format, args...)
	}
	y.broken, y.row, y.at = true, len(y.source.lines), 0
}

// unexpected reports what nothing before it goes on with.
func (y *yamlReader) unexpected() {
	line := y.line()
	at := y.place(y.at, y.at+max(1, plainEnd(line[y.at:], false)))
	switch {
	case line[y.at] == '#':
		y.syntax(at, "put a blank before #", "a comment stands right behind something else")
	case !y.fresh():
		y.syntax(at, `put "quotes" around the whole of a text`, "there is something behind the end of a value")
	default:
		y.syntax(at, "indent the keys of one mapping alike, and the entries of one list", "the indentation fits to nothing above")
	}
}

// deeper notes a list or mapping that begins at a place. It reports whether it
// may be there.
func (y *yamlReader) deeper(at position) bool {
	if y.depth++; y.depth > maxDepth {
		y.end(at, "", "nested deeper than %d levels", maxDepth)
	}
	return !y.broken
}

// more notes an entry of a list or mapping.
func (y *yamlReader) more() {
	if y.values++; y.values > maxValues {
		y.end(position{y.source, y.row + 1, 1, 1}, "split the file", "more than %d values in one file", maxValues)
	}
}

// properties goes over tags and anchors, and reports them. What follows is read
// all the same, so that other faults show too.
func (y *yamlReader) properties() {
	for y.onLine() {
		line := y.line()
		end := y.at + 1
		for end < len(line) && !isBlank(line[end]) && strings.IndexByte(flowSigns, line[end]) < 0 {
			end++
		}
		switch line[y.at] {
		case '&':
			y.fault(y.place(y.at, y.at+1), `write it out, or put "quotes" around a text that begins with &`, "anchors are not part of the policy language")
		case '!':
			y.fault(y.place(y.at, end), "remove it", "tags are not part of the policy language")
		default:
			return
		}
		y.at = end
	}
}

// alias goes over an alias, and reports it.
func (y *yamlReader) alias() yamlNode {
	at := y.place(y.at, y.at+1)
	y.fault(at, `write it out, or put "quotes" around a text that begins with *`, "aliases are not part of the policy language")
	line := y.line()
	for y.at++; y.at < len(line) && !isBlank(line[y.at]) && strings.IndexByte(flowSigns, line[y.at]) < 0; {
		y.at++
	}
	return refusedNode(at)
}

// key checks what stands before a colon.
func (y *yamlReader) key(n yamlNode) yamlNode {
	switch {
	case n.refused:
	case n.kind != yamlText:
		y.fault(n.position, `put "quotes" around it`, "a key must be text")
		return refusedNode(n.position)
	case n.text == "<<" && n.width == len("<<"): // without quotes
		y.fault(n.position, "write the keys out", "merge keys are not part of the policy language")
		return refusedNode(n.position)
	}
	return n
}

// fewKeys are compared one by one: that costs less than a map of them.
const fewKeys = 16

// mappingOf takes the pairs from first on for a mapping.
func (y *yamlReader) mappingOf(at position, first int) yamlNode {
	read := y.pairs[first:]
	m := yamlNode{position: at, kind: yamlMapping, pairs: make([]yamlPair, 0, len(read))}
	var places map[string]int // of keys in m.pairs, where there are many
	if len(read) > fewKeys {
		places = make(map[string]int, len(read))
	}
	for i := range read {
		key := &read[i].key
		if key.refused {
			continue
		}
		earlier := pairOf(m.pairs[:min(len(m.pairs), fewKeys)], key.text)
		if place, ok := places[key.text]; ok {
			earlier = &m.pairs[place]
		}
		if earlier != nil {
			y.fault(key.position, fmt.Sprintf("the first one is in line %d", earlier.key.line), "key %q stands here twice", key.text)
			continue
		}
		if places != nil {
			places[key.text] = len(m.pairs)
		}
		m.pairs = append(m.pairs, read[i])
	}
	y.pairs = y.pairs[:first]
	y.depth--
	return m
}

// listOf takes the items from first on for a list.
func (y *yamlReader) listOf(at position, first int) yamlNode {
	list := yamlNode{position: at, kind: yamlList, items: slices.Clone(y.items[first:])}
	y.items = y.items[:first]
	y.depth--
	return list
}
