package inventory_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"reflect"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/stretchr/testify/require"

	"github.com/sgwarden/sgwarden/internal/incident"
	"github.com/sgwarden/sgwarden/internal/inventory"
	"github.com/sgwarden/sgwarden/internal/localec2"
	"github.com/sgwarden/sgwarden/internal/secgroup"
	"github.com/sgwarden/sgwarden/internal/warden"
)

var (
	_ inventory.Client = (*ec2.Client)(nil)
	_ warden.Inventory = (*inventory.Inventory)(nil)
)

const (
	webVPC = "vpc-0000000000000000a"
	web    = "sg-0000000000000000a"
)

func newWorld(t *testing.T) (*localec2.Cloud, *localec2.Account, *inventory.Inventory) {
	t.Helper()
	cloud := localec2.New(localec2.Options{IDs: localec2.CountedIDs(t.Name())})
	account := cloud.Account(localec2.DefaultAccount, localec2.DefaultRegion)
	require.NoError(t, account.EnsureVPC(webVPC, netip.MustParsePrefix("10.0.0.0/16"), netip.MustParsePrefix("10.1.0.0/16"), netip.MustParsePrefix("2600:1f18::/56")))
	_, err := account.EnsureGroup(secgroup.Group{ID: web, Name: "web", Description: "the web", VPCID: webVPC, Tags: map[string]string{"tier": "public"}, Rules: []secgroup.Rule{}})
	require.NoError(t, err)
	return cloud, account, inventory.New(client(cloud, aws.NopRetryer{}))
}

func client(cloud *localec2.Cloud, retryer aws.Retryer) *ec2.Client {
	return ec2.New(ec2.Options{
		Region: localec2.DefaultRegion, Retryer: retryer, HTTPClient: &http.Client{Transport: cloud.Transport()},
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: "AKIDTEST", SecretAccessKey: "secret"}, nil
		}),
	})
}

func cidr(text string) secgroup.Peer { return secgroup.NewCIDR(netip.MustParsePrefix(text)) }

func TestGroupIsReadWithEveryKindOfRule(t *testing.T) {
	cloud, account, inv := newWorld(t)
	want := []secgroup.Rule{
		{ID: "sgr-00000000000000001", Direction: secgroup.Ingress, Protocol: secgroup.TCP, Ports: secgroup.Ports{From: 20, To: 25}, Peer: cidr("0.0.0.0/0"),
			Description: "ssh & more", Tags: map[string]string{"k": "v"}},
		{ID: "sgr-00000000000000002", Direction: secgroup.Ingress, Protocol: secgroup.AllProtocols, Ports: secgroup.NoPorts, Peer: cidr("::/0")},
		{ID: "sgr-00000000000000003", Direction: secgroup.Egress, Protocol: secgroup.ICMP, Ports: secgroup.Ports{From: 8, To: -1}, Peer: cidr("10.0.0.0/8")},
		{ID: "sgr-00000000000000004", Direction: secgroup.Ingress, Protocol: secgroup.ICMPv6, Ports: secgroup.NoPorts, Peer: cidr("2606:4700::/32")},
		{ID: "sgr-00000000000000005", Direction: secgroup.Ingress, Protocol: 50, Ports: secgroup.NoPorts, Peer: secgroup.GroupReference{GroupID: web}},
		{ID: "sgr-00000000000000006", Direction: secgroup.Ingress, Protocol: secgroup.UDP, Ports: secgroup.Ports{From: 53, To: 53}, Peer: secgroup.PrefixList{ID: "pl-0000000000000000a"}},
		{ID: "sgr-00000000000000007", Direction: secgroup.Ingress, Protocol: secgroup.TCP, Ports: secgroup.Ports{From: 1, To: 1},
			Peer: secgroup.GroupReference{GroupID: "sg-0000000000000000f"}}, // stale: its group is gone
	}
	for _, r := range want {
		added, err := account.EnsureRule(web, r)
		require.NoError(t, err)
		require.True(t, added)
	}
	g, err := inv.Group(t.Context(), web)
	require.NoError(t, err)
	require.Equal(t, secgroup.Group{
		ID: web, Name: "web", Description: "the web", AccountID: "123456789012", Region: "us-east-1", VPCID: webVPC,
		Tags: map[string]string{"tier": "public"}, Rules: want,
	}, g)
	require.Equal(t, 1, cloud.Count("DescribeSecurityGroups"))
	require.Equal(t, 1, cloud.Count("DescribeSecurityGroupRules"))
	require.Equal(t, 2, cloud.Count())

	rules, err := inv.Rules(t.Context(), web)
	require.NoError(t, err)
	require.Equal(t, want, rules)
	require.Equal(t, 3, cloud.Count())
	require.Zero(t, cloud.Mutations())
}

