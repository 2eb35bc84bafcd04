package bundle

import (
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"time"

	"github.com/sgwarden/sgwarden/internal/policy"
	"github.com/sgwarden/sgwarden/policies"
)

// RunTests runs the tests of the policies in a folder, under its settings, or,
// for "", those of the embedded packs: see policy.Parsed.RunTests. Records that
// cases name lie beside the file of the tests. Faults in policy files are
// policy.Faults.
func RunTests(folder string, now time.Time, choose func(policy, name string) bool) (policy.TestReport, error) {
	parsed, err := parsePacks()
	files, shown := policies.Packs(), "packs"
	if folder != "" {
		parsed, err = parseFolder(folder, policy.ParseOptions{})
		files, shown = os.DirFS(folder), folder
	}
	if err != nil {
		return policy.TestReport{}, err
	}
	return parsed.RunTests(now, policy.TestSelection{
		Shipped: folder == "", Case: choose,
		Event: func(tests, name string) ([]byte, error) { return readBeside(files, within(tests, shown), name) },
	})
}

// readBeside reads a file that lies in the folder of another, or below it.
func readBeside(files fs.FS, other, name string) ([]byte, error) {
	at := path.Join(path.Dir(filepath.ToSlash(other)), name)
	if !fs.ValidPath(at) || strings.Contains(name, "..") {
		return nil, fmt.Errorf("%s: not a file beside the tests", name)
	}
	return readBounded(files, at, policy.MaxSource)
}
