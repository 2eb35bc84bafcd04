package architecture

import (
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"sort"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const module = "github.com/sgwarden/sgwarden/"

// allowed is the complete list of imports between the project's own packages,
// tests left out. An import that is not listed fails, and so does a listed one
// that nobody uses.
var allowed = map[string][]string{
	"cmd/sgwarden": {
		"events", "events/samples", "internal/alert", "internal/apply", "internal/bundle", "internal/deployment", "internal/doctor", "internal/embedded", "internal/incident",
		"internal/inventory", "internal/ledger", "internal/marks", "internal/plan", "internal/policy", "internal/policydiff", "internal/redrive", "internal/secgroup", "internal/trigger", "internal/undo",
		"internal/warden", "policies",
	},
	"events":                     {"internal/secgroup"},
	"events/samples":             {},
	"functions/canary":           {"internal/canary", "internal/guard"},
	"functions/guard":            {"internal/guard"},
	"functions/sweep":            {"internal/guard", "internal/sweep"},
	"infra":                      {"infra/stacks"},
	"infra/release":              {"internal/metrics"},
	"infra/release/make":         {"infra/release"},
	"infra/stacks":               {"events", "internal/alert", "internal/apply", "internal/bundle", "internal/canary", "internal/doctor", "internal/guard", "internal/inventory", "internal/ledger", "internal/metrics", "internal/policy"},
	"internal/alert":             {"internal/incident", "internal/secgroup"},
	"internal/architecture":      {},
	"internal/apply":             {"internal/awserr", "internal/awsrule", "internal/incident", "internal/plan", "internal/secgroup"},
	"internal/awserr":            {"internal/incident"},
	"internal/awshttp":           {},
	"internal/awsjson":           {},
	"internal/awsrule":           {"internal/incident", "internal/secgroup"},
	"internal/bundle":            {"internal/alert", "internal/policy", "internal/secgroup", "policies"},
	"internal/canary":            {"internal/apply", "internal/guard", "internal/incident", "internal/inventory", "internal/ledger", "internal/metrics", "internal/plan", "internal/secgroup"},
	"internal/cloudtrailproxy":   {"internal/localec2/cloudtrail", "internal/localec2/query"},
	"internal/conformance/onaws": {"internal/conformance", "internal/localec2"},
	"internal/conformance":       {},
	"internal/corpus":            {},
	"internal/costs":             {},
	"internal/deployment":        {},
	"internal/doctor": {
		"events", "internal/alert", "internal/apply", "internal/bundle", "internal/deployment", "internal/guard", "internal/incident", "internal/inventory",
		"internal/ledger", "internal/marks", "internal/policy", "internal/secgroup",
	},
	"internal/doctor/patient": {"events", "internal/localaws", "internal/localec2"},
	"internal/embedded": {
		"events", "internal/apply", "internal/incident", "internal/inventory", "internal/ledger", "internal/localec2", "internal/localec2/cloudtrail",
		"internal/plan", "internal/policy", "internal/secgroup", "internal/warden",
	},
	"internal/faultmatrix": {},
	"internal/fixedseed":   {},
	"internal/faults":      {},
	"internal/fuzzing":     {},
	"internal/guard": {
		"internal/alert", "internal/apply", "internal/awserr", "internal/awshttp", "internal/awsjson", "internal/bundle", "internal/incident", "internal/inventory", "internal/ledger", "internal/metrics",
		"internal/plan", "internal/policy", "internal/queue", "internal/secgroup", "internal/warden",
	},
	"internal/incident":            {"internal/policy", "internal/secgroup"},
	"internal/inventory":           {"internal/awserr", "internal/awsrule", "internal/incident", "internal/secgroup"},
	"internal/ledger":              {"internal/incident", "internal/policy", "internal/secgroup"},
	"internal/localaws":            {"internal/localaws/dynamodb", "internal/localec2", "internal/localec2/query"},
	"internal/localaws/dynamodb":   {},
	"internal/localec2":            {"internal/localec2/cloudtrail", "internal/localec2/query", "internal/secgroup"},
	"internal/localec2/cloudtrail": {"internal/localec2/query"},
	"internal/localec2/query":      {},
	"internal/marks":               {"internal/incident", "internal/ledger", "internal/policy", "internal/secgroup"},
	"internal/metrics":             {},
	"internal/mutation":            {},
	"internal/overlay":             {},
	"internal/plan":                {"internal/policy", "internal/secgroup"},
	"internal/policy":              {"events", "internal/secgroup"},
	"internal/policydiff":          {"internal/policy", "internal/secgroup"},
	"internal/queue":               {"internal/incident"},
	"internal/redrive":             {},
	"internal/runtimeapi":          {},
	"internal/secgroup":            {},
	"internal/secgroup/oracle":     {"internal/secgroup"},
	"internal/sentinel":            {},
	"internal/smoke":               {"internal/bundle", "internal/localaws", "internal/localec2", "internal/localec2/cloudtrail", "internal/runtimeapi", "internal/secgroup"},
	"internal/soak": {
		"events", "internal/alert", "internal/apply", "internal/awserr", "internal/incident", "internal/inventory", "internal/ledger", "internal/localec2",
		"internal/localec2/cloudtrail", "internal/plan", "internal/policy", "internal/secgroup", "internal/secgroup/oracle", "internal/undo", "internal/warden",
	},
	"internal/soak/run":  {"internal/soak"},
	"internal/sweep":     {"internal/guard", "internal/metrics", "internal/warden"},
	"internal/testtally": {},
	"internal/threats":   {},
	"internal/trigger":   {},
	"internal/undo":      {"internal/incident", "internal/plan", "internal/policy", "internal/secgroup"},
	"internal/warden":    {"events", "internal/incident", "internal/plan", "internal/policy", "internal/secgroup"},
	"policies":           {},
}

// listed is what `go list -json` says of one package.
type listed struct {
	ImportPath string
	Dir        string
	GoFiles    []string
	Imports    []string
}

func packages(t *testing.T) []listed {
	t.Helper()
	cmd := exec.Command("go", "list", "-e", "-json=ImportPath,Dir,GoFiles,Imports", module+"...")
	out, err := cmd.Output()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		require.NoError(t, err, string(exit.Stderr))
	}
	require.NoError(t, err)
	var all []listed
	for dec := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p listed
		if err := dec.Decode(&p); errors.Is(err, io.EOF) {
			break
		} else {
			require.NoError(t, err)
		}
		if len(p.GoFiles) > 0 {
			all = append(all, p)
		}
	}
	require.NotEmpty(t, all)
	return all
}

func TestImportsAreTheListedEdges(t *testing.T) {
	found := map[string][]string{}
	for _, p := range packages(t) {
		name := strings.TrimPrefix(p.ImportPath, module)
		found[name] = []string{}
		for _, i := range p.Imports {
			if own, ok := strings.CutPrefix(i, module); ok {
				found[name] = append(found[name], own)
			}
		}
		sort.Strings(found[name])
	}
	for name, edges := range found {
		want, ok := allowed[name]
		assert.True(t, ok, "package %s is not on the list of edges", name)
		assert.Equal(t, want, edges, "imports of %s", name)
	}
	for name := range allowed {
		assert.Contains(t, found, name, "the list of edges names a package that does not exist")
	}
}

// TestOnePackageReadsPolicyFiles: guard, command line and stack take settings
// and policies from the reader of internal/policy, which needs no library (0047),
// or they would mean different things.
func TestOnePackageReadsPolicyFiles(t *testing.T) {
	var readers []string
	for _, p := range packages(t) {
		for _, i := range p.Imports {
			if strings.Contains(i, "yaml") {
				readers = append(readers, strings.TrimPrefix(p.ImportPath, module))
				break
			}
		}
	}
	assert.Empty(t, readers)
}
