//go:build !race

package stacks

import (
	"debug/elf"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"

	"github.com/sgwarden/sgwarden/internal/ledger"
	"github.com/sgwarden/sgwarden/internal/localaws"
	"github.com/sgwarden/sgwarden/internal/localec2"
)

const (
	ownAccount = localec2.DefaultAccount
	ownRegion  = localec2.DefaultRegion
	// ownOrganisation is that of the account and of the hub.
	ownOrganisation = "o-abcde12345"
	ownKey          = "arn:aws:kms:" + ownRegion + ":" + ownAccount + ":key/1234abcd-12ab-34cd-56ef-1234567890ab"
)

// TestLeastPrivilege plays what the functions do, and asks of every call that
// they made whether their role may: exactly one statement must allow it. Every
// statement must have been needed, and none may allow the same in another
// account or region, or on another group or tag where it is bound to one.
func TestLeastPrivilege(t *testing.T) {
	folder, withSinks := "testdata/everything", everySink(t)
	for _, deployed := range []struct{ mode, key, folder string }{{"observe", "", folder}, {"enforce", "", folder}, {"enforce", ownKey, folder}, {"enforce", "", withSinks}} {
		mode := deployed.mode
		t.Run(mode+" "+deployed.key+map[bool]string{true: " sinks"}[deployed.folder == withSinks], func(t *testing.T) {
			built := t.TempDir()
			fakeBuild(built, deployed.folder, elf.EM_AARCH64)
			context := map[string]any{"dist": built, "mode": mode, "policies": deployed.folder}
			if deployed.key != "" {
				context["key"] = deployed.key
			}
			tpl := synthesize(context, ownRegion)
			var calls []localaws.Call
			var values resolver
			synctest.Test(t, func(t *testing.T) {
				p := newPlay(t, mode, deployed.folder, deployed.folder == withSinks)
				p.run()
				calls, values = p.cloud.Calls(), p.values(tpl)
			})
			for key, function := range map[string]string{"AKIDGUARD": "Guard", "AKIDSWEEP": "Sweep", "AKIDCANARY": "Canary"} {
				t.Run(function, func(t *testing.T) {
					var all []iamStatement
					for _, s := range tpl.roleStatements(t, function) {
						all = append(all, values.statement(t, s))
					}
					requests := byPlatform(values, tpl, t, function)
					for _, c := range calls {
						if c.AccessKeyID == key {
							requests = append(requests, requestsOf(t, c)...)
						}
					}
					if deployed.key != "" {
						requests = append(requests, onKey(requests)...)
					}
					holdToCalls(t, all, requests)
					if mode == "observe" && function != "Canary" {
						for _, r := range requests {
							require.NotRegexp(t, `^ec2:(Authorize|Revoke|Modify|Create)`, r.action)
						}
						for _, s := range all {
							require.NotRegexp(t, `ec2:(Authorize|Revoke|Modify|Create|Delete)`, strings.Join(s.actions, " "))
						}
					}
				})
			}
		})
	}
}

// everySink is a folder of the same policies whose settings ask for every sink.
func everySink(t *testing.T) string {
	t.Helper()
	folder := t.TempDir()
	text, err := os.ReadFile("testdata/everything/policies.yaml")
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(folder, "policies.yaml"), text, 0o600))
	settings := "apiVersion: sgwarden/v1\nkind: Settings\nstack: {chat: true, securityHub: true, eventBus: true, organisation: {id: " + ownOrganisation + ", hub: \"" + localaws.HubAccount + "\"}}\n"
	require.NoError(t, os.WriteFile(filepath.Join(folder, "sgwarden.yaml"), []byte(settings), 0o600))
	return folder
}

