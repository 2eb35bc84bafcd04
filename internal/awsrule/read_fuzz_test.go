package awsrule_test

import (
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/stretchr/testify/require"

	"github.com/sgwarden/sgwarden/internal/awsrule"
	"github.com/sgwarden/sgwarden/internal/incident"
)

// FuzzDescribed holds that whatever EC2 answers is a valid rule in canonical
// form, which can be asked for again, or is refused as invalid.
func FuzzDescribed(f *testing.F) {
	f.Add("sgr-1", "tcp", int32(22), int32(22), "0.0.0.0/0", "", "", "", "", true)
	f.Add("sgr-2", "-1", int32(-1), int32(-1), "", "::/0", "", "", "", false)
	f.Add("sgr-3", "icmp", int32(8), int32(-1), "", "", "pl-0123456789abcdef0", "", "", false)
	f.Add("sgr-4", "47", int32(0), int32(0), "", "", "", "sg-0123456789abcdef0", "123456789012", false)
	f.Add("", "udp", int32(25), int32(20), "10.0.0.1/8", "fd00::1/64", "", "", "", true)
	f.Fuzz(func(t *testing.T, id, protocol string, from, to int32, v4, v6, list, group, account string, egress bool) {
		answer := types.SecurityGroupRule{
			SecurityGroupRuleId: &id, IpProtocol: &protocol, FromPort: &from, ToPort: &to, CidrIpv4: &v4, CidrIpv6: &v6,
			PrefixListId: &list, IsEgress: &egress, GroupOwnerId: aws.String("123456789012"),
		}
		if group != "" {
			answer.ReferencedGroupInfo = &types.ReferencedSecurityGroup{GroupId: &group, UserId: &account}
		}
		rule, err := awsrule.Described(answer)
		if err != nil {
			require.ErrorIs(t, err, incident.ErrInvalid)
			return
		}
		require.NoError(t, rule.Validate())
		require.Equal(t, rule.Canonical(), rule)
		require.Equal(t, id, rule.ID)
		_, err = awsrule.Permission(rule)
		require.NoError(t, err)
		request, err := awsrule.Request(rule)
		require.NoError(t, err)
		again, err := awsrule.Described(types.SecurityGroupRule{
			SecurityGroupRuleId: &id, IsEgress: &egress, IpProtocol: request.IpProtocol, FromPort: request.FromPort, ToPort: request.ToPort,
			CidrIpv4: request.CidrIpv4, CidrIpv6: request.CidrIpv6, PrefixListId: request.PrefixListId, ReferencedGroupInfo: answer.ReferencedGroupInfo,
			GroupOwnerId: answer.GroupOwnerId,
		})
		require.NoError(t, err)
		require.Equal(t, rule, again)
	})
}
