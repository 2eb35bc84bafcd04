package architecture

import (
	"go/parser"
	"go/token"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestEveryPackageHasOnePackageComment(t *testing.T) {
	for _, p := range packages(t) {
		docs := 0
		for _, f := range p.GoFiles {
			file, err := parser.ParseFile(token.NewFileSet(), filepath.Join(p.Dir, f), nil, parser.ParseComments|parser.PackageClauseOnly)
			require.NoError(t, err)
			if file.Doc != nil && strings.TrimSpace(file.Doc.Text()) != "" {
				docs++
			}
		}
		require.Equal(t, 1, docs, "package comments of %s", p.ImportPath)
	}
}

func TestNoPackageIsNamedForNothing(t *testing.T) {
	for _, p := range packages(t) {
		require.NotRegexp(t, `(^|/)(util|utils|common|helper|helpers|manager|types|models|misc|base)$`, p.ImportPath)
	}
}

func TestMainOfAFunctionIsShort(t *testing.T) {
	mains, err := filepath.Glob("../../functions/*/main.go")
	require.NoError(t, err)
	require.NotEmpty(t, mains)
	for _, path := range mains {
		text, err := os.ReadFile(path)
		require.NoError(t, err)
		require.LessOrEqual(t, strings.Count(string(text), "\n"), 40, path)
	}
}

// TestNoFileNamesAMachine holds that nothing in the repository depends on
// where, or behind which registry, it was written.
func TestNoFileNamesAMachine(t *testing.T) {
	out, err := exec.Command("git", "-c", "safe.directory=*", "-C", "../..", "ls-files", "-z", "--cached", "--others", "--exclude-standard").Output()
	require.NoError(t, err)
	machine := regexp.MustCompile(`(^|[^\w.])/(w[o]rk|r[o]ot|h[o]me/\w+)/|pr[o]xy\.golang\.org|registry\.npm[j]s\.org|d[e]b\.debian\.org`)
	files := strings.Split(strings.TrimSuffix(string(out), "\x00"), "\x00")
	require.NotEmpty(t, files)
	for _, f := range files {
		text, err := os.ReadFile(filepath.Join("../..", f))
		if os.IsNotExist(err) {
			continue
		}
		require.NoError(t, err)
		if m := machine.Find(text); m != nil {
			t.Errorf("%s: names a machine or registry: %q", f, m)
		}
	}
}

// TestNoTestIsSkipped: a skip hides a missing part behind a green line.
func TestNoTestIsSkipped(t *testing.T) {
	skip := regexp.MustCompile(`\b[tbf]\.Sk[i]p(f|Now)?\(`)
	err := filepath.WalkDir("../..", func(path string, d os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && (d.Name() == "node_modules" || d.Name() == ".git" || d.Name() == "cdk.out") {
			return filepath.SkipDir
		}
		if strings.HasSuffix(path, "_test.go") {
			text, err := os.ReadFile(path)
			require.NoError(t, err)
			require.NotRegexp(t, skip, string(text), path)
		}
		return nil
	})
	require.NoError(t, err)
}