// holdToCalls compares what is allowed with what was asked for, both ways.
func holdToCalls(t *testing.T, all []iamStatement, requests []iamRequest) {
	t.Helper()
	used := map[int]bool{}
	count := func(r iamRequest) int {
		n := 0
		for _, s := range all {
			if s.allows(t, r) {
				n++
			}
		}
		return n
	}
	for _, r := range requests {
		require.Equal(t, 1, count(r), "statements that allow %v", r)
		for i, s := range all {
			used[i] = used[i] || s.allows(t, r)
		}
		if r.resource == "*" {
			continue
		}
		for _, change := range [][2]string{{ownAccount, "999999999999"}, {ownRegion, "eu-central-1"}} {
			other := r
			other.resource = strings.Replace(r.resource, change[0], change[1], 1)
			if other.resource != r.resource {
				require.Zero(t, count(other), "%v", other)
			}
		}
		for _, other := range elsewhere(r) {
			require.Zero(t, count(other), "%v", other)
		}
	}
	for i, s := range all {
		require.True(t, used[i], "nothing needs %s %v on %v", s.sid, s.actions, s.resources)
	}
}

// elsewhere are requests that differ from one that is allowed in what its
// statement must bind: writes of the ledger in their keys, tags in theirs, or
// where a new rule keeps those of another, in the call that makes it.
func elsewhere(r iamRequest) []iamRequest {
	with := func(name string, values ...string) iamRequest {
		other := iamRequest{r.action, r.resource, maps.Clone(r.context)}
		other.context[name] = values
		return other
	}
	switch {
	case strings.HasPrefix(r.action, "kms:"):
		return []iamRequest{{r.action, r.resource[:len(r.resource)-1] + "c", r.context}, with("kms:ViaService"), with("kms:ViaService", "s3."+ownRegion+".amazonaws.com"), with("kms:ViaService", "sqs.eu-central-1.amazonaws.com")}
	case r.action == "events:PutEvents" && len(r.context["aws:ResourceOrgID"]) > 0:
		return []iamRequest{with("events:source", "aws.ec2"), with("aws:ResourceOrgID", "o-zzzzz99999"), with("aws:ResourceOrgID")}
	case r.action == "events:PutEvents":
		return []iamRequest{with("events:source", "aws.ec2"), with("events:source")}
	case slices.Contains(ledger.WritePermissions(), r.action):
		return []iamRequest{with("dynamodb:LeadingKeys", append(slices.Clone(r.context["dynamodb:LeadingKeys"]), "control#all")...), with("dynamodb:LeadingKeys")}
	case r.action == "ec2:CreateTags" && len(r.context["ec2:CreateAction"]) > 0:
		return []iamRequest{with("ec2:CreateAction"), with("ec2:CreateAction", "RunInstances")}
	case r.action == "ec2:CreateTags":
		return []iamRequest{with("aws:TagKeys", append(slices.Clone(r.context["aws:TagKeys"]), "tier")...)}
	case r.action == "ec2:AuthorizeSecurityGroupIngress" && strings.HasSuffix(r.resource, canaryGroup), r.action == "ec2:RevokeSecurityGroupIngress" && strings.HasSuffix(r.resource, canaryGroup):
		// Only the canary is bound to one group.
		return []iamRequest{{r.action, strings.Replace(r.resource, canaryGroup, webGroup, 1), r.context}}
	case strings.HasSuffix(r.resource, emptyGroup):
		return []iamRequest{{r.action, strings.Replace(r.resource, emptyGroup, webGroup, 1), r.context}}
	}
	return nil
}

// byPlatform is what Lambda does with the role of a function, and no code of
// ours: it takes messages, writes logs and traces.
func byPlatform(values resolver, tpl template, t *testing.T, function string) []iamRequest {
	t.Helper()
	logs, _ := tpl.one(t, "AWS::Logs::LogGroup", function+"Logs")
	requests := []iamRequest{
		{"logs:CreateLogStream", values[logs+".Arn"], nil}, {"logs:PutLogEvents", values[logs+".Arn"], nil},
		{"xray:PutTraceSegments", "*", nil}, {"xray:PutTelemetryRecords", "*", nil},
	}
	if function == "Guard" {
		queue := "arn:aws:sqs:" + ownRegion + ":" + ownAccount + ":sgwarden"
		for _, action := range []string{"ReceiveMessage", "DeleteMessage", "GetQueueAttributes", "ChangeMessageVisibility"} {
			requests = append(requests, iamRequest{"sqs:" + action, queue, nil})
		}
	}
	return requests
}

