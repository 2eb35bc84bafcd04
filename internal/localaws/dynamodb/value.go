package dynamodb

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Value is one attribute value. It is never changed in place.
type Value struct {
	kind kind
	text string // of S and B (the bytes), N in its canonical form; "true" or "" of BOOL
	list []Value
	doc  map[string]Value
	set  []string // sorted
}

// Item is one item, keys included.
type Item map[string]Value

type kind string

const (
	kindS    kind = "S"
	kindN    kind = "N"
	kindB    kind = "B"
	kindBool kind = "BOOL"
	kindNull kind = "NULL"
	kindL    kind = "L"
	kindM    kind = "M"
	kindSS   kind = "SS"
	kindNS   kind = "NS"
	kindBS   kind = "BS"
)

// Text is the value of a string or number, "" of all others.
func (v Value) Text() string {
	if v.kind == kindS || v.kind == kindN {
		return v.text
	}
	return ""
}

// UnmarshalJSON reads {"TYPE": value}.
func (v *Value) UnmarshalJSON(b []byte) error {
	var forms map[kind]json.RawMessage
	if err := json.Unmarshal(b, &forms); err != nil {
		return fmt.Errorf("read attribute value: %w", err)
	}
	if len(forms) != 1 {
		return invalid("Supplied AttributeValue has more than one datatypes set, must contain exactly one of the supported datatypes")
	}
	for k, raw := range forms {
		v.kind = k
		return v.read(raw)
	}
	return nil
}

func (v *Value) read(raw json.RawMessage) error {
	switch v.kind {
	case kindS:
		return json.Unmarshal(raw, &v.text)
	case kindN:
		var s string
		if err := json.Unmarshal(raw, &s); err != nil {
			return err
		}
		n, err := parseNumber(s)
		v.text = n.String()
		return err
	case kindB:
		var b []byte
		err := json.Unmarshal(raw, &b)
		v.text = string(b)
		return err
	case kindBool, kindNull:
		var yes bool
		if err := json.Unmarshal(raw, &yes); err != nil {
			return err
		}
		if yes {
			v.text = "true"
		} else if v.kind == kindNull {
			return invalid("One or more parameter values were invalid: Null attribute value types must have the value of true")
		}
		return nil
	case kindL:
		v.list = []Value{}
		return json.Unmarshal(raw, &v.list)
	case kindM:
		v.doc = map[string]Value{}
		return json.Unmarshal(raw, &v.doc)
	case kindSS, kindNS, kindBS:
		return v.readSet(raw)
	}
	return invalid("Supplied AttributeValue is empty, must contain exactly one of the supported datatypes")
}

func (v *Value) readSet(raw json.RawMessage) error {
	if err := json.Unmarshal(raw, &v.set); err != nil {
		return err
	}
	if len(v.set) == 0 {
		return invalid("One or more parameter values were invalid: An number set  may not be empty")
	}
	for i, s := range v.set {
		switch v.kind {
		case kindNS:
			n, err := parseNumber(s)
			if err != nil {
				return err
			}
			v.set[i] = n.String()
		case kindBS:
			b, err := base64.StdEncoding.DecodeString(s)
			if err != nil {
				return fmt.Errorf("read binary set: %w", err)
			}
			v.set[i] = string(b)
		}
	}
	slices.Sort(v.set)
	if len(slices.Compact(slices.Clone(v.set))) != len(v.set) {
		return invalid("One or more parameter values were invalid: Input collection contains duplicates")
	}
	return nil
}

// MarshalJSON writes {"TYPE": value}.
func (v Value) MarshalJSON() ([]byte, error) {
	var plain any
	switch v.kind {
	case kindS, kindN:
		plain = v.text
	case kindB:
		plain = []byte(v.text)
	case kindBool, kindNull:
		plain = v.text == "true"
	case kindL:
		plain = v.list
	case kindM:
		plain = v.doc
	case kindBS:
		all := make([][]byte, len(v.set))
		for i, s := range v.set {
			all[i] = []byte(s)
		}
		plain = all
	default:
		plain = v.set
	}
	return json.Marshal(map[kind]any{v.kind: plain})
}

// equal reports whether two values are the same to a condition.
func (v Value) equal(o Value) bool {
	return v.kind == o.kind && v.text == o.text && slices.Equal(v.set, o.set) &&
		slices.EqualFunc(v.list, o.list, Value.equal) && maps.EqualFunc(v.doc, o.doc, Value.equal)
}

// compare orders two values of one kind; ok is false where they have no order.
func (v Value) compare(o Value) (c int, ok bool) {
	if v.kind != o.kind {
		return 0, false
	}
	switch v.kind {
	case kindS, kindB:
		return strings.Compare(v.text, o.text), true
	case kindN:
		return compareNumbers(v.text, o.text), true
	}
	return 0, false
}

// size is what counts towards the limit of an item, in bytes (developer guide,
// "DynamoDB item sizes and formats").
func (v Value) size() int {
	switch v.kind {
	case kindS, kindB:
		return len(v.text)
	case kindN:
		return numberSize(v.text)
	case kindL:
		n := 3
		for _, e := range v.list {
			n += 1 + e.size()
		}
		return n
	case kindM:
		n := 3
		for name, e := range v.doc {
			n += 1 + len(name) + e.size()
		}
		return n
	case kindSS, kindBS:
		return len(strings.Join(v.set, ""))
	case kindNS:
		n := 0
		for _, e := range v.set {
			n += numberSize(e)
		}
		return n
	}
	return 1
}

func (i Item) size() int {
	n := 0
	for name, v := range i {
		n += len(name) + v.size()
	}
	return n
}
