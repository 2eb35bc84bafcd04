package events

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sgwarden/sgwarden/internal/secgroup"
)

func is(err, target error) bool { return errors.Is(err, target) }

// decodeFields decodes a bare record of a call with these further fields.
func decodeFields(t *testing.T, call, fields string) secgroup.Change {
	t.Helper()
	changes, err := Decode([]byte(`{"eventSource":"ec2.amazonaws.com","eventName":"` + call + `",` + fields + `}`))
	require.NoError(t, err)
	require.Len(t, changes, 1)
	return changes[0]
}

func texts(c secgroup.Change) []string {
	all := []string{}
	for _, n := range c.Rules {
		all = append(all, strings.TrimSpace(n.Rule.ID+" "+ruleText(n)))
	}
	return all
}

func TestActors(t *testing.T) {
	const role = `"sessionContext":{"sessionIssuer":{"type":"Role","arn":"arn:aws:iam::310200000417:role/team/app","accountId":"310200000417"}}`
	for name, row := range map[string]struct {
		identity string
		want     secgroup.Actor
	}{
		"missing":              {``, secgroup.Actor{}},
		"null":                 {`"userIdentity":null`, secgroup.Actor{}},
		"text":                 {`"userIdentity":"root"`, secgroup.Actor{}},
		"array":                {`"userIdentity":[]`, secgroup.Actor{}},
		"empty":                {`"userIdentity":{}`, secgroup.Actor{}},
		"user":                 {`"userIdentity":{"type":"IAMUser","arn":"arn:aws:iam::310200000417:user/ops/ivo","accountId":"310200000417","accessKeyId":"AKIA1","principalId":"AIDA1:x"}`, secgroup.Actor{ARN: "arn:aws:iam::310200000417:user/ops/ivo", Type: "IAMUser", AccountID: "310200000417", AccessKeyID: "AKIA1"}},
		"user session":         {`"userIdentity":{"type":"IAMUser","arn":"arn:aws:iam::310200000417:user/ivo","sessionContext":{"sessionIssuer":{},"attributes":{"mfaAuthenticated":"true"}}}`, secgroup.Actor{ARN: "arn:aws:iam::310200000417:user/ivo", Type: "IAMUser"}},
		"root":                 {`"userIdentity":{"type":"Root","arn":"arn:aws:iam::310200000417:root","accountId":"310200000417","sessionContext":{"sessionIssuer":{}}}`, secgroup.Actor{ARN: "arn:aws:iam::310200000417:root", Type: "Root", AccountID: "310200000417"}},
		"role":                 {`"userIdentity":{"type":"AssumedRole","arn":"arn:aws:sts::310200000417:assumed-role/app/role-arn:evil",` + role + `}`, secgroup.Actor{ARN: "arn:aws:iam::310200000417:role/team/app", Type: "AssumedRole", Session: "role-arn:evil", AccountID: "310200000417"}},
		"role without issuer":  {`"userIdentity":{"type":"AssumedRole","arn":"arn:aws:sts::310200000417:assumed-role/app/me","accountId":"310200000417"}`, secgroup.Actor{Type: "AssumedRole", Session: "me", AccountID: "310200000417"}},
		"role without session": {`"userIdentity":{"type":"AssumedRole","arn":"arn:aws:sts::310200000417:assumed-role/app","principalId":"AROA1:me"}`, secgroup.Actor{Type: "AssumedRole", Session: "me"}},
		"issuer is no IAM ARN": {`"userIdentity":{"type":"AssumedRole","sessionContext":{"sessionIssuer":{"arn":"arn:aws:sts::310200000417:assumed-role/app/me"}}}`, secgroup.Actor{Type: "AssumedRole"}},
		"china":                {`"userIdentity":{"type":"IAMUser","arn":"arn:aws-cn:iam::310200000417:user/ivo"}`, secgroup.Actor{ARN: "arn:aws-cn:iam::310200000417:user/ivo", Type: "IAMUser"}},
		"service":              {`"userIdentity":{"type":"AWSService","invokedBy":"rds.amazonaws.com"}`, secgroup.Actor{Type: "AWSService", InvokedBy: "rds.amazonaws.com"}},
		"service for a role":   {`"userIdentity":{"type":"AssumedRole","arn":"arn:aws:sts::310200000417:assumed-role/app/AWSCloudFormation","invokedBy":"cloudformation.amazonaws.com",` + role + `}`, secgroup.Actor{ARN: "arn:aws:iam::310200000417:role/team/app", Type: "AssumedRole", Session: "AWSCloudFormation", InvokedBy: "cloudformation.amazonaws.com", AccountID: "310200000417"}},
		"other account":        {`"userIdentity":{"type":"AWSAccount","principalId":"AROA1:me","accountId":"422900000638"}`, secgroup.Actor{Type: "AWSAccount", AccountID: "422900000638"}},
		"identity center":      {`"userIdentity":{"type":"IdentityCenterUser","accountId":"310200000417","onBehalfOf":{"userId":"u","identityStoreArn":"arn:aws:identitystore::310200000417:identitystore/d-1"}}`, secgroup.Actor{Type: "IdentityCenterUser", AccountID: "310200000417"}},
		"federated":            {`"userIdentity":{"type":"FederatedUser","arn":"arn:aws:sts::310200000417:federated-user/admin","sessionContext":{"sessionIssuer":{"type":"IAMUser","arn":"arn:aws:iam::310200000417:user/broker"}}}`, secgroup.Actor{ARN: "arn:aws:iam::310200000417:user/broker", Type: "FederatedUser", Session: "admin"}},
		"federated alone":      {`"userIdentity":{"type":"FederatedUser","arn":"arn:aws:sts::310200000417:federated-user/admin"}`, secgroup.Actor{Type: "FederatedUser", Session: "admin"}},
		"web identity":         {`"userIdentity":{"type":"WebIdentityUser","principalId":"accounts.example:x","userName":"x"}`, secgroup.Actor{Type: "WebIdentityUser"}},
		"account as a number":  {`"userIdentity":{"type":"IAMUser","accountId":32092706103}`, secgroup.Actor{Type: "IAMUser", AccountID: "032092706103"}},
		"odd types":            {`"userIdentity":{"type":{},"arn":[],"accountId":null,"invokedBy":{},"sessionContext":"x"}`, secgroup.Actor{}},
		"where from":           {`"sourceIPAddress":"8.8.8.1","userAgent":"` + strings.Repeat("é", 600) + `"`, secgroup.Actor{SourceIP: "8.8.8.1", UserAgent: strings.Repeat("é", 512)}},
	} {
		if row.identity != "" {
			row.identity += ","
		}
		c := decodeFields(t, "DeleteSecurityGroup", row.identity+`"requestParameters":{"groupId":"sg-0a5e1f00000000001"}`)
		require.Equal(t, row.want, c.Actor, name)
		require.True(t, c.Complete, name)
	}
}

