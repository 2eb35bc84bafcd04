package cloudtrail

import (
	"encoding/json"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sgwarden/sgwarden/internal/localec2/query"
)

func form(t *testing.T, text string) *query.Params {
	t.Helper()
	values, err := url.ParseQuery(text)
	require.NoError(t, err)
	params, err := query.Parse(values)
	require.NoError(t, err)
	return params
}

// fields are the members of a record.
func fields(t *testing.T, e Event) map[string]json.RawMessage {
	t.Helper()
	var members map[string]json.RawMessage
	require.NoError(t, json.Unmarshal(e.Record(), &members))
	return members
}

func TestClassicDialect(t *testing.T) {
	// The shapes of a real record of July 2023 (Terraform's ingress rule) and
	// of one of August 2024 (the flat form).
	for _, c := range []struct{ name, action, params, want string }{
		{"nested", "AuthorizeSecurityGroupIngress",
			"GroupId=sg-1&IpPermissions.1.IpProtocol=tcp&IpPermissions.1.FromPort=443&IpPermissions.1.ToPort=443&IpPermissions.1.IpRanges.1.CidrIp=0.0.0.0/0&IpPermissions.1.IpRanges.1.Description=TLS",
			`{"groupId":"sg-1","ipPermissions":{"items":[{"ipProtocol":"tcp","fromPort":443,"toPort":443,"groups":{},"ipRanges":{"items":[{"cidrIp":"0.0.0.0/0","description":"TLS"}]},"ipv6Ranges":{},"prefixListIds":{}}]}}`},
		{"all protocols have no ports", "AuthorizeSecurityGroupEgress",
			"GroupId=sg-1&IpPermissions.1.IpProtocol=-1&IpPermissions.1.Ipv6Ranges.1.CidrIpv6=::/0",
			`{"groupId":"sg-1","ipPermissions":{"items":[{"ipProtocol":"-1","groups":{},"ipRanges":{},"ipv6Ranges":{"items":[{"cidrIpv6":"::/0"}]},"prefixListIds":{}}]}}`},
		{"flat", "AuthorizeSecurityGroupIngress", "GroupId=sg-1&CidrIp=1.2.3.4/0&IpProtocol=tcp&FromPort=22&ToPort=22",
			`{"groupId":"sg-1","ipPermissions":{},"cidrIp":"1.2.3.4/0","ipProtocol":"tcp","fromPort":22,"toPort":22}`},
		{"revoke by id", "RevokeSecurityGroupIngress", "GroupId=sg-1&SecurityGroupRuleId.1=sgr-1&SecurityGroupRuleId.2=sgr-2",
			`{"groupId":"sg-1","ipPermissions":{},"securityGroupRuleIds":{"items":[{"securityGroupRuleId":"sgr-1"},{"securityGroupRuleId":"sgr-2"}]}}`},
		{"create with tags", "CreateSecurityGroup",
			"GroupName=n&GroupDescription=d&VpcId=vpc-1&TagSpecification.1.ResourceType=security-group&TagSpecification.1.Tag.1.Key=k&TagSpecification.1.Tag.1.Value=v",
			`{"groupName":"n","groupDescription":"d","vpcId":"vpc-1","tagSpecificationSet":{"items":[{"resourceType":"security-group","tags":[{"key":"k","value":"v"}]}]}}`},
		{"tags", "CreateTags", "ResourceId.1=sg-1&Tag.1.Key=k&Tag.1.Value=",
			`{"resourcesSet":{"items":[{"resourceId":"sg-1"}]},"tagSet":{"items":[{"key":"k","value":""}]}}`},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := fields(t, Event{Action: c.action, Params: form(t, c.params), Answer: query.Object{}.With("return", true).With("set", query.List{})})
			require.JSONEq(t, c.want, string(r["requestParameters"]))
			require.JSONEq(t, `{"requestId":"","_return":true,"set":{}}`, string(r["responseElements"]))
		})
	}
}

