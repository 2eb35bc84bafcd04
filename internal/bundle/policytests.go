package bundle

import (
	"time"

	"github.com/sgwarden/sgwarden/internal/policy"
)

// RunTests runs the tests of the policies in a folder, under its settings, or,
// for "", those of the embedded packs: see policy.Parsed.RunTests. Faults in
// policy files are policy.Faults.
func RunTests(path string, now time.Time, choose func(policy, name string) bool) (policy.TestReport, error) {
	parsed, err := parsePacks()
	if path != "" {
		parsed, err = parseFolder(path)
	}
	if err != nil {
		return policy.TestReport{}, err
	}
	return parsed.RunTests(now, policy.TestSelection{Shipped: path == "", Case: choose})
}
