package policy

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestSignsAreCountedBeforeAnythingIsRead: lines, brackets and the like, and the
// colons, dashes and question marks that YAML may see as such.
func TestSignsAreCountedBeforeAnythingIsRead(t *testing.T) {
	few := func(text string) bool {
		r := &reporter{}
		ok := yamlReader{reporter: r, source: &sourceText{file: "p.yaml", text: text, lines: strings.Split(text, "\n")}}.fewSigns()
		require.Equal(t, ok, len(r.faults) == 0)
		return ok
	}
	for name, tc := range map[string]struct {
		sign string
		each int // signs that one is
	}{"lines": {"\n", 1}, "brackets": {"[", 1}, "stars": {"*", 1}, "dashes": {"- ", 1}, "questions": {"?\t", 1}, "colons in words": {"a:b", 0}, "letters": {"abc", 0}} {
		most := maxSigns - 1 // the line that there is counts
		require.True(t, few(strings.Repeat(tc.sign, most)), name)
		require.Equal(t, tc.each == 0, few(strings.Repeat(tc.sign, most+1)), name)
	}
	require.True(t, few(strings.Repeat("a:\n", maxSigns/2-1)))
	require.False(t, few(strings.Repeat("a:\n", maxSigns/2+1)), "a colon at the end of a line, and the line")
}