// requestsOf are the questions that a call asks of IAM (Service Authorization
// Reference: the resource types and condition keys of each action).
func requestsOf(t *testing.T, c localaws.Call) []iamRequest {
	t.Helper()
	switch c.Service {
	case localaws.EC2:
		return ofEC2(c)
	case localaws.DynamoDB:
		return ofDynamoDB(t, c)
	case localaws.SNS:
		return []iamRequest{{"sns:" + c.Operation, c.Params.Get("TopicArn"), nil}}
	case localaws.EventBridge:
		var in struct {
			Entries []struct{ Source, EventBusName string }
		}
		require.NoError(t, json.Unmarshal(c.Body, &in))
		require.Len(t, in.Entries, 1)
		e := in.Entries[0]
		context := map[string][]string{"events:source": {e.Source}}
		if strings.Contains(e.EventBusName, localaws.HubAccount) {
			context["aws:ResourceOrgID"] = []string{ownOrganisation}
		}
		return []iamRequest{{"events:" + c.Operation, e.EventBusName, context}}
	case localaws.SecurityHub:
		var in struct{ Findings []struct{ ProductArn string } }
		require.NoError(t, json.Unmarshal(c.Body, &in))
		require.Len(t, in.Findings, 1)
		return []iamRequest{{"securityhub:" + c.Operation, in.Findings[0].ProductArn, nil}}
	case localaws.SQS:
		var in struct{ QueueUrl string }
		require.NoError(t, json.Unmarshal(c.Body, &in))
		return []iamRequest{{"sqs:" + c.Operation, "arn:aws:sqs:" + c.Region + ":" + c.AccountID + ":" + in.QueueUrl[strings.LastIndex(in.QueueUrl, "/")+1:], nil}}
	}
	require.Fail(t, "service is not known", "%s", c)
	return nil
}

var (
	ruleParameter = regexp.MustCompile(`^(?:SecurityGroupRuleId\.\d+|SecurityGroupRule\.\d+\.SecurityGroupRuleId)$`)
	tagKey        = regexp.MustCompile(`^(?:TagSpecification\.\d+\.)?Tag\.\d+\.Key$`)
	taggedID      = regexp.MustCompile(`^ResourceId\.\d+$`)
)

func ofEC2(c localaws.Call) []iamRequest {
	action := "ec2:" + c.Operation
	arn := func(resource string) string { return "arn:aws:ec2:" + c.Region + ":" + c.AccountID + ":" + resource }
	ofID := func(id string) string {
		switch {
		case strings.HasPrefix(id, "sgr-"):
			return arn("security-group-rule/" + id)
		case strings.HasPrefix(id, "pl-"):
			return arn("prefix-list/" + id)
		}
		return arn("security-group/" + id)
	}
	var rules, tagged, keys []string
	for name, values := range c.Params {
		switch {
		case ruleParameter.MatchString(name):
			rules = append(rules, values[0])
		case tagKey.MatchString(name):
			keys = append(keys, values[0])
		case taggedID.MatchString(name):
			tagged = append(tagged, values[0])
		}
	}
	var all []iamRequest
	switch {
	case strings.HasPrefix(c.Operation, "Describe"), strings.HasPrefix(c.Operation, "Get"):
		return []iamRequest{{action, "*", nil}}
	case c.Operation == "ModifyManagedPrefixList":
		return []iamRequest{{action, ofID(c.Params.Get("PrefixListId")), nil}}
	case strings.HasPrefix(c.Operation, "Revoke"):
		return []iamRequest{{action, ofID(c.Params.Get("GroupId")), nil}}
	case c.Operation == "CreateTags":
		for _, id := range tagged {
			all = append(all, iamRequest{action, ofID(id), map[string][]string{"aws:TagKeys": keys}})
		}
		return all
	case strings.HasPrefix(c.Operation, "Authorize"):
		all = append(all, iamRequest{action, ofID(c.Params.Get("GroupId")), nil}, iamRequest{action, arn("security-group-rule/sgr-new"), nil})
		if len(keys) > 0 {
			all = append(all, iamRequest{"ec2:CreateTags", arn("security-group-rule/sgr-new"), map[string][]string{"aws:TagKeys": keys, "ec2:CreateAction": {c.Operation}}})
		}
		return all
	}
	all = append(all, iamRequest{action, ofID(c.Params.Get("GroupId")), nil})
	for _, id := range rules {
		all = append(all, iamRequest{action, ofID(id), nil})
	}
	return all
}

