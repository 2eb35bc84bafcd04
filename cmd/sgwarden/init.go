package main

import (
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/sgwarden/sgwarden/policies"
)

// skeleton is a policy folder to begin with.
//
//go:embed skeleton
var skeleton embed.FS

const schemaName = "schema.json"

func newInit() *cobra.Command {
	var schemaOnly bool
	cmd := &cobra.Command{
		Use:   "init [DIR]",
		Short: "Make a folder of policies to begin with",
		Long: `init writes settings with every key explained, a policy with its tests, and the
schema by which editors complete and check them into DIR (policies where it is
left out). The mode is observe: nothing is changed by what it writes.

Nothing is overwritten: where one of the files exists, none is written.
--schema writes the schema of this version alone, over an older one.`,
		Args: oneOrNone,
		RunE: func(cmd *cobra.Command, args []string) error {
			dir := "policies"
			if len(args) > 0 {
				dir = args[0]
			}
			files, err := skeletonFiles()
			if err != nil {
				return outside(err)
			}
			write := writeNew
			if schemaOnly {
				files = []newFile{{schemaName, policies.Schema}}
				write = writeOver
			}
			if err := os.MkdirAll(dir, 0o755); err != nil {
				return outside(err)
			}
			if err := write(dir, files); err != nil {
				return err
			}
			if _, err := fmt.Fprint(cmd.OutOrStdout(), written(dir, files, schemaOnly)); err != nil {
				return outside(err)
			}
			return nil
		},
	}
	cmd.Flags().BoolVar(&schemaOnly, "schema", false, "write schema.json alone, over an older one")
	return cmd
}

// newFile is a file that init writes.
type newFile struct {
	name string
	text []byte
}

func skeletonFiles() ([]newFile, error) {
	out := []newFile{{schemaName, policies.Schema}}
	entries, err := fs.ReadDir(skeleton, "skeleton")
	if err != nil {
		return nil, err
	}
	for _, e := range entries {
		text, err := skeleton.ReadFile("skeleton/" + e.Name())
		if err != nil {
			return nil, err
		}
		out = append(out, newFile{e.Name(), text})
	}
	return out, nil
}

// writeNew writes files of which none exists.
func writeNew(dir string, files []newFile) error {
	var there []string
	for _, f := range files {
		if _, err := os.Lstat(filepath.Join(dir, f.name)); !errors.Is(err, fs.ErrNotExist) {
			there = append(there, filepath.Join(dir, f.name))
		}
	}
	if there != nil {
		return fmt.Errorf("init %s: nothing was written, as there is already: %s", dir, strings.Join(there, ", "))
	}
	for _, f := range files {
		out, err := os.OpenFile(filepath.Join(dir, f.name), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
		if err != nil {
			return outside(err)
		}
		_, err = out.Write(f.text)
		if err := errors.Join(err, out.Close()); err != nil {
			return outside(err)
		}
	}
	return nil
}

func writeOver(dir string, files []newFile) error {
	for _, f := range files {
		if err := os.WriteFile(filepath.Join(dir, f.name), f.text, 0o644); err != nil {
			return outside(err)
		}
	}
	return nil
}

// written tells what was written, and what to do next.
func written(dir string, files []newFile, schemaOnly bool) string {
	var b strings.Builder
	for _, f := range files {
		fmt.Fprintf(&b, "wrote %s\n", filepath.Join(dir, f.name))
	}
	if !schemaOnly {
		fmt.Fprintf(&b, "\nNext:\n  sgwarden lint %[1]s\n  sgwarden test %[1]s\n  sgwarden policies --policies %[1]s\n", dir)
	}
	return b.String()
}
