//go:build !race

package stacks

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/stretchr/testify/require"
)

// update rewrites the golden templates instead of comparing them.
var update = flag.Bool("update", false, "rewrite the golden templates")

// TestGoldenTemplates has a review see what a change makes of the stacks: of the
// plain one, which observes, of the one with every setting, which enforces, and
// of the hub of an organisation.
func TestGoldenTemplates(t *testing.T) {
	for name, tpl := range map[string]template{"observe": plain, "full": full, "hub": aHub(t)} {
		t.Run(name, func(t *testing.T) {
			got := readable(t, tpl.raw, len(tpl.of("AWS::Lambda::Function")))
			path := filepath.Join("testdata", "golden", name+".template.json")
			if *update {
				require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
				require.NoError(t, os.WriteFile(path, got, 0o644))
			}
			want, err := os.ReadFile(path)
			require.NoError(t, err)
			require.Equal(t, string(want), string(got), "the stack changed: go test ./infra/stacks -run Golden -update, and look at the difference")
		})
	}
}

var (
	codeHash     = regexp.MustCompile(`"[0-9a-f]{64}\.zip"`)
	policyDigest = regexp.MustCompile(`("SGWARDEN_POLICIES_DIGEST": )"[0-9a-f]{64}"`)
)

// readable is a template with sorted keys, in lines, without what changes with
// every build: the hashes of code are numbered, the digest of policies left out.
func readable(t *testing.T, raw []byte, functions int) []byte {
	t.Helper()
	var parts any
	require.NoError(t, json.Unmarshal(raw, &parts))
	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", " ")
	require.NoError(t, enc.Encode(parts))
	numbers := map[string]int{}
	text := codeHash.ReplaceAllFunc(out.Bytes(), func(hash []byte) []byte {
		if numbers[string(hash)] == 0 {
			numbers[string(hash)] = len(numbers) + 1
		}
		return fmt.Appendf(nil, `"code-%d.zip"`, numbers[string(hash)])
	})
	require.Len(t, numbers, functions, "each function has code of its own")
	return policyDigest.ReplaceAll(text, []byte(`$1"digest"`))
}
