//go:build !race

package stacks

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/assertions"
	"github.com/aws/jsii-runtime-go"
	"github.com/cdklabs/cdk-nag-go/cdknag/v2"
	"github.com/stretchr/testify/require"

	"github.com/sgwarden/sgwarden/infra/release"
	"github.com/sgwarden/sgwarden/internal/policy"
)

// hubTemplate is the template of a hub with these settings.
func hubTemplate(t *testing.T, s HubSettings) template {
	t.Helper()
	app := awscdk.NewApp(&awscdk.AppProps{Outdir: jsii.String(t.TempDir())})
	stack := NewHub(app, s)
	text := jsonText(t, app.Synth(nil).GetStackArtifact(stack.ArtifactId()).Template())
	var tpl template
	require.NoError(t, json.Unmarshal([]byte(text), &tpl))
	tpl.raw = []byte(text)
	return tpl
}

func aHub(t *testing.T) template {
	return hubTemplate(t, HubSettings{Name: "SgwardenHub", Organisation: "o-abcde12345", Subscribers: []policy.Subscriber{{Endpoint: policy.Endpoint{Protocol: "email", Address: "you@example.com"}}}})
}

// TestOnlyTheOrganisationTellsTheHub: the bus lets principals of the
// organisation put events of ours, over TLS, and nobody do anything else.
func TestOnlyTheOrganisationTellsTheHub(t *testing.T) {
	tpl := aHub(t)
	busID, bus := tpl.only(t, "AWS::Events::EventBus")
	require.Equal(t, HubBus, bus.Properties["Name"])
	_, p := tpl.only(t, "AWS::Events::EventBusPolicy")
	s := as[statement](t, p.Properties["Statement"])
	require.Equal(t, "Allow", s.Effect)
	require.Equal(t, list{"events:PutEvents"}, s.Action)
	require.Equal(t, list{arnOf(busID)}, s.Resource)
	require.Equal(t, map[string]map[string]any{
		"StringEquals": {"aws:PrincipalOrgID": map[string]any{"Ref": "OrganisationId"}, "events:source": "sgwarden"},
		"Bool":         {"aws:SecureTransport": "true"},
	}, s.Condition)
}

// TestTheHubCanDoNothing: it has no function, and no role but what EventBridge
// of its own account may take; nobody of another account is let in but to tell.
func TestTheHubCanDoNothing(t *testing.T) {
	tpl := aHub(t)
	kinds := map[string]bool{}
	for _, r := range tpl.Resources {
		kinds[r.Type] = true
	}
	require.Equal(t, map[string]bool{
		"AWS::Events::EventBus": true, "AWS::Events::EventBusPolicy": true, "AWS::Events::Archive": true, "AWS::Events::Rule": true,
		"AWS::SNS::Topic": true, "AWS::SNS::TopicPolicy": true, "AWS::SNS::Subscription": true, "AWS::SQS::Queue": true, "AWS::SQS::QueuePolicy": true,
	}, kinds, "no role, no function, no policy of a principal")
	for id, r := range tpl.Resources {
		if r.Type != "AWS::SNS::TopicPolicy" && r.Type != "AWS::SQS::QueuePolicy" {
			continue
		}
		tls := false
		for _, s := range statements(t, r) {
			if s.Effect == "Deny" {
				require.Equal(t, map[string]any{"aws:SecureTransport": "false"}, s.Condition["Bool"], id)
				tls = true
				continue
			}
			require.Equal(t, list{map[string]any{"Service": "events.amazonaws.com"}}, s.Principal, id)
			require.Contains(t, []any{"sns:Publish", "sqs:SendMessage"}, s.Action[0], id)
		}
		require.True(t, tls, "%s: over TLS only", id)
	}
	require.NotContains(t, string(tpl.raw), "sts:AssumeRole")
	require.NotContains(t, string(tpl.raw), "ec2:")
}

// TestTheHubTellsItsSubscribers the whole event, and keeps what it was told.
func TestTheHubTellsItsSubscribers(t *testing.T) {
	tpl := aHub(t)
	topic, _ := tpl.only(t, "AWS::SNS::Topic")
	_, rule := tpl.only(t, "AWS::Events::Rule")
	require.Equal(t, map[string]any{"source": []any{"sgwarden"}, "detail-type": []any{map[string]any{"prefix": "Incident "}}}, rule.Properties["EventPattern"])
	target := as[[]map[string]any](t, rule.Properties["Targets"])[0]
	require.Equal(t, map[string]any{"Ref": topic}, target["Arn"])
	for _, key := range []string{"Input", "InputPath", "InputTransformer"} {
		require.NotContains(t, target, key, "the account in the event is EventBridge's word")
	}
	require.NotEmpty(t, target["DeadLetterConfig"])
	_, archive := tpl.only(t, "AWS::Events::Archive")
	require.EqualValues(t, 365, archive.Properties["RetentionDays"])
	_, subscription := tpl.only(t, "AWS::SNS::Subscription")
	require.Equal(t, "you@example.com", subscription.Properties["Endpoint"])
	require.Len(t, tpl.Outputs, 3)
}

