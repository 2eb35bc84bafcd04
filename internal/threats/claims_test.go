package threats

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// named is a test as docs/security.md names it: `TestName` in the folder of the
// link's text.
var named = regexp.MustCompile("\\[`(Test\\w+)`\\]\\(\\.\\./([^)]+)\\)")

// TestClaimsNameTestsThatExist: a claim whose test is gone is a claim no more.
func TestClaimsNameTestsThatExist(t *testing.T) {
	text, err := os.ReadFile("../../docs/security.md")
	require.NoError(t, err)
	found := named.FindAllStringSubmatch(string(text), -1)
	require.Greater(t, len(found), 20)
	for _, m := range found {
		source, err := os.ReadFile(filepath.Join("../..", m[2]))
		require.NoError(t, err, m[1])
		require.True(t, strings.Contains(string(source), "\nfunc "+m[1]+"(t *testing.T) {"), "%s has no test %s", m[2], m[1])
	}
}

// TestEveryThreatSaysWhereItIsShown: a row of the tables without a test or a
// sample says so itself.
func TestEveryThreatSaysWhereItIsShown(t *testing.T) {
	text, err := os.ReadFile("../../docs/security.md")
	require.NoError(t, err)
	rows := 0
	for line := range strings.Lines(string(text)) {
		cells := strings.Split(strings.Trim(strings.TrimSpace(line), "|"), " | ")
		if !strings.HasPrefix(line, "| ") || len(cells) != 4 || strings.Contains(line, "shown by") {
			continue
		}
		rows++
		shown := cells[3]
		require.True(t, named.MatchString(shown) || strings.Contains(shown, "(../infra/scp/") || strings.Contains(shown, "not shown: "), "%s", line)
	}
	require.Greater(t, rows, 15)
}