// TestReadsDrawFromTheLargeBuckets: a read by id alone counts as unfiltered,
// with half the tokens.
func TestReadsDrawFromTheLargeBuckets(t *testing.T) {
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	cloud := localec2.New(localec2.Options{IDs: localec2.CountedIDs(t.Name()), Clock: func() time.Time { return now }})
	account := cloud.Account(localec2.DefaultAccount, localec2.DefaultRegion)
	_, err := account.EnsureGroup(secgroup.Group{ID: web, Name: "web"})
	require.NoError(t, err)
	inv := inventory.New(client(cloud, aws.NopRetryer{}))
	cloud.LimitRequests(true)
	for range 100 {
		_, err := inv.Group(t.Context(), web)
		require.NoError(t, err)
	}
	_, err = inv.Group(t.Context(), web)
	require.ErrorIs(t, err, incident.ErrThrottled)
}

func TestForeignReferencesKeepTheirAccount(t *testing.T) {
	cloud, account, inv := newWorld(t)
	other := cloud.Account("210987654321", "us-east-1")
	_, err := other.EnsureGroup(secgroup.Group{ID: "sg-0000000000000000c", VPCID: "vpc-0000000000000000c"})
	require.NoError(t, err)
	want := secgroup.GroupReference{GroupID: "sg-0000000000000000c", AccountID: "210987654321", PeeringID: "pcx-0000000000000000c"}
	_, err = account.EnsureRule(web, secgroup.Rule{Direction: secgroup.Ingress, Protocol: secgroup.TCP, Ports: secgroup.AllPorts, Peer: want})
	require.NoError(t, err)
	rules, err := inv.Rules(t.Context(), web)
	require.NoError(t, err)
	require.Equal(t, want, rules[0].Peer)
	require.True(t, other.DropGroup("sg-0000000000000000c"))
	rules, err = inv.Rules(t.Context(), web)
	require.NoError(t, err)
	require.Equal(t, secgroup.GroupReference{GroupID: "sg-0000000000000000c"}, rules[0].Peer, "a stale reference has no account")
}

func TestRulesAreReadById(t *testing.T) {
	cloud, account, inv := newWorld(t)
	for i := range 3 {
		_, err := account.EnsureRule(web, secgroup.Rule{ID: fmt.Sprintf("sgr-%017x", i+1), Direction: secgroup.Ingress, Protocol: secgroup.TCP, Ports: secgroup.Ports{From: int32(i), To: int32(i)}, Peer: cidr("10.0.0.0/8")})
		require.NoError(t, err)
	}
	rules, err := inv.Rules(t.Context(), web, "sgr-00000000000000003", "sgr-0000000000000ffff", "sgr-00000000000000001")
	require.NoError(t, err, "an id that is gone is no error")
	require.Len(t, rules, 2)
	require.Equal(t, "sgr-00000000000000001", rules[0].ID)
	rules, err = inv.Rules(t.Context(), "sg-0123456789abcdef0", "sgr-00000000000000001")
	require.NoError(t, err)
	require.Empty(t, rules, "of another group")
	require.Equal(t, 2, cloud.Count("DescribeSecurityGroupRules"))
}

func TestAllPagesAreRead(t *testing.T) {
	cloud, account, inv := newWorld(t)
	for i := range 2001 {
		_, err := account.EnsureRule(web, secgroup.Rule{Direction: secgroup.Ingress, Protocol: secgroup.TCP, Ports: secgroup.Ports{From: int32(i), To: int32(i)}, Peer: cidr("10.0.0.0/8")})
		require.NoError(t, err)
	}
	rules, err := inv.Rules(t.Context(), web)
	require.NoError(t, err)
	require.Len(t, rules, 2001)
	require.Equal(t, 3, cloud.Count("DescribeSecurityGroupRules"))
	for i := range 1001 {
		_, err := account.EnsureGroup(secgroup.Group{ID: fmt.Sprintf("sg-%017x", 4096+i), Name: fmt.Sprintf("Batch-%d", i), Rules: []secgroup.Rule{}})
		require.NoError(t, err)
	}
	ids, err := inv.Named(t.Context(), "bATCH-1000")
	require.NoError(t, err)
	require.Equal(t, []string{fmt.Sprintf("sg-%017x", 4096+1000)}, ids)
	require.Equal(t, 2, cloud.Count("DescribeSecurityGroups"))
}

