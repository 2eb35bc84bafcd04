package embedded

import (
	"context"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/stretchr/testify/require"

	"github.com/sgwarden/sgwarden/internal/apply"
	"github.com/sgwarden/sgwarden/internal/awsrule"
	"github.com/sgwarden/sgwarden/internal/incident"
	"github.com/sgwarden/sgwarden/internal/inventory"
	"github.com/sgwarden/sgwarden/internal/ledger"
	"github.com/sgwarden/sgwarden/internal/localec2"
	"github.com/sgwarden/sgwarden/internal/localec2/cloudtrail"
	"github.com/sgwarden/sgwarden/internal/plan"
	"github.com/sgwarden/sgwarden/internal/secgroup"
	"github.com/sgwarden/sgwarden/internal/undo"
)

// undone has a policy that takes rules, one that narrows them, and one that
// minds ping.
const undone = `apiVersion: sgwarden/v1
kind: Settings
packs: []
---
apiVersion: sgwarden/v1
kind: Policy
metadata: {id: no-ssh, title: No SSH, severity: high, maturity: stable, why: w, fix: f}
forbid:
  - {direction: ingress, ports: [22], peers: [internet]}
  - {direction: ingress, ports: [22], peers: [references]}
---
apiVersion: sgwarden/v1
kind: Policy
metadata: {id: narrow-web, title: Web is internal, severity: medium, maturity: stable, why: w, fix: f}
forbid:
  - {direction: ingress, ports: [8080-8090], peers: [internet]}
remedy: {do: narrow, to: [10.0.0.0/8], parts: 3}
---
apiVersion: sgwarden/v1
kind: Policy
metadata: {id: no-ping, title: No ping, severity: low, maturity: stable, why: w, fix: f}
forbid:
  - {direction: ingress, icmp: ["8"], icmp6: ["128"], peers: [internet]}
`

var toOpen = []string{
	"ingress tcp/22 from 0.0.0.0/0", "ingress tcp/20-25 from 8.8.0.0/16", "ingress tcp/22 from ::/0", "ingress tcp/8000-8100 from 0.0.0.0/0",
	"ingress tcp/8085 from ::/0", "ingress tcp/8080-9000 from 8.0.0.0/7", "ingress icmp from 0.0.0.0/0", "ingress icmpv6 from ::/0",
	"ingress all from 0.0.0.0/0", "ingress all from ::/0", "ingress tcp/443 from 0.0.0.0/0", "ingress tcp/22 from 10.0.0.0/8", "ingress tcp/0-65535 from self",
}

// undoing is a group of an office, with what was left of it by the guard.
type undoing struct {
	*office
	account *Account
	group   string
	person  *ec2.Client
}

func newUndoing(t *testing.T) *undoing {
	o := newOffice(t, undone)
	a, err := o.world.Account(t.Context(), localec2.DefaultAccount, localec2.DefaultRegion)
	require.NoError(t, err)
	u := &undoing{office: o, account: a, person: o.client(cloudtrail.User(localec2.DefaultAccount, "mira", "AKIAMIRA"), "aws-cli/2")}
	made, err := u.person.CreateSecurityGroup(t.Context(), &ec2.CreateSecurityGroupInput{GroupName: aws.String("web"), Description: aws.String("web")})
	require.NoError(t, err)
	u.group = *made.GroupId
	o.hear()
	return u
}

// rules are those of the group, without ids.
func (u *undoing) rules() (values []string, whole []secgroup.Rule) {
	g, ok := u.account.ec2.Group(u.group)
	require.True(u, ok)
	for _, r := range g.Rules {
		values = append(values, r.Value()+" "+r.Description+" "+r.Tags["team"])
	}
	slices.Sort(values)
	return values, g.Rules
}

func (u *undoing) open(text string) {
	u.Helper()
	if text == "ingress tcp/0-65535 from self" {
		text = "ingress tcp/0-65535 from " + u.group
	}
	r, err := secgroup.ParseRule(text)
	require.NoError(u, err)
	r.Description = "of " + strconv.Itoa(len(text))
	p, err := awsrule.Permission(r)
	require.NoError(u, err)
	_, err = u.person.AuthorizeSecurityGroupIngress(u.Context(), &ec2.AuthorizeSecurityGroupIngressInput{
		GroupId: &u.group, IpPermissions: []types.IpPermission{p},
		TagSpecifications: []types.TagSpecification{{ResourceType: types.ResourceTypeSecurityGroupRule, Tags: []types.Tag{{Key: aws.String("team"), Value: aws.String("shop")}}}},
	})
	require.NoError(u, err)
}