// TestForgedActor: an identity that says two things has no ARN to match.
func TestForgedActor(t *testing.T) {
	c := decodeFields(t, "DeleteSecurityGroup", `"userIdentity":{"type":"IAMUser","arn":"arn:aws:iam::310200000417:user/ivo","ARN":"arn:aws:iam::310200000417:role/network-admin"},"requestParameters":{"groupId":"sg-0a5e1f00000000001"}`)
	require.Empty(t, c.Actor.ARN)
	require.False(t, c.Complete)
}

func TestTimes(t *testing.T) {
	want := time.Date(2026, 3, 2, 9, 15, 30, 0, time.UTC)
	for text, wanted := range map[string]time.Time{
		`"2026-03-02T09:15:30Z"`: want, `"2026-03-02T11:15:30+02:00"`: want, `"2026-03-02 09:15:30"`: want, `"2026-03-02 09:15:30.000000000"`: want,
		`"2026-03-02T09:15:30.250Z"`: want.Add(250 * time.Millisecond), `"soon"`: {}, `null`: {}, `5`: {}, `{}`: {},
		`"0001-01-01T00:00:01Z"`: time.Date(1, 1, 1, 0, 0, 1, 0, time.UTC), `"9999-12-31T23:59:59Z"`: time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC),
		`"0000-06-01T00:00:00Z"`: {}, `"0000-01-01T00:00:00+10:00"`: {}, `"9999-12-31T23:59:59-10:00"`: {}, // JSON could not write some of them
	} {
		c := decodeFields(t, "DeleteSecurityGroup", `"eventTime":`+text+`,"requestParameters":{"groupId":"sg-0a5e1f00000000001"}`)
		require.True(t, wanted.Equal(c.EventTime), "%s: %s", text, c.EventTime)
	}
	changes, err := Decode([]byte(strings.Replace(strings.Replace(sshFromAnywhere, `"eventTime":"2026-03-02T09:00:00Z",`, "", 1), `"region"`, `"time":"2026-03-02T09:15:30Z","region"`, 1)))
	require.NoError(t, err)
	require.Equal(t, want, changes[0].EventTime, "the envelope's time stands in")
}

