package incident

import "strings"

// StillOpenNote begins the note that what a rule let in is open by other groups
// of its interfaces: whoever reads that the rule is gone must read this first.
const StillOpenNote = "some of it is still open on interfaces that the group is on, by "

// StillOpenBy are the groups of that note, in words; "" = there is none.
func (i Incident) StillOpenBy() string {
	for _, n := range i.Notes {
		if groups, ok := strings.CutPrefix(n, StillOpenNote); ok {
			return groups
		}
	}
	return ""
}
