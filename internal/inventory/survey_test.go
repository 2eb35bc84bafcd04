package inventory_test

import (
	"context"
	"fmt"
	"net/netip"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/stretchr/testify/require"

	"github.com/sgwarden/sgwarden/internal/incident"
	"github.com/sgwarden/sgwarden/internal/inventory"
	"github.com/sgwarden/sgwarden/internal/localec2"
	"github.com/sgwarden/sgwarden/internal/secgroup"
	"github.com/sgwarden/sgwarden/internal/warden"
)

var _ warden.Survey = (*inventory.Inventory)(nil)

// everyKind is rules of every kind that EC2 has.
func everyKind(t *testing.T) []secgroup.Rule {
	var rules []secgroup.Rule
	for _, text := range []string{
		"ingress tcp/20-25 from 0.0.0.0/0", "ingress tcp/20-25 from 8.8.8.0/24", "ingress tcp/20-25 from ::/0", "ingress all from 10.0.0.0/8",
		"egress icmp/8 to 10.0.0.0/8", "ingress icmpv6 from 2606:4700::/32", "ingress 50 from " + web, "egress udp/53 to pl-0000000000000000a",
		"ingress tcp/1 from sg-0000000000000000f",
	} {
		r, err := secgroup.ParseRule(text)
		require.NoError(t, err)
		rules = append(rules, r)
	}
	return rules
}

func TestEachGroupTellsWhatGroupTells(t *testing.T) {
	cloud, account, inv := newWorld(t)
	for _, r := range everyKind(t) {
		added, err := account.EnsureRule(web, r)
		require.NoError(t, err)
		require.True(t, added)
	}
	want, err := inv.Group(t.Context(), web)
	require.NoError(t, err)
	cloud.Forget()
	seen := map[string]secgroup.Group{}
	next, err := inv.EachGroup(t.Context(), "", func(g secgroup.Group, err error) {
		require.NoError(t, err)
		seen[g.ID] = g
	})
	require.NoError(t, err)
	require.Empty(t, next)
	require.Equal(t, 1, cloud.Count())
	require.Len(t, seen, 3, "and the default groups of both VPCs")

	got := seen[web]
	var withIDs, without []string
	for _, r := range want.Rules {
		withIDs = append(withIDs, r.Value())
	}
	for _, r := range got.Rules {
		require.Empty(t, r.ID)
		require.NoError(t, r.Validate())
		without = append(without, r.Value())
	}
	require.ElementsMatch(t, withIDs, without)
	got.Rules, want.Rules = nil, nil
	require.Equal(t, want, got)
}

func TestEachGroupAndEachRuleByPages(t *testing.T) {
	cloud, account, inv := newWorld(t)
	var groups []secgroup.Group
	var ids []string
	for n := range 1500 {
		g := secgroup.Group{ID: fmt.Sprintf("sg-0b%015x", n), VPCID: webVPC}
		for port := range int32(6) {
			g.Rules = append(g.Rules, secgroup.Rule{Direction: secgroup.Ingress, Protocol: secgroup.TCP, Ports: secgroup.Ports{From: port, To: port}, Peer: cidr("10.0.0.0/8")})
		}
		groups, ids = append(groups, g), append(ids, g.ID)
	}
	require.NoError(t, account.EnsureGroups(groups))
	cloud.Forget()
	seen := map[string]int{}
	for token, calls := "", 1; ; calls++ {
		next, err := inv.EachGroup(t.Context(), token, func(g secgroup.Group, err error) {
			require.NoError(t, err)
			seen[g.ID]++
		})
		require.NoError(t, err)
		require.Equal(t, calls, cloud.Count("DescribeSecurityGroups"))
		if token = next; token == "" {
			break
		}
	}
	require.Len(t, seen, 1503)
	require.Equal(t, 2, cloud.Count())

	cloud.Forget()
	rules := map[string]int{}
	for token := ""; ; {
		next, err := inv.EachRule(t.Context(), ids[:inventory.MostGroups], token, func(id string, r secgroup.Rule, err error) {
			require.NoError(t, err)
			require.NotEmpty(t, r.ID)
			rules[id]++
		})
		require.NoError(t, err)
		if token = next; token == "" {
			break
		}
	}
	require.Len(t, rules, inventory.MostGroups)
	for _, n := range rules {
		require.Equal(t, 6, n)
	}
	require.Equal(t, 2, cloud.Count("DescribeSecurityGroupRules"), "1,200 rules")
}

