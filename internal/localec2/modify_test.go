package localec2_test

import (
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/stretchr/testify/require"

	"github.com/sgwarden/sgwarden/internal/secgroup"
)

func request(protocol string, from, to int32, set func(*types.SecurityGroupRuleRequest)) types.SecurityGroupRuleRequest {
	r := types.SecurityGroupRuleRequest{IpProtocol: &protocol, FromPort: &from, ToPort: &to}
	set(&r)
	return r
}

func v4(cidr string) func(*types.SecurityGroupRuleRequest) {
	return func(r *types.SecurityGroupRuleRequest) { r.CidrIpv4 = &cidr }
}

func (w world) modify(groupID string, updates map[string]types.SecurityGroupRuleRequest) error {
	in := &ec2.ModifySecurityGroupRulesInput{GroupId: &groupID}
	for id, r := range updates {
		in.SecurityGroupRules = append(in.SecurityGroupRules, types.SecurityGroupRuleUpdate{SecurityGroupRuleId: &id, SecurityGroupRule: &r})
	}
	_, err := w.ec2.ModifySecurityGroupRules(w.Context(), in)
	return err
}

func TestModifyInPlace(t *testing.T) {
	w := newWorld(t)
	g, peer := w.group("web"), w.group("peer")
	for _, list := range []string{"pl-0000000000000000a", "pl-0000000000000000b"} {
		require.NoError(t, w.account.PutList(secgroup.PrefixList{ID: list}, 5))
	}
	withList := perm("tcp", 4, 4)
	withList.PrefixListIds = []types.PrefixListId{{PrefixListId: aws.String("pl-0000000000000000a")}}
	described := perm("tcp", 1, 1, "10.0.0.0/8")
	described.IpRanges[0].Description = aws.String("old")
	ids := w.ingress(g, described, perm6("tcp", 2, 2, "::/0"), permFrom("tcp", 3, 3, pair(g)), withList)
	require.True(t, w.account.SetTags(ids[0], map[string]string{"keep": "me"}))
	require.NoError(t, w.modify(g, map[string]types.SecurityGroupRuleRequest{
		ids[0]: request("tcp", 20, 21, func(r *types.SecurityGroupRuleRequest) {
			r.CidrIpv4, r.Description = aws.String("100.68.0.18/18"), aws.String("new")
		}),
		ids[1]: request("-1", 5, 6, func(r *types.SecurityGroupRuleRequest) { r.CidrIpv6 = aws.String("2606:4700::1/32") }),
		ids[2]: request("udp", 3, 3, func(r *types.SecurityGroupRuleRequest) { r.ReferencedGroupId = &peer }),
		ids[3]: request("tcp", 4, 5, func(r *types.SecurityGroupRuleRequest) { r.PrefixListId = aws.String("pl-0000000000000000b") }),
	}))
	require.ElementsMatch(t, []string{
		"in tcp 20-21 100.68.0.0/18", "in -1 -1--1 2606:4700::/32", "in udp 3-3 123456789012/" + peer, "in tcp 4-5 pl-0000000000000000b",
	}, w.texts(g))
	out, err := w.ec2.DescribeSecurityGroupRules(t.Context(), &ec2.DescribeSecurityGroupRulesInput{SecurityGroupRuleIds: ids[:1]})
	require.NoError(t, err)
	r := out.SecurityGroupRules[0]
	require.Equal(t, ids[0], *r.SecurityGroupRuleId, "the id stays")
	require.Equal(t, "new", *r.Description)
	require.Equal(t, "keep", *r.Tags[0].Key, "tags stay")
}

