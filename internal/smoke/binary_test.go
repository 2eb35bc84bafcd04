package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// build makes a program for Linux on a processor.
func build(t *testing.T, arch string) string {
	t.Helper()
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "main.go"), []byte("package main\n\nfunc main() {}\n"), 0o600))
	out := filepath.Join(dir, "bootstrap")
	cmd := exec.Command("go", "build", "-o", out, "main.go")
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GOOS=linux", "GOARCH="+arch, "CGO_ENABLED=0")
	text, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s", text)
	return out
}

func TestBinariesAreForArm64AndStatic(t *testing.T) {
	require.NoError(t, checkBinary(build(t, "arm64")))
	require.ErrorContains(t, checkBinary(build(t, "amd64")), "is for EM_X86_64, want EM_AARCH64")
	require.ErrorContains(t, checkBinary("testdata/none"), "no such file")
}

// TestADynamicBinaryIsRefused: a header of a program that names an interpreter.
func TestADynamicBinaryIsRefused(t *testing.T) {
	text, err := os.ReadFile(build(t, "arm64"))
	require.NoError(t, err)
	// The type of the first program header (PT_PHDR) becomes PT_INTERP.
	text[64] = 3
	path := filepath.Join(t.TempDir(), "bootstrap")
	require.NoError(t, os.WriteFile(path, text, 0o600))
	require.ErrorContains(t, checkBinary(path), "not static: it names an interpreter")
}

// TestNothingIsFallenBackOn: without an emulator it is an error that says what
// to install.
func TestNothingIsFallenBackOn(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	_, err := processor()
	require.ErrorContains(t, err, "apt-get install qemu-user-static")
}
