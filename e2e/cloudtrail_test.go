//go:build e2e

package e2e

import (
	"encoding/json"
	"strconv"
	"time"

	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"
)

// permission is one IpPermission of a call, as far as the scenarios need it.
type permission struct {
	protocol string
	from, to int
	v4, v6   []string
}

type object = map[string]any

// items is the list of the classic dialect: {} when empty.
func items(list []any) object {
	if len(list) == 0 {
		return object{}
	}
	return object{"items": list}
}

// request is the permission as CloudTrail's classic dialect writes it.
func (p permission) request() object {
	var v4, v6 []any
	for _, c := range p.v4 {
		v4 = append(v4, object{"cidrIp": c})
	}
	for _, c := range p.v6 {
		v6 = append(v6, object{"cidrIpv6": c})
	}
	return object{
		"ipProtocol": p.protocol, "fromPort": p.from, "toPort": p.to,
		"groups": object{}, "ipRanges": items(v4), "ipv6Ranges": items(v6), "prefixListIds": object{},
	}
}

// api is the permission as the aws client takes it in --ip-permissions.
func (p permission) api() object {
	v4, v6 := []any{}, []any{}
	for _, c := range p.v4 {
		v4 = append(v4, object{"CidrIp": c})
	}
	for _, c := range p.v6 {
		v6 = append(v6, object{"CidrIpv6": c})
	}
	return object{"IpProtocol": p.protocol, "FromPort": p.from, "ToPort": p.to, "IpRanges": v4, "Ipv6Ranges": v6}
}

// answered is a rule as the answer of Authorize has it in a record.
func answered(r ec2types.SecurityGroupRule) object {
	o := object{
		"groupOwnerId": account, "groupId": *r.GroupId, "securityGroupRuleId": *r.SecurityGroupRuleId, "isEgress": *r.IsEgress,
		"ipProtocol": *r.IpProtocol, "fromPort": *r.FromPort, "toPort": *r.ToPort,
	}
	if r.CidrIpv4 != nil {
		o["cidrIpv4"] = *r.CidrIpv4
	}
	if r.CidrIpv6 != nil {
		o["cidrIpv6"] = *r.CidrIpv6
	}
	return o
}

// authorized is the record of an Authorize call that added these rules.
func authorized(name, groupID string, asked []permission, added []ec2types.SecurityGroupRule) object {
	var permissions, rules []any
	for _, p := range asked {
		permissions = append(permissions, p.request())
	}
	for _, r := range added {
		rules = append(rules, answered(r))
	}
	id := newID()
	return record(name, object{"groupId": groupID, "ipPermissions": items(permissions)},
		object{"requestId": id, "_return": true, "securityGroupRuleSet": items(rules)}, id)
}

// created is the record of a CreateSecurityGroup call.
func created(groupID, name, vpcID string) object {
	id := newID()
	return record("CreateSecurityGroup", object{"groupName": name, "groupDescription": "e2e", "vpcId": vpcID},
		object{"requestId": id, "_return": true, "groupId": groupID}, id)
}

// modified is the record of a ModifySecurityGroupRules call of one IPv4 rule:
// the wrapper dialect, which makes numbers of what looks like one.
func modified(groupID, ruleID string, p permission) object {
	var protocol any = p.protocol
	if p.protocol == "-1" {
		protocol = -1
	}
	id := newID()
	return record("ModifySecurityGroupRules",
		object{"ModifySecurityGroupRulesRequest": object{
			"GroupId": groupID,
			"SecurityGroupRule": object{"SecurityGroupRuleId": ruleID, "tag": 1, "SecurityGroupRule": object{
				"IpProtocol": protocol, "FromPort": p.from, "ToPort": p.to, "CidrIpv4": p.v4[0],
			}},
		}},
		object{"ModifySecurityGroupRulesResponse": object{"xmlns": "http://ec2.amazonaws.com/doc/2016-11-15/", "requestId": id, "return": true}}, id)
}

// revokedByGuard is the record of guard's own call, made of what passed the proxy.
func revokedByGuard(c call, role string) object {
	groupID := c.form.Get("GroupId")
	r := record(c.operation, object{"groupId": groupID, "ipPermissions": object{}, "securityGroupRuleIds": items([]any{object{"securityGroupRuleId": c.form.Get("SecurityGroupRuleId.1")}})},
		object{"requestId": c.requestID, "_return": true}, c.requestID)
	r["userIdentity"] = object{
		"type": "AssumedRole", "arn": "arn:aws:sts::" + account + ":assumed-role/guard/guard", "accountId": account, "accessKeyId": "ASIAEXAMPLE",
		"sessionContext": object{"sessionIssuer": object{"type": "Role", "arn": role, "accountId": account, "userName": "guard"}},
	}
	return r
}

// record is a CloudTrail record of a call that succeeded, by a user.
func record(name string, request, response object, requestID string) object {
	return object{
		"eventVersion": "1.10",
		"userIdentity": object{
			"type": "IAMUser", "principalId": "AIDAEXAMPLE", "arn": "arn:aws:iam::" + account + ":user/alice",
			"accountId": account, "accessKeyId": "AKIAEXAMPLE", "userName": "alice",
		},
		"eventTime":   time.Now().UTC().Format(time.RFC3339),
		"eventSource": "ec2.amazonaws.com", "eventName": name, "awsRegion": region,
		"sourceIPAddress": "8.8.8.8", "userAgent": "aws-cli/1.45.11",
		"requestParameters": request, "responseElements": response, "requestID": requestID,
		"eventID": newID(), "readOnly": false, "eventType": "AwsApiCall", "managementEvent": true,
		"recipientAccountId": account, "eventCategory": "Management",
	}
}

// event is the record in its EventBridge envelope, for an invocation as such.
func event(record object) []byte {
	text, _ := json.Marshal(object{ // made of strings and numbers
		"version": "0", "id": newID(), "detail-type": "AWS API Call via CloudTrail", "source": "aws.ec2", "account": account,
		"time": record["eventTime"], "region": region, "resources": []any{}, "detail": record,
	})
	return text
}

// permissionFlags are the arguments of `aws ec2 authorize-...`.
func permissionFlags(list []permission) []string {
	if len(list) == 1 && len(list[0].v4) == 1 && len(list[0].v6) == 0 {
		p := list[0]
		flags := []string{"--protocol", p.protocol, "--cidr", p.v4[0]}
		if p.protocol != "-1" {
			flags = append(flags, "--port", ports(p))
		}
		return flags
	}
	var all []object
	for _, p := range list {
		all = append(all, p.api())
	}
	text, _ := json.Marshal(all) // made of strings and numbers
	return []string{"--ip-permissions", string(text)}
}

func ports(p permission) string {
	if p.from == p.to {
		return strconv.Itoa(p.from)
	}
	return strconv.Itoa(p.from) + "-" + strconv.Itoa(p.to)
}
