package embedded

import (
	"fmt"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/stretchr/testify/require"

	"github.com/sgwarden/sgwarden/internal/incident"
	"github.com/sgwarden/sgwarden/internal/localec2"
	"github.com/sgwarden/sgwarden/internal/plan"
	"github.com/sgwarden/sgwarden/internal/secgroup"
	"github.com/sgwarden/sgwarden/internal/warden"
)

func requireScene(t *testing.T, policies string) *scene {
	return newScene(t, attack{where: t.Name(), lines: [][]string{{"policy", policies}}})
}

func (s *scene) authorize(port, to int32, block, description string) {
	s.t.Helper()
	_, err := s.client.AuthorizeSecurityGroupIngress(s.ctx, &ec2.AuthorizeSecurityGroupIngressInput{GroupId: &s.group, IpPermissions: []types.IpPermission{{
		IpProtocol: aws.String("tcp"), FromPort: &port, ToPort: &to, IpRanges: []types.IpRange{{CidrIp: &block, Description: &description}},
	}}})
	require.NoError(s.t, err)
}

// callsOf counts the calls to EC2 that something makes.
func (s *scene) callsOf(do func()) (n int) {
	s.world.cloud.Disturb(func(localec2.Call) localec2.Disturbance {
		n++
		return localec2.Disturbance{}
	})
	defer s.world.cloud.Disturb(nil)
	do()
	return n
}

// worst is the last decision of the scene.
func (s *scene) worst() incident.Incident {
	s.t.Helper()
	return s.judged[len(s.judged)-1].Worst().Incident
}

// TestWhatRulesLackIsTakenBack from its record; what lacks nothing costs no
// call to EC2.
func TestWhatRulesLackIsTakenBack(t *testing.T) {
	s := requireScene(t, "require")
	s.authorize(443, 444, "10.1.0.0/16", "the office")
	require.Zero(t, s.callsOf(func() { s.hear(nil) }), "the record tells that it is fine")
	s.outcome("compliant")

	for _, bad := range []struct {
		port, to           int32
		block, text, lacks string
	}{
		{22, 22, "10.1.0.0/16", "", "it has no description"},
		{22, 24, "10.1.0.0/16", "ssh", "it opens 3 ports, where 2 may be"},
		{22, 22, "10.0.0.0/15", "ssh", "10.0.0.0/15 is wider than /16"},
	} {
		if bad.text == "" {
			_, err := s.client.AuthorizeSecurityGroupIngress(s.ctx, &ec2.AuthorizeSecurityGroupIngressInput{
				GroupId: &s.group, IpProtocol: aws.String("tcp"), FromPort: &bad.port, ToPort: &bad.to, CidrIp: &bad.block,
			})
			require.NoError(t, err)
		} else {
			s.authorize(bad.port, bad.to, bad.block, bad.text)
		}
		s.hear(nil)
		s.outcome("reverted")
		require.Equal(t, []string{bad.lacks}, s.worst().Rules[0].Lacks)
		s.left([]string{"ingress tcp/443-444 from 10.1.0.0/16"})
	}
}

// TestADescriptionThatGoesIsHeardOf: the call that changes it names no rule.
func TestADescriptionThatGoesIsHeardOf(t *testing.T) {
	s := requireScene(t, "require")
	s.authorize(443, 443, "10.1.0.0/16", "the office")
	s.hear(nil)
	s.outcome("compliant")
	_, err := s.client.UpdateSecurityGroupRuleDescriptionsIngress(s.ctx, &ec2.UpdateSecurityGroupRuleDescriptionsIngressInput{
		GroupId: &s.group, IpPermissions: []types.IpPermission{{
			IpProtocol: aws.String("tcp"), FromPort: aws.Int32(443), ToPort: aws.Int32(443), IpRanges: []types.IpRange{{CidrIp: aws.String("10.1.0.0/16")}},
		}},
	})
	require.NoError(t, err)
	s.hear(nil)
	s.outcome("reverted")
	s.left([]string{"nothing"})
}

