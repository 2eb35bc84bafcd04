package stacks

import (
	"debug/elf"
	"fmt"
	"os"
	"path/filepath"

	"github.com/sgwarden/sgwarden/internal/bundle"
	"github.com/sgwarden/sgwarden/internal/guard"
	"github.com/sgwarden/sgwarden/internal/policy"
)

// folders are those of a build that the stack deploys.
var folders = []string{"guard", "sweep", "canary"}

// readDist finds out before the CDK does that nothing was built, or for another
// processor, or of other policies than the settings come with: guard would
// refuse to judge, or the functions would judge by different ones. It gives the
// stack the architecture of the build where the settings have none.
func readDist(dist string, stack *bundle.Stack) (builtPolicies, policy.Faults) {
	var built builtPolicies
	for i, name := range folders {
		folder := filepath.Join(dist, name)
		fault := func(hint, format string, args ...any) (builtPolicies, policy.Faults) {
			return builtPolicies{}, policy.Faults{{File: folder, Message: fmt.Sprintf(format, args...), Hint: hint}}
		}
		bootstrap := filepath.Join(folder, "bootstrap")
		if info, err := os.Stat(bootstrap); err != nil || info.IsDir() {
			return fault("run make build first, or name its folder with -c dist=FOLDER", "there is no bootstrap in it")
		}
		architecture, err := architectureOf(bootstrap)
		switch {
		case err != nil:
			return fault("run make build again", "%v", err)
		case stack.Architecture == "":
			stack.Architecture = architecture
		case stack.Architecture != architecture:
			return fault("build with GOARCH="+goarch[stack.Architecture], "it was built for %s, and the stack is for %s", architecture, stack.Architecture)
		}
		set, b, err := bundle.Load(filepath.Join(folder, bundle.FileName), bundle.Options{Mode: stack.Mode})
		switch {
		case err != nil:
			return fault("run make build again", "its policies cannot be used: %v", err)
		case i == 0:
			built = builtPolicies{digest: b.Digest, needs: guard.Needs(set), reads: guard.Reads(set), asked: guard.Asked(set)}
		case b.Digest != built.digest:
			return fault("run make build again", "its policies are not those of %s", folders[0])
		}
		if stack.Digest != "" && b.Digest != stack.Digest {
			return fault("run make build again, with the same POLICIES", "it was not built of the policies that the settings come with")
		}
	}
	return built, nil
}

// goarch is what Go calls an architecture.
var goarch = map[string]string{"arm64": "arm64", "x86_64": "amd64"}

// architectureOf is what Lambda calls the processor that an executable is for.
func architectureOf(path string) (string, error) {
	f, err := elf.Open(path)
	if err != nil {
		return "", fmt.Errorf("bootstrap is no executable for Linux: %w", err)
	}
	machine := f.Machine
	if err := f.Close(); err != nil {
		return "", err
	}
	switch machine {
	case elf.EM_AARCH64:
		return "arm64", nil
	case elf.EM_X86_64:
		return "x86_64", nil
	}
	return "", fmt.Errorf("bootstrap is for %s, which Lambda has not", machine)
}
