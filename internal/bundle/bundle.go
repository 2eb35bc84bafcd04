package bundle

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/sgwarden/sgwarden/internal/policy"
)

// FileName is the compiled bundle's name, in a policy folder or beside the
// bootstrap of a function.
const FileName = "policies.bundle"

// Bundle is the policies and settings of one deployment, resolved.
type Bundle struct {
	// Digest is of all that the policies and settings say, in hexadecimal. It
	// does not depend on the names and order of files, or on comments.
	Digest     string
	Documents  []policy.Document // by id
	Deployment policy.Deployment

	folder  string      // that its files are named by; not part of the compiled bundle
	sources sourcesHash // of the files that it was made of
}

// Options are what a deployment adds to its bundle.
type Options struct {
	Mode    policy.Mode // of the environment; 0 = none. The lower of it and the settings' counts
	Default policy.Mode // where neither gives one; 0 = observe
	Digest  string      // that the bundle must have; "" = any
	// More are policies that the deployment itself adds. They are not part of
	// the digest.
	More []policy.Document
}

// DigestError is returned for a bundle of another digest than the one wanted.
type DigestError struct{ Want, Got string }

func (e *DigestError) Error() string {
	return fmt.Sprintf("the policies have digest %s, wanted is %s", e.Got, e.Want)
}

// ErrNoPolicy is returned for policies of which none is on.
var ErrNoPolicy = errors.New("no policy is on")

// Load reads the policies at path, and compiles them:
//
//	""       the embedded pack `baseline`
//	a folder its compiled bundle, if that was made of the files that lie
//	         there now or no other files do; else the files
//	a file   a compiled bundle
//
// Faults in policy files are policy.Faults. Other errors: *DigestError,
// ErrNoPolicy, ErrDamaged, and those of reading files.
func Load(path string, o Options) (*policy.Set, Bundle, error) {
	b, err := read(path)
	if err != nil {
		return nil, Bundle{}, err
	}
	if o.Digest != "" && o.Digest != b.Digest {
		return nil, Bundle{}, fmt.Errorf("load %s: %w", name(path), &DigestError{o.Digest, b.Digest})
	}
	set, err := b.Compile(o)
	if err != nil {
		return nil, Bundle{}, fmt.Errorf("load %s: %w", name(path), err)
	}
	return set, b, nil
}

func name(path string) string {
	if path == "" {
		return "embedded policies"
	}
	return path
}

// read finds out what lies at a path.
func read(path string) (Bundle, error) {
	if path == "" {
		return Embedded()
	}
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return Bundle{}, fmt.Errorf("read %s: %w, nor a compiled bundle", path, errNoFolder)
	case err != nil:
		return Bundle{}, err
	}
	if !info.IsDir() {
		return ReadFile(path)
	}
	return fromFolder(os.DirFS(path), path)
}

// fromFolder takes the compiled bundle of a folder where it is fresh, and
// compiles the files of the folder where it is not.
func fromFolder(folder fs.FS, path string) (Bundle, error) {
	files, err := readFolder(folder, path)
	if err != nil {
		return Bundle{}, err
	}
	compiled, err := fs.ReadFile(folder, FileName)
	switch {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return Bundle{}, err
	default:
		b, err := decode(compiled)
		if err != nil {
			return Bundle{}, fmt.Errorf("read %s: %w", filepath.Join(path, FileName), err)
		}
		if !holdsPolicies(files) || b.sources == hashSources(files, path) {
			return b, nil
		}
	}
	if !holdsPolicies(files) {
		return Bundle{}, fmt.Errorf("read %s: no policy file (*.yaml, *.yml) in it: %w", path, ErrNoPolicy)
	}
	return fromSources(files, path)
}

// fromSources makes a bundle of the policy files of a folder.
func fromSources(files []policy.Source, folder string) (Bundle, error) {
	packs, err := readPacks()
	if err != nil {
		return Bundle{}, err
	}
	parsed, err := policy.Parse(files, withoutTests(packs))
	if err != nil {
		return Bundle{}, err
	}
	return newBundle(parsed, folder, hashSources(files, folder)), nil
}

func newBundle(p policy.Parsed, folder string, sources sourcesHash) Bundle {
	b := Bundle{Documents: p.Documents, Deployment: p.Deployment, folder: folder, sources: sources}
	b.canonical()
	meaning, _ := b.streams()
	b.Digest = digest(meaning)
	return b
}

// Embedded is the bundle of a deployment without a folder: pack `baseline`.
func Embedded() (Bundle, error) {
	return fromSources([]policy.Source{embedded}, "")
}

// embedded are the settings of a deployment without a folder.
var embedded = policy.Source{
	File: "embedded settings",
	Text: []byte("apiVersion: sgwarden/v1\nkind: Settings\npacks: [baseline]\n"),
}

// Compile makes the set of a bundle.
func (b Bundle) Compile(o Options) (*policy.Set, error) {
	if len(b.Documents) == 0 {
		return nil, ErrNoPolicy
	}
	settings := b.Deployment.Settings(o.Mode)
	if settings.Mode == 0 {
		settings.Mode = max(o.Default, policy.Observe)
	}
	documents := b.Documents
	if len(o.More) > 0 {
		documents = slices.Concat(documents, o.More)
	}
	return policy.Compile(documents, settings)
}

// ReadFile reads a compiled bundle. What is no bundle, or not all of one, is
// ErrDamaged.
func ReadFile(path string) (Bundle, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return Bundle{}, err
	}
	b, err := decode(data)
	if err != nil {
		return Bundle{}, fmt.Errorf("read %s: %w", path, err)
	}
	return b, nil
}

// WriteFile writes a compiled bundle, whole or not at all. Nothing is written
// where the file holds these bytes already.
func (b Bundle) WriteFile(path string) error {
	data := b.encode()
	if old, err := os.ReadFile(path); err == nil && bytes.Equal(old, data) {
		return nil
	}
	f, err := os.CreateTemp(filepath.Dir(path), FileName+".*")
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	err = errors.Join(err, f.Chmod(0o644), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	return nil
}

func digest(meaning []byte) string {
	sum := sum256(meaning)
	return hex.EncodeToString(sum[:])
}
