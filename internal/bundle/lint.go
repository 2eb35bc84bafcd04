package bundle

import (
	"errors"
	"time"

	"github.com/sgwarden/sgwarden/internal/policy"
)

// Lint looks for all that is wrong or odd in a policy folder, as of now: the
// faults that Load refuses, what only lint refuses, and warnings. The folder
// can be deployed if no diagnostic is more than a warning. Errors are those of
// reading files.
func Lint(path string, now time.Time) ([]policy.Diagnostic, error) {
	parsed, err := parseFolder(path)
	var faults policy.Faults
	switch {
	case errors.As(err, &faults):
		return faults, nil
	case err != nil:
		return nil, err
	}
	found := policy.Lint(parsed, now)
	if _, err := newBundle(parsed, path, sourcesHash{}).Compile(Options{}); err != nil {
		found = append(found, policy.Diagnostic{File: path, Message: err.Error()})
	}
	return found, nil
}
