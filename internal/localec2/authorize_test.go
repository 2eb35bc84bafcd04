package localec2_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/stretchr/testify/require"

	"github.com/sgwarden/sgwarden/internal/secgroup"
)

func ports(from, to int32) string { return fmt.Sprintf("%d-%d", from, to) }

func TestAuthorizeStoresCanonicalRules(t *testing.T) {
	for _, c := range []struct {
		name string
		perm types.IpPermission
		want []string
	}{
		{"host bits", perm("tcp", 22, 22, "100.68.0.18/18"), []string{"in tcp 22-22 100.68.0.0/18"}},
		{"everyone, oddly written", perm("tcp", 22, 22, "208.236.235.254/0"), []string{"in tcp 22-22 0.0.0.0/0"}},
		{"IPv6 spelling", perm6("tcp", 22, 22, "0::0/0"), []string{"in tcp 22-22 ::/0"}},
		{"mapped IPv6", perm6("tcp", 22, 22, "::ffff:1.2.3.4/96"), []string{"in tcp 22-22 ::ffff:0.0.0.0/96"}},
		{"number of tcp", perm("6", 22, 22, "10.0.0.0/8"), []string{"in tcp 22-22 10.0.0.0/8"}},
		{"number of icmpv6", perm6("58", 128, 0, "2606:4700::/32"), []string{"in icmpv6 128-0 2606:4700::/32"}},
		{"all protocols ignore ports", perm("-1", 22, 22, "10.0.0.0/8"), []string{"in -1 -1--1 10.0.0.0/8"}},
		{"a protocol without ports ignores them", perm("50", 70000, 3, "10.0.0.0/8"), []string{"in 50 -1--1 10.0.0.0/8"}},
		{"icmp type and all codes", perm("icmp", 8, -1, "10.0.0.0/8"), []string{"in icmp 8--1 10.0.0.0/8"}},
		{"icmpv6 without ports", types.IpPermission{IpProtocol: aws.String("icmpv6"), Ipv6Ranges: []types.Ipv6Range{{CidrIpv6: aws.String("::/0")}}},
			[]string{"in icmpv6 -1--1 ::/0"}},
		{"both families and several blocks", types.IpPermission{
			IpProtocol: aws.String("udp"), FromPort: aws.Int32(0), ToPort: aws.Int32(65535),
			IpRanges:   []types.IpRange{{CidrIp: aws.String("8.8.8.0/29")}, {CidrIp: aws.String("10.0.0.0/8")}},
			Ipv6Ranges: []types.Ipv6Range{{CidrIpv6: aws.String("::/0")}},
		}, []string{"in udp 0-65535 10.0.0.0/8", "in udp 0-65535 8.8.8.0/29", "in udp 0-65535 ::/0"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t)
			g := w.group("web")
			ids := w.ingress(g, c.perm)
			require.Len(t, ids, len(c.want), "the answer names every rule")
			require.ElementsMatch(t, c.want, w.texts(g))
		})
	}
}

