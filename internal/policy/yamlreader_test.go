package policy

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	yaml "go.yaml.in/yaml/v3"

	"github.com/sgwarden/sgwarden/policies"
)

// TestYAMLIsReadAsTheLibraryReadsIt: of every file that ships with the project,
// and of the forms of YAML that none of them has, our reader and go.yaml.in/yaml
// make the same tree, with the same places.
func TestYAMLIsReadAsTheLibraryReadsIt(t *testing.T) {
	files := 0
	for _, root := range []string{"../..", "testdata"} {
		require.NoError(t, filepath.WalkDir(root, func(name string, d fs.DirEntry, err error) error {
			if err == nil && d.IsDir() && (d.Name() == "node_modules" || strings.HasPrefix(d.Name(), ".git")) {
				return fs.SkipDir
			}
			if err != nil || d.IsDir() || filepath.Ext(name) != ".yaml" {
				return err
			}
			text, err := os.ReadFile(name)
			if requireLibraryTree(t, string(text)) {
				files++
			}
			return err
		}))
	}
	require.Greater(t, files, 200)
	for _, text := range yamlForms {
		require.True(t, requireLibraryTree(t, text), "%q", text)
	}
}

// yamlForms are one or more of each form that YAML has.
var yamlForms = []string{
	"", "# nothing\n", "---\n", "a: b", "--- a\n", "--- # b\na: b\n...\n---\nc: d\n", "a: b\n...\n# c\n",
	"a:\nb: \nc: ~\nd: null\n", "- \n-\n- a\n", "a:\n- b\n- c\nd: e\n", "a:\n  - b\n  -   - c\n      - d\n  - e: f\n    g: h\n", "- - a\n  - b\n-\n  - c\n",
	"a: b c\n  d\n\n  e\n", "- a\n b\n", "a: b # c\n", "a: b#c\n", "a: - b\n"[:3] + "-b\n", "a: b:c\n", "a: :b\n", "a: b\n  - c\n", "a: ?b\n", "a b : c\n", "a   :   b   \n",
	"a: 'b''c'\n", "a: 'b\n\n  c'\n", "a: \"b\\n\\t\\\"\\\\\\x41\\u00fc\\U0001f600\"\n", "a: \"b   \\\n   c\\\n\n  \\ d\n  e\"\n", "a: \"  b  \n  c  \"\n", "'a b': c\n\"d\": e\n", "a: ''\n", "a: \"b\\\n\"\n"[:4] + "x\"\n",
	"a: |\n  b\n   c\n\n  d\ne: f\n", "a: >\n  b\n  c\n\n\n  d\n   e\n\n  f\n", "a: |-\n  b\n\nc: d\n", "a: |+\n  b\n\n\nc: d\n", "a: |2\n   b\n  c\n", "a: >+2\n   b\n\n", "a: |-1 # c\n b\n", "- |\n a\n- >\n b\n", "a: |\nb: c\n", "a: |\n\n  b\n", "a: |\n  b", "a: |+\n\n\nb: c\n", "a: >\n\n  b\n  # c\n", "a: |\n  b\n # c\nd: e\n", "--- |\n a\n", "--- >-\n a\n b\n...\n",
	"a: [b, 'c', \"d\", 1, {e: f}, [g]]\n", "a: [\n  b,\n  c # d\n  , e,\n]\n", "a: {b: , c: , d: e, \"f\":g, 'h': i,}\n", "a: [b: c, d]\n", "a: [\"b\":c, [d]: e]\n"[:11] + "]\n", "a: {}\nb: []\n", "a: [b c\n  d, e]\n", "a: {b: c\n  d}\n", "a: [::/0, b:c, aws:*]\n", "[a, b]\n", "{a: b}\n", "a: {b: [c: d]}\n", "a: [-1, -b]\n", "a: {b: \"c\nd\"}\n",
	"a: \"b \\x20 \n  c\"\n", "a: \"b\\ \n  c\"\n", "a: ['d' : e, 'f' :  g]\n", "a: {b : c}\n", "a: \"\"\nb: c\n", "a: ',b'\n", "a: 'b''c' \n", "a: |9\n         b\n", "a:\n  b: |\n  c: d\n",
	"a: 1\nb: -2\nc: +3\nd: 1.5\ne: .5\nf: 1e3\ng: 1.e-3\nh: .inf\ni: -.INF\nj: .nan\nk: 0x1F\nl: 0o17\nm: 1.2.3\nn: 10.0.0.0/8\no: 1e\np: '1'\nq: -\n"[:110], "a: true\nb: False\nc: yes\nd: on\ne: No\n", "ü: é # ñ\nà: [ö, {ß: ÿ}]\n",
}

