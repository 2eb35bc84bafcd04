package policy

import (
	"bytes"
	"encoding/json"
	"flag"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/invopop/jsonschema"
	validator "github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/stretchr/testify/require"

	"github.com/sgwarden/sgwarden/policies"
)

// update rewrites generated and golden files instead of comparing them.
var update = flag.Bool("update", false, "rewrite generated and golden files")

const schemaFile = "../../policies/schema.json"

// leafSchemas says in JSON Schema what the leaves of leaves.go check.
var leafSchemas = map[reflect.Type]*jsonschema.Schema{
	reflect.TypeFor[word]():          {Type: "string", MinLength: ptr(uint64(1))},
	reflect.TypeFor[truth]():         {Type: "boolean"},
	reflect.TypeFor[wholeNumber]():   {Type: "integer", Minimum: "1", Maximum: "9999"},
	reflect.TypeFor[portRange]():     textOrNumber(`^\d{1,5}( *- *\d{1,5})?$`, "65535"),
	reflect.TypeFor[icmpType]():      textOrNumber(`^\d{1,3}(/\d{1,3})?$`, "255"),
	reflect.TypeFor[protocolName]():  textOrNumber(`^(tcp|udp|icmp|icmpv6|all|\d{1,3})$`, "255"),
	reflect.TypeFor[cidrText]():      text(`^[0-9a-f:.]+/\d{1,3}$`),
	reflect.TypeFor[setEntry]():      text(`^([0-9a-f:.]+/\d{1,3}|set:[a-z0-9._-]+)$`),
	reflect.TypeFor[prefixLength4](): text(`^/([1-9]|[12]\d|3[0-2])$`),
	reflect.TypeFor[prefixLength6](): text(`^/([1-9]|[1-9]\d|1[01]\d|12[0-8])$`),
	reflect.TypeFor[dayText]():       text(`^\d{4}-\d{2}-\d{2}$`),
	reflect.TypeFor[timeSpan]():      text(`^(\d+h)?(\d+m)?(\d+s)?$`),
	reflect.TypeFor[policyID]():      text(`^[a-z0-9]([a-z0-9-]{0,62}[a-z0-9])?$`),
	reflect.TypeFor[groupID]():       text(`^sg-[0-9a-f]{8,17}$`),
	reflect.TypeFor[groupGlob]():     text(`^(\*|sg-[0-9a-f*?]{1,32})$`),
	reflect.TypeFor[vpcID]():         text(`^vpc-[0-9a-f]{8,17}$`),
	reflect.TypeFor[accountID]():     text(`^\d{12}$`),
	reflect.TypeFor[peerAccount]():   text(`^(self|any|\d{12})$`),
	reflect.TypeFor[regionName]():    text(`^[a-z0-9]+(-[a-z0-9]+){2,}$`),
	reflect.TypeFor[actorPattern]():  text(`^arn:[^:]*:[^:]*:[^:]*:[^:]*:.+$`),
	reflect.TypeFor[testEntry]():     text(`^\s*((ingress|egress)\s+\S+\s+(from|to)\s+\S+|event:.+|[A-Z][A-Za-z]+)\s*$`),
	reflect.TypeFor[callName]():      {Type: "string", Enum: callNames()},
	reflect.TypeFor[ruleText]():      text(`^\s*(ingress|egress)\s+\S+\s+(from|to)\s+\S+\s*$`),
}

func callNames() []any {
	names := []any{anyCall}
	for _, name := range watchedCalls() {
		names = append(names, name)
	}
	return names
}

func ptr[T any](v T) *T { return &v }

func text(pattern string) *jsonschema.Schema {
	return &jsonschema.Schema{Type: "string", Pattern: pattern}
}

func textOrNumber(pattern string, most json.Number) *jsonschema.Schema {
	return &jsonschema.Schema{AnyOf: []*jsonschema.Schema{
		{Type: "integer", Minimum: "0", Maximum: most}, text(pattern),
	}}
}

