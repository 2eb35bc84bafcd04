package policy

import (
	"bytes"
	"encoding/json"
	"flag"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"slices"
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
	reflect.TypeFor[word]():           {Type: "string", MinLength: ptr(uint64(1))},
	reflect.TypeFor[truth]():          {Type: "boolean"},
	reflect.TypeFor[wholeNumber]():    {Type: "integer", Minimum: "1", Maximum: "9999"},
	reflect.TypeFor[portRange]():      textOrNumber(`^\d{1,5}( *- *\d{1,5})?$`, "65535"),
	reflect.TypeFor[icmpType]():       textOrNumber(`^\d{1,3}(/\d{1,3})?$`, "255"),
	reflect.TypeFor[protocolName]():   textOrNumber(`^(tcp|udp|icmp|icmpv6|all|\d{1,3})$`, "255"),
	reflect.TypeFor[cidrText]():       text(`^[0-9a-f:.]+/\d{1,3}$`),
	reflect.TypeFor[setEntry]():       text(`^([0-9a-f:.]+/\d{1,3}|set:[a-z0-9._-]+)$`),
	reflect.TypeFor[prefixLength4]():  text(`^/([1-9]|[12]\d|3[0-2])$`),
	reflect.TypeFor[prefixLength6]():  text(`^/([1-9]|[1-9]\d|1[01]\d|12[0-8])$`),
	reflect.TypeFor[dayText]():        text(`^\d{4}-\d{2}-\d{2}$`),
	reflect.TypeFor[timeSpan]():       {Type: "string", Pattern: `^(\d+h)?(\d+m)?(\d+s)?$`, MinLength: ptr(uint64(1))},
	reflect.TypeFor[policyID]():       text(`^[a-z0-9]([a-z0-9-]{0,62}[a-z0-9])?$`),
	reflect.TypeFor[groupID]():        text(`^sg-[0-9a-f]{8,17}$`),
	reflect.TypeFor[groupGlob]():      text(`^(\*|sg-[0-9a-f*?]{1,32})$`),
	reflect.TypeFor[vpcID]():          text(`^vpc-[0-9a-f]{8,17}$`),
	reflect.TypeFor[accountID]():      text(`^\d{12}$`),
	reflect.TypeFor[peerAccount]():    text(`^(self|any|\d{12})$`),
	reflect.TypeFor[regionName]():     text(`^[a-z0-9]+(-[a-z0-9]+){2,}$`),
	reflect.TypeFor[usedBy]():         {AnyOf: []*jsonschema.Schema{{Type: "string", Enum: anyOf(interfaceTypes)}, text(`^amazon-[a-z0-9-]+$`)}},
	reflect.TypeFor[actorPattern]():   text(`^arn:[^:]*:[^:]*:[^:]*:[^:]*:.+$`),
	reflect.TypeFor[testEntry]():      text(`^\s*((ingress|egress)\s+\S+\s+(from|to)\s+\S+|event:.+|[A-Z][A-Za-z]+)\s*$`),
	reflect.TypeFor[callName]():       {Type: "string", Enum: callNames()},
	reflect.TypeFor[stackName]():      text(stackNamePattern().String()),
	reflect.TypeFor[organisationID](): text(organisationPattern().String()),
	reflect.TypeFor[emailAddress]():   text(`^[^@\s]+@[^@\s]+$`),
	reflect.TypeFor[httpsURL]():       text(`^https://[^\s/?#@]+([/?][^\s#]*)?$`),
	reflect.TypeFor[keyARN]():         text(`^arn:aws(-cn|-us-gov)?:kms:[a-z0-9-]+:\d{12}:key/([0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}|mrk-[0-9a-f]{32})$`),
	reflect.TypeFor[queueARN]():       text(`^arn:aws(-cn|-us-gov)?:sqs:[a-z0-9-]+:\d{12}:[A-Za-z0-9_-]{1,80}$`),
	reflect.TypeFor[roleARN]():        text(`^arn:aws(-cn|-us-gov)?:iam::\d{12}:role/[A-Za-z0-9_+=,.@/-]+$`),
	reflect.TypeFor[ruleText]():       text(`^\s*(ingress|egress)\s+\S+\s+(from|to)\s+\S+\s*$`),
}

func callNames() []any {
	names := []any{anyCall}
	for _, name := range watchedCalls() {
		names = append(names, name)
	}
	return names
}

// keySchemas says what keys are where the author chooses them, by the type of
// what stands under one.
var keySchemas = map[reflect.Type]*jsonschema.Schema{
	reflect.TypeFor[possiblyEmpty[setEntry]](): {Pattern: `^[a-z0-9._-]+$`},
	reflect.TypeFor[testListSyntax]():          {Pattern: `^pl-[0-9a-f]{8,17}$`},
	reflect.TypeFor[overrideSyntax]():          leafSchemas[reflect.TypeFor[policyID]()],
}

// The methods below say of structs what tags cannot.

func (outerBox) JSONSchemaExtend(s *jsonschema.Schema) { portsNeedProtocols(s) }

func (innerBox) JSONSchemaExtend(s *jsonschema.Schema) { portsNeedProtocols(s) }

