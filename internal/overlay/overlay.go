package overlay

import (
	"encoding/json"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Switch is the environment variable that the copies read: the id of the
// defence that is off. Nothing else knows of it.
const Switch = "DEFENCE_OFF"

// Defence is something in the code that can be taken away for a test.
type Defence struct {
	ID     string // letters, digits, dots and dashes
	Places []Place
}

// Place is where a defence stands: whole lines of one function, without their
// indentation, and the lines that would be there without it.
type Place struct {
	File          string // from the root of the repository
	With, Without []string
}

// overlay makes copies of source files in which, beside each function that a
// defence stands in, stands the same function without it.
type overlay struct {
	root, dir string            // of the repository and of the copies, absolute
	replace   map[string]string // file -> copy
}

// change is one place of one defence.
type change struct {
	id string
	Place
}

// Write writes the copies for all defences into dir, and the list of them that
// go takes (go help build, -overlay), whose path it gives. root is the
// repository; both paths are absolute. An error says which defence does not
// stand where it is said to.
func Write(root, dir string, defences []Defence) (list string, err error) {
	o := overlay{root: root, dir: dir, replace: map[string]string{}}
	byFile := map[string][]change{}
	for _, d := range defences {
		for _, p := range d.Places {
			byFile[p.File] = append(byFile[p.File], change{d.ID, p})
		}
	}
	var faults []error
	for file, changes := range byFile {
		faults = append(faults, o.copyFile(file, changes))
	}
	if err := errors.Join(faults...); err != nil {
		return "", err
	}
	text, err := json.Marshal(map[string]any{"Replace": o.replace})
	if err != nil {
		return "", err
	}
	list = filepath.Join(dir, "overlay.json")
	return list, os.WriteFile(list, text, 0o600)
}

// copyFile writes the copy of one file, and the switch of its package.
func (o *overlay) copyFile(file string, changes []change) error {
	path := filepath.Join(o.root, filepath.FromSlash(file))
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	files := token.NewFileSet()
	parsed, err := parser.ParseFile(files, path, text, parser.SkipObjectResolution)
	if err != nil {
		return err
	}
	s := source{path: path, text: string(text), files: files, functions: map[*ast.FuncDecl][]change{}}
	for _, c := range changes {
		if err := s.assign(parsed, c); err != nil {
			return fmt.Errorf("defence %s in %s: %w", c.id, file, err)
		}
	}
	if err := o.put(path, s.write(parsed)); err != nil {
		return err
	}
	return o.put(filepath.Join(filepath.Dir(path), "defence_off.go"),
		fmt.Sprintf("package %s\n\nimport \"os\"\n\nvar defenceOff = os.Getenv(%q)\n", parsed.Name.Name, Switch))
}

// put writes a file in place of another.
func (o *overlay) put(path, text string) error {
	name, err := filepath.Rel(o.root, path)
	if err != nil {
		return err
	}
	to := filepath.Join(o.dir, strings.ReplaceAll(filepath.ToSlash(name), "/", "__"))
	o.replace[path] = to
	return os.WriteFile(to, []byte(text), 0o600)
}

// source is a file that gets functions beside its own.
type source struct {
	path, text string
	files      *token.FileSet
	functions  map[*ast.FuncDecl][]change
}

// assign finds the function that a change is in.
func (s *source) assign(parsed *ast.File, c change) error {
	lines := strings.Split(s.text, "\n")
	var at []int
	for i := range lines {
		if i+len(c.With) <= len(lines) && slices.EqualFunc(lines[i:i+len(c.With)], c.With, func(line, want string) bool { return strings.TrimSpace(line) == want }) {
			at = append(at, i)
		}
	}
	if len(at) != 1 {
		return fmt.Errorf("these lines stand there %d times, and must stand there once:\n\t%s\nThe defence was moved, rewritten or lost: see to it, then to the table that names it", len(at), strings.Join(c.With, "\n\t"))
	}
	first, last := at[0]+1, at[0]+len(c.With)
	for _, d := range parsed.Decls {
		f, ok := d.(*ast.FuncDecl)
		if ok && f.Body != nil && s.line(f.Body.Lbrace) < first && last < s.line(f.Body.Rbrace) {
			s.functions[f] = append(s.functions[f], c)
			return nil
		}
	}
	return errors.New("these lines are not inside one function")
}

func (s *source) line(p token.Pos) int   { return s.files.Position(p).Line }
func (s *source) offset(p token.Pos) int { return s.files.Position(p).Offset }
func (s *source) of(n ast.Node) string   { return s.text[s.offset(n.Pos()):s.offset(n.End())] }

// write gives the text of the copy: the file as it is, with the functions that
// have changes renamed, and behind it one that chooses and the changed ones.
func (s *source) write(parsed *ast.File) string {
	var head, tail strings.Builder
	done := 0
	for _, d := range parsed.Decls {
		f, ok := d.(*ast.FuncDecl)
		if !ok || s.functions[f] == nil {
			continue
		}
		name := s.offset(f.Name.End())
		head.WriteString(s.text[done:name] + "Kept")
		done = name
		s.choose(&tail, f)
	}
	return "//line " + s.path + ":1\n" + head.String() + s.text[done:] + "\n" + tail.String()
}

// choose writes a function that calls the one which the switch asks for, and
// the functions without their defences.
func (s *source) choose(b *strings.Builder, f *ast.FuncDecl) {
	signature, receiver, call := s.signature(f)
	kept := receiver + f.Name.Name + "Kept" + call
	fmt.Fprintf(b, "\n//line %s:1\n%s {\n\tswitch defenceOff {\n", filepath.Base(s.path)+" with its defences", signature)
	byID := map[string][]change{}
	var ids []string
	for _, c := range s.functions[f] {
		if byID[c.id] == nil {
			ids = append(ids, c.id)
		}
		byID[c.id] = append(byID[c.id], c)
	}
	answer, end := "return ", ""
	if f.Type.Results == nil {
		answer, end = "", "\t\treturn\n"
	}
	for _, id := range ids {
		fmt.Fprintf(b, "\tcase %q:\n\t\t%s%s%s%s\n%s", id, answer, receiver, withoutName(f, id), call, end)
	}
	fmt.Fprintf(b, "\t}\n\t%s%s\n}\n", answer, kept)
	for _, id := range ids {
		text := s.of(f)
		for _, c := range byID[id] {
			text = swap(text, c.Place)
		}
		name := s.offset(f.Name.End()) - s.offset(f.Pos())
		head := text[:name-len(f.Name.Name)]
		fmt.Fprintf(b, "\n//line %s:%d\n%s%s%s\n", "without defence "+id, s.line(f.Pos()), head, withoutName(f, id), text[name:])
	}
}

func withoutName(f *ast.FuncDecl, id string) string {
	return f.Name.Name + "Without" + strings.NewReplacer(".", "_", "-", "_").Replace(id)
}

// swap puts the lines without a defence in the place of those with it.
func swap(text string, p Place) string {
	lines := strings.Split(text, "\n")
	for i := range lines {
		if i+len(p.With) <= len(lines) && slices.EqualFunc(lines[i:i+len(p.With)], p.With, func(line, want string) bool { return strings.TrimSpace(line) == want }) {
			return strings.Join(slices.Concat(lines[:i], p.Without, lines[i+len(p.With):]), "\n")
		}
	}
	return text
}

// signature writes a function's head with names for all parameters, the
// receiver as it is called, and the call with these parameters.
func (s *source) signature(f *ast.FuncDecl) (signature, receiver, call string) {
	signature = "func "
	if f.Recv != nil {
		signature += "(the " + s.of(f.Recv.List[0].Type) + ") "
		receiver = "the."
	}
	typeParams := ""
	if p := f.Type.TypeParams; p != nil {
		typeParams = s.of(p)
	}
	var params, args []string
	for _, field := range f.Type.Params.List {
		for range max(1, len(field.Names)) {
			name := fmt.Sprintf("p%d", len(params))
			params = append(params, name+" "+s.of(field.Type))
			if _, variadic := field.Type.(*ast.Ellipsis); variadic {
				name += "..."
			}
			args = append(args, name)
		}
	}
	signature += f.Name.Name + typeParams + "(" + strings.Join(params, ", ") + ")"
	if f.Type.Results != nil {
		var results []string
		for _, field := range f.Type.Results.List {
			for range max(1, len(field.Names)) {
				results = append(results, s.of(field.Type))
			}
		}
		signature += " (" + strings.Join(results, ", ") + ")"
	}
	return signature, receiver, "(" + strings.Join(args, ", ") + ")"
}
