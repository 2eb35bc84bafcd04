package policy

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sgwarden/sgwarden/internal/secgroup"
)

func TestTolerance(t *testing.T) {
	ssh := forbid(box("ingress tcp/22 internet"))
	for _, tc := range []struct {
		name  string
		doc   Document
		rules []string
		want  []State
	}{
		{"a /16 is tolerated", document("p", ssh, tolerate(16, 32)), []string{"ingress tcp/22 from 8.8.0.0/16"}, []State{Fine}},
		{"a /15 is not", document("p", ssh, tolerate(16, 32)), []string{"ingress tcp/22 from 8.8.0.0/15"}, []State{Acting}},
		{"the default is none", document("p", ssh), []string{"ingress tcp/22 from 8.8.8.8/32"}, []State{Acting}},
		{"a family without a bound tolerates nothing", document("p", ssh, tolerate(16, -1)), []string{"ingress tcp/22 from 2606:4700::1/128"}, []State{Acting}},
		{"each family apart", document("p", ssh, tolerate(16, 32)), []string{"ingress tcp/22 from 8.8.0.0/16", "ingress tcp/22 from 2606::/32"}, []State{Fine, Fine}},
		{"two halves are the internet", document("p", ssh, tolerate(16, 32)),
			[]string{"ingress tcp/22 from 0.0.0.0/1", "ingress tcp/22 from 128.0.0.0/1"}, []State{Acting, Acting}},
		{"the third of three is too much", document("p", ssh, tolerate(30, 32)),
			[]string{"ingress tcp/22 from 8.8.8.0/31", "ingress tcp/22 from 8.8.8.2/31", "ingress tcp/22 from 8.8.8.4/32"}, []State{Fine, Fine, Acting}},
		{"what violates is not added, the walk goes on", document("p", ssh, tolerate(30, 32)),
			[]string{"ingress tcp/22 from 8.8.8.0/31", "ingress tcp/22 from 8.8.8.8/29", "ingress tcp/22 from 8.8.8.2/31"}, []State{Fine, Acting, Fine}},
		{"each port apart", document("p", forbid(box("ingress tcp internet")), tolerate(31, 32)),
			[]string{"ingress tcp/22 from 8.8.8.0/31", "ingress tcp/23 from 8.8.8.2/31"}, []State{Fine, Fine}},
		{"the same addresses twice count once", document("p", ssh, tolerate(31, 32)),
			[]string{"ingress tcp/22 from 8.8.8.0/31", "ingress all from 8.8.8.0/31"}, []State{Fine, Fine}},
		{"what is not forbidden does not count", document("p", ssh, tolerate(31, 32)),
			[]string{"ingress tcp/22 from 10.0.0.0/8", "ingress tcp/22 from 8.8.8.0/31"}, []State{Fine, Fine}},
		{"per rule", document("p", ssh, tolerate(31, 32), perRule),
			[]string{"ingress tcp/22 from 8.8.8.0/31", "ingress tcp/22 from 8.8.8.2/31", "ingress tcp/22 from 8.8.8.4/30"}, []State{Fine, Fine, Acting}},
		{"references are never tolerated", document("p", forbid(box("ingress tcp/22 any")), tolerate(8, 32)),
			[]string{"ingress tcp/22 from sg-0b", "ingress tcp/22 from 10.0.0.0/8"}, []State{Acting, Fine}},
		{"everything is tolerated by /0", document("p", ssh, tolerate(0, 0)), []string{"ingress all from 0.0.0.0/0", "ingress tcp/22 from ::/0"}, []State{Fine, Fine}},
		{"under allowOnly the forbidden peers count", document("p", allowOnly(box("ingress tcp/443 addresses"), box("ingress tcp/443 10.0.0.0/8")), tolerate(31, 128)),
			[]string{"ingress tcp/443 from 10.0.0.0/8", "ingress tcp/443 from 8.8.8.0/31", "ingress tcp/443 from 8.8.8.2/32"}, []State{Fine, Fine, Acting}},
		{"both boxes of a policy count together", document("p", forbid(box("ingress tcp/22 8.8.8.0/31"), box("ingress tcp/22 8.8.8.2/31")), tolerate(31, -1)),
			[]string{"ingress tcp/22 from 8.8.8.0/31", "ingress tcp/22 from 8.8.8.2/31"}, []State{Fine, Acting}},
		{"NAT64 of all IPv4 is not a small block", document("p", ssh, tolerate(16, 32)), []string{"ingress tcp/22 from 64:ff9b::/96"}, []State{Acting}},
		{"NAT64 of a /16 is one", document("p", ssh, tolerate(16, 32)), []string{"ingress tcp/22 from 64:ff9b::808:0/112"}, []State{Fine}},
		{"NAT64 of a /15", document("p", ssh, tolerate(16, 32)), []string{"ingress tcp/22 from 64:ff9b::808:0/111"}, []State{Acting}},
		{"NAT64 in sum", document("p", ssh, tolerate(31, 32)),
			[]string{"ingress tcp/22 from 64:ff9b::808:808/127", "ingress tcp/22 from 64:ff9b::808:80a/128", "ingress tcp/22 from 64:ff9b::808:808/128"}, []State{Fine, Acting, Fine}},
		{"NAT64 per rule", document("p", ssh, tolerate(31, 32), perRule),
			[]string{"ingress tcp/22 from 64:ff9b::808:808/127", "ingress tcp/22 from 64:ff9b::808:80a/127", "ingress tcp/22 from 64:ff9b::808:80c/126"}, []State{Fine, Fine, Acting}},
		{"NAT64 apart from IPv4 itself", document("p", ssh, tolerate(31, 32)),
			[]string{"ingress tcp/22 from 8.8.8.0/31", "ingress tcp/22 from 64:ff9b::808:808/127"}, []State{Fine, Fine}},
		{"NAT64 where IPv4 has no bound", document("p", ssh, tolerate(-1, 32)), []string{"ingress tcp/22 from 64:ff9b::808:808/128"}, []State{Acting}},
		{"NAT64 where IPv6 has no bound", document("p", ssh, tolerate(16, -1)), []string{"ingress tcp/22 from 64:ff9b::808:808/128"}, []State{Acting}},
		{"NAT64 is IPv6 too", document("p", ssh, tolerate(16, 127)),
			[]string{"ingress tcp/22 from 2606:4700::/127", "ingress tcp/22 from 64:ff9b::808:808/128"}, []State{Fine, Acting}},
		{"all of NAT64 where all of IPv4 is tolerated", document("p", ssh, tolerate(0, 32)), []string{"ingress tcp/22 from 64:ff9b::/96"}, []State{Fine}},
		{"around NAT64", document("p", ssh, tolerate(16, 32)), []string{"ingress tcp/22 from 64:ff9b::/32"}, []State{Acting}},
		{"beside NAT64", document("p", ssh, tolerate(16, 32)), []string{"ingress tcp/22 from 64:ff9b:0:0:0:1::/96"}, []State{Fine}},
		{"a /32 of 6to4 is a /16 of IPv4", document("p", ssh, tolerate(16, 32)), []string{"ingress tcp/22 from 2002:808::/32"}, []State{Fine}},
		{"directions apart", document("p", forbid(box("both tcp/22 internet")), tolerate(31, -1)),
			[]string{"ingress tcp/22 from 8.8.8.0/31", "egress tcp/22 to 8.8.8.2/31"}, []State{Fine, Fine}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := enforcing(t, tc.doc)
			require.Equal(t, tc.want, states(s.Evaluate(swept(s, group(t, tc.rules...)))))
		})
	}
}

