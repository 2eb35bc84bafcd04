package undo

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sgwarden/sgwarden/internal/incident"
	"github.com/sgwarden/sgwarden/internal/plan"
	"github.com/sgwarden/sgwarden/internal/secgroup"
)

const group = "sg-0123456789abcdef0"

func rule(t *testing.T, id, text string) secgroup.Rule {
	t.Helper()
	r, err := secgroup.ParseRule(text)
	require.NoError(t, err)
	r.ID = id
	return r
}

func TestPlan(t *testing.T) {
	wide, part := rule(t, "sgr-1", "ingress tcp/20-25 from 0.0.0.0/0"), rule(t, "sgr-1", "ingress tcp/23-25 from 0.0.0.0/0")
	other := rule(t, "sgr-2", "ingress tcp/20-21 from 0.0.0.0/0")
	described := part
	described.Description = "of mine"
	widened := wide
	widened.Description = "of mine"
	reverted := incident.Rule{ID: "sgr-1", Before: &wide, Outcome: incident.Reverted}
	interrupted := reverted
	interrupted.Reason = "interrupted"
	narrowed := incident.Rule{ID: "sgr-1", Before: &wide, Outcome: incident.Narrowed, After: []secgroup.Rule{part, other}}
	anew := wide
	anew.ID = ""
	put := plan.Authorize{GroupID: group, Direction: secgroup.Ingress, Rules: []secgroup.Rule{anew}}
	for _, c := range []struct {
		name   string
		rule   incident.Rule
		live   []secgroup.Rule
		action plan.Action
		note   string
	}{
		{"removed", reverted, nil, put, ""},
		{"removed, others live", reverted, []secgroup.Rule{other}, put, ""},
		{"gone after an interruption", interrupted, nil, put, "sgwarden was interrupted, and found it gone afterwards: somebody else may have removed it"},
		{"there again by another id", reverted, []secgroup.Rule{rule(t, "sgr-9", wide.String())}, nil, "it is there already, as sgr-9"},
		{"the opposite direction is another rule", reverted, []secgroup.Rule{rule(t, "sgr-9", "egress tcp/20-25 to 0.0.0.0/0")}, put, ""},
		{"removed, and a rule of its id lives", reverted, []secgroup.Rule{part}, nil, "somebody changed it since, to ingress tcp/23-25 from 0.0.0.0/0"},
		{"narrowed", narrowed, []secgroup.Rule{part, other}, plan.Modify{GroupID: group, From: part, To: wide}, "its other parts (1) stay: what is put back covers them"},
		{"narrowed, described anew", narrowed, []secgroup.Rule{described, other}, plan.Modify{GroupID: group, From: described, To: widened}, "its other parts (1) stay: what is put back covers them"},
		{"narrowed, and changed since", narrowed, []secgroup.Rule{rule(t, "sgr-1", "ingress tcp/24 from 0.0.0.0/0")}, nil, "somebody changed it since, to ingress tcp/24 from 0.0.0.0/0"},
		{"narrowed, and removed since", narrowed, []secgroup.Rule{other}, nil, "what was left of it, ingress tcp/23-25 from 0.0.0.0/0, was removed since"},
		{"only told of", incident.Rule{ID: "sgr-1", Before: &wide, Outcome: incident.Alerted}, nil, nil, "its outcome is alerted: sgwarden does not know of anything that it took"},
		{"failed", incident.Rule{ID: "sgr-1", Before: &wide, Outcome: incident.NotReverted}, nil, nil, "its outcome is not-reverted: sgwarden does not know of anything that it took"},
		{"of unknown value", incident.Rule{ID: "sgr-1", Outcome: incident.Reverted}, nil, nil, "its value is not known"},
		{"of the group itself", incident.Rule{ID: secgroup.GroupEntry(group, "p"), Outcome: incident.Tagged}, nil, nil, "it is about the group itself: nothing was taken"},
	} {
		t.Run(c.name, func(t *testing.T) {
			steps := Plan(incident.Incident{GroupID: group, Rules: []incident.Rule{c.rule}}, c.live)
			require.Equal(t, []Step{{c.rule, c.action, c.note, strings.HasPrefix(c.note, "it is there already")}}, steps)
		})
	}
}

// TestPlanOfAnotherType: an IPv6 rule whose id holds an IPv4 one now cannot be
// widened in place.
func TestPlanOfAnotherType(t *testing.T) {
	six, four := rule(t, "sgr-1", "ingress tcp/22 from ::/0"), rule(t, "sgr-1", "ingress tcp/22 from 10.0.0.0/8")
	steps := Plan(incident.Incident{GroupID: group, Rules: []incident.Rule{{ID: "sgr-1", Before: &six, Outcome: incident.Narrowed, After: []secgroup.Rule{four}}}}, []secgroup.Rule{four})
	require.Equal(t, "AuthorizeSecurityGroupIngress", steps[0].Action.Call())
	require.Contains(t, steps[0].Note, "sgr-1 stays beside it")
}

func TestExemptionsAreOfWhatIsPutBack(t *testing.T) {
	a, b := rule(t, "sgr-1", "ingress tcp/22 from 0.0.0.0/0"), rule(t, "sgr-2", "ingress tcp/3389 from 0.0.0.0/0")
	i := incident.Incident{
		ID: "inc-1", GroupID: group, Policies: []incident.PolicyNote{{ID: "ssh"}, {ID: "rdp"}, {ID: "none"}},
		Rules: []incident.Rule{
			{ID: "sgr-1", Before: &a, Outcome: incident.Reverted, Policies: []string{"ssh"}},
			{ID: "sgr-2", Before: &b, Outcome: incident.Reverted, Policies: []string{"ssh", "rdp"}},
		},
	}
	until := time.Date(2026, 3, 9, 0, 0, 0, 0, time.UTC)
	all := Exemptions(i, Plan(i, []secgroup.Rule{rule(t, "sgr-7", a.String())}), Ask{Owner: "ops", Reason: "r", Ticket: "t", Until: until})
	require.Len(t, all, 2)
	for n, id := range []string{"ssh", "rdp"} {
		require.Equal(t, "UNDO-inc-1-"+id, all[n].ID)
		require.Equal(t, map[string][]secgroup.Rule{"ssh": {a, b}, "rdp": {b}}[id], all[n].Rules, "sgr-1 is there already, and must stay exempt")
		require.Equal(t, until, all[n].Until)
	}
	require.Empty(t, Exemptions(i, Plan(i, []secgroup.Rule{a, b}), Ask{}), "nothing is put back")
}