// TestMembersTellWhereTheHubListens: the name that members make is the hub's.
func TestMembersTellWhereTheHubListens(t *testing.T) {
	_, guard := full.one(t, "AWS::Lambda::Function", "Guard")
	env := as[struct{ Variables map[string]any }](t, guard.Properties["Environment"]).Variables
	values := resolver{"AWS::Partition": "aws-us-gov", "AWS::Region": "us-gov-west-1"}
	require.Equal(t, "arn:aws-us-gov:events:us-gov-west-1:111122223333:event-bus/"+HubBus, values.text(t, env["SGWARDEN_HUB_BUS_ARN"]))
}

// TestMembersTrustNobody: naming a hub gives nobody of another account anything.
func TestMembersTrustNobody(t *testing.T) {
	for id, r := range full.of("AWS::IAM::Role") {
		for _, s := range as[struct{ Statement []statement }](t, r.Properties["AssumeRolePolicyDocument"]).Statement {
			require.Equal(t, list{map[string]any{"Service": "lambda.amazonaws.com"}}, s.Principal, id)
		}
	}
	require.Empty(t, full.of("AWS::Events::EventBusPolicy"), "nor may anybody of another account put events on its bus")
	require.Equal(t, strings.Count(string(full.raw), "111122223333"), strings.Count(string(full.raw), "111122223333:event-bus/"), "the hub's account is in ARNs of its bus alone")
}

func TestHubIsNagged(t *testing.T) {
	app := awscdk.NewApp(&awscdk.AppProps{Outdir: jsii.String(t.TempDir())})
	stack := NewHub(app, HubSettings{Name: "SgwardenHub"})
	awscdk.Aspects_Of(stack).Add(cdknag.NewAwsSolutionsChecks(nil), nil)
	annotations := assertions.Annotations_FromStack(stack)
	var found []string
	for _, m := range append(*annotations.FindError(jsii.String("*"), assertions.Match_AnyValue()), *annotations.FindWarning(jsii.String("*"), assertions.Match_AnyValue())...) {
		message := readMessage(t, m)
		found = append(found, message.ID+" "+finding.FindStringSubmatch(message.Entry.Data)[1])
	}
	require.Equal(t, []string{"/SgwardenHub/Undelivered/Resource AwsSolutions-SQS3"}, found, "it is the queue of dead letters of a rule, which the check does not see")
}

func TestHubFromContext(t *testing.T) {
	s, err := HubFromContext(map[string]any{"policies": folderWith(t, `stack: {name: Warden, organisation: {id: o-abcde12345, hub: "111122223333"}, email: you@example.com}`), "dist": "none", "aws:cdk:x": 1}, Where{Now: when})
	require.NoError(t, err, "a hub needs no build")
	require.Equal(t, HubSettings{Name: "WardenHub", Organisation: "o-abcde12345", Subscribers: []policy.Subscriber{{Endpoint: policy.Endpoint{Protocol: "email", Address: "you@example.com"}}}}, s)
	s, err = HubFromContext(map[string]any{"stack": "Other"}, Where{Now: when})
	require.NoError(t, err)
	require.Equal(t, HubSettings{Name: "OtherHub"}, s)

	_, err = HubFromContext(map[string]any{"policies": folderWith(t, `stack: {alerts: [{email: you@example.com, filter: {minSeverity: high}}]}`)}, Where{Now: when})
	require.ErrorContains(t, err, "the hub cannot filter for you@example.com")
	of := map[string]any{"policies": folderWith(t, `stack: {organisation: {id: o-abcde12345, hub: "111122223333"}}`)}
	_, err = HubFromContext(of, Where{Account: "111122223333", Now: when})
	require.NoError(t, err)
	_, err = HubFromContext(of, Where{Account: "123456789012", Now: when})
	require.ErrorContains(t, err, "the hub is in account 111122223333, and this would make one in 123456789012, which no member tells")
	_, err = HubFromContext(map[string]any{"emial": "you@example.com", "dist": 7}, Where{Now: when})
	require.ErrorContains(t, err, "there is no such setting")
	require.ErrorContains(t, err, "dist must be the name of a folder")
}

func folderWith(t *testing.T, settings string) string {
	t.Helper()
	folder := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(folder, "sgwarden.yaml"), []byte("apiVersion: sgwarden/v1\nkind: Settings\npacks: [baseline]\n"+settings+"\n"), 0o600))
	return folder
}

// TestReleaseOfTheHub: its template has no organisation of its own, and needs
// none of the CDK.
func TestReleaseOfTheHub(t *testing.T) {
	text, err := release.Hub(hubTemplate(t, HubSettings{Name: "SgwardenHub"}).raw)
	require.NoError(t, err)
	require.Empty(t, arnPartition.FindAllString(string(text), -1), "it is one for all partitions")
	var made struct{ Parameters map[string]map[string]any }
	require.NoError(t, json.Unmarshal(text, &made))
	require.Len(t, made.Parameters, 2)
	require.NotContains(t, made.Parameters["OrganisationId"], "Default", "whoever makes a hub says for whom")
	require.Equal(t, "", made.Parameters["Email"]["Default"])
	_, err = release.Hub(aHub(t).raw)
	require.ErrorContains(t, err, "without the settings email")
}