func TestTwoHundredSmallRulesAreTheInternet(t *testing.T) {
	s := enforcing(t, document("ssh", forbid(box("ingress tcp/22 internet")), tolerate(16, 32)))
	var rules []string
	for i := range 300 {
		rules = append(rules, fmt.Sprintf("sgr-%03d ingress tcp/22 from 8.%d.%d.0/24", i, 8+i/200, i%200))
	}
	v := s.Evaluate(swept(s, group(t, rules...)))
	for i, state := range states(v) {
		want := Fine
		if i >= 256 {
			want = Acting
		}
		require.Equal(t, want, state, "rule %d", i)
	}
}

func TestExcessOfARuleAboveTheBoundIsItsOverlapOnThosePorts(t *testing.T) {
	s := enforcing(t, document("p", forbid(box("ingress tcp internet")), tolerate(31, -1)))
	v := s.Evaluate(swept(s, group(t, "ingress tcp/22 from 8.8.8.0/31", "ingress tcp/20-25 from 8.8.8.2/31")))
	require.Equal(t, []State{Fine, Acting}, states(v))
	require.Equal(t, []string{"ingress tcp/22 from 8.8.8.2/31"}, excessOf(v.Rules[1].Findings[0], secgroup.Ingress))
}

// TestExcessOfNAT64IsWhatIsTranslated: a block around it is no more than IPv6
// tolerates, and only its translated part is too much.
func TestExcessOfNAT64IsWhatIsTranslated(t *testing.T) {
	for _, whole := range []bool{false, true} {
		c := box("ingress tcp/22 internet")
		c.Whole = whole
		s := enforcing(t, document("p", forbid(c), tolerate(16, 32)))
		v := s.Evaluate(swept(s, group(t, "ingress tcp/22 from 64:ff9b::/32")))
		require.Equal(t, []string{"ingress tcp/22 from 64:ff9b::/96"}, excessOf(v.Rules[0].Findings[0], secgroup.Ingress))
	}
}

