package architecture

import (
	"os"
	"path"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

var pageRow = regexp.MustCompile("(?m)^\\| (`[^|]*`) \\|")

// TestThePageHasEveryPackage: the table of docs/ARCHITECTURE.md names each
// package, or a folder that it is in, and nothing that there is not.
func TestThePageHasEveryPackage(t *testing.T) {
	text, err := os.ReadFile("../../docs/ARCHITECTURE.md")
	require.NoError(t, err)
	named := map[string]bool{}
	for _, row := range pageRow.FindAllStringSubmatch(string(text), -1) {
		for _, name := range strings.Split(row[1], ", ") {
			named[strings.Trim(name, "`")] = true
		}
	}
	for name := range named {
		_, err := os.Stat("../../" + name)
		require.NoError(t, err, "the page names %s", name)
	}
	for name := range allowed {
		folder := name
		for folder != "." && !named[folder] {
			folder = path.Dir(folder)
		}
		require.NotEqual(t, ".", folder, "the page does not name %s", name)
	}
}
