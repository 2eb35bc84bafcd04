package main

import (
	"encoding/json"
	"net/netip"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/stretchr/testify/require"

	"github.com/sgwarden/sgwarden/internal/incident"
	"github.com/sgwarden/sgwarden/internal/inventory"
	"github.com/sgwarden/sgwarden/internal/localec2"
	"github.com/sgwarden/sgwarden/internal/policy"
	"github.com/sgwarden/sgwarden/internal/secgroup"
)

// ran runs a command in the account, and gives its status and output, with what
// differs from run to run taken out.
func (a *adopting) ran(args ...string) (status int, out string) {
	a.Helper()
	var b strings.Builder
	status = runContext(a.Context(), args, strings.NewReader(""), &b, &b)
	for _, c := range []struct{ form, as string }{
		{`sgr-[0-9a-f]{17}`, "sgr-X"}, {`\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ`, "TIME"}, {`[0-9a-f]{32,}|inc-[0-9a-f]+`, "INC"},
	} {
		out = regexp.MustCompile(c.form).ReplaceAllString(b.String(), c.as)
		b.Reset()
		b.WriteString(out)
	}
	return status, out
}

// taken lets the guard take rules that somebody opens, and gives the incident.
func (a *adopting) taken(texts ...string) incident.Incident {
	a.Helper()
	for _, text := range texts {
		r := ruleOf(a.T, text)
		r.Description, r.Tags = "of the office", map[string]string{"team": "shop"}
		_, err := a.cloud.EC2().Account(localec2.DefaultAccount, localRegion).EnsureRule(webGroup, r)
		require.NoError(a, err)
	}
	a.sweep()
	a.judge()
	history, err := a.ledger.History(a.Context(), webGroup)
	require.NoError(a, err)
	require.NotEmpty(a, history)
	return history[len(history)-1].Incident
}

func TestUndo(t *testing.T) {
	a := newAdopting(t)
	before := a.open(webGroup)
	i := a.taken("ingress tcp/3389 from 8.0.0.0/7", "ingress udp/3389 from 8.0.0.0/7")
	require.Equal(t, before, a.open(webGroup), "both were taken")

	status, out := a.ran("undo", i.ID)
	require.Zero(t, status, out)
	require.ElementsMatch(t, strings.Split(`INC of TIME: reverted in sg-0000000000000000a web
  put back ingress tcp/3389 from 8.0.0.0/7
  put back ingress udp/3389 from 8.0.0.0/7
  exempt   from admin-ports-from-internet until TIME (UNDO-INC-admin-ports-from-internet)
nothing was changed: --yes does it
`, "\n"), strings.Split(out, "\n"), "in the order of the rules' ids")
	require.Equal(t, before, a.open(webGroup))

	status, out = a.ran("undo", i.ID, "--yes")
	require.Equal(t, 2, status)
	require.Contains(t, out, "--owner is missing\n--reason is missing")

	status, out = a.ran("undo", i.ID, "--group", webGroup, "--yes", "--owner", "net-team", "--reason", "agreed", "--for", "2d")
	require.Zero(t, status, out)
	require.Contains(t, out, "  done     ingress tcp/3389 from 8.0.0.0/7 is sgr-X\n")
	require.Contains(t, out, "  done     ingress udp/3389 from 8.0.0.0/7 is sgr-X\n")
	require.Len(t, a.open(webGroup), len(before)+2)
	g, _ := a.cloud.EC2().Account(localec2.DefaultAccount, localRegion).Group(webGroup)
	var put int
	for _, r := range g.Rules {
		if r.Description == "of the office" && r.Tags["team"] == "shop" {
			put++
		}
	}
	require.Equal(t, 2, put, "with descriptions and tags")

	a.sweep()
	a.judge()
	require.Len(t, a.open(webGroup), len(before)+2, "the guard lets them be")

	status, out = a.ran("undo", i.ID, "--yes", "--owner", "net-team", "--reason", "agreed")
	require.Zero(t, status, out)
	require.Contains(t, out, "there already")
	require.Contains(t, out, "there is nothing to put back, and nothing is exempted: what is there stands only if it is exempt: sgwarden exempt list "+webGroup+"\n")
}

