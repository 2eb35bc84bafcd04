package policy

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
)

// A fault file marks its places in the line below each fault: carets in a
// comment under what is meant, or, where a comment cannot reach, `#@COLUMN WIDTH`.
var (
	markCarets = regexp.MustCompile(`^\s*#[ ^]*\^[ ^]*$`)
	markColumn = regexp.MustCompile(`^\s*#@(\d+) (\d+)$`)
)

type mark struct{ line, column, width int }

func marksOf(text string) []mark {
	var out []mark
	line := 0 // the last one that is no mark
	for i, l := range strings.Split(strings.ReplaceAll(strings.TrimPrefix(text, "\ufeff"), "\r\n", "\n"), "\n") {
		if m := markColumn.FindStringSubmatch(l); m != nil {
			column, _ := strconv.Atoi(m[1])
			width, _ := strconv.Atoi(m[2])
			out = append(out, mark{line, column, width})
			continue
		}
		if !markCarets.MatchString(l) {
			line = i + 1
			continue
		}
		for _, span := range regexp.MustCompile(`\^+`).FindAllStringIndex(l, -1) {
			out = append(out, mark{line, span[0] + 1, span[1] - span[0]})
		}
	}
	return out
}

func faultsOf(t *testing.T, sources ...Source) Faults {
	t.Helper()
	parsed, err := Parse(sources, nil)
	require.Error(t, err)
	require.Empty(t, parsed.Documents, "something was loaded beside faults")
	var faults Faults
	require.ErrorAs(t, err, &faults)
	return faults
}

func TestFaultFiles(t *testing.T) {
	files, err := filepath.Glob("testdata/faults/*.yaml")
	require.NoError(t, err)
	require.Greater(t, len(files), 50)
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".yaml"), func(t *testing.T) {
			text, err := os.ReadFile(file)
			require.NoError(t, err)
			name := filepath.Base(file)
			faults := faultsOf(t, Source{File: name, Text: text})
			requireMarks(t, marksOf(string(text)), faults)
			for _, f := range faults {
				requireCaret(t, f)
			}
			golden := strings.TrimSuffix(file, ".yaml") + ".want"
			if *update {
				require.NoError(t, os.WriteFile(golden, []byte(faults.Error()+"\n"), 0o644))
			}
			want, err := os.ReadFile(golden)
			require.NoError(t, err)
			require.Equal(t, string(want), faults.Error()+"\n")
		})
	}
}

// requireMarks holds faults against the marks of their file: every mark has a
// fault, every fault with a line a mark. Files that cannot hold marks have none.
func requireMarks(t *testing.T, marks []mark, faults Faults) {
	t.Helper()
	if len(marks) == 0 {
		require.Len(t, faults, 1)
		return
	}
	var got []mark
	for _, f := range faults {
		if m := (mark{f.Line, f.Column, f.Width}); !slices.Contains(got, m) {
			got = append(got, m)
		}
	}
	missing := slices.DeleteFunc(slices.Clone(marks), func(m mark) bool { return slices.Contains(got, m) })
	extra := slices.DeleteFunc(got, func(m mark) bool { return slices.Contains(marks, m) })
	require.False(t, len(missing)+len(extra) > 0, "marked without a fault: %v; faults without a mark: %v\n%v", missing, extra, faults)
}

// requireCaret holds that the shown line carries its carets under the place.
func requireCaret(t *testing.T, f Diagnostic) {
	t.Helper()
	lines := strings.Split(f.String(), "\n")
	require.Equal(t, f.Place()+": "+f.Message, lines[0])
	if f.Line == 0 {
		return
	}
	require.Equal(t, fmt.Sprintf("%s:%d:%d", f.File, f.Line, f.Column), f.Place())
	_, shown, ok := strings.Cut(lines[1], "|")
	require.True(t, ok)
	_, carets, ok := strings.Cut(lines[2], "|")
	require.True(t, ok)
	at := strings.Index(carets, "^")
	require.Positive(t, at)
	from := []rune(shown + " ")[at:min(utf8.RuneCountInString(carets), utf8.RuneCountInString(shown)+1)]
	excerpt := []rune(f.Excerpt)
	meant := excerpt[min(f.Column-1, len(excerpt)):min(f.Column-1+f.Width, len(excerpt))]
	require.True(t, strings.HasPrefix(string(meant), strings.TrimRight(string(from), " …\ufffd")), "%q is under the carets, meant is %q", string(from), string(meant))
	if f.Hint != "" {
		require.Contains(t, lines[len(lines)-1], "hint: "+f.Hint)
	}
}
