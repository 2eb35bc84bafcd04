package events

import (
	"fmt"

	"github.com/sgwarden/sgwarden/internal/secgroup"
)

// permissionNames are the members that a permission of a request may have. An
// unknown one that is not empty may be a kind of peer that we do not know.
var permissionNames = []string{
	"ipProtocol", "fromPort", "toPort", "tag",
	"ipRanges", "ipv6Ranges", "prefixListIds", "groups", "userIdGroupPairs",
}

// readPermissions reads the rules that a request of Authorize or Revoke asks
// for, in the classic dialect (ipPermissions) and in the flat one (cidrIp and
// the like beside an empty ipPermissions).
func (r *record) readPermissions(d secgroup.Direction) reading {
	var out reading
	for i, p := range r.request.get("ipPermissions", "ipPermission").list() {
		place := fmt.Sprintf("ipPermissions[%d]", i)
		if p.kind != object {
			out.gap("%s is no object", place)
			continue
		}
		r.readPermission(&out, d, p, place)
	}
	r.readFlat(&out, d)
	for _, v := range r.request.get("securityGroupRuleIds", "securityGroupRuleId").list() {
		id := v
		if inner := v.get("securityGroupRuleId"); inner.kind != absent {
			id = inner
		}
		s, ok := id.scalar()
		if !ok || !isID(rulePrefix, s) {
			out.gap("securityGroupRuleIds: %s is no rule id", quote(s))
			continue
		}
		out.opaque++
		out.rules = append(out.rules, secgroup.NamedRule{Rule: secgroup.Rule{ID: s, Direction: d}})
	}
	return out
}

// readPermission reads one permission: a protocol and ports for many peers.
func (r *record) readPermission(out *reading, d secgroup.Direction, p value, place string) {
	what := parts{p.get("ipProtocol"), p.get("fromPort"), p.get("toPort")}
	peers := 0
	add := func(field string, i int, v value, peer secgroup.Peer, err error) {
		peers++
		var rule secgroup.Rule
		if err == nil {
			rule, err = ruleOf(d, what, peer)
		}
		if err != nil {
			out.gap("%s.%s[%d]: %v", place, field, i, err)
			return
		}
		rule.Description = textOf(v.get("description"))
		out.rules = append(out.rules, secgroup.NamedRule{Rule: rule, HasValue: true})
	}
	for i, v := range p.get("ipRanges").list() {
		peer, err := cidrOf(memberOr(v, "cidrIp"))
		add("ipRanges", i, v, peer, err)
	}
	for i, v := range p.get("ipv6Ranges").list() {
		peer, err := cidrOf(memberOr(v, "cidrIpv6"))
		add("ipv6Ranges", i, v, peer, err)
	}
	for i, v := range p.get("prefixListIds").list() {
		peer, err := listPeerOf(memberOr(v, "prefixListId"))
		add("prefixListIds", i, v, peer, err)
	}
	for i, v := range p.get("groups", "userIdGroupPairs").list() {
		if v.get("groupId").empty() && !v.get("groupName").empty() {
			peers++
			out.opaque++ // the default VPC knows which group that is, we do not
			continue
		}
		peer, err := groupPeerOf(memberOr(v, "groupId"), v.get("userId"), v.get("vpcPeeringConnectionId"), r.change.AccountID)
		add("groups", i, v, peer, err)
	}
	for _, m := range p.members {
		if !m.empty() && !knownName(m.name) {
			out.gap("%s: %s is unknown", place, quote(m.name))
		}
	}
	if peers == 0 {
		out.gap("%s has no peer", place)
	}
}

// readFlat reads the parameters that stand beside ipPermissions.
// sourceSecurityGroupName grants full ICMP, UDP and TCP access, which are
// several rules, to a group that is known by name alone (EC2 API,
// AuthorizeSecurityGroupIngress).
func (r *record) readFlat(out *reading, d secgroup.Direction) {
	const shorthandRules = 3
	if !r.request.get("sourceSecurityGroupName").empty() {
		out.opaque += shorthandRules
	}
	what := parts{r.request.get("ipProtocol"), r.request.get("fromPort"), r.request.get("toPort")}
	cidr := r.request.get("cidrIp", "cidrIpv6")
	if cidr.empty() {
		if !what.protocol.empty() {
			out.gap("ipProtocol without a peer")
		}
		return
	}
	peer, err := cidrOf(cidr)
	if err == nil {
		var rule secgroup.Rule
		if rule, err = ruleOf(d, what, peer); err == nil {
			out.rules = append(out.rules, secgroup.NamedRule{Rule: rule, HasValue: true})
			return
		}
	}
	out.gap("cidrIp: %v", err)
}

// memberOr gives a member of an object, or the value itself where it is a
// bare scalar.
func memberOr(v value, name string) value {
	if v.kind == object && v.get("content").kind == absent {
		return v.get(name)
	}
	return v
}

func knownName(name string) bool {
	for _, k := range permissionNames {
		if sameName(k, name) {
			return true
		}
	}
	return false
}
