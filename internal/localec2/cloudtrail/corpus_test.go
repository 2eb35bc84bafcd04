package cloudtrail_test

import (
	"bufio"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
)

var update = flag.Bool("update", false, "write generated files")

const shapesFile = "testdata/shapes.txt"

// TestMain leaves out the test that needs the corpus of real records where
// nobody asked for it and it is not beside the repository: a stranger's clone
// has none. Where SGWARDEN_CORPUS is set, a missing corpus fails it.
func TestMain(m *testing.M) {
	flag.Parse()
	if _, err := os.Stat(corpusFolder()); err != nil && os.Getenv("SGWARDEN_CORPUS") == "" {
		fmt.Println("SHOW corpus: not here; TestCorpusShapes is left out (set SGWARDEN_CORPUS to its folder)")
		if err := flag.Set("test.skip", "^TestCorpus"); err != nil {
			panic(err)
		}
	}
	os.Exit(m.Run())
}

// corpusFolder gives the folder of real-events.ndjson. A relative
// SGWARDEN_CORPUS counts from the root of the repository.
func corpusFolder() string {
	const root = "../../.."
	folder := os.Getenv("SGWARDEN_CORPUS")
	if folder == "" {
		folder = filepath.Join("..", "shared", "events")
	}
	if filepath.IsAbs(folder) {
		return folder
	}
	return filepath.Join(root, folder)
}

// TestCorpusShapes holds the file of shapes against the records that it was
// made of: those of EC2's calls that the embedded EC2 records.
func TestCorpusShapes(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(corpusFolder(), "bulk", "*.ndjson"))
	require.NoError(t, err)
	require.NotEmpty(t, files)
	real := shapes{}
	for _, name := range append(files, filepath.Join(corpusFolder(), "real-events.ndjson")) {
		file, err := os.Open(name)
		require.NoError(t, err)
		lines := bufio.NewScanner(file)
		lines.Buffer(nil, 4<<20)
		for lines.Scan() {
			r, err := readRecord(lines.Bytes())
			require.NoError(t, err, name)
			if action, _ := r["eventName"].(string); r["eventSource"] == "ec2.amazonaws.com" && slices.Contains(recorded, action) {
				real.note(r)
			}
		}
		require.NoError(t, lines.Err())
		require.NoError(t, file.Close())
	}
	if *update {
		require.NoError(t, os.WriteFile(shapesFile, []byte(real.String()), 0o644))
	}
	text, err := os.ReadFile(shapesFile)
	require.NoError(t, err)
	require.Equal(t, real.String(), string(text), "run go test ./internal/localec2/cloudtrail -run Corpus -update")
}