// TestAnExemptionFromNoPolicy: a slip of the pen exempts from nothing, which is
// said; before the first sweep nobody knows the policies.
func TestAnExemptionFromNoPolicy(t *testing.T) {
	a := newAdopting(t)
	add := func(policyID string) (int, string) {
		return a.ran("exempt", "add", webGroup, "--policy", policyID, "--rule", "ingress tcp/22 from 8.8.4.0/24", "--for", "1d", "--owner", "net", "--reason", "x")
	}
	status, out := add("admin-port-from-internet")
	require.Zero(t, status, out)
	require.Contains(t, out, "no sweep of this deployment has met a policy admin-port-from-internet: if there is none, nothing is exempt")
	_, out = add("admin-ports-from-internet")
	require.NotContains(t, out, "no sweep")
	require.True(t, isMet("any", incident.Controls{}))
}

func TestUndoThatCannotBe(t *testing.T) {
	a := newAdopting(t)
	i := a.taken("ingress tcp/3389 from 8.0.0.0/7")
	status, out := a.ran("undo", "inc-0")
	require.Equal(t, exitOutside, status)
	require.Contains(t, out, "the ledger has no incident INC: sgwarden incidents list")
	status, out = a.ran("undo", i.ID, "--group", "web")
	require.Equal(t, 2, status, out)
	require.True(t, a.cloud.EC2().Account(localec2.DefaultAccount, localRegion).DropGroup(webGroup))
	status, out = a.ran("undo", i.ID)
	require.Equal(t, exitOutside, status)
	require.Contains(t, out, "its group sg-0000000000000000a is gone")
}

// TestUndoOfAList: what was taken out of a list goes back, with its description,
// and the rules of all groups that refer to it are let be.
func TestUndoOfAList(t *testing.T) {
	const id = "pl-0123456789abcdef0"
	a := newAdopting(t)
	account := a.cloud.EC2().Account(localec2.DefaultAccount, localRegion)
	office := netip.MustParsePrefix("8.8.8.0/29")
	require.NoError(t, account.PutList(secgroup.PrefixList{ID: id, Name: "offices", Entries: []netip.Prefix{office}}, 10))
	for _, group := range []string{webGroup, dbGroup} {
		_, err := account.EnsureRule(group, ruleOf(t, "ingress tcp/3389 from "+id))
		require.NoError(t, err)
	}
	a.sweep()
	a.judge()
	c, err := config.LoadDefaultConfig(t.Context())
	require.NoError(t, err)
	client := ec2.NewFromConfig(c)
	_, err = client.ModifyManagedPrefixList(t.Context(), &ec2.ModifyManagedPrefixListInput{
		PrefixListId: aws.String(id), CurrentVersion: aws.Int64(1),
		AddEntries: []types.AddPrefixListEntry{{Cidr: aws.String("8.0.0.0/7"), Description: aws.String("of a partner")}},
	})
	require.NoError(t, err)
	entries := func() map[string]string {
		list, err := inventory.New(client).Managed(t.Context(), id)
		require.NoError(t, err)
		all := map[string]string{}
		for _, e := range list.Described {
			all[e.Block.String()] = e.Description
		}
		return all
	}
	a.sweep()
	a.judge()
	require.Equal(t, map[string]string{"8.8.8.0/29": ""}, entries())
	history, err := a.ledger.History(t.Context(), id)
	require.NoError(t, err)
	require.Len(t, history, 1)
	i := history[0].Incident

	status, out := a.ran("incidents")
	require.Zero(t, status, out)
	require.Contains(t, out, id)
	status, out = a.ran("incidents", "show", i.ID, "--group", id)
	require.Zero(t, status, out)
	require.Contains(t, out, "sgwarden took 1 entry out of prefix list \"offices\" ("+id+")")

	status, out = a.ran("undo", i.ID)
	require.Zero(t, status, out)
	require.Equal(t, `INC of TIME: reverted in `+id+` offices
  put back 8.0.0.0/7 of a partner
  exempt   `+webGroup+` from admin-ports-from-internet until TIME (UNDO-INC-admin-ports-from-internet)
  exempt   `+dbGroup+` from admin-ports-from-internet until TIME (UNDO-INC-admin-ports-from-internet)
nothing was changed: --yes does it
`, out)
	status, out = a.ran("undo", i.ID, "--group", id, "--yes", "--owner", "net-team", "--reason", "agreed", "--for", "2d")
	require.Zero(t, status, out)
	require.Contains(t, out, "done: "+id+" holds 1 entries more\n")
	back := map[string]string{"8.8.8.0/29": "", "8.0.0.0/7": "of a partner"}
	require.Equal(t, back, entries())
	a.sweep()
	a.judge()
	require.Equal(t, back, entries(), "the guard lets them be")

	status, out = a.ran("undo", i.ID, "--yes", "--owner", "net-team", "--reason", "agreed")
	require.Zero(t, status, out)
	require.Contains(t, out, "its entries are there already")
}

