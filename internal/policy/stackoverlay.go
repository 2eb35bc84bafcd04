package policy

import (
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
)

// nameOver is what the name of the stack is called over the block, modeOver
// the mode of the settings.
const nameOver, modeOver = "stack", "mode"

// OverKeys are the keys that can lie over the block stack, sorted: those with
// one value, and the mode.
func OverKeys() []string {
	keys := []string{nameOver, modeOver}
	r := &syntaxReader{&reporter{}, map[reflect.Type]syntaxKeys{}}
	known := r.keysOf(reflect.TypeFor[stackSyntax]())
	for _, name := range known.names {
		if name != "name" && !known.holdsMore(reflect.TypeFor[stackSyntax](), name) {
			keys = append(keys, name)
		}
	}
	slices.Sort(keys)
	return keys
}

// holdsMore reports whether a key holds a list or a mapping.
func (k syntaxKeys) holdsMore(t reflect.Type, name string) bool {
	kind := t.FieldByIndex(k.byName[name].index).Type.Kind()
	return kind == reflect.Slice || kind == reflect.Pointer
}

// layOver puts values over those of the block, by the same readers. It returns
// the mode that lies over that of the settings; without text if there is none.
func (p *folderReader) layOver(s *stackSyntax, o ParseOptions) (mode word) {
	known := OverKeys()
	syntax := p.syntax.keysOf(reflect.TypeFor[stackSyntax]())
	for _, key := range sortedKeys(o.Over) {
		at := position{source: &sourceText{file: "-c " + key}}
		if !slices.Contains(known, key) {
			hint := didYouMean(key, append(slices.Clone(o.Known), known...))
			if _, ok := syntax.byName[key]; ok {
				hint = "it is set in the settings only, under stack"
			}
			p.fault(at, hint, "there is no such setting")
			continue
		}
		if key == modeOver {
			modeKey := p.syntax.keysOf(reflect.TypeFor[settingsSyntax]()).byName[modeOver]
			p.syntax.field(overNode(at, o.Over[key], reflect.TypeFor[word]()), reflect.ValueOf(&mode).Elem(), modeOver, modeKey)
			continue
		}
		name := key
		if name == nameOver {
			name = "name"
		}
		k := syntax.byName[name]
		field := reflect.ValueOf(s).Elem().FieldByIndex(k.index)
		field.SetZero()
		p.syntax.field(overNode(at, o.Over[key], field.Type()), field, key, k)
	}
	return mode
}

// overNode is a value of the context as YAML would have it, for a key of a type.
func overNode(at position, value any, wanted reflect.Type) *yamlNode {
	n := &yamlNode{position: at, kind: yamlText}
	switch v := value.(type) {
	case string:
		n.text = v
	case bool:
		n.kind, n.text = yamlBoolean, strconv.FormatBool(v)
	case float64:
		n.kind, n.text = yamlInteger, strconv.FormatFloat(v, 'f', -1, 64)
	default:
		n.kind, n.text = yamlMapping, fmt.Sprint(v)
	}
	if n.kind != yamlText {
		return n
	}
	switch wanted {
	case reflect.TypeFor[truth]():
		if word, ok := map[string]string{"yes": "true", "true": "true", "no": "false", "false": "false"}[n.text]; ok {
			n.kind, n.text = yamlBoolean, word
		}
	case reflect.TypeFor[wholeNumber]():
		if n.text != "" && strings.Trim(n.text, digits) == "" {
			n.kind = yamlInteger
		}
	}
	return n
}
