package localec2

import (
	"strings"

	"github.com/sgwarden/sgwarden/internal/localec2/query"
	"github.com/sgwarden/sgwarden/internal/secgroup"
)

// listPeer reads a prefix list as the peer of a rule: it must exist.
func (s *session) listPeer(id string) (secgroup.Peer, *query.Fault) {
	if fault := wellFormed("pl-", id); fault != nil {
		return nil, fault
	}
	if s.state.lists[id] == nil {
		return nil, noList(id)
	}
	return secgroup.PrefixList{ID: id}, nil
}

// groupPeer reads a member of an IpPermission's Groups as the peer of a rule
// of group in: a group of the same VPC, or of one that is peered with it.
func (s *session) groupPeer(in *group, p *query.Params) (secgroup.Peer, *query.Fault) {
	id, name, user := p.Text("GroupId"), p.Text("GroupName"), p.Text("UserId")
	switch {
	case id != "" && name != "":
		return nil, together("GroupName", "GroupId")
	case id == "" && name == "":
		return nil, missing("GroupId")
	case name != "":
		if user != "" && user != s.account.ID {
			return nil, together("GroupName", "UserId")
		}
		named, fault := s.named(name)
		if fault != nil {
			return nil, fault
		}
		id = named.id
	}
	return s.reference(in, id, user, p.Text("VpcPeeringConnectionId"))
}

// reference resolves a referenced group. user is the account that it is said
// to belong to, "" = not said; peeringID likewise.
func (s *session) reference(in *group, id, user, peeringID string) (secgroup.Peer, *query.Fault) {
	if fault := wellFormed("sg-", id); fault != nil {
		return nil, fault
	}
	if user == "" || user == s.account.ID {
		if g := s.state.groups[id]; g != nil {
			if g.vpcID == in.vpcID || s.state.associations[association{id, in.vpcID}] != "" {
				return secgroup.GroupReference{GroupID: id}, nil
			}
			if p, ok := s.state.peering(in.vpcID, s.account.ID, g.vpcID); ok {
				return secgroup.GroupReference{GroupID: id, PeeringID: p.ID}, nil
			}
			return nil, query.Refuse("InvalidGroup.NotFound", "You have specified two resources that belong to different networks.")
		}
		if user != "" {
			return nil, noGroup(id)
		}
	}
	for _, pcx := range sortedKeys(s.state.peerings) {
		p := s.state.peerings[pcx]
		if !p.isOpen() || p.VPCID != in.vpcID || user != "" && p.PeerAccount != user || peeringID != "" && p.ID != peeringID {
			continue
		}
		if g := s.cloud.at(p.PeerAccount, s.account.Region).state.groups[id]; g != nil && g.vpcID == p.PeerVPCID {
			return secgroup.GroupReference{GroupID: id, AccountID: p.PeerAccount, PeeringID: p.ID}, nil
		}
	}
	return nil, noGroup(id)
}

// peering finds a peering from one VPC to another; a peering within an account
// is listed once, and goes both ways.
func (s *state) peering(vpcID, peerAccount, peerVPCID string) (Peering, bool) {
	for _, id := range sortedKeys(s.peerings) {
		p := s.peerings[id]
		if p.isOpen() && p.PeerAccount == peerAccount && (p.VPCID == vpcID && p.PeerVPCID == peerVPCID || p.VPCID == peerVPCID && p.PeerVPCID == vpcID) {
			return p, true
		}
	}
	return Peering{}, false
}

// referenced is the group that a reference points to; nil where it is gone, or
// belongs to an account that the cloud does not have.
func (s *session) referenced(ref secgroup.GroupReference) *group {
	if ref.AccountID == "" || ref.AccountID == s.account.ID {
		return s.state.groups[ref.GroupID]
	}
	if other, ok := s.cloud.accounts[place{ref.AccountID, s.account.Region}]; ok {
		return other.state.groups[ref.GroupID]
	}
	return nil
}

// isDead reports whether what a reference points to is gone, or was reached
// through a peering that is.
func (s *session) isDead(ref secgroup.GroupReference) bool {
	return s.state.peerings[ref.PeeringID].Deleted || s.referenced(ref) == nil
}

// named finds a group by name, regardless of case: names work in the default
// VPC only.
func (s *session) named(name string) (*group, *query.Fault) {
	v := s.state.defaultVPC()
	if v == nil {
		return nil, query.Refuse("VPCIdNotSpecified", "No default VPC for this user")
	}
	for _, id := range sortedKeys(s.state.groups) {
		if g := s.state.groups[id]; g.vpcID == v.id && strings.EqualFold(g.name, name) {
			return g, nil
		}
	}
	return nil, query.Refuse("InvalidGroup.NotFound", "The security group '%s' does not exist in default VPC '%s'", name, v.id)
}
