package main

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/stretchr/testify/require"

	"github.com/sgwarden/sgwarden/internal/apply"
	"github.com/sgwarden/sgwarden/internal/bundle"
	"github.com/sgwarden/sgwarden/internal/incident"
	"github.com/sgwarden/sgwarden/internal/inventory"
	"github.com/sgwarden/sgwarden/internal/ledger"
	"github.com/sgwarden/sgwarden/internal/localaws"
	"github.com/sgwarden/sgwarden/internal/localec2"
	"github.com/sgwarden/sgwarden/internal/marks"
	"github.com/sgwarden/sgwarden/internal/plan"
	"github.com/sgwarden/sgwarden/internal/policy"
	"github.com/sgwarden/sgwarden/internal/secgroup"
	"github.com/sgwarden/sgwarden/internal/warden"
)

const (
	webGroup = "sg-0000000000000000a"
	dbGroup  = "sg-0000000000000000b"
)

// adopting is a deployment whose first sweep found open rules in two groups.
type adopting struct {
	*testing.T
	cloud   *localaws.AWS
	guard   *warden.Warden
	sweeper *warden.Sweeper
	ledger  *ledger.Table
	asked   []string
	told    []incident.Incident
}

func (a *adopting) JudgeAgain(_ context.Context, groupID, _, _ string, _ time.Duration) error {
	a.asked = append(a.asked, groupID)
	return nil
}

func (a *adopting) Publish(_ context.Context, i incident.Incident) error {
	a.told = append(a.told, i)
	return nil
}

func newAdopting(t *testing.T) *adopting {
	a := &adopting{T: t, cloud: localaws.New(localaws.Options{})}
	server := httptest.NewServer(withStack(a.cloud))
	t.Cleanup(server.Close)
	for name, value := range map[string]string{
		"AWS_ENDPOINT_URL": server.URL, "AWS_ACCESS_KEY_ID": "AKIAEXAMPLE", "AWS_SECRET_ACCESS_KEY": "secret",
		"AWS_EC2_METADATA_DISABLED": "true", "AWS_REGION": localRegion, "AWS_CONFIG_FILE": "none", "AWS_SHARED_CREDENTIALS_FILE": "none",
	} {
		t.Setenv(name, value)
	}
	account := a.cloud.EC2().Account(localec2.DefaultAccount, localRegion)
	require.NoError(t, account.EnsureGroups([]secgroup.Group{
		{ID: webGroup, Name: "web", Rules: []secgroup.Rule{ruleOf(t, "ingress tcp/22 from 0.0.0.0/0"), ruleOf(t, "ingress tcp/3389 from ::/0"), ruleOf(t, "ingress tcp/443 from 0.0.0.0/0")}},
		{ID: dbGroup, Name: "db", Rules: []secgroup.Rule{ruleOf(t, "ingress tcp/5432 from 0.0.0.0/0")}},
	}))
	c, err := config.LoadDefaultConfig(t.Context())
	require.NoError(t, err)
	set, _, err := bundle.Load("", bundle.Options{Default: policy.Enforce})
	require.NoError(t, err)
	client := ec2.NewFromConfig(c)
	a.ledger = ledger.NewTable(dynamodb.NewFromConfig(c), a.cloud.Table())
	a.guard, err = warden.New(warden.Config{
		Set: set, Inventory: inventory.New(client), Applier: apply.New(client), Ledger: a.ledger, Closed: a.ledger.Closed, Publisher: a, Queue: a,
		Clock: time.Now, Sleep: func(context.Context, time.Duration) error { return nil }, Logger: slog.New(slog.DiscardHandler),
		Account: localec2.DefaultAccount, Region: localRegion, Mode: policy.Enforce, Limits: plan.Limits{MayModify: true, MayEditLists: true}, HolderID: "test",
	})
	require.NoError(t, err)
	a.sweeper = warden.NewSweeper(a.guard, inventory.New(client), a.ledger)
	a.sweep()
	require.Empty(t, a.asked)
	return a
}

func ruleOf(t *testing.T, text string) secgroup.Rule {
	t.Helper()
	r, err := secgroup.ParseRule(text)
	require.NoError(t, err)
	return r
}

func (a *adopting) sweep() {
	a.Helper()
	pass, err := a.sweeper.Sweep(a.Context(), warden.Cursor{})
	require.NoError(a, err)
	require.True(a, pass.Complete)
}

// judge lets the guard look at what the sweep asked for.
func (a *adopting) judge() {
	for _, id := range a.asked {
		a.guard.Judge(a.Context(), []warden.Delivery{{ID: id, ReceiveCount: 1, Body: []byte(`{"source":"sgwarden","detail-type":"Judge Group","detail":{"groupId":"` + id + `","cause":"sweep"}}`)}})
	}
	a.asked = nil
}

func (a *adopting) open(group string) (rules []string) {
	g, _ := a.cloud.EC2().Account(localec2.DefaultAccount, localRegion).Group(group)
	for _, r := range g.Rules {
		rules = append(rules, r.String())
	}
	return rules
}

func (a *adopting) run(args ...string) (code int, stdout, stderr string) {
	var out, err bytes.Buffer
	code = runContext(a.Context(), append([]string{"adopt"}, args...), strings.NewReader(""), &out, &err)
	return code, out.String(), err.String()
}

