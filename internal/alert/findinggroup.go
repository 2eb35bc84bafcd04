package alert

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/sgwarden/sgwarden/internal/incident"
	"github.com/sgwarden/sgwarden/internal/secgroup"
)

// resourceOf is the group or the prefix list of an incident, or the account where
// it is about none.
func resourceOf(i incident.Incident, home Home) FindingResource {
	r := FindingResource{Type: "AwsAccount", ID: "AWS::::Account:" + home.AccountID, Partition: home.Partition, Region: home.Region}
	if i.List != nil && fitARN(i.Resource) {
		r.Type, r.ID = "Other", i.Resource // the format has no type for prefix lists
	}
	if i.List != nil || !fitGroup(i.GroupID) {
		return r
	}
	r.Type, r.ID = "AwsEc2SecurityGroup", "arn:"+home.Partition+":ec2:"+home.Region+":"+home.AccountID+":security-group/"+i.GroupID
	r.Tags = tagsOf(i.GroupTags)
	group := FindingGroup{GroupName: bounded(i.GroupName, 255), GroupID: i.GroupID, OwnerID: home.AccountID}
	if fitID(i.VPCID, "vpc-") {
		group.VPCID = i.VPCID
	}
	for _, rule := range rulesNow(i) {
		p, ok := permissionOf(rule)
		switch {
		case !ok:
		case rule.Direction == secgroup.Ingress && len(group.IPPermissions) < findingPermissions:
			group.IPPermissions = append(group.IPPermissions, p)
		case rule.Direction == secgroup.Egress && len(group.IPPermissionsEgress) < findingPermissions:
			group.IPPermissionsEgress = append(group.IPPermissionsEgress, p)
		}
	}
	r.Details = &FindingDetails{group}
	return r
}

// rulesNow are the rules of an incident that the group has, as far as they were
// read: what is left of those that were changed, the others as they were judged.
func rulesNow(i incident.Incident) []secgroup.Rule {
	var now []secgroup.Rule
	for _, r := range i.Rules {
		switch {
		case len(r.After) > 0:
			now = append(now, r.After...)
		case r.Before != nil && r.Outcome != incident.Reverted && r.Outcome != incident.Narrowed && r.Outcome > incident.AlreadyCompliant:
			now = append(now, *r.Before)
		}
	}
	return now
}

// permissionOf gives a rule as EC2 has it; false = a part of it is of no form
// that EC2 has.
func permissionOf(r secgroup.Rule) (FindingPermission, bool) {
	r = r.Canonical()
	p := FindingPermission{IPProtocol: r.Protocol.API()}
	if r.Protocol.HasPorts() || r.Protocol.IsICMP() {
		p.FromPort, p.ToPort = ptr(r.Ports.From), ptr(r.Ports.To)
	}
	switch peer := r.Peer.(type) {
	case secgroup.CIDR:
		if peer.Addr().Is4() {
			p.IPRanges = []FindingPeer{{CIDRIPv4: peer.String()}}
		} else {
			p.IPv6Ranges = []FindingPeer{{CIDRIPv6: peer.String()}}
		}
	case secgroup.PrefixList:
		if !fitList(peer.ID) {
			return p, false
		}
		p.PrefixListIDs = []FindingPeer{{PrefixListID: peer.ID}}
	case secgroup.GroupReference:
		if !fitReference(peer) {
			return p, false
		}
		p.UserIDGroupPairs = []FindingPeer{{GroupID: peer.GroupID, UserID: peer.AccountID, PeeringID: peer.PeeringID}}
	default:
		return p, false
	}
	return p, true
}

// bounded is a text of others in at most limit bytes; "" = nothing of it is
// left.
func bounded(text string, limit int) string {
	if text = plain(text, limit); text == "" {
		return ""
	}
	return line(text, limit)
}

// tagsOf are the group's tags, made harmless. The format takes no blank value.
func tagsOf(tags map[string]string) map[string]string {
	out := map[string]string{}
	for _, key := range slices.Sorted(maps.Keys(tags)) {
		name, text := bounded(key, 128), bounded(tags[key], 256)
		if name != "" && text != "" && len(out) < findingTags {
			out[name] = text
		}
	}
	return out
}

// productFields are what the format has no place for. Their names are a public
// interface (docs/reference/sinks.md).
func productFields(i incident.Incident) map[string]string {
	fields := map[string]string{"ProviderName": "sgwarden"}
	add := func(name, text string) {
		if text = unglue(foreign(text, findingValue/4)); text != "" && len(fields) < findingFields {
			fields["sgwarden/"+name] = line(text, findingValue)
		}
	}
	add("incidentId", i.ID)
	add("eventType", string(i.EventType))
	add("outcome", i.Outcome.String())
	add("reason", i.Reason)
	add("mode", i.Mode.String())
	add("apiCall", i.APICall)
	add("eventId", i.EventID)
	add("cause", i.Cause)
	if i.Actor.Attributed {
		add("actor", i.Actor.ARN)
		add("session", i.Actor.Session)
		add("sourceIp", i.Actor.SourceIP)
		add("userAgent", i.Actor.UserAgent)
	}
	var ids []string
	for _, p := range i.Policies[:min(len(i.Policies), attributePolicies)] {
		ids = append(ids, value(p.ID))
	}
	add("policies", strings.Join(ids, " "))
	if i.List != nil {
		add("list", i.List.ID)
		add("list/added", blocksText(i.List.Added))
		add("list/takenOut", blocksText(i.List.Removed))
	}
	if total := len(i.Rules) + i.OmittedRules; total > 0 {
		add("rules", fmt.Sprint(total))
	}
	for n, note := range i.Notes[:min(len(i.Notes), chatNotes)] {
		add(fmt.Sprintf("note/%d", n+1), note)
	}
	add("connections", connections(i))
	for n, line := range i.Would[:min(len(i.Would), chatNotes)] {
		add(fmt.Sprintf("would/%d", n+1), line)
	}
	for n, r := range chatWorst(i) {
		if r.Before != nil {
			add(fmt.Sprintf("rule/%d", n+1), r.Before.String())
			add(fmt.Sprintf("rule/%d/id", n+1), r.ID)
			if i.List != nil {
				add(fmt.Sprintf("rule/%d/group", n+1), r.GroupID)
			}
			if ownsOutcomes(i) {
				add(fmt.Sprintf("rule/%d/outcome", n+1), r.Outcome.String())
			}
			add(fmt.Sprintf("rule/%d/lacks", n+1), lacksOf([]incident.Rule{r}))
			add(fmt.Sprintf("rule/%d/fallback", n+1), r.Fallback)
			add(fmt.Sprintf("rule/%d/description", n+1), r.Before.Description)
		}
	}
	for n, b := range inBetween(i) {
		if n == chatBetween {
			break
		}
		name := fmt.Sprintf("between/%d", n+1)
		add(name, b.Value.String())
		add(name+"/id", b.Value.ID)
		add(name+"/at", stamp(b.of.At))
		add(name+"/actor", b.of.Actor.ARN)
		add(name+"/eventId", b.of.EventID)
		add(name+"/policies", strings.Join(b.Policies, " "))
	}
	return fields
}