func TestModifyRefuses(t *testing.T) {
	w := newWorld(t)
	g, other := w.group("web"), w.group("other")
	ids := w.ingress(g, perm("tcp", 1, 1, "10.0.0.0/8", "10.0.0.0/9"))
	foreign := w.ingress(other, perm("tcp", 1, 1, "10.0.0.0/8"))
	before := w.cloud.Snapshot()
	type rules = map[string]types.SecurityGroupRuleRequest
	for _, c := range []struct {
		name, code string
		rules      rules
	}{
		{"IPv4 to IPv6", "InvalidParameterValue", rules{ids[0]: request("tcp", 1, 1, func(r *types.SecurityGroupRuleRequest) { r.CidrIpv6 = aws.String("::/0") })}},
		{"IPv4 to a group", "InvalidParameterValue", rules{ids[0]: request("tcp", 1, 1, func(r *types.SecurityGroupRuleRequest) { r.ReferencedGroupId = &g })}},
		{"two peers", "InvalidParameterCombination", rules{ids[0]: request("tcp", 1, 1, func(r *types.SecurityGroupRuleRequest) {
			r.CidrIpv4, r.CidrIpv6 = aws.String("10.0.0.0/8"), aws.String("::/0")
		})}},
		{"no peer", "MissingParameter", rules{ids[0]: request("tcp", 1, 1, func(*types.SecurityGroupRuleRequest) {})}},
		{"no protocol", "MissingParameter", rules{ids[0]: {CidrIpv4: aws.String("10.0.0.0/8")}}},
		{"no ports", "InvalidParameterValue", rules{ids[0]: {CidrIpv4: aws.String("10.0.0.0/8"), IpProtocol: aws.String("tcp")}}},
		{"into another rule", "InvalidPermission.Duplicate", rules{ids[0]: request("6", 1, 1, v4("10.0.0.1/9"))}},
		{"two into one", "InvalidPermission.Duplicate", rules{ids[0]: request("tcp", 5, 5, v4("10.0.0.0/8")), ids[1]: request("tcp", 5, 5, v4("10.0.0.0/8"))}},
		{"one fine, one of another group", "InvalidSecurityGroupRuleId.NotFound",
			rules{ids[0]: request("tcp", 5, 5, v4("10.0.0.0/8")), foreign[0]: request("tcp", 5, 5, v4("10.0.0.0/8"))}},
		{"a description too long", "InvalidParameterValue", rules{ids[0]: request("tcp", 1, 1, func(r *types.SecurityGroupRuleRequest) {
			r.CidrIpv4, r.Description = aws.String("10.0.0.0/8"), aws.String(strings.Repeat("x", 256))
		})}},
	} {
		t.Run(c.name, func(t *testing.T) {
			refused(t, w.modify(g, c.rules), c.code)
			require.True(t, w.cloud.Snapshot().Equal(before), "a refused call changes nothing")
		})
	}
	require.NoError(t, w.modify(g, rules{ids[0]: request("tcp", 1, 1, v4("10.0.0.0/9")), ids[1]: request("tcp", 1, 1, v4("10.0.0.0/8"))}),
		"two rules may change places: only the result counts")
}

func TestModifyCountsTheQuota(t *testing.T) {
	w := newWorld(t)
	g := w.group("web")
	require.NoError(t, w.account.PutList(secgroup.PrefixList{ID: "pl-0000000000000000a"}, 10))
	require.NoError(t, w.account.PutList(secgroup.PrefixList{ID: "pl-0000000000000000b"}, 61))
	p := perm("tcp", 1, 1)
	p.PrefixListIds = []types.PrefixListId{{PrefixListId: aws.String("pl-0000000000000000a")}}
	ids := w.ingress(g, p)
	refused(t, w.modify(g, map[string]types.SecurityGroupRuleRequest{
		ids[0]: request("tcp", 1, 1, func(r *types.SecurityGroupRuleRequest) { r.PrefixListId = aws.String("pl-0000000000000000b") }),
	}), "RulesPerSecurityGroupLimitExceeded")
}

func TestDescriptions(t *testing.T) {
	w := newWorld(t)
	g := w.group("web")
	ids := w.ingress(g, perm("tcp", 22, 22, "10.0.0.0/8"), perm("tcp", 23, 23, "10.0.0.0/8"))
	_, err := w.ec2.UpdateSecurityGroupRuleDescriptionsIngress(t.Context(), &ec2.UpdateSecurityGroupRuleDescriptionsIngressInput{
		GroupId: &g, SecurityGroupRuleDescriptions: []types.SecurityGroupRuleDescription{{SecurityGroupRuleId: &ids[0], Description: aws.String("by id")}},
	})
	require.NoError(t, err)
	byValue := perm("6", 23, 23, "10.1.2.3/8")
	byValue.IpRanges[0].Description = aws.String("by value")
	_, err = w.ec2.UpdateSecurityGroupRuleDescriptionsIngress(t.Context(), &ec2.UpdateSecurityGroupRuleDescriptionsIngressInput{GroupId: &g, IpPermissions: []types.IpPermission{byValue}})
	require.NoError(t, err)
	texts := map[string]string{}
	for _, r := range w.rules(g) {
		texts[r.ID] = r.Description
	}
	require.Equal(t, map[string]string{ids[0]: "by id", ids[1]: "by value"}, texts)

	_, err = w.ec2.UpdateSecurityGroupRuleDescriptionsEgress(t.Context(), &ec2.UpdateSecurityGroupRuleDescriptionsEgressInput{
		GroupId: &g, SecurityGroupRuleDescriptions: []types.SecurityGroupRuleDescription{{SecurityGroupRuleId: &ids[0], Description: aws.String("x")}},
	})
	refused(t, err, "InvalidSecurityGroupRuleId.NotFound")
	_, err = w.ec2.UpdateSecurityGroupRuleDescriptionsIngress(t.Context(), &ec2.UpdateSecurityGroupRuleDescriptionsIngressInput{
		GroupId: &g, IpPermissions: []types.IpPermission{perm("tcp", 99, 99, "10.0.0.0/8")},
	})
	refused(t, err, "InvalidPermission.NotFound")
}
