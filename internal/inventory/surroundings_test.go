package inventory_test

import (
	"fmt"
	"net/netip"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/sgwarden/sgwarden/internal/localec2"
	"github.com/sgwarden/sgwarden/internal/secgroup"
)

func TestInterfacesOfAGroup(t *testing.T) {
	cloud, account, inv := newWorld(t)
	ids, more, err := inv.Interfaces(t.Context(), web)
	require.NoError(t, err)
	require.Empty(t, ids)
	require.False(t, more)
	for n := range 21 {
		require.NoError(t, account.EnsureInterface(localec2.Interface{ID: fmt.Sprintf("eni-%017x", n), VPCID: webVPC, Groups: []string{web}}))
		if n == 1 {
			ids, more, err = inv.Interfaces(t.Context(), web)
			require.NoError(t, err)
			require.Equal(t, []string{"eni-00000000000000000", "eni-00000000000000001"}, ids)
			require.False(t, more)
		}
	}
	cloud.Forget()
	ids, more, err = inv.Interfaces(t.Context(), web)
	require.NoError(t, err)
	require.Len(t, ids, 20)
	require.True(t, more)
	require.Equal(t, 1, cloud.Count(), "no more is read than tells that it is used")
}

// TestUsersOfAGroupAreReadToTheEnd: one interface of another kind decides.
func TestUsersOfAGroupAreReadToTheEnd(t *testing.T) {
	cloud, account, inv := newWorld(t)
	kinds, err := inv.Users(t.Context(), web)
	require.NoError(t, err)
	require.Empty(t, kinds)
	for n := range 1000 {
		require.NoError(t, account.EnsureInterface(localec2.Interface{ID: fmt.Sprintf("eni-%017x", n), VPCID: webVPC, Groups: []string{web}, Service: "amazon-elb"}))
	}
	require.NoError(t, account.EnsureInterface(localec2.Interface{ID: "eni-0ffffffffffffff01", VPCID: webVPC, Groups: []string{web}, Type: "lambda"}))
	require.NoError(t, account.EnsureInterface(localec2.Interface{ID: "eni-0ffffffffffffff02", VPCID: webVPC, Groups: []string{web}, InstanceID: "i-0000000000000000a"}))
	require.NoError(t, account.EnsureInterface(localec2.Interface{ID: "eni-0ffffffffffffff03", VPCID: webVPC, Groups: []string{web}}))
	cloud.Forget()
	kinds, err = inv.Users(t.Context(), web)
	require.NoError(t, err)
	require.Equal(t, []secgroup.InterfaceKind{
		{Type: "interface", Owner: "amazon-elb", Requester: "amazon-elb"}, {Type: "lambda"}, {Type: "interface", Owner: "123456789012"}, {Type: "interface"},
	}, kinds)
	require.Equal(t, 2, cloud.Count())
}

func TestDeadReferencesAreThoseOfGroupsAndPeerings(t *testing.T) {
	cloud, account, inv := newWorld(t)
	other := cloud.Account("210987654321", "us-east-1")
	refer := func(group, peering string) {
		_, err := other.EnsureGroup(secgroup.Group{ID: group, Name: group, VPCID: "vpc-0000000000000000c", Rules: []secgroup.Rule{}})
		require.NoError(t, err)
		account.Peer(localec2.Peering{ID: peering, VPCID: webVPC, PeerAccount: "210987654321", PeerVPCID: "vpc-0000000000000000c"})
		_, err = account.EnsureRule(web, secgroup.Rule{
			Direction: secgroup.Egress, Protocol: secgroup.TCP, Ports: secgroup.Ports{From: 1, To: 1},
			Peer: secgroup.GroupReference{GroupID: group, AccountID: "210987654321", PeeringID: peering},
		})
		require.NoError(t, err)
	}
	refer("sg-0000000000000000c", "pcx-0000000000000000c")
	refer("sg-0000000000000000d", "pcx-0000000000000000d")
	refer("sg-0000000000000000e", "pcx-0000000000000000c")
	dead, err := inv.DeadReferences(t.Context(), webVPC)
	require.NoError(t, err)
	require.Empty(t, dead)
	require.True(t, other.DropGroup("sg-0000000000000000c"))
	require.True(t, account.Unpeer("pcx-0000000000000000d"))
	require.False(t, account.Unpeer("pcx-0000000000000000d"))
	dead, err = inv.DeadReferences(t.Context(), webVPC)
	require.NoError(t, err)
	require.Equal(t, map[string][]string{web: {"sg-0000000000000000c", "sg-0000000000000000d"}}, dead)
}

