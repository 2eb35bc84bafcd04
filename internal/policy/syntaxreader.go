package policy

import (
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"unicode"
)

// syntaxReader fills the types of syntax.go from a tree, and reports what
// does not fit: unknown and missing keys, wrong types, words that are none of
// a closed list. It goes on after a fault, so that all show.
type syntaxReader struct {
	*reporter
	keys map[reflect.Type]syntaxKeys
}

// leaf is a value that reads itself. label is the key that it stands under.
type leaf interface {
	read(s *syntaxReader, n *yamlNode, label string)
}

// mapping is embedded in the structs of syntax.go: where they stand.
type mapping struct {
	position
	pairs []yamlPair
}

func (m *mapping) locate(n *yamlNode) { m.position, m.pairs = n.position, n.pairs }

// key is where a key of the mapping stands; nowhere if it is not given.
func (m *mapping) key(name string) position {
	if p := pairOf(m.pairs, name); p != nil {
		return p.key.position
	}
	return position{}
}

// into fills out, a pointer to one of the structs of syntax.go.
func (s *syntaxReader) into(out any, n *yamlNode, label string) {
	s.structure(n, reflect.ValueOf(out).Elem(), label)
}

// value reads a node into v, and reports whether it is of the right kind. What
// is not stays as if it had not been given, so that it is reported once.
func (s *syntaxReader) value(n *yamlNode, v reflect.Value, label string) bool {
	if n.refused {
		return false
	}
	if n.kind == yamlNull {
		s.fault(n.position, "give it one, or remove the key", "%s has no value", label)
		return false
	}
	if l, ok := v.Addr().Interface().(leaf); ok {
		l.read(s, n, label)
		return true
	}
	switch v.Kind() {
	case reflect.Pointer:
		p := reflect.New(v.Type().Elem())
		ok := s.value(n, p.Elem(), label)
		if ok {
			v.Set(p)
		}
		return ok
	case reflect.Slice:
		return s.list(n, v, label, 1)
	case reflect.Struct:
		return s.structure(n, v, label)
	}
	panic("no reader for " + v.Type().String())
}

// wrongType reports a node of another kind than the key wants.
func (s *syntaxReader) wrongType(n *yamlNode, label, want, hint string) {
	got := n.kind.String()
	switch n.kind {
	case yamlText:
		got = strconv.Quote(n.text)
	case yamlInteger, yamlFloat, yamlBoolean:
		got = n.text
	}
	s.fault(n.position, hint, "%s must be %s, not %s", label, want, got)
}

func (s *syntaxReader) list(n *yamlNode, v reflect.Value, label string, least int) bool {
	if n.kind != yamlList {
		hint := "put a - before each entry"
		if keys := s.keysHint(v.Type().Elem()); n.kind != yamlMapping && keys != "" {
			hint = "begin each entry with a -; " + keys
		} else if n.kind != yamlMapping {
			hint = fmt.Sprintf("write [%s]", n.text)
		}
		s.wrongType(n, label, "a list", hint)
		return false
	}
	if len(n.items) < least {
		s.fault(n.position, "add an entry, or remove the key", "%s is an empty list", label)
	}
	all := reflect.MakeSlice(v.Type(), len(n.items), len(n.items))
	right := 0
	for i := range n.items {
		if s.value(&n.items[i], all.Index(right), "an entry of "+label) {
			right++
		}
	}
	v.Set(all.Slice(0, right))
	return true
}

func (s *syntaxReader) structure(n *yamlNode, v reflect.Value, label string) bool {
	if n.kind != yamlMapping {
		s.wrongType(n, label, "a mapping", s.keysHint(v.Type()))
		return false
	}
	v.Addr().Interface().(interface{ locate(*yamlNode) }).locate(n)
	keys := s.keysOf(v.Type())
	for i := range n.pairs {
		name := n.pairs[i].key.text
		k, ok := keys.byName[name]
		if !ok {
			hint := didYouMean(name, keys.names)
			if outer := s.holderOf(name, v.Type()); outer != "" {
				hint = fmt.Sprintf("it stands under %s: {%s: {%s: ...}}", outer, outer, name)
			}
			if strings.Contains(name, ":") {
				hint = "put a blank after the colon"
			}
			s.fault(n.pairs[i].key.position, hint, "unknown key %q in %s", name, label)
			continue
		}
		s.field(&n.pairs[i].value, v.FieldByIndex(k.index), name, k)
	}
	for _, name := range keys.names {
		if keys.byName[name].required && pairOf(n.pairs, name) == nil {
			s.fault(n.position, "add "+name+": "+keys.byName[name].about, "%s lacks the key %q", label, name)
		}
	}
	return true
}

