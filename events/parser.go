package events

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"
)

// Bounds of one record. CloudTrail gives requestParameters and
// responseElements 100 KB each, EventBridge takes 256 KB, SQS 1 MiB; the
// deepest real record seen has 11 levels.
const (
	maxRecord = 1 << 20 // bytes
	maxDepth  = 64      // objects and arrays within each other
	maxValues = 1 << 17 // values in one record, names not counted
)

// syntaxError is where and why a text is not the JSON that we take.
type syntaxError struct {
	at     int // byte, from 0
	reason string
}

func (e *syntaxError) Error() string { return fmt.Sprintf("byte %d: %s", e.at, e.reason) }

// parser reads one JSON value strictly (RFC 8259) and remembers repeated
// names, which encoding/json forgets. Depth and number of values are bounded.
type parser struct {
	data   string
	at     int
	values int
	open   []member // members read so far of the objects and arrays around p.at
}

// parse reads data as exactly one JSON value.
func parse(data []byte) (value, *syntaxError) {
	if len(data) > maxRecord {
		return value{}, &syntaxError{maxRecord, fmt.Sprintf("%d bytes are more than a record may have (%d)", len(data), maxRecord)}
	}
	p := parser{data: string(data), open: make([]member, 0, min(64, len(data)/16))}
	v, err := p.value(0)
	if err != nil {
		return value{}, err
	}
	if p.space(); p.at != len(data) {
		return value{}, p.fail("text after the end of the value")
	}
	return v, nil
}

func (p *parser) fail(reason string) *syntaxError { return &syntaxError{p.at, reason} }

func (p *parser) space() {
	for p.at < len(p.data) {
		switch p.data[p.at] {
		case ' ', '\t', '\n', '\r':
			p.at++
		default:
			return
		}
	}
}

// next skips white space and gives the byte after it; 0 at the end.
func (p *parser) next() byte {
	p.space()
	if p.at == len(p.data) {
		return 0
	}
	return p.data[p.at]
}

func (p *parser) value(depth int) (value, *syntaxError) {
	if p.values++; p.values > maxValues {
		return value{}, p.fail(fmt.Sprintf("more than %d values", maxValues))
	}
	switch c := p.next(); {
	case c == '{':
		return p.object(depth + 1)
	case c == '[':
		return p.array(depth + 1)
	case c == '"':
		return p.text()
	case c == '-' || '0' <= c && c <= '9':
		return p.number()
	case c == 't':
		return p.literal("true", boolean)
	case c == 'f':
		return p.literal("false", boolean)
	case c == 'n':
		return p.literal("null", null)
	case p.at == len(p.data):
		return value{}, p.fail("ends where a value is expected")
	}
	return value{}, p.fail("no JSON value begins here")
}

func (p *parser) object(depth int) (value, *syntaxError) {
	if depth > maxDepth {
		return value{}, p.fail(fmt.Sprintf("nested more than %d deep", maxDepth))
	}
	p.at++
	if p.next() == '}' {
		p.at++
		return value{kind: object}, nil
	}
	first := len(p.open)
	for {
		if p.next() != '"' {
			return value{}, p.fail("a name in quotes is expected")
		}
		name, err := p.text()
		if err != nil {
			return value{}, err
		}
		if p.next() != ':' {
			return value{}, p.fail("':' is expected")
		}
		p.at++
		inner, err := p.value(depth)
		if err != nil {
			return value{}, err
		}
		p.open = append(p.open, member{name.string(), inner})
		more, err := p.separator('}')
		if err != nil {
			return value{}, err
		}
		if !more {
			v := value{kind: object, members: p.take(first)}
			v.twice = repeatedName(v.members)
			return v, nil
		}
	}
}

func (p *parser) array(depth int) (value, *syntaxError) {
	if depth > maxDepth {
		return value{}, p.fail(fmt.Sprintf("nested more than %d deep", maxDepth))
	}
	p.at++
	if p.next() == ']' {
		p.at++
		return value{kind: array}, nil
	}
	first := len(p.open)
	for {
		inner, err := p.value(depth)
		if err != nil {
			return value{}, err
		}
		p.open = append(p.open, member{value: inner})
		more, err := p.separator(']')
		if err != nil {
			return value{}, err
		}
		if !more {
			return value{kind: array, members: p.take(first)}, nil
		}
	}
}