func TestErrorCodes(t *testing.T) {
	for text, want := range map[string]string{`"Client.DryRunOperation"`: "Client.DryRunOperation", `null`: "", `""`: ""} {
		c := decodeFields(t, "DeleteSecurityGroup", `"errorCode":`+text+`,"requestParameters":{"groupId":"sg-0a5e1f00000000001"}`)
		require.Equal(t, want, c.ErrorCode)
		require.True(t, c.Complete)
	}
	for _, odd := range []string{`0`, `false`, `{}`, `["x"]`} {
		c := decodeFields(t, "DeleteSecurityGroup", `"errorCode":`+odd+`,"requestParameters":{"groupId":"sg-0a5e1f00000000001"}`)
		require.Empty(t, c.ErrorCode, "what is no text does not make a call a failed one")
		require.False(t, c.Complete)
	}
	c := decodeFields(t, "AuthorizeSecurityGroupIngress", `"errorCode":"AccessDenied","errorMessage":"no rights on security-group/sg-0a5e1f00000000001","requestParameters":null`)
	require.Equal(t, "AccessDenied", c.ErrorCode)
	require.Empty(t, c.Groups)
}

// TestIncompleteKeepsEveryGroup: a gap anywhere widens the change to every
// group that the record mentions, wherever it does.
func TestIncompleteKeepsEveryGroup(t *testing.T) {
	c := decodeFields(t, "AuthorizeSecurityGroupIngress", `"omitted":true,"requestParameters":{"groupId":"sg-0a5e1f00000000001"},
		"resources":[{"ARN":"arn:aws:ec2:eu-central-1:310200000417:security-group/sg-0a5e1f00000000002"}],"userAgent":"msg-0a5e1f00000000009 sg-0a5e1f00000000003, sg-0a5e1f000000000034567 sg-0a5e1f0",
		"additionalEventData":{"sg-0a5e1f04":["x sg-0a5e1f00000000001"]},"responseElements":{"note":"\u0073g-0a5e1f05"}`)
	require.False(t, c.Complete)
	ids := []string{}
	for _, g := range c.Groups {
		ids = append(ids, g.ID)
	}
	require.Equal(t, []string{"sg-0a5e1f00000000001", "sg-0a5e1f00000000002", "sg-0a5e1f00000000003", "sg-0a5e1f04", "sg-0a5e1f05"}, ids)
}

