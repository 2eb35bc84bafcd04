package incident

import (
	"slices"

	"github.com/sgwarden/sgwarden/internal/secgroup"
)

// List is what an incident about a prefix list tells of it.
type List struct {
	ID, Name, OwnerID string
	// Before is the version that the list had while the rules were in order,
	// Judged the one that was judged, After the one with which the entries were
	// gone; 0 = not known, or none.
	Before, Judged, After int64
	Added                 []secgroup.ListEntry // since Before, as far as they open anything
	Removed               []secgroup.ListEntry // of them, those that were taken out, or are to be
	PutBack               []secgroup.ListEntry // that the list had, and got back
	// Groups are the groups that refer to the list, those that violate first.
	Groups []ListGroup
	// OmittedGroups counts those that BoundList left out; 0 = none.
	OmittedGroups int
	OmittedAdded  int // likewise of Added
	Violating     int // groups that violate by the list, those left out included
}

// ListGroup is the verdict for one group that refers to a list.
type ListGroup struct {
	ID, Name, VPCID string
	Outcome         Outcome  // what the list did to its rules: compliant, or what became of them
	Rules           []string // ids of those that refer to the list
}

// What an incident about a list tells of, at most. Of rules there are more: undo
// exempts them.
const (
	mostOfList  = 50 // groups, and added entries
	mostOfRules = 500
)

// BoundList leaves out of an incident about a list what is too much to be read,
// and counts it. It changes i alone.
func (i *Incident) BoundList() {
	if i.List == nil {
		return
	}
	l := *i.List
	if more := len(l.Groups) - mostOfList; more > 0 {
		l.Groups, l.OmittedGroups = slices.Clone(l.Groups[:mostOfList]), l.OmittedGroups+more
	}
	if more := len(l.Added) - mostOfList; more > 0 {
		l.Added, l.OmittedAdded = slices.Clone(l.Added[:mostOfList]), l.OmittedAdded+more
	}
	if more := len(i.Rules) - mostOfRules; more > 0 {
		i.Rules, i.OmittedRules = slices.Clone(i.Rules[:mostOfRules]), i.OmittedRules+more
	}
	i.List = &l
}
