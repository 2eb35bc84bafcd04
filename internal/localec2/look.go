package localec2

import (
	"maps"
	"slices"
	"strings"

	"github.com/sgwarden/sgwarden/internal/secgroup"
)

// Group gives a group as it is, with its rules by id and the blocks of its own
// VPC; ok is false where there is none. It makes no call.
func (a *Account) Group(id string) (g secgroup.Group, ok bool) {
	a.cloud.mu.Lock()
	defer a.cloud.mu.Unlock()
	if a.state.groups[id] == nil {
		return secgroup.Group{}, false
	}
	return a.view(a.state.groups[id]), true
}

// Groups gives all groups, by id.
func (a *Account) Groups() []secgroup.Group {
	a.cloud.mu.Lock()
	defer a.cloud.mu.Unlock()
	var all []secgroup.Group
	for _, id := range sortedKeys(a.state.groups) {
		all = append(all, a.view(a.state.groups[id]))
	}
	return all
}

func (a *Account) view(g *group) secgroup.Group {
	v := a.state.vpcs[g.vpcID]
	rules := g.sorted()
	for i := range rules {
		rules[i].Tags = maps.Clone(rules[i].Tags)
	}
	return secgroup.Group{
		ID: g.id, Name: g.name, Description: g.description, AccountID: a.ID, Region: a.Region, VPCID: g.vpcID,
		Tags: maps.Clone(g.tags), Rules: rules, VPCs: []secgroup.VPC{{ID: v.id, CIDRs: slices.Clone(v.blocks)}},
	}
}

// GroupNamed gives the id of the group of that name in a VPC, regardless of
// case; "" for vpcID is the default VPC.
func (a *Account) GroupNamed(vpcID, name string) (id string, ok bool) {
	a.cloud.mu.Lock()
	defer a.cloud.mu.Unlock()
	if v := a.state.defaultVPC(); vpcID == "" && v != nil {
		vpcID = v.id
	}
	for _, id := range sortedKeys(a.state.groups) {
		if g := a.state.groups[id]; g.vpcID == vpcID && strings.EqualFold(g.name, name) {
			return id, true
		}
	}
	return "", false
}

// GroupOfRule gives the id of the group that has a rule.
func (a *Account) GroupOfRule(ruleID string) (groupID string, ok bool) {
	a.cloud.mu.Lock()
	defer a.cloud.mu.Unlock()
	groupID = a.state.ruleGroups[ruleID]
	return groupID, groupID != ""
}

// DefaultVPC is the id of the default VPC, "" if there is none.
func (a *Account) DefaultVPC() string {
	a.cloud.mu.Lock()
	defer a.cloud.mu.Unlock()
	if v := a.state.defaultVPC(); v != nil {
		return v.id
	}
	return ""
}

// RuleOf gives the id of the group's rule with the value of r; ok is false
// where it has none.
func (a *Account) RuleOf(groupID string, r secgroup.Rule) (ruleID string, ok bool) {
	a.cloud.mu.Lock()
	defer a.cloud.mu.Unlock()
	g := a.state.groups[groupID]
	r, err := a.canonical(r)
	if g == nil || err != nil {
		return "", false
	}
	ruleID = g.ruleOf(r)
	return ruleID, ruleID != ""
}
