package cloudtrail

import (
	"encoding/json"
	"math"
	"strconv"
	"strings"

	"github.com/sgwarden/sgwarden/internal/localec2/query"
)

// wrapped writes a request of the newer dialect: members keep their names, a
// list is one object or an array of them, each with its number as "tag", and
// no parameters at all are "". Scalars lose their types.
func wrapped(p *query.Params) any {
	o := object{}
	for _, name := range p.Names() {
		if name == "Action" || name == "Version" {
			continue
		}
		o = o.with(name, wrappedMember(p.Get(name)))
	}
	if len(o) == 0 {
		return ""
	}
	return o
}

func wrappedMember(p *query.Params) any {
	if value, ok := p.Value(); ok {
		return coerce(value)
	}
	names := p.Names()
	if _, isList := query.Index(names[0]); !isList {
		return wrapped(p)
	}
	items := []any{}
	for _, n := range names {
		number, _ := query.Index(n)
		item := p.Get(n)
		if value, ok := item.Value(); ok {
			items = append(items, object{}.with("content", coerce(value)).with("tag", number))
			continue
		}
		members, _ := wrapped(item).(object)
		items = append(items, members.with("tag", number))
	}
	return oneOrMany(items)
}

func oneOrMany(items []any) any {
	if len(items) == 1 {
		return items[0]
	}
	return items
}

// wrappedResponse writes an answer of the newer dialect: lists are under
// "item", an empty one is "".
func wrappedResponse(requestID string, answer query.Object) object {
	o := object{}.with("xmlns", query.Namespace).with("requestId", coerce(requestID))
	for _, f := range answer {
		o = o.with(f.Name, wrappedValue(f.Value))
	}
	return o
}

func wrappedValue(value any) any {
	switch v := value.(type) {
	case query.Object:
		if len(v) == 0 {
			return ""
		}
		o := object{}
		for _, f := range v {
			o = o.with(f.Name, wrappedValue(f.Value))
		}
		return o
	case query.List:
		if len(v) == 0 {
			return ""
		}
		items := []any{}
		for _, item := range v {
			items = append(items, wrappedValue(item))
		}
		return object{}.with("item", oneOrMany(items))
	}
	return coerce(query.Scalar(value))
}

// coerce guesses the type of a text the way org.json's XML does, which real
// records agree with: -1 is a number, "true" a boolean, 1e5 a float; a number
// that would not read back the same (leading zeros, a plus) stays a text.
func coerce(s string) any {
	switch strings.ToLower(s) {
	case "true":
		return true
	case "false":
		return false
	case "null":
		return nil
	}
	if s == "" || s[0] != '-' && (s[0] < '0' || s[0] > '9') {
		return s
	}
	if strings.ContainsAny(s, ".eE") || s == "-0" {
		if f, err := strconv.ParseFloat(s, 64); err == nil && !math.IsInf(f, 0) && !math.IsNaN(f) && decimal(s) {
			return json.Number(floatText(f))
		}
		return s
	}
	if n, err := strconv.ParseInt(s, 10, 64); err == nil && strconv.FormatInt(n, 10) == s {
		return n
	}
	return s
}

// decimal is false for what Go reads as a number and Java does not, or only in
// part: hexadecimal floats and underscores.
func decimal(s string) bool { return !strings.ContainsAny(s, "xX_pPiInN") }

// floatText keeps a float a float: 1.0 is not 1.
func floatText(f float64) string {
	text := strconv.FormatFloat(f, 'g', -1, 64)
	if !strings.ContainsAny(text, ".e") {
		text += ".0"
	}
	return text
}
