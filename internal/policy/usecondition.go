package policy

import (
	"slices"

	"github.com/sgwarden/sgwarden/internal/secgroup"
)

// UseCondition is what a scope asks of the network interfaces of a group.
type UseCondition struct {
	Kinds []string // sorted, each once
	Every bool     // all of them are of these kinds, or there is none; else one is
}

// HoldsFor reports whether it holds for a group that is on interfaces of these
// kinds. It is careful in both directions: one interface puts a group into a
// scope, and one of another kind keeps it from being left out. A group that
// nothing uses opens nothing, and is left out until something does.
func (u UseCondition) HoldsFor(kinds []secgroup.InterfaceKind) bool {
	named := func(k secgroup.InterfaceKind) bool {
		return slices.Contains(u.Kinds, k.Type) || slices.Contains(u.Kinds, k.Owner) || slices.Contains(u.Kinds, k.Requester)
	}
	if u.Every {
		return !slices.ContainsFunc(kinds, func(k secgroup.InterfaceKind) bool { return !named(k) })
	}
	return slices.ContainsFunc(kinds, named)
}

func compareUse(a, b UseCondition) int {
	if a.Every != b.Every {
		if a.Every {
			return 1
		}
		return -1
	}
	return slices.Compare(a.Kinds, b.Kinds)
}

func isSameUse(a, b UseCondition) bool { return compareUse(a, b) == 0 }

// sortUse sorts conditions and drops what is there twice.
func sortUse(list []UseCondition) []UseCondition {
	slices.SortFunc(list, compareUse)
	return slices.CompactFunc(list, isSameUse)
}
