package localec2

import (
	"maps"

	"github.com/sgwarden/sgwarden/internal/localec2/query"
)

// Peerings within an account by calls; one with another account is given
// (Account.Peer). States are those that a rule can tell apart: asked for, active,
// deleted (VPC peering guide, "VPC peering connection lifecycle").

var peeringFilters = []string{
	"vpc-peering-connection-id", "requester-vpc-info.vpc-id", "accepter-vpc-info.vpc-id", "requester-vpc-info.owner-id", "accepter-vpc-info.owner-id", "status-code",
}

// createPeering asks for a peering. VPCs whose blocks overlap are refused: EC2
// answers with a connection that has failed.
func (s *session) createPeering() (query.Object, *query.Fault) {
	from, fault := s.vpc(s.params.Text("VpcId"))
	if fault != nil {
		return nil, fault
	}
	if owner := s.params.Text("PeerOwnerId"); owner != "" && owner != s.account.ID {
		return nil, query.Refuse("UnsupportedOperation", "A peering with another account cannot be asked for here: it is given")
	}
	if region := s.params.Text("PeerRegion"); region != "" && region != s.account.Region {
		return nil, query.Refuse("UnsupportedOperation", "A peering with another region cannot be asked for here")
	}
	to, fault := s.vpc(s.params.Text("PeerVpcId"))
	if fault != nil {
		return nil, fault
	}
	tags, fault := s.tagSpecification("vpc-peering-connection")
	if fault != nil {
		return nil, fault
	}
	if from.id == to.id {
		return nil, query.Refuse("InvalidParameterValue", "A VPC cannot be peered with itself")
	}
	for _, p := range s.state.peerings {
		if !p.Deleted && !p.Failed && p.PeerAccount == s.account.ID && (p.VPCID == from.id && p.PeerVPCID == to.id || p.VPCID == to.id && p.PeerVPCID == from.id) {
			return nil, query.Refuse("VpcPeeringConnectionAlreadyExists", "A VPC peering connection between these VPCs already exists: %s", p.ID)
		}
	}
	p := Peering{ID: s.cloud.ids.Resource("pcx-"), VPCID: from.id, PeerAccount: s.account.ID, PeerVPCID: to.id, Pending: true, Tags: tags}
	for _, a := range from.blocks {
		for _, b := range to.blocks {
			if a.Overlaps(b) {
				p.Pending, p.Failed = false, true
			}
		}
	}
	s.state.peerings[p.ID] = p
	return query.Object{}.With("vpcPeeringConnection", s.peeringObject(p)), nil
}

// peeringNamed is the peering that a request names.
func (s *session) peeringNamed() (Peering, *query.Fault) {
	id := s.params.Text("VpcPeeringConnectionId")
	if id == "" {
		return Peering{}, missing("VpcPeeringConnectionId")
	}
	p, ok := s.state.peerings[id]
	if !ok {
		return Peering{}, query.Refuse("InvalidVpcPeeringConnectionID.NotFound", "The vpcPeeringConnection ID '%s' does not exist", id)
	}
	return p, nil
}

func (s *session) acceptPeering() (query.Object, *query.Fault) {
	p, fault := s.peeringNamed()
	if fault != nil {
		return nil, fault
	}
	if !p.Pending {
		return nil, query.Refuse("InvalidStateTransition", "Invalid state transition for %s, attempted to transition from %s to active", p.ID, p.status())
	}
	p.Pending = false
	s.state.peerings[p.ID] = p
	return query.Object{}.With("vpcPeeringConnection", s.peeringObject(p)), nil
}

// deletePeering ends a peering: rules that went through it stay, and are stale.
func (s *session) deletePeering() (query.Object, *query.Fault) {
	p, fault := s.peeringNamed()
	if fault != nil {
		return nil, fault
	}
	if p.Deleted || p.Failed {
		return nil, query.Refuse("InvalidStateTransition", "Invalid state transition for %s, attempted to transition from %s to deleting", p.ID, p.status())
	}
	p.Deleted, p.Pending = true, false
	s.state.peerings[p.ID] = p
	return query.Object{}.With("return", true), nil
}

func (s *session) describePeerings() (query.Object, *query.Fault) {
	match, fault := s.filters(peeringFilters)
	if fault != nil {
		return nil, fault
	}
	wanted := map[string]bool{}
	for _, id := range s.params.Texts("VpcPeeringConnectionId") {
		if _, ok := s.state.peerings[id]; !ok {
			return nil, query.Refuse("InvalidVpcPeeringConnectionID.NotFound", "The vpcPeeringConnection ID '%s' does not exist", id)
		}
		wanted[id] = true
	}
	var found []string
	for _, id := range sortedKeys(s.state.peerings) {
		p := s.state.peerings[id]
		of := values{tags: p.Tags, of: map[string]string{
			"vpc-peering-connection-id": id, "status-code": p.status(),
			"requester-vpc-info.vpc-id": p.VPCID, "requester-vpc-info.owner-id": s.account.ID,
			"accepter-vpc-info.vpc-id": p.PeerVPCID, "accepter-vpc-info.owner-id": p.PeerAccount,
		}}
		if (len(wanted) == 0 || wanted[id]) && match(of) {
			found = append(found, id)
		}
	}
	return s.pageOrIDs("VpcPeeringConnectionId", "vpcPeeringConnectionSet", found, func(id string) query.Object { return s.peeringObject(s.state.peerings[id]) })
}

func (s *session) peeringObject(p Peering) query.Object {
	side := func(owner, vpcID string) query.Object {
		o := query.Object{}.With("ownerId", owner).With("vpcId", vpcID).With("region", s.account.Region)
		if v := s.state.vpcs[vpcID]; v != nil && owner == s.account.ID {
			o = o.With("cidrBlock", v.first().String())
		}
		return o
	}
	return query.Object{}.With("vpcPeeringConnectionId", p.ID).
		With("requesterVpcInfo", side(s.account.ID, p.VPCID)).With("accepterVpcInfo", side(p.PeerAccount, p.PeerVPCID)).
		With("status", query.Object{}.With("code", p.status()).With("message", messages[p.status()])).With("tagSet", tagSet(maps.Clone(p.Tags)))
}

// messages of the states, as the guide has them.
var messages = map[string]string{
	"pending-acceptance": "Pending Acceptance", "active": "Active", "deleted": "Deleted", "failed": "Failed due to incorrect VPC-ID, Account ID, or overlapping CIDR range",
}

// isOpen reports whether groups may refer to each other through it.
func (p Peering) isOpen() bool { return !p.Deleted && !p.Pending && !p.Failed }

func (p Peering) status() string {
	switch {
	case p.Deleted:
		return "deleted"
	case p.Failed:
		return "failed"
	case p.Pending:
		return "pending-acceptance"
	}
	return "active"
}