// bareColons begin texts; within brackets the library, unlike YAML 1.2, takes
// them for signs.
var bareColons = regexp.MustCompile(`(^|[^"'}\]]):([^\s,\[\]{}])`)

// colonsAtSigns end keys within brackets; the library, unlike YAML 1.2, takes
// [a:,] for a text.
var colonsAtSigns = regexp.MustCompile(`:[,\[\]{}]`)

// requireLibraryTree reports whether our reader took a text: then it must mean
// what the library takes it for.
func requireLibraryTree(t *testing.T, text string) bool {
	t.Helper()
	r := &reporter{}
	source := newSourceText(Source{File: "a.yaml", Text: []byte(text)}, r)
	if source == nil {
		return false
	}
	trees := new(yamlReader).read(source, r)
	if len(r.faults) > 0 {
		return false
	}
	theirs := yaml.NewDecoder(strings.NewReader(bareColons.ReplaceAllString(source.text, "$1¦$2")))
	for i := 0; ; {
		var n yaml.Node
		err := theirs.Decode(&n)
		if errors.Is(err, io.EOF) {
			require.Len(t, trees, i, "%q", text)
			return true
		}
		require.NoError(t, err, "%q", text)
		if len(n.Content) == 0 || isNothing(n.Content[0]) && (i == len(trees) || trees[i].kind != yamlNull) {
			continue // a document without content
		}
		require.Less(t, i, len(trees), "%q", text)
		requireSameNode(t, text, &trees[i], n.Content[0])
		i++
	}
}

// isNothing reports whether the library made a node of no text at all.
func isNothing(n *yaml.Node) bool {
	return n.Kind == yaml.ScalarNode && n.Value == "" && n.Style == 0
}

func requireSameNode(t *testing.T, text string, ours *yamlNode, theirs *yaml.Node) {
	t.Helper()
	if !isNothing(theirs) && theirs.Style&(yaml.LiteralStyle|yaml.FoldedStyle) == 0 {
		require.Equal(t, [2]int{theirs.Line, theirs.Column}, [2]int{ours.line, ours.column}, "%q in %q", theirs.Value, text)
	}
	switch theirs.Kind {
	case yaml.ScalarNode:
		require.Less(t, ours.kind, yamlList, "%q in %q", theirs.Value, text)
		if ours.kind != yamlNull && ours.kind != yamlBoolean {
			require.Equal(t, strings.ReplaceAll(theirs.Value, "¦", ":"), ours.text, "in %q", text)
		}
		requireSameKind(t, text, ours.kind, theirs)
	case yaml.SequenceNode:
		require.Equal(t, yamlList, ours.kind, "%q", text)
		require.Len(t, ours.items, len(theirs.Content), "%q", text)
		for i := range ours.items {
			requireSameNode(t, text, &ours.items[i], theirs.Content[i])
		}
	case yaml.MappingNode:
		require.Equal(t, yamlMapping, ours.kind, "%q", text)
		require.Len(t, theirs.Content, 2*len(ours.pairs), "%q", text)
		for i := range ours.pairs {
			requireSameNode(t, text, &ours.pairs[i].key, theirs.Content[2*i])
			requireSameNode(t, text, &ours.pairs[i].value, theirs.Content[2*i+1])
		}
	default:
		require.Fail(t, "kind of node", "%q", text)
	}
}

