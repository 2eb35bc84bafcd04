package policy

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sgwarden/sgwarden/internal/secgroup"
)

// TestAccountsOfAGroupSayOfEveryPolicyWhetherAndWhy: a policy that looked at the
// group itself and found nothing says what it found in order.
func TestAccountsOfAGroupSayOfEveryPolicyWhetherAndWhy(t *testing.T) {
	live := group(t, "ingress tcp/443 from 0.0.0.0/0", "egress all to 0.0.0.0/0")
	live.Name, live.Description, live.Tags, live.VPCID = "web", "the shop", map[string]string{"owner": "shop"}, "vpc-1"
	twin := live
	twin.ID = "sg-0twin"
	twin.Rules = nil
	around := Surroundings{Interfaces: &Interfaces{IDs: []string{"eni-1"}}, Groups: &AllGroups{Groups: []secgroup.Group{live, twin}}}
	unread := Surroundings{Interfaces: &Interfaces{Refused: "these credentials may not"}, Groups: around.Groups}
	for name, tc := range map[string]struct {
		require string
		around  Surroundings
		fine    string // why it is; "" = a finding
		why     string
	}{
		"description":   {"[{description: true}]", around, "it has a description", ""},
		"described":     {"[{notDescribed: ['launch*']}]", around, `its description is none of "launch*"`, ""},
		"named":         {"[{notNamed: ['launch*', 'x*']}]", around, `its name is none of "launch*", "x*"`, ""},
		"tags":          {"[{tags: [owner]}]", around, "it has the tags owner", ""},
		"rules":         {"[{maxRules: 3}]", around, "it has 2 rules, where 3 may be", ""},
		"used":          {"[{attached: true}]", around, "it is used by eni-1", ""},
		"distinct":      {"[{distinct: identical}]", around, "no other group of its VPC opens the same", ""},
		"covered":       {"[{distinct: covered}]", around, "no other group of its VPC opens all that it opens", ""},
		"groups":        {"[{maxGroups: 2}]", around, "the region has 2 groups, where 2 may be", ""},
		"not the first": {"[{maxGroups: 1}]", Surroundings{Groups: &AllGroups{Groups: []secgroup.Group{live, {ID: "sg-0"}}}}, "that the region has 2 groups, where 1 may be, is said of another group", ""},
		"several":       {"[{tags: [owner]}, {maxRules: 3, grace: 1h}]", around, "it has the tags owner; it has 2 rules, where 3 may be", ""},
		"unused":        {"[{attached: false}]", around, "", "violates: it is used by eni-1; the policy alerts only"},
		"unread":        {"[{attached: true}]", unread, "", "the network interfaces that it is on could not be read: these credentials may not"},
		"untagged":      {"[{tags: [team]}, {maxRules: 3}]", around, "", "violates: it lacks the tags team; the policy alerts only"},
	} {
		t.Run(name, func(t *testing.T) {
			s := enforcing(t, parsedFrom(t,
				policyText("p", "remedy: alert", "require: "+tc.require),
				policyText("ssh", "forbid: [{direction: ingress, ports: [22], peers: [any]}]"),
				policyText("others", "remedy: alert", "scope: {vpcs: [vpc-0123456789abcdef0]}", "require: [{description: true}]"),
			).Documents...)
			in := s.ExplainInput(live, live.Rules, time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC))
			in.Facts.Surroundings = tc.around
			v := s.Evaluate(in)
			accounts := s.GroupAccounts(in, v)
			require.Len(t, accounts, 2, "not the policy that judges rules")
			byID := map[string]Account{}
			for _, a := range accounts {
				byID[a.Policy.ID] = a
			}
			require.Equal(t, "only for groups of vpc-0123456789abcdef0", byID["others"].OutOfScope)
			require.Equal(t, tc.fine, byID["p"].Fine)
			if tc.fine == "" {
				require.Equal(t, tc.why, byID["p"].Finding.Why)
			} else {
				require.Equal(t, Fine, byID["p"].Finding.State)
				require.NotZero(t, byID["p"].Finding.Line)
			}
			for _, r := range v.Rules {
				of := s.Accounts(in, r)
				require.Len(t, of, 1, "what asks nothing of rules did not look at them")
				require.Equal(t, "ssh", of[0].Policy.ID)
			}
		})
	}
}
