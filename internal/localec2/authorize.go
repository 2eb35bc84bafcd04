package localec2

import (
	"github.com/sgwarden/sgwarden/internal/localec2/query"
	"github.com/sgwarden/sgwarden/internal/secgroup"
)

func (s *session) authorizeIngress() (query.Object, *query.Fault) {
	return s.authorize(secgroup.Ingress)
}
func (s *session) authorizeEgress() (query.Object, *query.Fault) { return s.authorize(secgroup.Egress) }

func (s *session) authorize(d secgroup.Direction) (query.Object, *query.Fault) {
	g, fault := s.namedGroup()
	if fault != nil {
		return nil, fault
	}
	tags, fault := s.tagSpecification("security-group-rule")
	if fault != nil {
		return nil, fault
	}
	rules, fault := s.rulesOfRequest(g, d)
	if fault != nil {
		return nil, fault
	}
	if len(rules) == 0 {
		return nil, missing("ipPermissions")
	}
	taken := map[string]bool{}
	for _, r := range g.rules {
		taken[identity(r)] = true
	}
	edited := s.state.edit(g)
	answer := query.List{}
	for _, r := range rules {
		if taken[identity(r)] {
			return nil, duplicate(r)
		}
		r.ID, r.Tags = s.cloud.ids.Resource("sgr-"), tags
		s.state.put(edited, r)
		answer = append(answer, s.ruleObject(edited, r))
	}
	if fault := s.checkQuota(edited, d); fault != nil {
		return nil, fault
	}
	return query.Object{}.With("return", true).With("securityGroupRuleSet", answer), nil
}

// namedGroup is the group that GroupId or GroupName of the request names.
func (s *session) namedGroup() (*group, *query.Fault) {
	id, hasID := s.params.Get("GroupId").Value()
	name, hasName := s.params.Get("GroupName").Value()
	switch {
	case hasID && hasName:
		return nil, together("GroupName", "GroupId")
	case hasName:
		return s.named(name)
	case !hasID:
		return nil, missing("GroupId")
	}
	return s.group(id)
}

// group finds a group by its id.
func (s *session) group(id string) (*group, *query.Fault) {
	if fault := wellFormed("sg-", id); fault != nil {
		return nil, fault
	}
	if g := s.state.groups[id]; g != nil {
		return g, nil
	}
	return nil, noGroup(id)
}

// rulesOfRequest reads the rules that a request gives by value, in
// IpPermissions or flat; none if it gives none.
func (s *session) rulesOfRequest(in *group, d secgroup.Direction) ([]secgroup.Rule, *query.Fault) {
	flat := ""
	for _, name := range flatRule {
		if s.params.Has(name) {
			flat = name
			break
		}
	}
	if flat == "" {
		return s.permissions(in, d)
	}
	if s.params.Has("IpPermissions") {
		return nil, together("IpPermissions", flat)
	}
	if owner, ok := s.params.Get("SourceSecurityGroupOwnerId").Value(); ok && owner != s.account.ID {
		return nil, wrongValue("SourceSecurityGroupOwnerId", owner, "Use IP permissions instead.")
	}
	if name, ok := s.params.Get("SourceSecurityGroupName").Value(); ok {
		return s.fullAccessFrom(in, d, name)
	}
	return s.flatRule(d)
}

// fullAccessFrom reads SourceSecurityGroupName, which "grants full ICMP, UDP,
// and TCP access" and stands alone (API reference).
func (s *session) fullAccessFrom(in *group, d secgroup.Direction, name string) ([]secgroup.Rule, *query.Fault) {
	for _, other := range []string{"CidrIp", "IpProtocol", "FromPort", "ToPort"} {
		if s.params.Has(other) {
			return nil, together("SourceSecurityGroupName", other)
		}
	}
	source, fault := s.named(name)
	if fault != nil {
		return nil, fault
	}
	peer, fault := s.reference(in, source.id, "", "")
	if fault != nil {
		return nil, fault
	}
	all := secgroup.Ports{From: 0, To: 65535}
	return []secgroup.Rule{
		{Direction: d, Protocol: secgroup.TCP, Ports: all, Peer: peer},
		{Direction: d, Protocol: secgroup.UDP, Ports: all, Peer: peer},
		{Direction: d, Protocol: secgroup.ICMP, Ports: secgroup.NoPorts, Peer: peer},
	}, nil
}

// flatRule reads the one rule of CidrIp, IpProtocol, FromPort and ToPort.
func (s *session) flatRule(d secgroup.Direction) ([]secgroup.Rule, *query.Fault) {
	for _, name := range []string{"IpProtocol", "CidrIp"} {
		if !s.params.Has(name) {
			return nil, missing(name)
		}
	}
	protocol, fault := parseProtocol(s.params.Text("IpProtocol"))
	if fault != nil {
		return nil, fault
	}
	ports, fault := parsePorts(protocol, s.params)
	if fault != nil {
		return nil, fault
	}
	peer, fault := parseCIDR(s.params.Text("CidrIp"), false)
	if fault != nil {
		return nil, fault
	}
	return []secgroup.Rule{{Direction: d, Protocol: protocol, Ports: ports, Peer: peer}}, nil
}

func duplicate(r secgroup.Rule) *query.Fault {
	return query.Refuse("InvalidPermission.Duplicate", `the specified rule "peer: %s, %s, from port: %d, to port: %d, ALLOW" already exists`,
		r.Peer.Key(), protocolText(r.Protocol), r.Ports.From, r.Ports.To)
}