func TestIncompleteRecords(t *testing.T) {
	const group = `"groupId":"sg-0a5e1f00000000001"`
	const answer = `{"groupId":"sg-0a5e1f00000000001","securityGroupRuleId":"sgr-0b7c2d00000000001","isEgress":false,"ipProtocol":"tcp","fromPort":22,"toPort":22,"cidrIpv4":"10.0.0.0/8"}`
	set := func(items ...string) string {
		return `"responseElements":{"_return":true,"securityGroupRuleSet":{"items":[` + strings.Join(items, ",") + `]}}`
	}
	ask := func(permissions ...string) string {
		return `"requestParameters":{` + group + `,"ipPermissions":{"items":[` + strings.Join(permissions, ",") + `]}}`
	}
	perm := func(flow, peers string) string { return `{"ipProtocol":` + flow + `,` + peers + `}` }
	ssh := perm(`"tcp","fromPort":22,"toPort":22`, `"ipRanges":{"items":[{"cidrIp":"10.0.0.0/8"}]}`)
	for name, row := range map[string]struct{ fields, why string }{
		"no request":              {set(answer), "requestParameters is missing"},
		"not true":                {ask(ssh) + `,"responseElements":{"_return":false}`, "does not say that the call succeeded"},
		"omitted elsewhere":       {`"omitted":true,` + ask(ssh), "omitted"},
		"omitted in a wrapper":    {`"requestParameters":{"omitted":true,"AuthorizeSecurityGroupIngressRequest":{` + group + `,"ipProtocol":"-1","cidrIp":"10.0.0.0/8"}}`, "omitted or cut"},
		"unknown kind of peer":    {ask(strings.Replace(ssh, `{`, `{"meshes":["m"],`, 1)) + "," + set(answer), `"meshes" is unknown`},
		"no rule":                 {`"requestParameters":{` + group + `}`, "names no rule"},
		"protocol unknown":        {ask(perm(`"tpc","fromPort":22,"toPort":22`, `"ipRanges":{"items":[{"cidrIp":"10.0.0.0/8"}]}`)), `protocol "tpc": unknown`},
		"protocol missing":        {ask(perm(`null`, `"ipRanges":{"items":[{"cidrIp":"10.0.0.0/8"}]}`)), "no protocol"},
		"protocol an object":      {ask(perm(`{"a":1}`, `"ipRanges":{"items":[{"cidrIp":"10.0.0.0/8"}]}`)), "no protocol"},
		"ports missing":           {ask(perm(`"tcp"`, `"ipRanges":{"items":[{"cidrIp":"10.0.0.0/8"}]}`)), "from port"},
		"ports upside down":       {ask(perm(`"tcp","fromPort":25,"toPort":20`, `"ipRanges":{"items":[{"cidrIp":"10.0.0.0/8"}]}`)), "upside down"},
		"port too big":            {ask(perm(`"tcp","fromPort":22,"toPort":65536`, `"ipRanges":{"items":[{"cidrIp":"10.0.0.0/8"}]}`)), "to port"},
		"port very big":           {ask(perm(`"tcp","fromPort":4294967318,"toPort":22`, `"ipRanges":{"items":[{"cidrIp":"10.0.0.0/8"}]}`)), "from port"},
		"port with a fraction":    {ask(perm(`"tcp","fromPort":22.5,"toPort":22.5`, `"ipRanges":{"items":[{"cidrIp":"10.0.0.0/8"}]}`)), "from port"},
		"type too big":            {ask(perm(`"icmp","fromPort":256,"toPort":-1`, `"ipRanges":{"items":[{"cidrIp":"10.0.0.0/8"}]}`)), "from port"},
		"CIDR broken":             {ask(perm(`"tcp","fromPort":22,"toPort":22`, `"ipRanges":{"items":[{"cidrIp":"10.0.0.0/33"}]}`)), `"10.0.0.0/33" is no CIDR`},
		"CIDR an object":          {ask(perm(`"tcp","fromPort":22,"toPort":22`, `"ipRanges":{"items":[{"cidrIp":{}}]}`)), "is no CIDR"},
		"list id broken":          {ask(perm(`"tcp","fromPort":22,"toPort":22`, `"prefixListIds":{"items":[{"prefixListId":"pl-x"}]}`)), "is no prefix list"},
		"group id broken":         {ask(perm(`"tcp","fromPort":22,"toPort":22`, `"groups":{"items":[{"groupId":"web"}]}`)), "is no group id"},
		"peer missing":            {ask(perm(`"tcp","fromPort":22,"toPort":22`, `"ipRanges":{}`)), "has no peer"},
		"permission no object":    {ask(`"tcp"`), "is no object"},
		"flat without peer":       {`"requestParameters":{` + group + `,"ipProtocol":"tcp","fromPort":22,"toPort":22}`, "without a peer"},
		"flat with broken CIDR":   {`"requestParameters":{` + group + `,"ipProtocol":"tcp","fromPort":22,"toPort":22,"cidrIp":"everyone"}`, "is no CIDR"},
		"answer shorter":          {ask(ssh, perm(`"tcp","fromPort":443,"toPort":443`, `"groups":{"items":[{"groupName":"web"}]}`)) + "," + set(answer), "fewer rules"},
		"answer of another group": {ask(ssh) + "," + set(strings.Replace(answer, "0001\"", "0002\"", 1)), "sg-0a5e1f00000000002"},
		"answer of the other way": {ask(ssh) + "," + set(strings.Replace(answer, "false", "true", 1)), "isEgress contradicts"},
		"answer no object":        {ask(ssh) + "," + set(`5`), "is no object"},
		"answer with odd rule id": {ask(ssh) + "," + set(strings.Replace(answer, "sgr-", "sgr-;", 1)), "is no id sgr-"},
		"answer with two peers":   {ask(ssh) + "," + set(strings.Replace(answer, `"cidrIpv4"`, `"prefixListId":"pl-0d5f6a01","cidrIpv4"`, 1)), "2 peers"},
		"answer without protocol": {ask(ssh) + "," + set(strings.Replace(answer, `"ipProtocol":"tcp",`, "", 1)), "no protocol"},
		"answer said twice":       {ask(ssh) + "," + set(strings.Replace(answer, `"toPort":22`, `"toPort":22,"toport":23`, 1)), "stands twice"},
		"revoke id broken":        {`"requestParameters":{` + group + `,"securityGroupRuleIds":{"items":[{"securityGroupRuleId":"sgr-x"}]}}`, "is no rule id"},
		"wrapper no object":       {`"requestParameters":{"AuthorizeSecurityGroupIngressRequest":"sg-0a5e1f00000000001"}`, "is no object"},
	} {
		c := decodeFields(t, "AuthorizeSecurityGroupIngress", row.fields)
		require.False(t, c.Complete, name)
		require.Contains(t, c.Incomplete, row.why, name)
		require.Equal(t, "sg-0a5e1f00000000001", c.Groups[0].ID, name)
	}
}

