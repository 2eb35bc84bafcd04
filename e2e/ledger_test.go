//go:build e2e

package e2e

import (
	"os"
	"os/exec"
	"testing"

	"github.com/stretchr/testify/require"
)

// ledgerSuite runs the suite of the ledger on the emulator's DynamoDB: what
// the twin in memory passes in every test run, the table passes here.
func ledgerSuite(t *testing.T) {
	cmd := exec.Command("go", "test", "-tags", "emulator", "-count=1", "-v", "-run", "^TestTable$", "../internal/ledger")
	cmd.Env = append(os.Environ(), "SGWARDEN_TEST_DYNAMODB_ENDPOINT="+stage.emulator.url)
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s", out)
	require.Regexp(t, "--- PASS: TestTable/", string(out), "nothing ran on the table")
}