func TestIncidents(t *testing.T) {
	a := newAdopting(t)
	status, out := a.ran("incidents")
	require.Zero(t, status)
	rows := strings.Split(strings.TrimSpace(out), "\n")
	require.Len(t, rows, 2)
	require.Equal(t, []string{"INC", "TIME", "alerted", "high", "0"}, strings.Fields(rows[1])[:5], "what the first sweep marked")
	i := a.taken("ingress tcp/3389 from 8.0.0.0/7")
	for _, args := range [][]string{{"incidents", "--outcome", "reverted"}, {"incidents", "list", "--since", "1h", "--group", webGroup, "--policy", "admin-ports-from-internet", "--outcome", "reverted"}} {
		status, out = a.ran(args...)
		require.Zero(t, status)
		rows := strings.Split(strings.TrimSpace(out), "\n")
		require.Len(t, rows, 2)
		require.Equal(t, []string{"INCIDENT", "OPENED", "OUTCOME", "SEVERITY", "GROUP", "RULES", "POLICIES", "ACTOR"}, strings.Fields(rows[0]))
		require.Equal(t, []string{"INC", "TIME", "reverted", "high", webGroup, "1", "admin-ports-from-internet", "not", "known"}, strings.Fields(rows[1]))
	}
	for _, none := range [][]string{{"--open"}, {"--policy", "other"}, {"--outcome", "narrowed"}, {"--group", dbGroup}, {"--actor", "jane"}, {"--since", "2100-01-01"}} {
		status, out = a.ran(append([]string{"incidents"}, none...)...)
		require.Zero(t, status)
		require.Equal(t, "no incident\n", out, none)
	}
	status, out = a.ran("incidents", "--outcome", "reverted", "-o", "json")
	require.Zero(t, status)
	var all []map[string]any
	require.NoError(t, json.Unmarshal([]byte(out), &all))
	require.Len(t, all, 1)
	require.Equal(t, "reverted", all[0]["outcome"])
	status, out = a.ran("incidents", "show", i.ID)
	require.Zero(t, status)
	require.Contains(t, out, "3389")
	for args, fault := range map[string]string{
		"--by owner": `--by "owner": want policy, actor or group`, "--by group": "--by goes with --would", "--outcome done": "want one of ignored, compliant",
		"--since yesterday": `--since "yesterday": want 36h, 14d`, "-o yaml": `output "yaml"`, "--group web": "want the id of a security group", "lost": "lost",
	} {
		status, out = a.ran(append([]string{"incidents"}, strings.Fields(args)...)...)
		require.Equal(t, 2, status, args)
		require.Contains(t, out, fault)
	}
	status, out = a.ran("incidents", "--would")
	require.Zero(t, status)
	require.Equal(t, "nothing was observed that enforce mode would have changed\n", out)
}

