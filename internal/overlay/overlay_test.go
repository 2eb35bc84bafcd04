package overlay

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

const guarded = `package guarded

var limit = 3

func Allow(n int) bool {
	if n > limit {
		return false
	}
	return true
}

func (d door) open() {
	if d.locked {
		return
	}
	d.turn()
}

func Pick[T any](all ...T) (first T, ok bool) {
	if len(all) == 0 {
		return first, false
	}
	return all[0], true
}
`

func TestADefenceThatMovedIsSaid(t *testing.T) {
	for name, tt := range map[string]struct {
		with []string
		says string
	}{
		"gone":               {[]string{"if n >= limit {"}, "stand there 0 times"},
		"twice":              {[]string{"}"}, "stand there 6 times"},
		"in no function":     {[]string{"var limit = 3"}, "not inside one function"},
		"over two functions": {[]string{"return true", "}", "", "func (d door) open() {"}, "not inside one function"},
	} {
		t.Run(name, func(t *testing.T) {
			root, dir := t.TempDir(), t.TempDir()
			require.NoError(t, os.WriteFile(filepath.Join(root, "guarded.go"), []byte(guarded), 0o600))
			_, err := Write(root, dir, []Defence{{ID: "01.1", Places: []Place{{File: "guarded.go", With: tt.with, Without: []string{"x"}}}}})
			require.ErrorContains(t, err, "defence 01.1 in guarded.go")
			require.ErrorContains(t, err, tt.says)
		})
	}
}

// TestCopies shows what a copy looks like: the functions as they are, under
// another name, and those without a defence beside them.
func TestCopies(t *testing.T) {
	root, dir := t.TempDir(), t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(root, "guarded.go"), []byte(guarded), 0o600))
	_, err := Write(root, dir, []Defence{
		{ID: "01.1", Places: []Place{{File: "guarded.go", With: []string{"if n > limit {"}, Without: []string{"if false {"}}}},
		{ID: "02.1", Places: []Place{{File: "guarded.go", With: []string{"if d.locked {", "return", "}"}, Without: []string{""}}}},
		{ID: "02.2", Places: []Place{{File: "guarded.go", With: []string{"if len(all) == 0 {"}, Without: []string{"if false {"}}}},
	})
	require.NoError(t, err)
	text, err := os.ReadFile(filepath.Join(dir, "guarded.go"))
	require.NoError(t, err)
	for _, part := range []string{
		"func AllowKept(n int) bool {\n\tif n > limit {",
		"func Allow(p0 int) (bool) {\n\tswitch defenceOff {\n\tcase \"01.1\":\n\t\treturn AllowWithout01_1(p0)\n\t}\n\treturn AllowKept(p0)\n}",
		"func AllowWithout01_1(n int) bool {\nif false {",
		"func (the door) open() {\n\tswitch defenceOff {\n\tcase \"02.1\":\n\t\tthe.openWithout02_1()\n\t\treturn\n\t}\n\tthe.openKept()\n}",
		"func (d door) openWithout02_1() {\n\n\td.turn()\n}",
		"func Pick[T any](p0 ...T) (T, bool) {\n\tswitch defenceOff {\n\tcase \"02.2\":\n\t\treturn PickWithout02_2(p0...)\n\t}\n\treturn PickKept(p0...)\n}",
	} {
		require.Contains(t, string(text), part)
	}
}
