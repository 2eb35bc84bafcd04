package conformance_test

import (
	"flag"
	"os"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sgwarden/sgwarden/internal/conformance"
)

var update = flag.Bool("update", false, "write generated files")

const page = "../../docs/reference/conformance.md"

func TestReferenceIsCurrent(t *testing.T) {
	want := conformance.Reference()
	if *update {
		require.NoError(t, os.WriteFile(page, []byte(want), 0o644))
	}
	got, err := os.ReadFile(page)
	require.NoError(t, err)
	require.Equal(t, want, string(got), "run go test ./internal/conformance -run Reference -update")
}

func TestMotoDifferencesNameCases(t *testing.T) {
	names := map[string]bool{}
	for _, c := range conformance.Cases() {
		names[c.Name] = !c.Staged
	}
	require.NotEmpty(t, conformance.MotoDifferences())
	for name := range conformance.MotoDifferences() {
		assert.True(t, names[name], "moto.txt names %s, which is no case that moto is asked", name)
	}
}