func TestWhatEnforceWouldHaveDone(t *testing.T) {
	seen := func(group, actor string, outcome incident.Outcome, policies ...string) incident.Incident {
		i := incident.Incident{GroupID: group, Mode: policy.Observe, Outcome: outcome, Would: []string{"revoke of " + group}}
		i.Rules = []incident.Rule{{Outcome: outcome, Policies: policies}, {Outcome: outcome, Policies: policies}}
		i.Actor = incident.Actor{Actor: secgroup.Actor{ARN: "arn:aws:iam::123456789012:" + actor}}
		return i
	}
	acted := seen("sg-9", "user/jane", incident.Reverted, "ssh")
	acted.Mode = policy.Enforce
	told := seen("sg-9", "user/jane", incident.Alerted, "ssh") // nothing would have changed
	mixed := seen("sg-3", "user/ivo", incident.Observed, "mail")
	mixed.Mode, mixed.Outcome = policy.Enforce, incident.Reverted
	mixed.Rules[1] = incident.Rule{Outcome: incident.Reverted, Policies: []string{"ssh"}}
	found := []incident.Incident{
		seen("sg-1", "role/pipeline", incident.Observed, "ssh"), seen("sg-1", "role/pipeline", incident.Observed, "ssh", "rdp"),
		seen("sg-1", "role/pipeline", incident.Observed, "ssh"), seen("sg-2", "user/jane", incident.Observed, "ssh"),
		seen("sg-2", "user/jane", incident.Unresolved, "db"), acted, told, mixed,
	}
	sums := sumUp(found, "policy")
	require.Len(t, sums, 4)
	acts := map[string]policy.Act{"ssh@1": {Done: true}, "rdp@1": {Done: true}, "db@1": {Start: time.Now()}, "ssh": {}}
	for n, want := range []struct {
		of                               string
		incidents, rules, groups, actors int
		not                              []string
	}{
		{"ssh", 4, 8, 2, 2, []string{"role/pipeline in sg-1 opened it 3 times: enforce would fight it"}},
		{"db", 1, 2, 1, 1, []string{"its baseline is not set: no complete sweep since it came, so that what stood before is not marked", "1 incident could not be judged for certain, or is not over: sgwarden incidents list --policy db"}},
		{"mail", 1, 1, 1, 1, []string{"its baseline is not set: no complete sweep since it came, so that what stood before is not marked"}},
		{"rdp", 1, 2, 1, 1, []string{}},
	} {
		s := sums[n]
		require.Equal(t, want.of, s.Of)
		require.Equal(t, []int{want.incidents, want.rules, want.groups, want.actors}, []int{s.Incidents, s.Rules, s.Groups, s.Actors}, s.Of)
		require.Equal(t, want.not, notReady(s, acts), s.Of)
	}
	require.Len(t, sums[0].Would, wouldShown)
	both := incident.Incident{GroupID: "sg-4", Mode: policy.Observe, Outcome: incident.Observed, Would: []string{"revoke sgr-1 and sgr-2", "revoke sgr-3"}}
	both.Rules = []incident.Rule{
		{ID: "sgr-1", Outcome: incident.Observed, Policies: []string{"ssh"}},
		{ID: "sgr-2", Outcome: incident.Observed, Policies: []string{"db"}}, {ID: "sgr-3", Outcome: incident.Observed, Policies: []string{"db"}},
	}
	each := sumUp([]incident.Incident{both}, "policy")
	require.Equal(t, []int{2, 1}, []int{each[0].Rules, each[1].Rules}, "each what it refuses itself")
	require.Equal(t, []string{"revoke sgr-1 and sgr-2 (with what other policies refuse)"}, each[1].Would)
	require.Equal(t, "role/pipeline", sumUp(found, "actor")[0].Of)
	require.Equal(t, "sg-1", sumUp(found, "group")[0].Of)
	nobody := seen("sg-5", "", incident.Observed, "ssh")
	nobody.Actor = incident.Actor{}
	var actors []string
	for _, s := range sumUp(append(slices.Clone(found), nobody), "actor") {
		actors = append(actors, s.Of)
	}
	require.Equal(t, []string{"role/pipeline", "user/jane", "not known", "user/ivo"}, actors, "all of them, and what no record told")
	require.Empty(t, sumUp([]incident.Incident{acted, told}, "policy"))
}