// TestAGroupIsTaggedForWhatItLacks, in one call, and told as resolved once it
// has it.
func TestAGroupIsTaggedForWhatItLacks(t *testing.T) {
	s := requireScene(t, "require-tag")
	for port := range int32(3) {
		s.authorize(port, port, "10.0.0.0/8", "x")
	}
	s.hear(nil)
	tags := func() map[string]string {
		g, ok := s.account.ec2.Group(s.group)
		require.True(t, ok)
		return g.Tags
	}
	require.Equal(t, "few owned", tags()[plan.TagKey])
	require.Equal(t, incident.Tagged, s.worst().Outcome)
	told := s.judged[0].Worst().Story.Published[0] // its look found all three rules
	require.Equal(t, incident.Acted, told.EventType)
	require.Len(t, told.Rules, 2, "one finding for each policy")
	require.Equal(t, secgroup.GroupEntry(s.group, "few"), told.Rules[0].ID)
	require.Equal(t, []string{"it has 3 rules, where 2 may be"}, told.Rules[0].Lacks)
	require.Equal(t, []string{"it lacks the tags owner"}, told.Rules[1].Lacks)
	require.Len(t, told.Actions, 1)
	require.Contains(t, told.Actions[0], "CreateTags: the group itself with sgwarden:violates=few owned: answered success")
	require.Empty(t, told.Sessions.Tracked, "nothing was let in")

	mutations := s.world.cloud.Mutations()
	s.hear([]string{"look"})
	require.Equal(t, mutations, s.world.cloud.Mutations(), "it is tagged once")
	require.Empty(t, s.judged[len(s.judged)-1].Decisions[0].Story.Published)

	_, err := s.client.CreateTags(s.ctx, &ec2.CreateTagsInput{Resources: []string{s.group}, Tags: []types.Tag{{Key: aws.String("owner"), Value: aws.String("shop")}}})
	require.NoError(t, err)
	s.hear(nil)
	ruled := func() (ids []string) {
		for _, r := range s.judged[len(s.judged)-1].Worst().Rules {
			ids = append(ids, r.ID)
		}
		return ids
	}
	require.Equal(t, []string{secgroup.GroupEntry(s.group, "few")}, ruled(), "the other is as required")
	_, err = s.client.DeleteTags(s.ctx, &ec2.DeleteTagsInput{Resources: []string{s.group}, Tags: []types.Tag{{Key: aws.String("owner")}}})
	require.NoError(t, err)
	s.hear(nil)
	require.Len(t, ruled(), 2, "the record of its tags is heard")
	told = s.judged[len(s.judged)-1].Worst().Story.Published[0]
	require.Equal(t, []string{"it lacks the tags owner"}, told.Rules[0].Lacks)
	require.Equal(t, "arn:aws:iam::123456789012:user/mallory", told.Actor.ARN)
}

// TestATagThatIsRefusedIsSaid, and one that EC2 does not show is not claimed.
func TestATagThatIsRefusedIsSaid(t *testing.T) {
	for want, d := range map[incident.Outcome]localec2.Disturbance{
		incident.CannotRemediate: localec2.Deny(), incident.NotReverted: localec2.Swallow(),
	} {
		s := requireScene(t, "require-tag")
		s.world.cloud.Disturb(func(c localec2.Call) localec2.Disturbance {
			if c.Action == "CreateTags" {
				return d
			}
			return localec2.Disturbance{}
		})
		require.Equal(t, want, s.account.lookAt(t, s.group).Worst().Outcome)
		s.world.cloud.Disturb(nil)
		require.Equal(t, incident.Tagged, s.account.lookAt(t, s.group).Worst().Outcome, "it is tried again")
	}
}

