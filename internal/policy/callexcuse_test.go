package policy

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/sgwarden/sgwarden/internal/secgroup"
)

// TestExemptFlowsOfACall: all that a call did has to be known, and to be within
// the rules of the exemption, whatever their order.
func TestExemptFlowsOfACall(t *testing.T) {
	const https = "ingress tcp/443 from 10.0.0.0/8"
	whole := func(texts ...string) secgroup.Change { return authorized(dev, now, liveRules(t, texts...)...) }
	list := secgroup.PrefixList{ID: "pl-0a", Readable: true, Entries: prefixes("8.8.8.0/24")}
	ofList := whole("ingress tcp/443 from pl-0a")
	ofList.Rules[0].Rule.Peer = list
	with := func(edit func(*secgroup.Change)) secgroup.Change {
		c := whole(https)
		edit(&c)
		return c
	}
	for name, tc := range map[string]struct {
		exempt []string
		call   secgroup.Change
		want   bool
	}{
		"all of it":                   {[]string{https}, whole(https), true},
		"behind another direction":    {[]string{"egress all to 0.0.0.0/0", https}, whole(https), true},
		"one of two rules":            {[]string{https}, whole(https, "ingress tcp/22 from 10.0.0.0/8"), false},
		"a record that lacks some":    {[]string{https}, with(func(c *secgroup.Change) { c.Complete = false }), false},
		"a call of another effect":    {[]string{https}, with(func(c *secgroup.Change) { c.Effect = secgroup.Narrows }), false},
		"a call without rules":        {[]string{https}, with(func(c *secgroup.Change) { c.Rules = nil }), false},
		"a rule without value":        {[]string{https}, with(func(c *secgroup.Change) { c.Rules[0].HasValue = false }), false},
		"a rule without peer":         {[]string{https}, with(func(c *secgroup.Change) { c.Rules[0].Rule.Peer = nil }), false},
		"a rule without direction":    {[]string{https}, with(func(c *secgroup.Change) { c.Rules[0].Rule.Direction = 0 }), false},
		"a group of the account":      {[]string{"ingress tcp/443 from " + ownAccount + "/sg-0b"}, whole("ingress tcp/443 from sg-0b"), true},
		"a group of another":          {[]string{"ingress tcp/443 from 999999999999/sg-0b"}, whole("ingress tcp/443 from sg-0b"), false},
		"the list, whatever it holds": {[]string{"ingress tcp/443 from pl-0a"}, ofList, true},
		"another list":                {[]string{"ingress tcp/443 from pl-0b"}, ofList, false},
		"the blocks of a list":        {[]string{"ingress tcp/443 from 8.8.0.0/16"}, ofList, true},
		"a list beside blocks":        {[]string{"ingress tcp/443 from pl-0b", https}, whole(https), true},
	} {
		in := Input{Live: group(t)}
		require.Equal(t, tc.want, coversCall(liveRules(t, tc.exempt...), &tc.call, &in), name)
	}
}

// TestTheGroupOfACall is the one with the id, or the only one.
func TestTheGroupOfACall(t *testing.T) {
	a, b := secgroup.GroupName{ID: "sg-0a", Name: "a"}, secgroup.GroupName{ID: "sg-0b", Name: "b"}
	both := &secgroup.Change{Groups: []secgroup.GroupName{a, b}}
	require.Equal(t, b, groupNamed(both, "sg-0b"))
	require.Equal(t, secgroup.GroupName{ID: "sg-0c"}, groupNamed(both, "sg-0c"))
	require.Equal(t, secgroup.GroupName{}, groupNamed(both, ""))
	require.Equal(t, a, groupNamed(&secgroup.Change{Groups: []secgroup.GroupName{a}}, ""))
	nameless := secgroup.GroupName{Name: "a"}
	require.Equal(t, secgroup.GroupName{}, groupNamed(&secgroup.Change{Groups: []secgroup.GroupName{nameless, b}}, ""), "a group without id is not the one of no id")
}

func TestWhatIsExemptByActor(t *testing.T) {
	for _, tc := range []struct {
		state     State
		exemption string
		want      bool
	}{{Exempt, exceptLabel + "p.yaml:20", true}, {Exempt, "EX-1", false}, {Acting, exceptLabel + "p.yaml:20", false}} {
		require.Equal(t, tc.want, Finding{State: tc.state, Exemption: tc.exemption}.IsByActor())
	}
}
