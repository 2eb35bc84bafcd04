package warden

import (
	"encoding/json"
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sgwarden/sgwarden/internal/secgroup"
)

// call is one API call that is about to be recorded.
type call struct {
	name, group, groupName string
	actor                  string // ARN
	account, region        string
	errorCode              string
	requestID, eventID     string
	sharedID               string // sharedEventID: the call is recorded in two accounts
	userAgent              string
	at                     time.Time
	bare                   bool // no ids in the response, as before 2021
	incomplete             bool
	rules                  []secgroup.Rule
}

// authorize adds rules to a group in EC2 and gives the record of it.
func (w *world) authorize(group string, texts ...string) []byte {
	w.t.Helper()
	return w.authorizeBy("arn:aws:iam::123456789012:user/ann", group, texts...)
}

func (w *world) authorizeBy(actor, group string, texts ...string) []byte {
	w.t.Helper()
	var rules []secgroup.Rule
	for _, text := range texts {
		rules = append(rules, w.ec2.add(group, parse(w.t, text)))
	}
	return w.record(call{name: "AuthorizeSecurityGroup" + direction(rules[0]), group: group, actor: actor, rules: rules})
}

// modify changes a rule in EC2 and gives the record of it.
func (w *world) modify(group, id, text string) []byte {
	w.t.Helper()
	r := parse(w.t, text)
	r.ID = id
	w.ec2.put(group, r)
	return w.record(call{name: "ModifySecurityGroupRules", group: group, rules: []secgroup.Rule{r}})
}

// revoke removes a rule in EC2 and gives the record of it.
func (w *world) revoke(group, id string) []byte {
	w.t.Helper()
	r := w.ec2.remove(group, id)
	return w.record(call{name: "RevokeSecurityGroup" + direction(r), group: group, rules: []secgroup.Rule{r}})
}

func direction(r secgroup.Rule) string {
	if r.Direction == secgroup.Egress {
		return "Egress"
	}
	return "Ingress"
}

func parse(t testing.TB, text string) secgroup.Rule {
	t.Helper()
	r, err := secgroup.ParseRule(text)
	require.NoError(t, err)
	return r
}

// record writes the CloudTrail record of a call in an EventBridge envelope.
func (w *world) record(c call) []byte {
	w.mu.Lock()
	w.events++
	n := w.events
	now := w.now
	w.mu.Unlock()
	c.actor = orOther(c.actor, "arn:aws:iam::123456789012:user/ann")
	c.eventID = orOther(c.eventID, fmt.Sprintf("event-%04d", n))
	c.requestID = orOther(c.requestID, fmt.Sprintf("request-%04d", n))
	c.account, c.region = orOther(c.account, account), orOther(c.region, region)
	if c.at.IsZero() {
		c.at = now
	}
	detail := map[string]any{
		"eventVersion": "1.09", "eventSource": "ec2.amazonaws.com", "eventName": c.name, "eventID": c.eventID,
		"eventTime": c.at.Format(time.RFC3339), "awsRegion": c.region, "recipientAccountId": c.account, "requestID": c.requestID,
		"sourceIPAddress": "198.51.100.7", "userAgent": orOther(c.userAgent, "aws-cli/2.0"), "userIdentity": identity(c.actor),
	}
	if c.errorCode != "" {
		detail["errorCode"] = c.errorCode
	}
	if c.sharedID != "" {
		detail["sharedEventID"] = c.sharedID
	}
	request, response := parameters(c)
	detail["requestParameters"], detail["responseElements"] = request, response
	if c.errorCode != "" {
		detail["responseElements"] = nil
	}
	body, err := json.Marshal(map[string]any{
		"version": "0", "id": c.eventID + "-envelope", "detail-type": "AWS API Call via CloudTrail", "source": "aws.ec2",
		"account": c.account, "time": c.at.Format(time.RFC3339), "region": c.region, "resources": []any{}, "detail": detail,
	})
	require.NoError(w.t, err)
	return body
}

func identity(arn string) map[string]any {
	if strings.Contains(arn, ":role/") {
		return map[string]any{
			"type": "AssumedRole", "arn": "arn:aws:sts::123456789012:assumed-role/x/session", "accountId": account,
			"sessionContext": map[string]any{"sessionIssuer": map[string]any{"type": "Role", "arn": arn, "accountId": account}},
		}
	}
	return map[string]any{"type": "IAMUser", "arn": arn, "accountId": account, "userName": arn[strings.LastIndex(arn, "/")+1:]}
}

