package policy

import "strings"

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
	kind    yamlKind
	refused bool       // its fault is reported already; kind is yamlNull
	text    string     // scalars: the value; numbers as they are written
	items   []yamlNode // lists
	pairs   []yamlPair // mappings, in order; no key twice
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

func refusedNode(at position) yamlNode {
	return yamlNode{position: at, kind: yamlNull, refused: true}
}

// plainNode is a scalar without quotes.
func plainNode(at position, text string) yamlNode {
	switch text {
	case "null", "Null", "NULL", "~":
		return yamlNode{position: at, kind: yamlNull}
	case "true", "True", "TRUE", "false", "False", "FALSE":
		return yamlNode{position: at, kind: yamlBoolean, text: strings.ToLower(text)}
	}
	return yamlNode{position: at, kind: numberKind(text), text: text}
}

// numberKind tells numbers of the core schema from text.
func numberKind(text string) yamlKind {
	if text == "" || strings.IndexByte("+-."+digits, text[0]) < 0 {
		return yamlText
	}
	if hex, ok := strings.CutPrefix(text, "0x"); ok && hex != "" && only(hex, digits+"abcdefABCDEF") {
		return yamlInteger
	}
	if octal, ok := strings.CutPrefix(text, "0o"); ok && octal != "" && only(octal, "01234567") {
		return yamlInteger
	}
	unsigned := text
	if text[0] == '+' || text[0] == '-' {
		unsigned = text[1:]
	}
	switch unsigned {
	case ".inf", ".Inf", ".INF":
		return yamlFloat
	case "":
		return yamlText
	}
	if text == ".nan" || text == ".NaN" || text == ".NAN" {
		return yamlFloat
	}
	rest := strings.TrimLeft(unsigned, digits)
	if rest == "" {
		return yamlInteger
	}
	whole := len(unsigned) - len(rest)
	if rest[0] == '.' {
		fraction := strings.TrimLeft(rest[1:], digits)
		if whole == 0 && len(fraction) == len(rest)-1 {
			return yamlText // no digit at all
		}
		rest, whole = fraction, 1
	}
	if rest == "" {
		return yamlFloat
	}
	exponent := strings.TrimLeft(rest[1:], "+-")
	if whole > 0 && (rest[0] == 'e' || rest[0] == 'E') && len(rest)-len(exponent) <= 2 && exponent != "" && only(exponent, digits) {
		return yamlFloat
	}
	return yamlText
}