// schemaOf maps the types of the language that are more than structs of keys.
func schemaOf(t reflect.Type) *jsonschema.Schema {
	if leaf, ok := leafSchemas[t]; ok {
		own := *leaf
		return &own
	}
	switch {
	case t == reflect.TypeFor[peerSyntax]():
		return &jsonschema.Schema{AnyOf: []*jsonschema.Schema{
			text(`^(internet|private|vpc|addresses|references|any|self|set:.+|aws:.+|pl-[0-9a-f]{8,17}|[0-9a-f:.]+/\d{1,3})$`),
			reflected(reflect.TypeFor[groupPeerSyntax]()),
		}}
	case t == reflect.TypeFor[exemptedSyntax]():
		return rulesOrWord("all")
	case t == reflect.TypeFor[restSyntax]():
		return rulesOrWord("nothing")
	case t == reflect.TypeFor[remedySyntax]():
		type fields remedySyntax
		return &jsonschema.Schema{AnyOf: []*jsonschema.Schema{
			{Type: "string", Enum: []any{"revert", "narrow", "tag", "alert"}}, reflected(reflect.TypeFor[fields]()),
		}}
	case t.Kind() == reflect.Slice && strings.HasPrefix(t.Elem().Name(), "keyedEntry["):
		value, _ := t.Elem().FieldByName("value")
		return &jsonschema.Schema{Type: "object", AdditionalProperties: reflected(value.Type)}
	case t.Kind() == reflect.Slice && strings.HasPrefix(t.Name(), "possiblyEmpty["):
		return &jsonschema.Schema{Type: "array", Items: reflected(t.Elem())}
	case t.Kind() == reflect.Slice:
		return &jsonschema.Schema{Type: "array", Items: reflected(t.Elem()), MinItems: ptr(uint64(1))}
	}
	return nil
}

// rulesOrWord is a list of rules, or the one word that stands for none.
func rulesOrWord(word string) *jsonschema.Schema {
	return &jsonschema.Schema{AnyOf: []*jsonschema.Schema{{Type: "string", Enum: []any{word}}, reflected(reflect.TypeFor[[]ruleText]())}}
}

func reflected(t reflect.Type) *jsonschema.Schema {
	if t.Kind() == reflect.Slice || leafSchemas[t] != nil {
		return schemaOf(t)
	}
	r := &jsonschema.Reflector{
		Anonymous: true, DoNotReference: true, ExpandedStruct: true, RequiredFromJSONSchemaTags: true, Mapper: schemaOf,
	}
	s := r.ReflectFromType(t)
	s.Version = ""
	return s
}

// languageSchema is the JSON Schema of a document of any kind.
func languageSchema() []byte {
	policy := reflected(reflect.TypeFor[policySyntax]())
	for _, key := range []string{"forbid", "allowOnly", "require", "onChange"} {
		policy.OneOf = append(policy.OneOf, &jsonschema.Schema{Required: []string{key}})
	}
	root := &jsonschema.Schema{
		Version:     jsonschema.Version,
		ID:          "https://github.com/sgwarden/sgwarden/policies/schema.json",
		Title:       "sgwarden policy language",
		Description: "One document of a policy file: kind Policy, Settings or Tests. Sets, ids and ranges are checked by `sgwarden lint` beyond this schema.",
		OneOf: []*jsonschema.Schema{
			policy, reflected(reflect.TypeFor[settingsSyntax]()), reflected(reflect.TypeFor[testsSyntax]()),
		},
	}
	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", " ")
	if err := enc.Encode(root); err != nil {
		panic(err)
	}
	return out.Bytes()
}

func TestSchemaIsGeneratedFromTheLanguage(t *testing.T) {
	want := languageSchema()
	if *update {
		require.NoError(t, os.WriteFile(schemaFile, want, 0o644))
		return
	}
	require.Equal(t, string(want), string(policies.Schema), "policies/schema.json is stale: go test ./internal/policy -run Schema -update")
}