// TestGroupsAreWhole: all of them, with the rules that reading one would give.
func TestGroupsAreWhole(t *testing.T) {
	cloud, account, inv := newWorld(t)
	for _, text := range []string{
		"ingress tcp/20-25 from 0.0.0.0/0", "ingress all from ::/0", "egress icmp/8 to 10.0.0.0/8", "ingress 50 from " + web, "egress udp/53 to pl-0000000000000000a",
	} {
		rule, err := secgroup.ParseRule(text)
		require.NoError(t, err)
		rule.Description = "of " + text
		_, err = account.EnsureRule(web, rule)
		require.NoError(t, err)
	}
	one, err := inv.Group(t.Context(), web)
	require.NoError(t, err)
	for n := range 1100 {
		_, err := account.EnsureGroup(secgroup.Group{ID: fmt.Sprintf("sg-%017x", 4096+n), Name: fmt.Sprintf("g%d", n), VPCID: webVPC})
		require.NoError(t, err)
	}
	cloud.Forget()
	all, err := inv.Groups(t.Context())
	require.NoError(t, err)
	require.Equal(t, 2, cloud.Count())
	require.Len(t, all, len(account.Groups()))
	for _, g := range all {
		if g.ID != web {
			continue
		}
		for i := range one.Rules {
			one.Rules[i].ID = ""
		}
		require.ElementsMatch(t, one.Rules, g.Rules)
		g.Rules, one.Rules = nil, nil
		require.Equal(t, one, g)
	}
}

func TestElasticAddresses(t *testing.T) {
	cloud, account, inv := newWorld(t)
	require.NoError(t, account.PutAddress(netip.MustParseAddr("8.8.8.8")))
	require.NoError(t, account.PutAddress(netip.MustParseAddr("8.8.4.4")))
	require.Error(t, account.PutAddress(netip.MustParseAddr("2606:4700::1")))
	got, err := inv.ElasticAddresses(t.Context())
	require.NoError(t, err)
	require.ElementsMatch(t, []netip.Addr{netip.MustParseAddr("8.8.8.8"), netip.MustParseAddr("8.8.4.4")}, got)
	require.Equal(t, 1, cloud.Count())
}

func TestWhereAGroupIs(t *testing.T) {
	cloud, account, inv := newWorld(t)
	at, whole, err := inv.Attached(t.Context(), web)
	require.NoError(t, err)
	require.True(t, whole)
	require.Empty(t, at.Interfaces)

	other := "sg-0000000000000000b"
	_, err = account.EnsureGroup(secgroup.Group{ID: other, Name: "other", VPCID: webVPC, Rules: []secgroup.Rule{
		{Direction: secgroup.Egress, Protocol: secgroup.AllProtocols, Ports: secgroup.NoPorts, Peer: secgroup.CIDR{Prefix: netip.MustParsePrefix("0.0.0.0/0")}},
	}})
	require.NoError(t, err)
	require.NoError(t, account.EnsureInterface(localec2.Interface{ID: "eni-00000000000000001", VPCID: webVPC, Groups: []string{web, other}}))
	cloud.Forget()
	at, whole, err = inv.Attached(t.Context(), web)
	require.NoError(t, err)
	require.True(t, whole)
	require.Len(t, cloud.Calls(), 2)
	require.Equal(t, "interface", at.Interfaces[0].Kind)
	require.ElementsMatch(t, []string{web, other}, at.Interfaces[0].Groups)
	require.Len(t, at.Rules, 1)
	require.Len(t, at.Rules[other], 1)

	for n := range 200 {
		require.NoError(t, account.EnsureInterface(localec2.Interface{ID: fmt.Sprintf("eni-1%016x", n), VPCID: webVPC, Groups: []string{web}}))
	}
	_, whole, err = inv.Attached(t.Context(), web)
	require.NoError(t, err)
	require.False(t, whole, "more than a page")
}
