package policy

import (
	"net/netip"
	"slices"
	"sync"

	"github.com/sgwarden/sgwarden/internal/secgroup"
)

// The facts beyond a group and its item that policies may require something of.
// nil = not read yet: Evaluate asks for it. Each has Refused: why it could not
// be read, "" = it was. What could not be read is never taken to be fine.

// Interfaces are the network interfaces that a group is on.
type Interfaces struct {
	Refused string
	IDs     []string // eni-..., some of them
	More    bool     // there are others
}

// Users are what kinds of network interfaces a group is on, of all of them.
type Users struct {
	Refused string
	Kinds   []secgroup.InterfaceKind // each once; none = nothing uses the group
}

// DeadReferences are the groups that rules of the group name and that are gone,
// or out of reach since a peering is.
type DeadReferences struct {
	Refused  string
	GroupIDs []string
}

// isAlive reports whether a group that a rule names is known to be there and in
// reach; false where that was not read (nil), or could not be.
func (d *DeadReferences) isAlive(id string) bool {
	return d != nil && d.Refused == "" && !slices.Contains(d.GroupIDs, id)
}

// AllGroups are the groups of the account in the region. One value serves all
// groups that are judged by it, also at once: what they open is worked out on
// first use, or a pass over n groups would work it out n times for each.
type AllGroups struct {
	Refused string
	Groups  []secgroup.Group // lists unread; of VPCs only VPCID; not changed once it was judged by

	once   sync.Once
	places map[string]int // in Groups, by id
	flows  []groupFlows   // of Groups
}

// ElasticAddresses are the elastic IP addresses of the account in the region.
type ElasticAddresses struct {
	Refused   string
	Addresses []netip.Addr
}

// holds reports whether every address of a block is known to be elastic; false
// where that was not read (nil), or could not be.
func (e *ElasticAddresses) holds(block netip.Prefix) bool {
	return e != nil && e.Refused == "" && block.IsSingleIP() && slices.Contains(e.Addresses, block.Addr())
}

// Surroundings are these facts.
type Surroundings struct {
	Interfaces *Interfaces
	Users      *Users
	Dead       *DeadReferences
	Groups     *AllGroups
	Elastic    *ElasticAddresses
}

const (
	NeedInterfaces Need = "interfaces"
	NeedUsers      Need = "interface-kinds"
	NeedDead       Need = "dead-references"
	NeedGroups     Need = "groups"
	NeedElastic    Need = "elastic-addresses"
)

// Facts are the kinds of facts beyond the group that the policies of the set
// may ask for: what a deployment must be able to read for them.
func (s *Set) Facts() []Need {
	var out []Need
	for _, n := range [...]Need{NeedDead, NeedElastic, NeedGroups, NeedUsers, NeedInterfaces} {
		for _, p := range s.Policies {
			if p.mayNeed(n) {
				out = append(out, n)
				break
			}
		}
	}
	return out
}

// JudgesUse reports whether a policy asks what a group is attached to: then a
// call that attaches groups concerns it.
func (s *Set) JudgesUse() bool {
	return slices.ContainsFunc(s.Policies, func(p *Policy) bool { return p.mayNeed(NeedInterfaces) || p.mayNeed(NeedUsers) })
}

func (p *Policy) mayNeed(n Need) bool {
	if n == NeedUsers {
		return len(p.scope.usedBy) > 0 || p.not != nil && len(p.not.usedBy) > 0
	}
	for _, c := range p.clauses {
		if d := c.demand; d != nil && (n == NeedDead && d.alive || n == NeedElastic && d.elastic) {
			return true
		}
	}
	for i := range p.ofGroup {
		if d := &p.ofGroup[i]; n == NeedInterfaces && d.Attached != nil || n == NeedGroups && (d.Distinct != 0 || d.MaxGroups > 0) {
			return true
		}
	}
	return false
}
