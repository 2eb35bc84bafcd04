package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestAnInterruptedRunGoesOn(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "state", "internal-plan")

	p, err := resume(path, "tree 1")
	require.NoError(t, err)
	assert.Empty(t, p.fates)
	require.NoError(t, p.note(1, killed))
	require.NoError(t, p.note(12, lived))
	require.NoError(t, p.close(false))

	// The machine went off while a line was written.
	whole, err := os.ReadFile(path)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(path, append(whole, "13"...), 0o600))
	p, err = resume(path, "tree 1")
	require.NoError(t, err)
	assert.Equal(t, map[int]fate{1: killed, 12: lived}, p.fates)
	require.NoError(t, p.note(13, unseen))
	require.NoError(t, p.close(false))
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	assert.Equal(t, "tree 1\n1 1\n12 3\n13 4\n", string(text))

	p, err = resume(path, "tree 2")
	require.NoError(t, err)
	assert.Empty(t, p.fates, "another tree begins anew")
	require.NoError(t, p.close(true))
	assert.NoFileExists(t, path, "a whole run leaves nothing to go on with")

	require.NoError(t, os.WriteFile(path, []byte("tree 2\n1 9\n"), 0o600))
	_, err = resume(path, "tree 2")
	assert.ErrorContains(t, err, `"1 9" is no mutant with its fate: delete the file`)
}

func TestTheTreeIsWhatTestsMayRead(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	write := func(path, text string) {
		path = filepath.Join(root, path)
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o750))
		require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
	}
	digest := func(skip string) string {
		d, err := treeDigest(root, skip)
		require.NoError(t, err)
		return d
	}
	write("a/a.go", "package a")
	first := digest("")
	for _, path := range []string{".git/index", ".build/mutation/x", "node_modules/x.js", "internal/mutation/survivors.txt", ".gitignore"} {
		write(path, "x")
		assert.Equal(t, first, digest(""), path)
	}
	assert.NotEqual(t, first, digest("^TestLong"))
	write("a/testdata/x.json", "{}")
	second := digest("")
	assert.NotEqual(t, first, second)
	write("a/testdata/x.json", "[]")
	assert.NotEqual(t, second, digest(""))
}