// TestTooManyGroupsAreToldOnce: of the group that was made last, and, on a pass
// over all of them, of the first. H-COUNT of the packs has 100.
func TestTooManyGroupsAreToldOnce(t *testing.T) {
	r := requirement{policy: "regions-have-few-groups"}
	w, a := r.world(t)
	var records [][]byte
	w.cloud.OnRecord(func(r []byte) { records = append(records, r) })
	s := &scene{t: t, ctx: t.Context(), world: w, account: a}
	s.as("user/mallory")
	make := func() Judged {
		records = nil
		_, err := s.client.CreateSecurityGroup(s.ctx, &ec2.CreateSecurityGroupInput{GroupName: aws.String(fmt.Sprintf("g%d", len(a.ec2.Groups()))), Description: aws.String("d")})
		require.NoError(t, err)
		return a.Judge(s.ctx, records[0])
	}
	for len(a.ec2.Groups()) < 100 {
		require.Equal(t, incident.Compliant, make().Worst().Outcome)
	}
	last := make().Worst()
	require.Equal(t, incident.Alerted, last.Outcome)
	require.Equal(t, []string{"it is one of 101 groups of the region, where 100 may be"}, last.Incident.Rules[0].Lacks)
	require.True(t, last.Incident.Actor.Attributed)
	told := 0
	for _, g := range a.ec2.Groups() {
		told += len(a.lookAt(t, g.ID).Worst().Story.Published)
	}
	require.Equal(t, 1, told, "a pass over all groups tells it once, of the first")
}

// TestFactsAreReadOnceForABatch of messages, where they are the same for all of
// its groups.
func TestFactsAreReadOnceForABatch(t *testing.T) {
	w, a := requirement{policy: "groups-are-distinct"}.world(t)
	var batch []warden.Delivery
	for _, id := range []string{badGroup, fineGroup, exemptGroup} {
		g := &guarded{t, a, id, w}
		g.group(secgroup.Group{VPCID: ownVPC})
		g.rules("", "ingress tcp/22 from 10.0.0.0/8")
		batch = append(batch, warden.Delivery{ID: id, Body: []byte(`{"source":"sgwarden","detail-type":"Judge Group","detail":{"groupId":"` + id + `","cause":"sweep"}}`), ReceiveCount: 1})
	}
	w.cloud.Forget()
	decisions := a.guard.Judge(t.Context(), batch)
	require.Len(t, decisions, 3)
	require.Equal(t, incident.Alerted, decisions[0].Outcome)
	require.Equal(t, []string{"it opens the same as sg-0e0e0000000000000, sg-0f10e000000000000"}, decisions[0].Incident.Rules[0].Lacks)
	require.Equal(t, incident.Compliant, decisions[2].Outcome, "it is exempt")
	require.Equal(t, 3*2+1, w.cloud.Count())
}

// TestFactsThatCannotBeReadAreSaid: what is refused is never taken to be fine.
func TestFactsThatCannotBeReadAreSaid(t *testing.T) {
	for policy, read := range map[string]string{
		"groups-are-distinct": "DescribeSecurityGroups", "groups-are-used": "DescribeNetworkInterfaces", "references-are-alive": "DescribeStaleSecurityGroups",
	} {
		for _, r := range requirements {
			if r.policy != policy {
				continue
			}
			w, a := r.world(t)
			r.bad(&guarded{t, a, badGroup, w})
			disturbed := func(d localec2.Disturbance) {
				w.cloud.Disturb(func(c localec2.Call) localec2.Disturbance {
					if c.Action == read && !c.Params.Has("GroupId.1") {
						return d
					}
					return localec2.Disturbance{}
				})
			}
			disturbed(localec2.Deny())
			seen := a.lookAt(t, badGroup).Worst()
			require.Equal(t, incident.Alerted, seen.Outcome, policy)
			require.Equal(t, "unreadable", seen.Incident.Rules[0].Reason)
			require.Contains(t, strings.Join(seen.Incident.Notes, "\n"), "could not be read: not-permitted")
			require.Len(t, seen.Story.Published, 1)
			require.Empty(t, a.lookAt(t, badGroup).Worst().Story.Published, "it is told once")
			break
		}
	}
}
