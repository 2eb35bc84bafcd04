package main

import (
	"bytes"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestZipHoldsEveryFile(t *testing.T) {
	folder := t.TempDir()
	noise := make([]byte, 50_000)
	for i := range noise {
		noise[i] = byte(rand.IntN(256))
	}
	require.NoError(t, os.WriteFile(filepath.Join(folder, "bootstrap"), noise, 0o600))
	one, err := zipSize(folder)
	require.NoError(t, err)
	require.InDelta(t, 50_000, one, 1000)
	require.NoError(t, os.WriteFile(filepath.Join(folder, "policies.bundle"), bytes.Repeat([]byte("same"), 50_000), 0o600))
	two, err := zipSize(folder)
	require.NoError(t, err)
	require.Greater(t, two, one)
	require.Less(t, two, one+5000, "what repeats is deflated")
}
