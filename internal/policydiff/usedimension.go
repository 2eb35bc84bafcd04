package policydiff

import (
	"slices"
	"strings"

	"github.com/sgwarden/sgwarden/internal/policy"
	"github.com/sgwarden/sgwarden/internal/secgroup"
)

// mostUses bounds the classes of what may use a group.
const mostUses = 1000

// other is the name of a kind that no policy names.
const other = "other"

// useDimension is what uses a group. Any interfaces may do so at once, each with
// a type, an owner and a requester: a class is which conditions hold for some of
// them, and which for all.
func useDimension(conditions []policy.UseCondition) (dimension, error) {
	d := dimension{}
	for _, c := range conditions {
		kinds := strings.Join(c.Kinds, " or ")
		if c.Every {
			d.labels = append(d.labels, label{"on nothing but " + kinds, "on something else than " + kinds})
		} else {
			d.labels = append(d.labels, label{"on some " + kinds, "on no " + kinds})
		}
	}
	d.of = func(c policy.Case) []bool {
		if c.Users == nil {
			return useOf(conditions, nil)
		}
		return useOf(conditions, c.Users.Kinds)
	}
	add := func(kinds []secgroup.InterfaceKind) bool {
		features := useOf(conditions, kinds)
		if slices.ContainsFunc(d.values, func(v value) bool { return slices.Equal(v.features, features) }) {
			return false
		}
		d.values = append(d.values, value{features: features, set: func(c *policy.Case) { c.Users = &policy.Users{Kinds: kinds} }})
		return true
	}
	add(nil)
	if len(conditions) == 0 {
		return d, nil
	}
	// What is added to two groups that no condition tells apart leaves them so:
	// one of each class is enough to go on from.
	singles := singleUses(conditions)
	for reached := [][]secgroup.InterfaceKind{nil}; len(reached) > 0; reached = reached[1:] {
		for _, k := range singles {
			kinds := append(slices.Clone(reached[0]), k)
			if add(kinds) {
				reached = append(reached, kinds)
			}
		}
		if len(d.values) > mostUses {
			return d, &TooManyError{"kinds of network interfaces"}
		}
	}
	return d, nil
}

// singleUses gives an interface for each way to meet the conditions alone.
func singleUses(conditions []policy.UseCondition) []secgroup.InterfaceKind {
	types, owners := []string{other}, []string{""}
	for _, c := range conditions {
		for _, kind := range c.Kinds {
			if strings.HasPrefix(kind, "amazon-") {
				owners = append(owners, kind)
			} else {
				types = append(types, kind)
			}
		}
	}
	var out []secgroup.InterfaceKind
	var met [][]bool
	for _, t := range types {
		for _, owner := range owners {
			for _, requester := range owners {
				k := secgroup.InterfaceKind{Type: t, Owner: owner, Requester: requester}
				features := useOf(conditions, []secgroup.InterfaceKind{k})
				if !slices.ContainsFunc(met, func(m []bool) bool { return slices.Equal(m, features) }) {
					met, out = append(met, features), append(out, k)
				}
			}
		}
	}
	return out
}

// useOf says which conditions hold for a group that these use.
func useOf(conditions []policy.UseCondition, kinds []secgroup.InterfaceKind) []bool {
	out := make([]bool, len(conditions))
	for i, c := range conditions {
		out[i] = c.HoldsFor(kinds)
	}
	return out
}
