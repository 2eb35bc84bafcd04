package events

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"testing"
)

// TestMain leaves out the tests that need the corpus of real records where
// nobody asked for it and it is not beside the repository: a stranger's clone
// has none. Where SGWARDEN_CORPUS is set, a missing corpus fails them.
func TestMain(m *testing.M) {
	flag.Parse()
	if _, err := os.Stat(corpusFolder()); err != nil && os.Getenv("SGWARDEN_CORPUS") == "" {
		fmt.Println("SHOW corpus: not here; TestCorpus is left out (set SGWARDEN_CORPUS to its folder)")
		if err := flag.Set("test.skip", "^TestCorpus"); err != nil {
			panic(err)
		}
	}
	os.Exit(m.Run())
}

// corpusFolder gives the folder of real-events.ndjson. A relative
// SGWARDEN_CORPUS counts from the root of the repository.
func corpusFolder() string {
	folder := os.Getenv("SGWARDEN_CORPUS")
	if folder == "" {
		folder = filepath.Join("..", "shared", "events")
	}
	if filepath.IsAbs(folder) {
		return folder
	}
	return filepath.Join("..", folder)
}
