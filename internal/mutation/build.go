package main

import (
	"bytes"
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"go/ast"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

//go:embed runtime.go.txt
var runtimeSource string

// unwritable stands for a package that a file does not import.
const unwritable = "?"

// listed is what `go list -json` says of one package.
type listed struct {
	ImportPath, Dir, Name, Export string
	GoFiles                       []string
}

// load gives a package and the export data of what it imports, by path.
func load(ctx context.Context, pattern string) (listed, map[string]string, error) {
	out, err := goTool(ctx, "list", "-export", "-deps", "-json=ImportPath,Dir,Name,Export,GoFiles", pattern)
	if err != nil {
		return listed{}, nil, err
	}
	exports := map[string]string{}
	var last listed // -deps lists a package after what it imports
	for dec := json.NewDecoder(bytes.NewReader(out)); ; {
		var p listed
		if err := dec.Decode(&p); errors.Is(err, io.EOF) {
			return last, exports, nil
		} else if err != nil {
			return listed{}, nil, fmt.Errorf("read go list: %w", err)
		}
		exports[p.ImportPath] = p.Export
		last = p
	}
}

// source is one file with the mutants in it.
type source struct{ path, text string }

// mutate gives the package's files with all mutants in them, and the mutants
// by id - 1.
func mutate(pkg string, p listed, exports map[string]string, only string) ([]source, []*mutant, error) {
	fset := token.NewFileSet()
	var files []*ast.File
	var texts [][]byte
	for _, name := range p.GoFiles {
		src, err := os.ReadFile(filepath.Join(p.Dir, name))
		if err != nil {
			return nil, nil, err
		}
		file, err := parser.ParseFile(fset, name, src, parser.SkipObjectResolution)
		if err != nil {
			return nil, nil, err
		}
		files, texts = append(files, file), append(texts, src)
	}
	lookup := func(path string) (io.ReadCloser, error) { return os.Open(exports[path]) }
	config := types.Config{Importer: importer.ForCompiler(fset, "gc", lookup)}
	info := &types.Info{Types: map[ast.Expr]types.TypeAndValue{}, Uses: map[*ast.Ident]types.Object{}, Defs: map[*ast.Ident]types.Object{}}
	checked, err := config.Check(p.ImportPath, fset, files, info)
	if err != nil {
		return nil, nil, err
	}
	var sources []source
	var mutants []*mutant
	next := 1
	for i, file := range files {
		if !isChosen(only, p.GoFiles[i]) {
			continue
		}
		f := &finder{
			pkg: pkg, file: p.GoFiles[i], src: texts[i], tokens: fset.File(file.Pos()), info: info,
			imports: qualifier(checked, file), names: map[name]int{}, next: &next,
		}
		f.find(file)
		sources = append(sources, source{f.file, f.schemata()})
		for _, e := range f.edits {
			mutants = append(mutants, e.mutants...)
		}
	}
	fill := strings.NewReplacer("PACKAGE", p.Name, "MUTANTS", strconv.Itoa(len(mutants)))
	sources = append(sources, source{"mutant_runtime.go", fill.Replace(runtimeSource)})
	byID := make([]*mutant, len(mutants))
	for _, m := range mutants {
		byID[m.id-1] = m
	}
	return sources, byID, nil
}

// isChosen reports whether a file is among those that a run is for.
func isChosen(files, file string) bool {
	return files == "" || slices.Contains(strings.Split(files, ","), file)
}

// qualifier writes packages as the file names them.
func qualifier(own *types.Package, file *ast.File) types.Qualifier {
	names := map[string]string{}
	for _, i := range file.Imports {
		path := strings.Trim(i.Path.Value, `"`)
		names[path] = path[strings.LastIndex(path, "/")+1:]
		if i.Name != nil {
			names[path] = i.Name.Name
		}
	}
	return func(p *types.Package) string {
		if p == own {
			return ""
		}
		if name, ok := names[p.Path()]; ok {
			return name
		}
		return unwritable
	}
}

// compile builds the package's test binary from the mutated sources.
func compile(ctx context.Context, p listed, sources []source, folder string) (string, error) {
	replace := map[string]string{}
	for _, s := range sources {
		path := filepath.Join(folder, s.path)
		if err := os.WriteFile(path, []byte(s.text), 0o600); err != nil {
			return "", err
		}
		replace[filepath.Join(p.Dir, s.path)] = path
	}
	overlay, err := json.Marshal(map[string]any{"Replace": replace})
	if err != nil {
		return "", err
	}
	path := filepath.Join(folder, "overlay.json")
	if err := os.WriteFile(path, overlay, 0o600); err != nil {
		return "", err
	}
	binary := filepath.Join(folder, "mutants.test")
	_, err = goTool(ctx, "test", "-c", "-vet=off", "-overlay", path, "-o", binary, p.ImportPath)
	return binary, err
}

func goTool(ctx context.Context, args ...string) ([]byte, error) {
	cmd := exec.CommandContext(ctx, "go", args...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("go %s: %w\n%s", args[0], err, stderr.String())
	}
	return out, nil
}
