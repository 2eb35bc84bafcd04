package policy

import (
	"bytes"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"github.com/sgwarden/sgwarden/policies"
)

// hostile files exhaust a reader of YAML that has no bounds: they are nested,
// long, or both. Each fits into MaxSource.
func hostile() map[string]string {
	n := budget(MaxSource, MaxSource/16) - 64
	fill := func(s string) string { // in lines as long as they may be
		line := strings.Repeat(s, (maxLine-1)/len(s)) + "\n"
		return strings.Repeat(line, n/len(line)+1)[:n]
	}
	numbered := func(format string) string {
		var b strings.Builder
		for i := 0; b.Len() < n-64; i++ {
			fmt.Fprintf(&b, format, i)
		}
		return b.String()
	}
	var steps strings.Builder
	for i := range 700 {
		steps.WriteString(strings.Repeat(" ", i) + "a:\n")
	}
	var mappings strings.Builder
	for i := 0; mappings.Len() < n; i++ {
		if i%1992 == 0 {
			fmt.Fprintf(&mappings, "m%d:\n", i)
		}
		fmt.Fprintf(&mappings, " k%d: v\n", i)
	}
	var exploding strings.Builder
	exploding.WriteString("apiVersion: sgwarden/v1\nkind: Settings\nsets:\n big:\n")
	for i := range 5000 {
		fmt.Fprintf(&exploding, "  - 10.%d.%d.0/24\n", i/256, i%256)
	}
	for i := range 1900 {
		fmt.Fprintf(&exploding, " s%d: [set:big]\n", i)
	}
	return map[string]string{
		"exploding sets":          exploding.String(),
		"lists in lists":          fill("- "),
		"brackets":                fill("["),
		"brackets, closed":        fill("[")[:n/2] + strings.ReplaceAll(fill("[")[:n/2], "[", "]"),
		"keys in braces":          "a: {\n" + numbered("k%d: v,\n") + "}",
		"keys in braces, unended": "a: {\n" + numbered("k%d: v,\n"),
		"keys alone in braces":    "a: {\n" + fill("a,") + "}",
		"entries in brackets":     "a: [\n" + fill("1,")[:min(n, 16000)] + "]",
		"mappings in brackets":    "a: [\n" + fill("{a: b},") + "]",
		"pairs in brackets":       "a: [\n" + fill("a: b,")[:min(n, 16000)] + "]",
		"comments in brackets":    "a: [\n" + strings.Repeat("1, #\n", n/6) + "]",
		"nested to the bound too": "a: [\n" + fill(strings.Repeat("[", maxDepth-2) + strings.Repeat("]", maxDepth-2) + ",")[:min(n, 24000)] + "]",
		"many mappings":           mappings.String()[:n],
		"block list":              strings.Repeat("- a\n", n/4),
		"more values than may be": strings.Repeat("- a\n", maxValues+1),
		"mappings in braces":      strings.Repeat("- {a: b, c: d}\n", n/15),
		"folded text":             "a: >\n" + strings.Repeat("  b\n", n/4-8),
		"text over lines":         "a: " + strings.Repeat("b\n ", n/3-8),
		"a line":                  "a: [" + strings.Repeat("1,", n/2-8) + "]",
		"many braces, few signs":  strings.Repeat("- {a: b, c: d}                        \n", min(n/40, 3125)),
		"many lines, few signs":   strings.Repeat("- a\n", 12_499),
		"comments alone":          strings.Repeat("#\n", n/2) + "a: b",
		"braces":                  fill("{a: "),
		"complex keys":            fill("? "),
		"steps":                   steps.String(),
		"keys of one mapping":     numbered("k%d: v\n"),
		"keys with comments":      numbered("k%d: # x\n"),
		"documents":               strings.Repeat("---\na: 1\n", n/10),
		"document ends":           fill("...\n") + "a: b",
		"anchors":                 numbered("a%d: &a [*a, *a]\n"),
		"tags":                    strings.Repeat("!!str ", n/7),
		"quotes":                  fill("'"),
		"unended text":            fill("a: \"b\n"),
		"literals":                fill("a: |\n"),
		"nested to the bound":     strings.Repeat(strings.Repeat("- ", maxDepth-2)+"a\n", n/(2*maxDepth)),
		"mappings up to bound":    numbered("- {a%d: b, c: d}\n"),
		"rubbish after rubbish":   numbered("k%d: [\n"),
		"a million dots in a key": strings.Repeat("a", n) + ": b",
	}
}

