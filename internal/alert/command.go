package alert

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/sgwarden/sgwarden/internal/incident"
	"github.com/sgwarden/sgwarden/internal/secgroup"
)

// command is one line of the aws CLI; "" where a part of it is not fit for a
// shell: it holds nothing that others chose, and descriptions stay out.
type command struct {
	region, groupID string
}

func (c command) fit() bool {
	return fitGroup(c.groupID) && fitRegion(c.region)
}

// revoke removes one rule.
func (c command) revoke(d secgroup.Direction, ruleID string) string {
	if !c.fit() || !fitRule(ruleID) {
		return ""
	}
	return fmt.Sprintf("aws ec2 revoke-security-group-%s --region %s --group-id %s --security-group-rule-ids %s", d, c.region, c.groupID, ruleID)
}

// authorize adds a rule.
func (c command) authorize(r secgroup.Rule) string {
	peer, ok := permissionPeer(r.Peer)
	if !c.fit() || !ok {
		return ""
	}
	return fmt.Sprintf("aws ec2 authorize-security-group-%s --region %s --group-id %s --ip-permissions '%s,%s'", r.Direction, c.region, c.groupID, flow(r), peer)
}

// modify gives a rule another value, in place.
func (c command) modify(ruleID string, r secgroup.Rule) string {
	peer, ok := rulePeer(r.Peer)
	if !c.fit() || !ok || !fitRule(ruleID) {
		return ""
	}
	return fmt.Sprintf("aws ec2 modify-security-group-rules --region %s --group-id %s --security-group-rules 'SecurityGroupRuleId=%s,SecurityGroupRule={%s,%s}'", c.region, c.groupID, ruleID, flow(r), peer)
}

// flow is protocol and ports in the shorthand of the aws CLI.
func flow(r secgroup.Rule) string {
	r = r.Canonical()
	text := "IpProtocol=" + r.Protocol.API()
	if r.Protocol.HasPorts() || r.Protocol.IsICMP() {
		text += fmt.Sprintf(",FromPort=%d,ToPort=%d", r.Ports.From, r.Ports.To)
	}
	return text
}

// permissionPeer is the peer of an IpPermission.
func permissionPeer(peer secgroup.Peer) (string, bool) {
	switch p := peer.(type) {
	case secgroup.CIDR:
		if p.Addr().Is6() {
			return fmt.Sprintf("Ipv6Ranges=[{CidrIpv6=%s}]", p), true
		}
		return fmt.Sprintf("IpRanges=[{CidrIp=%s}]", p), true
	case secgroup.PrefixList:
		return fmt.Sprintf("PrefixListIds=[{PrefixListId=%s}]", p.ID), fitList(p.ID)
	case secgroup.GroupReference:
		parts := []string{"GroupId=" + p.GroupID}
		if p.AccountID != "" {
			parts = append(parts, "UserId="+p.AccountID)
		}
		if p.PeeringID != "" {
			parts = append(parts, "VpcPeeringConnectionId="+p.PeeringID)
		}
		return "UserIdGroupPairs=[{" + strings.Join(parts, ",") + "}]", fitReference(p)
	}
	return "", false
}

// rulePeer is the peer of a SecurityGroupRuleRequest.
func rulePeer(peer secgroup.Peer) (string, bool) {
	switch p := peer.(type) {
	case secgroup.CIDR:
		if p.Addr().Is6() {
			return "CidrIpv6=" + p.String(), true
		}
		return "CidrIpv4=" + p.String(), true
	case secgroup.PrefixList:
		return "PrefixListId=" + p.ID, fitList(p.ID)
	case secgroup.GroupReference:
		return "ReferencedGroupId=" + p.GroupID, fitReference(p)
	}
	return "", false
}

// restore lists the commands that put a rule back as it was before sgwarden
// changed it.
func (c command) restore(r incident.Rule) []string {
	if r.Before == nil || r.Outcome != incident.Reverted && r.Outcome != incident.Narrowed {
		return nil
	}
	kept := false
	var lines []string
	for _, after := range r.After {
		if after.ID == r.ID && r.ID != "" {
			kept = true
		}
	}
	if kept {
		lines = append(lines, c.modify(r.ID, *r.Before))
	} else {
		lines = append(lines, c.authorize(*r.Before))
	}
	if lines[0] == "" {
		return nil
	}
	return lines
}

// terraform and cloudFormation are the lines by which a rule is found, or
// written, in a template: the arguments of a block, and a property. None where a
// part of it is not fit for that.
func terraform(r secgroup.Rule) []string {
	r = r.Canonical()
	parts := []argument{{"ip_protocol", strconv.Quote(r.Protocol.API())}}
	if r.Protocol.HasPorts() || r.Protocol.IsICMP() {
		parts = append(parts, argument{"from_port", strconv.Itoa(int(r.Ports.From))}, argument{"to_port", strconv.Itoa(int(r.Ports.To))})
	}
	switch p := r.Peer.(type) {
	case secgroup.CIDR:
		if p.Addr().Is6() {
			parts = append(parts, argument{"cidr_ipv6", strconv.Quote(p.String())})
		} else {
			parts = append(parts, argument{"cidr_ipv4", strconv.Quote(p.String())})
		}
	case secgroup.PrefixList:
		if !fitList(p.ID) {
			return nil
		}
		parts = append(parts, argument{"prefix_list_id", strconv.Quote(p.ID)})
	case secgroup.GroupReference:
		if !fitReference(p) {
			return nil
		}
		parts = append(parts, argument{"referenced_security_group_id", strconv.Quote(p.Key())})
	default:
		return nil
	}
	width := 0
	for _, a := range parts {
		width = max(width, len(a.name))
	}
	lines := make([]string, 0, len(parts))
	for _, a := range parts {
		lines = append(lines, fmt.Sprintf("%-*s = %s", width, a.name, a.value))
	}
	return lines
}

// argument is one of a Terraform block.
type argument struct{ name, value string }

func cloudFormation(r secgroup.Rule) string {
	r = r.Canonical()
	parts := []string{fmt.Sprintf("IpProtocol: %q", r.Protocol.API())}
	if r.Protocol.HasPorts() || r.Protocol.IsICMP() {
		parts = append(parts, fmt.Sprintf("FromPort: %d", r.Ports.From), fmt.Sprintf("ToPort: %d", r.Ports.To))
	}
	end := "Source"
	if r.Direction == secgroup.Egress {
		end = "Destination"
	}
	switch p := r.Peer.(type) {
	case secgroup.CIDR:
		if p.Addr().Is6() {
			parts = append(parts, fmt.Sprintf("CidrIpv6: %q", p))
		} else {
			parts = append(parts, fmt.Sprintf("CidrIp: %q", p))
		}
	case secgroup.PrefixList:
		if !fitList(p.ID) {
			return ""
		}
		parts = append(parts, fmt.Sprintf("%sPrefixListId: %q", end, p.ID))
	case secgroup.GroupReference:
		if !fitReference(p) {
			return ""
		}
		parts = append(parts, fmt.Sprintf("%sSecurityGroupId: %q", end, p.GroupID))
		if p.AccountID != "" && r.Direction == secgroup.Ingress { // egress has no such property
			parts = append(parts, fmt.Sprintf("SourceSecurityGroupOwnerId: %q", p.AccountID))
		}
	default:
		return ""
	}
	return "{" + strings.Join(parts, ", ") + "}"
}
