package apply_test

import (
	"context"
	"net/http"
	"net/netip"
	"reflect"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/stretchr/testify/require"

	"github.com/sgwarden/sgwarden/internal/apply"
	"github.com/sgwarden/sgwarden/internal/awserr"
	"github.com/sgwarden/sgwarden/internal/incident"
	"github.com/sgwarden/sgwarden/internal/localec2"
	"github.com/sgwarden/sgwarden/internal/plan"
	"github.com/sgwarden/sgwarden/internal/secgroup"
	"github.com/sgwarden/sgwarden/internal/warden"
)

var (
	_ apply.Client   = (*ec2.Client)(nil)
	_ warden.Applier = (*apply.Applier)(nil)
	_ warden.Applier = (*apply.Observer)(nil)
)

const web = "sg-0000000000000000a"

// world is a group with rules, and an applier on it.
type world struct {
	*testing.T
	cloud   *localec2.Cloud
	account *localec2.Account
	applier *apply.Applier
	rules   map[string]secgroup.Rule // by text, as they were made
}

func newWorld(t *testing.T, rules ...string) world {
	t.Helper()
	cloud := localec2.New(localec2.Options{IDs: localec2.CountedIDs(t.Name())})
	account := cloud.Account(localec2.DefaultAccount, localec2.DefaultRegion)
	_, err := account.EnsureGroup(secgroup.Group{ID: web, Name: "web", VPCID: "vpc-0000000000000000a", Rules: []secgroup.Rule{}})
	require.NoError(t, err)
	w := world{t, cloud, account, apply.New(client(cloud, awserr.Retryer(3, time.Millisecond))), map[string]secgroup.Rule{}}
	for _, text := range rules {
		_, err := account.EnsureRule(web, rule(t, text))
		require.NoError(t, err)
	}
	for _, r := range w.live() {
		w.rules[r.String()] = r
	}
	require.Len(t, w.rules, len(rules))
	return w
}

func client(cloud *localec2.Cloud, retryer aws.Retryer) *ec2.Client {
	return ec2.New(ec2.Options{
		Region: localec2.DefaultRegion, Retryer: retryer, HTTPClient: &http.Client{Transport: cloud.Transport()},
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: "AKIDTEST", SecretAccessKey: "secret"}, nil
		}),
	})
}

func rule(t *testing.T, text string) secgroup.Rule {
	t.Helper()
	r, err := secgroup.ParseRule(text)
	require.NoError(t, err)
	return r
}

func (w world) live() []secgroup.Rule {
	g, ok := w.account.Group(web)
	require.True(w, ok)
	return g.Rules
}

func (w world) texts() []string {
	texts := []string{}
	for _, r := range w.live() {
		texts = append(texts, r.String())
	}
	return texts
}

// pick gives rules of the world by their texts.
func (w world) pick(texts ...string) []secgroup.Rule {
	var rules []secgroup.Rule
	for _, text := range texts {
		r, ok := w.rules[text]
		require.True(w, ok, text)
		rules = append(rules, r)
	}
	return rules
}

func (w world) apply(a plan.Action) incident.Result { return w.applier.Apply(w.Context(), a) }

const (
	ssh   = "ingress tcp/22 from 0.0.0.0/0"
	ssh6  = "ingress tcp/22 from ::/0"
	https = "ingress tcp/443 from 10.0.0.0/8"
	out   = "egress all to 0.0.0.0/0"
	self  = "ingress all from " + web
)

func TestRevokeIsOneCall(t *testing.T) {
	w := newWorld(t, ssh, ssh6, https, self, out)
	due := w.pick(ssh, ssh6, self)
	due[0].Tags = map[string]string{"read": "before"}
	r := w.apply(plan.Revoke{GroupID: web, Direction: secgroup.Ingress, Rules: due})
	require.NoError(t, r.Err)
	require.ElementsMatch(t, due, r.Removed, "what went, with the tags that were read before")
	require.ElementsMatch(t, []string{https, out}, w.texts())
	require.Equal(t, 1, w.cloud.Count())
	require.Equal(t, []string{w.cloud.Calls()[0].RequestID}, r.RequestIDs)
	require.Empty(t, w.cloud.Calls()[0].Params.Get("IpPermissions.1.IpProtocol"), "by id, never by value")

	r = w.apply(plan.Revoke{GroupID: web, Direction: secgroup.Egress, Rules: w.pick(out)})
	require.NoError(t, r.Err)
	require.Equal(t, []string{https}, w.texts())
}

