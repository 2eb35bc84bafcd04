//go:build !race

package stacks

import (
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/jsii-runtime-go"
	"github.com/stretchr/testify/require"

	"github.com/sgwarden/sgwarden/internal/policy"
)

// everywhere is a region of each partition.
var everywhere = map[string]string{"aws": "eu-west-1", "aws-us-gov": "us-gov-west-1", "aws-cn": "cn-northwest-1"}

var (
	arnPartition = regexp.MustCompile(`arn:(aws[a-z-]*):`)
	awsHost      = regexp.MustCompile(`[A-Za-z0-9.-]*\.(?:amazonaws|amazon|aws)\.[a-z.]*[a-z]`)
)

// sameEverywhere are names of services in policies and in CloudTrail's records:
// these are called alike in all partitions (IAM user guide, "AWS service
// principals"; CloudTrail user guide, "eventSource").
var sameEverywhere = map[string]bool{
	"cloudwatch.amazonaws.com": true, "events.amazonaws.com": true, "lambda.amazonaws.com": true,
	"cloudtrail.amazonaws.com": true, "dynamodb.amazonaws.com": true, "ec2.amazonaws.com": true, "iam.amazonaws.com": true,
	"kms.amazonaws.com": true, "monitoring.amazonaws.com": true, "sns.amazonaws.com": true, "sqs.amazonaws.com": true,
}

// TestPartitions: in every partition the stack with every setting names that
// partition alone, and no host of another; also where CloudFormation fills
// nothing in.
func TestPartitions(t *testing.T) {
	require.ElementsMatch(t, policy.Partitions(), slices.Collect(maps.Keys(everywhere)))
	for partition, region := range everywhere {
		t.Run(partition, func(t *testing.T) {
			folder := inPartition(t, partition, region)
			s, err := FromContext(map[string]any{"dist": filepath.Join(dist, "full"), "policies": folder}, Where{Region: region, Now: when})
			require.NoError(t, err)
			for name, env := range map[string]*awscdk.Environment{
				"agnostic": nil, "resolved": {Region: jsii.String(region), Account: jsii.String("123456789012")},
			} {
				text := synthesizeIn(t, s, env)
				for _, m := range arnPartition.FindAllStringSubmatch(text, -1) {
					require.Equal(t, partition, m[1], name)
				}
				for _, host := range awsHost.FindAllString(text, -1) {
					require.True(t, sameEverywhere[host], "%s: %s", name, host)
				}
				if env != nil {
					require.True(t, strings.Contains(text, "arn:"+partition+":ec2:"+region+":123456789012:security-group/*"), "the region says the partition")
				}
			}
		})
	}
}

// TestPlainNamesNoPartition: the template of a release is one for all.
func TestPlainNamesNoPartition(t *testing.T) {
	require.Empty(t, arnPartition.FindAllString(string(plain.raw), -1))
	for _, host := range awsHost.FindAllString(string(plain.raw), -1) {
		require.True(t, sameEverywhere[host], host)
	}
}

// TestSettingsOfAnotherPartition are refused before anything is made.
func TestSettingsOfAnotherPartition(t *testing.T) {
	folder := inPartition(t, "aws-cn", "cn-north-1")
	_, err := FromContext(map[string]any{"dist": filepath.Join(dist, "full"), "policies": folder}, Where{Region: "eu-west-1", Now: when})
	var faults policy.Faults
	require.ErrorAs(t, err, &faults)
	require.Len(t, faults, 3, "key, operator, queue")
}

// inPartition makes the folder of full of what is there in a region.
func inPartition(t *testing.T, partition, region string) string {
	t.Helper()
	text, err := os.ReadFile("testdata/full/sgwarden.yaml")
	require.NoError(t, err)
	folder := t.TempDir()
	moved := strings.NewReplacer("arn:aws:", "arn:"+partition+":", "eu-west-1", region).Replace(string(text))
	require.NoError(t, os.WriteFile(filepath.Join(folder, "sgwarden.yaml"), []byte(moved), 0o600))
	return folder
}

// synthesizeIn makes the template for an environment; nil = any.
func synthesizeIn(t *testing.T, s Settings, env *awscdk.Environment) string {
	t.Helper()
	app := awscdk.NewApp(&awscdk.AppProps{
		Outdir: jsii.String(t.TempDir()), Context: &map[string]any{"@aws-cdk/core:enablePartitionLiterals": true},
	})
	stage := awscdk.NewStage(app, jsii.String("Stage"), &awscdk.StageProps{Env: env})
	stack := NewAccount(stage, s)
	return jsonText(t, stage.Synth(nil).GetStackArtifact(stack.ArtifactId()).Template())
}
