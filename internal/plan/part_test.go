package plan

import (
	"math/big"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/sgwarden/sgwarden/internal/secgroup"
)

func TestFlowsCountsWhatARuleOpens(t *testing.T) {
	tests := map[string]int64{
		"ingress tcp/22 from 10.0.0.1/32":              1,
		"ingress tcp/20-25 from 10.0.0.1/32":           6,
		"ingress udp/0-9 from 10.0.0.0/24":             10 << 8,
		"ingress tcp/22 from fd00::/120":               1 << 8,
		"ingress all from 10.0.0.0/31":                 256 << 17,
		"ingress 50 from 10.0.0.1/32":                  1 << 16,
		"ingress icmp from 10.0.0.1/32":                1 << 16,
		"ingress icmpv6 from fd00::1/128":              1 << 16,
		"ingress icmp/8 from 10.0.0.1/32":              256,
		"ingress icmp/0 from 10.0.0.1/32":              256,
		"ingress icmp/8/0 from 10.0.0.1/32":            1,
		"ingress icmpv6/128/0 from fd00::1/128":        1,
		"ingress tcp/22 from pl-0123456789abcdef0":     1,
		"ingress tcp/20-25 from sg-0123456789abcdef0":  6,
		"egress all to sg-0123456789abcdef0":           256 << 16,
		"egress tcp/0-65535 to pl-0123456789abcdef0":   1 << 16,
		"egress icmp/3/4 to pl-0123456789abcdef0":      1,
		"ingress udp/4000-4001 from 192.168.0.0/16":    2 << 16,
		"ingress icmpv6/128 from fd00::1/128":          256,
		"ingress tcp/65535 from 255.255.255.255/32":    1,
		"ingress 47 from pl-0123456789abcdef0":         1 << 16,
		"ingress udp/53 from fd00:0:0:0:0:0:0:8/125":   8,
		"ingress tcp/1-65535 from 10.0.0.1/32":         65535,
		"ingress icmpv6/0/0 from fd00::1/128":          1,
		"ingress udp/0 from pl-0123456789abcdef0":      1,
		"egress 255 to 10.0.0.0/30":                    4 << 16,
		"ingress icmp/3/0 from sg-0123456789abcdef0":   1,
		"ingress udp/0-65535 from fd00::1/128":         1 << 16,
		"ingress tcp/443 from 2001:db8:0:0:0:0:0:0/96": 1 << 32,
	}
	for text, want := range tests {
		require.Equal(t, big.NewInt(want).String(), flows(rule(t, text)).String(), text)
	}
}

func TestLargestIsTheFirstOfEquals(t *testing.T) {
	require.Equal(t, 0, largest(rulesOf(t, "ingress tcp/20-21 from 10.0.0.0/8", "ingress tcp/30-31 from 10.0.0.0/8")))
	require.Equal(t, 1, largest(rulesOf(t, "ingress tcp/20 from 10.0.0.0/8", "ingress tcp/30-31 from 10.0.0.0/8", "ingress tcp/40-41 from 10.0.0.0/8")))
	require.Equal(t, 1, largest(rulesOf(t, "ingress tcp/20-21 from 10.0.0.0/9", "ingress tcp/20 from 10.0.0.0/7")))
}

// TestSharesQuota: "rules that reference a list or a group count towards both"
// (VPC User Guide, quotas).
func TestSharesQuota(t *testing.T) {
	v4, v6 := rule(t, "ingress tcp/22 from 10.0.0.0/8").Peer, rule(t, "ingress tcp/22 from fd00::/8").Peer
	list, group := rule(t, "ingress tcp/22 from pl-0123456789abcdef0").Peer, rule(t, "ingress tcp/22 from sg-0123456789abcdef0").Peer
	all := []secgroup.Peer{v4, v6, list, group}
	for i, a := range all {
		for j, b := range all {
			apart := i+j == 1 // v4 and v6
			require.Equal(t, !apart, sharesQuota(a, b), "%s and %s", a, b)
		}
	}
}

// TestOwnTags asks often: a map gives its keys in any order.
func TestOwnTags(t *testing.T) {
	for range 60 {
		require.Equal(t, map[string]string{"team": "net", "awsome": "yes"},
			ownTags(map[string]string{"team": "net", "aws:cloudformation:stack-name": "web", "AWS:x": "y", "awsome": "yes"}))
	}
	require.Nil(t, ownTags(map[string]string{"aws:x": "y"}))
}