// take gives the members from first on to the object or array that ends here.
func (p *parser) take(first int) []member {
	members := slices.Clone(p.open[first:])
	p.open = p.open[:first]
	return members
}

// separator reads a comma (true) or the closing bracket (false).
func (p *parser) separator(closing byte) (bool, *syntaxError) {
	switch p.next() {
	case ',':
		p.at++
		return true, nil
	case closing:
		p.at++
		return false, nil
	}
	if p.at == len(p.data) {
		return false, p.fail("ends within an object or array")
	}
	return false, p.fail(fmt.Sprintf("',' or '%c' is expected", closing))
}

func (p *parser) text() (value, *syntaxError) {
	start := p.at
	v := value{kind: text}
	for p.at++; p.at < len(p.data); p.at++ {
		switch c := p.data[p.at]; {
		case c == '"':
			p.at++
			v.raw = p.data[start:p.at]
			if !utf8.ValidString(v.raw) {
				p.at = start
				return value{}, p.fail("text is not valid UTF-8")
			}
			return v, nil
		case c == '\\':
			v.escaped = true
			if err := p.escape(); err != nil {
				return value{}, err
			}
		case c < ' ':
			return value{}, p.fail("control character in a text")
		}
	}
	return value{}, p.fail("ends within a text")
}

// escape checks the escape sequence at p.at and stops at its last byte.
func (p *parser) escape() *syntaxError {
	if p.at++; p.at == len(p.data) {
		return p.fail("ends within a text")
	}
	if p.data[p.at] != 'u' {
		if strings.IndexByte(`"\/bfnrt`, p.data[p.at]) < 0 {
			return p.fail("unknown escape in a text")
		}
		return nil
	}
	for range 4 {
		if p.at++; p.at == len(p.data) {
			return p.fail("ends within a text")
		}
		if c := lower(p.data[p.at]); (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return p.fail("unknown escape in a text")
		}
	}
	return nil
}

func (p *parser) number() (value, *syntaxError) {
	start := p.at
	if p.data[p.at] == '-' {
		p.at++
	}
	zero := p.at < len(p.data) && p.data[p.at] == '0'
	whole := p.digits()
	ok := whole == 1 || whole > 1 && !zero
	if p.at < len(p.data) && p.data[p.at] == '.' {
		p.at++
		ok = p.digits() > 0 && ok
	}
	if p.at < len(p.data) && lower(p.data[p.at]) == 'e' {
		if p.at++; p.at < len(p.data) && (p.data[p.at] == '+' || p.data[p.at] == '-') {
			p.at++
		}
		ok = p.digits() > 0 && ok
	}
	if !ok {
		p.at = start
		return value{}, p.fail("malformed number")
	}
	return value{kind: number, raw: p.data[start:p.at]}, nil
}

// digits reads decimal digits and counts them.
func (p *parser) digits() int {
	start := p.at
	for p.at < len(p.data) && '0' <= p.data[p.at] && p.data[p.at] <= '9' {
		p.at++
	}
	return p.at - start
}

func (p *parser) literal(word string, k kind) (value, *syntaxError) {
	if !strings.HasPrefix(p.data[p.at:], word) {
		return value{}, p.fail("no JSON value begins here")
	}
	v := value{kind: k, raw: p.data[p.at : p.at+len(word)]}
	p.at += len(word)
	return v, nil
}

// repeatedName finds a name that stands twice; "" = none.
func repeatedName(members []member) string {
	if len(members) <= 24 { // few names: comparing beats hashing
		for i := range members {
			for j := range i {
				if sameName(members[i].name, members[j].name) {
					return members[i].name
				}
			}
		}
		return ""
	}
	seen := make(map[string]bool, len(members))
	for _, m := range members {
		low := lowerName(m.name)
		if seen[low] {
			return m.name
		}
		seen[low] = true
	}
	return ""
}
