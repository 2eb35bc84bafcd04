package policy

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// TestWordsOfPolicies: each part of a policy is named, and nothing else.
func TestWordsOfPolicies(t *testing.T) {
	first, last := now.Add(time.Hour), now.Add(48*time.Hour)
	exempt := func(policy string, until time.Time, rules ...string) Exemption {
		return Exemption{ID: "EX", Policy: policy, Group: "sg-0e", Until: until, Rules: liveRules(t, rules...)}
	}
	forbids := func(peers string, but ...Clause) option { return forbid(box("ingress tcp/22 "+peers, but...)) }
	shipped := func(d *Document) { d.Shipped = true }
	for name, tc := range map[string]struct {
		options    []option
		exemptions []Exemption
		want       Words
	}{
		"nothing":            {[]option{forbids("10.0.0.0/8")}, nil, Words{}},
		"names":              {[]option{forbids("10.0.0.0/8"), scope(Scope{Names: []string{"Web-*", "api", "web-*"}})}, nil, Words{Names: []string{"api", "web-*"}}},
		"names left out":     {[]option{forbids("10.0.0.0/8"), scopeNot(Scope{Names: []string{"Web-*"}})}, nil, Words{ExactNames: []string{"Web-*"}}},
		"tags":               {[]option{forbids("10.0.0.0/8"), scope(Scope{Tags: map[string][]string{"tier": {"b", "a", "b"}}})}, nil, Words{Tags: map[string][]string{"tier": {"a", "b"}}}},
		"tags left out":      {[]option{forbids("10.0.0.0/8"), scopeNot(Scope{Tags: map[string][]string{"tier": {"a"}}})}, nil, Words{Tags: map[string][]string{"tier": {"a"}}}},
		"ids":                {[]option{forbids("10.0.0.0/8"), scope(Scope{IDs: []string{"sg-0b", "sg-0a"}})}, nil, Words{IDs: []string{"sg-0a", "sg-0b"}}},
		"VPCs":               {[]option{forbids("10.0.0.0/8"), scope(Scope{VPCs: []string{"vpc-1"}})}, nil, Words{VPCs: []string{"vpc-1"}}},
		"accounts":           {[]option{forbids("10.0.0.0/8"), scope(Scope{Accounts: []string{ownAccount}})}, nil, Words{Accounts: []string{ownAccount}}},
		"regions":            {[]option{forbids("10.0.0.0/8"), scope(Scope{Regions: []string{"eu-west-1"}})}, nil, Words{Regions: []string{"eu-west-1"}}},
		"use":                {[]option{forbids("10.0.0.0/8"), scope(Scope{UsedBy: []string{"lambda", "efa", "lambda"}}), scopeNot(Scope{UsedBy: []string{"efa", "branch"}})}, nil, Words{UsedBy: []UseCondition{{[]string{"efa", "lambda"}, false}, {[]string{"branch", "efa"}, true}}}},
		"default groups":     {[]option{forbids("10.0.0.0/8"), scope(Scope{Default: yesOrNo(false)})}, nil, Words{Default: true}},
		"the internet":       {[]option{forbids("internet")}, nil, Words{OwnVPCs: true}},
		"VPC blocks, but":    {[]option{forbids("10.0.0.0/8", box("ingress tcp/22 vpc"))}, nil, Words{OwnVPCs: true}},
		"references":         {[]option{forbids("references")}, nil, Words{References: true}},
		"itself":             {[]option{forbids("self")}, nil, Words{References: true, Self: true}},
		"groups":             {[]option{forbids("group:sg-0b*")}, nil, Words{References: true, PeerGroups: []string{"sg-0b*"}}},
		"groups of its own":  {[]option{forbids("account:self")}, nil, Words{References: true, OwnAccount: true}},
		"groups of another":  {[]option{forbids("account:999999999999")}, nil, Words{References: true, OwnAccount: true, PeerAccounts: []string{"999999999999"}, Accounts: []string{"999999999999"}}},
		"lists":              {[]option{forbids("pl-0b,pl-0a,aws:s3")}, nil, Words{Lists: []string{"pl-0a", "pl-0b"}, AWSLists: []string{"s3"}}},
		"what is left out":   {[]option{forbids("10.0.0.0/8", box("ingress tcp/22 pl-0c,aws:*"))}, nil, Words{Lists: []string{"pl-0c"}, AWSLists: []string{"*"}}},
		"exceptions":         {[]option{forbids("10.0.0.0/8"), except(last, dev), except(time.Time{}, admin), except(first, dev), except(last, dev)}, nil, Words{Actors: asSet([]string{dev, admin}), Ends: []time.Time{first, last}}},
		"of a pack":          {[]option{forbids("10.0.0.0/8"), shipped}, nil, Words{Service: true}},
		"exempt groups":      {[]option{forbids("10.0.0.0/8")}, []Exemption{exempt("p", first), exempt("q", last)}, Words{IDs: []string{"sg-0e"}, Ends: []time.Time{first}}},
		"exempt blocks":      {[]option{forbids("10.0.0.0/8")}, []Exemption{exempt("p", first, "ingress tcp/22 from 10.0.0.0/9")}, Words{IDs: []string{"sg-0e"}, Ends: []time.Time{first}}},
		"exempt lists":       {[]option{forbids("10.0.0.0/8")}, []Exemption{exempt("p", time.Time{}, "ingress tcp/22 from pl-0b")}, Words{IDs: []string{"sg-0e"}, Lists: []string{"pl-0b"}}},
		"exempt references":  {[]option{forbids("10.0.0.0/8")}, []Exemption{exempt("p", time.Time{}, "ingress tcp/22 from sg-0b")}, Words{IDs: []string{"sg-0e"}, References: true, OwnAccount: true, PeerGroups: []string{"sg-0b"}}},
		"of another account": {[]option{forbids("10.0.0.0/8")}, []Exemption{exempt("p", time.Time{}, "ingress tcp/22 from 999999999999/sg-0b")}, Words{IDs: []string{"sg-0e"}, References: true, OwnAccount: true, PeerGroups: []string{"sg-0b"}, PeerAccounts: []string{"999999999999"}, Accounts: []string{"999999999999"}}},
	} {
		s := compiledWith(t, Settings{Mode: Enforce, TrustedTags: []string{"tier"}, TrustedNames: []string{"*"}, Exemptions: tc.exemptions},
			document("p", tc.options...), document("q", forbids("192.168.0.0/16")))
		got, none := s.WordsOf(s.Policies[:1]), s.WordsOf(nil)
		requireWords(t, tc.want, got, name)
		requireWords(t, Words{}, none, name)
		requireWords(t, tc.want, got.Join(none), name)
		requireWords(t, tc.want, none.Join(got), name)
		requireWords(t, tc.want, got.Join(got), name)
	}
	s := compiledWith(t, Settings{Mode: Enforce, TrustedTags: []string{"tier"}},
		document("p", forbids("internet"), scope(Scope{Tags: map[string][]string{"tier": {"b"}}}), except(last, dev)), document("q", forbids("self"), scope(Scope{Tags: map[string][]string{"tier": {"a"}}}), except(first, dev)))
	both := Words{Tags: map[string][]string{"tier": {"a", "b"}}, OwnVPCs: true, References: true, Self: true, Actors: []string{dev}, Ends: []time.Time{first, last}}
	requireWords(t, both, s.WordsOf(s.Policies), "two")
	requireWords(t, both, s.WordsOf(s.Policies[:1]).Join(s.WordsOf(s.Policies[1:])), "two, joined")
	requireWords(t, both, s.WordsOf(s.Policies[1:]).Join(s.WordsOf(s.Policies[:1])), "two, joined the other way")
}

// requireWords compares words; empty lists are nil.
func requireWords(t *testing.T, want, got Words, name string) {
	t.Helper()
	for _, w := range []*Words{&want, &got} {
		for _, list := range w.lists() {
			if len(*list) == 0 {
				*list = nil
			}
		}
		if len(w.Tags) == 0 {
			w.Tags = nil
		}
		if len(w.UsedBy) == 0 {
			w.UsedBy = nil
		}
		if len(w.Ends) == 0 {
			w.Ends = nil
		}
	}
	require.Equal(t, want, got, name)
}
