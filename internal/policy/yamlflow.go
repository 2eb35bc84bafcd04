package policy

import "strings"

// flowSigns end a plain text within brackets and braces.
const flowSigns = ",[]{}"

// brackets reads a list in brackets or a mapping in braces. Lines and
// indentation mean nothing within.
func (y *yamlReader) brackets() yamlNode {
	at, braces := y.place(y.at, y.at+1), y.line()[y.at] == '{'
	items, pairs := len(y.items), len(y.pairs)
	closing := byte(']')
	if braces {
		closing = '}'
	}
	y.at++
	for more := y.deeper(at); more; more = y.comma(closing) {
		if !y.next() || y.line()[y.at] == closing {
			break
		}
		y.entry(braces)
	}
	if y.ended() || !y.next() {
		y.syntax(at, "", "what begins here is not closed with %c", closing)
	} else {
		y.at++
	}
	if braces {
		return y.mappingOf(at, pairs)
	}
	return y.listOf(at, items)
}

// comma goes over the comma behind an entry, and reports whether there is one.
func (y *yamlReader) comma(closing byte) bool {
	if !y.next() {
		return false
	}
	switch sign := y.line()[y.at]; sign {
	case ',':
		y.at++
		return true
	case closing:
	default:
		y.syntax(y.place(y.at, y.at+1), "", "there must be , or %c here", closing)
	}
	return false
}

// entry reads an entry of brackets or braces. In brackets KEY: VALUE is a
// mapping of its own.
func (y *yamlReader) entry(braces bool) {
	y.more()
	if y.broken {
		return
	}
	row, quoted := y.row, strings.IndexByte(`"'[{`, y.line()[y.at]) >= 0
	key := y.within()
	if y.row != row || !y.colonWithin(quoted) {
		if !braces {
			y.items = append(y.items, key)
			return
		}
		value := yamlNode{position: key.position, kind: yamlNull}
		y.pairs = append(y.pairs, yamlPair{y.key(key), value})
		return
	}
	y.at++
	value := yamlNode{position: y.place(y.at, y.at), kind: yamlNull}
	key = y.key(key)
	if y.next() && strings.IndexByte(",]}", y.line()[y.at]) < 0 {
		value = y.within()
	}
	first := len(y.pairs)
	y.pairs = append(y.pairs, yamlPair{key, value})
	if !braces {
		y.deeper(key.position)
		y.items = append(y.items, y.mappingOf(key.position, first))
	}
}

// colonWithin goes to the colon behind a key within brackets, and reports
// whether there is one. Behind quotes and brackets it needs no blank.
func (y *yamlReader) colonWithin(quoted bool) bool {
	line, at := y.line(), y.at
	for at < len(line) && isBlank(line[at]) {
		at++
	}
	if at == len(line) || line[at] != ':' {
		return false
	}
	if !quoted && at+1 < len(line) && !isBlank(line[at+1]) && strings.IndexByte(flowSigns, line[at+1]) < 0 {
		return false
	}
	y.at = at
	return true
}

// within reads a node within brackets.
func (y *yamlReader) within() yamlNode {
	for y.properties(); !y.onLine(); y.properties() {
		at := y.place(y.at, y.at)
		if !y.next() {
			return yamlNode{position: at, kind: yamlNull}
		}
	}
	switch c := y.line()[y.at]; {
	case c == ',', c == ']', c == '}':
		at := y.place(y.at, y.at+1)
		y.syntax(at, "", "an entry is missing before %c", c)
		return yamlNode{position: at, kind: yamlNull}
	case y.has('-'):
		at := y.place(y.at, y.at+1)
		y.syntax(at, `separate the entries of brackets by commas, and put "quotes" around a text that begins with -`, "a list with dashes within brackets")
		return yamlNode{position: at, kind: yamlNull}
	}
	from := y.at
	n, plain := y.inLine(true)
	if plain {
		n = y.goesOn(n, from, -1, true)
	}
	return n
}