func TestNamedKnowsTheDefaultVPCOnly(t *testing.T) {
	_, account, inv := newWorld(t)
	ids, err := inv.Named(t.Context(), "web")
	require.NoError(t, err)
	require.Empty(t, ids)
	ids, err = inv.Named(t.Context(), "DEFAULT")
	require.NoError(t, err)
	want, ok := account.GroupNamed("", "default")
	require.True(t, ok)
	require.Equal(t, []string{want}, ids)
}

func TestVPCs(t *testing.T) {
	cloud, account, inv := newWorld(t)
	own := secgroup.VPC{ID: webVPC, CIDRs: []netip.Prefix{
		netip.MustParsePrefix("10.0.0.0/16"), netip.MustParsePrefix("10.1.0.0/16"), netip.MustParsePrefix("2600:1f18::/56"),
	}}
	g, ok := account.Group(web)
	require.True(t, ok)
	vpcs, err := inv.VPCs(t.Context(), g)
	require.NoError(t, err)
	require.Equal(t, []secgroup.VPC{own}, vpcs)
	require.Equal(t, 2, cloud.Count())

	require.NoError(t, account.EnsureVPC("vpc-0000000000000000b", netip.MustParsePrefix("10.9.0.0/16")))
	_, err = client(cloud, aws.NopRetryer{}).AssociateSecurityGroupVpc(t.Context(), &ec2.AssociateSecurityGroupVpcInput{GroupId: aws.String(web), VpcId: aws.String("vpc-0000000000000000b")})
	require.NoError(t, err)
	vpcs, err = inv.VPCs(t.Context(), g)
	require.NoError(t, err)
	require.Equal(t, []secgroup.VPC{own, {ID: "vpc-0000000000000000b", CIDRs: []netip.Prefix{netip.MustParsePrefix("10.9.0.0/16")}}}, vpcs)

	// Where associations cannot be read, the own VPC alone would be a wrong answer.
	for name, d := range map[string]localec2.Disturbance{
		"an endpoint that does not know the call": localec2.Refusal(400, "InvalidAction", "The action is not valid"),
		"a role without it":                       localec2.Deny(),
		"a failure":                               localec2.Fail(),
	} {
		cloud.Disturb(func(c localec2.Call) localec2.Disturbance {
			if c.Action == "DescribeSecurityGroupVpcAssociations" {
				return d
			}
			return localec2.Disturbance{}
		})
		_, err = inv.VPCs(t.Context(), g)
		require.Error(t, err, name)
		// Default groups, and groups in a default VPC, have none to read.
		for _, where := range []string{webVPC, ""} {
			id, _ := account.GroupNamed(where, "default")
			plain, _ := account.Group(id)
			vpcs, err = inv.VPCs(t.Context(), plain)
			require.NoError(t, err, name)
			require.Len(t, vpcs, 1)
		}
	}
	g.VPCID = "vpc-0000000000000000f"
	_, err = inv.VPCs(t.Context(), g)
	require.ErrorIs(t, err, incident.ErrUnavailable)
	require.NotErrorIs(t, err, incident.ErrGone, "a missing VPC does not make the group gone")
}

