package plan

import (
	"net/netip"

	"github.com/sgwarden/sgwarden/internal/secgroup"
)

// MostEntries is how many entries one call adds, and how many it removes, at
// most (EC2 API model, ModifyManagedPrefixList).
const MostEntries = 100

// EditList takes entries out of a prefix list and puts others back, in one call.
// EC2 does it only while the list has Version.
type EditList struct {
	ListID  string
	Version int64 // that the list has
	Remove  []netip.Prefix
	Add     []secgroup.ListEntry
}

func (EditList) action() {}

// Call is ModifyManagedPrefixList.
func (a EditList) Call() string { return "ModifyManagedPrefixList" }

// RuleIDs is nil: no rule is touched, and all that refer to the list change.
func (a EditList) RuleIDs() []string { return nil }

// IsEmpty reports whether there is nothing to call for.
func (a EditList) IsEmpty() bool { return len(a.Remove)+len(a.Add) == 0 }

// After is what the list holds once the edit is done.
func (a EditList) After(entries []secgroup.ListEntry) []secgroup.ListEntry {
	var out []secgroup.ListEntry
	for _, e := range entries {
		if !containsBlock(a.Remove, e.Block) {
			out = append(out, e)
		}
	}
	for _, e := range a.Add {
		if !secgroup.HasEntry(out, e.Block) {
			out = append(out, e)
		}
	}
	return out
}

// IsDone reports whether a list that holds these entries is as the edit wants it.
func (a EditList) IsDone(entries []secgroup.ListEntry) bool {
	for _, block := range a.Remove {
		if secgroup.HasEntry(entries, block) {
			return false
		}
	}
	for _, e := range a.Add {
		if !secgroup.HasEntry(entries, e.Block) {
			return false
		}
	}
	return true
}

func containsBlock(blocks []netip.Prefix, block netip.Prefix) bool {
	for _, b := range blocks {
		if b == block {
			return true
		}
	}
	return false
}
