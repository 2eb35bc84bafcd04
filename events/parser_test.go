package events

import (
	"encoding/json"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestParseRefuses(t *testing.T) {
	for name, text := range map[string]string{
		"nothing": "", "spaces": " \n", "half an object": `{"a":1`, "half an array": `[1,`, "half a text": `"abc`, "half an escape": `"\`, "half a code": `"\u12`,
		"unknown escape": `"\x"`, "odd code": `"\u12g4"`, "name without quotes": `{a:1}`, "no colon": `{"a" 1}`, "two commas": `[1,,2]`, "trailing comma": `[1,]`,
		"trailing comma in object": `{"a":1,}`, "wrong bracket": `[1}`, "leading zero": `012`, "plus": `+1`, "bare point": `1.`, "point first": `.5`, "bare exponent": `1e`, "lone minus": `-`,
		"not a number": `NaN`, "half a literal": `tru`, "wrong literal": `nul1`, "two values": `{} {}`, "control character": "\"a\nb\"", "comment": `{} // x`,
		"invalid UTF-8": "\"\xff\"", "invalid UTF-8 in a name": "{\"\xc3\x28\":1}", "single quotes": `{'a':1}`,
		"too deep":         strings.Repeat("[", maxDepth+1) + strings.Repeat("]", maxDepth+1),
		"objects too deep": strings.Repeat(`{"a":`, maxDepth+1) + "1" + strings.Repeat("}", maxDepth+1),
		"too many values":  "[" + strings.Repeat("1,", maxValues) + "1]",
		"too long":         `"` + strings.Repeat("a", maxRecord) + `"`,
	} {
		_, bad := parse([]byte(text))
		if assert.NotNil(t, bad, name) {
			assert.NotEmpty(t, bad.Error())
			assert.LessOrEqual(t, bad.at, max(len(text), 1), name)
		}
	}
}

func TestParseTakesTheBounds(t *testing.T) {
	_, bad := parse([]byte(strings.Repeat("[", maxDepth) + strings.Repeat("]", maxDepth)))
	require.Nil(t, bad)
	_, bad = parse([]byte("[" + strings.Repeat("1,", maxValues-2) + "1]"))
	require.Nil(t, bad)
	_, bad = parse([]byte(`"` + strings.Repeat("a", maxRecord-2) + `"`))
	require.Nil(t, bad)
}

func TestRepeatedNames(t *testing.T) {
	many := make([]string, 60)
	for i := range many {
		many[i] = `"k` + strconv.Itoa(i) + `":1`
	}
	for text, want := range map[string]string{
		`{"a":1,"b":2}`: "", `{"a":1,"a":2}`: "a", `{"a":1,"A":2}`: "A", `{"x":{"y":[{"b":1,"b":1}]}}`: "b", `{"\u0061":1,"a":2}`: "a",
		"{" + strings.Join(many, ",") + "}":            "",
		"{" + strings.Join(many, ",") + `,"K17":1}`:    "K17",
		"{" + strings.Join(many, ",") + `,"other":{}}`: "",
	} {
		v, bad := parse([]byte(text))
		require.Nil(t, bad)
		require.Equal(t, want, v.repeated(), text)
	}
}

func TestLastOfRepeatedNamesHolds(t *testing.T) {
	v, bad := parse([]byte(`{"a":1,"A":2}`))
	require.Nil(t, bad)
	s, ok := v.get("a").scalar()
	require.True(t, ok)
	require.Equal(t, "2", s)
}

func TestScalars(t *testing.T) {
	for text, want := range map[string]string{
		`"x"`: "x", `"\u0078"`: "x", `"\u00e9"`: "é", `12`: "12", `-1`: "-1", `22.0`: "22", `2.2e1`: "22", `3.1020000041700000E11`: "310200000417", `1.5`: "1.5", `1e400`: "1e400", `1e20`: "1e20", `1E+2`: "100", `5e-1`: "5e-1",
		`true`: "true", `false`: "false", `{"content":"sg-1","tag":1}`: "sg-1", `{"content":6,"tag":1}`: "6", `-0`: "-0", `""`: "",
	} {
		v, bad := parse([]byte(text))
		require.Nil(t, bad, text)
		got, ok := v.scalar()
		require.True(t, ok, text)
		require.Equal(t, want, got, text)
	}
	for _, text := range []string{`null`, `{}`, `[]`, `["a"]`, `{"content":{"content":"a"}}`, `{"tag":1}`} {
		v, bad := parse([]byte(text))
		require.Nil(t, bad, text)
		_, ok := v.scalar()
		require.False(t, ok, text)
	}
}

func TestLists(t *testing.T) {
	for text, want := range map[string]int{
		`null`: 0, `""`: 0, `{}`: 0, `[]`: 0, `{"items":[]}`: 0, `{"items":{}}`: 0, `{"item":""}`: 0, `{"items":[{"a":1},{"a":2}]}`: 2, `{"item":{"a":1}}`: 1, `{"item":[1,2,3]}`: 3,
		`{"a":1}`: 1, `"x"`: 1, `5`: 1, `[1,2]`: 2, `{"items":{"items":[1,2]}}`: 2, `{"content":"x","tag":1}`: 1,
	} {
		v, bad := parse([]byte(text))
		require.Nil(t, bad, text)
		require.Len(t, v.list(), want, text)
	}
	require.Empty(t, value{}.list())
}

// FuzzParse holds the parser against encoding/json: what we take is valid
// JSON of the same value, and what we refuse is invalid or beyond our bounds.
func FuzzParse(f *testing.F) {
	for _, s := range []string{`{"a":[1,-2.5e3,true,null,"xé\n"]}`, `{"a":1,"A":{"b":[]}}`, `[`, `"\ud800"`, `1e5`, "\"\xff\"", `-0.0`, `01`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		v, bad := parse(data)
		if bad != nil {
			if json.Valid(data) && utf8.Valid(data) && len(data) <= maxRecord && strings.Count(string(data), "[")+strings.Count(string(data), "{") <= maxDepth && len(data) < maxValues {
				t.Fatalf("refused valid JSON %q: %v", data, bad)
			}
			return
		}
		d := json.NewDecoder(strings.NewReader(string(data)))
		d.UseNumber()
		var want any
		if err := d.Decode(&want); err != nil {
			t.Fatalf("took invalid JSON %q: %v", data, err)
		}
		require.Equal(t, want, plain(v))
	})
}

// plain is a value as encoding/json gives it.
func plain(v value) any {
	switch v.kind {
	case boolean:
		return v.raw == "true"
	case number:
		return json.Number(v.raw)
	case text:
		return v.string()
	case object:
		m := map[string]any{}
		for _, member := range v.members {
			m[member.name] = plain(member.value)
		}
		return m
	case array:
		list := []any{}
		for _, member := range v.members {
			list = append(list, plain(member.value))
		}
		return list
	}
	return nil
}
