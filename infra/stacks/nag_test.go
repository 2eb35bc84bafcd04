//go:build !race

package stacks

import (
	"encoding/json"
	"regexp"
	"testing"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/assertions"
	"github.com/aws/jsii-runtime-go"
	"github.com/cdklabs/cdk-nag-go/cdknag/v2"
	"github.com/stretchr/testify/require"
)

// accepted are the findings of cdk-nag that stay, and why.
var accepted = map[string]string{
	"/Sgwarden/CanaryVpc AwsSolutions-VPC7":                                                "nothing is in it, and it has no subnets: there is no flow to log",
	"/Sgwarden/Undelivered/Resource AwsSolutions-SQS3":                                     "it is the queue of dead letters of the rules, which the check does not see",
	"/Sgwarden/Reader/Resource AwsSolutions-IAM5[*]":                                       "EC2, CloudTrail and their like take no resource for reads",
	"/Sgwarden/GuardRole/DefaultPolicy/Resource AwsSolutions-IAM5[*]":                      "EC2 and X-Ray take no resource for these",
	"/Sgwarden/GuardRole/DefaultPolicy/Resource AwsSolutions-IAM5[security-group/*]":       "it guards every group of its account and region",
	"/Sgwarden/GuardRole/DefaultPolicy/Resource AwsSolutions-IAM5[security-group-rule/*]":  "likewise every rule",
	"/Sgwarden/GuardRole/DefaultPolicy/Resource AwsSolutions-IAM5[prefix-list/*]":          "a rule that it puts back may name any list",
	"/Sgwarden/SweepRole/DefaultPolicy/Resource AwsSolutions-IAM5[*]":                      "EC2 and X-Ray take no resource for these",
	"/Sgwarden/CanaryRole/DefaultPolicy/Resource AwsSolutions-IAM5[*]":                     "EC2 and X-Ray take no resource for these",
	"/Sgwarden/CanaryRole/DefaultPolicy/Resource AwsSolutions-IAM5[security-group-rule/*]": "a rule has no id before it is made; the group is its own",
}

var finding = regexp.MustCompile(`^(AwsSolutions-\w+)(?:\[\w+::(?:.*:)?([^:\]]+)\])?:`)

// TestNag runs cdk-nag's AwsSolutions over the stack that may most, and holds
// what it finds and what is accepted together, both ways.
func TestNag(t *testing.T) {
	s, err := FromContext(fullContext(), Where{"eu-west-1", when})
	require.NoError(t, err)
	stack := NewAccount(awscdk.NewApp(&awscdk.AppProps{Outdir: jsii.String(t.TempDir())}), s)
	awscdk.Aspects_Of(stack).Add(cdknag.NewAwsSolutionsChecks(nil), nil)
	annotations := assertions.Annotations_FromStack(stack)
	found := map[string]string{}
	for _, m := range append(*annotations.FindError(jsii.String("*"), assertions.Match_AnyValue()), *annotations.FindWarning(jsii.String("*"), assertions.Match_AnyValue())...) {
		message := readMessage(t, m)
		parts := finding.FindStringSubmatch(message.Entry.Data)
		require.NotNil(t, parts, message.Entry.Data)
		name := message.ID + " " + parts[1]
		if parts[2] != "" {
			name += "[" + parts[2] + "]"
		}
		found[name] = accepted[name]
	}
	require.Equal(t, accepted, found)
	require.LessOrEqual(t, len(accepted), 10, "mend one, rather than accept another")
	for name, why := range accepted {
		require.NotEmpty(t, why, name)
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
