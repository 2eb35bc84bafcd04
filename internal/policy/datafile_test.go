package policy

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// TestDataFiles are the ranges of AWS, of a size that can be read.
func TestDataFiles(t *testing.T) {
	for name, want := range map[string]bool{"ip-ranges.json": true, "ip-ranges-2026.json": true, "sub/ip-ranges.json": true, "ip-ranges.yaml": false, "other.json": false, "console.json": false} {
		require.Equal(t, want, IsData(name), name)
	}
	large := append([]byte(`{"createDate":"2026-01-01-00-00-00","prefixes":[],"ipv6_prefixes":[]}`), make([]byte, MaxData)...)
	for i := range large {
		if large[i] == 0 {
			large[i] = ' '
		}
	}
	parse := func(data []byte) error {
		_, err := Parse([]Source{
			{File: "s.yaml", Text: []byte(settingsText("awsRanges: {aws: {file: ip-ranges.json}}"))}, {File: "ip-ranges.json", Text: data},
			{File: "p.yaml", Text: []byte(policyText("p", "forbid:", "  - {direction: ingress, ports: [22], peers: [\"set:aws\", internet]}"))},
		}, nil)
		return err
	}
	require.NoError(t, parse(large[:MaxData]))
	require.ErrorContains(t, parse(large[:MaxData+1]), "is larger than the")
}