func (a *adopting) marks(args ...string) (flows []string) {
	a.Helper()
	code, out, stderr := a.run(append(args, "-o", "json")...)
	require.Equal(a, exitFine, code, stderr)
	var found []marks.Mark
	require.NoError(a, json.Unmarshal([]byte(out), &found))
	for _, m := range found {
		flows = append(flows, m.State+" "+m.Group+" "+m.Flows)
	}
	return flows
}

func TestAdopt(t *testing.T) {
	a := newAdopting(t)
	code, out, stderr := a.run("--all")
	require.Equal(t, exitFine, code, stderr)
	require.Contains(t, out, "GROUP")
	require.Contains(t, out, "ingress tcp/22 from 0.0.0.0/0")
	require.Contains(t, out, "admin-ports-from-internet")
	require.Contains(t, stderr, "nothing was written: --yes gives up the marks of 5 rules in 3 groups", "the default group has two")
	a.sweep()
	require.Empty(t, a.asked, "listing gives nothing up")

	// One group under one policy.
	require.ElementsMatch(t, []string{"stands " + webGroup + " ingress tcp/22 from 0.0.0.0/0", "stands " + webGroup + " ingress tcp/3389 from ::/0"},
		a.marks("--group", webGroup))
	code, _, stderr = a.run("--group", webGroup, "--policy", "admin-ports-from-internet", "--yes")
	require.Equal(t, exitFine, code, stderr)
	require.Contains(t, stderr, "given up: the marks of 2 rules in 1 group are due")
	require.Contains(t, a.marks("--all"), "adopted "+webGroup+" ingress tcp/22 from 0.0.0.0/0")
	a.sweep()
	require.Equal(t, []string{webGroup}, a.asked)
	a.judge()
	require.Equal(t, []string{"ingress tcp/443 from 0.0.0.0/0"}, a.open(webGroup))
	require.Len(t, a.open(dbGroup), 1)

	// The rest.
	require.Contains(t, a.marks("--all"), "stands "+dbGroup+" ingress tcp/5432 from 0.0.0.0/0")
	code, _, stderr = a.run("--all", "--yes")
	require.Equal(t, exitFine, code, stderr)
	a.sweep()
	a.judge()
	require.Empty(t, a.open(dbGroup))
	code, _, stderr = a.run("--all", "--yes")
	require.Equal(t, exitFine, code, stderr)
	require.Contains(t, stderr, "no mark to give up")
}

// TestAdoptByAnEvent: nobody has to wait for a sweep.
func TestAdoptByAnEvent(t *testing.T) {
	a := newAdopting(t)
	code, _, stderr := a.run("--group", webGroup, "--yes")
	require.Equal(t, exitFine, code, stderr)
	a.asked = []string{webGroup}
	a.judge()
	require.Equal(t, []string{"ingress tcp/443 from 0.0.0.0/0"}, a.open(webGroup))
}

// TestAdoptWaitsForAnAct: marks that are being set would outlive it.
func TestAdoptWaitsForAnAct(t *testing.T) {
	a := newAdopting(t)
	require.NoError(t, a.ledger.RecordSweep(t.Context(), incident.SweepRecord{Acts: map[string]policy.Act{"admin-ports-from-internet@other": {Start: time.Now()}}}))
	code, _, stderr := a.run("--group", webGroup, "--yes")
	require.Equal(t, exitOutside, code)
	require.Contains(t, stderr, "a sweep is setting the baseline of admin-ports-from-internet")
	a.asked = []string{webGroup}
	a.judge()
	require.Len(t, a.open(webGroup), 3)
}

// TestAdoptWithALateClock: it counts for the marks that it listed, whatever the
// time is here.
func TestAdoptWithALateClock(t *testing.T) {
	a := newAdopting(t)
	controls, err := a.ledger.Controls(t.Context())
	require.NoError(t, err)
	ahead := map[string]policy.Act{}
	for key, act := range controls.Acts {
		act.At = time.Now().Add(time.Hour).UTC()
		ahead[key] = act
	}
	require.NoError(t, a.ledger.RecordSweep(t.Context(), incident.SweepRecord{Acts: ahead}))
	code, _, stderr := a.run("--group", webGroup, "--yes")
	require.Equal(t, exitFine, code, stderr)
	a.asked = []string{webGroup}
	a.judge()
	require.Len(t, a.open(webGroup), 1)
}

func TestAdoptUsage(t *testing.T) {
	a := newAdopting(t)
	for _, tt := range []struct {
		args []string
		code int
		want string
	}{
		{nil, exitUsage, "say which marks"},
		{[]string{"--yes"}, exitUsage, "say which marks"},
		{[]string{"--all", "--policy", "p"}, exitUsage, "--all is without"},
		{[]string{"--group", "web"}, exitUsage, "want the id of a security group"},
		{[]string{"--all", "-o", "xml"}, exitUsage, "want table or json"},
		{[]string{"--group", "sg-0000000000000000f"}, exitOutside, "sg-0000000000000000f"},
		{[]string{"--all", "--stack", "Other"}, exitOutside, "no such stack"},
		{[]string{"--policy", "no-such-policy"}, exitOutside, "no sweep has set the baseline of policy no-such-policy"},
	} {
		code, _, stderr := a.run(tt.args...)
		require.Equal(t, tt.code, code, "%v: %s", tt.args, stderr)
		require.Contains(t, stderr, tt.want, "%v", tt.args)
	}
}
