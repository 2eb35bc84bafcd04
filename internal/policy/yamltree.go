package policy

import (
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/lexer"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"
)

// yamlKind is what a node is. Scalars are told apart as the YAML 1.2 core
// schema does it: `no` and `on` are text.
type yamlKind uint8

const (
	yamlText yamlKind = 1 + iota
	yamlInteger
	yamlFloat
	yamlBoolean
	yamlNull
	yamlList
	yamlMapping
)

// String is what messages call the kind.
func (k yamlKind) String() string {
	return [...]string{"nothing", "text", "a number", "a fraction", "a truth value", "nothing", "a list", "a mapping"}[k]
}

// yamlNode is a node of a document: what is left of YAML once everything that
// the policy language leaves out is refused.
type yamlNode struct {
	position
	kind  yamlKind
	text  string     // scalars: the value; numbers as they are written
	items []yamlNode // lists
	pairs []yamlPair // mappings, in order; no key twice
}

type yamlPair struct{ key, value yamlNode }

// pairOf gives the pair with that key; nil if there is none.
func pairOf(pairs []yamlPair, key string) *yamlPair {
	for i := range pairs {
		if pairs[i].key.text == key {
			return &pairs[i]
		}
	}
	return nil
}

// yamlReader makes trees of the YAML of one file. It is the only code that
// knows the YAML library.
type yamlReader struct {
	*reporter
	source *sourceText
}

// documents reads all documents of a file. Documents without content are left
// out. Faults are reported; what is returned beside them is incomplete.
func (y yamlReader) documents() (trees []yamlNode) {
	// The library has been seen to panic on hostile input.
	defer func() {
		if p := recover(); p != nil {
			trees = nil
			y.fault(position{source: y.source}, "", "not readable as YAML (%v)", p)
		}
	}()
	if !y.fewSigns() {
		return nil
	}
	tokens := lexer.Tokenize(hideColons(y.source.text))
	if !y.bounded(tokens) {
		return nil
	}
	file, err := parser.Parse(tokens, 0, parser.AllowDuplicateMapKey())
	if err != nil {
		y.syntaxError(err)
		return nil
	}
	for _, d := range file.Docs {
		if d == nil || d.Body == nil {
			continue
		}
		switch d.Body.(type) {
		case *ast.CommentGroupNode, *ast.CommentNode:
		default:
			trees = append(trees, y.node(d.Body))
		}
	}
	return trees
}

// syntaxError reports a fault that the library found.
func (y yamlReader) syntaxError(err error) {
	var at interface {
		GetToken() *token.Token
		GetMessage() string
	}
	if !errors.As(err, &at) {
		y.fault(position{source: y.source}, "", "not readable as YAML (%v)", err)
		return
	}
	hint := ""
	switch message := at.GetMessage(); {
	case strings.Contains(message, "mapping value is not allowed"):
		hint = `put "quotes" around a text with a colon, and indent the keys of one mapping alike`
	case strings.Contains(message, "non-map value is specified"):
		hint = "a key has a colon behind it; indent the rest of a text that goes on"
	}
	y.fault(y.position(at.GetToken()), hint, "not readable as YAML: %s", showColons(at.GetMessage()))
}

// hiddenColon stands for a colon while the library reads. No file holds it:
// it is no character.
const hiddenColon = '\ufdd0'

// hideColons replaces the colons that are part of a plain text by the rules of
// YAML 1.2: within braces the library takes `::/0`, `fc00::/7` and `set:x` for
// mappings. Elsewhere hiding them changes nothing.
func hideColons(text string) string {
	var b strings.Builder
	b.Grow(len(text) + len(text)/16)
	before := byte('\n')
	for i := range len(text) {
		c := text[i]
		// A colon right behind a quoted key, or before a blank, is an indicator.
		if c == ':' && i+1 < len(text) && strings.IndexByte(" \t\n,[]{}", text[i+1]) < 0 && strings.IndexByte(`"'}]`, before) < 0 {
			b.WriteRune(hiddenColon)
		} else {
			b.WriteByte(c)
		}
		before = c
	}
	return b.String()
}

func showColons(text string) string { return strings.ReplaceAll(text, string(hiddenColon), ":") }

// position is where a token stands. Tokens of the library may lack a position.
func (y yamlReader) position(t *token.Token) position {
	p := position{source: y.source}
	if t == nil || t.Position == nil {
		return p
	}
	p.line = min(max(1, t.Position.Line), len(y.source.lines))
	line := y.source.lines[p.line-1]
	p.column = min(max(1, t.Position.Column), utf8.RuneCountInString(line)+1)
	p.width = 1
	switch t.Type {
	case token.DoubleQuoteType, token.SingleQuoteType:
		// Up to the closing quote, as far as it is on this line.
		rest := string([]rune(line)[p.column-1:])
		quote := rest[:min(1, len(rest))]
		if end := strings.Index(rest[len(quote):], quote); quote != "" && end >= 0 {
			p.width = utf8.RuneCountInString(rest[:end+2])
		}
	default:
		first, _, _ := strings.Cut(strings.TrimSpace(t.Value), "\n")
		p.width = min(max(1, utf8.RuneCountInString(first)), max(1, utf8.RuneCountInString(line)-p.column+1))
	}
	return p
}

