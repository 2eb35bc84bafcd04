package architecture

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// pure packages have no effects and no hidden input.
var pure = map[string]bool{
	"events": true, "internal/secgroup": true, "internal/policy": true, "internal/plan": true, "internal/incident": true, "internal/metrics": true,
}

// impure are imports that a pure package may not have (a prefix ending in a
// slash covers what is below it).
var impure = []string{
	"os", "os/", "io/fs", "net", "net/http", "log", "log/", "math/rand", "math/rand/", "crypto/rand", "syscall", "runtime/",
	"time/tzdata", "embed", "database/", "github.com/aws/",
}

// impureTime are functions of package time that read the clock or wait.
var impureTime = map[string]bool{
	"Now": true, "Since": true, "Until": true, "Sleep": true, "After": true, "AfterFunc": true, "Tick": true, "NewTimer": true, "NewTicker": true,
	"Local": true, "LoadLocation": true,
}

func TestPurePackagesHaveNoEffects(t *testing.T) {
	seen := 0
	for _, p := range packages(t) {
		name := strings.TrimPrefix(p.ImportPath, module)
		if !pure[name] {
			continue
		}
		seen++
		for _, i := range p.Imports {
			for _, bad := range impure {
				require.False(t, i == bad || strings.HasSuffix(bad, "/") && strings.HasPrefix(i, bad), "%s imports %s", name, i)
			}
		}
		for _, f := range p.GoFiles {
			requireNoClock(t, filepath.Join(p.Dir, f))
		}
	}
	require.Equal(t, len(pure), seen)
}

func requireNoClock(t *testing.T, path string) {
	t.Helper()
	fset := token.NewFileSet()
	file, err := parser.ParseFile(fset, path, nil, 0)
	require.NoError(t, err)
	ast.Inspect(file, func(n ast.Node) bool {
		sel, ok := n.(*ast.SelectorExpr)
		if !ok {
			return true
		}
		if pkg, ok := sel.X.(*ast.Ident); ok && pkg.Name == "time" && impureTime[sel.Sel.Name] {
			t.Errorf("%s: time.%s in a pure package", fset.Position(sel.Pos()), sel.Sel.Name)
		}
		return true
	})
}

// TestEC2IsChangedInOnePlace holds that only package apply calls an EC2
// operation that changes something. (Package conformance does too, in VPCs that
// it made; no function and no command of the tool links it.)
func TestEC2IsChangedInOnePlace(t *testing.T) {
	verbs := []string{"Authorize", "Revoke", "Modify", "Create", "Delete", "Associate", "Disassociate", "Update", "Restore", "Replace", "Attach", "Detach"}
	changes := 0
	for _, p := range packages(t) {
		name := strings.TrimPrefix(p.ImportPath, module)
		if name == "internal/conformance" {
			continue
		}
		for _, f := range p.GoFiles {
			for _, call := range ec2Inputs(t, filepath.Join(p.Dir, f)) {
				for _, v := range verbs {
					if strings.HasPrefix(call, v) {
						changes++
						require.Equal(t, "internal/apply", name, "%s uses ec2.%s", f, call)
					}
				}
			}
		}
	}
	require.Positive(t, changes, "the scan found no mutating call at all: it looks in the wrong place")
}

// ec2Inputs lists the names NAME of all ec2.NAMEInput in a file.
func ec2Inputs(t *testing.T, path string) []string {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
	require.NoError(t, err)
	var names []string
	ast.Inspect(file, func(n ast.Node) bool {
		if sel, ok := n.(*ast.SelectorExpr); ok {
			if pkg, ok := sel.X.(*ast.Ident); ok && pkg.Name == "ec2" && strings.HasSuffix(sel.Sel.Name, "Input") {
				names = append(names, strings.TrimSuffix(sel.Sel.Name, "Input"))
			}
		}
		return true
	})
	return names
}
