package localec2_test

import (
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/stretchr/testify/require"

	"github.com/sgwarden/sgwarden/internal/localec2"
)

func peeringTo(id, account, vpcID string) localec2.Peering {
	return localec2.Peering{ID: id, VPCID: "vpc-0000000000000000a", PeerAccount: account, PeerVPCID: vpcID}
}

func TestRevokeByID(t *testing.T) {
	w := newWorld(t)
	g := w.group("web")
	ids := w.ingress(g, perm("tcp", 22, 22, "0.0.0.0/0", "10.0.0.0/8"), perm6("-1", 0, 0, "::/0"))
	out, err := w.ec2.RevokeSecurityGroupIngress(t.Context(), &ec2.RevokeSecurityGroupIngressInput{GroupId: &g, SecurityGroupRuleIds: []string{ids[0], ids[2], ids[0]}})
	require.NoError(t, err)
	require.True(t, *out.Return)
	require.Len(t, out.RevokedSecurityGroupRules, 2, "the answer names what went")
	require.ElementsMatch(t, []string{ids[0], ids[2]}, []string{*out.RevokedSecurityGroupRules[0].SecurityGroupRuleId, *out.RevokedSecurityGroupRules[1].SecurityGroupRuleId})
	require.Equal(t, []string{"in tcp 22-22 10.0.0.0/8"}, w.texts(g))
}

func TestRevokeByIDIsAllOrNothing(t *testing.T) {
	w := newWorld(t)
	g, other := w.group("web"), w.group("other")
	ids := w.ingress(g, perm("tcp", 22, 22, "0.0.0.0/0"))
	foreign := w.ingress(other, perm("tcp", 22, 22, "0.0.0.0/0"))
	before := w.cloud.Snapshot()
	for _, c := range []struct {
		name, code string
		ids        []string
		egress     bool
	}{
		{"one does not exist", "InvalidSecurityGroupRuleId.NotFound", []string{ids[0], "sgr-0123456789abcdef0"}, false},
		{"one of another group", "InvalidSecurityGroupRuleId.NotFound", []string{ids[0], foreign[0]}, false},
		{"one of the other direction", "InvalidSecurityGroupRuleId.NotFound", ids, true},
		{"one of no form", "InvalidSecurityGroupRuleId.Malformed", []string{ids[0], "sg-0123456789abcdef0"}, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			var err error
			if c.egress {
				_, err = w.ec2.RevokeSecurityGroupEgress(t.Context(), &ec2.RevokeSecurityGroupEgressInput{GroupId: &g, SecurityGroupRuleIds: c.ids})
			} else {
				_, err = w.ec2.RevokeSecurityGroupIngress(t.Context(), &ec2.RevokeSecurityGroupIngressInput{GroupId: &g, SecurityGroupRuleIds: c.ids})
			}
			refused(t, err, c.code)
			require.True(t, w.cloud.Snapshot().Equal(before))
		})
	}
	_, err := w.ec2.RevokeSecurityGroupIngress(t.Context(), &ec2.RevokeSecurityGroupIngressInput{GroupId: &g})
	refused(t, err, "MissingParameter")
	_, err = w.ec2.RevokeSecurityGroupIngress(t.Context(), &ec2.RevokeSecurityGroupIngressInput{
		GroupId: &g, SecurityGroupRuleIds: ids, IpPermissions: []types.IpPermission{perm("tcp", 22, 22, "0.0.0.0/0")},
	})
	refused(t, err, "InvalidParameterCombination")
}

func TestRevokeByValueDependsOnTheVPC(t *testing.T) {
	wanted := []types.IpPermission{perm("tcp", 22, 22, "0.0.0.0/0"), perm("tcp", 23, 23, "0.0.0.0/0")}
	t.Run("default VPC: success, and the rest is unknown", func(t *testing.T) {
		w := newWorld(t)
		g := w.newGroup(w.account.DefaultVPC(), "web")
		w.ingress(g, perm("tcp", 22, 22, "0.0.0.0/0"), perm("tcp", 80, 80, "0.0.0.0/0"))
		out, err := w.ec2.RevokeSecurityGroupIngress(t.Context(), &ec2.RevokeSecurityGroupIngressInput{GroupName: aws.String("web"), IpPermissions: wanted})
		require.NoError(t, err)
		require.True(t, *out.Return)
		require.Len(t, out.RevokedSecurityGroupRules, 1)
		require.Len(t, out.UnknownIpPermissions, 1)
		require.EqualValues(t, 23, *out.UnknownIpPermissions[0].FromPort)
		require.ElementsMatch(t, []string{"out -1 -1--1 0.0.0.0/0", "in tcp 80-80 0.0.0.0/0"}, w.texts(g))
	})
	t.Run("other VPC: an error, and nothing is revoked", func(t *testing.T) {
		w := newWorld(t)
		g := w.group("web")
		w.ingress(g, perm("tcp", 22, 22, "0.0.0.0/0"))
		_, err := w.ec2.RevokeSecurityGroupIngress(t.Context(), &ec2.RevokeSecurityGroupIngressInput{GroupId: &g, IpPermissions: wanted})
		refused(t, err, "InvalidPermission.NotFound")
		require.Equal(t, []string{"in tcp 22-22 0.0.0.0/0"}, w.texts(g))
		_, err = w.ec2.RevokeSecurityGroupIngress(t.Context(), &ec2.RevokeSecurityGroupIngressInput{
			GroupId: &g, IpProtocol: aws.String("6"), FromPort: aws.Int32(22), ToPort: aws.Int32(22), CidrIp: aws.String("1.2.3.4/0"),
		})
		require.NoError(t, err, "another spelling of the same rule matches")
		require.Empty(t, w.rules(g))
	})
	t.Run("the ports of all protocols do not matter", func(t *testing.T) {
		w := newWorld(t)
		require.NoError(t, w.account.EnsureVPC("vpc-0000000000000000a"))
		g := w.newGroup("vpc-0000000000000000a", "web")
		_, err := w.ec2.RevokeSecurityGroupEgress(t.Context(), &ec2.RevokeSecurityGroupEgressInput{GroupId: &g, IpPermissions: []types.IpPermission{perm("-1", 0, 0, "0.0.0.0/0")}})
		require.NoError(t, err, "Terraform revokes the default egress so")
		require.Empty(t, w.rules(g))
		_, err = w.ec2.RevokeSecurityGroupEgress(t.Context(), &ec2.RevokeSecurityGroupEgressInput{GroupId: &g, IpPermissions: []types.IpPermission{perm6("-1", 0, 0, "::/0")}})
		refused(t, err, "InvalidPermission.NotFound")
	})
}