func TestAuthorizeRefuses(t *testing.T) {
	w := newWorld(t)
	g := w.group("web")
	w.ingress(g, perm("tcp", 22, 22, "100.68.0.0/18"))
	described := perm("tcp", 22, 22, "100.68.0.0/18")
	described.IpRanges[0].Description = aws.String("another text does not make another rule")
	withText := func(text string) types.IpPermission {
		p := perm("tcp", 80, 80, "10.0.0.0/8")
		p.IpRanges[0].Description = &text
		return p
	}
	noPorts := perm("tcp", 0, 0, "10.0.0.0/8")
	noPorts.FromPort, noPorts.ToPort = nil, nil
	icmpNoPorts := noPorts
	icmpNoPorts.IpProtocol = aws.String("icmp")
	noProtocol := perm("tcp", 1, 1, "10.0.0.0/8")
	noProtocol.IpProtocol = nil
	list := func(id string) types.IpPermission {
		p := perm("tcp", 1, 1)
		p.PrefixListIds = []types.PrefixListId{{PrefixListId: &id}}
		return p
	}
	before := w.cloud.Snapshot()
	for _, c := range []struct {
		name, code string
		perms      []types.IpPermission
	}{
		{"a duplicate", "InvalidPermission.Duplicate", []types.IpPermission{perm("tcp", 22, 22, "100.68.0.0/18")}},
		{"a duplicate in another spelling", "InvalidPermission.Duplicate", []types.IpPermission{perm("6", 22, 22, "100.68.0.18/18")}},
		{"a duplicate with another description", "InvalidPermission.Duplicate", []types.IpPermission{described}},
		{"a duplicate after a new one", "InvalidPermission.Duplicate", []types.IpPermission{perm("tcp", 443, 443, "10.0.0.0/8"), perm("tcp", 22, 22, "100.68.0.0/18")}},
		{"the same twice", "InvalidParameterValue", []types.IpPermission{perm("tcp", 1, 1, "10.0.0.0/8"), perm("6", 1, 1, "10.1.0.0/8")}},
		{"from above to", "InvalidParameterValue", []types.IpPermission{perm("tcp", 25, 20, "10.0.0.0/8")}},
		{"a port too high", "InvalidParameterValue", []types.IpPermission{perm("tcp", 0, 70000, "10.0.0.0/8")}},
		{"a port below zero", "InvalidParameterValue", []types.IpPermission{perm("udp", -1, -1, "10.0.0.0/8")}},
		{"tcp without ports", "InvalidParameterValue", []types.IpPermission{noPorts}},
		{"icmp without type", "InvalidParameterValue", []types.IpPermission{icmpNoPorts}},
		{"an icmp code of all types", "InvalidParameterValue", []types.IpPermission{perm("icmp", -1, 3, "10.0.0.0/8")}},
		{"an icmp type too high", "InvalidParameterValue", []types.IpPermission{perm("icmp", 256, 0, "10.0.0.0/8")}},
		{"no protocol", "InvalidParameterValue", []types.IpPermission{noProtocol}},
		{"an unknown protocol", "InvalidParameterValue", []types.IpPermission{perm("tpc", 1, 1, "10.0.0.0/8")}},
		{"a protocol too high", "InvalidParameterValue", []types.IpPermission{perm("256", 1, 1, "10.0.0.0/8")}},
		{"a protocol with a leading zero", "InvalidParameterValue", []types.IpPermission{perm("06", 1, 1, "10.0.0.0/8")}},
		{"no block", "InvalidParameterValue", []types.IpPermission{perm("tcp", 1, 1, "10.0.0.0")}},
		{"a block too long", "InvalidParameterValue", []types.IpPermission{perm("tcp", 1, 1, "10.0.0.0/33")}},
		{"IPv6 as IPv4", "InvalidParameterValue", []types.IpPermission{perm("tcp", 1, 1, "::/0")}},
		{"IPv4 as IPv6", "InvalidParameterValue", []types.IpPermission{perm6("tcp", 1, 1, "10.0.0.0/8")}},
		{"no peer", "InvalidParameterValue", []types.IpPermission{perm("tcp", 1, 1)}},
		{"a description too long", "InvalidParameterValue", []types.IpPermission{withText(strings.Repeat("a", 256))}},
		{"a description with markup", "InvalidParameterValue", []types.IpPermission{withText("<script>")}},
		{"a list that does not exist", "InvalidPrefixListID.NotFound", []types.IpPermission{list("pl-0123456789abcdef0")}},
		{"a list of no form", "InvalidPrefixListId.Malformed", []types.IpPermission{list("list")}},
		{"a group that does not exist", "InvalidGroup.NotFound", []types.IpPermission{permFrom("tcp", 1, 1, pair("sg-0123456789abcdef0"))}},
		{"no permissions", "MissingParameter", nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			refused(t, w.tryIngress(g, c.perms...), c.code)
			require.True(t, w.cloud.Snapshot().Equal(before), "a refused call changes nothing")
		})
	}
	refused(t, w.tryIngress("sg-0123456789abcdef0", perm("tcp", 1, 1, "10.0.0.0/8")), "InvalidGroup.NotFound")
	refused(t, w.tryIngress("web", perm("tcp", 1, 1, "10.0.0.0/8")), "InvalidGroupId.Malformed")
}

