package alert_test

import (
	"net/netip"
	"testing"
	"time"

	"github.com/sgwarden/sgwarden/internal/incident"
	"github.com/sgwarden/sgwarden/internal/policy"
	"github.com/sgwarden/sgwarden/internal/secgroup"
)

// ofLists adds what people hear of a prefix list that grew.
func ofLists(t testing.TB, all map[string]incident.Incident) {
	listRule := func(id, group, text string) incident.Rule {
		r := ended(t, incident.Reverted, rule(t, id, text), "ingress tcp/22 from 0.0.0.0/0")
		r.GroupID, r.After = group, []secgroup.Rule{*r.Before}
		return r
	}
	i := usual()
	i.Resource = "arn:aws:ec2:eu-central-1:123456789012:prefix-list/pl-0123456789abcdef0"
	i.GroupID, i.GroupName, i.VPCID, i.GroupTags = "", "", "", nil
	i.APICall, i.Outcome = "ModifyManagedPrefixList", incident.Reverted
	i.Rules = []incident.Rule{
		listRule("sgr-0123456789abcdef0", "sg-0123456789abcdef0", "ingress tcp/22 from pl-0123456789abcdef0"),
		listRule("sgr-0123456789abcdef1", "sg-0123456789abcdef1", "ingress tcp/20-25 from pl-0123456789abcdef0"),
	}
	everyone := secgroup.ListEntry{Block: netip.MustParsePrefix("0.0.0.0/0"), Description: "for the demo; see http://evil.example"}
	i.List = &incident.List{
		ID: "pl-0123456789abcdef0", Name: "offices", OwnerID: "123456789012", Before: 4, Judged: 5, After: 6, Violating: 2,
		Added:   []secgroup.ListEntry{everyone, {Block: netip.MustParsePrefix("8.8.4.0/29"), Description: "new office"}},
		Removed: []secgroup.ListEntry{everyone},
		Groups: []incident.ListGroup{
			{ID: "sg-0123456789abcdef0", Name: "web-prod", VPCID: "vpc-0123456789abcdef0", Outcome: incident.Reverted, Rules: []string{"sgr-0123456789abcdef0"}},
			{ID: "sg-0123456789abcdef1", Name: "bastion", VPCID: "vpc-0123456789abcdef0", Outcome: incident.Reverted, Rules: []string{"sgr-0123456789abcdef1"}},
		},
	}
	i.Actions = []string{"ModifyManagedPrefixList: pl-0123456789abcdef0 version 5: -0.0.0.0/0: answered success (7c1d0000-2222-4333-8444-000000000064)"}
	i.Notes = []string{"of version 5: 2 rules of 2 groups referred to the list, and 2 groups violated by it"}
	all["list-reverted"] = i

	withOutcome := func(i incident.Incident, outcome incident.Outcome, reason string) incident.Incident {
		i.Outcome, i.Reason, i.EventType, i.ClosedAt = outcome, reason, incident.Opened, nil
		list := *i.List
		list.Removed, list.After = nil, 0
		rules := append([]incident.Rule{}, i.Rules...)
		for n := range rules {
			rules[n].Outcome = outcome
		}
		i.List, i.Rules = &list, rules
		return i
	}
	alerted := withOutcome(i, incident.Alerted, "sgr-0123456789abcdef2 of sg-0123456789abcdef2 refers to it, and nothing is to be taken back of that rule")
	alerted.Actions = nil
	alerted.List.Groups = append(append([]incident.ListGroup{}, alerted.List.Groups...), incident.ListGroup{
		ID: "sg-0123456789abcdef2", Name: "shop", VPCID: "vpc-0123456789abcdef0", Outcome: incident.Compliant, Rules: []string{"sgr-0123456789abcdef2"},
	})
	alerted.Notes = []string{"of version 5: 3 rules of 3 groups referred to the list, and 2 groups violated by it"}
	all["list-alerted"] = alerted

	foreign := withOutcome(alerted, incident.Alerted, "the list is of account 210987654321")
	foreign.List.OwnerID, foreign.List.Groups = "210987654321", i.List.Groups
	foreign.List.Added, foreign.List.Before = nil, 0
	foreign.Actor, foreign.APICall, foreign.EventID, foreign.Cause, foreign.Notes = incident.Actor{}, "", "", "sweep", nil
	foreign.LearntAt = noon.Add(13 * time.Minute)
	all["list-of-another"] = foreign

	observed := withOutcome(i, incident.Observed, "")
	observed.Mode, observed.Would, observed.Actions = policy.Observe, []string{"ModifyManagedPrefixList: pl-0123456789abcdef0 version 5: -0.0.0.0/0"}, nil
	all["list-observed"] = observed

	denied := withOutcome(i, incident.CannotRemediate, "not-permitted")
	denied.Actions = []string{"ModifyManagedPrefixList: pl-0123456789abcdef0 version 5: -0.0.0.0/0: not-permitted"}
	all["list-cannot-remediate"] = denied

	waiting := withOutcome(i, incident.Pending, "waiting")
	waiting.Actions = nil
	waiting.Notes = append(append([]string{}, i.Notes...), "the list is judged again at 2026-11-23T12:10:03Z", "nothing is taken out of the list so far: the remedy follows after 10m0s")
	all["list-pending"] = waiting

	swallowed := withOutcome(i, incident.NotReverted, "still-there")
	all["list-not-reverted"] = swallowed

	fight := i
	fight.EventType, fight.Reason = incident.Contested, "contested"
	fight.Notes = []string{"the same entries came back 3 times within an hour: arn:aws:iam::123456789012:role/dev/builder adds them, sgwarden takes them out"}
	all["list-contested"] = fight

	over := withOutcome(denied, incident.AlreadyCompliant, "")
	over.EventType, over.ClosedAt, over.Actions = incident.Resolved, at(time.Hour), nil
	all["list-resolved"] = over

	gone := over
	gone.Outcome = incident.Gone
	all["list-gone"] = gone

	undone := i
	undone.EventType, undone.Published = incident.Undone, []string{"acted", "undone"}
	undone.Rules = append([]incident.Rule{}, i.Rules...)
	for n := range undone.Rules {
		undone.Rules[n].Policies = []string{"admin-ports-from-internet"}
	}
	undone.Notes = append(append([]string{}, i.Notes...), "it was agreed by net-team: agreed window CHG-9",
		"UNDO-"+undone.ID+"-admin-ports-from-internet of sg-0123456789abcdef0 ends at 2026-11-30T12:00:00Z: what it covers is judged then")
	all["list-undone"] = undone
}
