package localec2

import (
	"strings"

	"github.com/sgwarden/sgwarden/internal/localec2/query"
)

// associate lets a group work in another VPC of the account: "You cannot use
// this feature with default security groups", nor "with the default VPC" (API
// reference, AssociateSecurityGroupVpc).
func (s *session) associate() (query.Object, *query.Fault) {
	key, fault := s.associationOfRequest()
	if fault != nil {
		return nil, fault
	}
	g, v := s.state.groups[key.groupID], s.state.vpcs[key.vpcID]
	if g.isDefault() || v.isDefault || s.state.vpcs[g.vpcID].isDefault {
		return nil, query.Refuse("InvalidParameterValue", "Default security groups and default VPCs cannot be associated")
	}
	if g.vpcID == v.id || s.state.associations[key] != "" {
		return nil, query.Refuse("InvalidParameterValue", "The security group '%s' is associated with VPC '%s' already", g.id, v.id)
	}
	s.state.associations[key] = s.account.ID
	return query.Object{}.With("state", "associating"), nil
}

func (s *session) disassociate() (query.Object, *query.Fault) {
	key, fault := s.associationOfRequest()
	if fault != nil {
		return nil, fault
	}
	if s.state.associations[key] == "" {
		return nil, query.Refuse("InvalidParameterValue", "The security group '%s' is not associated with VPC '%s'", key.groupID, key.vpcID)
	}
	delete(s.state.associations, key)
	return query.Object{}.With("state", "disassociating"), nil
}

func (s *session) associationOfRequest() (association, *query.Fault) {
	for _, name := range []string{"GroupId", "VpcId"} {
		if !s.params.Has(name) {
			return association{}, missing(name)
		}
	}
	g, fault := s.group(s.params.Text("GroupId"))
	if fault != nil {
		return association{}, fault
	}
	v, fault := s.vpc(s.params.Text("VpcId"))
	if fault != nil {
		return association{}, fault
	}
	return association{g.id, v.id}, nil
}

// isAssociated reports whether a group works in another VPC, or another VPC's
// group in this one; an empty id is any.
func (s *state) isAssociated(groupID, vpcID string) bool {
	for a := range s.associations {
		if (groupID == "" || a.groupID == groupID) && (vpcID == "" || a.vpcID == vpcID) {
			return true
		}
	}
	return false
}

var associationFilters = []string{"group-id", "group-owner-id", "vpc-id", "vpc-owner-id", "state"}

func (s *session) describeAssociations() (query.Object, *query.Fault) {
	match, fault := s.filters(associationFilters)
	if fault != nil {
		return nil, fault
	}
	found := map[string]query.Object{}
	for key, owner := range s.state.associations {
		of := map[string]string{
			"group-id": key.groupID, "group-owner-id": s.account.ID, "vpc-id": key.vpcID, "vpc-owner-id": owner, "state": "associated",
		}
		if match(values{of: of}) {
			found[strings.Join([]string{key.groupID, key.vpcID}, " ")] = query.Object{}.With("groupId", key.groupID).
				With("vpcId", key.vpcID).With("vpcOwnerId", owner).With("groupOwnerId", s.account.ID).With("state", "associated")
		}
	}
	return s.page(mostReads, "securityGroupVpcAssociationSet", sortedKeys(found), func(k string) query.Object { return found[k] })
}

// whoAmI answers sts:GetCallerIdentity.
func (s *session) whoAmI() (query.Object, *query.Fault) {
	id := s.who.Identity
	return query.Object{}.With("Arn", id.ARN).With("UserId", id.PrincipalID).With("Account", s.who.AccountID), nil
}