func TestHostileFilesAreRefused(t *testing.T) {
	bounds := []string{
		"nested deeper than", "values in one file", "characters that a line may have", "blocks together",
	}
	met := map[string]bool{}
	for name, text := range hostile() {
		require.LessOrEqual(t, len(text), MaxSource, name)
		faults := faultsOf(t, Source{File: "hostile.yaml", Text: []byte(text)})
		require.NotEmpty(t, faults[0].Message, name)
		require.LessOrEqual(t, len(faults), maxFaults+1, name)
		require.Less(t, len(faults.Error()), 200_000, name)
		for _, b := range bounds {
			met[b] = met[b] || strings.Contains(faults.Error(), b)
		}
	}
	for _, b := range bounds {
		require.True(t, met[b], b)
	}
}

// BenchmarkHostileFiles shows what refusing the worst known files costs: less
// than 100 ms each on an idle machine.
func BenchmarkHostileFiles(b *testing.B) {
	files := hostile()
	files["10 MB"] = strings.Repeat("[", 10<<20)
	files["many sets"] = settingsText("sets:") + strings.Repeat("  s: [10.0.0.0/8]\n", 5000)
	for _, name := range sortedKeys(files) {
		source := []Source{{File: "hostile.yaml", Text: []byte(files[name])}}
		b.Run(strings.ReplaceAll(name, " ", "-"), func(b *testing.B) {
			for b.Loop() {
				_, _ = Parse(source, nil)
			}
		})
	}
}

func TestLargeFilesAreRefusedUnread(t *testing.T) {
	faults := faultsOf(t, Source{File: "large.yaml", Text: bytes.Repeat([]byte("["), 10<<20)})
	require.Len(t, faults, 1)
	require.Equal(t, "large.yaml: larger than the 262144 bytes that a policy file may have (split it)", faults[0].Error())
}

func TestFaultsOfOneFileAreBounded(t *testing.T) {
	text := policyText("p", "forbid:") + strings.Repeat("  - {direction: ingress, peers: [nobody]}\n", 150)
	faults := faultsOf(t, Source{File: "a.yaml", Text: []byte(text)}, Source{File: "b.yaml", Text: []byte("kind: x\n")})
	require.Len(t, faults, maxFaults+2)
	require.Equal(t, "a.yaml: more than 100 faults; the others are not shown", faults[0].Error())
	require.Equal(t, "b.yaml", faults[maxFaults+1].File, "another file's are shown all the same")
}

// TestFlowTextsWithColons: within braces a colon is a sign only before a blank
// or another sign, as it is elsewhere.
func TestFlowTextsWithColons(t *testing.T) {
	const text = `apiVersion: sgwarden/v1
kind: Policy
metadata: {id: p, title: "a: b", severity: high, why: see https://example.com/a:b}
forbid: [{direction: ingress, peers: [::/0, fc00::/7, 2606:4700::/32, ::1/128, aws:s3, aws:*]}]
remedy: {"do":narrow, to: [fe80::/10]}
`
	parsed, err := Parse([]Source{{File: "p.yaml", Text: []byte(text)}}, nil)
	require.NoError(t, err)
	d := parsed.Documents[0]
	require.Equal(t, "a: b", d.Title)
	require.Equal(t, "see https://example.com/a:b", d.Why)
	var peers []string
	for _, p := range d.Forbid[0].Peers {
		peers = append(peers, p.Text)
	}
	require.Equal(t, []string{"::/0", "fc00::/7", "2606:4700::/32", "::1/128", "aws:s3", "aws:*"}, peers)
	require.Equal(t, "fe80::/10", d.Remedy.To[0].String())
}

