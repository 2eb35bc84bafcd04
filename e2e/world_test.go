//go:build e2e

package e2e

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	dynamodbtypes "github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/stretchr/testify/require"

	"github.com/sgwarden/sgwarden/internal/runtimeapi"
)

// world is one scenario: a group of its own, a proxy, a guard.
type world struct {
	*testing.T
	site
	person *trail // whose calls are recorded, as guard's are by own
	own    *trail
	proxy  *proxy // of guard
	guard  *runtimeapi.Process
	env    map[string]string
	group  string
	shown  int // decisions of this guard that were printed
}

type rule = ec2types.SecurityGroupRule

// policies writes a folder with one policy, and gives the settings for it.
func policies(t *testing.T, document string) map[string]string {
	t.Helper()
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "policy.yaml"), []byte(document), 0o600))
	return map[string]string{"SGWARDEN_POLICIES": dir, "SGWARDEN_POLICIES_DIGEST": ""}
}

// enter makes a group in a VPC of its own and starts guard. settings go over
// those of the site.
func enter(t *testing.T, settings map[string]string) *world {
	t.Helper()
	w := &world{T: t, site: stage.site, person: newTrail(t, alice()), own: newTrail(t, guardIn(stage.site.role))}
	w.proxy = newProxy(t, w.own.url)
	w.env = maps.Clone(w.site.env)
	maps.Copy(w.env, map[string]string{"AWS_ENDPOINT_URL": w.proxy.server.URL})
	maps.Copy(w.env, settings)
	w.makeGroup()
	w.purge(w.queue)
	w.purge(w.alerts)
	say("")
	say("=== %s", strings.TrimPrefix(t.Name(), "TestScenarios/"))
	w.start()
	t.Cleanup(func() {
		if t.Failed() {
			t.Log("guard's log:\n" + w.guard.Logs())
		}
	})
	return w
}

// makeGroup makes the group of the scenario, in a VPC of its own.
func (w *world) makeGroup() {
	w.Helper()
	vpc, err := w.ec2().CreateVpc(w.Context(), &ec2.CreateVpcInput{CidrBlock: aws.String("10.0.0.0/16")})
	require.NoError(w, err)
	group, err := w.person.ec2().CreateSecurityGroup(w.Context(), &ec2.CreateSecurityGroupInput{
		GroupName: aws.String("web"), Description: aws.String("e2e"), VpcId: vpc.Vpc.VpcId,
	})
	require.NoError(w, err)
	w.group = *group.GroupId
}

// beside is the same world with another group.
func (w *world) beside() *world {
	other := *w
	other.makeGroup()
	return &other
}

func (w *world) ec2() *ec2.Client { return stage.emulator.ec2() }
func (w *world) sqs() *sqs.Client { return stage.emulator.sqs() }

// start runs the bootstrap as Lambda would. The one before is gone.
func (w *world) start() {
	w.Helper()
	f := w.function
	f.Env = w.env
	guard, err := runtimeapi.Start(w.bootstrap, f)
	require.NoError(w, err)
	w.guard, w.shown = guard, 0
	w.Cleanup(func() { _ = guard.Close() })
	require.NoError(w, guard.WaitReady(w.Context()))
}

func (w *world) purge(queue string) {
	w.Helper()
	_, err := w.sqs().PurgeQueue(w.Context(), &sqs.PurgeQueueInput{QueueUrl: &queue})
	require.NoError(w, err)
}

// client runs the aws client as the person who makes the change.
func (w *world) client(args ...string) {
	w.Helper()
	say("client  aws ec2 %s", strings.Join(args, " "))
	require.NoError(w, w.person.aws(nil, append([]string{"ec2"}, args...)...))
}

// authorize lets the client add permissions, and gives the record of the call
// and the rules that it added. Which these are is read from the group: moto
// answers with those of the last permission only.
func (w *world) authorize(direction string, list ...permission) (object, []rule) {
	w.Helper()
	before := w.rules()
	w.client(append([]string{"authorize-security-group-" + direction, "--group-id", w.group}, permissionFlags(list)...)...)
	added := slices.DeleteFunc(w.rules(), func(r rule) bool {
		return slices.ContainsFunc(before, func(b rule) bool { return *b.SecurityGroupRuleId == *r.SecurityGroupRuleId })
	})
	require.NotEmpty(w, added)
	name := map[string]string{"ingress": "AuthorizeSecurityGroupIngress", "egress": "AuthorizeSecurityGroupEgress"}[direction]
	w.showRules("before")
	return w.person.last(w.T, name), added
}

func (w *world) rules() []rule {
	w.Helper()
	out, err := w.ec2().DescribeSecurityGroupRules(w.Context(), &ec2.DescribeSecurityGroupRulesInput{
		Filters: []ec2types.Filter{{Name: aws.String("group-id"), Values: []string{w.group}}},
	})
	require.NoError(w, err)
	return out.SecurityGroupRules
}

// texts are the rules of the group as a person reads them, sorted.
func (w *world) texts() []string {
	w.Helper()
	var all []string
	for _, r := range w.rules() {
		direction, peer := "ingress", "from "
		if *r.IsEgress {
			direction, peer = "egress", "to "
		}
		traffic := *r.IpProtocol
		if traffic != "-1" {
			traffic += fmt.Sprintf("/%d-%d", *r.FromPort, *r.ToPort)
		}
		all = append(all, direction+" "+traffic+" "+peer+aws.ToString(r.CidrIpv4)+aws.ToString(r.CidrIpv6))
	}
	slices.Sort(all)
	return all
}

