package main

import (
	"bufio"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
)

// progress is what an interrupted run of a package found out; the zero value
// keeps nothing. In its file there is a line
// that says of what tree, then "id fate" for each mutant that was tried. A tree
// in which anything differs has other tests or other mutants, and begins anew.
type progress struct {
	path  string
	file  *os.File
	fates map[int]fate
}

// resume reads what was found out of the tree, if anything, and goes on in the
// same file. A last line that was not written to its end is not believed.
func resume(path, tree string) (*progress, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o750); err != nil {
		return nil, err
	}
	text, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	p := &progress{path: path, fates: map[int]fate{}}
	whole := text[:strings.LastIndexByte(string(text), '\n')+1]
	lines := bufio.NewScanner(strings.NewReader(string(whole)))
	if !lines.Scan() || lines.Text() != tree {
		if err := os.WriteFile(path, []byte(tree+"\n"), 0o600); err != nil {
			return nil, err
		}
	} else {
		for lines.Scan() {
			var id int
			var f fate
			if _, err := fmt.Sscanf(lines.Text(), "%d %d", &id, &f); err != nil || f < killed || f > unseen {
				return nil, fmt.Errorf("read %s: %q is no mutant with its fate: delete the file", path, lines.Text())
			}
			p.fates[id] = f
		}
		if err := os.Truncate(path, int64(len(whole))); err != nil {
			return nil, err
		}
	}
	p.file, err = os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0o600)
	return p, err
}

// note keeps what became of a mutant.
func (p *progress) note(id int, f fate) error {
	if p.file == nil {
		return nil
	}
	_, err := fmt.Fprintf(p.file, "%d %d\n", id, f)
	return err
}

// close keeps the file for the next run, or, after a whole one, takes it away.
func (p *progress) close(whole bool) error {
	err := p.file.Close()
	if whole {
		err = errors.Join(err, os.Remove(p.path))
	}
	return err
}

// treeDigest tells a state of the module from others: of every file below root
// that tests may read, and of how they are run. Left out are the list of
// survivors, which is written while runs go on, and what is not committed:
// folders that begin with a dot, and node_modules.
func treeDigest(root, skip string) (string, error) {
	h := sha256.New()
	_, _ = fmt.Fprintf(h, "%s %s\n", runtime.Version(), skip) // a hash takes everything
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		name := d.Name()
		switch {
		case err != nil:
			return err
		case path != root && strings.HasPrefix(name, "."), name == "node_modules":
			if d.IsDir() {
				return fs.SkipDir
			}
			return nil
		case !d.Type().IsRegular(), name == "survivors.txt":
			return nil
		}
		_, _ = fmt.Fprintf(h, "%s\n", path)
		f, err := os.Open(path)
		if err != nil {
			return err
		}
		defer f.Close() //nolint:errcheck // it was only read
		_, err = io.Copy(h, f)
		return err
	})
	return fmt.Sprintf("%x", h.Sum(nil)), err
}