func TestManyGapsAreToldShort(t *testing.T) {
	var bad []string
	for range 10 {
		bad = append(bad, `{"cidrIp":"`+strings.Repeat("x", 500)+`"}`)
	}
	c := decodeFields(t, "AuthorizeSecurityGroupIngress", `"requestParameters":{"groupId":"sg-0a5e1f00000000001","ipPermissions":{"items":[{"ipProtocol":"tcp","fromPort":22,"toPort":22,"ipRanges":{"items":[`+strings.Join(bad, ",")+`]}}]}}`)
	require.Contains(t, c.Incomplete, "and 7 more")
	require.Less(t, len(c.Incomplete), 600)
}

// TestAnswerIsHeldAgainstRequest: rules that the answer leaves out are named
// by value; spellings of one rule are one.
func TestAnswerIsHeldAgainstRequest(t *testing.T) {
	c := decodeFields(t, "AuthorizeSecurityGroupEgress", `"recipientAccountId":"310200000417","requestParameters":{"groupId":"sg-0a5e1f00000000001","ipPermissions":{"items":[
		{"ipProtocol":"6","fromPort":"443","toPort":443,"ipRanges":{"items":[{"cidrIp":"10.1.2.3/8"}]},"groups":{"items":[{"groupId":"sg-0a5e1f00000000002"},{"groupName":"web"}]}},
		{"ipProtocol":"-1","ipv6Ranges":{"items":[{"cidrIpv6":"0::0/0"}]}},
		{"ipProtocol":"udp","fromPort":53,"toPort":53,"ipRanges":{"items":[{"cidrIp":"10.0.0.2/32"}]}}]}},
		"responseElements":{"_return":true,"securityGroupRuleSet":{"items":[
		{"securityGroupRuleId":"sgr-0b7c2d01","ipProtocol":"tcp","fromPort":443,"toPort":443,"cidrIpv4":"10.0.0.0/8","isEgress":"true"},
		{"securityGroupRuleId":"sgr-0b7c2d02","ipProtocol":"tcp","fromPort":443,"toPort":443,"referencedGroupInfo":{"groupId":"sg-0a5e1f00000000002","userId":"310200000417"}},
		{"securityGroupRuleId":"sgr-0b7c2d03","ipProtocol":"tcp","fromPort":443,"toPort":443,"referencedGroupId":"sg-0a5e1f00000000003"},
		{"securityGroupRuleId":"sgr-0b7c2d04","ipProtocol":-1,"fromPort":-1,"toPort":-1,"cidrIpv6":"::/0"}]}}`)
	require.True(t, c.Complete, c.Incomplete)
	require.Equal(t, []string{
		"sgr-0b7c2d01 egress tcp/443 to 10.0.0.0/8", "sgr-0b7c2d02 egress tcp/443 to sg-0a5e1f00000000002", "sgr-0b7c2d03 egress tcp/443 to sg-0a5e1f00000000003",
		"sgr-0b7c2d04 egress all to ::/0", "egress udp/53 to 10.0.0.2/32",
	}, texts(c))
	for _, n := range c.Rules {
		require.Equal(t, "sg-0a5e1f00000000001", n.GroupID)
	}
}

// TestUnreadableAnswerIsNotGuessed: the rule without value may well be the one
// that was asked for, so it is not named a second time.
func TestUnreadableAnswerIsNotGuessed(t *testing.T) {
	c := decodeFields(t, "AuthorizeSecurityGroupIngress", `"requestParameters":{"groupId":"sg-0a5e1f01","ipPermissions":{"items":[{"ipProtocol":"-1","ipRanges":{"items":[{"cidrIp":"10.0.0.0/8"}]}}]}},
		"responseElements":{"securityGroupRuleSet":{"items":[{"groupId":"sg-0a5e1f01","securityGroupRuleId":"sgr-0b7c2d01","isEgress":false,"ipProtocol":"-1","cidr":"10.0.0.0/8"}]}}`)
	require.False(t, c.Complete)
	require.Equal(t, []string{"sgr-0b7c2d01"}, texts(c))
}

// TestReferenceWithAndWithoutAccount: a request may leave the account out.
func TestReferenceWithAndWithoutAccount(t *testing.T) {
	c := decodeFields(t, "AuthorizeSecurityGroupIngress", `"recipientAccountId":"310200000417","requestParameters":{"groupId":"sg-0a5e1f01","ipPermissions":{"items":[{"ipProtocol":"-1","groups":{"items":[{"groupId":"sg-0a5e1f02"}]}}]}},
		"responseElements":{"securityGroupRuleSet":{"items":[{"groupId":"sg-0a5e1f01","groupOwnerId":"310200000417","securityGroupRuleId":"sgr-0b7c2d01","isEgress":false,"ipProtocol":"-1","referencedGroupInfo":{"groupId":"sg-0a5e1f02","userId":"422900000638"}}]}}`)
	require.True(t, c.Complete)
	require.Equal(t, []string{"sgr-0b7c2d01 ingress all from 422900000638/sg-0a5e1f02"}, texts(c))
}

