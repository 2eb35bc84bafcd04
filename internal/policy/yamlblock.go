package policy

// node reads what stands next: within a block of that indentation, which is
// -1 around a document. block allows for a list or mapping that begins further
// to the right on its line, behind a dash.
func (y *yamlReader) node(indentation int, block bool) yamlNode {
	row, begins := y.row, y.at
	block = block || y.fresh()
	for y.properties(); !y.onLine(); y.properties() {
		at := y.place(y.at, y.at)
		if !y.next() || y.at <= indentation {
			return yamlNode{position: at, kind: yamlNull}
		}
		row, begins, block = y.row, y.at, true
	}
	switch line := y.line(); {
	case y.has('-'):
		if !block {
			y.syntax(y.place(y.at, y.at+1), "begin a list on the line below its key", "a list may not begin here")
			return yamlNode{kind: yamlNull}
		}
		return y.list(begins)
	case line[y.at] == '|', line[y.at] == '>':
		return y.blockText(indentation)
	}
	from := y.at
	n, plain := y.inLine(false)
	if y.row == row && y.colon() {
		if !block {
			y.syntax(n.position, `put "quotes" around a text with a colon, and indent the keys of one mapping alike`, "a mapping may not begin here")
			return n
		}
		return y.mapping(begins, n)
	}
	if plain {
		n = y.goesOn(n, from, indentation, false)
	}
	return n
}

// inLine reads what may be a key, of plain text the part on this line.
func (y *yamlReader) inLine(brackets bool) (n yamlNode, plain bool) {
	switch line := y.line(); {
	case y.broken:
		return yamlNode{kind: yamlNull}, false
	case y.has('?'):
		y.syntax(y.place(y.at, y.at+1), "write KEY: VALUE", "a key must be text")
		return yamlNode{kind: yamlNull}, false
	case y.has(':'):
		y.syntax(y.place(y.at, y.at+1), "write KEY: VALUE", "a key is missing")
		return yamlNode{kind: yamlNull}, false
	case line[y.at] == '*':
		return y.alias(), false
	case line[y.at] == '"', line[y.at] == '\'':
		return y.quoted(), false
	case line[y.at] == '[', line[y.at] == '{':
		return y.brackets(), false
	}
	return y.plain(brackets), !y.broken
}

// colon goes to the colon behind a key, and reports whether there is one.
func (y *yamlReader) colon() bool {
	line, at := y.line(), y.at
	for at < len(line) && isBlank(line[at]) {
		at++
	}
	if at < len(line) && line[at] == ':' && (at+1 == len(line) || isBlank(line[at+1])) {
		y.at = at
		return true
	}
	return false
}

// value reads what belongs to the sign that is next, a colon or a dash of a
// block of that indentation: what stands behind it, or below it.
func (y *yamlReader) value(indentation int, dash bool) yamlNode {
	y.at++
	y.more()
	nothing := yamlNode{position: y.place(y.at, y.at), kind: yamlNull}
	if y.properties(); y.onLine() {
		return y.node(indentation, dash)
	}
	switch {
	case !y.next(), y.at < indentation:
		return nothing
	case y.at > indentation:
		return y.node(indentation, true)
	case y.has('-') && !dash:
		return y.list(indentation)
	}
	return nothing
}

// list reads a list whose dashes stand at that indentation.
func (y *yamlReader) list(indentation int) yamlNode {
	at, first := y.place(y.at, y.at+1), len(y.items)
	for more := y.deeper(at); more; more = y.another(indentation) && y.has('-') {
		item := y.value(indentation, true)
		y.items = append(y.items, item)
	}
	return y.listOf(at, first)
}

// mapping reads a mapping whose keys stand at that indentation. The first one
// has been read, up to its colon.
func (y *yamlReader) mapping(indentation int, key yamlNode) yamlNode {
	at, first := key.position, len(y.pairs)
	for more := y.deeper(at); more; {
		key = y.key(key)
		value := y.value(indentation, false)
		y.pairs = append(y.pairs, yamlPair{key, value})
		if more = y.another(indentation); more {
			key, more = y.nextKey()
		}
	}
	return y.mappingOf(at, first)
}

// another goes to the next entry of a block of that indentation, and reports
// whether there is one. What belongs to no block is a fault.
func (y *yamlReader) another(indentation int) bool {
	if !y.next() {
		return false
	}
	if !y.fresh() || y.at > indentation {
		y.unexpected()
		return false
	}
	return y.at == indentation
}

// nextKey reads a key that is not the first of its mapping, up to its colon.
func (y *yamlReader) nextKey() (yamlNode, bool) {
	if y.has('-') {
		y.syntax(y.place(y.at, y.at+1), "indent the entries of a list alike, at or below their key", "an entry of a list stands among keys")
		return yamlNode{}, false
	}
	y.properties()
	row, at := y.row, y.place(y.at, y.at)
	if y.onLine() {
		n, _ := y.inLine(false)
		if y.row == row && y.colon() {
			return n, true
		}
		at = n.position
	}
	y.syntax(at, "a key has a colon behind it; indent the rest of a text that goes on", "a key without a colon")
	return yamlNode{}, false
}