func TestLists(t *testing.T) {
	cloud, account, inv := newWorld(t)
	var blocks []netip.Prefix
	for i := range 230 {
		blocks = append(blocks, netip.MustParsePrefix(fmt.Sprintf("8.8.%d.0/24", i)))
	}
	require.NoError(t, account.PutList(secgroup.PrefixList{ID: "pl-0000000000000000a", Name: "offices", Entries: blocks[:1]}, 300))
	require.NoError(t, account.PutList(secgroup.PrefixList{ID: "pl-0000000000000000a", Entries: blocks}, 300))
	require.NoError(t, account.PutList(secgroup.PrefixList{ID: "pl-63a5400a", Name: "com.amazonaws.us-east-1.s3", OwnerID: "AWS", Entries: blocks[:2]}, 5))
	l, err := inv.List(t.Context(), "pl-0000000000000000a")
	require.NoError(t, err)
	require.True(t, l.Readable)
	require.ElementsMatch(t, blocks, l.Entries)
	require.EqualValues(t, 2, l.Version)
	require.Equal(t, "offices", l.Name)
	require.Equal(t, "123456789012", l.OwnerID)
	require.Equal(t, 3, cloud.Count("GetManagedPrefixListEntries"))
	l, err = inv.List(t.Context(), "pl-63a5400a")
	require.NoError(t, err)
	require.True(t, l.Readable)
	require.Zero(t, l.Version)
	require.Equal(t, "AWS", l.OwnerID)

	refused := func(id, why string) {
		l, err := inv.List(t.Context(), id)
		require.NoError(t, err)
		require.Equal(t, id, l.ID)
		require.False(t, l.Readable)
		require.Empty(t, l.Entries)
		require.Equal(t, why, l.Refused)
	}
	refused("pl-0000000000000000f", "InvalidPrefixListID.NotFound")
	for _, action := range []string{"DescribeManagedPrefixLists", "GetManagedPrefixListEntries"} {
		cloud.Disturb(only(action, localec2.Deny()))
		refused("pl-0000000000000000a", "UnauthorizedOperation")
		cloud.Disturb(only(action, localec2.Throttle()))
		_, err = inv.List(t.Context(), "pl-0000000000000000a")
		require.ErrorIs(t, err, incident.ErrThrottled)
	}
}

func TestManagedLists(t *testing.T) {
	const id = "pl-0000000000000000a"
	cloud, account, inv := newWorld(t)
	block := func(n int) netip.Prefix { return netip.MustParsePrefix(fmt.Sprintf("8.8.%d.0/24", n)) }
	require.NoError(t, account.PutList(secgroup.PrefixList{ID: id, Name: "offices", Entries: []netip.Prefix{block(1)}}, 9))
	require.NoError(t, account.PutList(secgroup.PrefixList{ID: id, Entries: []netip.Prefix{block(1), block(2)}}, 9))
	l, err := inv.Managed(t.Context(), id)
	require.NoError(t, err)
	require.Equal(t, []secgroup.ListEntry{{Block: block(1)}, {Block: block(2)}}, l.Described)
	require.Equal(t, 9, l.MaxEntries)
	require.Empty(t, l.Changing)
	require.False(t, l.Synced)
	require.True(t, l.Readable)

	old, err := inv.EntriesAt(t.Context(), id, 1)
	require.NoError(t, err)
	require.Equal(t, []secgroup.ListEntry{{Block: block(1)}}, old)
	_, err = inv.EntriesAt(t.Context(), id, 7)
	require.ErrorIs(t, err, incident.ErrInvalid)

	for n := range 300 {
		require.NoError(t, account.UseList(id, fmt.Sprintf("rtb-%017d", n), "210987654321"))
	}
	users, err := inv.ListUsers(t.Context(), id)
	require.NoError(t, err)
	require.Len(t, users, 300)
	require.Equal(t, secgroup.ListUser{ID: "rtb-00000000000000000", OwnerID: "210987654321"}, users[0])
	require.Equal(t, 2, cloud.Count("GetManagedPrefixListAssociations"))

	require.NoError(t, account.SyncList(id, "ipam-plrt-1"))
	l, err = inv.Managed(t.Context(), id)
	require.NoError(t, err)
	require.True(t, l.Synced)

	for _, action := range []string{"DescribeManagedPrefixLists", "GetManagedPrefixListEntries"} {
		cloud.Disturb(only(action, localec2.Deny()))
		l, err = inv.Managed(t.Context(), id)
		require.NoError(t, err)
		require.False(t, l.Readable)
		require.Empty(t, l.Described)
		require.Equal(t, "UnauthorizedOperation", l.Refused)
		cloud.Disturb(only(action, localec2.Throttle()))
		_, err = inv.Managed(t.Context(), id)
		require.ErrorIs(t, err, incident.ErrThrottled)
	}
	cloud.Disturb(only("GetManagedPrefixListAssociations", localec2.Deny()))
	_, err = inv.ListUsers(t.Context(), id)
	require.ErrorIs(t, err, incident.ErrDenied)
}

func only(action string, d localec2.Disturbance) localec2.Interceptor {
	return func(c localec2.Call) localec2.Disturbance {
		if c.Action == action {
			return d
		}
		return localec2.Disturbance{}
	}
}