// TestRevokeIsTakenFromTheAnswer: in the default VPC a Revoke passes over
// what it does not find, so the request is not the truth.
func TestRevokeIsTakenFromTheAnswer(t *testing.T) {
	const request = `"requestParameters":{"groupId":"sg-0a5e1f00000000001","ipPermissions":{"items":[{"ipProtocol":"tcp","fromPort":22,"toPort":22,"ipRanges":{"items":[{"cidrIp":"10.0.0.0/8"},{"cidrIp":"10.0.0.0/9"}]}}]}},`
	c := decodeFields(t, "RevokeSecurityGroupIngress", request+`"responseElements":{"_return":true,"revokedSecurityGroupRuleSet":{"items":[{"securityGroupRuleId":"sgr-0b7c2d01","groupId":"sg-0a5e1f00000000001","isEgress":false,"ipProtocol":"tcp","fromPort":22,"toPort":22,"cidrIpv4":"10.0.0.0/8"}]}}`)
	require.True(t, c.Complete)
	require.Equal(t, []string{"sgr-0b7c2d01 ingress tcp/22 from 10.0.0.0/8"}, texts(c))

	c = decodeFields(t, "RevokeSecurityGroupIngress", request+`"responseElements":{"_return":true,"unknownIpPermissionSet":{"items":[{"ipProtocol":"tcp"}]}}`)
	require.False(t, c.Complete)
	require.Contains(t, c.Incomplete, "does not know")
}

// TestTaggedOnce: a group that a call names twice is one group.
func TestTaggedOnce(t *testing.T) {
	c := decodeFields(t, "CreateTags", `"requestParameters":{"resourcesSet":["sg-0a5e1f01",{"resourceId":"sg-0a5e1f01"},{"resourceId":"sg-0a5e1f02"},{"resourceId":"vpc-0c3d4e01"},"vpc-0c3d4e01","sg-x"]}`)
	require.Equal(t, []secgroup.GroupName{{ID: "sg-0a5e1f01"}, {ID: "sg-0a5e1f02"}}, c.Groups)
	require.Equal(t, []string{"vpc-0c3d4e01"}, c.VPCIDs)
	require.True(t, c.Complete)
}

// TestAuthorizeWithRuleIds: ids in a request that adds rules are more than
// its answer explains.
func TestAuthorizeWithRuleIds(t *testing.T) {
	c := decodeFields(t, "AuthorizeSecurityGroupIngress", `"requestParameters":{"groupId":"sg-0a5e1f01","securityGroupRuleIds":["sgr-0b7c2d09"],"ipPermissions":{"items":[{"ipProtocol":"-1","ipRanges":{"items":[{"cidrIp":"10.0.0.0/8"}]}}]}},
		"responseElements":{"securityGroupRuleSet":{"items":[{"groupId":"sg-0a5e1f01","securityGroupRuleId":"sgr-0b7c2d01","isEgress":false,"ipProtocol":"-1","cidrIpv4":"10.0.0.0/8"}]}}`)
	require.False(t, c.Complete)
	require.Equal(t, []string{"sgr-0b7c2d01 ingress all from 10.0.0.0/8"}, texts(c))
}

func TestModifyGaps(t *testing.T) {
	for name, row := range map[string]struct {
		rules, why string
		named      int // what is kept: a value, or an id
	}{
		"none":      {`""`, "names no rule", 0},
		"twice":     {`[{"SecurityGroupRuleId":"sgr-0b7c2d01","SecurityGroupRule":{"IpProtocol":-1,"CidrIpv4":"10.0.0.0/8"}},{"SecurityGroupRuleId":"sgr-0b7c2d01","SecurityGroupRule":{"IpProtocol":-1,"CidrIpv4":"0.0.0.0/0"}}]`, "has no rule id of its own", 2},
		"no id":     {`{"SecurityGroupRule":{"IpProtocol":-1,"CidrIpv4":"10.0.0.0/8"}}`, "has no rule id of its own", 1},
		"odd id":    {`{"SecurityGroupRuleId":"sgr-*","SecurityGroupRule":{"IpProtocol":-1,"CidrIpv4":"10.0.0.0/8"}}`, `"sgr-*" is no id`, 1},
		"odd value": {`{"SecurityGroupRuleId":"sgr-0b7c2d01","SecurityGroupRule":{"IpProtocol":"tcp","FromPort":"ssh","ToPort":22,"CidrIpv4":"10.0.0.0/8"}}`, `from port "ssh"`, 1},
		"scalars":   {`[5,"sgr-0b7c2d01"]`, "has no rule id of its own", 0},
	} {
		c := decodeFields(t, "ModifySecurityGroupRules", `"requestParameters":{"ModifySecurityGroupRulesRequest":{"GroupId":"sg-0a5e1f00000000001","SecurityGroupRule":`+row.rules+`}}`)
		require.False(t, c.Complete, name)
		require.Contains(t, c.Incomplete, row.why, name)
		require.Len(t, c.Rules, row.named, name)
	}
}