// parameters writes request and response in the dialect of the call.
func parameters(c call) (request, response map[string]any) {
	request = map[string]any{}
	if c.groupName != "" {
		request["groupName"] = c.groupName
	} else {
		request["groupId"] = c.group
	}
	response = map[string]any{"_return": true, "requestId": c.requestID}
	switch {
	case strings.HasPrefix(c.name, "Authorize"), strings.HasPrefix(c.name, "Revoke"):
		var permissions, set []any
		for _, r := range c.rules {
			permissions = append(permissions, permission(r))
			set = append(set, ruleItem(c.group, r))
		}
		request["ipPermissions"] = map[string]any{"items": permissions}
		if strings.HasPrefix(c.name, "Authorize") && !c.bare {
			response["securityGroupRuleSet"] = map[string]any{"items": set}
		}
		if c.incomplete {
			request["ipPermissions"], response["securityGroupRuleSet"] = map[string]any{"omitted": true}, nil
		}
	case c.name == "ModifySecurityGroupRules":
		r := c.rules[0]
		value := map[string]any{"IpProtocol": r.Protocol.API(), "FromPort": r.Ports.From, "ToPort": r.Ports.To}
		peerKey(value, r.Peer, "CidrIpv4", "CidrIpv6", "PrefixListId", "ReferencedGroupId")
		request = map[string]any{"ModifySecurityGroupRulesRequest": map[string]any{
			"GroupId": c.group, "SecurityGroupRule": map[string]any{"SecurityGroupRuleId": r.ID, "SecurityGroupRule": value, "tag": 1},
		}}
		response = map[string]any{"ModifySecurityGroupRulesResponse": map[string]any{"requestId": c.requestID, "return": true}}
	case c.name == "CreateSecurityGroup":
		request = map[string]any{"groupName": c.groupName, "groupDescription": "x", "vpcId": vpcA}
		response["groupId"] = c.group
	}
	return request, response
}

func peerKey(m map[string]any, p secgroup.Peer, v4, v6, list, group string) {
	switch p := p.(type) {
	case secgroup.CIDR:
		if p.Addr().Is4() {
			m[v4] = p.Key()
		} else {
			m[v6] = p.Key()
		}
	case secgroup.PrefixList:
		m[list] = p.ID
	case secgroup.GroupReference:
		m[group] = p.GroupID
	}
}

func permission(r secgroup.Rule) map[string]any {
	m := map[string]any{"ipProtocol": r.Protocol.API(), "groups": map[string]any{}, "ipRanges": map[string]any{}, "ipv6Ranges": map[string]any{}, "prefixListIds": map[string]any{}}
	if r.Protocol != secgroup.AllProtocols {
		m["fromPort"], m["toPort"] = r.Ports.From, r.Ports.To
	}
	item := map[string]any{}
	peerKey(item, r.Peer, "cidrIp", "cidrIpv6", "prefixListId", "groupId")
	for key, list := range map[string]string{"cidrIp": "ipRanges", "cidrIpv6": "ipv6Ranges", "prefixListId": "prefixListIds", "groupId": "groups"} {
		if _, ok := item[key]; ok {
			m[list] = map[string]any{"items": []any{item}}
		}
	}
	return m
}

func ruleItem(group string, r secgroup.Rule) map[string]any {
	m := map[string]any{
		"groupOwnerId": account, "groupId": group, "securityGroupRuleId": r.ID, "isEgress": r.Direction == secgroup.Egress,
		"ipProtocol": r.Protocol.API(), "fromPort": r.Ports.From, "toPort": r.Ports.To,
	}
	if g, ok := r.Peer.(secgroup.GroupReference); ok {
		m["referencedGroupId"] = g.GroupID
		return m
	}
	peerKey(m, r.Peer, "cidrIpv4", "cidrIpv6", "prefixListId", "")
	return m
}

func judgeGroup(group, cause, incidentID string) []byte {
	return fmt.Appendf(nil, `{"source":"sgwarden","detail-type":"Judge Group","detail":{"groupId":%q,"cause":%q,"incidentId":%q}}`, group, cause, incidentID)
}

func prefixes(texts ...string) []netip.Prefix {
	var out []netip.Prefix
	for _, t := range texts {
		out = append(out, netip.MustParsePrefix(t))
	}
	return out
}