// FuzzParsePolicy holds that no bytes make the reader panic, that a fault
// means that nothing is loaded, and that each has a file and a place in it.
func FuzzParsePolicy(f *testing.F) {
	seeds, err := filepath.Glob("testdata/*/*.yaml")
	require.NoError(f, err)
	for _, s := range seeds {
		text, err := os.ReadFile(s)
		require.NoError(f, err)
		f.Add(text)
	}
	packs := map[string][]Source{}
	err = fs.WalkDir(policies.Packs(), ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := fs.ReadFile(policies.Packs(), name)
		f.Add(text)
		pack := filepath.Base(filepath.Dir(name))
		packs[pack] = append(packs[pack], Source{File: name, Text: text})
		return err
	})
	require.NoError(f, err)
	f.Fuzz(func(t *testing.T, text []byte) {
		parsed, err := Parse([]Source{{File: "fuzz.yaml", Text: text}}, packs)
		if err != nil {
			require.Empty(t, parsed.Documents)
			var faults Faults
			require.ErrorAs(t, err, &faults)
			for _, d := range faults {
				requirePlace(t, d, string(text))
			}
			return
		}
		for _, d := range parsed.Documents {
			require.NotEmpty(t, d.ID)
			require.NotZero(t, d.Severity)
			require.NotZero(t, d.Remedy.Do)
			ways := 0
			for _, judges := range []bool{len(d.Forbid) > 0, d.AllowOnly != nil, len(d.Require) > 0} {
				if judges {
					ways++
				}
			}
			require.Equal(t, 1, ways)
		}
		if _, err := Compile(parsed.Documents, parsed.Deployment.Settings(Enforce)); err != nil {
			t.Errorf("what was parsed cannot be compiled: %v", err)
		}
	})
}

func requirePlace(t *testing.T, d Diagnostic, text string) {
	t.Helper()
	require.NotEmpty(t, d.File)
	require.NotEmpty(t, d.Message)
	require.True(t, utf8.ValidString(d.String()) || !utf8.ValidString(text))
	if d.Line == 0 {
		return
	}
	lines := strings.Count(text, "\n") + 1
	require.LessOrEqual(t, d.Line, lines)
	require.Positive(t, d.Column)
	require.LessOrEqual(t, d.Column, utf8.RuneCountInString(d.Excerpt)+1)
}

// TestFault44AliasBomb: a kilobyte of aliases to aliases, and a single alias
// in an otherwise good policy. What refusing the first one costs is counted in
// bytes, as no test asserts a time: unfolded it would be 3,486,784,401 texts.
func TestFault44AliasBomb(t *testing.T) {
	var bomb strings.Builder
	bomb.WriteString("apiVersion: sgwarden/v1\nkind: Policy\na: &a [x, x, x, x, x, x, x, x, x]\n")
	for c := 'b'; c <= 'j'; c++ {
		fmt.Fprintf(&bomb, "%c: &%c [%s]\n", c, c, strings.TrimSuffix(strings.Repeat(fmt.Sprintf("*%c, ", c-1), 9), ", "))
	}
	require.Less(t, bomb.Len(), 1024)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	faults := faultsOf(t, Source{File: "bomb.yaml", Text: []byte(bomb.String())})
	runtime.ReadMemStats(&after)
	require.Contains(t, faults.Error(), "aliases are not part of the policy language")
	require.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(16<<20))

	one := policyText("p", "forbid:\n  - {direction: ingress, ports: &a [22], peers: [internet]}\n  - {direction: egress, ports: *a, peers: [internet]}\n")
	require.Contains(t, faultsOf(t, Source{File: "one.yaml", Text: []byte(one)}).Error(), "aliases are not part of the policy language")
}
