package localec2

import (
	"net/netip"
	"strings"

	"github.com/sgwarden/sgwarden/internal/localec2/query"
	"github.com/sgwarden/sgwarden/internal/secgroup"
)

// maxGroups is the default quota of groups in a region (VPC guide).
const maxGroups = 2500

func (s *session) createGroup() (query.Object, *query.Fault) {
	name, description := s.params.Text("GroupName"), s.params.Text("GroupDescription")
	if name == "" {
		return nil, missing("GroupName")
	}
	if description == "" {
		return nil, missing("GroupDescription")
	}
	if fault := checkText("GroupName", name); fault != nil {
		return nil, fault
	}
	if fault := checkText("GroupDescription", description); fault != nil {
		return nil, fault
	}
	if strings.HasPrefix(strings.ToLower(name), "sg-") {
		return nil, wrongValue("GroupName", name, "Group names may not be in the format sg-*.")
	}
	if strings.EqualFold(name, "default") {
		return nil, query.Refuse("InvalidGroup.Reserved", "The security group '%s' is reserved", name)
	}
	v, fault := s.vpcOfRequest()
	if fault != nil {
		return nil, fault
	}
	tags, fault := s.tagSpecification("security-group")
	if fault != nil {
		return nil, fault
	}
	for _, g := range s.state.groups {
		if g.vpcID == v.id && strings.EqualFold(g.name, name) {
			return nil, query.Refuse("InvalidGroup.Duplicate", "The security group '%s' already exists for VPC '%s'", name, v.id)
		}
	}
	if len(s.state.groups) >= maxGroups {
		return nil, query.Refuse("SecurityGroupLimitExceeded", "The maximum number of security groups has been reached.")
	}
	g := &group{id: s.cloud.ids.Resource("sg-"), name: name, description: description, vpcID: v.id, tags: tags, rules: map[string]secgroup.Rule{}}
	s.state.groups[g.id] = g
	s.account.openEgress(s.state, g, v)
	return query.Object{}.With("return", true).With("groupId", g.id).With("tagSet", tagSet(tags)).
		With("securityGroupArn", s.account.arn("security-group", g.id)), nil
}

// vpcOfRequest is the VPC that VpcId names, else the default VPC.
func (s *session) vpcOfRequest() (*vpc, *query.Fault) {
	id, ok := s.params.Get("VpcId").Value()
	if !ok {
		if v := s.state.defaultVPC(); v != nil {
			return v, nil
		}
		return nil, query.Refuse("VPCIdNotSpecified", "No default VPC for this user")
	}
	return s.vpc(id)
}

var (
	anyIPv4 = netip.MustParsePrefix("0.0.0.0/0")
	anyIPv6 = netip.MustParsePrefix("::/0")
)

// openEgress gives a new group its default egress: all of IPv4, and all of
// IPv6 where the VPC has IPv6.
func (a *Account) openEgress(s *state, g *group, v *vpc) {
	a.openTo(s, g, anyIPv4)
	if v.hasIPv6() {
		a.openTo(s, g, anyIPv6)
	}
}

// openTo lets a group, one of edit, send everything to a block.
func (a *Account) openTo(s *state, g *group, block netip.Prefix) {
	s.put(g, secgroup.Rule{
		ID: a.cloud.ids.Resource("sgr-"), Direction: secgroup.Egress,
		Protocol: secgroup.AllProtocols, Ports: secgroup.NoPorts, Peer: secgroup.NewCIDR(block),
	})
}

func (s *session) deleteGroup() (query.Object, *query.Fault) {
	g, fault := s.namedGroup()
	if fault != nil {
		return nil, fault
	}
	if g.isDefault() {
		return nil, query.Refuse("CannotDelete", "the specified group: \"%s\" name: \"default\" cannot be deleted by a user", g.id)
	}
	for _, other := range s.state.groups {
		if other.id != g.id && s.refersTo(other, g.id) {
			return nil, query.Refuse("DependencyViolation", "resource %s has a dependent object", g.id)
		}
	}
	if s.state.isAssociated(g.id, "") || s.state.isAttached(g.id) {
		return nil, query.Refuse("DependencyViolation", "resource %s has a dependent object", g.id)
	}
	s.state.drop(g)
	return query.Object{}.With("return", true).With("groupId", g.id), nil
}

// refersTo reports whether a rule of a group holds another one. One across a
// peering does not, and goes stale (API reference, DeleteSecurityGroup: "in the
// same VPC").
func (s *session) refersTo(g *group, id string) bool {
	for _, r := range g.rules {
		if ref, ok := r.Peer.(secgroup.GroupReference); ok && ref.AccountID == "" && ref.PeeringID == "" && ref.GroupID == id {
			return true
		}
	}
	return false
}

func (s *session) describeGroups() (query.Object, *query.Fault) {
	ids, names := s.params.Texts("GroupId"), s.params.Texts("GroupName")
	chosen, fault := s.chosen("sg-", ids, func(id string) bool { return s.state.groups[id] != nil }, noGroup)
	if fault != nil {
		return nil, fault
	}
	for _, name := range names {
		g, fault := s.named(name)
		if fault != nil {
			return nil, fault
		}
		chosen[g.id] = true
	}
	match, fault := s.filters(groupFilters)
	if fault != nil {
		return nil, fault
	}
	var found []string
	for _, id := range sortedKeys(s.state.groups) {
		if (len(chosen) == 0 || chosen[id]) && match(s.groupValues(s.state.groups[id])) {
			found = append(found, id)
		}
	}
	return s.page(mostReads, "securityGroupInfo", found, func(id string) query.Object { return s.groupObject(s.state.groups[id]) })
}

// chosen checks the ids that a describe call names: all must be well formed
// and exist. The error names the first that does not.
func (s *session) chosen(prefix string, ids []string, exists func(string) bool, gone func(string) *query.Fault) (map[string]bool, *query.Fault) {
	chosen := map[string]bool{}
	for _, id := range ids {
		if fault := wellFormed(prefix, id); fault != nil {
			return nil, fault
		}
		if !exists(id) {
			return nil, gone(id)
		}
		chosen[id] = true
	}
	return chosen, nil
}

var groupFilters = []string{"group-id", "group-name", "vpc-id", "description", "owner-id"}

func (s *session) groupValues(g *group) values {
	return values{tags: g.tags, of: map[string]string{
		"group-id": g.id, "group-name": g.name, "vpc-id": g.vpcID, "description": g.description, "owner-id": s.account.ID,
	}}
}

func (s *session) groupObject(g *group) query.Object {
	var ingress, egress []secgroup.Rule
	for _, r := range g.sorted() {
		if r.Direction == secgroup.Ingress {
			ingress = append(ingress, r)
		} else {
			egress = append(egress, r)
		}
	}
	return query.Object{}.With("ownerId", s.account.ID).With("groupId", g.id).With("groupName", g.name).
		With("groupDescription", g.description).With("vpcId", g.vpcID).
		With("securityGroupArn", s.account.arn("security-group", g.id)).
		With("ipPermissions", s.permissionSet(ingress)).With("ipPermissionsEgress", s.permissionSet(egress)).
		With("tagSet", tagSet(g.tags))
}

// arn names a resource of the account in its region.
func (a *Account) arn(kind, id string) string {
	return "arn:aws:ec2:" + a.Region + ":" + a.ID + ":" + kind + "/" + id
}
