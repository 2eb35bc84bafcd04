package sentinel

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"sort"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const ec2Package = "github.com/aws/aws-sdk-go-v2/service/ec2"

// sdk is the shape of the pinned EC2 client: its operations and the members of
// every structure, read from the source that the module cache holds.
type sdk struct {
	version    string
	operations []string // sorted
	structures map[string][]member
	enums      map[string]bool // named types that have no members
	speak      map[string]bool // operations whose source speaks of security groups or prefix lists
}

// member is one field of a structure.
type member struct {
	name string
	typ  string // name of the element type: GroupIdentifier for []types.GroupIdentifier, string for *string
}

// readSDK parses the operations and types. The serializers, which are most of
// the module, say nothing that these do not.
func readSDK(t *testing.T) *sdk {
	t.Helper()
	out, err := exec.Command("go", "list", "-f", "{{.Module.Version}}\n{{.Dir}}", ec2Package).Output()
	require.NoError(t, err)
	version, dir, ok := strings.Cut(strings.TrimSpace(string(out)), "\n")
	require.True(t, ok, "go list said %q", out)
	paths, err := filepath.Glob(filepath.Join(dir, "api_op_*.go"))
	require.NoError(t, err)
	require.NotEmpty(t, paths)
	s := &sdk{version: version, structures: map[string][]member{}, enums: map[string]bool{}, speak: map[string]bool{}}
	for _, p := range append(paths, filepath.Join(dir, "types", "types.go"), filepath.Join(dir, "types", "enums.go")) {
		text, err := os.ReadFile(p)
		require.NoError(t, err)
		file, err := parser.ParseFile(token.NewFileSet(), p, text, parser.SkipObjectResolution)
		require.NoError(t, err)
		s.readFile(file)
		if name, ok := strings.CutPrefix(filepath.Base(p), "api_op_"); ok {
			s.speak[strings.TrimSuffix(name, ".go")] = speaksOfGroups(string(text))
		}
	}
	sort.Strings(s.operations)
	return s
}

var commentBreak = regexp.MustCompile(`\s*\n\s*//\s*`)

// speaksOfGroups says whether the text of an operation, its comments above
// all, has to do with groups though its members may not show it.
func speaksOfGroups(text string) bool {
	text = strings.ToLower(commentBreak.ReplaceAllString(text, " "))
	return strings.Contains(text, "security group") || strings.Contains(text, "prefix list")
}

func (s *sdk) readFile(file *ast.File) {
	for _, d := range file.Decls {
		switch d := d.(type) {
		case *ast.FuncDecl:
			// Each operation is a method of the client that takes its input.
			if d.Recv != nil && len(d.Type.Params.List) > 1 && elementOf(d.Type.Params.List[1].Type).typ == d.Name.Name+"Input" {
				s.operations = append(s.operations, d.Name.Name)
			}
		case *ast.GenDecl:
			for _, spec := range d.Specs {
				if ts, ok := spec.(*ast.TypeSpec); ok {
					s.readType(ts)
				}
			}
		}
	}
}

func (s *sdk) readType(ts *ast.TypeSpec) {
	if strings.HasSuffix(ts.Name.Name, "WaiterOptions") {
		return // no part of the API
	}
	switch t := ts.Type.(type) {
	case *ast.StructType:
		s.structures[ts.Name.Name] = membersOf(t)
	case *ast.Ident:
		s.enums[ts.Name.Name] = true
	}
}

// opaque lists the types of members into which the walk cannot look: neither
// structures nor types without members. A union would be one.
func (s *sdk) opaque() []string {
	plain := []string{"string", "bool", "byte", "int32", "int64", "float32", "float64", "Time"}
	var found []string
	for structure, members := range s.structures {
		for _, m := range members {
			if _, ok := s.structures[m.typ]; !ok && !s.enums[m.typ] && !slices.Contains(plain, m.typ) {
				found = append(found, structure+"."+m.name+" "+m.typ)
			}
		}
	}
	sort.Strings(found)
	return found
}

func membersOf(st *ast.StructType) []member {
	members := []member{}
	for _, f := range st.Fields.List {
		for _, n := range f.Names {
			if n.IsExported() && n.Name != "ResultMetadata" {
				m := elementOf(f.Type)
				m.name = n.Name
				members = append(members, m)
			}
		}
	}
	return members
}

// elementOf strips pointers, slices and the package from a type.
func elementOf(e ast.Expr) member {
	switch e := e.(type) {
	case *ast.StarExpr:
		return elementOf(e.X)
	case *ast.ArrayType:
		return elementOf(e.Elt)
	case *ast.MapType:
		return elementOf(e.Value)
	case *ast.SelectorExpr:
		return member{typ: e.Sel.Name}
	case *ast.Ident:
		return member{typ: e.Name}
	}
	return member{}
}