// TestOneStrangeGroupDoesNotHideTheOthers: EC2 may come to answer what is not
// understood.
func TestOneStrangeGroupDoesNotHideTheOthers(t *testing.T) {
	cloud, account, _ := newWorld(t)
	require.NoError(t, account.EnsureGroups([]secgroup.Group{{ID: "sg-0000000000000000b", VPCID: webVPC, Rules: everyKind(t)[:2]}}))
	inv := inventory.New(oddGroup{client(cloud, aws.NopRetryer{}), web})
	_, err := account.EnsureRule(web, everyKind(t)[0])
	require.NoError(t, err)
	fine, bad := 0, 0
	_, err = inv.EachGroup(t.Context(), "", func(g secgroup.Group, err error) {
		if g.ID == web {
			require.ErrorIs(t, err, incident.ErrInvalid)
			require.Nil(t, g.Rules)
			bad++
			return
		}
		require.NoError(t, err)
		fine++
	})
	require.NoError(t, err)
	require.Equal(t, 3, fine)
	require.Equal(t, 1, bad)

	fine, bad = 0, 0
	_, err = inv.EachRule(t.Context(), []string{web, "sg-0000000000000000b"}, "", func(id string, _ secgroup.Rule, err error) {
		if id == web {
			require.ErrorIs(t, err, incident.ErrInvalid)
			bad++
			return
		}
		require.NoError(t, err)
		fine++
	})
	require.NoError(t, err)
	require.Equal(t, 2, fine)
	require.Equal(t, 1, bad)
}

// TestNetworksAgreeWithVPCs: read once for all, they say of each group what
// VPCs says.
func TestNetworksAgreeWithVPCs(t *testing.T) {
	cloud, account, inv := newWorld(t)
	other := "vpc-0000000000000000b"
	require.NoError(t, account.EnsureVPC(other, netip.MustParsePrefix("10.9.0.0/16")))
	require.NoError(t, account.EnsureGroups([]secgroup.Group{{ID: "sg-0000000000000000b", VPCID: webVPC}, {ID: "sg-0000000000000000c"}, {ID: "sg-0000000000000000d", VPCID: other}}))
	_, err := client(cloud, aws.NopRetryer{}).AssociateSecurityGroupVpc(t.Context(), &ec2.AssociateSecurityGroupVpcInput{GroupId: aws.String(web), VpcId: &other})
	require.NoError(t, err)
	cloud.Forget()
	of, err := inv.Networks(t.Context())
	require.NoError(t, err)
	require.Equal(t, 2, cloud.Count())
	for _, g := range account.Groups() {
		want, err := inv.VPCs(t.Context(), g)
		require.NoError(t, err)
		got, err := of(g)
		require.NoError(t, err)
		require.Equal(t, want, got, g.ID)
	}
	require.Len(t, must(of(secgroup.Group{ID: web, VPCID: webVPC})), 2)
	_, err = of(secgroup.Group{ID: "sg-0000000000000000e", VPCID: "vpc-0000000000000000e"})
	require.ErrorIs(t, err, incident.ErrUnavailable)
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func TestSurveyFaults(t *testing.T) {
	ignoreGroup, ignoreRule := func(secgroup.Group, error) {}, func(string, secgroup.Rule, error) {}
	for name, read := range map[string]func(context.Context, *inventory.Inventory) error{
		"DescribeSecurityGroups": func(ctx context.Context, i *inventory.Inventory) error {
			_, err := i.EachGroup(ctx, "", ignoreGroup)
			return err
		},
		"DescribeSecurityGroupRules": func(ctx context.Context, i *inventory.Inventory) error {
			_, err := i.EachRule(ctx, []string{web}, "", ignoreRule)
			return err
		},
		"DescribeVpcs":                         func(ctx context.Context, i *inventory.Inventory) error { _, err := i.Networks(ctx); return err },
		"DescribeSecurityGroupVpcAssociations": func(ctx context.Context, i *inventory.Inventory) error { _, err := i.Networks(ctx); return err },
	} {
		cloud, _, inv := newWorld(t)
		for _, f := range []struct {
			d    localec2.Disturbance
			want error
		}{{localec2.Throttle(), incident.ErrThrottled}, {localec2.Deny(), incident.ErrDenied}, {localec2.Fail(), incident.ErrUnavailable}, {localec2.LoseAnswer(), incident.ErrUnavailable}} {
			cloud.Disturb(only(name, f.d))
			require.ErrorIs(t, read(t.Context(), inv), f.want, name)
		}
	}
	_, _, inv := newWorld(t)
	_, err := inv.EachGroup(t.Context(), "not a token", ignoreGroup)
	require.Error(t, err)
	require.NotErrorIs(t, err, incident.ErrGone)
}

// oddGroup is an endpoint that answers a rule without a peer for one group.
type oddGroup struct {
	inventory.Client
	id string
}

func (o oddGroup) DescribeSecurityGroups(ctx context.Context, in *ec2.DescribeSecurityGroupsInput, opts ...func(*ec2.Options)) (*ec2.DescribeSecurityGroupsOutput, error) {
	out, err := o.Client.DescribeSecurityGroups(ctx, in, opts...)
	for _, g := range out.SecurityGroups {
		if *g.GroupId == o.id {
			g.IpPermissions[0].IpRanges[0].CidrIp = aws.String("not a block")
		}
	}
	return out, err
}

func (o oddGroup) DescribeSecurityGroupRules(ctx context.Context, in *ec2.DescribeSecurityGroupRulesInput, opts ...func(*ec2.Options)) (*ec2.DescribeSecurityGroupRulesOutput, error) {
	out, err := o.Client.DescribeSecurityGroupRules(ctx, in, opts...)
	for i := range out.SecurityGroupRules {
		if r := &out.SecurityGroupRules[i]; *r.GroupId == o.id {
			r.CidrIpv4 = nil
		}
	}
	return out, err
}
