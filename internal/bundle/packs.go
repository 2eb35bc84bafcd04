package bundle

import (
	"encoding/json"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"github.com/sgwarden/sgwarden/internal/policy"
	"github.com/sgwarden/sgwarden/policies"
)

// testsSuffix is the end of the name of a file with the tests of the policy
// beside it.
const testsSuffix = ".tests.yaml"

// readPacks reads the embedded packs, by id: the folders, and the frameworks,
// which are policies of the folders chosen by the controls that they satisfy.
func readPacks() (map[string][]policy.Source, error) {
	files, err := readFolder(policies.Packs(), "packs")
	if err != nil {
		return nil, err
	}
	packs := map[string][]policy.Source{}
	byName := map[string]policy.Source{}
	for _, f := range files {
		id := filepath.Base(filepath.Dir(f.File))
		packs[id] = append(packs[id], f)
		byName[id+"/"+filepath.Base(f.File)] = f
	}
	var frameworks map[string][]string
	if err := json.Unmarshal(policies.Frameworks, &frameworks); err != nil {
		return nil, fmt.Errorf("read frameworks: %w", err)
	}
	for id, names := range frameworks {
		for _, name := range names {
			f, ok := byName[name]
			if !ok {
				return nil, fmt.Errorf("read frameworks: %s: no pack has the file %s", id, name)
			}
			packs[id] = append(packs[id], f)
			if tests, ok := byName[strings.TrimSuffix(name, ".yaml")+testsSuffix]; ok {
				packs[id] = append(packs[id], tests)
			}
		}
	}
	return packs, nil
}

// withoutTests leaves out the tests of packs: a bundle holds none, and they are
// more text than the policies.
func withoutTests(packs map[string][]policy.Source) map[string][]policy.Source {
	for id, files := range packs {
		packs[id] = slices.DeleteFunc(files, func(f policy.Source) bool { return strings.HasSuffix(f.File, testsSuffix) })
	}
	return packs
}

// parsePacks parses embedded packs; no id stands for all of them.
func parsePacks(ids ...string) (policy.Parsed, error) {
	packs, err := readPacks()
	if err != nil {
		return policy.Parsed{}, err
	}
	if len(ids) == 0 {
		ids = slices.DeleteFunc(slices.Sorted(maps.Keys(packs)), isFramework)
	}
	for _, id := range ids {
		if packs[id] == nil {
			return policy.Parsed{}, &UnknownPackError{ID: id, Known: slices.Sorted(maps.Keys(packs))}
		}
	}
	settings := "apiVersion: sgwarden/v1\nkind: Settings\npacks: [" + strings.Join(ids, ", ") + "]\n"
	return policy.Parse([]policy.Source{{File: "embedded settings", Text: []byte(settings)}}, packs)
}

// UnknownPackError is returned for a pack that is not embedded.
type UnknownPackError struct {
	ID    string
	Known []string
}

func (e *UnknownPackError) Error() string {
	return fmt.Sprintf("unknown pack %q: there are %s", e.ID, strings.Join(e.Known, ", "))
}
