package events

import (
	"strconv"

	"github.com/sgwarden/sgwarden/internal/secgroup"
)

// This file reads what a call is about where no rules are named: groups, VPCs,
// prefix lists.

// target reads the group that a request names, by id or by name, and adds it.
// A name alone means a group of the default VPC (AuthorizeSecurityGroupIngress,
// GroupName).
func (r *record) target() secgroup.GroupName {
	g := secgroup.GroupName{
		ID:   r.id(groupPrefix, r.request.get("groupId"), "groupId"),
		Name: r.groupName(r.request.get("groupName")),
	}
	if g.ID != "" || g.Name != "" {
		r.addGroup(g)
	}
	return g
}

// readGroup reads DeleteSecurityGroup and UpdateSecurityGroupRuleDescriptions*.
func readGroup(r *record) {
	g := r.target()
	// DeleteSecurityGroup answers with the id since 2024 (DeleteSecurityGroupResult).
	id := r.id(groupPrefix, r.response.get("groupId"), "responseElements.groupId")
	r.resolve(g, id)
}

// resolve ties the id that an answer gives to the group that the request
// named. Two different ids are no answer to the request.
func (r *record) resolve(asked secgroup.GroupName, id string) {
	if id == "" || id == asked.ID {
		return
	}
	for i := range r.change.Groups {
		g := &r.change.Groups[i]
		if g.ID == id {
			return
		}
		if g.ID == "" && g.Name == asked.Name {
			g.ID = id
			return
		}
	}
	if asked.ID != "" || asked.Name != "" {
		r.gap("the response is about %s, which the request does not name", id)
	}
	r.addGroup(secgroup.GroupName{ID: id})
}

// readNewGroup reads CreateSecurityGroup: the id is in the answer alone.
func readNewGroup(r *record) {
	g := secgroup.GroupName{
		ID:    r.id(groupPrefix, r.response.get("groupId"), "responseElements.groupId"),
		Name:  r.groupName(r.request.get("groupName")),
		VPCID: r.id(vpcPrefix, r.request.get("vpcId"), "vpcId"),
	}
	if g.ID == "" && !r.failed() {
		r.gap("responseElements has no groupId")
	}
	if g.ID != "" || g.Name != "" {
		r.addGroup(g)
	}
}

// readGroupAndVPC reads AssociateSecurityGroupVpc and its opposite.
func readGroupAndVPC(r *record) {
	r.target()
	r.addVPC(r.id(vpcPrefix, r.request.get("vpcId"), "vpcId"))
	if len(r.change.VPCIDs) == 0 && !r.failed() {
		r.gap("names no VPC")
	}
}

// readVPC reads the calls that make a VPC or change its blocks. A block is taken
// away by the id of its association: only the answer tells the VPC.
func readVPC(r *record) {
	r.addVPC(r.id(vpcPrefix, r.request.get("vpcId"), "vpcId"))
	r.addVPC(r.id(vpcPrefix, r.response.get("vpcId"), "responseElements.vpcId"))
	r.addVPC(r.id(vpcPrefix, r.response.get("vpc").get("vpcId"), "responseElements.vpc.vpcId"))
	if len(r.change.VPCIDs) == 0 && !r.failed() {
		r.gap("names no VPC")
	}
}

// readPeering reads AcceptVpcPeeringConnection: groups of either VPC may now
// refer to groups of the other.
func readPeering(r *record) {
	peering := r.response.get("vpcPeeringConnection")
	for _, side := range []string{"accepterVpcInfo", "requesterVpcInfo"} {
		r.addVPC(r.id(vpcPrefix, peering.get(side).get("vpcId"), side+".vpcId"))
	}
	if len(r.change.VPCIDs) == 0 && !r.failed() {
		r.gap("names no VPC")
	}
}

// readList reads the calls on managed prefix lists.
func readList(r *record) {
	r.addList(r.id(listPrefix, r.request.get("prefixListId"), "prefixListId"))
	r.addList(r.id(listPrefix, r.response.get("prefixList").get("prefixListId"), "responseElements.prefixListId"))
	if len(r.change.ListIDs) == 0 && !r.failed() {
		r.gap("names no prefix list")
	}
	// The answer comes before the edit is complete, with the version from before.
	if current, ok := r.request.get("currentVersion").scalar(); ok {
		if v, err := strconv.ParseInt(current, 10, 32); err == nil && v > 0 {
			r.change.ListVersion = v + 1
		}
	}
}

// readTagged reads CreateTags and DeleteTags. Resources that are neither
// groups nor VPCs do not concern us, rules (sgr-...) come without their group.
func readTagged(r *record) {
	for _, res := range r.request.get("resourcesSet", "resourceId").list() {
		id := res
		if inner := res.get("resourceId"); inner.kind != absent {
			id = inner
		}
		switch s, _ := id.scalar(); {
		case isID(groupPrefix, s):
			r.addGroup(secgroup.GroupName{ID: s})
		case isID(vpcPrefix, s):
			r.addVPC(s)
		}
	}
}