// incidents are the closed ones of the group in which something was taken.
func (u *undoing) incidents() (all []incident.Incident) {
	require.NoError(u, u.account.ledger.Incidents(u.Context(), ledger.Search{GroupID: u.group}, func(i incident.Incident) error {
		if i.Outcome == incident.Reverted || i.Outcome == incident.Narrowed {
			all = append(all, i)
		}
		return nil
	}))
	return all
}

// undo undoes an incident with an operator's own client. After each of its calls
// all that the guard kept is still open.
func (u *undoing) undo(i incident.Incident) []undo.Done {
	u.Helper()
	operator := u.client(cloudtrail.User(localec2.DefaultAccount, "ops", "AKIAOPS"), "sgwarden")
	reads, applier := inventory.New(operator), apply.New(operator)
	_, kept := u.rules()
	ends, err := undo.Undoer{
		Rules: reads.Rules, Exempt: u.account.ledger.Operator().PutExemption, Sleep: u.world.sleep, Now: u.world.clock,
		Apply: func(ctx context.Context, a plan.Action) incident.Result {
			out := applier.Apply(ctx, a)
			_, live := u.rules()
			for _, k := range kept {
				require.True(u, isOpen(k, live), "%s was closed by %+v", k, a)
			}
			return out
		},
	}.Undo(u.Context(), i, undo.Plan(i, kept), undo.Ask{Owner: "ops", Reason: "it was right", Until: u.world.clock().Add(24 * time.Hour)})
	require.NoError(u, err)
	return ends
}

// isOpen reports whether one of the rules opens all that r does.
func isOpen(r secgroup.Rule, rules []secgroup.Rule) bool {
	return slices.ContainsFunc(rules, func(o secgroup.Rule) bool { return o.Direction == r.Direction && o.Region().Covers(r.Region()) })
}

// TestUndoRestoresExactly opens rules at random, lets the guard take or narrow
// them, and undoes each incident: flows, descriptions and tags are as they were,
// no kept flow was closed on the way, and neither the same records again nor
// those of the undoing make the guard take anything back.
func TestUndoRestoresExactly(t *testing.T) {
	calls := map[string]int{}
	for seed := range uint64(40) {
		t.Run(strconv.FormatUint(seed, 10), func(t *testing.T) {
			random := rand.New(rand.NewPCG(seed, 7))
			u := newUndoing(t)
			for _, n := range random.Perm(len(toOpen))[:1+random.IntN(5)] {
				u.open(toOpen[n])
			}
			wanted, opened := u.rules()
			records := slices.Clone(u.records)
			u.hear()
			taken := u.incidents()
			for _, i := range taken {
				for _, d := range u.undo(i) {
					require.NoError(t, d.Err)
					if d.Action != nil {
						calls[d.Action.Call()]++
						require.True(t, d.Put.SameValue(*d.Rule.Before))
					}
				}
			}
			for range 2 { // what undo did, and all of it once more
				u.hear()
				u.records = slices.Clone(records)
			}
			values, live := u.rules()
			require.Subset(t, values, wanted)
			for _, r := range live {
				require.True(t, isOpen(r, opened), "%s was not there", r)
			}
			for _, i := range taken {
				for _, d := range u.undo(i) {
					require.Nil(t, d.Action, "undone twice")
					require.NotEmpty(t, d.Note)
				}
			}
		})
	}
	require.Greater(t, calls["AuthorizeSecurityGroupIngress"], 20)
	require.Greater(t, calls["ModifySecurityGroupRules"], 10)
}

