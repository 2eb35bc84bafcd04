package main

import (
	"debug/elf"
	"errors"
	"fmt"
	"os/exec"
	"runtime"
)

// checkBinary wants what Lambda can start on arm64 without any library: an
// executable for aarch64 without interpreter and without needs.
func checkBinary(path string) error {
	f, err := elf.Open(path)
	if err != nil {
		return fmt.Errorf("read %s: %w", path, err)
	}
	defer func() { _ = f.Close() }() // only read
	if f.Machine != elf.EM_AARCH64 || f.Class != elf.ELFCLASS64 {
		return fmt.Errorf("%s is for %s, want %s: build it with GOARCH=arm64", path, f.Machine, elf.EM_AARCH64)
	}
	for _, p := range f.Progs {
		if p.Type == elf.PT_INTERP {
			return fmt.Errorf("%s is not static: it names an interpreter", path)
		}
	}
	if needs, err := f.ImportedLibraries(); err != nil || len(needs) > 0 {
		return errors.Join(fmt.Errorf("%s is not static: it needs %q", path, needs), err)
	}
	return nil
}

// emulators run one program for Linux on arm64 on another processor.
var emulators = []string{"qemu-aarch64-static", "qemu-aarch64"}

// processor finds what runs the functions here; "" = this machine does.
func processor() (string, error) {
	if runtime.GOOS == "linux" && runtime.GOARCH == "arm64" {
		fmt.Println("this machine is arm64: no emulator")
		return "", nil
	}
	for _, name := range emulators {
		if path, err := exec.LookPath(name); err == nil {
			fmt.Println("under", path)
			return path, nil
		}
	}
	return "", fmt.Errorf("neither %s nor %s is on the PATH: install one (Debian, Ubuntu: apt-get install qemu-user-static), or run this on Linux on arm64", emulators[0], emulators[1])
}
