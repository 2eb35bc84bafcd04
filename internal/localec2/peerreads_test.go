package localec2_test

import (
	"net/netip"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
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

// TestPeeringsByCalls: what is only asked for opens nothing, and what is deleted
// leaves stale rules.
func TestPeeringsByCalls(t *testing.T) {
	w := newWorld(t)
	const own, far, overlapping = "vpc-0000000000000000a", "vpc-0000000000000000c", "vpc-0000000000000000d"
	require.NoError(t, w.account.EnsureVPC(far, netip.MustParsePrefix("10.99.0.0/16")))
	require.NoError(t, w.account.EnsureVPC(overlapping, netip.MustParsePrefix("10.99.128.0/17")))
	g, peer := w.group("web"), w.newGroup(far, "peer")
	create := func(from, to string) (*types.VpcPeeringConnection, error) {
		out, err := w.ec2.CreateVpcPeeringConnection(t.Context(), &ec2.CreateVpcPeeringConnectionInput{VpcId: &from, PeerVpcId: &to})
		if err != nil {
			return nil, err
		}
		return out.VpcPeeringConnection, nil
	}
	status := func(id string) string {
		out, err := w.ec2.DescribeVpcPeeringConnections(t.Context(), &ec2.DescribeVpcPeeringConnectionsInput{
			Filters: []types.Filter{{Name: aws.String("vpc-peering-connection-id"), Values: []string{id}}},
		})
		require.NoError(t, err)
		require.Len(t, out.VpcPeeringConnections, 1)
		return string(out.VpcPeeringConnections[0].Status.Code)
	}
	refers := func() error {
		_, err := w.ec2.AuthorizeSecurityGroupIngress(t.Context(), &ec2.AuthorizeSecurityGroupIngressInput{GroupId: &g, IpPermissions: []types.IpPermission{permFrom("tcp", 22, 22, pair(peer))}})
		return err
	}
	pcx, err := create(own, far)
	require.NoError(t, err)
	id := *pcx.VpcPeeringConnectionId
	require.Equal(t, "pending-acceptance", status(id))
	refused(t, refers(), "InvalidGroup.NotFound")
	_, err = create(far, own)
	refused(t, err, "VpcPeeringConnectionAlreadyExists")
	failed, err := create(far, overlapping)
	require.NoError(t, err)
	require.Equal(t, "failed", status(*failed.VpcPeeringConnectionId))

	accept := func(id string) error {
		_, err := w.ec2.AcceptVpcPeeringConnection(t.Context(), &ec2.AcceptVpcPeeringConnectionInput{VpcPeeringConnectionId: &id})
		return err
	}
	require.NoError(t, accept(id))
	refused(t, accept(id), "InvalidStateTransition")
	refused(t, accept("pcx-00000000000000000"), "InvalidVpcPeeringConnectionID.NotFound")
	require.Equal(t, "active", status(id))
	require.NoError(t, refers())

	_, err = w.ec2.DeleteVpcPeeringConnection(t.Context(), &ec2.DeleteVpcPeeringConnectionInput{VpcPeeringConnectionId: &id})
	require.NoError(t, err)
	require.Equal(t, "deleted", status(id))
	stale, err := w.ec2.DescribeStaleSecurityGroups(t.Context(), &ec2.DescribeStaleSecurityGroupsInput{VpcId: aws.String(own)})
	require.NoError(t, err)
	require.Len(t, stale.StaleSecurityGroupSet, 1)
	again, err := create(own, far)
	require.NoError(t, err, "a new one may be asked for")
	require.NotEqual(t, id, *again.VpcPeeringConnectionId)
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
