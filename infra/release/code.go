package release

import (
	"archive/zip"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// Zip writes the files of a folder into an archive that Lambda takes, the same
// for the same files: without times, everything may be run.
func Zip(w io.Writer, folder string) error {
	z := zip.NewWriter(w)
	err := filepath.WalkDir(folder, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		name, err := filepath.Rel(folder, path)
		if err != nil {
			return err
		}
		header := &zip.FileHeader{Name: filepath.ToSlash(name), Method: zip.Deflate}
		header.SetMode(0o755)
		to, err := z.CreateHeader(header)
		if err != nil {
			return err
		}
		from, err := os.Open(path)
		if err != nil {
			return err
		}
		defer from.Close() //nolint:errcheck // it was only read
		_, err = io.Copy(to, from)
		return err
	})
	if err != nil {
		return fmt.Errorf("zip %s: %w", folder, err)
	}
	if err := z.Close(); err != nil {
		return fmt.Errorf("zip %s: %w", folder, err)
	}
	return nil
}