func TestTheDigestFollowsNAT64WhereItMatters(t *testing.T) {
	const apart = "nat64"
	ssh := forbid(box("ingress tcp/22 internet"))
	for _, tc := range []struct {
		doc  Document
		want bool
	}{
		{document("p", ssh, tolerate(16, 32)), true},
		{document("p", ssh, tolerate(-1, 32)), true},
		{document("p", ssh), false},
		{document("p", ssh, tolerate(16, -1)), false},
		{document("p", ssh, tolerate(16, 112)), false},
		{document("p", ssh, tolerate(16, 111)), true},
		{document("p", ssh, tolerate(0, 32)), false},
		{document("p", ssh, tolerate(1, 32)), true},
		{document("p", forbid(box("ingress tcp/22 10.0.0.0/8")), tolerate(16, 32)), false},
		{document("p", forbid(box("ingress tcp/22 10.0.0.0/8"), box("ingress tcp/22 64:ff9b::/120")), tolerate(16, 32)), true},
	} {
		p := enforcing(t, tc.doc).Policies[0]
		require.Equal(t, tc.want, strings.Contains(meaning(&tc.doc, p, secgroup.AddressSet{}), apart), "%+v", tc.doc.Tolerate)
	}
}

func TestWalkGoesByOrder(t *testing.T) {
	s := enforcing(t, document("ssh", forbid(box("ingress tcp/22 internet")), tolerate(31, 32)))
	g := group(t, "sgr-a ingress tcp/22 from 8.8.8.0/31", "sgr-b ingress tcp/22 from 8.8.8.2/31")
	known := func(order ...int64) Known {
		k := Known{Exists: true, Rules: map[string]KnownRule{}}
		for i, o := range order {
			if o != 0 {
				k.Rules[g.Rules[i].ID] = KnownRule{Rule: g.Rules[i], Order: o, Since: now.Add(-time.Hour)}
			}
		}
		return k
	}
	for _, tc := range []struct {
		name    string
		known   Known
		changes []secgroup.Change
		want    []State
	}{
		{"without order by id", Known{}, nil, []State{Fine, Acting}},
		{"by order", known(2, 1), nil, []State{Acting, Fine}},
		{"those with order first", known(0, 7), nil, []State{Acting, Fine}},
		{"unnamed before named", Known{}, []secgroup.Change{authorized("arn:a", now, g.Rules[0])}, []State{Acting, Fine}},
		{"named by time", Known{}, []secgroup.Change{authorized("arn:a", now, g.Rules[0]), authorized("arn:b", now.Add(-time.Second), g.Rules[1])}, []State{Acting, Fine}},
		{"named at one time by id", Known{}, []secgroup.Change{authorized("arn:a", now, g.Rules[0]), authorized("arn:b", now, g.Rules[1])}, []State{Fine, Acting}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			in := swept(s, g)
			in.Known, in.Changes = tc.known, tc.changes
			require.Equal(t, tc.want, states(s.Evaluate(in)))
		})
	}
}

func TestRuleThatGrewIsWalkedAsNew(t *testing.T) {
	s := enforcing(t, document("ssh", forbid(box("ingress tcp/22 internet")), tolerate(30, 32)))
	g := group(t, "sgr-a ingress tcp/22 from 8.8.8.0/30", "sgr-b ingress tcp/22 from 8.8.8.4/31")
	in := swept(s, g)
	in.Known = Known{Exists: true, Rules: map[string]KnownRule{
		"sgr-a": {Rule: ruleOf(t, "ingress tcp/22 from 8.8.8.0/31"), Order: 1},
		"sgr-b": {Rule: g.Rules[1], Order: 2},
	}}
	require.Equal(t, []State{Acting, Fine}, states(s.Evaluate(in)), "growth never pushes out what was there")
}

