package alert_test

import (
	"bytes"
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sgwarden/sgwarden/internal/alert"
	"github.com/sgwarden/sgwarden/internal/incident"
)

var home = alert.Home{Partition: "aws", Region: "eu-central-1", AccountID: "123456789012"}

// told is when the messages of situations are sent.
var told = noon.Add(time.Hour)

// forms are those of the optional sinks, by the folder of their golden files.
var forms = map[string]func(testing.TB, incident.Incident) []byte{
	"chat":    func(t testing.TB, i incident.Incident) []byte { return chat(t, i) },
	"finding": func(t testing.TB, i incident.Incident) []byte { return asJSON(t, alert.FindingOf(i, home, told)) },
}

func chat(t require.TestingT, i incident.Incident) []byte {
	text, err := alert.Chat(i)
	require.NoError(t, err)
	return text
}

func asJSON(t require.TestingT, v any) []byte {
	text, err := json.Marshal(v)
	require.NoError(t, err)
	return text
}

// TestGoldenSinks holds what chats and Security Hub are told in every
// situation.
func TestGoldenSinks(t *testing.T) {
	for form, of := range forms {
		for name, i := range situations(t) {
			t.Run(form+"/"+name, func(t *testing.T) {
				var b bytes.Buffer
				require.NoError(t, json.Indent(&b, of(t, i), "", "  "))
				b.WriteByte('\n')
				path := filepath.Join("testdata", form, name+".json")
				if *update && os.Getenv("CI") == "" {
					require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
					require.NoError(t, os.WriteFile(path, b.Bytes(), 0o644))
				}
				want, err := os.ReadFile(path)
				require.NoError(t, err)
				require.Equal(t, string(want), b.String(), "run go test ./internal/alert -update, and read what it wrote")
			})
		}
		files, err := filepath.Glob(filepath.Join("testdata", form, "*.json"))
		require.NoError(t, err)
		var want []string
		for _, name := range slices.Sorted(maps.Keys(situations(t))) {
			want = append(want, filepath.Join("testdata", form, name+".json"))
		}
		require.ElementsMatch(t, want, files, "files that nothing holds")
	}
}
