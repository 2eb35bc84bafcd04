package embedded

import (
	"context"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/stretchr/testify/require"

	"github.com/sgwarden/sgwarden/events"
	"github.com/sgwarden/sgwarden/internal/bundle"
	"github.com/sgwarden/sgwarden/internal/incident"
	"github.com/sgwarden/sgwarden/internal/localec2"
	"github.com/sgwarden/sgwarden/internal/localec2/cloudtrail"
	"github.com/sgwarden/sgwarden/internal/policy"
)

// agent sends what a caller says of itself.
type agent struct {
	http.RoundTripper
	name string
}

func (a agent) RoundTrip(r *http.Request) (*http.Response, error) {
	r.Header.Set("User-Agent", a.name)
	return a.RoundTripper.RoundTrip(r)
}

// office is an account whose changes come from a pipeline, or from people.
type office struct {
	*testing.T
	world   *World
	records [][]byte
	at      time.Time // a millisecond passes whenever somebody looks
}

func newOffice(t *testing.T, settings string) *office {
	t.Helper()
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "sgwarden.yaml"), []byte(settings), 0o600))
	set, _, err := bundle.Load(dir, bundle.Options{Default: policy.Enforce})
	require.NoError(t, err)
	o := &office{T: t, at: time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)}
	o.world = New(Options{Set: set, Clock: func() time.Time { o.at = o.at.Add(time.Millisecond); return o.at }, Watch: func(r []byte) { o.records = append(o.records, slices.Clone(r)) }})
	_, err = o.world.Account(t.Context(), localec2.DefaultAccount, localec2.DefaultRegion)
	require.NoError(t, err)
	return o
}

// client calls the account's EC2 as somebody.
func (o *office) client(who cloudtrail.Identity, says string) *ec2.Client {
	o.world.Cloud().Register(who.AccessKeyID, localec2.Caller{AccountID: localec2.DefaultAccount, Identity: who})
	return ec2.New(ec2.Options{
		Region: localec2.DefaultRegion, BaseEndpoint: aws.String("http://ec2.embedded"),
		Credentials: credentials.NewStaticCredentialsProvider(who.AccessKeyID, "secret", ""),
		HTTPClient:  &http.Client{Transport: agent{o.world.Cloud().Transport(), says}},
	})
}

// hear gives the guard the records of all calls since the last time, its own
// too, each twice, and gives what was published of them.
func (o *office) hear() (told []incident.Incident, outcomes []incident.Outcome) {
	o.Helper()
	for len(o.records) > 0 {
		body := o.records[0]
		o.records = o.records[1:]
		for n := range 2 {
			for d := range events.Each(body) {
				j, err := o.world.Look(o.Context(), d)
				require.NoError(o, err)
				require.False(o, retries(j.Decisions))
				for _, decision := range j.Decisions {
					if n == 0 {
						outcomes = append(outcomes, decision.Outcome)
					}
					if decision.Story != nil {
						if n > 0 {
							require.Empty(o, decision.Story.Published, "a duplicate says nothing")
						}
						told = append(told, decision.Story.Published...)
					}
				}
			}
		}
	}
	return told, outcomes
}