// node makes a tree of a node. What the language leaves out is reported, and
// read on below where that makes sense, so that other faults show too.
func (y yamlReader) node(n ast.Node) yamlNode {
	if n == nil {
		return yamlNode{position: position{source: y.source}, kind: yamlNull}
	}
	at := y.position(n.GetToken())
	switch n := n.(type) {
	case *ast.StringNode:
		return yamlNode{position: at, kind: yamlText, text: showColons(n.Value)}
	case *ast.LiteralNode:
		return yamlNode{position: at, kind: yamlText, text: showColons(n.Value.Value)}
	case *ast.IntegerNode:
		return yamlNode{position: at, kind: yamlInteger, text: n.GetToken().Value}
	case *ast.FloatNode, *ast.InfinityNode, *ast.NanNode:
		return yamlNode{position: at, kind: yamlFloat, text: n.GetToken().Value}
	case *ast.BoolNode:
		return yamlNode{position: at, kind: yamlBoolean, text: strings.ToLower(n.GetToken().Value)}
	case *ast.NullNode:
		return yamlNode{position: at, kind: yamlNull}
	case *ast.SequenceNode:
		list := yamlNode{position: at, kind: yamlList, items: make([]yamlNode, 0, len(n.Values))}
		for _, v := range n.Values {
			list.items = append(list.items, y.node(v))
		}
		return list
	case *ast.MappingNode:
		return y.mapping(at, n.Values)
	case *ast.MappingValueNode:
		return y.mapping(at, []*ast.MappingValueNode{n})
	}
	return y.refused(at, n)
}

// refused reports YAML that the policy language leaves out: it makes a policy
// mean something else than what stands there.
func (y yamlReader) refused(at position, n ast.Node) yamlNode {
	switch n := n.(type) {
	case *ast.AliasNode:
		at.width = 1
		y.fault(at, `write it out, or put "quotes" around a text that begins with *`, "aliases are not part of the policy language")
	case *ast.AnchorNode:
		at.width = 1
		y.fault(at, `write it out, or put "quotes" around a text that begins with &`, "anchors are not part of the policy language")
		return y.node(n.Value)
	case *ast.TagNode:
		y.fault(at, "remove it", "tags are not part of the policy language")
		return y.node(n.Value)
	case *ast.DirectiveNode:
		y.fault(at, "remove it", "directives are not part of the policy language")
	default:
		y.fault(at, "", "not part of the policy language: %s", n.Type())
	}
	return yamlNode{position: at, kind: yamlNull, text: refusedText}
}

// refusedText marks a node whose fault is reported already.
const refusedText = "\x00refused"

func (n yamlNode) isRefused() bool { return n.text == refusedText }

// fewKeys are compared one by one: that costs less than a map of them.
const fewKeys = 16

func (y yamlReader) mapping(at position, values []*ast.MappingValueNode) yamlNode {
	m := yamlNode{position: at, kind: yamlMapping, pairs: make([]yamlPair, 0, len(values))}
	var places map[string]int // of keys in m.pairs, where there are many
	if len(values) > fewKeys {
		places = make(map[string]int, len(values))
	}
	for _, v := range values {
		key := y.key(v.Key)
		value := y.node(v.Value)
		if value.line == 0 {
			value.position = key.position
		}
		if key.isRefused() {
			continue
		}
		first := pairOf(m.pairs[:min(len(m.pairs), fewKeys)], key.text)
		if place, ok := places[key.text]; ok {
			first = &m.pairs[place]
		}
		if first != nil {
			y.fault(key.position, fmt.Sprintf("the first one is in line %d", first.key.line), "key %q stands here twice", key.text)
			continue
		}
		if places != nil {
			places[key.text] = len(m.pairs)
		}
		m.pairs = append(m.pairs, yamlPair{key, value})
	}
	// A block mapping has no token of its own: it stands where it begins.
	if len(m.pairs) > 0 && (at.line == 0 || m.pairs[0].key.compare(at) < 0) {
		m.position = m.pairs[0].key.position
	}
	return m
}

// compare orders positions of one file.
func (p position) compare(o position) int {
	if p.line != o.line {
		return p.line - o.line
	}
	return p.column - o.column
}

func (y yamlReader) key(k ast.MapKeyNode) yamlNode {
	switch k := k.(type) {
	case *ast.StringNode:
		return yamlNode{position: y.position(k.GetToken()), kind: yamlText, text: showColons(k.Value)}
	case *ast.MergeKeyNode:
		y.fault(y.position(k.GetToken()), "write the keys out", "merge keys are not part of the policy language")
	case nil:
		y.fault(position{source: y.source}, "", "a key is missing")
	default:
		y.fault(y.position(k.GetToken()), `put "quotes" around it`, "a key must be text")
	}
	return yamlNode{kind: yamlNull, text: refusedText}
}
