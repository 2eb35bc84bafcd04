package events

import (
	"fmt"

	"github.com/sgwarden/sgwarden/internal/secgroup"
)

const (
	fromResponse = "response"
	fromRequest  = "request"
)

func readIngress(r *record) { r.readRules(secgroup.Ingress) }
func readEgress(r *record)  { r.readRules(secgroup.Egress) }

// readRules reads Authorize and Revoke. The response is preferred: it is what
// EC2 made of the request, one rule per peer, with ids. The request fills in
// for records without a rule set (all Authorize before July 2021, most
// Revokes), and is held against the response where there is one.
func (r *record) readRules(d secgroup.Direction) {
	group := r.target()
	asked := r.readPermissions(d)
	set := r.response.get("securityGroupRuleSet", "securityGroupRules", "revokedSecurityGroupRuleSet", "revokedSecurityGroupRules")
	if set.empty() {
		r.takeRequest(group, asked)
		return
	}
	answered := r.readRuleSet(set, d)
	r.change.RulesFrom = fromResponse
	r.gaps = append(r.gaps, answered.gaps...)
	for i := range answered.rules {
		n := &answered.rules[i]
		r.resolve(group, n.GroupID)
		if n.GroupID == "" {
			n.GroupID = group.ID
		}
	}
	r.change.Rules = answered.rules
	// A Revoke in the default VPC passes over what it does not find, so its
	// answer is the whole truth (RevokeSecurityGroupIngress, Return).
	if r.call.Effect != secgroup.Narrows {
		r.compare(group, asked, answered)
	}
}

// takeRequest names rules as the request does.
func (r *record) takeRequest(group secgroup.GroupName, asked reading) {
	r.gaps = append(r.gaps, asked.gaps...)
	for _, n := range asked.rules {
		n.GroupID = group.ID
		r.change.Rules = append(r.change.Rules, n)
	}
	if len(r.change.Rules) > 0 {
		r.change.RulesFrom = fromRequest
	}
	if r.failed() {
		return
	}
	if !r.response.get("unknownIpPermissionSet", "unknownIpPermissions").empty() {
		r.gap("the response does not know some of the permissions")
	}
	byID := 0
	for _, n := range asked.rules {
		if !n.HasValue {
			byID++
		}
	}
	switch {
	case asked.opaque > byID:
		r.gap("%d rules name their source by group name alone", asked.opaque-byID)
	case len(asked.rules) == 0 && len(asked.gaps) == 0:
		r.gap("names no rule")
	}
}

// compare holds the response against the request. What was asked for and is
// not answered is named by value all the same: the call is atomic, and some
// emulators answer with a part. More opaque rules than the response has left
// over are a gap.
func (r *record) compare(group secgroup.GroupName, asked, answered reading) {
	given := make(map[ruleKey]bool, len(answered.rules))
	for _, n := range answered.rules {
		if n.HasValue {
			given[keyOf(n.Rule)] = true
		}
	}
	spare := len(answered.rules)
	for _, n := range asked.rules {
		if !n.HasValue {
			continue // by id: counted as opaque
		}
		if given[keyOf(n.Rule)] {
			spare--
			continue
		}
		if len(answered.gaps) == 0 { // else it may be the one that could not be read
			n.GroupID = group.ID
			r.change.Rules = append(r.change.Rules, n)
		}
	}
	r.gaps = append(r.gaps, asked.gaps...)
	if asked.opaque > spare {
		r.gap("the response has fewer rules than the request asks for")
	}
}

// readRuleSet reads the rule set of a response.
func (r *record) readRuleSet(set value, d secgroup.Direction) reading {
	var out reading
	for i, v := range set.list() {
		place := fmt.Sprintf("securityGroupRuleSet[%d]", i)
		if v.kind != object {
			out.gap("%s is no object", place)
			continue
		}
		n, err := r.readAnswered(v, d, place)
		if err != nil {
			out.gap("%s: %v", place, err)
		}
		if n.HasValue || n.Rule.ID != "" {
			out.rules = append(out.rules, n)
		}
	}
	return out
}

