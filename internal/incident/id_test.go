package incident_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sgwarden/sgwarden/internal/incident"
)

var noon = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

// Ids stand in tables and in other people's tickets: they must never change.
// The expected ones were computed with another implementation of SHA-256.
func TestIDsAreStable(t *testing.T) {
	require.Equal(t, "inc-3093e73df9bb894e8b8477cd", incident.ID("sg-0123456789abcdef0", "sgr-0123456789abcdef0", noon))
	require.Equal(t, "inc-bd48f574d241fb013bbe585c", incident.EventID("sg-0123456789abcdef0", "", "8b5a1a54-0000-4000-8000-000000000001"))
}

func TestIDsDifferWhereTheirPartsDo(t *testing.T) {
	ids := []string{
		incident.ID("sg-1", "sgr-1", noon),
		incident.ID("sg-2", "sgr-1", noon),
		incident.ID("sg-1", "sgr-2", noon),
		incident.ID("sg-1", "sgr-1", noon.Add(time.Nanosecond)),
		incident.ID("sg-1sgr", "-1", noon),
		incident.EventID("sg-1", "sgr-1", noon.Format(time.RFC3339Nano)),
		incident.EventID("sg-1", "", "sgr-1"),
		incident.EventID("sg-1", "sgr-1", ""),
	}
	seen := map[string]bool{}
	for _, id := range ids {
		require.False(t, seen[id], id)
		require.Regexp(t, `^inc-[0-9a-f]{24}$`, id)
		seen[id] = true
	}
}

func TestIDDoesNotDependOnTheZone(t *testing.T) {
	zone := time.FixedZone("somewhere", 3*3600)
	require.Equal(t, incident.ID("sg-1", "sgr-1", noon), incident.ID("sg-1", "sgr-1", noon.In(zone)))
}

func TestChainHashTellsEveryChange(t *testing.T) {
	require.NotEqual(t, incident.ChainHash([]byte(`{"a":1}`)), incident.ChainHash([]byte(`{"a":2}`)))
	require.Len(t, incident.ChainHash(nil), 64)
}