// changes makes every kind of change that the embedded EC2 knows, and gives
// what came of them.
func (o *office) changes(ctx context.Context, c *ec2.Client) (told []incident.Incident, outcomes []incident.Outcome) {
	o.Helper()
	must := func(err error) {
		o.Helper()
		require.NoError(o, err)
		messages, ends := o.hear()
		told, outcomes = append(told, messages...), append(outcomes, ends...)
	}
	made, err := c.CreateSecurityGroup(ctx, &ec2.CreateSecurityGroupInput{GroupName: aws.String("web"), Description: aws.String("web")})
	must(err)
	id := made.GroupId
	v4 := types.IpPermission{IpProtocol: aws.String("tcp"), FromPort: aws.Int32(443), ToPort: aws.Int32(443), IpRanges: []types.IpRange{{CidrIp: aws.String("10.1.0.0/16")}}}
	rules, err := c.AuthorizeSecurityGroupIngress(ctx, &ec2.AuthorizeSecurityGroupIngressInput{GroupId: id, IpPermissions: []types.IpPermission{v4}})
	must(err)
	_, err = c.AuthorizeSecurityGroupIngress(ctx, &ec2.AuthorizeSecurityGroupIngressInput{GroupId: id, IpPermissions: []types.IpPermission{
		{IpProtocol: aws.String("17"), FromPort: aws.Int32(53), ToPort: aws.Int32(53), Ipv6Ranges: []types.Ipv6Range{{CidrIpv6: aws.String("fd00::/8")}}},
	}})
	must(err)
	_, err = c.AuthorizeSecurityGroupEgress(ctx, &ec2.AuthorizeSecurityGroupEgressInput{GroupId: id, IpPermissions: []types.IpPermission{
		{IpProtocol: aws.String("-1"), UserIdGroupPairs: []types.UserIdGroupPair{{GroupId: id}}},
	}})
	must(err)
	first := rules.SecurityGroupRules[0].SecurityGroupRuleId
	_, err = c.ModifySecurityGroupRules(ctx, &ec2.ModifySecurityGroupRulesInput{GroupId: id, SecurityGroupRules: []types.SecurityGroupRuleUpdate{
		{SecurityGroupRuleId: first, SecurityGroupRule: &types.SecurityGroupRuleRequest{IpProtocol: aws.String("tcp"), FromPort: aws.Int32(443), ToPort: aws.Int32(443), CidrIpv4: aws.String("10.0.0.0/8")}},
	}})
	must(err)
	_, err = c.UpdateSecurityGroupRuleDescriptionsIngress(ctx, &ec2.UpdateSecurityGroupRuleDescriptionsIngressInput{GroupId: id, SecurityGroupRuleDescriptions: []types.SecurityGroupRuleDescription{{SecurityGroupRuleId: first, Description: aws.String("arn:aws:iam::123456789012:role/pipeline")}}})
	must(err)
	_, err = c.CreateTags(ctx, &ec2.CreateTagsInput{Resources: []string{*id}, Tags: []types.Tag{{Key: aws.String("team"), Value: aws.String("shop")}}})
	must(err)
	_, err = c.RevokeSecurityGroupIngress(ctx, &ec2.RevokeSecurityGroupIngressInput{GroupId: id, SecurityGroupRuleIds: []string{*first}})
	must(err)
	_, err = c.DeleteSecurityGroup(ctx, &ec2.DeleteSecurityGroupInput{GroupId: id})
	must(err)
	return told, outcomes
}

// What is required of groups asks for looks of its own.
const told = "apiVersion: sgwarden/v1\nkind: Settings\npacks: [baseline, hygiene]\noverrides:\n" +
	"  default-group-is-not-used: {off: true}\n  groups-are-distinct: {off: true}\n  groups-are-used: {off: true}\n  groups-have-few-rules: {off: true}\n" +
	"  launch-wizard-groups: {off: true}\n  references-are-alive: {off: true}\n  regions-have-few-groups: {off: true}\n" +
	"  changes-come-from-the-pipeline:\n    scope: {regions: [us-east-1]}\n    unless: {actors: [\"arn:aws:iam::*:role/deploy/pipeline\"]}\n"

