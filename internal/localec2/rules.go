package localec2

import (
	"slices"
	"strconv"

	"github.com/sgwarden/sgwarden/internal/localec2/query"
	"github.com/sgwarden/sgwarden/internal/secgroup"
)

func (s *session) describeRules() (query.Object, *query.Fault) {
	ids := s.params.Texts("SecurityGroupRuleId")
	chosen, fault := s.chosen("sgr-", ids, func(id string) bool { return s.state.ruleGroups[id] != "" }, func(id string) *query.Fault { return noRule(id) })
	if fault != nil {
		return nil, fault
	}
	match, fault := s.filters(ruleFilters)
	if fault != nil {
		return nil, fault
	}
	var found []string
	for _, g := range s.groupsToRead() {
		for id, r := range g.rules {
			if (len(chosen) == 0 || chosen[id]) && match(ruleValues(g.id, r)) {
				found = append(found, id)
			}
		}
	}
	slices.Sort(found)
	return s.page(mostReads, "securityGroupRuleSet", found, func(id string) query.Object {
		g := s.state.groups[s.state.ruleGroups[id]]
		return s.ruleObject(g, g.rules[id])
	})
}

// groupsToRead are the groups that a read of rules can be about: those that its
// filter names, or all. An account has many.
func (s *session) groupsToRead() map[string]*group {
	for _, item := range s.params.Items("Filter") {
		ids := item.Texts("Value")
		if item.Text("Name") != "group-id" || slices.ContainsFunc(ids, isPattern) {
			continue
		}
		named := map[string]*group{}
		for _, id := range ids {
			if g := s.state.groups[id]; g != nil {
				named[id] = g
			}
		}
		return named
	}
	return s.state.groups
}

var ruleFilters = []string{"group-id", "security-group-rule-id"}

func ruleValues(groupID string, r secgroup.Rule) values {
	return values{tags: r.Tags, of: map[string]string{"group-id": groupID, "security-group-rule-id": r.ID}}
}

// ruleObject is a rule as DescribeSecurityGroupRules and Authorize answer it.
// Ports are always there, -1 where the protocol has none.
func (s *session) ruleObject(g *group, r secgroup.Rule) query.Object {
	o := query.Object{}.With("securityGroupRuleId", r.ID).With("groupId", g.id).With("groupOwnerId", s.account.ID).
		With("isEgress", r.Direction == secgroup.Egress).With("ipProtocol", protocolText(r.Protocol)).
		With("fromPort", int(r.Ports.From)).With("toPort", int(r.Ports.To))
	switch p := r.Peer.(type) {
	case secgroup.CIDR:
		o = o.With(cidrName(p), p.Key())
	case secgroup.PrefixList:
		o = o.With("prefixListId", p.ID)
	case secgroup.GroupReference:
		o = o.With("referencedGroupInfo", s.referenceObject(p))
	}
	if o = o.WithText("description", r.Description); len(r.Tags) > 0 {
		o = o.With("tagSet", tagSet(r.Tags))
	}
	return o.With("securityGroupRuleArn", s.account.arn("security-group-rule", r.ID))
}

func cidrName(c secgroup.CIDR) string {
	if c.Addr().Is4() {
		return "cidrIpv4"
	}
	return "cidrIpv6"
}

// referenceObject shows a referenced group. Of one that is gone only its id is
// left (API reference, DescribeStaleSecurityGroups).
func (s *session) referenceObject(ref secgroup.GroupReference) query.Object {
	o := query.Object{}.With("groupId", ref.GroupID)
	g := s.referenced(ref)
	if g == nil {
		return o
	}
	o = o.With("userId", s.owner(ref))
	if ref.PeeringID != "" {
		status := "active"
		if s.state.peerings[ref.PeeringID].Deleted {
			status = "deleted"
		}
		o = o.With("vpcId", g.vpcID).With("vpcPeeringConnectionId", ref.PeeringID).With("peeringStatus", status)
	}
	return o
}

func (s *session) owner(ref secgroup.GroupReference) string {
	if ref.AccountID != "" {
		return ref.AccountID
	}
	return s.account.ID
}

// revokedObject is a rule as a Revoke says that it removed it.
func revokedObject(g *group, r secgroup.Rule) query.Object {
	o := query.Object{}.With("securityGroupRuleId", r.ID).With("groupId", g.id).
		With("isEgress", r.Direction == secgroup.Egress).With("ipProtocol", protocolText(r.Protocol)).
		With("fromPort", int(r.Ports.From)).With("toPort", int(r.Ports.To))
	switch p := r.Peer.(type) {
	case secgroup.CIDR:
		o = o.With(cidrName(p), p.Key())
	case secgroup.PrefixList:
		o = o.With("prefixListId", p.ID)
	case secgroup.GroupReference:
		o = o.With("referencedGroupId", p.GroupID)
	}
	return o.WithText("description", r.Description)
}

// permissionSet groups rules of equal protocol and ports, as
// DescribeSecurityGroups shows them: without ports where there are none.
func (s *session) permissionSet(rules []secgroup.Rule) query.List {
	type sets struct{ groups, ipv4, ipv6, lists query.List }
	byPorts, order := map[string]*sets{}, []secgroup.Rule{}
	key := func(r secgroup.Rule) string {
		return protocolText(r.Protocol) + " " + strconv.Itoa(int(r.Ports.From)) + " " + strconv.Itoa(int(r.Ports.To))
	}
	for _, r := range rules {
		at := byPorts[key(r)]
		if at == nil {
			at = &sets{}
			byPorts[key(r)] = at
			order = append(order, r)
		}
		switch p := r.Peer.(type) {
		case secgroup.CIDR:
			if p.Addr().Is4() {
				at.ipv4 = append(at.ipv4, query.Object{}.With("cidrIp", p.Key()).WithText("description", r.Description))
			} else {
				at.ipv6 = append(at.ipv6, query.Object{}.With("cidrIpv6", p.Key()).WithText("description", r.Description))
			}
		case secgroup.PrefixList:
			at.lists = append(at.lists, query.Object{}.With("prefixListId", p.ID).WithText("description", r.Description))
		case secgroup.GroupReference:
			at.groups = append(at.groups, append(s.referenceObject(p), query.Object{}.WithText("description", r.Description)...))
		}
	}
	set := query.List{}
	for _, r := range order {
		at := byPorts[key(r)]
		o := query.Object{}.With("ipProtocol", protocolText(r.Protocol))
		if hasPorts(r.Protocol) {
			o = o.With("fromPort", int(r.Ports.From)).With("toPort", int(r.Ports.To))
		}
		set = append(set, o.With("groups", at.groups).With("ipRanges", at.ipv4).With("ipv6Ranges", at.ipv6).With("prefixListIds", at.lists))
	}
	return set
}

func hasPorts(p secgroup.Protocol) bool {
	return p == secgroup.TCP || p == secgroup.UDP || p == secgroup.ICMP || p == secgroup.ICMPv6
}
