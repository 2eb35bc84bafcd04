package alert_test

import (
	"flag"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/sgwarden/sgwarden/internal/alert"
)

var update = flag.Bool("update", false, "write golden files")

// TestGoldenTexts holds the text of every situation, subject first.
func TestGoldenTexts(t *testing.T) {
	for name, i := range situations(t) {
		t.Run(name, func(t *testing.T) {
			m, err := alert.Render(i)
			require.NoError(t, err)
			got := "Subject: " + m.Subject + "\n\n" + m.Text
			path := filepath.Join("testdata", name+".txt")
			if *update && os.Getenv("CI") == "" {
				require.NoError(t, os.MkdirAll("testdata", 0o755))
				require.NoError(t, os.WriteFile(path, []byte(got), 0o644))
			}
			want, err := os.ReadFile(path)
			require.NoError(t, err)
			require.Equal(t, string(want), got, "run go test ./internal/alert -update, and read what it wrote")
		})
	}
}

// TestGoldenTextsAreExactlyTheSituations fails on a file that nothing holds.
func TestGoldenTextsAreExactlyTheSituations(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txt")
	require.NoError(t, err)
	var want []string
	for _, name := range slices.Sorted(maps.Keys(situations(t))) {
		want = append(want, filepath.Join("testdata", name+".txt"))
	}
	require.ElementsMatch(t, want, files)
}