func TestRevokeTellsWhatReallyWent(t *testing.T) {
	w := newWorld(t, ssh)
	due := w.pick(ssh)
	changed, err := w.account.ChangeRule(due[0].ID, rule(t, "ingress tcp/22 from 10.0.0.0/8"))
	require.NoError(t, err)
	require.True(t, changed)
	r := w.apply(plan.Revoke{GroupID: web, Direction: secgroup.Ingress, Rules: due})
	require.NoError(t, r.Err)
	require.Equal(t, "ingress tcp/22 from 10.0.0.0/8", r.Removed[0].String(), "the rule was narrowed after it was judged: the answer says so")
}

func TestRevokeOfRulesThatAreGone(t *testing.T) {
	for _, c := range []struct {
		name    string
		gone    []string
		removed []string
		calls   int
	}{
		{"one of three", []string{ssh}, []string{ssh6, https}, 2},
		{"two of three", []string{ssh, https}, []string{ssh6}, 2},
		{"all", []string{ssh, ssh6, https}, nil, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t, ssh, ssh6, https)
			for _, r := range w.pick(c.gone...) {
				require.True(t, w.account.RemoveRule(r.ID))
			}
			r := w.apply(plan.Revoke{GroupID: web, Direction: secgroup.Ingress, Rules: w.pick(ssh, ssh6, https)})
			require.ErrorIs(t, r.Err, incident.ErrGone)
			for _, g := range w.pick(c.gone...) {
				require.ErrorContains(t, r.Err, g.ID)
			}
			var removed []string
			for _, rule := range r.Removed {
				removed = append(removed, rule.String())
			}
			require.ElementsMatch(t, c.removed, removed)
			require.Empty(t, w.texts())
			require.Equal(t, c.calls, w.cloud.Count())
			require.Len(t, r.RequestIDs, c.calls)
		})
	}
	t.Run("one, alone", func(t *testing.T) {
		w := newWorld(t, ssh)
		require.True(t, w.account.RemoveRule(w.pick(ssh)[0].ID))
		r := w.apply(plan.Revoke{GroupID: web, Direction: secgroup.Ingress, Rules: w.pick(ssh)})
		require.ErrorIs(t, r.Err, incident.ErrGone)
		require.Equal(t, 1, w.cloud.Count())
	})
	t.Run("the group", func(t *testing.T) {
		w := newWorld(t, ssh, ssh6)
		require.True(t, w.account.DropGroup(web))
		r := w.apply(plan.Revoke{GroupID: web, Direction: secgroup.Ingress, Rules: w.pick(ssh, ssh6)})
		require.ErrorIs(t, r.Err, incident.ErrGone)
		require.Equal(t, 1, w.cloud.Count())
	})
	for _, code := range []string{"InvalidSecurityGroupRuleId.NotFound", "InvalidPermission.NotFound"} {
		t.Run("an answer that does not say which: "+code, func(t *testing.T) {
			w := newWorld(t, ssh, ssh6, https)
			require.True(t, w.account.RemoveRule(w.pick(ssh)[0].ID))
			w.cloud.Disturb(once(localec2.Refusal(400, code, "The specified rule does not exist")))
			r := w.apply(plan.Revoke{GroupID: web, Direction: secgroup.Ingress, Rules: w.pick(ssh, ssh6, https)})
			require.ErrorIs(t, r.Err, incident.ErrGone)
			require.Empty(t, w.texts())
			require.Equal(t, 4, w.cloud.Count())
		})
	}
}

func TestModifyRestatesTheWholeRule(t *testing.T) {
	for _, c := range []struct{ from, to string }{
		{ssh, "ingress tcp/22 from 10.0.0.0/8"},
		{ssh6, "ingress tcp/23-25 from 2606:4700::/32"},
		{self, "ingress tcp/5432 from " + web},
		{out, "egress tcp/443 to 0.0.0.0/0"},
		{"ingress tcp/1 from 10.0.0.0/8", "ingress all from 10.0.0.0/8"},
		{"ingress icmp from 10.0.0.0/8", "ingress icmp/8 from 10.0.0.0/8"},
		{"ingress all from ::/0", "ingress icmpv6 from ::/0"},
		{"ingress all from 10.0.0.0/8", "ingress 50 from 10.0.0.0/8"},
	} {
		t.Run(c.from+" to "+c.to, func(t *testing.T) {
			w := newWorld(t, c.from)
			from := w.pick(c.from)[0]
			require.True(t, w.account.SetTags(from.ID, map[string]string{"keep": "me"}))
			to := rule(t, c.to)
			to.ID, to.Description = from.ID, "kept by the plan"
			r := w.apply(plan.Modify{GroupID: web, From: from, To: to})
			require.NoError(t, r.Err)
			require.Len(t, r.RequestIDs, 1)
			to.Tags = map[string]string{"keep": "me"}
			require.Equal(t, []secgroup.Rule{to}, w.live())
		})
	}
}

