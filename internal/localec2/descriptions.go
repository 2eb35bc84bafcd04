package localec2

import (
	"github.com/sgwarden/sgwarden/internal/localec2/query"
	"github.com/sgwarden/sgwarden/internal/secgroup"
)

func (s *session) describeIngressAnew() (query.Object, *query.Fault) {
	return s.describeAnew(secgroup.Ingress)
}

func (s *session) describeEgressAnew() (query.Object, *query.Fault) {
	return s.describeAnew(secgroup.Egress)
}

// describeAnew gives rules new descriptions, by id or by value; an empty one
// removes it.
func (s *session) describeAnew(d secgroup.Direction) (query.Object, *query.Fault) {
	g, fault := s.namedGroup()
	if fault != nil {
		return nil, fault
	}
	byID, byValue := s.params.Has("SecurityGroupRuleDescription"), s.params.Has("IpPermissions")
	var changed []secgroup.Rule
	switch {
	case byID && byValue:
		return nil, together("SecurityGroupRuleDescription", "IpPermissions")
	case byID:
		changed, fault = s.describedByID(g, d)
	case byValue:
		changed, fault = s.describedByValue(g, d)
	default:
		return nil, missing("IpPermissions")
	}
	if fault != nil {
		return nil, fault
	}
	edited := s.state.edit(g)
	for _, r := range changed {
		s.state.put(edited, r)
	}
	return query.Object{}.With("return", true), nil
}

func (s *session) describedByID(g *group, d secgroup.Direction) ([]secgroup.Rule, *query.Fault) {
	var changed []secgroup.Rule
	for _, item := range s.params.Items("SecurityGroupRuleDescription") {
		id := item.Text("SecurityGroupRuleId")
		if fault := wellFormed("sgr-", id); fault != nil {
			return nil, fault
		}
		r, ok := g.rules[id]
		if !ok || r.Direction != d {
			return nil, noRule(id)
		}
		r.Description = item.Text("Description")
		if fault := checkText("Description", r.Description); fault != nil {
			return nil, fault
		}
		changed = append(changed, r)
	}
	return changed, nil
}

func (s *session) describedByValue(g *group, d secgroup.Direction) ([]secgroup.Rule, *query.Fault) {
	wanted, fault := s.permissions(g, d)
	if fault != nil {
		return nil, fault
	}
	byValue := map[string]secgroup.Rule{}
	for _, r := range g.rules {
		byValue[identity(r)] = r
	}
	var changed []secgroup.Rule
	for _, w := range wanted {
		r, ok := byValue[identity(w)]
		if !ok {
			return nil, query.Refuse("InvalidPermission.NotFound", "The specified rule does not exist in this security group.")
		}
		r.Description = w.Description
		changed = append(changed, r)
	}
	return changed, nil
}
