package secgroup

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func mustRule(t testing.TB, text string) Rule {
	t.Helper()
	r, err := ParseRule(text)
	require.NoError(t, err)
	return r
}

func texts(rules []Rule) []string {
	var out []string
	for _, r := range rules {
		out = append(out, r.String())
	}
	return out
}

func TestRulesOfRemainders(t *testing.T) {
	for _, tc := range []struct {
		name, rule string
		minus      []string
		want       []string
	}{
		{"nothing taken", "ingress tcp/22 from 0.0.0.0/0", nil, []string{"ingress tcp/22 from 0.0.0.0/0"}},
		{"a port in the middle", "ingress tcp/20-25 from 0.0.0.0/0", []string{"ingress tcp/22 from 0.0.0.0/0"},
			[]string{"ingress tcp/20-21 from 0.0.0.0/0", "ingress tcp/23-25 from 0.0.0.0/0"}},
		{"half of the addresses", "ingress tcp/22 from 0.0.0.0/0", []string{"ingress tcp/22 from 128.0.0.0/1"},
			[]string{"ingress tcp/22 from 0.0.0.0/1"}},
		{"a port of half of the addresses", "ingress tcp/20-25 from 0.0.0.0/0", []string{"ingress tcp/22 from 128.0.0.0/1"},
			[]string{"ingress tcp/20-21 from 0.0.0.0/0", "ingress tcp/22 from 0.0.0.0/1", "ingress tcp/23-25 from 0.0.0.0/0"}},
		{"the last port of IPv6", "egress udp/0-65535 to ::/0", []string{"egress udp/65535 to ::/0"},
			[]string{"egress udp/0-65534 to ::/0"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			rule := mustRule(t, tc.rule)
			rest := rule.Region()
			for _, m := range tc.minus {
				rest = rest.Subtract(mustRule(t, m).Region())
			}
			require.Equal(t, tc.want, texts(rest.Rules(rule.Direction, nil)))
		})
	}
}