// TestSingleFaults disturbs each call of each read in turn: never half an answer.
func TestSingleFaults(t *testing.T) {
	faults := map[string]struct {
		d    localec2.Disturbance
		want error
	}{
		"throttled":   {localec2.Throttle(), incident.ErrThrottled},
		"denied":      {localec2.Deny(), incident.ErrDenied},
		"failed":      {localec2.Fail(), incident.ErrUnavailable},
		"lost":        {localec2.Lose(), incident.ErrUnavailable},
		"answer lost": {localec2.LoseAnswer(), incident.ErrUnavailable},
		"unavailable": {localec2.Refusal(503, "Unavailable", "later"), incident.ErrUnavailable},
	}
	reads := map[string]func(context.Context, *inventory.Inventory) error{
		"Group": func(ctx context.Context, i *inventory.Inventory) error { _, err := i.Group(ctx, web); return err },
		"Rules": func(ctx context.Context, i *inventory.Inventory) error { _, err := i.Rules(ctx, web); return err },
		"Named": func(ctx context.Context, i *inventory.Inventory) error { _, err := i.Named(ctx, "web"); return err },
		"VPCs": func(ctx context.Context, i *inventory.Inventory) error {
			_, err := i.VPCs(ctx, secgroup.Group{ID: web, Name: "web", VPCID: webVPC})
			return err
		},
		"Interfaces": func(ctx context.Context, i *inventory.Inventory) error {
			_, _, err := i.Interfaces(ctx, web)
			return err
		},
		"Attached": func(ctx context.Context, i *inventory.Inventory) error {
			_, whole, err := i.Attached(ctx, web)
			if err == nil && !whole {
				return errors.New("not whole")
			}
			return err
		},
		"DeadReferences": func(ctx context.Context, i *inventory.Inventory) error {
			_, err := i.DeadReferences(ctx, webVPC)
			return err
		},
		"Groups":           func(ctx context.Context, i *inventory.Inventory) error { _, err := i.Groups(ctx); return err },
		"ElasticAddresses": func(ctx context.Context, i *inventory.Inventory) error { _, err := i.ElasticAddresses(ctx); return err },
	}
	cases := 0
	for read, call := range reads {
		cloud, _, inv := newWorld(t)
		require.NoError(t, call(t.Context(), inv))
		actions := map[string]bool{}
		for _, c := range cloud.Calls() {
			actions[c.Action] = true
		}
		for action := range actions {
			for fault, f := range faults {
				cases++
				cloud.Disturb(only(action, f.d))
				require.ErrorIs(t, call(t.Context(), inv), f.want, "%s: %s %s", read, action, fault)
			}
		}
	}
	require.Equal(t, 12*len(faults), cases)
}

func TestGoneAndUnseenGroups(t *testing.T) {
	cloud, account, inv := newWorld(t)
	_, err := inv.Group(t.Context(), "sg-0123456789abcdef0")
	require.ErrorIs(t, err, incident.ErrGone)
	_, err = inv.Group(t.Context(), "sg-1;rm")
	require.ErrorIs(t, err, incident.ErrInvalid)
	rules, err := inv.Rules(t.Context(), "sg-0123456789abcdef0")
	require.NoError(t, err)
	require.Empty(t, rules)

	before := cloud.Snapshot()
	_, err = account.EnsureGroup(secgroup.Group{ID: "sg-0000000000000000b", Name: "new"})
	require.NoError(t, err)
	cloud.Disturb(func(localec2.Call) localec2.Disturbance { return localec2.Stale(before) })
	_, err = inv.Group(t.Context(), "sg-0000000000000000b")
	require.ErrorIs(t, err, incident.ErrGone, "what is not visible yet reads as gone: the warden asks again")
}

func TestDeadlines(t *testing.T) {
	cloud, _, inv := newWorld(t)
	cloud.Disturb(only("DescribeSecurityGroupRules", localec2.Hang()))
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	_, err := inv.Group(ctx, web)
	require.ErrorIs(t, err, incident.ErrUnavailable)
	require.ErrorIs(t, err, context.DeadlineExceeded)
}

func TestPermissionsAreThoseOfTheClient(t *testing.T) {
	var actions []string
	c := reflect.TypeFor[inventory.Client]()
	for i := range c.NumMethod() {
		actions = append(actions, "ec2:"+c.Method(i).Name)
	}
	require.Equal(t, actions, inventory.Permissions(inventory.Needs{Interfaces: true, Dead: true, Elastic: true, Lists: true}))
	few := inventory.Permissions(inventory.Needs{})
	require.Len(t, few, len(actions)-4)
	require.NotContains(t, few, "ec2:DescribeNetworkInterfaces")
}
