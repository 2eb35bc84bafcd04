package bundle

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sgwarden/sgwarden/internal/policy"
)

// everyPack reads all embedded packs, as a deployment that lists them all.
func everyPack(t *testing.T) policy.Parsed {
	t.Helper()
	packs, err := readPacks()
	require.NoError(t, err)
	text := "apiVersion: sgwarden/v1\nkind: Settings\npacks:\n"
	for id := range packs {
		text += "  - " + id + "\n"
	}
	parsed, err := policy.Parse([]policy.Source{{File: "all.yaml", Text: []byte(text)}}, packs)
	require.NoError(t, err)
	return parsed
}

func TestShippedPoliciesKeepTheirTests(t *testing.T) {
	failures, ran, err := everyPack(t).RunTests(time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC))
	require.NoError(t, err)
	require.Empty(t, failures)
	require.Greater(t, ran, 80)
}
