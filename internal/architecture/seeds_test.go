package architecture

import (
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestPropertiesHaveFixedSeeds: a property that draws other values in every run
// fails one day for a change that has nothing to do with it.
func TestPropertiesHaveFixedSeeds(t *testing.T) {
	out, err := exec.Command("go", "list", "-e", "-json=ImportPath,TestImports,XTestImports", module+"...").Output()
	require.NoError(t, err)
	found := 0
	for dec := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p struct {
			ImportPath                string
			TestImports, XTestImports []string
		}
		if err := dec.Decode(&p); errors.Is(err, io.EOF) {
			break
		} else {
			require.NoError(t, err)
		}
		imports := slices.Concat(p.TestImports, p.XTestImports)
		if p.ImportPath != module+"internal/fixedseed" && slices.Contains(imports, "pgregory.net/rapid") {
			found++
			assert.Contains(t, imports, module+"internal/fixedseed", "%s draws at random", p.ImportPath)
		}
	}
	require.NotZero(t, found)
}
