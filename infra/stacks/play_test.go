//go:build !race

package stacks

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-lambda-go/lambdacontext"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/stretchr/testify/require"

	"github.com/sgwarden/sgwarden/internal/canary"
	"github.com/sgwarden/sgwarden/internal/guard"
	"github.com/sgwarden/sgwarden/internal/localaws"
	"github.com/sgwarden/sgwarden/internal/localec2"
	"github.com/sgwarden/sgwarden/internal/localec2/cloudtrail"
	"github.com/sgwarden/sgwarden/internal/secgroup"
	"github.com/sgwarden/sgwarden/internal/sweep"
)

const (
	canaryGroup = "sg-0123456789abcdefc"
	emptyGroup  = "sg-0123456789abcdefd" // the default group of the canary's VPC
	webGroup    = "sg-0123456789abcdefb"
)

// play is an account in which the functions do all that they can do.
type play struct {
	t                    *testing.T
	cloud                *localaws.AWS
	guard, sweep, canary lambda.Handler
	user                 *ec2.Client
	records              bool // records are delivered
}

// newPlay makes it; with sinks the functions have all of them.
func newPlay(t *testing.T, mode, folder string, sinks bool) *play {
	p := &play{t: t, cloud: localaws.New(localaws.Options{IDs: localec2.CountedIDs(t.Name())})}
	for key, name := range map[string]string{"AKIDGUARD": "guard", "AKIDSWEEP": "sweep", "AKIDCANARY": "canary", "AKIDUSER": "ann"} {
		p.cloud.EC2().Register(key, localec2.Caller{AccountID: ownAccount, Identity: cloudtrail.Session(ownAccount, "/", name, name, key)})
	}
	var open []secgroup.Rule
	for _, text := range []string{"ingress all from " + emptyGroup, "egress all to 0.0.0.0/0"} {
		r, err := secgroup.ParseRule(text)
		require.NoError(t, err)
		open = append(open, r)
	}
	for id, g := range map[string]secgroup.Group{canaryGroup: {Name: "canary"}, webGroup: {Name: "web"}, emptyGroup: {Name: "of the canary's VPC", Rules: open}} {
		g.ID = id
		if g.Rules == nil {
			g.Rules = []secgroup.Rule{}
		}
		_, err := p.cloud.EC2().Account(ownAccount, ownRegion).EnsureGroup(g)
		require.NoError(t, err)
	}
	p.cloud.EC2().OnRecord(func(record []byte) {
		if p.records {
			p.cloud.Queue().Send(fmt.Sprintf(`{"id":"e","detail-type":"AWS API Call via CloudTrail","source":"aws.ec2","ownAccount":"%s","ownRegion":"%s","detail":%s}`, ownAccount, ownRegion, record), 0)
		}
	})
	quiet := slog.New(slog.DiscardHandler)
	p.cloud.EnableSecurityHub()
	var more []string
	if sinks {
		more = []string{
			"SGWARDEN_CHAT_TOPIC_ARN=" + p.cloud.ChatTopicARN(), "SGWARDEN_SECURITY_HUB=yes",
			"SGWARDEN_EVENT_BUS_ARN=" + p.cloud.BusARN(), "SGWARDEN_HUB_BUS_ARN=" + p.cloud.HubBusARN(),
		}
	}
	settings := func(key string) guard.Settings {
		s, err := guard.FromEnviron(append(more, []string{
			"SGWARDEN_MODE=" + mode, "SGWARDEN_TABLE=" + p.cloud.Table(), "SGWARDEN_TOPIC_ARN=" + p.cloud.TopicARN(), "SGWARDEN_QUEUE_URL=" + p.cloud.QueueURL(),
			"SGWARDEN_POLICIES=" + folder, "SGWARDEN_ROLE_ARN=arn:aws:iam::" + ownAccount + ":role/guard", "SGWARDEN_CANARY_GROUP=" + canaryGroup,
			"AWS_REGION=" + ownRegion, "AWS_ACCESS_KEY_ID=" + key, "AWS_SECRET_ACCESS_KEY=secret",
		}...))
		require.NoError(t, err)
		s.AWS.Transport = p.cloud.Transport()
		return s
	}
	p.guard, p.sweep = guard.New(settings("AKIDGUARD"), quiet, io.Discard), sweep.New(settings("AKIDSWEEP"), quiet, io.Discard)
	own := settings("AKIDCANARY")
	p.canary = canary.New(canary.Settings{Table: p.cloud.Table(), Group: canaryGroup, DefaultGroup: emptyGroup, Expect: canary.Observed, AWS: own.AWS}, quiet, io.Discard)
	p.user = ec2.NewFromConfig(aws.Config{
		Region: ownRegion, HTTPClient: &http.Client{Transport: p.cloud.Transport()},
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: "AKIDUSER", SecretAccessKey: "secret"}, nil
		}),
	})
	return p
}

// invoke runs a function, and requires that it did not fail.
func (p *play) invoke(f lambda.Handler, payload []byte) []byte {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.t.Context(), 10*time.Minute)
	defer cancel()
	out, err := f.Invoke(lambdacontext.NewContext(ctx, &lambdacontext.LambdaContext{InvokedFunctionArn: "arn:aws:lambda:" + ownRegion + ":" + ownAccount + ":function:f"}), payload)
	require.NoError(p.t, err)
	return out
}