// TestAttachedGroupsOfTheRequest: where no answer tells which groups are on an
// interface, those that the request names are.
func TestAttachedGroupsOfTheRequest(t *testing.T) {
	const one, two, three = "sg-0a5e1f00000000001", "sg-0a5e1f00000000002", "sg-0a5e1f00000000003"
	set := func(ids ...string) string {
		var items []string
		for _, id := range ids {
			items = append(items, `{"groupId":"`+id+`"}`)
		}
		return `"groupSet":{"items":[` + strings.Join(items, ",") + `]}`
	}
	for name, row := range map[string]struct {
		call, fields string
		want         []string
	}{
		"an interface":            {"CreateNetworkInterface", `"requestParameters":{` + set(one, two) + `},"responseElements":null`, []string{one, two}},
		"an interface, answered":  {"CreateNetworkInterface", `"requestParameters":{` + set(one) + `},"responseElements":{"networkInterface":{` + set(two) + `}}`, []string{two}},
		"an instance":             {"RunInstances", `"requestParameters":{` + set(one) + `},"responseElements":null`, []string{one}},
		"interfaces of a request": {"RunInstances", `"requestParameters":{"networkInterfaceSet":{"items":[{` + set(one) + `},{` + set(two, three) + `}]}},"responseElements":null`, []string{one, two, three}},
		"an instance, answered": {"RunInstances", `"requestParameters":{` + set(one) + `},"responseElements":{"instancesSet":{"items":[{` + set(two) +
			`,"networkInterfaceSet":{"items":[{` + set(three) + `}]}}]}}`, []string{two, three}},
	} {
		var got []string
		for _, g := range decodeFields(t, row.call, row.fields).Groups {
			got = append(got, g.ID)
		}
		require.Equal(t, row.want, got, name)
	}
}

// TestIndirectWithoutId: what is judged later is never dropped for lack of an id.
func TestIndirectWithoutId(t *testing.T) {
	for _, call := range []string{"CreateVpc", "CreateDefaultVpc", "AssociateVpcCidrBlock", "DisassociateVpcCidrBlock", "CreateManagedPrefixList", "AcceptVpcPeeringConnection"} {
		c := decodeFields(t, call, `"requestParameters":{},"responseElements":null`)
		require.Equal(t, secgroup.Indirect, c.Effect)
		require.False(t, c.Complete, call)
	}
	c := decodeFields(t, "AssociateSecurityGroupVpc", `"requestParameters":{"AssociateSecurityGroupVpcRequest":{"GroupId":"sg-0a5e1f00000000001","VpcId":"vpc-x"}}`)
	require.False(t, c.Complete)
	require.Contains(t, c.Incomplete, "is no id vpc-")
}

func TestForeignEnvelope(t *testing.T) {
	event := strings.Replace(strings.Replace(sshFromAnywhere, `"account":"310200000417"`, `"account":"422900000638"`, 1), `"eventID"`, `"recipientAccountId":310200000417,"awsRegion":"us-east-1","eventID"`, 1)
	changes, err := Decode([]byte(event))
	require.NoError(t, err)
	c := changes[0]
	require.Equal(t, []string{"310200000417", "us-east-1", "422900000638", "eu-central-1"}, []string{c.AccountID, c.Region, c.EnvelopeAccount, c.EnvelopeRegion})
}

