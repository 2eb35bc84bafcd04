package bundle

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/sgwarden/sgwarden/internal/policy"
	"github.com/sgwarden/sgwarden/policies"
)

// readFolder reads the policy files of a tree: *.yaml and *.yml, and the data
// that settings may name (policy.IsData), but nothing
// whose name, or whose folder's name, begins with a dot. A link to a folder is
// an error. shown is what messages call the folder.
func readFolder(folder fs.FS, shown string) ([]policy.Source, error) {
	var files []policy.Source
	err := fs.WalkDir(folder, ".", func(name string, d fs.DirEntry, err error) error {
		switch {
		case name == "." && errors.Is(err, fs.ErrNotExist):
			return errNoFolder
		case err != nil:
			return err
		case name != "." && strings.HasPrefix(d.Name(), "."):
			if d.IsDir() {
				return fs.SkipDir
			}
			return nil
		case linksToFolder(folder, name, d):
			return fmt.Errorf("%s: a link to a folder, which is not followed: put the policy files here, or link them one by one", name)
		case d.IsDir() || !isPolicyFile(name) && !policy.IsData(name):
			return nil
		}
		most := policy.MaxSource
		if policy.IsData(name) {
			most = policy.MaxData
		}
		text, err := readBounded(folder, name, most)
		if err != nil {
			return err
		}
		files = append(files, policy.Source{File: filepath.Join(shown, filepath.FromSlash(name)), Text: text})
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", shown, err)
	}
	return files, nil
}

// noFolder is fs.ErrNotExist of a folder, without the words of the system.
type noFolder struct{}

var errNoFolder error = noFolder{}

func (noFolder) Error() string        { return "there is no such folder" }
func (noFolder) Is(target error) bool { return target == fs.ErrNotExist }

// linksToFolder reports whether an entry is a symbolic link to a folder. To
// follow it could go round in circles, to pass over it would leave out policies
// without a word.
func linksToFolder(folder fs.FS, name string, d fs.DirEntry) bool {
	if d.Type()&fs.ModeSymlink == 0 {
		return false
	}
	info, err := fs.Stat(folder, name)
	return err == nil && info.IsDir()
}

// holdsPolicies reports whether there is more than data.
func holdsPolicies(files []policy.Source) bool {
	return slices.ContainsFunc(files, func(s policy.Source) bool { return !policy.IsData(s.File) })
}

func isPolicyFile(name string) bool {
	ext := path.Ext(name)
	return ext == ".yaml" || ext == ".yml"
}

// readBounded reads as much of a file as it takes to know that it is too
// large. Pipes and devices are refused: reading them may never end.
func readBounded(folder fs.FS, name string, most int) ([]byte, error) {
	info, err := fs.Stat(folder, name)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s: not a regular file", name)
	}
	f, err := folder.Open(name)
	if err != nil {
		return nil, err
	}
	text := bytes.NewBuffer(make([]byte, 0, min(info.Size(), int64(most))+bytes.MinRead)) // read at once, not in growing pieces
	_, err = text.ReadFrom(io.LimitReader(f, int64(most)+1))
	if closing := f.Close(); err == nil {
		err = closing
	}
	return text.Bytes(), err
}

// parseFolder parses the policy files of a folder, and the packs that its
// settings list.
func parseFolder(folder string, o policy.ParseOptions) (policy.Parsed, error) {
	files, err := readFolder(os.DirFS(folder), folder)
	if err != nil {
		return policy.Parsed{}, err
	}
	if !holdsPolicies(files) {
		return policy.Parsed{}, fmt.Errorf("read %s: no policy file (*.yaml, *.yml) in it: %w", folder, ErrNoPolicy)
	}
	packs, err := readPacks()
	if err != nil {
		return policy.Parsed{}, err
	}
	o.Filters = checkFilter
	return policy.ParseWith(files, packs, o)
}

// sourcesHash tells whether a compiled bundle was made of certain files.
type sourcesHash [sha256.Size]byte

func sum256(data []byte) [sha256.Size]byte { return sha256.Sum256(data) }

// hashSources covers the files of a folder, wherever it lies, and the embedded
// packs: another version of sgwarden may ship other packs.
func hashSources(files []policy.Source, folder string) sourcesHash {
	all := slices.Clone(files)
	if packs, err := readFolder(policies.Packs(), "packs"); err == nil {
		all = append(all, packs...)
	}
	h := sha256.New()
	h.Write([]byte(magic))
	for _, f := range all {
		for _, part := range [][]byte{[]byte(within(f.File, folder)), f.Text} {
			h.Write(binary.AppendUvarint(nil, uint64(len(part))))
			h.Write(part)
		}
	}
	return sourcesHash(h.Sum(nil))
}

// within is the name of a file within a folder.
func within(file, folder string) string {
	return strings.TrimPrefix(file, filepath.Clean(folder)+string(filepath.Separator))
}
