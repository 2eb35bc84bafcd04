package main

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/sgwarden/sgwarden/bench/engines"
	"github.com/sgwarden/sgwarden/internal/bundle"
	"github.com/sgwarden/sgwarden/internal/policy"
)

// everyPack names the policies of all packs that ship, all of them on. Other
// sets are named by the number of their policies.
const everyPack = "every pack"

// policyTexts gives the files of a set.
func policyTexts(set string) (map[string]string, error) {
	if set != everyPack {
		n, err := strconv.Atoi(set)
		return engines.YAML(n), err
	}
	settings, err := everyPackOn()
	return map[string]string{"sgwarden.yaml": settings}, err
}

// everyPackOn is the settings under which every policy that ships is on. Those
// that a deployment chooses groups for get one that no measurement has to do
// with: no rule is fine under all of them, as they contradict each other, but
// each has to be ruled out for each change.
func everyPackOn() (string, error) {
	entries, err := bundle.Catalog("", "", policy.Enforce)
	if err != nil {
		return "", err
	}
	packs, overrides := map[string]bool{}, &strings.Builder{}
	for _, e := range entries {
		packs[e.Pack] = true
		if e.Chosen {
			fmt.Fprintf(overrides, "  %s: {scope: {groups: {ids: [sg-0c405e00000000000]}}}\n", e.Policy)
		}
	}
	text := &strings.Builder{}
	fmt.Fprint(text, "apiVersion: sgwarden/v1\nkind: Settings\npacks:\n")
	for _, id := range slices.Sorted(maps.Keys(packs)) {
		fmt.Fprintf(text, "  - %s\n", id)
	}
	fmt.Fprintf(text, "overrides:\n%s", overrides)
	return text.String(), nil
}

// policyFolder writes a set of policies into a folder, and their compiled
// bundle into a file beside it.
func (b *bench) policyFolder(set string) (folder, compiled string, err error) {
	folder = filepath.Join(b.temp, "policies-"+strings.ReplaceAll(set, " ", "-"))
	compiled = folder + ".bundle"
	if _, err := os.Stat(compiled); err == nil {
		return folder, compiled, nil
	}
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return "", "", err
	}
	texts, err := policyTexts(set)
	if err != nil {
		return "", "", err
	}
	for name, text := range texts {
		if err := os.WriteFile(filepath.Join(folder, name), []byte(text), 0o644); err != nil {
			return "", "", err
		}
	}
	_, loaded, err := bundle.Load(folder, bundle.Options{})
	if err != nil {
		return "", "", err
	}
	return folder, compiled, loaded.WriteFile(compiled)
}

// withPolicies puts guard into a folder with a set of policies beside it.
func (b *bench) withPolicies(set string) (string, error) {
	folder := filepath.Join(b.temp, "guard-"+strings.ReplaceAll(set, " ", "-"))
	if _, err := os.Stat(filepath.Join(folder, bundle.FileName)); err == nil {
		return folder, nil
	}
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return "", err
	}
	_, compiled, err := b.policyFolder(set)
	if err != nil {
		return "", err
	}
	// A link, not a copy: how much of a file a process maps depends on how the
	// file was written.
	if err := os.Link(filepath.Join(b.dist, "guard", "bootstrap"), filepath.Join(folder, "bootstrap")); err != nil {
		return "", err
	}
	data, err := os.ReadFile(compiled)
	if err != nil {
		return "", err
	}
	if err := os.WriteFile(filepath.Join(folder, bundle.FileName), data, 0o600); err != nil {
		return "", err
	}
	return folder, nil
}