func TestBaselineAndExemptDoNotCount(t *testing.T) {
	s := enforcing(t, document("ssh", forbid(box("ingress tcp/22 internet")), tolerate(31, 32)))
	g := group(t, "sgr-a ingress tcp/22 from 0.0.0.0/0", "sgr-b ingress tcp/22 from 8.8.8.2/31", "sgr-c ingress tcp/22 from 8.8.9.0/32")
	for _, tc := range []struct {
		name string
		edit func(*Input)
		want []State
	}{
		{"baseline", func(in *Input) {
			in.Known = Known{Exists: true, Rules: map[string]KnownRule{"sgr-a": {Rule: g.Rules[0], Baseline: []string{"ssh"}}}}
		}, []State{Baseline, Fine, Acting}},
		{"exempt", func(in *Input) {
			in.Exemptions = []Exemption{{ID: "EX-1", Policy: "ssh", Group: ownGroup, Rules: []secgroup.Rule{g.Rules[0]}, Until: now.Add(time.Hour)}}
		}, []State{Exempt, Fine, Exempt}},
		{"exempt by some flows", func(in *Input) {
			in.Exemptions = []Exemption{{ID: "EX-1", Policy: "ssh", Group: ownGroup, Rules: []secgroup.Rule{ruleOf(t, "ingress tcp/22 from 8.8.8.2/31")}, Until: now.Add(time.Hour)}}
		}, []State{Acting, Fine, Fine}}, // the second would be tolerated anyway
	} {
		t.Run(tc.name, func(t *testing.T) {
			in := swept(s, g)
			tc.edit(&in)
			require.Equal(t, tc.want, states(s.Evaluate(in)))
		})
	}
}

func TestWhole(t *testing.T) {
	everything := forbid(box("ingress all internet whole"))
	ports := forbid(box("ingress tcp internet whole"))
	for _, tc := range []struct {
		name  string
		doc   Document
		rules []string
		want  []State
	}{
		{"the whole box", document("p", everything), []string{"ingress all from 0.0.0.0/0"}, []State{Acting}},
		{"for some peer is enough", document("p", everything), []string{"ingress all from 8.8.8.8/32"}, []State{Acting}},
		{"not the whole box", document("p", everything), []string{"ingress tcp/0-65535 from 0.0.0.0/0"}, []State{Fine}},
		{"all ports", document("p", ports), []string{"ingress tcp/0-65535 from 8.0.0.0/8"}, []State{Acting}},
		{"all ports in pieces: the one that completes", document("p", ports),
			[]string{"ingress tcp/0-1000 from 0.0.0.0/0", "ingress tcp/2000-65535 from 0.0.0.0/0", "ingress tcp/1001-1999 from 8.8.0.0/16"}, []State{Fine, Fine, Acting}},
		{"what completes is not added", document("p", ports),
			[]string{"ingress tcp/0-1000 from 8.0.0.0/8", "ingress tcp/1001-65535 from 8.8.0.0/16", "ingress tcp/1001-65535 from 8.9.0.0/16"}, []State{Fine, Acting, Acting}},
		{"pieces for different peers complete nothing", document("p", ports),
			[]string{"ingress tcp/0-1000 from 8.8.0.0/16", "ingress tcp/1001-65535 from 8.9.0.0/16"}, []State{Fine, Fine}},
		{"per rule", document("p", ports, perRule), []string{"ingress tcp/0-1000 from 0.0.0.0/0", "ingress tcp/1001-65535 from 0.0.0.0/0"}, []State{Fine, Fine}},
		{"private peers are not meant", document("p", ports), []string{"ingress tcp/0-65535 from 10.0.0.0/8"}, []State{Fine}},
		{"few complete peers may be tolerated", document("p", ports, tolerate(16, 32)),
			[]string{"ingress tcp/0-65535 from 8.8.0.0/17", "ingress tcp/0-65535 from 8.8.128.0/17", "ingress tcp/0-65535 from 9.9.9.9/32"}, []State{Fine, Fine, Acting}},
		{"references", document("p", forbid(box("ingress all references whole"))), []string{"ingress all from sg-0b", "ingress tcp/22 from sg-0c"}, []State{Acting, Fine}},
		{"beside other boxes", document("p", forbid(box("ingress tcp/22 internet"), box("ingress tcp internet whole"))),
			[]string{"ingress tcp/22 from 0.0.0.0/0", "ingress tcp/23 from 0.0.0.0/0"}, []State{Acting, Fine}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := enforcing(t, tc.doc)
			require.Equal(t, tc.want, states(s.Evaluate(swept(s, group(t, tc.rules...)))))
		})
	}
}

func TestExcessOfWholeIsForThePeersThatAreComplete(t *testing.T) {
	s := enforcing(t, document("p", forbid(box("ingress tcp internet whole"))))
	v := s.Evaluate(swept(s, group(t, "ingress tcp/0-1000 from 8.8.8.0/24", "ingress tcp/1001-65535 from 8.8.0.0/16")))
	require.Equal(t, []string{"ingress tcp/1001-65535 from 8.8.8.0/24"}, excessOf(v.Rules[1].Findings[0], secgroup.Ingress))
}