// readAnswered reads one rule of a response. With an error it may still have
// its id.
func (r *record) readAnswered(v value, d secgroup.Direction, place string) (secgroup.NamedRule, error) {
	n := secgroup.NamedRule{GroupID: r.id(groupPrefix, v.get("groupId"), place+".groupId")}
	id := r.id(rulePrefix, v.get("securityGroupRuleId"), place+".securityGroupRuleId")
	n.Rule = secgroup.Rule{ID: id, Direction: d}
	if e := v.get("isEgress"); e.kind != absent && isTrue(e) != (d == secgroup.Egress) {
		return n, fmt.Errorf("isEgress contradicts the call")
	}
	peer, err := peerOf(v, r.change.AccountID, accountID(textOf(v.get("groupOwnerId"))))
	if err != nil {
		return n, err
	}
	rule, err := ruleOf(d, parts{v.get("ipProtocol"), v.get("fromPort"), v.get("toPort")}, peer)
	if err != nil {
		return n, err
	}
	rule.ID, rule.Description = id, textOf(v.get("description"))
	n.Rule, n.HasValue = rule, true
	return n, nil
}

// peerOf reads the one peer of a rule as responses and ModifySecurityGroupRules
// write it. None or several are an error.
func peerOf(v value, own ...string) (secgroup.Peer, error) {
	var peers []secgroup.Peer
	var errs []error
	take := func(p secgroup.Peer, err error) {
		if err != nil {
			errs = append(errs, err)
			return
		}
		peers = append(peers, p)
	}
	for _, name := range []string{"cidrIpv4", "cidrIpv6", "cidrIp"} {
		if c := v.get(name); !c.empty() {
			take(cidrOf(c))
		}
	}
	info := v.get("referencedGroupInfo", "referencedGroup")
	if id := memberOr(info, "groupId"); !id.empty() {
		take(groupPeerOf(id, info.get("userId"), info.get("vpcPeeringConnectionId"), own...))
	}
	if id := v.get("referencedGroupId"); !id.empty() {
		take(groupPeerOf(id, value{}, value{}, own...))
	}
	if id := v.get("prefixListId"); !id.empty() {
		// Public code reads group references from this field as well.
		if s, _ := id.scalar(); isID(groupPrefix, s) {
			take(groupPeerOf(id, value{}, value{}, own...))
		} else {
			take(listPeerOf(id))
		}
	}
	switch {
	case len(errs) > 0:
		return nil, errs[0]
	case len(peers) != 1:
		return nil, fmt.Errorf("%d peers instead of one", len(peers))
	}
	return peers[0], nil
}

// readModified reads ModifySecurityGroupRules. The record has the new values
// by rule id, and neither the old ones nor the direction.
func readModified(r *record) {
	group := r.target()
	seen := map[string]bool{}
	for i, v := range r.request.get("securityGroupRule", "securityGroupRules").list() {
		place := fmt.Sprintf("SecurityGroupRule[%d]", i)
		n := secgroup.NamedRule{GroupID: group.ID, AnyDirection: true}
		n.Rule.ID = r.id(rulePrefix, v.get("securityGroupRuleId"), place)
		if n.Rule.ID == "" || seen[n.Rule.ID] {
			r.gap("%s has no rule id of its own", place)
		}
		seen[n.Rule.ID] = true
		if err := readNewValue(&n, v.get("securityGroupRule"), r.change.AccountID); err != nil {
			r.gap("%s: %v", place, err)
		}
		if n.HasValue || n.Rule.ID != "" {
			r.change.Rules = append(r.change.Rules, n)
		}
	}
	if len(r.change.Rules) > 0 {
		r.change.RulesFrom = fromRequest
	} else if !r.failed() {
		r.gap("names no rule")
	}
}

func readNewValue(n *secgroup.NamedRule, v value, own string) error {
	peer, err := peerOf(v, own)
	if err != nil {
		return err
	}
	rule, err := ruleOf(0, parts{v.get("ipProtocol"), v.get("fromPort"), v.get("toPort")}, peer)
	if err != nil {
		return err
	}
	rule.ID, rule.Description = n.Rule.ID, textOf(v.get("description"))
	n.Rule, n.HasValue = rule, true
	return nil
}
