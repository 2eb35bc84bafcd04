package warden_test

import (
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/stretchr/testify/require"

	"github.com/sgwarden/sgwarden/internal/incident"
	"github.com/sgwarden/sgwarden/internal/localec2"
	"github.com/sgwarden/sgwarden/internal/secgroup"
)

// allow lets a block reach ports, under a description and a tag, and gives the
// rule's id and the record.
func (c *cloud) allow(group, block string, from, to int32) (id string, record []byte) {
	c.t.Helper()
	permission := types.IpPermission{IpProtocol: aws.String("tcp"), FromPort: &from, ToPort: &to}
	permission.IpRanges = []types.IpRange{{CidrIp: &block, Description: aws.String("office, CHG-7")}}
	out, err := c.user.AuthorizeSecurityGroupIngress(c.t.Context(), &ec2.AuthorizeSecurityGroupIngressInput{
		GroupId: &group, IpPermissions: []types.IpPermission{permission},
		TagSpecifications: []types.TagSpecification{{ResourceType: types.ResourceTypeSecurityGroupRule, Tags: []types.Tag{{Key: aws.String("owner"), Value: aws.String("net")}}}},
	})
	require.NoError(c.t, err)
	return *out.SecurityGroupRules[0].SecurityGroupRuleId, c.records[len(c.records)-1]
}

// change gives a rule another block and description.
func (c *cloud) change(group, id, block string, from, to int32) []byte {
	c.t.Helper()
	_, err := c.user.ModifySecurityGroupRules(c.t.Context(), &ec2.ModifySecurityGroupRulesInput{GroupId: &group, SecurityGroupRules: []types.SecurityGroupRuleUpdate{{
		SecurityGroupRuleId: &id,
		SecurityGroupRule:   &types.SecurityGroupRuleRequest{IpProtocol: aws.String("tcp"), FromPort: &from, ToPort: &to, CidrIpv4: &block, Description: aws.String("nothing to see")},
	}}})
	require.NoError(c.t, err)
	return c.records[len(c.records)-1]
}

func (c *cloud) rule(group, id string) (secgroup.Rule, bool) {
	g, ok := c.account.Group(group)
	require.True(c.t, ok)
	for _, r := range g.Rules {
		if r.ID == id {
			return r, true
		}
	}
	return secgroup.Rule{}, false
}

// TestAModifiedRuleIsAsItWas: the value goes back in place, with id,
// description and tags, by the growth of what was known of it.
func TestAModifiedRuleIsAsItWas(t *testing.T) {
	const old, all = "10.0.0.0/8", "0.0.0.0/0"
	for name, c := range map[string]struct {
		from, to int32 // of the rule as it was made
		known    bool  // somebody heard of it
		block    string
		want     string // "" = revoked
		outcome  incident.Outcome
	}{
		"widened":                        {22, 22, true, all, "ingress tcp/22 from 10.0.0.0/8", incident.Reverted},
		"widened from another port":      {443, 443, true, all, "ingress tcp/443 from 10.0.0.0/8", incident.Reverted},
		"widened, of which nobody heard": {22, 22, false, all, "", incident.Reverted},
		"narrowed":                       {22, 22, true, "10.2.0.0/16", "ingress tcp/22 from 10.2.0.0/16", incident.Compliant},
		"widened by a little":            {22, 22, true, "10.0.0.0/7", "ingress tcp/22 from 10.0.0.0/8", incident.Reverted}, // 11.0.0.0/8 is the internet
	} {
		t.Run(name, func(t *testing.T) {
			w := newCloud(t, "revert")
			group := w.group()
			id, record := w.allow(group, old, c.from, c.to)
			if c.known {
				require.Equal(t, incident.Compliant, w.judge(record, 1).Outcome)
			}
			w.now = w.now.Add(time.Hour)
			d := w.judge(w.change(group, id, c.block, 22, 22), 1)
			require.Equal(t, c.outcome, d.Outcome, d.Reason)
			left, live := w.rule(group, id)
			if c.want == "" {
				require.False(t, live)
				require.NotEmpty(t, d.Incident.Fallback)
				return
			}
			require.Equal(t, c.want, left.String())
			require.Equal(t, map[string]string{"owner": "net"}, left.Tags)
			if c.outcome == incident.Reverted {
				require.Equal(t, "office, CHG-7", left.Description)
				require.True(t, d.Incident.Rules[0].Restored)
				require.Equal(t, "nothing to see", d.Incident.Rules[0].Before.Description)
			}
		})
	}
}

// TestAModifiedViolationIsNotPutBack: the old value was due itself.
func TestAModifiedViolationIsNotPutBack(t *testing.T) {
	w := newCloud(t, "revert")
	group := w.group()
	id, record := w.allow(group, "8.0.0.0/8", 22, 22)
	w.Disturb(denyRevoke)
	require.Equal(t, incident.CannotRemediate, w.judge(record, 1).Outcome)
	w.Disturb(nil)
	w.now = w.now.Add(time.Hour)
	require.Equal(t, incident.Reverted, w.judge(w.change(group, id, "0.0.0.0/0", 22, 22), 1).Outcome)
	_, live := w.rule(group, id)
	require.False(t, live)
}

func denyRevoke(c localec2.Call) localec2.Disturbance {
	if c.Action == "RevokeSecurityGroupIngress" {
		return localec2.Deny()
	}
	return localec2.Disturbance{}
}
