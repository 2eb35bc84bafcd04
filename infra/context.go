package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
)

// Where the CDK's command puts the context, of cdk.json and -c alike: as JSON
// into the first, and what is too large for that into a file that the second
// names (aws-cdk-lib, cx-api: CONTEXT_ENV, CONTEXT_OVERFLOW_LOCATION_ENV).
const (
	contextVariable  = "CDK_CONTEXT_JSON"
	overflowVariable = "CONTEXT_OVERFLOW_LOCATION_ENV"
)

// contextOf is the whole context. It is read before there is an app: that would
// be the first construct, and takes seconds to load.
func contextOf(environment func(string) string) (map[string]any, error) {
	context := map[string]any{}
	if path := environment(overflowVariable); path != "" {
		text, err := os.ReadFile(path)
		if err != nil {
			return nil, fmt.Errorf("read context: %w", err)
		}
		if err := json.Unmarshal(text, &context); err != nil {
			return nil, fmt.Errorf("read context %s: %w", path, err)
		}
	}
	if text := environment(contextVariable); text != "" {
		var here map[string]any
		if err := json.Unmarshal([]byte(text), &here); err != nil {
			return nil, fmt.Errorf("read context of %s: %w", contextVariable, err)
		}
		maps.Copy(context, here)
	}
	return context, nil
}
