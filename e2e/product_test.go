//go:build e2e

package e2e

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
)

// product is what `make build` makes, for the machine that runs the test.
type product struct{ dist, bootstrap, sha256, digest string }

func build(dist string) (product, error) {
	p := product{dist: dist, bootstrap: filepath.Join(dist, "guard", "bootstrap")}
	out, err := exec.Command("make", "-C", "..", "build", "GOARCH="+runtime.GOARCH, "DIST="+dist).CombinedOutput()
	if err != nil {
		return p, fmt.Errorf("make build: %w\n%s", err, out)
	}
	binary, err := os.ReadFile(p.bootstrap)
	if err != nil {
		return p, err
	}
	sum := sha256.Sum256(binary)
	p.sha256 = hex.EncodeToString(sum[:])
	return p, nil
}
