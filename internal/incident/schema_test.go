package incident_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/invopop/jsonschema"
	validator "github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/sgwarden/sgwarden/internal/incident"
)

var update = flag.Bool("update", false, "write generated files and golden files")

const schemaPath = "../../docs/reference/incident.schema.json"

// generateSchema derives the published schema from the document types.
func generateSchema(t *testing.T) []byte {
	t.Helper()
	reflector := jsonschema.Reflector{AllowAdditionalProperties: true, DoNotReference: true, ExpandedStruct: true, Anonymous: true}
	schema := reflector.Reflect(&incident.Document{})
	schema.ID = "https://github.com/sgwarden/sgwarden/docs/reference/incident.schema.json"
	schema.Title = "sgwarden incident document"
	schema.Description = "What sgwarden says of the rules of one security group that became due in one judging. Texts marked as not to be trusted were chosen by others. Keys may be added within a schemaVersion; `sgwarden demo -o json` adds record, the 1-based place of the input record."
	names := []any{}
	for _, o := range incident.Outcomes() {
		names = append(names, o.String())
	}
	rule, _ := schema.Properties.Get("rules")
	inner, _ := rule.Items.Properties.Get("outcome")
	outer, _ := schema.Properties.Get("outcome")
	inner.Enum, outer.Enum = names, names
	text, err := json.MarshalIndent(schema, "", "  ")
	require.NoError(t, err)
	return append(text, '\n')
}

func TestSchemaIsTheDocuments(t *testing.T) {
	want := generateSchema(t)
	if *update && os.Getenv("CI") == "" {
		require.NoError(t, os.WriteFile(schemaPath, want, 0o644))
	}
	got, err := os.ReadFile(schemaPath)
	require.NoError(t, err)
	require.Equal(t, string(want), string(got), "run go test ./internal/incident -update")
}

// compileSchema compiles the published schema.
func compileSchema(t *testing.T) *validator.Schema {
	t.Helper()
	text, err := os.ReadFile(schemaPath)
	require.NoError(t, err)
	parsed, err := validator.UnmarshalJSON(bytes.NewReader(text))
	require.NoError(t, err)
	compiler := validator.NewCompiler()
	compiler.AssertFormat()
	require.NoError(t, compiler.AddResource("incident.schema.json", parsed))
	schema, err := compiler.Compile("incident.schema.json")
	require.NoError(t, err)
	return schema
}

func requireValid(t require.TestingT, schema *validator.Schema, text []byte) {
	parsed, err := validator.UnmarshalJSON(bytes.NewReader(text))
	require.NoError(t, err)
	require.NoError(t, schema.Validate(parsed))
}

func TestEveryDocumentIsValid(t *testing.T) {
	schema := compileSchema(t)
	rapid.Check(t, func(t *rapid.T) {
		i := drawIncident(t)
		i.Outcome = max(i.Outcome, incident.Ignored)
		text, err := json.Marshal(i)
		require.NoError(t, err)
		requireValid(t, schema, text)
		text, err = i.MarshalRecord(1)
		require.NoError(t, err)
		requireValid(t, schema, text)
	})
}

func TestSchemaRefuses(t *testing.T) {
	schema := compileSchema(t)
	for name, spoil := range map[string]func(d map[string]any){
		"another version":     func(d map[string]any) { d["schemaVersion"] = "2" },
		"a missing key":       func(d map[string]any) { delete(d, "incidentId") },
		"an unknown outcome":  func(d map[string]any) { d["outcome"] = "fine" },
		"no outcome":          func(d map[string]any) { d["outcome"] = nil },
		"a time that is none": func(d map[string]any) { d["openedAt"] = "yesterday" },
		"rules that are null": func(d map[string]any) { d["rules"] = nil },
		"a rule without its outcome": func(d map[string]any) {
			d["rules"] = []any{map[string]any{"id": "sgr-1"}}
		},
	} {
		t.Run(name, func(t *testing.T) {
			text, err := json.Marshal(incident.Incident{Outcome: incident.Compliant})
			require.NoError(t, err)
			requireValid(t, schema, text)
			var d map[string]any
			require.NoError(t, json.Unmarshal(text, &d))
			spoil(d)
			text, err = json.Marshal(d)
			require.NoError(t, err)
			parsed, err := validator.UnmarshalJSON(bytes.NewReader(text))
			require.NoError(t, err)
			require.Error(t, schema.Validate(parsed))
		})
	}
}

// TestReferenceNamesEverything holds the page for people and the code together.
func TestReferenceNamesEverything(t *testing.T) {
	text, err := os.ReadFile("../../docs/reference/incident.md")
	require.NoError(t, err)
	var rows []string
	for _, line := range strings.Split(string(text), "\n") {
		if name, _, found := strings.Cut(strings.TrimPrefix(line, "| `"), "`"); found && strings.HasPrefix(line, "| `") {
			rows = append(rows, name)
		}
	}
	var want []string
	for _, o := range slices.Backward(incident.Outcomes()) {
		want = append(want, o.String())
	}
	for _, e := range incident.EventTypes {
		want = append(want, string(e))
	}
	require.GreaterOrEqual(t, len(rows), len(want))
	require.Equal(t, want, rows[:len(want)], "outcomes from the worst, then event types")
	for _, s := range []string{"432000", "350", "180", "600", "`\"" + incident.SchemaVersion + "\"`", incident.BasisGroup} {
		require.Contains(t, string(text), s)
	}
}