// requireSameKind compares kinds of scalars where the core schema and the
// library, which knows dates, binary numbers and 1_000, agree.
func requireSameKind(t *testing.T, text string, ours yamlKind, theirs *yaml.Node) {
	t.Helper()
	want := map[string]yamlKind{"!!str": yamlText, "!!null": yamlNull, "!!bool": yamlBoolean, "!!int": yamlInteger, "!!float": yamlFloat, "!!timestamp": yamlText, "!!merge": yamlText}[theirs.Tag]
	if (want == yamlInteger || want == yamlFloat || ours == yamlInteger || ours == yamlFloat) && ours != want {
		require.Contains(t, []yamlKind{yamlText, yamlInteger, yamlFloat}, ours, "%q in %q", theirs.Value, text)
		return
	}
	require.Equal(t, want, ours, "%q in %q", theirs.Value, text)
}

// FuzzYAMLReader holds that what our reader takes means what the library takes
// it for, where both take it.
func FuzzYAMLReader(f *testing.F) {
	for _, text := range yamlForms {
		f.Add(text)
	}
	require.NoError(f, fs.WalkDir(policies.Packs(), ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := fs.ReadFile(policies.Packs(), name)
		f.Add(string(text))
		return err
	}))
	f.Fuzz(func(t *testing.T, text string) {
		if strings.ContainsAny(text, "\t\u2028\u2029¦?") || strings.Contains(text, "...") || colonsAtSigns.MatchString(text) || len(text) > 1000 {
			return // what the library, by YAML 1.1, sees otherwise, and keys that it has no room for
		}
		for d := yaml.NewDecoder(strings.NewReader(bareColons.ReplaceAllString(text, "$1¦$2"))); ; {
			var n yaml.Node
			if err := d.Decode(&n); errors.Is(err, io.EOF) {
				break
			} else if err != nil {
				return // such as [a?], which YAML 1.2 has
			}
		}
		requireLibraryTree(t, text)
	})
}

// TestFaultsOfSyntax: where a file stops being YAML, and what is said there.
func TestFaultsOfSyntax(t *testing.T) {
	for text, want := range map[string]string{
		"a: b: c\n":              "1:4 a mapping may not begin here",
		"a: b\n  c: d\n":         "2:3 a mapping may not begin here",
		"a: 'b'\n  c: d\n":       "2:3 the indentation fits to nothing above",
		"a:\n    b: c\n  d: e\n": "3:3 the indentation fits to nothing above",
		"a: b\n- c\n":            "2:1 an entry of a list stands among keys",
		"a: - b\n":               "1:4 a list may not begin here",
		"a: b\nc\n":              "2:1 a key without a colon",
		"a: [b, c\nd: e\n":       "2:2 there must be , or ] here",
		"a: [b, c\n":             "1:4 what begins here is not closed with ]",
		"a: [b, c\n---\n":        "1:4 what begins here is not closed with ]",
		"a: {b: [c}\n":           "1:10 there must be , or ] here",
		"a: [b, , c]\n":          "1:8 an entry is missing before ,",
		"a: [b\n  - c: d]\n":     "2:6 there must be , or ] here",
		"a: [\n  - b\n]\n":       "2:3 a list with dashes within brackets",
		"a: \"b\nc: d\n":         "1:4 what begins here is not closed with \"",
		"a: 'b\n":                "1:4 what begins here is not closed with '",
		"a: \"b\\d\"\n":          "1:6 there is no such escape",
		"a: \"\\ud800\"\n":       "1:5 there is no such escape",
		"a: 'b' c\n":             "1:8 there is something behind the end of a value",
		"a: 'b'#c\n":             "1:7 a comment stands right behind something else",
		"a: @b\n":                "1:4 a text does not begin with @",
		"ü: é\nö: %b\n":          "2:4 a text does not begin with %",
		"a: | b\n  c\n":          "1:6 there is something behind |",
		"a: |\n    \n  b\n":      "3:3 the indentation fits to nothing above",
		"? a\n: b\n":             "1:1 a key must be text",
		": b\n":                  "1:1 a key is missing",
		"a: b\n... c\n":          "2:5 there is something behind the end of a value",
		"a: b\n%YAML 1.2\n":      "2:1 a text does not begin with %",
		"---\na\n---b: c\n":      "3:1 a mapping may not begin here",
	} {
		r := &reporter{}
		trees := new(yamlReader).read(newSourceText(Source{File: "a", Text: []byte(text)}, r), r)
		require.Len(t, r.faults, 1, "%q", text)
		require.Equal(t, "a:"+strings.Replace(want, " ", ": not readable as YAML: ", 1), r.faults[0].Place()+": "+r.faults[0].Message, "%q", text)
		require.Empty(t, trees, "%q", text)
	}
}

