package engines

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/sgwarden/sgwarden/internal/policy"
)

// TestEnginesAgree: figures of engines that judge differently are no
// comparison. `make bench` holds them together on many more rules.
func TestEnginesAgree(t *testing.T) {
	for _, n := range []int{20, 200} {
		own, err := NewOwn(n)
		require.NoError(t, err)
		peers, err := Peers(n)
		require.NoError(t, err)
		require.Len(t, peers, 3)
		rules := append(Random(1, 4000), Usual()...)
		want, err := own.Violated(rules)
		require.NoError(t, err)
		for _, p := range peers {
			violations, err := Compare(p, rules, want)
			require.NoError(t, err)
			require.Greater(t, violations, len(rules)/10)
		}
		for p := range n {
			seen := map[bool]bool{}
			for i := range rules {
				seen[want[i][p]] = true
			}
			require.Len(t, seen, 2, "policy %d is violated by some rules and not by others", p)
		}
	}
}

func TestDifferencesAreFound(t *testing.T) {
	own, err := NewOwn(20)
	require.NoError(t, err)
	peers, err := Peers(20)
	require.NoError(t, err)
	rules := Random(1, 200)
	want, err := own.Violated(rules)
	require.NoError(t, err)
	want[137][3] = !want[137][3]
	for _, p := range peers {
		_, err := Compare(p, rules, want)
		require.ErrorContains(t, err, "differ on "+rules[137].String()+" under policy 3")
	}
}

func TestUsualRulesAreCompliant(t *testing.T) {
	for _, n := range []int{20, 200} {
		own, err := NewOwn(n)
		require.NoError(t, err)
		v := own.Judge(own.Group(Usual()))
		require.Empty(t, v.Needs)
		for _, rv := range v.Rules {
			require.Len(t, rv.Findings, n)
			for _, f := range rv.Findings {
				require.Equal(t, policy.Fine, f.State, "%s under %s", rv.Rule, f.Policy.ID)
			}
		}
	}
}