func TestFlatForm(t *testing.T) {
	w := newWorld(t)
	g := w.newGroup(w.account.DefaultVPC(), "Web")
	flat := func(in ec2.AuthorizeSecurityGroupIngressInput) error {
		in.GroupName = aws.String("wEB")
		_, err := w.ec2.AuthorizeSecurityGroupIngress(t.Context(), &in)
		return err
	}
	ssh := ec2.AuthorizeSecurityGroupIngressInput{IpProtocol: aws.String("tcp"), FromPort: aws.Int32(22), ToPort: aws.Int32(22), CidrIp: aws.String("10.0.0.1/8")}
	require.NoError(t, flat(ssh))
	require.NoError(t, flat(ec2.AuthorizeSecurityGroupIngressInput{SourceSecurityGroupName: aws.String("DEFAULT")}))
	d, ok := w.account.GroupNamed("", "default")
	require.True(t, ok)
	ref := " 123456789012/" + d
	require.ElementsMatch(t, []string{
		"out -1 -1--1 0.0.0.0/0", "in tcp 22-22 10.0.0.0/8", "in tcp 0-65535" + ref, "in udp 0-65535" + ref, "in icmp -1--1" + ref,
	}, w.texts(g), "a source group's name means all of tcp, udp and icmp")

	ssh.IpPermissions = []types.IpPermission{perm("tcp", 1, 1, "10.0.0.0/8")}
	refused(t, flat(ssh), "InvalidParameterCombination")
	refused(t, flat(ec2.AuthorizeSecurityGroupIngressInput{SourceSecurityGroupName: aws.String("web"), CidrIp: aws.String("10.0.0.0/8")}), "InvalidParameterCombination")
	refused(t, flat(ec2.AuthorizeSecurityGroupIngressInput{IpProtocol: aws.String("tcp")}), "MissingParameter")
	_, err := w.ec2.AuthorizeSecurityGroupEgress(t.Context(), &ec2.AuthorizeSecurityGroupEgressInput{
		GroupId: &g, CidrIp: aws.String("10.0.0.0/8"), IpProtocol: aws.String("-1"),
	})
	refused(t, err, "UnknownParameter")

	// Names work in the default VPC only.
	w.group("elsewhere")
	_, err = w.ec2.AuthorizeSecurityGroupIngress(t.Context(), &ec2.AuthorizeSecurityGroupIngressInput{
		GroupName: aws.String("elsewhere"), IpPermissions: []types.IpPermission{perm("tcp", 1, 1, "10.0.0.0/8")},
	})
	refused(t, err, "InvalidGroup.NotFound")
}