func compiledSchema(t *testing.T) *validator.Schema {
	t.Helper()
	doc, err := validator.UnmarshalJSON(bytes.NewReader(languageSchema()))
	require.NoError(t, err)
	c := validator.NewCompiler()
	require.NoError(t, c.AddResource("schema.json", doc))
	s, err := c.Compile("schema.json")
	require.NoError(t, err)
	return s
}

// validate validates every document of a file.
func validate(t *testing.T, s *validator.Schema, file string) error {
	t.Helper()
	r := &reporter{}
	trees := yamlReader{r, newSourceText(Source{File: "file.yaml", Text: []byte(file)}, r)}.documents()
	require.Empty(t, r.faults)
	require.NotEmpty(t, trees)
	for i := range trees {
		asJSON, err := json.Marshal(plain(&trees[i]))
		require.NoError(t, err)
		instance, err := validator.UnmarshalJSON(bytes.NewReader(asJSON))
		require.NoError(t, err)
		if err := s.Validate(instance); err != nil {
			return err
		}
	}
	return nil
}

// plain is a tree as encoding/json knows it.
func plain(n *yamlNode) any {
	switch n.kind {
	case yamlList:
		list := []any{}
		for i := range n.items {
			list = append(list, plain(&n.items[i]))
		}
		return list
	case yamlMapping:
		mapping := map[string]any{}
		for i := range n.pairs {
			mapping[n.pairs[i].key.text] = plain(&n.pairs[i].value)
		}
		return mapping
	case yamlInteger, yamlFloat:
		return json.Number(n.text)
	case yamlBoolean:
		return n.text == "true"
	case yamlNull:
		return nil
	}
	return n.text
}

func TestShippedFilesAreValidUnderTheSchema(t *testing.T) {
	s, files := compiledSchema(t), 0
	err := fs.WalkDir(policies.Packs(), ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || filepath.Ext(name) != ".yaml" {
			return err
		}
		file, err := fs.ReadFile(policies.Packs(), name)
		require.NoError(t, err)
		require.NoError(t, validate(t, s, string(file)), name)
		files++
		return nil
	})
	require.NoError(t, err)
	require.Positive(t, files)
}

func TestSchemaAcceptsEveryKeyOfTheLanguage(t *testing.T) {
	s := compiledSchema(t)
	for _, name := range []string{"every-key.yaml", "settings.yaml", "tests.yaml"} {
		file, err := os.ReadFile("testdata/valid/" + name)
		require.NoError(t, err)
		require.NoError(t, validate(t, s, string(file)), name)
	}
}

func TestSchemaRefusesWhatIsNoPolicy(t *testing.T) {
	s := compiledSchema(t)
	file, err := os.ReadFile("testdata/valid/every-key.yaml")
	require.NoError(t, err)
	good := string(file)
	for _, c := range []struct{ name, from, to string }{
		{"unknown key", "intent:", "intend:"},
		{"unknown enum", "direction: ingress", "direction: ingres"},
		{"wrong type", "ports: [22,", "ports: [[22],"},
		{"missing key", "  severity: high\n", ""},
		{"two ways to judge", "tolerate:", "allowOnly: {within: {direction: ingress, peers: [any]}, these: [{peers: [self]}]}\ntolerate:"},
		{"no way to judge", "allowOnly:\n  within: {direction: ingress, protocols: [tcp], ports: [80, 443], peers: [addresses]}\n  these: [{peers: [10.0.0.0/8]}, {ports: [443], peers: [vpc]}]\n", ""},
		{"empty list", "checks: [I-SSH, I-RDP]", "checks: []"},
	} {
		require.Contains(t, good, c.from, c.name)
		require.Error(t, validate(t, s, strings.Replace(good, c.from, c.to, 1)), c.name)
	}
}
