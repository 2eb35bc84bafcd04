package localec2

import (
	"github.com/sgwarden/sgwarden/internal/localec2/query"
	"github.com/sgwarden/sgwarden/internal/secgroup"
)

// describeReferences answers which other VPCs have rules that refer to the
// groups: those on the other side of a peering.
func (s *session) describeReferences() (query.Object, *query.Fault) {
	ids := s.params.Texts("GroupId")
	if len(ids) == 0 {
		return nil, missing("GroupId")
	}
	found := map[string]query.Object{}
	for _, id := range ids {
		if _, fault := s.group(id); fault != nil {
			return nil, fault
		}
		for at, other := range s.cloud.accounts {
			if at.region != s.account.Region {
				continue
			}
			for _, g := range other.state.groups {
				if pcx, refers := s.refersAcross(other, g, id); refers {
					found[id+" "+g.vpcID+" "+pcx] = query.Object{}.With("groupId", id).With("referencingVpcId", g.vpcID).With("vpcPeeringConnectionId", pcx)
				}
			}
		}
	}
	set := query.List{}
	for _, key := range sortedKeys(found) {
		set = append(set, found[key])
	}
	return query.Object{}.With("securityGroupReferenceSet", set), nil
}

// refersAcross finds the peering by which a group of an account refers to one
// of the session's.
func (s *session) refersAcross(other *Account, g *group, id string) (pcx string, refers bool) {
	for _, r := range g.rules {
		ref, ok := r.Peer.(secgroup.GroupReference)
		if !ok || ref.GroupID != id || ref.PeeringID == "" {
			continue
		}
		if other.ID == s.account.ID && ref.AccountID == "" || ref.AccountID == s.account.ID {
			return ref.PeeringID, true
		}
	}
	return "", false
}

// describeStale answers the groups of a VPC with rules whose referenced group,
// across a peering, is gone, or whose peering is.
func (s *session) describeStale() (query.Object, *query.Fault) {
	v, fault := s.vpc(s.params.Text("VpcId"))
	if fault != nil {
		return nil, fault
	}
	var found []string
	for _, id := range sortedKeys(s.state.groups) {
		g := s.state.groups[id]
		if g.vpcID == v.id && len(s.stale(g, secgroup.Ingress))+len(s.stale(g, secgroup.Egress)) > 0 {
			found = append(found, id)
		}
	}
	return s.page(staleRead, "staleSecurityGroupSet", found, func(id string) query.Object {
		g := s.state.groups[id]
		return query.Object{}.With("groupId", g.id).With("groupName", g.name).With("description", g.description).With("vpcId", g.vpcID).
			With("staleIpPermissions", s.permissionSet(s.stale(g, secgroup.Ingress))).
			With("staleIpPermissionsEgress", s.permissionSet(s.stale(g, secgroup.Egress)))
	})
}

func (s *session) stale(g *group, d secgroup.Direction) []secgroup.Rule {
	var rules []secgroup.Rule
	for _, r := range g.sorted() {
		ref, ok := r.Peer.(secgroup.GroupReference)
		if ok && r.Direction == d && ref.PeeringID != "" && s.isDead(ref) {
			rules = append(rules, r)
		}
	}
	return rules
}

var forVPCFilters = []string{"group-id", "group-name", "description", "owner-id", "primary-vpc-id"}

// groupsForVPC answers the groups that can be put on interfaces of a VPC: its
// own, and those that are associated with it.
func (s *session) groupsForVPC() (query.Object, *query.Fault) {
	v, fault := s.vpc(s.params.Text("VpcId"))
	if fault != nil {
		return nil, fault
	}
	match, fault := s.filters(forVPCFilters)
	if fault != nil {
		return nil, fault
	}
	var found []string
	for _, id := range sortedKeys(s.state.groups) {
		g := s.state.groups[id]
		of := s.groupValues(g)
		of.of["primary-vpc-id"] = g.vpcID
		if (g.vpcID == v.id || s.state.associations[association{id, v.id}] != "") && match(of) {
			found = append(found, id)
		}
	}
	return s.page(mostReads, "securityGroupForVpcSet", found, func(id string) query.Object {
		g := s.state.groups[id]
		return query.Object{}.With("groupId", g.id).With("groupName", g.name).With("description", g.description).
			With("ownerId", s.account.ID).With("primaryVpcId", g.vpcID).With("tagSet", tagSet(g.tags))
	})
}