func TestModifyRefuses(t *testing.T) {
	w := newWorld(t, ssh, "ingress tcp/22 from 10.0.0.0/8")
	from := w.pick(ssh)[0]
	for _, c := range []struct {
		name, to string
		want     error
		calls    int
	}{
		{"another type", "ingress tcp/22 from ::/0", incident.ErrInvalid, 0},
		{"a group", "ingress tcp/22 from " + web, incident.ErrInvalid, 0},
		{"the other direction", "egress tcp/22 to 10.0.0.0/9", incident.ErrInvalid, 0},
		{"a rule that exists", "ingress tcp/22 from 10.0.0.0/8", incident.ErrDuplicate, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			w.cloud.Forget()
			to := rule(t, c.to)
			to.ID = from.ID
			r := w.apply(plan.Modify{GroupID: web, From: from, To: to})
			require.ErrorIs(t, r.Err, c.want)
			require.Equal(t, c.calls, w.cloud.Count())
		})
	}
	r := w.apply(plan.Modify{GroupID: web, From: from, To: rule(t, ssh)})
	require.ErrorIs(t, r.Err, incident.ErrInvalid, "a rule without its id")
}

func TestAuthorize(t *testing.T) {
	w := newWorld(t, https)
	parts := []secgroup.Rule{rule(t, "ingress tcp/20-21 from 0.0.0.0/0"), rule(t, "ingress tcp/23-25 from ::/0"), rule(t, self), rule(t, "ingress 50 from 10.0.0.0/8")}
	for i := range parts {
		parts[i].Description, parts[i].Tags = "part", map[string]string{"team": "net", "aws:cloudformation:stack-name": "web"}
	}
	r := w.apply(plan.Authorize{GroupID: web, Direction: secgroup.Ingress, Rules: parts})
	require.NoError(t, r.Err)
	require.Equal(t, 1, w.cloud.Count())
	require.Len(t, r.Added, 4)
	for _, added := range r.Added {
		require.NotEmpty(t, added.ID)
		require.Equal(t, "part", added.Description)
		require.Equal(t, map[string]string{"team": "net"}, added.Tags, "the tags of AWS cannot be given")
		require.Contains(t, w.live(), added)
	}
	require.Len(t, w.live(), 5)
}

func TestAuthorizeWhatExistsIsNoFault(t *testing.T) {
	w := newWorld(t, https)
	r := w.apply(plan.Authorize{GroupID: web, Direction: secgroup.Ingress, Rules: []secgroup.Rule{rule(t, https)}})
	require.NoError(t, r.Err)
	require.Empty(t, r.Added)
	require.Equal(t, 1, w.cloud.Count())
	r = w.apply(plan.Authorize{GroupID: web, Direction: secgroup.Ingress, Rules: []secgroup.Rule{rule(t, https), rule(t, ssh), rule(t, ssh6)}})
	require.NoError(t, r.Err)
	require.Len(t, r.Added, 2)
	require.ElementsMatch(t, []string{https, ssh, ssh6}, w.texts())
}

func TestAuthorizeGivesEachRuleItsOwnTags(t *testing.T) {
	w := newWorld(t)
	a, b, c := rule(t, ssh), rule(t, ssh6), rule(t, https)
	a.Tags, c.Tags = map[string]string{"k": "1"}, map[string]string{"k": "1"}
	r := w.apply(plan.Authorize{GroupID: web, Direction: secgroup.Ingress, Rules: []secgroup.Rule{a, b, c}})
	require.NoError(t, r.Err)
	require.Equal(t, 2, w.cloud.Count())
	for _, live := range w.live() {
		require.Equal(t, live.Protocol.HasPorts() && live.String() != ssh6, live.Tags["k"] == "1", live.String())
	}
}

