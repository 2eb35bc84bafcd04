package policydiff

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/sgwarden/sgwarden/internal/policy"
	"github.com/sgwarden/sgwarden/internal/secgroup"
)

// TestUseDimensionHasEveryClass that three interfaces can make, whatever their
// types, owners and requesters, and none twice; a member of each is what it says.
func TestUseDimensionHasEveryClass(t *testing.T) {
	names := []string{"lambda", "efa", "amazon-elb", "amazon-rds"}
	var all []secgroup.InterfaceKind
	for _, typ := range []string{"interface", "lambda", "efa"} {
		for _, owner := range []string{"", "amazon-elb", "amazon-rds"} {
			for _, requester := range []string{"", "amazon-elb", "amazon-rds"} {
				all = append(all, secgroup.InterfaceKind{Type: typ, Owner: owner, Requester: requester})
			}
		}
	}
	for _, conditions := range [][]policy.UseCondition{
		nil,
		{{Kinds: names[:1]}},
		{{Kinds: names[:1], Every: true}},
		{{Kinds: names[:2]}, {Kinds: names[1:3], Every: true}},
		{{Kinds: names[2:]}, {Kinds: names[2:3], Every: true}, {Kinds: names[3:], Every: true}},
		{{Kinds: names[:1]}, {Kinds: names[2:3]}, {Kinds: names[:1], Every: true}, {Kinds: names[2:], Every: true}},
	} {
		d, err := useDimension(conditions)
		require.NoError(t, err)
		got := map[string]bool{}
		for _, v := range d.values {
			var c policy.Case
			v.set(&c)
			require.Equal(t, v.features, d.of(c))
			require.False(t, got[fmt.Sprint(v.features)], "twice: %v", v.features)
			got[fmt.Sprint(v.features)] = true
		}
		want := map[string]bool{fmt.Sprint(useOf(conditions, nil)): true}
		for _, a := range all {
			for _, b := range all {
				for _, c := range all {
					want[fmt.Sprint(useOf(conditions, []secgroup.InterfaceKind{a, b, c}))] = true
				}
			}
		}
		for features := range want {
			require.True(t, got[features], "%v lacks %s", conditions, features)
		}
	}
	var many []policy.UseCondition
	for i := range 12 {
		many = append(many, policy.UseCondition{Kinds: []string{fmt.Sprintf("kind-%d", i)}})
	}
	_, err := useDimension(many)
	require.EqualError(t, err, "compare policies: their scopes tell too many kinds of network interfaces apart")
}
