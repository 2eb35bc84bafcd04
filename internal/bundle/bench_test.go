package bundle

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/sgwarden/sgwarden/internal/policy"
)

func BenchmarkReadBundle(b *testing.B) {
	data := manyPolicies(b, 200).encode()
	b.ReportMetric(float64(len(data)), "bytes")
	b.ResetTimer()
	for b.Loop() {
		if _, err := decode(data); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkLoadBundle(b *testing.B) {
	data := manyPolicies(b, 200).encode()
	for b.Loop() {
		bundle, err := decode(data)
		if err != nil {
			b.Fatal(err)
		}
		if _, err := bundle.Compile(Options{}); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkLoadYAML(b *testing.B) {
	sources := manySources(200)
	for b.Loop() {
		bundle, err := fromSources(sources, "")
		if err != nil {
			b.Fatal(err)
		}
		if _, err := bundle.Compile(Options{}); err != nil {
			b.Fatal(err)
		}
	}
}

func manySources(n int) []policy.Source {
	var out []policy.Source
	for i := range n {
		text := fmt.Sprintf(`apiVersion: sgwarden/v1
kind: Policy
metadata:
  id: policy-%d
  title: Ports of service %d are closed to the internet
  severity: high
  checks: [I-SSH, I-RDP]
  controls: {aws-security-hub: [EC2.13, EC2.14], cis-aws-6.0: ["6.3"]}
  why: What stands on the internet is scanned and attacked within minutes.
  fix: Use Session Manager, or allow the office network only.
scope: {groups: {ids: [sg-0123456789abcdef0]}}
forbid:
  - {direction: ingress, ports: [%d, 3389, 5900-5999], peers: [internet], but: [{peers: ["aws:*"]}]}
  - {direction: ingress, protocols: [tcp], ports: [%d], peers: [10.0.0.0/8, 172.16.0.0/12]}
tolerate: {ipv4: /16, ipv6: /32}
remedy: revert
`, i, i, 20+i, 8000+i)
		out = append(out, policy.Source{File: fmt.Sprintf("policy-%d.yaml", i), Text: []byte(text)})
	}
	return out
}

func manyPolicies(b *testing.B, n int) Bundle {
	bundle, err := fromSources(manySources(n), "")
	require.NoError(b, err)
	return bundle
}