func TestTag(t *testing.T) {
	w := newWorld(t, ssh, out)
	r := w.apply(plan.Tag{GroupID: web, OfGroup: true, Rules: w.pick(ssh), Tags: map[string]string{"sgwarden:violates": "admin-ports"}})
	require.NoError(t, r.Err)
	g, _ := w.account.Group(web)
	require.Equal(t, map[string]string{"sgwarden:violates": "admin-ports"}, g.Tags)
	for _, live := range g.Rules {
		require.Equal(t, live.String() == ssh, live.Tags["sgwarden:violates"] != "")
	}
	require.True(t, w.account.RemoveRule(w.pick(ssh)[0].ID))
	r = w.apply(plan.Tag{GroupID: web, OfGroup: true, Rules: w.pick(ssh), Tags: map[string]string{"sgwarden:violates": "x"}})
	require.ErrorIs(t, r.Err, incident.ErrGone)

	many := make([]secgroup.Rule, 1000)
	for i := range many {
		many[i].ID = w.pick(out)[0].ID
	}
	w.cloud.Forget()
	require.NoError(t, w.apply(plan.Tag{GroupID: web, OfGroup: true, Rules: many, Tags: map[string]string{"a": "b"}}).Err)
	require.Equal(t, 2, w.cloud.Count("CreateTags"), "1,001 resources")
}

func TestNothingToDoIsAnError(t *testing.T) {
	w := newWorld(t, ssh)
	for _, a := range []plan.Action{
		plan.Revoke{GroupID: web, Direction: secgroup.Ingress}, plan.Authorize{GroupID: web, Direction: secgroup.Ingress}, plan.Tag{GroupID: web},
		plan.Revoke{GroupID: web, Rules: w.pick(ssh)}, plan.Authorize{GroupID: web, Rules: w.pick(ssh)},
		plan.Authorize{GroupID: web, Direction: secgroup.Ingress, Rules: []secgroup.Rule{{Direction: secgroup.Ingress}}}, nil,
	} {
		require.ErrorIs(t, w.apply(a).Err, incident.ErrInvalid, "%#v", a)
	}
	require.Zero(t, w.cloud.Count())
}

func TestObserverChangesNothing(t *testing.T) {
	w := newWorld(t, ssh)
	var o apply.Observer
	for range 3 {
		r := o.Apply(t.Context(), plan.Revoke{GroupID: web, Direction: secgroup.Ingress, Rules: w.pick(ssh)})
		require.ErrorIs(t, r.Err, incident.ErrDenied)
		require.Empty(t, r.Removed)
	}
	require.Equal(t, 3, o.Withheld())
	require.Zero(t, w.cloud.Count())
}

func TestPermissionsCoverTheClient(t *testing.T) {
	require.Empty(t, apply.Permissions(apply.Needs{}), "observe mode changes nothing")
	granted := map[string]bool{}
	for _, p := range apply.Permissions(apply.Needs{Revert: true, Modify: true, Authorize: true, Tag: true, Lists: true}) {
		granted[p.Action] = true
		require.NotEmpty(t, p.Resources)
		require.NotContains(t, p.Resources, "*")
		require.True(t, p.Action != "ec2:CreateTags" || len(p.TagKeys)+len(p.CreateAction) > 0, "tagging is bounded")
	}
	used := map[string]bool{}
	c := reflect.TypeFor[apply.Client]()
	for i := range c.NumMethod() {
		used["ec2:"+c.Method(i).Name] = true
	}
	require.Equal(t, used, granted)
	for _, n := range []apply.Needs{{Revert: true}, {Modify: true}, {Revert: true, Modify: true, Tag: true}} {
		for _, p := range apply.Permissions(n) {
			require.NotContains(t, p.Action, "Authorize", "%+v", n)
		}
	}
}

// TestBlocksOfBothFamilies: what is sent is what was planned, over random rules.
func TestBlocksOfBothFamilies(t *testing.T) {
	w := newWorld(t)
	for _, text := range []string{"10.1.2.3/8", "0.0.0.0/0", "8.8.8.0/29", "::/0", "2606:4700::/32", "::ffff:0:0/96"} {
		want := secgroup.Rule{Direction: secgroup.Egress, Protocol: secgroup.UDP, Ports: secgroup.Ports{From: 53, To: 53}, Peer: secgroup.CIDR{Prefix: netip.MustParsePrefix(text)}}
		r := w.apply(plan.Authorize{GroupID: web, Direction: secgroup.Egress, Rules: []secgroup.Rule{want}})
		require.NoError(t, r.Err, text)
		require.True(t, r.Added[0].SameValue(want), text)
	}
}
