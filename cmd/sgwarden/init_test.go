package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sgwarden/sgwarden/internal/bundle"
	"github.com/sgwarden/sgwarden/policies"
)

// example is a line of the skeleton that is commented out and meant to be used.
var example = regexp.MustCompile(`(?m)^( *)#(\S|  +[A-Za-z-]+:|  +- \{?[a-z]+:|  +\S.*# )`)

// TestTheExamplesOfTheSkeletonWork takes the # of every example away.
func TestTheExamplesOfTheSkeletonWork(t *testing.T) {
	files, err := skeletonFiles()
	require.NoError(t, err)
	dir, examples := t.TempDir(), 0
	for _, f := range files {
		text := string(f.text)
		if strings.HasSuffix(f.name, ".yaml") {
			examples += len(example.FindAllString(text, -1))
			text = example.ReplaceAllString(text, "$1$2")
		}
		require.NoError(t, os.WriteFile(filepath.Join(dir, f.name), []byte(text), 0o644))
	}
	ranges := `{"createDate": "2026-05-31-00-00-00", "prefixes": [{"ip_prefix": "8.8.8.0/24", "region": "eu-west-1", "service": "EC2"}], "ipv6_prefixes": []}`
	require.NoError(t, os.WriteFile(filepath.Join(dir, "ip-ranges.json"), []byte(ranges), 0o644))
	require.Equal(t, 47, examples)
	found, err := bundle.Lint(dir, time.Date(2026, 6, 1, 0, 0, 0, 0, time.UTC))
	require.NoError(t, err)
	require.Empty(t, found)
	_, b, err := bundle.Load(dir, bundle.Options{})
	require.NoError(t, err)
	require.Len(t, b.Deployment.Exemptions, 1)
	require.Len(t, b.Deployment.Internal, 1)
}

// TestTheSkeletonNamesEverySetting compares it with the schema.
func TestTheSkeletonNamesEverySetting(t *testing.T) {
	type schema struct {
		Properties           map[string]schema
		AdditionalProperties any
	}
	var language struct{ OneOf []schema }
	require.NoError(t, json.Unmarshal(policies.Schema, &language))
	text, err := skeleton.ReadFile("skeleton/sgwarden.yaml")
	require.NoError(t, err)
	settings := language.OneOf[1].Properties
	require.Contains(t, settings, "overrides")
	for key := range settings {
		require.Regexp(t, `(?m)^#?`+key+`:`, string(text), "the setting %s", key)
	}
	overrides, err := json.Marshal(settings["overrides"].AdditionalProperties)
	require.NoError(t, err)
	var override schema
	require.NoError(t, json.Unmarshal(overrides, &override))
	require.Contains(t, override.Properties, "ports")
	for key := range override.Properties {
		require.Regexp(t, `(?m)^#.*\b`+key+`\b`, string(text), "the override %s", key)
	}
	for key := range settings["stack"].Properties {
		require.Regexp(t, `(?m)^#  `+key+`:`, string(text), "the setting of the stack %s", key)
		if key != "name" {
			require.Regexp(t, `(?m)^#   `+key+` `, string(text), "what %s is", key)
		}
	}
}
