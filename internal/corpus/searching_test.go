package corpus

import (
	"net/netip"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/sgwarden/sgwarden/internal/secgroup"
)

// TestSearchMissesNothing: a search that finds too little would call anything
// harmless. One address, port, type or protocol is enough for it.
func TestSearchMissesNothing(t *testing.T) {
	for name, tc := range map[string]struct {
		profile, group string
		rules          []string
		finds          bool
	}{
		"exactly what is tolerated":         {"baseline", "web", []string{"ingress tcp/22 from 8.8.0.0/17", "ingress tcp/22 from 8.8.128.0/17"}, false},
		"one address more":                  {"baseline", "web", []string{"ingress tcp/22 from 8.8.0.0/16", "ingress tcp/22 from 9.9.9.9/32"}, true},
		"the same address once more":        {"baseline", "web", []string{"ingress tcp/22 from 8.8.0.0/16", "ingress tcp/22 from 8.8.9.9/32"}, false},
		"one address more, in IPv6":         {"baseline", "web", []string{"ingress tcp/22 from 2606:4700::/32", "ingress tcp/22 from 2600::1/128"}, true},
		"one address more, of another kind": {"baseline", "web", []string{"ingress tcp/22 from 8.8.0.0/16", "ingress tcp/22 from 2600::1/128"}, false},
		"ports that share one":              {"baseline", "web", []string{"ingress tcp/20-22 from 8.8.0.0/16", "ingress tcp/22-24 from 9.9.0.0/16"}, true},
		"ports that share none":             {"baseline", "web", []string{"ingress tcp/20-22 from 8.8.0.0/16", "ingress tcp/23-24 from 9.9.0.0/16"}, false},
		"a port at the end of a range":      {"baseline", "web", []string{"ingress tcp/1-22 from 0.0.0.0/0"}, true},
		"a range that ends before it":       {"baseline", "web", []string{"ingress tcp/1-19 from 0.0.0.0/0", "ingress tcp/24-442 from ::/0"}, false},
		"one host between private blocks":   {"no-public", "web", []string{"ingress tcp/443 from 172.32.0.0/32"}, true},
		"the last private host":             {"no-public", "web", []string{"ingress tcp/443 from 172.31.255.255/32"}, false},
		"one type of icmp":                  {"exposure", "web", []string{"ingress icmp/5/1 from 0.0.0.0/0"}, true},
		"types of icmp that may":            {"exposure", "web", []string{"ingress icmp/3 from 0.0.0.0/0", "ingress icmp/11/0 from 0.0.0.0/0"}, false},
		"a protocol that nobody names":      {"only-web", "web", []string{"ingress 99 from 8.0.0.0/8"}, true},
		"all ports in two pieces":           {"all-ports", "web", []string{"ingress tcp/0-9 from 10.0.0.0/8", "ingress tcp/10-65535 from 10.1.1.1/32"}, true},
		"all ports but one":                 {"all-ports", "web", []string{"ingress tcp/0-9 from 10.0.0.0/8", "ingress tcp/11-65535 from 10.1.1.1/32"}, false},
		"every protocol from a group":       {"slip", "web", []string{"ingress all from sg-0a1b2c3d"}, true},
		"tcp and udp from a group":          {"slip", "web", []string{"ingress tcp/0-65535 from sg-0a1b2c3d", "ingress udp/0-65535 from sg-0a1b2c3d"}, false},
		"a default group":                   {"baseline", "default", []string{"egress tcp/443 to 10.1.1.1/32"}, true},
		"a group of another name":           {"baseline", "defaults", []string{"egress tcp/443 to 10.1.1.1/32"}, false},
		"a mark that may be set":            {"marked-by-anybody", "web", []string{"ingress tcp/443 from 0.0.0.0/0"}, true},
		"a block that is its network's":     {"no-public", "web", []string{"ingress tcp/443 from 23.1.0.0/16"}, false},
	} {
		t.Run(name, func(t *testing.T) {
			g := secgroup.Group{ID: "sg-0123456789abcdef0", Name: tc.group, AccountID: "123456789012", Tags: map[string]string{"network-zone": "dmz"}}
			for _, text := range tc.rules {
				r, err := secgroup.ParseRule(text)
				require.NoError(t, err)
				g.Rules = append(g.Rules, r)
			}
			st := state{groups: []groupState{{group: g, blocks: []netip.Prefix{netip.MustParsePrefix("23.1.0.0/16")}}}}
			require.Equal(t, tc.finds, len(search(profileOf(t, tc.profile), st)) > 0)
		})
	}
}
