package embedded

import (
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/stretchr/testify/require"

	"github.com/sgwarden/sgwarden/internal/alert"
	"github.com/sgwarden/sgwarden/internal/incident"
)

// One call fills the group with the rules whose excess is the longest: all
// forbidden ports in one range, in both families. What cannot be written or
// sent must not keep anything open.
func TestGiantExcess(t *testing.T) {
	s := newScene(t, attack{where: "giant"})
	var all []types.IpPermission
	text := aws.String(strings.Repeat("d", 255))
	for n := range 60 {
		all = append(all, types.IpPermission{
			IpProtocol: aws.String("tcp"), FromPort: aws.Int32(2), ToPort: aws.Int32(int32(64000 + n)),
			IpRanges:   []types.IpRange{{CidrIp: aws.String("0.0.0.0/0"), Description: text}},
			Ipv6Ranges: []types.Ipv6Range{{CidrIpv6: aws.String("::/0"), Description: text}},
		})
	}
	_, err := s.client.AuthorizeSecurityGroupIngress(s.ctx, &ec2.AuthorizeSecurityGroupIngressInput{GroupId: &s.group, IpPermissions: all})
	require.NoError(t, err)
	require.Len(t, s.rules(), 120)
	s.hear(nil)
	s.left([]string{"nothing"})
	s.outcome(incident.Reverted.String())

	told := s.judged[0].Worst().Incident
	require.Len(t, told.Rules, 120)
	for _, r := range told.Rules {
		require.NotEmpty(t, r.Excess)
		require.Positive(t, r.OmittedExcess)
	}
	m, err := alert.Render(told)
	require.NoError(t, err)
	whole, err := m.SNS()
	require.NoError(t, err)
	require.Less(t, len(whole), 256<<10, "SNS takes no more")
}

// The excess of a single rule is told in full.
func TestLongestExcess(t *testing.T) {
	s := newScene(t, attack{where: "longest"})
	s.add("ingress", []string{"tcp", "2", "64000", "::/0"})
	s.hear(nil)
	s.left([]string{"nothing"})
	rules := s.judged[0].Worst().Incident.Rules
	require.Len(t, rules, 1)
	require.Greater(t, len(rules[0].Excess), 5000)
	require.Zero(t, rules[0].OmittedExcess)
}