// hear brings before guard what the queue holds, once each.
func (p *play) hear() {
	p.t.Helper()
	for {
		batch := p.cloud.Queue().Receive(10)
		if len(batch) == 0 {
			return
		}
		var records []map[string]any
		for _, m := range batch {
			records = append(records, map[string]any{"messageId": m.ID, "receiptHandle": m.Receipt, "body": m.Body, "attributes": map[string]string{"ApproximateReceiveCount": "1"}})
		}
		payload, err := json.Marshal(map[string]any{"Records": records})
		require.NoError(p.t, err)
		p.invoke(p.guard, payload)
		for _, m := range batch {
			p.cloud.Queue().Delete(m.Receipt)
		}
	}
}

func permission(first, last int32, cidr string) types.IpPermission {
	return types.IpPermission{IpProtocol: aws.String("tcp"), FromPort: &first, ToPort: &last, IpRanges: []types.IpRange{{CidrIp: &cidr}}}
}

func (p *play) ingress(first, last int32, cidr string) (ruleID string) {
	p.t.Helper()
	out, err := p.user.AuthorizeSecurityGroupIngress(p.t.Context(), &ec2.AuthorizeSecurityGroupIngressInput{
		GroupId: aws.String(webGroup), IpPermissions: []types.IpPermission{permission(first, last, cidr)},
		TagSpecifications: []types.TagSpecification{{ResourceType: types.ResourceTypeSecurityGroupRule, Tags: []types.Tag{{Key: aws.String("team"), Value: aws.String("web")}}}},
	})
	require.NoError(p.t, err)
	p.hear()
	return *out.SecurityGroupRules[0].SecurityGroupRuleId
}

func (p *play) egress(first, last int32, cidr string) {
	p.t.Helper()
	_, err := p.user.AuthorizeSecurityGroupEgress(p.t.Context(), &ec2.AuthorizeSecurityGroupEgressInput{
		GroupId: aws.String(webGroup), IpPermissions: []types.IpPermission{permission(first, last, cidr)},
		TagSpecifications: []types.TagSpecification{{ResourceType: types.ResourceTypeSecurityGroupRule, Tags: []types.Tag{{Key: aws.String("team"), Value: aws.String("web")}}}},
	})
	require.NoError(p.t, err)
	p.hear()
}

// list lets a prefix list grow that a rule refers to: the entry is taken out again.
func (p *play) list() {
	p.t.Helper()
	made, err := p.user.CreateManagedPrefixList(p.t.Context(), &ec2.CreateManagedPrefixListInput{
		PrefixListName: aws.String("offices"), AddressFamily: aws.String("IPv4"), MaxEntries: aws.Int32(5), Entries: []types.AddPrefixListEntry{{Cidr: aws.String("10.1.0.0/16")}},
	})
	require.NoError(p.t, err)
	_, err = p.user.AuthorizeSecurityGroupIngress(p.t.Context(), &ec2.AuthorizeSecurityGroupIngressInput{GroupId: aws.String(webGroup), IpPermissions: []types.IpPermission{{
		IpProtocol: aws.String("tcp"), FromPort: aws.Int32(22), ToPort: aws.Int32(22), PrefixListIds: []types.PrefixListId{{PrefixListId: made.PrefixList.PrefixListId}},
	}}})
	require.NoError(p.t, err)
	p.hear()
	_, err = p.user.ModifyManagedPrefixList(p.t.Context(), &ec2.ModifyManagedPrefixListInput{
		PrefixListId: made.PrefixList.PrefixListId, CurrentVersion: aws.Int64(1), AddEntries: []types.AddPrefixListEntry{{Cidr: aws.String("0.0.0.0/0")}},
	})
	require.NoError(p.t, err)
	p.hear()
}

// run lets everything happen that a right is for.
func (p *play) run() {
	p.invoke(p.sweep, nil) // sets the baseline acts
	p.records = true
	time.Sleep(time.Minute)
	p.ingress(22, 22, "0.0.0.0/0")     // revoked
	p.egress(25, 25, "0.0.0.0/0")      // revoked
	p.ingress(3380, 3400, "0.0.0.0/0") // narrowed, to two rules
	p.egress(3380, 3400, "0.0.0.0/0")  // likewise
	p.ingress(8080, 8080, "0.0.0.0/0") // tagged
	p.ingress(9090, 9090, "0.0.0.0/0") // waits
	id := p.ingress(22, 22, "10.0.0.0/8")
	_, err := p.user.ModifySecurityGroupRules(p.t.Context(), &ec2.ModifySecurityGroupRulesInput{
		GroupId: aws.String(webGroup), SecurityGroupRules: []types.SecurityGroupRuleUpdate{{SecurityGroupRuleId: &id, SecurityGroupRule: &types.SecurityGroupRuleRequest{
			IpProtocol: aws.String("tcp"), FromPort: aws.Int32(22), ToPort: aws.Int32(22), CidrIpv4: aws.String("8.8.4.0/24"),
		}}},
	})
	require.NoError(p.t, err)
	p.hear() // its old value goes back
	_, err = p.user.CreateSecurityGroup(p.t.Context(), &ec2.CreateSecurityGroupInput{GroupName: aws.String("new"), Description: aws.String("new"), VpcId: aws.String(p.cloud.EC2().Account(ownAccount, ownRegion).DefaultVPC())})
	require.NoError(p.t, err)
	p.hear() // its first rule waits for whoever made it
	p.list()
	time.Sleep(10 * time.Minute)
	p.hear() // what waited is revoked

	p.records = false // the records of these are lost
	p.ingress(22, 22, "8.8.8.0/29")
	p.invoke(p.canary, nil) // nobody hears of it: it fails
	p.invoke(p.sweep, nil)  // asks
	time.Sleep(3 * time.Minute)
	p.hear()
	time.Sleep(25 * time.Hour)
	p.invoke(p.sweep, nil) // the ledger is stale, which is told
}
