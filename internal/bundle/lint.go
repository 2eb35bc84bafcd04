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
	_, found, err := lint(path, now, policy.ParseOptions{})
	return found, err
}

// lint is Lint; where no fault kept the files from being read it also returns
// what they say.
func lint(path string, now time.Time, o policy.ParseOptions) (Stack, []policy.Diagnostic, error) {
	parsed, err := parseFolder(path, o)
	var faults policy.Faults
	switch {
	case errors.As(err, &faults):
		return Stack{}, faults, nil
	case err != nil:
		return Stack{}, nil, err
	}
	found := policy.Lint(parsed, now)
	b := newBundle(parsed, path, sourcesHash{})
	if _, err := b.Compile(Options{}); err != nil {
		fault := policy.Diagnostic{File: path, Message: err.Error()}
		if errors.Is(err, ErrNoPolicy) {
			fault.Hint = "write a policy, or list packs in the settings: packs: [baseline]; sgwarden init DIR makes a folder with both"
		}
		found = append(found, fault)
	}
	return Stack{parsed.Stack, b.Digest}, found, nil
}