func TestWrapperDialect(t *testing.T) {
	const one = "GroupId=sg-1&SecurityGroupRule.1.SecurityGroupRuleId=sgr-1&SecurityGroupRule.1.SecurityGroupRule.IpProtocol=-1&SecurityGroupRule.1.SecurityGroupRule.CidrIpv4=0.0.0.0/0"
	for _, c := range []struct{ name, action, params, want string }{
		{"one rule is an object, -1 a number", "ModifySecurityGroupRules", one,
			`{"ModifySecurityGroupRulesRequest":{"GroupId":"sg-1","SecurityGroupRule":{"SecurityGroupRuleId":"sgr-1","tag":1,"SecurityGroupRule":{"IpProtocol":-1,"CidrIpv4":"0.0.0.0/0"}}}}`},
		{"several are an array", "ModifySecurityGroupRules", one + "&SecurityGroupRule.2.SecurityGroupRuleId=sgr-2&SecurityGroupRule.2.SecurityGroupRule.Description=017",
			`{"ModifySecurityGroupRulesRequest":{"GroupId":"sg-1","SecurityGroupRule":[
				{"SecurityGroupRuleId":"sgr-1","tag":1,"SecurityGroupRule":{"IpProtocol":-1,"CidrIpv4":"0.0.0.0/0"}},
				{"SecurityGroupRuleId":"sgr-2","tag":2,"SecurityGroupRule":{"Description":"017"}}]}}`},
		{"nothing is an empty text", "CreateDefaultVpc", "Action=CreateDefaultVpc&Version=2016-11-15", `{"CreateDefaultVpcRequest":""}`},
		{"plain members have content", "ModifyManagedPrefixList", "Name.1=true&Name.2=x",
			`{"ModifyManagedPrefixListRequest":{"Name":[{"content":true,"tag":1},{"content":"x","tag":2}]}}`},
	} {
		t.Run(c.name, func(t *testing.T) {
			answer := query.Object{}.With("return", true).With("none", query.List{}).With("owner", "123456789012").
				With("one", query.List{query.Object{}.With("k", "v")}).With("two", query.List{"a", 2}).With("empty", query.Object{})
			r := fields(t, Event{Action: c.action, Params: form(t, c.params), RequestID: "id", Answer: answer})
			require.JSONEq(t, c.want, string(r["requestParameters"]))
			require.JSONEq(t, `{"`+c.action+`Response":{"xmlns":"http://ec2.amazonaws.com/doc/2016-11-15/","requestId":"id","return":true,
				"none":"","owner":123456789012,"one":{"item":{"k":"v"}},"two":{"item":["a",2]},"empty":""}}`, string(r["responseElements"]))
		})
	}
}

func TestCoercion(t *testing.T) {
	for text, want := range map[string]string{
		"-1": "-1", "6": "6", "065": `"065"`, "+1": `"+1"`, "True": "true", "false": "false", "null": "null", "": `""`,
		"10.0.0.0/8": `"10.0.0.0/8"`, "1.5": "1.5", "1.0": "1.0", "1e5": "100000.0", "-0": "-0.0", "0x10": `"0x10"`, "1_0": `"1_0"`,
		"123456789012": "123456789012", "012345678901": `"012345678901"`, "99999999999999999999": `"99999999999999999999"`,
		"Infinity": `"Infinity"`, "NaN": `"NaN"`, "-": `"-"`, "1-2": `"1-2"`, "tcp": `"tcp"`, "1e999": `"1e999"`,
	} {
		got, err := plainJSON(coerce(text))
		require.NoError(t, err)
		require.Equal(t, want, string(got), text)
	}
}

func TestFailedCallsHaveNoAnswer(t *testing.T) {
	fault := query.Refuse("InvalidPermission.NotFound", "%s", strings.Repeat("\u00e9", 600))
	for _, action := range []string{"RevokeSecurityGroupEgress", "ModifySecurityGroupRules"} {
		r := fields(t, Event{Action: action, Params: form(t, "GroupId=sg-1"), Fault: fault})
		require.Equal(t, "null", string(r["responseElements"]))
		require.Equal(t, `"Client.InvalidPermission.NotFound"`, string(r["errorCode"]))
		var message string
		require.NoError(t, json.Unmarshal(r["errorMessage"], &message))
		require.Len(t, message, 1024)
	}
	require.NotContains(t, fields(t, Event{Action: "CreateVpc", Params: form(t, "")}), "errorCode")
}

func TestLargeFieldsAreLeftOut(t *testing.T) {
	many := url.Values{}
	var items query.List
	for i := range 400 {
		items = append(items, query.Object{}.With("description", strings.Repeat("x", 300)).With("n", i))
	}
	many.Set("GroupId", strings.Repeat("x", 120_000))
	params, err := query.Parse(many)
	require.NoError(t, err)
	r := fields(t, Event{Action: "AuthorizeSecurityGroupIngress", Params: params, Answer: query.Object{}.With("securityGroupRuleSet", items)})
	require.JSONEq(t, `{"omitted":true,"originalSize":120033,"reason":"requestParameters too large"}`, string(r["requestParameters"]))
	require.Contains(t, string(r["responseElements"]), `"omitted":true`)
}

func TestIdentityAndTime(t *testing.T) {
	at := time.Date(2026, 3, 1, 13, 0, 0, 5, time.FixedZone("", 3600))
	e := Event{Action: "CreateVpc", Params: form(t, ""), Time: at, Identity: Session("123456789012", "/ops/", "admin", "mira", "ASIA1"), UserAgent: "<a>&"}
	text := string(e.Record())
	require.Contains(t, text, `"eventTime":"2026-03-01T12:00:00Z"`)
	require.Contains(t, text, `"arn":"arn:aws:sts::123456789012:assumed-role/admin/mira"`)
	require.Contains(t, text, `"arn":"arn:aws:iam::123456789012:role/ops/admin"`)
	require.Contains(t, text, `"userAgent":"<a>&"`)
	e.Identity = User("123456789012", "demo", "")
	require.NotContains(t, string(e.Record()), "accessKeyId")
}