// keysHint names the keys of a mapping; "" where it is none of ours.
func (s *syntaxReader) keysHint(t reflect.Type) string {
	if _, isLeaf := reflect.New(t).Interface().(leaf); isLeaf || t.Kind() != reflect.Struct {
		return ""
	}
	return "its keys are " + strings.Join(s.keysOf(t).names, ", ")
}

// holderOf is the key of a mapping under which another key stands; "" = none.
func (s *syntaxReader) holderOf(name string, t reflect.Type) string {
	keys := s.keysOf(t)
	for _, outer := range keys.names {
		field := t.FieldByIndex(keys.byName[outer].index).Type
		if field.Kind() == reflect.Pointer && s.keysHint(field.Elem()) != "" {
			if _, ok := s.keysOf(field.Elem()).byName[name]; ok {
				return outer
			}
		}
	}
	return ""
}

// field reads what stands under a key.
func (s *syntaxReader) field(n *yamlNode, v reflect.Value, name string, k syntaxKey) {
	s.value(n, v, name)
	if w, ok := v.Addr().Interface().(*word); ok && len(k.words) > 0 {
		w.oneOf(s, name, k.words)
	}
}

// syntaxKeys are the keys of one struct of syntax.go.
type syntaxKeys struct {
	names  []string // in order
	byName map[string]syntaxKey
}

type syntaxKey struct {
	index    []int // of the field
	required bool
	words    []string // the closed list of its words; nil = free
	about    string   // what it says, or the one word that it can be
}

func (s *syntaxReader) keysOf(t reflect.Type) syntaxKeys {
	if k, ok := s.keys[t]; ok {
		return k
	}
	k := syntaxKeys{byName: map[string]syntaxKey{}}
	for _, f := range reflect.VisibleFields(t) {
		name := f.Tag.Get("json")
		if name == "" || name == "-" {
			continue
		}
		key := syntaxKey{index: f.Index, about: f.Tag.Get("jsonschema_description")}
		for _, part := range strings.Split(f.Tag.Get("jsonschema"), ",") {
			key.required = key.required || part == "required"
			if w, ok := strings.CutPrefix(part, "enum="); ok {
				key.words = append(key.words, w)
			}
		}
		if len(key.words) == 1 {
			key.about = key.words[0]
		}
		k.names = append(k.names, name)
		k.byName[name] = key
	}
	s.keys[t] = k
	return k
}

// possiblyEmpty is a list that may have no entries.
type possiblyEmpty[T any] []T

func (p *possiblyEmpty[T]) read(s *syntaxReader, n *yamlNode, label string) {
	s.list(n, reflect.ValueOf(p).Elem(), label, 0)
}

// keyed is a mapping with keys of the author's, in the order of the file.
type keyed[T any] []keyedEntry[T]

type keyedEntry[T any] struct {
	key   word
	value T
}

func (k *keyed[T]) read(s *syntaxReader, n *yamlNode, label string) {
	if n.kind != yamlMapping {
		s.wrongType(n, label, "a mapping", "")
		return
	}
	for i := range n.pairs {
		var e keyedEntry[T]
		e.key.read(s, &n.pairs[i].key, "a key of "+label)
		if s.value(&n.pairs[i].value, reflect.ValueOf(&e.value).Elem(), fmt.Sprintf("%s of %s", n.pairs[i].key.text, label)) {
			*k = append(*k, e)
		}
	}
}

// word is text that is not empty.
type word struct {
	position
	text string
}

func (w *word) read(s *syntaxReader, n *yamlNode, label string) {
	w.position = n.position
	switch n.kind {
	case yamlText:
		w.set(s, n, label)
	case yamlList, yamlMapping:
		s.wrongType(n, label, "text", "")
	default:
		s.wrongType(n, label, "text", fmt.Sprintf(`write "%s"`, n.text))
	}
}

func (w *word) set(s *syntaxReader, n *yamlNode, label string) {
	w.text = strings.TrimSpace(n.text)
	if w.text == "" {
		s.fault(n.position, "", "%s is empty", label)
	}
	for _, c := range w.text {
		if unicode.IsControl(c) && c != '\n' || unicode.Is(unicode.Bidi_Control, c) {
			s.fault(n.position, "remove it", "%s holds the invisible character %U", label, c)
			return
		}
	}
}

// oneOf reports a word that is not on a closed list.
func (w *word) oneOf(s *syntaxReader, label string, words []string) {
	if !w.given() || w.text == "" {
		return
	}
	for _, known := range words {
		if w.text == known {
			return
		}
	}
	if label == "do" {
		label = "remedy"
	}
	s.fault(w.position, didYouMean(w.text, words), "unknown %s %q", label, w.text)
	w.text = ""
}