func TestNotWatched(t *testing.T) {
	for name, text := range map[string]string{
		"call":        unwatched,
		"source":      `{"eventSource":"rds.amazonaws.com","eventName":"AuthorizeSecurityGroupIngress"}`,
		"case":        `{"eventSource":"ec2.amazonaws.com","eventName":"authorizesecuritygroupingress"}`,
		"bus":         strings.Replace(sshFromAnywhere, "aws.ec2", "aws.rds", 1),
		"own, odd":    `{"source":"sgwarden","detail-type":"Judge All","detail":{}}`,
		"not ours":    `{"source":"acme","detail-type":"Judge Group","detail":{"groupId":"sg-0a5e1f01"}}`,
		"console":     strings.Replace(sshFromAnywhere, DetailType, "AWS Console Sign In via CloudTrail", 1),
		"long, lines": `{"eventSource":"ec2.amazonaws.com","eventName":"` + strings.Repeat(`a\n`, 500) + `"}`,
	} {
		_, err := Decode([]byte(text))
		require.ErrorIs(t, err, ErrNotWatched, name)
		require.NotErrorIs(t, err, ErrUndecodable, name)
		require.NotContains(t, err.Error(), "\n")
		require.Less(t, len(err.Error()), 400)
	}
}

func TestJudgeGroupMessages(t *testing.T) {
	ask := func(fields string) string {
		return `{"source":"sgwarden","detail-type":"Judge Group","detail":{` + fields + `}}`
	}
	for name, text := range map[string]string{
		"no group":     ask(`"cause":"sweep"`),
		"group a list": ask(`"groupId":["sg-0a5e1f01"],"cause":"sweep"`),
		"group twice":  ask(`"groupId":"sg-0a5e1f01","groupId":"sg-0a5e1f02"`),
		"no detail":    `{"source":"sgwarden","detail-type":"Judge Group"}`,
	} {
		_, err := Decode([]byte(text))
		require.ErrorIs(t, err, ErrUndecodable, name)
	}
	changes, err := Decode([]byte(ask(`"groupId":"pl-0d5f6a01"`)))
	require.NoError(t, err)
	require.Equal(t, []secgroup.Change{{EventSource: "sgwarden", EventName: "Judge Group", Effect: secgroup.Asks, ListIDs: []string{"pl-0d5f6a01"}, Complete: true}}, changes)
	for name, fields := range map[string]string{
		"more than the group":  `"actor":{"arn":"arn:aws:iam::1:role/admin"},"rules":["sgr-0b7c2d01"]`,
		"cause a path":         `"cause":"../x"`,
		"cause of two lines":   `"cause":"sweep\nERROR"`,
		"cause a number":       `"cause":5`,
		"incident long":        `"incidentId":"` + strings.Repeat("a", 200) + `"`,
		"incident no id":       `"incidentId":"a#b"`,
		"incident of no text":  `"incidentId":{"a":1}`,
		"cause and incident ?": `"cause":"?","incidentId":"?"`,
	} {
		changes, err := Decode([]byte(ask(`"groupId":"sg-0a5e1f01",` + fields)))
		require.NoError(t, err, name)
		require.Equal(t, []secgroup.Change{{EventSource: "sgwarden", EventName: "Judge Group", Effect: secgroup.Asks, Groups: []secgroup.GroupName{{ID: "sg-0a5e1f01"}}, Complete: true}}, changes, "%s: a look, and nothing else", name)
	}
}

func TestUndecodableErrorText(t *testing.T) {
	_, err := Decode([]byte(`{"eventSource":"ec2.amazonaws.com","eventName":"DeleteSecurityGroup","eventID":"e\n7","requestParameters":{}}`))
	require.EqualError(t, err, `decode event "DeleteSecurityGroup" "e\n7": requestParameters: names no security group`)
	_, err = Decode([]byte(`{"a":`))
	require.EqualError(t, err, "decode event: byte 5: ends where a value is expected")
}

func TestAccountID(t *testing.T) {
	for in, want := range map[string]string{"": "", "32092706103": "032092706103", "310200000417": "310200000417", "anonymous": "anonymous", "1234567890123": "1234567890123", "****56789012": "****56789012"} {
		require.Equal(t, want, accountID(in))
	}
}

func TestBounded(t *testing.T) {
	require.Equal(t, "ab", bounded("ab", 5))
	require.Equal(t, "a", bounded("aé", 2))
	require.Equal(t, "aé", bounded("aéz", 3))
	require.Equal(t, "", bounded("\U0001f600", 3))
}

// TestDecodedChangeDoesNotShareItsInput: the caller may use its buffer again.
func TestDecodedChangeDoesNotShareItsInput(t *testing.T) {
	data := []byte(sshFromAnywhere)
	changes, err := Decode(data)
	require.NoError(t, err)
	before, err := json.Marshal(got(changes[0]))
	require.NoError(t, err)
	for i := range data {
		data[i] = 'x'
	}
	after, err := json.Marshal(got(changes[0]))
	require.NoError(t, err)
	require.Equal(t, string(before), string(after))
}
