package embedded

import (
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/stretchr/testify/require"

	"github.com/sgwarden/sgwarden/internal/alert"
	"github.com/sgwarden/sgwarden/internal/incident"
	"github.com/sgwarden/sgwarden/internal/localec2"
	"github.com/sgwarden/sgwarden/internal/localec2/cloudtrail"
)

// give gives the first ingress rule of the group another block, a minute after
// what was before.
func (u *undoing) give(c *ec2.Client, block string) (record []byte) {
	u.Helper()
	u.at = u.at.Add(time.Minute)
	id := ""
	_, rules := u.rules()
	for _, r := range rules {
		if r.Ports.From == 22 {
			id = r.ID
		}
	}
	_, err := c.ModifySecurityGroupRules(u.Context(), &ec2.ModifySecurityGroupRulesInput{GroupId: &u.group, SecurityGroupRules: []types.SecurityGroupRuleUpdate{{
		SecurityGroupRuleId: &id,
		SecurityGroupRule:   &types.SecurityGroupRuleRequest{IpProtocol: aws.String("tcp"), FromPort: aws.Int32(22), ToPort: aws.Int32(22), CidrIpv4: &block},
	}}})
	require.NoError(u, err)
	return u.records[len(u.records)-1]
}

// TestAChangeThatWasOverwrittenIsToldAndCanBeSet: the value goes through EC2's
// record, the ledger and the message, and the line of the message sets it.
func TestAChangeThatWasOverwrittenIsToldAndCanBeSet(t *testing.T) {
	u := newUndoing(t)
	eve := u.client(cloudtrail.User(localec2.DefaultAccount, "eve", "AKIAEVE"), "curl")
	u.open("ingress tcp/22 from 10.0.0.0/16")
	told, _ := u.hear()
	require.Empty(t, told)

	late := u.give(u.person, "10.0.0.0/8")
	body := u.give(eve, "0.0.0.0/0")
	u.records = [][]byte{body}
	told, outcomes := u.hear()
	require.Equal(t, []string{"acted reverted, ingress tcp/22 from 0.0.0.0/0"}, kinds(told))
	require.Contains(t, outcomes, incident.Reverted)
	require.True(t, hasRule(u, told[0].Rules[0].ID, told[0].Rules[0].After[0]))

	u.at = u.at.Add(20 * time.Minute)
	u.records = append(u.records, late)
	told, _ = u.hear()
	require.Equal(t, []string{"attributed reverted, ingress tcp/22 from 0.0.0.0/0"}, kinds(told))
	require.Len(t, told[0].News(), 1)
	s := told[0].News()[0]
	require.Equal(t, "arn:aws:iam::123456789012:user/mira", s.Actor.ARN)
	require.Equal(t, "arn:aws:iam::123456789012:user/eve", told[0].Actor.ARN)
	require.Empty(t, s.Rules[0].Policies)
	m, err := alert.Render(told[0])
	require.NoError(t, err)
	require.Contains(t, m.Text, "aws ec2 modify-security-group-rules --region us-east-1 --group-id "+u.group+" --security-group-rules 'SecurityGroupRuleId="+s.Rules[0].Value.ID+
		",SecurityGroupRule={IpProtocol=tcp,FromPort=22,ToPort=22,CidrIpv4=10.0.0.0/8}'")

	u.give(u.person, "10.0.0.0/8")
	told, outcomes = u.hear()
	require.Empty(t, told)
	require.Equal(t, incident.Compliant, outcomes[0])
	require.True(t, hasRule(u, s.Rules[0].Value.ID, s.Rules[0].Value))
}