func TestQuotaCountsFamiliesAndDirectionsApart(t *testing.T) {
	w := newWorld(t)
	g := w.group("web")
	blocks := func(n int) []string {
		var all []string
		for i := range n {
			all = append(all, fmt.Sprintf("10.%d.0.0/16", i))
		}
		return all
	}
	refused(t, w.tryIngress(g, perm("tcp", 1, 1, blocks(61)...)), "RulesPerSecurityGroupLimitExceeded")
	require.Empty(t, w.rules(g), "nothing of a call over the quota is left behind")
	w.ingress(g, perm("tcp", 1, 1, blocks(60)...))
	refused(t, w.tryIngress(g, perm("tcp", 2, 2, "10.0.0.0/8")), "RulesPerSecurityGroupLimitExceeded")
	refused(t, w.tryIngress(g, permFrom("tcp", 2, 2, pair(g))), "RulesPerSecurityGroupLimitExceeded")
	w.ingress(g, perm6("tcp", 2, 2, "::/0"))
	_, err := w.ec2.AuthorizeSecurityGroupEgress(t.Context(), &ec2.AuthorizeSecurityGroupEgressInput{GroupId: &g, IpPermissions: []types.IpPermission{perm("-1", 0, 0, "10.0.0.0/8")}})
	require.NoError(t, err)

	// A prefix list weighs as many rules as it may have entries.
	lean := w.group("lean")
	require.NoError(t, w.account.PutList(secgroup.PrefixList{ID: "pl-0000000000000000a"}, 60))
	p := perm("tcp", 1, 1)
	p.PrefixListIds = []types.PrefixListId{{PrefixListId: aws.String("pl-0000000000000000a")}}
	w.ingress(lean, p)
	refused(t, w.tryIngress(lean, perm("tcp", 2, 2, "10.0.0.0/8")), "RulesPerSecurityGroupLimitExceeded")
}

func TestQuotaCanBeRaised(t *testing.T) {
	w := newWorld(t)
	g := w.group("web")
	var blocks []string
	for i := range 100 {
		blocks = append(blocks, fmt.Sprintf("10.%d.0.0/16", i))
	}
	refused(t, w.tryIngress(g, perm("tcp", 1, 1, blocks...)), "RulesPerSecurityGroupLimitExceeded")
	w.cloud.AllowRules(100)
	require.Len(t, w.ingress(g, perm("tcp", 1, 1, blocks...)), 100)
	refused(t, w.tryIngress(g, perm("tcp", 2, 2, "10.0.0.0/8")), "RulesPerSecurityGroupLimitExceeded")
}

func TestReferencesNeedACommonNetwork(t *testing.T) {
	w := newWorld(t)
	g, sibling := w.group("web"), w.group("db")
	require.NoError(t, w.account.EnsureVPC("vpc-0000000000000000b"))
	far := w.newGroup("vpc-0000000000000000b", "far")
	other := w.cloud.Account("210987654321", "us-east-1")
	require.NoError(t, other.EnsureVPC("vpc-0000000000000000c"))
	_, err := other.EnsureGroup(secgroup.Group{ID: "sg-0000000000000000c", VPCID: "vpc-0000000000000000c"})
	require.NoError(t, err)
	foreign := types.UserIdGroupPair{GroupId: aws.String("sg-0000000000000000c"), UserId: aws.String("210987654321")}

	w.ingress(g, permFrom("tcp", 1, 1, pair(sibling)), permFrom("tcp", 1, 1, pair(g)))
	refused(t, w.tryIngress(g, permFrom("tcp", 1, 1, pair(far))), "InvalidGroup.NotFound")
	refused(t, w.tryIngress(g, permFrom("tcp", 1, 1, foreign)), "InvalidGroup.NotFound")
	for id, peer := range map[string]string{"pcx-0000000000000000b": "vpc-0000000000000000b", "pcx-0000000000000000c": "vpc-0000000000000000c"} {
		account := "123456789012"
		if peer == "vpc-0000000000000000c" {
			account = "210987654321"
		}
		w.account.Peer(peeringTo(id, account, peer))
	}
	w.ingress(g, permFrom("tcp", 1, 1, pair(far), foreign))
	require.ElementsMatch(t, []string{
		"in tcp 1-1 123456789012/" + sibling, "in tcp 1-1 123456789012/" + g,
		"in tcp 1-1 123456789012/" + far, "in tcp 1-1 210987654321/sg-0000000000000000c",
	}, w.texts(g))

	require.True(t, other.DropGroup("sg-0000000000000000c"))
	require.Contains(t, w.texts(g), "in tcp 1-1 /sg-0000000000000000c", "a stale reference has lost its account")
}
