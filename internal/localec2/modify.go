package localec2

import (
	"github.com/sgwarden/sgwarden/internal/localec2/query"
	"github.com/sgwarden/sgwarden/internal/secgroup"
)

// modifyRules changes rules in place: ids and tags stay. The rule is restated
// whole; what is left out, the description too, is not kept.
func (s *session) modifyRules() (query.Object, *query.Fault) {
	if !s.params.Has("GroupId") {
		return nil, missing("GroupId")
	}
	g, fault := s.group(s.params.Text("GroupId"))
	if fault != nil {
		return nil, fault
	}
	items := s.params.Items("SecurityGroupRule")
	if len(items) == 0 {
		return nil, missing("SecurityGroupRule")
	}
	edited, done := s.state.edit(g), map[string]bool{}
	for _, item := range items {
		r, fault := s.modified(g, item)
		if fault != nil {
			return nil, fault
		}
		if done[r.ID] {
			return nil, query.Refuse("InvalidParameterValue", "The security group rule ID '%s' is given more than once", r.ID)
		}
		done[r.ID] = true
		s.state.put(edited, r)
	}
	taken := map[string]bool{}
	for _, r := range edited.sorted() {
		if taken[identity(r)] {
			return nil, duplicate(r)
		}
		taken[identity(r)] = true
	}
	for _, d := range directions {
		if fault := s.checkQuota(edited, d); fault != nil {
			return nil, fault
		}
	}
	return query.Object{}.With("return", true), nil
}

// modified reads one member of SecurityGroupRule: the rule as it shall be.
func (s *session) modified(g *group, item *query.Params) (secgroup.Rule, *query.Fault) {
	id := item.Text("SecurityGroupRuleId")
	if fault := wellFormed("sgr-", id); fault != nil {
		return secgroup.Rule{}, fault
	}
	r, ok := g.rules[id]
	if !ok {
		return secgroup.Rule{}, noRule(id)
	}
	want := item.Get("SecurityGroupRule")
	text, ok := want.Get("IpProtocol").Value()
	if !ok {
		return secgroup.Rule{}, missing("IpProtocol")
	}
	protocol, fault := parseProtocol(text)
	if fault != nil {
		return secgroup.Rule{}, fault
	}
	ports, fault := parsePorts(protocol, want)
	if fault != nil {
		return secgroup.Rule{}, fault
	}
	peer, fault := s.modifiedPeer(g, want)
	if fault != nil {
		return secgroup.Rule{}, fault
	}
	if kind(peer) != kind(r.Peer) {
		return secgroup.Rule{}, query.Refuse("InvalidParameterValue",
			"The type of the security group rule '%s' cannot be changed from %s to %s", id, kind(r.Peer), kind(peer))
	}
	description := want.Text("Description")
	if fault := checkText("Description", description); fault != nil {
		return secgroup.Rule{}, fault
	}
	r.Protocol, r.Ports, r.Peer, r.Description = protocol, ports, peer, description
	return r, nil
}

// modifiedPeer reads the peer, of which exactly one must be given.
func (s *session) modifiedPeer(g *group, want *query.Params) (secgroup.Peer, *query.Fault) {
	given := ""
	for _, name := range []string{"CidrIpv4", "CidrIpv6", "PrefixListId", "ReferencedGroupId"} {
		if !want.Has(name) {
			continue
		}
		if given != "" {
			return nil, together(given, name)
		}
		given = name
	}
	text := want.Text(given)
	switch given {
	case "CidrIpv4":
		return parseCIDR(text, false)
	case "CidrIpv6":
		return parseCIDR(text, true)
	case "PrefixListId":
		return s.listPeer(text)
	case "ReferencedGroupId":
		return s.reference(g, text, "", "")
	}
	return nil, missing("CidrIpv4, CidrIpv6, PrefixListId or ReferencedGroupId")
}

// kind is the type of a rule, which Modify cannot change.
func kind(peer secgroup.Peer) string {
	switch p := peer.(type) {
	case secgroup.CIDR:
		if p.Addr().Is4() {
			return "IPv4 CIDR"
		}
		return "IPv6 CIDR"
	case secgroup.PrefixList:
		return "prefix list"
	}
	return "security group"
}