// TestUndoOfARestoredValue: the guard gave a modified rule its old value back,
// in place; the same rule gets the newer one again.
func TestUndoOfARestoredValue(t *testing.T) {
	u := newUndoing(t)
	u.open("ingress tcp/22 from 10.0.0.0/8")
	u.hear()
	_, before := u.rules()
	n := slices.IndexFunc(before, func(r secgroup.Rule) bool { return r.Direction == secgroup.Ingress })
	request, err := awsrule.Request(before[n])
	require.NoError(t, err)
	request.CidrIpv4, request.Description = aws.String("0.0.0.0/0"), aws.String("for the audit")
	_, err = u.person.ModifySecurityGroupRules(t.Context(), &ec2.ModifySecurityGroupRulesInput{
		GroupId: &u.group, SecurityGroupRules: []types.SecurityGroupRuleUpdate{{SecurityGroupRuleId: &before[n].ID, SecurityGroupRule: request}},
	})
	require.NoError(t, err)
	wanted, _ := u.rules()
	u.hear()
	restored, _ := u.rules()
	require.NotEqual(t, wanted, restored)
	taken := u.incidents()
	require.Len(t, taken, 1)
	ends := u.undo(taken[0])
	require.Len(t, ends, 1)
	require.Equal(t, "ModifySecurityGroupRules", ends[0].Action.Call())
	require.Equal(t, before[n].ID, ends[0].Put.ID)
	u.hear()
	now, _ := u.rules()
	require.Equal(t, wanted, now, "value, description and tags")
}

// TestUndoThatEC2Refuses: what does not fit any more is said, the rest is put
// back.
func TestUndoThatEC2Refuses(t *testing.T) {
	u := newUndoing(t)
	for _, port := range []string{"22", "20-25", "21-23"} {
		u.open("ingress tcp/" + port + " from 0.0.0.0/0")
	}
	u.hear()
	u.world.Cloud().AllowRules(2)
	u.open("ingress tcp/443 from 0.0.0.0/0")
	u.hear()
	var put, refused int
	for _, i := range u.incidents() {
		for _, d := range u.undo(i) {
			if d.Put != nil {
				put++
				continue
			}
			require.ErrorContains(t, d.Err, "RulesPerSecurityGroupLimitExceeded")
			refused++
		}
	}
	require.Equal(t, []int{1, 2}, []int{put, refused})
}

// TestUndoOfAGroupThatIsGone changes nothing, and says so.
func TestUndoOfAGroupThatIsGone(t *testing.T) {
	u := newUndoing(t)
	u.open("ingress tcp/22 from 0.0.0.0/0")
	u.hear()
	taken := u.incidents()
	require.Len(t, taken, 1)
	steps := undo.Plan(taken[0], nil)
	require.True(t, u.account.ec2.DropGroup(u.group))
	operator := u.client(cloudtrail.User(localec2.DefaultAccount, "ops", "AKIAOPS"), "sgwarden")
	ends, err := undo.Undoer{
		Rules: inventory.New(operator).Rules, Exempt: u.account.ledger.Operator().PutExemption, Sleep: u.world.sleep, Now: u.world.clock,
		Apply: apply.New(operator).Apply,
	}.Undo(t.Context(), taken[0], steps, undo.Ask{Owner: "ops", Reason: "r", Until: u.world.clock().Add(time.Hour)})
	require.NoError(t, err)
	require.Len(t, ends, 1)
	require.ErrorIs(t, ends[0].Err, incident.ErrGone)
	require.True(t, undo.Failed(ends))
}

// TestUndoOfAListIsNotTakenAgain: the exemption names the list, and covers what
// is in it.
func TestUndoOfAListIsNotTakenAgain(t *testing.T) {
	u := newUndoing(t)
	const list = "pl-0123456789abcdef0"
	require.NoError(t, u.account.ec2.PutList(secgroup.PrefixList{
		ID: list, Name: "offices", OwnerID: localec2.DefaultAccount, Version: 1,
		Entries: []netip.Prefix{netip.MustParsePrefix("8.0.0.0/7"), netip.MustParsePrefix("2600::/16")}, Readable: true,
	}, 10))
	u.open("ingress tcp/20-25 from " + list)
	wanted, _ := u.rules()
	u.hear()
	taken := u.incidents()
	require.Len(t, taken, 1)
	for _, d := range u.undo(taken[0]) {
		require.NoError(t, d.Err)
		require.NotNil(t, d.Put)
	}
	u.hear()
	now, _ := u.rules()
	require.Equal(t, wanted, now)
}

// close lets the person take a rule away.
func (u *undoing) close(text string) {
	u.Helper()
	_, live := u.rules()
	n := slices.IndexFunc(live, parsed(u.T, text).SameValue)
	require.GreaterOrEqual(u, n, 0)
	_, err := u.person.RevokeSecurityGroupIngress(u.Context(), &ec2.RevokeSecurityGroupIngressInput{GroupId: &u.group, SecurityGroupRuleIds: []string{live[n].ID}})
	require.NoError(u, err)
}
