//go:build !race

package stacks

import (
	"encoding/json"
	"maps"
	"regexp"
	"slices"
	"testing"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/assertions"
	"github.com/aws/jsii-runtime-go"
	"github.com/cdklabs/cdk-nag-go/cdknag/v2"
	"github.com/stretchr/testify/require"
)

// acceptance is a suppression as cdk-nag has them: of one rule at one resource,
// with a reason, and what it is about ("" = the resource as a whole).
type acceptance struct {
	why     string
	applies []string
}

// accepted are the findings of cdk-nag that stay, by resource and rule.
var accepted = map[string]acceptance{
	"/Sgwarden/CanaryVpc AwsSolutions-VPC7":            {"nothing is in it, and it has no subnets: there is no flow to log", []string{""}},
	"/Sgwarden/Undelivered/Resource AwsSolutions-SQS3": {"it is the queue of dead letters of the rules, which the check does not see", []string{""}},
	"/Sgwarden/Reader/Resource AwsSolutions-IAM5":      {"EC2, CloudTrail and their like take no resource for reads", []string{"*"}},
	"/Sgwarden/Operator/Resource AwsSolutions-IAM5":    {"EC2 and Lambda take no resource for reads", []string{"*"}},
	"/Sgwarden/GuardRole/DefaultPolicy/Resource AwsSolutions-IAM5": {
		"EC2 and X-Ray take no resource for reads and traces; it guards every group and rule of its account and region, and a rule that it puts back may name any list",
		[]string{"*", "prefix-list/*", "security-group-rule/*", "security-group/*"},
	},
	"/Sgwarden/SweepRole/DefaultPolicy/Resource AwsSolutions-IAM5":  {"EC2 and X-Ray take no resource for these", []string{"*"}},
	"/Sgwarden/CanaryRole/DefaultPolicy/Resource AwsSolutions-IAM5": {"EC2 and X-Ray take no resource for these; a rule has no id before it is made, and the group is its own", []string{"*", "security-group-rule/*"}},
	"/SgwardenHub/Undelivered/Resource AwsSolutions-SQS3":           {"it is the queue of dead letters of the rules, which the check does not see", []string{""}},
	"/SgwardenHub/Told/Resource AwsSolutions-S1":                    {"logs of who read the bucket are the account's to choose (data events of a trail), and would be a bucket more", []string{""}},
	"/SgwardenHub/TellBucket/Resource AwsSolutions-IAM5":            {"all objects of the bucket", []string{"<Told4D226AF3.Arn>/*"}},
}

var finding = regexp.MustCompile(`^(AwsSolutions-\w+)(?:\[\w+::(?:.*:)?([^:\]]+)\])?:`)

// TestNag runs cdk-nag's AwsSolutions over the stack that may most, with its
// canary, and over the hub, and holds what it finds and what is accepted together,
// both ways. One acceptance is one rule at one resource.
func TestNag(t *testing.T) {
	s, err := FromContext(fullContext(), Where{Region: "eu-west-1", Now: when})
	require.NoError(t, err)
	require.True(t, s.Canary)
	app := awscdk.NewApp(&awscdk.AppProps{Outdir: jsii.String(t.TempDir())})
	found := map[string]map[string]bool{}
	for _, stack := range []awscdk.Stack{NewAccount(app, s), NewHub(app, HubSettings{Name: "SgwardenHub", Alerts: you, Alarms: you})} {
		nag(t, stack, found)
	}
	for name, what := range found {
		require.Equal(t, accepted[name].applies, slices.Sorted(maps.Keys(what)), name)
	}
	for name, a := range accepted {
		require.Contains(t, found, name, "nothing is found there any more")
		require.NotEmpty(t, a.why, name)
	}
	require.LessOrEqual(t, len(accepted), 10, "mend one, rather than accept another")
}

// nag adds what cdk-nag finds in a stack: by resource and rule, what it is about.
func nag(t *testing.T, stack awscdk.Stack, found map[string]map[string]bool) {
	t.Helper()
	awscdk.Aspects_Of(stack).Add(cdknag.NewAwsSolutionsChecks(nil), nil)
	annotations := assertions.Annotations_FromStack(stack)
	for _, m := range append(*annotations.FindError(jsii.String("*"), assertions.Match_AnyValue()), *annotations.FindWarning(jsii.String("*"), assertions.Match_AnyValue())...) {
		message := readMessage(t, m)
		parts := finding.FindStringSubmatch(message.Entry.Data)
		require.NotNil(t, parts, message.Entry.Data)
		name := message.ID + " " + parts[1]
		if found[name] == nil {
			found[name] = map[string]bool{}
		}
		found[name][parts[2]] = true
	}
}

// message is what is used of a CDK synthesis message, whose Go type is
// deprecated and has no successor in Go.
type message struct {
	ID    string
	Entry struct{ Data string }
}

func readMessage(t *testing.T, synthesised any) (m message) {
	t.Helper()
	text, err := json.Marshal(synthesised)
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(text, &m))
	require.NotEmpty(t, m.ID)
	return m
}
