package main

import (
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/sgwarden/sgwarden/policies"
)

// copyBaseline copies the policies of pack baseline, without their tests.
func copyBaseline(t *testing.T, change func(name, text string) string) string {
	t.Helper()
	dir := t.TempDir()
	files, err := fs.Glob(policies.Packs(), "baseline/*.yaml")
	require.NoError(t, err)
	for _, file := range files {
		if strings.HasSuffix(file, ".tests.yaml") {
			continue
		}
		text, err := fs.ReadFile(policies.Packs(), file)
		require.NoError(t, err)
		name := filepath.Base(file)
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(change(name, string(text))), 0o600))
	}
	return dir
}

// TestDiffOfACopyOfBaseline: a port less is one difference, and that a copy is
// not of an embedded pack any more is told once, not flow by flow.
func TestDiffOfACopyOfBaseline(t *testing.T) {
	run := func(args ...string) (int, string) {
		var out, errs bytes.Buffer
		status := runContext(t.Context(), append([]string{"policy", "diff"}, args...), nil, &out, &errs)
		require.Empty(t, errs.String())
		return status, out.String()
	}
	ports := 0
	fewer := copyBaseline(t, func(name, text string) string {
		if name == "admin-ports-from-internet.yaml" {
			ports = strings.Count(text, "ports: [22, 3389]")
			return strings.ReplaceAll(text, "ports: [22, 3389]", "ports: [22]")
		}
		return text
	})
	require.Equal(t, 1, ports)
	status, out := run("", fewer)
	require.Equal(t, exitViolation, status)
	require.Equal(t, 1, strings.Count(out, "newly allowed\n"), out)
	require.NotContains(t, out, "newly forbidden\n")
	require.Contains(t, out, "flows    ingress tcp/3389, udp/3389 from the internet, in sum more than a /16 of IPv4 or a /32 of IPv6\n")
	require.Contains(t, out, "besides  what an AWS service makes was only alerted, is allowed\n")
	require.Contains(t, out, "what     what AWS services make: only alerted, as of a shipped policy -> treated like any other\n\n1 newly allowed, 0 newly forbidden, 4 other changes\n")
	require.Equal(t, 1, strings.Count(out, "changed\n"))

	status, out = run(fewer, "")
	require.Equal(t, exitViolation, status, "what a service makes is only alerted now")
	require.NotContains(t, out, "newly allowed\n")
	require.Equal(t, 1, strings.Count(out, "newly forbidden\n"), out)
	require.Contains(t, out, "treated like any other -> only alerted, as of a shipped policy (may allow more)\n")

	same := copyBaseline(t, func(_, text string) string { return text })
	status, out = run("", same)
	require.Equal(t, exitFine, status)
	require.Contains(t, out, "0 newly allowed, 0 newly forbidden, 4 other changes")
	_, out = run("", same, "-o", "json")
	require.Contains(t, out, `"actor": "by an AWS service"`, "flow by flow for programs")
}
