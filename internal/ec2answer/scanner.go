package ec2answer

import (
	"strconv"
	"strings"
	"unicode/utf8"
)

// scanner reads plain XML: elements without attributes, and text. What else
// XML can have, and what is not well formed, ends in bad; nothing that was
// read until then may be used.
type scanner struct {
	text string
	at   int
	bad  bool

	strings []string // room for texts, so that not each is an allocation of its own
}

// prolog is the one that EC2 sends.
const prolog = `<?xml version="1.0" encoding="UTF-8"?>`

// root enters the first element. It may have one attribute, its namespace.
func (s *scanner) root() (name string) {
	s.text = strings.TrimPrefix(s.text, prolog)
	s.text = strings.TrimLeft(s.text, " \t\n")
	end := strings.IndexByte(s.text, '>')
	if end < 0 || s.text[0] != '<' {
		s.bad = true
		return ""
	}
	name, attribute, has := strings.Cut(s.text[1:end], " ")
	if has {
		value, ok := strings.CutPrefix(attribute, `xmlns="`)
		value, closed := strings.CutSuffix(value, `"`)
		if !ok || !closed || strings.ContainsFunc(value, func(r rune) bool { return r <= ' ' || r >= utf8.RuneSelf || strings.ContainsRune(`"<&`, r) }) {
			s.bad = true
		}
	}
	s.at = end + 1
	s.bad = s.bad || !isName(name)
	return name
}

func isName(name string) bool {
	for i := range len(name) {
		c := name[i] | 0x20
		if (c < 'a' || c > 'z') && (i == 0 || name[i] < '0' || name[i] > '9') {
			return false
		}
	}
	return name != ""
}

// child enters the next element within parent; false at parent's end, which it
// passes. Text between elements means nothing. An element without content is
// open = false: it has no end of its own.
func (s *scanner) child(parent string) (name string, open, ok bool) {
	s.value()
	tag := s.tag()
	if s.bad {
		return "", false, false
	}
	if end, ends := strings.CutPrefix(tag, "/"); ends {
		s.bad = end != parent
		return "", false, false
	}
	name, empty := strings.CutSuffix(tag, "/")
	s.bad = !isName(name)
	return name, !empty, !s.bad
}

// tag passes what stands between < and >.
func (s *scanner) tag() string {
	end := -1
	if !s.bad && s.at < len(s.text) {
		end = strings.IndexByte(s.text[s.at:], '>')
	}
	if end < 1 {
		s.bad = true
		return ""
	}
	tag := s.text[s.at+1 : s.at+end]
	s.at += end + 1
	return tag
}

// leaf is the text of an element that holds nothing else; it passes its end.
func (s *scanner) leaf(name string, open bool) string {
	if !open {
		return ""
	}
	text := s.value()
	if end, ends := strings.CutPrefix(s.tag(), "/"); !ends || end != name {
		s.bad = true
	}
	return text
}

// leafPointer is leaf as the SDK's types keep it.
func (s *scanner) leafPointer(name string, open bool) *string {
	if len(s.strings) == cap(s.strings) {
		s.strings = make([]string, 0, 512)
	}
	s.strings = append(s.strings, s.leaf(name, open))
	return &s.strings[len(s.strings)-1]
}

func (s *scanner) number(name string, open bool) *int32 {
	n, err := strconv.ParseInt(s.leaf(name, open), 10, 32)
	s.bad = s.bad || err != nil
	short := int32(n)
	return &short
}

func (s *scanner) boolean(name string, open bool) *bool {
	b, err := strconv.ParseBool(s.leaf(name, open))
	s.bad = s.bad || err != nil
	return &b
}

// pass passes an element that means nothing here. known are the names that do:
// the SDK takes them in any case.
func (s *scanner) pass(name string, open bool, known ...string) {
	for _, k := range known {
		s.bad = s.bad || strings.EqualFold(k, name)
	}
	for open && !s.bad {
		inner, more, ok := s.child(name)
		if !ok {
			return
		}
		s.pass(inner, more)
	}
}

// value is the text up to the next element.
func (s *scanner) value() string {
	from, special := s.at, false
	for ; s.at < len(s.text) && s.text[s.at] != '<'; s.at++ {
		switch c := s.text[s.at]; {
		case c == '&', c >= utf8.RuneSelf:
			special = true
		case c < ' ' && c != '\n' && c != '\t', c == '>': // ]]> must not stand in text
			s.bad = true
		}
	}
	text := s.text[from:s.at]
	if special {
		return s.unescape(text)
	}
	return text
}

// entities are those that XML has without declaration.
var entities = map[string]string{"lt": "<", "gt": ">", "amp": "&", "quot": `"`, "apos": "'"}

// unescape resolves entities, and looks at characters beyond ASCII. Numbered
// ones are left to the SDK.
func (s *scanner) unescape(text string) string {
	if !utf8.ValidString(text) || strings.ContainsAny(text, "\ufffe\uffff") {
		s.bad = true
		return ""
	}
	var b strings.Builder
	for {
		before, rest, found := strings.Cut(text, "&")
		b.WriteString(before)
		if !found {
			return b.String()
		}
		name, after, closed := strings.Cut(rest, ";")
		meant, known := entities[name]
		if !closed || !known {
			s.bad = true
			return ""
		}
		b.WriteString(meant)
		text = after
	}
}