// TestNoTextIsTakenForARefusal: whatever a file says, it is loaded, or has a fault.
// Text that read as a mark of the reader's own once made a file vanish in silence.
func TestNoTextIsTakenForARefusal(t *testing.T) {
	for _, text := range []string{
		`mode: "\0refused"`, `"\0refused": x`, `packs: "\0refused"`, `packs: ["\0refused"]`, `sets: {a: ["\0refused"]}`,
	} {
		faults := faultsOf(t, Source{File: "sgwarden.yaml", Text: []byte(settingsText(text))})
		require.NotEmpty(t, faults, text)
	}
	require.NotEmpty(t, faultsOf(t, Source{File: "x.yaml", Text: []byte(`"\0refused"`)}))
}

// TestBoundsOfTheReader: what is exactly as deep, or as much, as may be is read, and
// one more is refused; each document, list and mapping counts for itself in depth,
// and all of a file in values.
func TestBoundsOfTheReader(t *testing.T) {
	const deep, many = "nested deeper than 40 levels", "more than 25000 values in one file"
	steps := func(n int) string {
		var b strings.Builder
		for i := range n {
			b.WriteString(strings.Repeat(" ", i) + "a:\n")
		}
		return b.String()
	}
	lists := func(n int) string { return strings.Repeat("- ", n) + "a\n" }
	brackets := func(n int) string { return strings.Repeat("[", n) + strings.Repeat("]", n) + "\n" }
	for name, tc := range map[string]struct{ within, beyond, want string }{
		"steps":                {steps(40), steps(41), deep},
		"lists":                {lists(40), lists(41), deep},
		"brackets":             {brackets(40), brackets(41), deep},
		"both":                 {strings.Repeat("- ", 20) + brackets(20), strings.Repeat("- ", 20) + brackets(21), deep},
		"pairs in brackets":    {strings.Repeat("[", 39) + "a: b" + strings.Repeat("]", 39), strings.Repeat("[", 40) + "a: b" + strings.Repeat("]", 40), deep},
		"several documents":    {strings.Repeat(steps(40)+"---\n", 3), steps(30) + "---\n" + steps(41), deep},
		"one behind another":   {strings.Repeat(lists(40), 3), strings.Repeat(lists(40), 3) + lists(41), deep},
		"items":                {strings.Repeat("- a\n", 25_000), strings.Repeat("- a\n", 25_001), many},
		"of several documents": {strings.Repeat("- a\n", 25_000), strings.Repeat("- a\n", 24_000) + "---\n" + strings.Repeat("- a\n", 1_001), many},
	} {
		read := func(text string) Faults {
			r := &reporter{}
			source := newSourceText(Source{File: "a.yaml", Text: []byte(text)}, r)
			require.NotNil(t, source, name)
			new(yamlReader).read(source, r)
			return r.faults
		}
		require.Empty(t, read(tc.within), name)
		faults := read(tc.beyond)
		require.Len(t, faults, 1, name)
		require.Equal(t, tc.want, faults[0].Message, name)
	}
}

