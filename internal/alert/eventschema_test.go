package alert_test

import (
	"bytes"
	"encoding/json"
	"os"
	"testing"

	validator "github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/stretchr/testify/require"

	"github.com/sgwarden/sgwarden/internal/alert"
	"github.com/sgwarden/sgwarden/internal/incident"
)

const eventSchemaFile = "../../docs/reference/event.schema.json"

// eventSchema is the schema of the events on the bus: what EventBridge makes
// of an entry, with the incident document in it.
func eventSchema() map[string]any {
	text := map[string]any{"type": "string"}
	var types []string
	for _, e := range incident.EventTypes {
		types = append(types, alert.DetailTypeOf(e))
	}
	return map[string]any{
		"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "Event on the bus of sgwarden", "type": "object",
		"required": []string{"source", "detail-type", "account", "region", "time", "id", "resources", "detail"},
		"properties": map[string]any{
			"version": text, "id": text, "region": text, "time": map[string]any{"type": "string", "format": "date-time"},
			"source":      map[string]any{"const": alert.EventSource},
			"detail-type": map[string]any{"enum": types},
			"account":     map[string]any{"type": "string", "pattern": `^\d{12}$`, "description": "Who sent it, in EventBridge's word. detail.accountId is the sender's."},
			"resources":   map[string]any{"type": "array", "maxItems": 1, "items": map[string]any{"type": "string", "pattern": "^arn:"}},
			"detail":      map[string]any{"$ref": "incident.schema.json"},
		},
	}
}

// TestEventsFollowTheirSchema holds the published schema, and every situation
// to it.
func TestEventsFollowTheirSchema(t *testing.T) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetIndent("", "  ")
	enc.SetEscapeHTML(false)
	require.NoError(t, enc.Encode(eventSchema()))
	if *update && os.Getenv("CI") == "" {
		require.NoError(t, os.WriteFile(eventSchemaFile, b.Bytes(), 0o644))
	}
	want, err := os.ReadFile(eventSchemaFile)
	require.NoError(t, err)
	require.Equal(t, string(want), b.String(), "run go test ./internal/alert -update")

	schema, err := validator.NewCompiler().Compile(eventSchemaFile)
	require.NoError(t, err)
	event := func(i incident.Incident) any {
		detail, err := alert.EventDetail(i)
		require.NoError(t, err)
		resources := []string{}
		if i.Resource != "" {
			resources = append(resources, i.Resource)
		}
		text := asJSON(t, map[string]any{
			"version": "0", "id": "e", "detail-type": alert.DetailTypeOf(i.EventType), "source": alert.EventSource, "account": "123456789012",
			"time": "2026-11-23T12:00:00Z", "region": "eu-central-1", "resources": resources, "detail": json.RawMessage(detail),
		})
		read, err := validator.UnmarshalJSON(bytes.NewReader(text))
		require.NoError(t, err)
		return read
	}
	for name, i := range situations(t) {
		require.NoError(t, schema.Validate(event(i)), name)
	}
	i := usual()
	i.EventType = "" // no event has none
	require.Error(t, schema.Validate(event(i)))
}