func (forbidSyntax) JSONSchemaExtend(s *jsonschema.Schema) {
	portsNeedProtocols(s)
	notEmpty(s, "but")
}

func (settingsSyntax) JSONSchemaExtend(s *jsonschema.Schema) { atMost15m(s, "settle") }

// atMost15m bounds a time span that must be one: longestWait.
func atMost15m(s *jsonschema.Schema, key string) {
	span, _ := s.Properties.Get(key)
	span.Pattern = `^(0+h)?(0*(\d|1[0-5])m)?(\d{1,3}s)?$`
}

func (stackSyntax) JSONSchemaExtend(s *jsonschema.Schema) {
	days, _ := s.Properties.Get("logDays")
	days.Minimum, days.Maximum = "", ""
	for _, d := range logDays {
		days.Enum = append(days.Enum, d)
	}
	concurrency, _ := s.Properties.Get("concurrency")
	concurrency.Minimum, concurrency.Maximum = "2", "1000"
}

func (subscriberSyntax) JSONSchemaExtend(s *jsonschema.Schema) { oneEndpoint(s) }

func (alertsSyntax) JSONSchemaExtend(s *jsonschema.Schema) { oneEndpoint(s) }

func (filterSyntax) JSONSchemaExtend(s *jsonschema.Schema) {
	s.MinProperties, s.MaxProperties = ptr(uint64(1)), ptr(uint64(5))
}

func oneEndpoint(s *jsonschema.Schema) {
	for _, key := range []string{"email", "https", "queue"} {
		s.OneOf = append(s.OneOf, &jsonschema.Schema{Required: []string{key}})
	}
}

func (overrideSyntax) JSONSchemaExtend(s *jsonschema.Schema) {
	notEmpty(s, "but")
	s.If = withProperties("off", &jsonschema.Schema{Const: true})
	s.If.Required = []string{"off"}
	s.Then = &jsonschema.Schema{MaxProperties: ptr(uint64(1))}
}

func (scopeSyntax) JSONSchemaExtend(s *jsonschema.Schema) {
	not, _ := s.Properties.Get("not")
	not.MinProperties = ptr(uint64(1))
}

func (groupPeerSyntax) JSONSchemaExtend(s *jsonschema.Schema) { s.MinProperties = ptr(uint64(1)) }

func (tolerateSyntax) JSONSchemaExtend(s *jsonschema.Schema) { oneOrMore(s, "ipv4", "ipv6") }

func (requireSyntax) JSONSchemaExtend(s *jsonschema.Schema) {
	oneOrMore(s, "description", "notDescribed", "maxPorts", "maxPrefix", "tags", "notNamed", "maxRules", "references", "elastic", "attached", "distinct", "maxGroups")
	longSpan(s, "grace")
}

func (testGroupSyntax) JSONSchemaExtend(s *jsonschema.Schema) { longSpan(s, "for") }

func (caseSyntax) JSONSchemaExtend(s *jsonschema.Schema) {
	oneOrMore(s, "pass", "exempt", "fail", "want")
}

// longSpan is for a span that may be longer than what a queue can wait for.
func longSpan(s *jsonschema.Schema, key string) {
	span, _ := s.Properties.Get(key)
	span.Pattern = `^(\d+h)?(\d+m)?(\d+s)?$`
}

// portsNeedProtocols lets ports stand only beside protocols that have some.
func portsNeedProtocols(s *jsonschema.Schema) {
	haveSome := &jsonschema.Schema{Items: &jsonschema.Schema{Enum: []any{"tcp", "udp", "6", "17", 6, 17}}}
	s.If = &jsonschema.Schema{Required: []string{"ports"}}
	s.Then = withProperties("protocols", haveSome)
}

// notEmpty asks for a key in every entry of a list.
func notEmpty(s *jsonschema.Schema, key string) {
	list, _ := s.Properties.Get(key)
	list.Items.MinProperties = ptr(uint64(1))
}

// oneOrMore asks for one of some keys.
func oneOrMore(s *jsonschema.Schema, keys ...string) {
	for _, key := range keys {
		s.AnyOf = append(s.AnyOf, &jsonschema.Schema{Required: []string{key}})
	}
}

