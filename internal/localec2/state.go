package localec2

import (
	"maps"
	"net/netip"
	"slices"
	"sort"

	"github.com/sgwarden/sgwarden/internal/secgroup"
)

// state is all that one account has in one region. What its maps hold is never
// changed in place: a change works on a clone and puts a new value. So a
// failed call leaves nothing behind, and a snapshot is cheap.
type state struct {
	vpcs         map[string]*vpc
	groups       map[string]*group
	lists        map[string]*list
	associations map[association]string // the VPC's owner
	peerings     map[string]Peering
	ruleGroups   map[string]string // rule id -> group id
	subnets      map[string]*subnet
	interfaces   map[string]*networkInterface
	instances    map[string]*instance
	addresses    map[string]netip.Addr // elastic, by eipalloc-...
}

// vpc is a VPC. The order of blocks is that of their association.
type vpc struct {
	id        string
	isDefault bool
	blocks    []netip.Prefix
	tags      map[string]string
}

// group is a security group; rules is by rule id.
type group struct {
	id, name, description, vpcID string
	tags                         map[string]string
	rules                        map[string]secgroup.Rule
}

// association makes the rules of a group work in another VPC.
type association struct{ groupID, vpcID string }

// Peering joins a VPC of the account with one of this or another account.
type Peering struct {
	ID          string // pcx-...
	VPCID       string
	PeerAccount string
	PeerVPCID   string
	Deleted     bool // rules that went through it stay, and are stale
	Pending     bool // asked for, and not accepted yet
	Failed      bool // the blocks of its VPCs overlap
	Tags        map[string]string
}

func newState() *state {
	return &state{
		vpcs: map[string]*vpc{}, groups: map[string]*group{}, lists: map[string]*list{},
		associations: map[association]string{}, peerings: map[string]Peering{}, ruleGroups: map[string]string{},
		subnets: map[string]*subnet{}, interfaces: map[string]*networkInterface{}, instances: map[string]*instance{},
		addresses: map[string]netip.Addr{},
	}
}

func (s *state) clone() *state {
	return &state{
		vpcs: maps.Clone(s.vpcs), groups: maps.Clone(s.groups), lists: maps.Clone(s.lists),
		associations: maps.Clone(s.associations), peerings: maps.Clone(s.peerings), ruleGroups: maps.Clone(s.ruleGroups),
		subnets: maps.Clone(s.subnets), interfaces: maps.Clone(s.interfaces), instances: maps.Clone(s.instances),
		addresses: maps.Clone(s.addresses),
	}
}

// edit gives a copy of a group that may be changed, already in its place.
func (s *state) edit(g *group) *group {
	c := *g
	c.tags, c.rules = maps.Clone(g.tags), maps.Clone(g.rules)
	s.groups[c.id] = &c
	return &c
}

// put adds a rule or replaces the one of its id. The group is one of edit.
func (s *state) put(g *group, r secgroup.Rule) {
	g.rules[r.ID] = r
	s.ruleGroups[r.ID] = g.id
}

// remove takes a rule away. The group is one of edit.
func (s *state) remove(g *group, ruleID string) {
	delete(g.rules, ruleID)
	delete(s.ruleGroups, ruleID)
}

// drop takes a group away with its rules and associations.
func (s *state) drop(g *group) {
	for id := range g.rules {
		delete(s.ruleGroups, id)
	}
	for a := range s.associations {
		if a.groupID == g.id {
			delete(s.associations, a)
		}
	}
	delete(s.groups, g.id)
}

// defaultVPC is nil where the account has none in this region.
func (s *state) defaultVPC() *vpc {
	for _, v := range s.vpcs {
		if v.isDefault {
			return v
		}
	}
	return nil
}

func (v *vpc) hasIPv6() bool {
	return slices.ContainsFunc(v.blocks, func(p netip.Prefix) bool { return p.Addr().Is6() })
}

// sorted gives the rules by id: the order of every answer.
func (g *group) sorted() []secgroup.Rule {
	rules := slices.Collect(maps.Values(g.rules))
	sort.Slice(rules, func(i, j int) bool { return rules[i].ID < rules[j].ID })
	return rules
}

func (g *group) isDefault() bool { return g.name == "default" }

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
