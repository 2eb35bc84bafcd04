package localec2_test

import (
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/stretchr/testify/require"
)

func TestReadsLag(t *testing.T) {
	w := newClocked(t)
	g := w.group("web")
	w.ingress(g, perm("tcp", 1, 1, "10.0.0.0/8"))
	const one, two, three = "in tcp 1-1 10.0.0.0/8", "in tcp 2-2 10.0.0.0/8", "in tcp 3-3 10.0.0.0/8"
	w.cloud.Lag(5 * time.Second)
	require.Equal(t, []string{one}, w.texts(g), "what was there before is seen")

	second := w.ingress(g, perm("tcp", 2, 2, "10.0.0.0/8"))
	w.pass(3 * time.Second)
	w.ingress(g, perm("tcp", 3, 3, "10.0.0.0/8"))
	require.Equal(t, []string{one}, w.texts(g))
	require.Len(t, w.rules(g), 3, "an account shows what is")
	refused(t, w.tryIngress(g, perm("tcp", 2, 2, "10.0.0.0/8")), "InvalidPermission.Duplicate")
	w.pass(2*time.Second - 1)
	require.Equal(t, []string{one}, w.texts(g))
	w.pass(1)
	require.ElementsMatch(t, []string{one, two}, w.texts(g), "the first change is five seconds old, the second two")
	w.pass(3 * time.Second)
	require.ElementsMatch(t, []string{one, two, three}, w.texts(g))

	_, err := w.ec2.RevokeSecurityGroupIngress(t.Context(), &ec2.RevokeSecurityGroupIngressInput{GroupId: &g, SecurityGroupRuleIds: second})
	require.NoError(t, err)
	require.ElementsMatch(t, []string{one, two, three}, w.texts(g), "a removed rule is still shown")
	w.pass(5 * time.Second)
	require.ElementsMatch(t, []string{one, three}, w.texts(g))
}

func TestANewGroupIsNotFoundYet(t *testing.T) {
	w := newClocked(t)
	w.cloud.Lag(5 * time.Second)
	g := w.newGroup(w.account.DefaultVPC(), "late")
	look := func() error {
		_, err := w.ec2.DescribeSecurityGroups(t.Context(), &ec2.DescribeSecurityGroupsInput{GroupIds: []string{g}})
		return err
	}
	refused(t, look(), "InvalidGroup.NotFound")
	require.NoError(t, w.tryIngress(g, perm("tcp", 1, 1, "10.0.0.0/8")), "a change finds it")
	w.pass(5 * time.Second)
	require.NoError(t, look())
}

func TestLagIsOfAllChangesAndEnds(t *testing.T) {
	w := newClocked(t)
	g := w.group("web")
	w.cloud.Lag(time.Hour)
	require.True(t, w.account.SetTags(g, map[string]string{"a": "b"}))
	tags := func() []types.Tag {
		out, err := w.ec2.DescribeSecurityGroups(t.Context(), &ec2.DescribeSecurityGroupsInput{GroupIds: []string{g}})
		require.NoError(t, err)
		return out.SecurityGroups[0].Tags
	}
	require.Empty(t, tags(), "a change past the API is late too")
	w.cloud.Lag(0)
	require.Len(t, tags(), 1)
}
