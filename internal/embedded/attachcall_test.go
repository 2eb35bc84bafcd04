package embedded

import (
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/stretchr/testify/require"

	"github.com/sgwarden/sgwarden/internal/incident"
	"github.com/sgwarden/sgwarden/internal/localec2"
	"github.com/sgwarden/sgwarden/internal/localec2/cloudtrail"
)

// launches launches into the default group, moves the interface to a group of
// its own and back, and renames it, which attaches nothing.
func (o *office) launches() (told []incident.Incident, outcomes []incident.Outcome) {
	o.Helper()
	ctx, c := o.Context(), o.client(cloudtrail.User(localec2.DefaultAccount, "mira", "AKIAMIRA"), "aws-cli/2")
	one := aws.Int32(1)
	run, err := c.RunInstances(ctx, &ec2.RunInstancesInput{ImageId: aws.String("ami-1"), MinCount: one, MaxCount: one})
	require.NoError(o, err)
	first := run.Instances[0]
	hear := func() {
		o.Helper()
		t, e := o.hear()
		told, outcomes = append(told, t...), append(outcomes, e...)
	}
	hear()
	own, err := c.CreateSecurityGroup(ctx, &ec2.CreateSecurityGroupInput{GroupName: aws.String("jobs"), Description: aws.String("jobs"), VpcId: first.VpcId})
	require.NoError(o, err)
	o.records = nil
	for _, change := range []*ec2.ModifyNetworkInterfaceAttributeInput{
		{Groups: []string{*own.GroupId}}, {Description: &types.AttributeValue{Value: aws.String("jobs")}}, {Groups: []string{*first.SecurityGroups[0].GroupId}},
	} {
		change.NetworkInterfaceId = first.NetworkInterfaces[0].NetworkInterfaceId
		_, err = c.ModifyNetworkInterfaceAttribute(ctx, change)
		require.NoError(o, err)
		hear()
	}
	return told, outcomes
}

func TestCallsThatAttachAreJudgedWhereAPolicyAsks(t *testing.T) {
	o := newOffice(t, "apiVersion: sgwarden/v1\nkind: Settings\npacks: [hygiene]\n")
	told, outcomes := o.launches()
	require.Equal(t, []incident.Outcome{incident.Alerted, incident.Compliant, incident.Ignored, incident.Alerted}, outcomes)
	require.NotEmpty(t, told)
	require.Equal(t, "default-group-is-not-used", told[0].Policies[0].ID)
}

func TestCallsThatAttachAreLetGoWhereNoPolicyAsks(t *testing.T) {
	o := newOffice(t, "apiVersion: sgwarden/v1\nkind: Settings\npacks: [baseline]\n")
	told, outcomes := o.launches()
	require.Equal(t, []incident.Outcome{incident.Ignored, incident.Ignored, incident.Ignored, incident.Ignored}, outcomes)
	require.Empty(t, told)
}
