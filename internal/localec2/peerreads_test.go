package localec2_test

import (
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/stretchr/testify/require"

	"github.com/sgwarden/sgwarden/internal/localec2"
)

func TestReferencesAcrossAPeeringAndStaleOnes(t *testing.T) {
	w := newWorld(t)
	const far = "vpc-0000000000000000c"
	require.NoError(t, w.account.EnsureVPC(far))
	g, peer := w.group("web"), w.newGroup(far, "peer")
	w.account.Peer(localec2.Peering{ID: "pcx-0000000000000000a", VPCID: "vpc-0000000000000000a", PeerAccount: w.account.ID, PeerVPCID: far})
	w.ingress(g, permFrom("tcp", 22, 22, pair(peer)))
	stale := func() int {
		out, err := w.ec2.DescribeStaleSecurityGroups(t.Context(), &ec2.DescribeStaleSecurityGroupsInput{VpcId: aws.String("vpc-0000000000000000a")})
		require.NoError(t, err)
		for _, s := range out.StaleSecurityGroupSet {
			require.Equal(t, g, *s.GroupId)
			require.Equal(t, peer, *s.StaleIpPermissions[0].UserIdGroupPairs[0].GroupId)
			require.Empty(t, s.StaleIpPermissionsEgress)
		}
		return len(out.StaleSecurityGroupSet)
	}
	require.Zero(t, stale())
	out, err := w.ec2.DescribeSecurityGroupReferences(t.Context(), &ec2.DescribeSecurityGroupReferencesInput{GroupId: []string{peer, g}})
	require.NoError(t, err)
	require.Len(t, out.SecurityGroupReferenceSet, 1)
	require.Equal(t, peer, *out.SecurityGroupReferenceSet[0].GroupId)
	require.Equal(t, "vpc-0000000000000000a", *out.SecurityGroupReferenceSet[0].ReferencingVpcId)
	require.Equal(t, "pcx-0000000000000000a", *out.SecurityGroupReferenceSet[0].VpcPeeringConnectionId)

	require.True(t, w.account.DropGroup(peer))
	require.Equal(t, 1, stale())
	_, err = w.ec2.DescribeSecurityGroupReferences(t.Context(), &ec2.DescribeSecurityGroupReferencesInput{GroupId: []string{peer}})
	refused(t, err, "InvalidGroup.NotFound")
}

func TestGroupsForAVPC(t *testing.T) {
	w := newWorld(t)
	const far = "vpc-0000000000000000c"
	require.NoError(t, w.account.EnsureVPC(far))
	g := w.group("web")
	names := func() []string {
		out, err := w.ec2.GetSecurityGroupsForVpc(t.Context(), &ec2.GetSecurityGroupsForVpcInput{VpcId: aws.String(far)})
		require.NoError(t, err)
		var all []string
		for _, s := range out.SecurityGroupForVpcs {
			all = append(all, *s.GroupName+" of "+*s.PrimaryVpcId)
		}
		return sortedTexts(all)
	}
	require.Equal(t, []string{"default of " + far}, names())
	_, err := w.ec2.AssociateSecurityGroupVpc(t.Context(), &ec2.AssociateSecurityGroupVpcInput{GroupId: &g, VpcId: aws.String(far)})
	require.NoError(t, err)
	require.Equal(t, []string{"default of " + far, "web of vpc-0000000000000000a"}, names())
}