type dynamoKey struct {
	PK struct{ S string } `json:"pk"`
}

// ofDynamoDB: a transaction is allowed by the actions of its parts.
func ofDynamoDB(t *testing.T, c localaws.Call) []iamRequest {
	t.Helper()
	table := "arn:aws:dynamodb:" + c.Region + ":" + c.AccountID + ":table/sgwarden"
	request := func(action string, keys ...string) iamRequest {
		return iamRequest{"dynamodb:" + action, table, map[string][]string{"dynamodb:LeadingKeys": keys}}
	}
	var in struct {
		Key                       dynamoKey
		RequestItems              map[string]struct{ Keys []dynamoKey }
		ExpressionAttributeValues map[string]struct{ S string }
		TransactItems             []map[string]struct{ Key, Item dynamoKey }
	}
	require.NoError(t, json.Unmarshal(c.Body, &in))
	switch c.Operation {
	case "BatchGetItem":
		var keys []string
		for _, k := range in.RequestItems["sgwarden"].Keys {
			keys = append(keys, k.PK.S)
		}
		return []iamRequest{request(c.Operation, keys...)}
	case "Query":
		return []iamRequest{request(c.Operation, in.ExpressionAttributeValues[":pk"].S)}
	case "GetItem", "UpdateItem":
		return []iamRequest{request(c.Operation, in.Key.PK.S)}
	case "TransactWriteItems":
		var all []iamRequest
		for _, item := range in.TransactItems {
			for kind, part := range item {
				action := map[string]string{"Put": "PutItem", "Update": "UpdateItem", "Delete": "DeleteItem", "ConditionCheck": "ConditionCheckItem"}[kind]
				all = append(all, request(action, part.Key.PK.S+part.Item.PK.S))
			}
		}
		return all
	}
	require.Fail(t, "operation is not known", "%s", c)
	return nil
}

// values are those of the template's intrinsics where the play was.
func (p *play) values(tpl template) resolver {
	v := resolver{"AWS::Partition": "aws", "AWS::Region": ownRegion, "AWS::AccountId": ownAccount}
	for id, r := range tpl.Resources {
		switch r.Type {
		case "AWS::DynamoDB::Table":
			v[id+".Arn"] = fmt.Sprintf("arn:aws:dynamodb:%s:%s:table/%s", ownRegion, ownAccount, p.cloud.Table())
		case "AWS::SNS::Topic":
			v[id] = strings.Replace(p.cloud.TopicARN(), "sgwarden", map[bool]string{true: "sgwarden", false: id}[isNamed(id, "Alerts")], 1)
			if isNamed(id, "Chat") {
				v[id] = p.cloud.ChatTopicARN()
			}
		case "AWS::Events::EventBus":
			v[id+".Arn"] = p.cloud.BusARN()
		case "AWS::SQS::Queue":
			v[id+".Arn"] = fmt.Sprintf("arn:aws:sqs:%s:%s:%s", ownRegion, ownAccount, map[bool]string{true: "sgwarden", false: id}[isNamed(id, "Changes")])
		case "AWS::Logs::LogGroup":
			v[id+".Arn"] = fmt.Sprintf("arn:aws:logs:%s:%s:log-group:%s:*", ownRegion, ownAccount, id)
		case "AWS::EC2::SecurityGroup":
			v[id+".GroupId"] = canaryGroup
		case "AWS::EC2::VPC":
			v[id+".DefaultSecurityGroup"] = emptyGroup
		}
	}
	return v
}