// TestKindsOfPlainText are those of the core schema, to the letter.
func TestKindsOfPlainText(t *testing.T) {
	for kind, texts := range map[yamlKind][]string{
		yamlInteger: {"0", "-2", "+3", "0x1F", "0xaf", "0o17", "007"},
		yamlFloat:   {"1.5", ".5", "1.", "-.5", "1e3", "1E3", "1e+3", "1.e-3", ".5e1", ".inf", "-.INF", "+.Inf", ".nan", ".NaN", ".NAN"},
		yamlText: {"", "a", "+", "-", ".", "0x", "0xg", "0o", "0o8", "1o7", "17o", ".e3", "e3", "+e3", "-e3", "1e", "1e++3", "1e+-3", "1f3", "1.2.3", "1e3x", "+.nan",
			"10.0.0.0/8", "x07", "1_000", "0b1", "no", "on"},
		yamlBoolean: {"true", "False"}, yamlNull: {"~", "null"},
	} {
		for _, text := range texts {
			require.Equal(t, kind, plainNode(position{}, text).kind, "%q", text)
		}
	}
}

// TestEscapes: what stands behind a backslash, and how much of it.
func TestEscapes(t *testing.T) {
	for text, want := range map[string]struct {
		r    rune
		size int
	}{
		"0a": {0, 1}, "nb": {'\n', 1}, "x41": {'A', 3}, "x4": {}, "x": {}, "x4g": {}, "u00fc": {'ü', 5}, "u00f": {}, "U0001f600": {'😀', 9}, "Uffffffff": {}, "ud800": {}, "d": {},
	} {
		r, size := escaped(text)
		require.Equal(t, want.r, r, "%q", text)
		require.Equal(t, want.size, size, "%q", text)
	}
}

// TestKeysOfLargeMappings: each stands once, however many there are, and what is
// wrong with one takes none of the others away.
func TestKeysOfLargeMappings(t *testing.T) {
	for _, size := range []int{2, fewKeys - 1, fewKeys, fewKeys + 1, 3 * fewKeys} {
		var b strings.Builder
		for i := range size {
			fmt.Fprintf(&b, "k%d: a\n", i)
		}
		keys := b.String()
		twice := fmt.Sprintf("key %q stands here twice", fmt.Sprintf("k%d", size-1))
		for text, want := range map[string][]string{
			keys: nil,
			keys + fmt.Sprintf("k%d: b\nz: c\n", size-1): {twice},
			"1: a\n" + keys + "z: c\n":                   {"a key must be text"},
		} {
			r := &reporter{}
			trees := new(yamlReader).read(newSourceText(Source{File: "a", Text: []byte(text)}, r), r)
			var got []string
			for _, f := range r.faults {
				got = append(got, f.Message)
			}
			require.Equal(t, want, got, "%d keys", size)
			pairs := trees[0].pairs
			if want != nil {
				require.Equal(t, "z", pairs[len(pairs)-1].key.text, "what follows is read")
				pairs = pairs[:len(pairs)-1]
			}
			require.Len(t, pairs, size)
		}
	}
}

// TestWhatIsReadBehindARefusedProperty, on its line or below it.
func TestWhatIsReadBehindARefusedProperty(t *testing.T) {
	for text, want := range map[string]string{
		"&a\nb: c\n": "b", "!t\nb: c\n": "b", "x: y\n&a b: c\n": "x", "!t,b: c\n": "",
	} {
		r := &reporter{}
		trees := new(yamlReader).read(newSourceText(Source{File: "a", Text: []byte(text)}, r), r)
		require.NotEmpty(t, r.faults, "%q", text)
		require.Contains(t, r.faults[0].Message, "are not part of the policy language", "%q", text)
		if want != "" {
			require.Len(t, r.faults, 1, "%q", text)
			require.Equal(t, want, trees[0].pairs[0].key.text, "%q", text)
		}
	}
}