// TestChangesComeFromThePipeline: the shipped policy, through the guard, with
// real calls. The pipeline passes; a person is told of once for each call,
// whatever it says of itself.
func TestChangesComeFromThePipeline(t *testing.T) {
	o := newOffice(t, told)
	messages, outcomes := o.changes(t.Context(), o.client(cloudtrail.Session(localec2.DefaultAccount, "/deploy/", "pipeline", "run-7", "AKIAPIPELINE"), "APN/1.0 HashiCorp/1.0 Terraform/1.9.8"))
	require.Len(t, outcomes, 9)
	require.Empty(t, messages)
	for _, out := range outcomes {
		require.Less(t, out, incident.Observed)
	}

	says := "arn:aws:iam::123456789012:role/deploy/pipeline <script>"
	before := len(o.world.Cloud().Calls())
	messages, outcomes = o.changes(t.Context(), o.client(cloudtrail.Session(localec2.DefaultAccount, "/", "admin", "pipeline", "AKIAPERSON"), says))
	require.Len(t, messages, 9)
	var calls []string
	for i, m := range messages {
		calls = append(calls, m.APICall)
		require.Equal(t, incident.Alerted, outcomes[i])
		require.Equal(t, "changes-come-from-the-pipeline", m.Policies[0].ID)
		require.Empty(t, m.Rules)
		require.Equal(t, says, m.Actor.UserAgent)
		require.Equal(t, "arn:aws:iam::123456789012:role/admin", m.Actor.ARN)
	}
	require.Equal(t, "CreateSecurityGroup AuthorizeSecurityGroupIngress AuthorizeSecurityGroupIngress AuthorizeSecurityGroupEgress "+
		"ModifySecurityGroupRules UpdateSecurityGroupRuleDescriptionsIngress CreateTags RevokeSecurityGroupIngress DeleteSecurityGroup", strings.Join(calls, " "))
	reads := 0
	for _, c := range o.world.Cloud().Calls()[before:] {
		if strings.HasPrefix(c.Action, "Describe") {
			reads++
		}
	}
	require.Equal(t, 4, reads, "only Modify, which is never triaged, is looked at, in both deliveries")
}

// TestEveryChangeIsTold: also of those that another policy takes back.
func TestEveryChangeIsTold(t *testing.T) {
	o := newOffice(t, strings.Replace(told, "changes-come-from-the-pipeline", "every-change-is-told", 1))
	c := o.client(cloudtrail.Session(localec2.DefaultAccount, "/deploy/", "pipeline", "run-7", "AKIAPIPELINE"), "Terraform")
	made, err := c.CreateSecurityGroup(t.Context(), &ec2.CreateSecurityGroupInput{GroupName: aws.String("web"), Description: aws.String("web")})
	require.NoError(t, err)
	_, err = c.AuthorizeSecurityGroupIngress(t.Context(), &ec2.AuthorizeSecurityGroupIngressInput{GroupId: made.GroupId, IpPermissions: []types.IpPermission{
		{IpProtocol: aws.String("tcp"), FromPort: aws.Int32(22), ToPort: aws.Int32(22), Ipv6Ranges: []types.Ipv6Range{{CidrIpv6: aws.String("::/0")}}},
	}})
	require.NoError(t, err)
	messages, outcomes := o.hear()
	require.Len(t, messages, 1, "the pipeline is left out by the override, the rule is not")
	require.Equal(t, incident.Reverted, messages[0].Outcome)
	require.Equal(t, []incident.Outcome{incident.Compliant, incident.Reverted, incident.Ignored}, outcomes, "the guard's own revoke is nobody's change")

	c = o.client(cloudtrail.User(localec2.DefaultAccount, "mira", "AKIAMIRA"), "aws-cli")
	_, err = c.AuthorizeSecurityGroupIngress(t.Context(), &ec2.AuthorizeSecurityGroupIngressInput{GroupId: made.GroupId, IpPermissions: []types.IpPermission{
		{IpProtocol: aws.String("-1"), IpRanges: []types.IpRange{{CidrIp: aws.String("0.0.0.0/0")}}},
	}})
	require.NoError(t, err)
	messages, outcomes = o.hear()
	require.Equal(t, []incident.Outcome{incident.Reverted, incident.Ignored}, outcomes)
	require.Len(t, messages, 2)
	require.ElementsMatch(t, []incident.Outcome{incident.Reverted, incident.Alerted}, []incident.Outcome{messages[0].Outcome, messages[1].Outcome})
}