// withProperties is a schema of properties: a key, its schema, and so on.
func withProperties(pairs ...any) *jsonschema.Schema {
	s := &jsonschema.Schema{Properties: jsonschema.NewProperties()}
	for i := 0; i < len(pairs); i += 2 {
		s.Properties.Set(pairs[i].(string), pairs[i+1].(*jsonschema.Schema))
	}
	return s
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
		mapping := reflected(reflect.TypeFor[fields]())
		mapping.If = withProperties("do", &jsonschema.Schema{Enum: []any{"revert", "tag", "alert"}})
		mapping.Then = withProperties("to", jsonschema.FalseSchema, "parts", jsonschema.FalseSchema)
		mapping.AllOf = []*jsonschema.Schema{{
			If:   withProperties("do", &jsonschema.Schema{Enum: []any{"tag", "alert"}}),
			Then: withProperties("onList", jsonschema.FalseSchema),
		}}
		atMost15m(mapping, "after")
		return &jsonschema.Schema{AnyOf: []*jsonschema.Schema{{Type: "string", Enum: []any{"revert", "narrow", "tag", "alert"}}, mapping}}
	case t.Kind() == reflect.Slice && strings.HasPrefix(t.Elem().Name(), "keyedEntry["):
		value, _ := t.Elem().FieldByName("value")
		return &jsonschema.Schema{Type: "object", AdditionalProperties: reflected(value.Type), PropertyNames: keySchemas[value.Type]}
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
	policy.If = &jsonschema.Schema{Required: []string{"require"}}
	policy.Then = withProperties("tolerate", jsonschema.FalseSchema)
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
	trees := new(yamlReader).read(newSourceText(Source{File: "file.yaml", Text: []byte(file)}, r), r)
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
		if !json.Valid([]byte(n.text)) { // 022, 1_000: what they are differs from reader to reader
			return n.text
		}
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
	for _, pattern := range []string{"../../policies/*.yaml", "../../cmd/sgwarden/skeleton/*.yaml"} {
		more, err := filepath.Glob(pattern)
		require.NoError(t, err)
		require.NotEmpty(t, more, pattern)
		for _, name := range more {
			file, err := os.ReadFile(name)
			require.NoError(t, err)
			require.NoError(t, validate(t, s, string(file)), name)
		}
	}
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
		{"exception of everything", "but: [{peers: [\"set:offices\"]}]", "but: [{}]"},
		{"scope.not of everything", "not: {groups: {names: [\"web-old-*\"]}}", "not: {}"},
		{"ports of icmp", "protocols: [tcp, 17]", "protocols: [tcp, icmp]"},
		{"parts of a revert", "remedy: {do: narrow,", "remedy: {do: revert,"},
		{"a wait of an hour", "after: 15m", "after: 1h"},
		{"tolerance of nothing", "tolerate: {ipv4: /16, ipv6: /32, per: group}", "tolerate: {per: group}"},
	} {
		require.Contains(t, good, c.from, c.name)
		require.Error(t, validate(t, s, strings.Replace(good, c.from, c.to, 1)), c.name)
	}
}

// TestEveryKeyIsDescribed: an editor shows the description of a key where it
// is written.
func TestEveryKeyIsDescribed(t *testing.T) {
	var root any
	require.NoError(t, json.Unmarshal(languageSchema(), &root))
	bare, keys := map[string]bool{}, 0
	var walk func(path string, node any)
	walk = func(path string, node any) {
		switch n := node.(type) {
		case []any:
			for _, x := range n {
				walk(path, x)
			}
		case map[string]any:
			properties, _ := n["properties"].(map[string]any)
			for key, p := range properties {
				keys++
				if m, ok := p.(map[string]any); ok && m["description"] == nil {
					bare[path+"."+key] = true
				}
				walk(path+"."+key, p)
			}
			for key, x := range n {
				if !slices.Contains([]string{"properties", "if", "then", "not"}, key) {
					walk(path, x)
				}
			}
		}
	}
	walk("", root)
	require.Greater(t, keys, 150)
	require.Empty(t, bare)
}

// beyondSchema are the fault files in which some document is wrong in a way
// that a schema cannot say, or not without saying it for every key: their
// documents are valid under it.
var beyondSchema = map[string]string{
	"chosen-scope-untrusted": "depends on trusted in the settings",
	"duplicate-policy":       "two documents",
	"escapes":                "characters that no key may hold",
	"inverted-range":         "compares two numbers",
	"set-cycle":              "follows names",
	"shared-set":             "computes a block",
	"stack-partitions":       "compares ARNs",
	"these-outside-within":   "computes with blocks and ports",
	"unknown-set":            "follows names",
}

// TestTheSchemaRefusesWhatTheParserRefuses: editors know the schema alone.
func TestTheSchemaRefusesWhatTheParserRefuses(t *testing.T) {
	s := compiledSchema(t)
	files, err := filepath.Glob("testdata/faults/*.yaml")
	require.NoError(t, err)
	refused := 0
	for _, file := range files {
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		name := strings.TrimSuffix(filepath.Base(file), ".yaml")
		r := &reporter{}
		source := newSourceText(Source{File: name, Text: text}, r)
		if source == nil {
			continue
		}
		trees := new(yamlReader).read(source, r)
		if len(r.faults) > 0 || len(trees) == 0 {
			continue // no YAML, or more of it than the language has
		}
		if strings.HasSuffix(name, "-not-yet") {
			continue // part of the language: only this version refuses it
		}
		valid := validate(t, s, string(text)) == nil
		if !valid {
			refused++
		}
		if why, listed := beyondSchema[name]; listed != valid {
			t.Errorf("%s: valid under the schema: %t (%s)\n%s", name, valid, why, text)
		}
	}
	for name := range beyondSchema {
		require.FileExists(t, "testdata/faults/"+name+".yaml")
	}
	t.Logf("%d of %d fault files are refused by the schema, %d are beyond it", refused, len(files), len(beyondSchema))
}

func anyOf(texts []string) []any {
	var out []any
	for _, t := range texts {
		out = append(out, t)
	}
	return out
}
