package localec2

import (
	"slices"

	"github.com/sgwarden/sgwarden/internal/localec2/query"
	"github.com/sgwarden/sgwarden/internal/secgroup"
)

func (s *session) revokeIngress() (query.Object, *query.Fault) { return s.revoke(secgroup.Ingress) }
func (s *session) revokeEgress() (query.Object, *query.Fault)  { return s.revoke(secgroup.Egress) }

func (s *session) revoke(d secgroup.Direction) (query.Object, *query.Fault) {
	g, fault := s.namedGroup()
	if fault != nil {
		return nil, fault
	}
	if s.params.Has("SecurityGroupRuleId") {
		for _, other := range append([]string{"IpPermissions"}, flatRule...) {
			if s.params.Has(other) {
				return nil, together("SecurityGroupRuleId", other)
			}
		}
		return s.revokeByID(g, d, s.params.Texts("SecurityGroupRuleId"))
	}
	wanted, fault := s.rulesOfRequest(g, d)
	if fault != nil {
		return nil, fault
	}
	if len(wanted) == 0 {
		return nil, query.Refuse("MissingParameter", "Either 'ipPermissions' or 'securityGroupRuleIds' should be provided.")
	}
	return s.revokeByValue(g, d, wanted)
}

// revokeByID removes all rules of the ids or none. A rule of the other
// direction does not exist for this call.
func (s *session) revokeByID(g *group, d secgroup.Direction, ids []string) (query.Object, *query.Fault) {
	var unknown []string
	for _, id := range ids {
		if fault := wellFormed("sgr-", id); fault != nil {
			return nil, fault
		}
		if r, ok := g.rules[id]; !ok || r.Direction != d {
			unknown = append(unknown, id)
		}
	}
	if len(unknown) > 0 {
		return nil, noRule(unknown...)
	}
	edited := s.state.edit(g)
	gone := query.List{}
	for _, id := range slices.Compact(slices.Sorted(slices.Values(ids))) {
		gone = append(gone, revokedObject(g, g.rules[id]))
		s.state.remove(edited, id)
	}
	return query.Object{}.With("return", true).With("revokedSecurityGroupRuleSet", gone), nil
}

// revokeByValue removes the rules of equal value. What does not match is an
// error and nothing is revoked, but in a default VPC: there it is listed in
// the answer, which says success (API reference, RevokeSecurityGroupIngress).
// A description that differs does not matter here: the values of a rule are
// protocol, ports and peer.
func (s *session) revokeByValue(g *group, d secgroup.Direction, wanted []secgroup.Rule) (query.Object, *query.Fault) {
	byValue := map[string]secgroup.Rule{}
	for _, r := range g.rules {
		byValue[identity(r)] = r
	}
	edited := s.state.edit(g)
	gone, unknown := query.List{}, []secgroup.Rule{}
	for _, w := range wanted {
		r, ok := byValue[identity(w)]
		if !ok {
			unknown = append(unknown, w)
			continue
		}
		gone = append(gone, revokedObject(g, r))
		s.state.remove(edited, r.ID)
	}
	if len(unknown) > 0 && !s.state.vpcs[g.vpcID].isDefault {
		return nil, query.Refuse("InvalidPermission.NotFound", "The specified rule does not exist in this security group.")
	}
	answer := query.Object{}.With("return", true)
	if len(unknown) > 0 {
		answer = answer.With("unknownIpPermissionSet", s.permissionSet(unknown))
	}
	return answer.With("revokedSecurityGroupRuleSet", gone), nil
}