func (w *world) showRules(when string) { say("%-7s %s", when, strings.Join(w.texts(), "; ")) }

// put puts records on the event bus, as CloudTrail does; the rule delivers them.
func (w *world) put(records ...object) {
	w.Helper()
	var entries []object
	for _, r := range records {
		detail, err := json.Marshal(r)
		require.NoError(w, err)
		entries = append(entries, object{"Source": "aws.ec2", "DetailType": "AWS API Call via CloudTrail", "Detail": string(detail)})
	}
	var answer struct{ FailedEntryCount int }
	require.NoError(w, stage.emulator.eventBridge("PutEvents", object{"Entries": entries}, &answer))
	require.Zero(w, answer.FailedEntryCount)
}

// done prints what came of a delivery, and gives guard's calls.
func (w *world) done(d delivery) []call {
	w.Helper()
	calls := w.proxy.take()
	showCalls(calls)
	for _, line := range w.decisions()[w.shown:] {
		w.shown++
		showDecision(line)
	}
	if len(d.failed) > 0 {
		say("failed  %d of %d messages: they come again", len(d.failed), len(d.messages))
	}
	w.showRules("after")
	return calls
}

// showDecision prints what matters of one of guard's log lines.
func showDecision(line string) {
	var d struct {
		EventName string `json:"event_name"`
		GroupID   string `json:"group_id"`
		Outcome   string
		Reason    string
		Rules     []string
	}
	if json.Unmarshal([]byte(line), &d) != nil {
		say("outcome %s", line)
		return
	}
	say("outcome %s %s %s %v %s", d.Outcome, d.EventName, d.GroupID, d.Rules, d.Reason)
}

// told are the incident documents that came to the subscribed queue since the
// last time.
func (w *world) told() []incidentDocument {
	w.Helper()
	var all []incidentDocument
	for {
		out, err := w.sqs().ReceiveMessage(w.Context(), &sqs.ReceiveMessageInput{QueueUrl: &w.alerts, MaxNumberOfMessages: 10})
		require.NoError(w, err)
		if len(out.Messages) == 0 {
			return all
		}
		for _, m := range out.Messages {
			var d incidentDocument
			require.NoError(w, json.Unmarshal([]byte(*m.Body), &d), "the message is no JSON: %s", *m.Body)
			all = append(all, d)
			say("alert   %s %s %s %v", d.EventType, d.Outcome, d.GroupID, d.Policies)
			_, err := w.sqs().DeleteMessage(w.Context(), &sqs.DeleteMessageInput{QueueUrl: &w.alerts, ReceiptHandle: m.ReceiptHandle})
			require.NoError(w, err)
		}
	}
}

// incidentDocument is the part of the contract that the scenarios look at.
type incidentDocument struct {
	SchemaVersion, IncidentID, EventType, Outcome, Reason, Mode, GroupID, EventID, ClosedAt string
	Policies                                                                                []string
	Rules                                                                                   []struct {
		ID, Outcome string
		After       []json.RawMessage
	}
	Actor struct{ ARN string }
}

// stored are the items of the group in the table.
func (w *world) stored() []map[string]dynamodbtypes.AttributeValue {
	w.Helper()
	out, err := stage.emulator.dynamodb().Query(w.Context(), &dynamodb.QueryInput{
		TableName: &w.table, KeyConditionExpression: aws.String("pk = :pk"),
		ExpressionAttributeValues: map[string]dynamodbtypes.AttributeValue{":pk": &dynamodbtypes.AttributeValueMemberS{Value: "group#" + w.group}},
	})
	require.NoError(w, err)
	return out.Items
}

// incidents are the sort keys of the group's incidents in the table.
func (w *world) incidents(prefix string) []string {
	w.Helper()
	var keys []string
	for _, item := range w.stored() {
		if sk, ok := item["sk"].(*dynamodbtypes.AttributeValueMemberS); ok && strings.HasPrefix(sk.Value, prefix) {
			keys = append(keys, sk.Value)
		}
	}
	return keys
}

// endLease lets the lease of a dead guard be over, which lasts as long as the
// function may run.
func (w *world) endLease() {
	w.Helper()
	_, err := stage.emulator.dynamodb().UpdateItem(w.Context(), &dynamodb.UpdateItemInput{
		TableName:                 &w.table,
		Key:                       map[string]dynamodbtypes.AttributeValue{"pk": &dynamodbtypes.AttributeValueMemberS{Value: "group#" + w.group}, "sk": &dynamodbtypes.AttributeValueMemberS{Value: "item"}},
		UpdateExpression:          aws.String("SET leaseUntil = :over"),
		ConditionExpression:       aws.String("attribute_exists(leaseUntil)"),
		ExpressionAttributeValues: map[string]dynamodbtypes.AttributeValue{":over": &dynamodbtypes.AttributeValueMemberN{Value: "0"}},
	})
	require.NoError(w, err)
}

// showCalls prints guard's calls in order.
func showCalls(calls []call) {
	names := make([]string, len(calls))
	for i, c := range calls {
		names[i] = c.String()
		if c.status >= 400 {
			names[i] += fmt.Sprintf(" (%d)", c.status)
		}
	}
	say("guard   %s", strings.Join(names, ", "))
}
