//go:build e2e

package e2e

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
)

// product is what `make build` makes, for the machine that runs the test.
type product struct {
	dist, bootstrap, sha256 string
	digest                  string // of the policies beside the bootstrap
}

// version is that of what is built: git's changes with every commit, also in the
// middle of a run.
const version = "VERSION=e2e"

func build(dist string) (product, error) {
	p := product{dist: dist, bootstrap: filepath.Join(dist, "guard", "bootstrap")}
	out, err := exec.Command("make", "-C", "..", "build", "GOARCH="+runtime.GOARCH, "DIST="+dist, version).CombinedOutput()
	if err != nil {
		return p, fmt.Errorf("make build: %w\n%s", err, out)
	}
	if p.digest = string(regexp.MustCompile(`\b[0-9a-f]{64}\b`).Find(out)); p.digest == "" {
		return p, fmt.Errorf("make build tells no digest of the policies: %s", out)
	}
	binary, err := os.ReadFile(p.bootstrap)
	if err != nil {
		return p, err
	}
	sum := sha256.Sum256(binary)
	p.sha256 = hex.EncodeToString(sum[:])
	return p, nil
}
