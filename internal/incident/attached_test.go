package incident_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/sgwarden/sgwarden/internal/incident"
	"github.com/sgwarden/sgwarden/internal/secgroup"
)

const (
	ownGroup   = "sg-0123456789abcdef0"
	otherGroup = "sg-0123456789abcdef1"
)

// TestConnectionsOfEveryKind is the table of families, protocols, ways out and
// paths. The seconds are AWS's (sessions.go has the sources).
func TestConnectionsOfEveryKind(t *testing.T) {
	for _, family := range []struct{ name, all string }{{"v4", "0.0.0.0/0"}, {"v6", "::/0"}} {
		for _, protocol := range []struct {
			name, flow string
			seconds    int
			alwaysSo   bool // tracked, whatever the rules are
		}{{"tcp", "tcp/22", 432000, false}, {"udp", "udp/53", 180, false}, {"icmp", map[string]string{"v4": "icmp", "v6": "icmpv6"}[family.name], 600, true}} {
			for _, out := range []struct {
				name string
				rule string
				open bool
			}{{"open egress", "egress all to " + family.all, true}, {"minimal egress", "egress tcp/443 to 10.0.0.0/8", false}} {
				for _, path := range []struct {
					kind string
					auto bool
				}{{"interface", false}, {"network_load_balancer", true}} {
					name := fmt.Sprintf("%s %s, %s, %s", family.name, protocol.name, out.name, path.kind)
					t.Run(name, func(t *testing.T) {
						before := rule(t, "ingress "+protocol.flow+" from "+family.all)
						rules := []incident.Rule{{Before: &before, Excess: []secgroup.Rule{before}}}
						got, still := incident.SessionsOn(rules, ownGroup, []secgroup.Rule{before, rule(t, out.rule)}, []secgroup.Rule{rule(t, out.rule)},
							incident.Attached{Interfaces: []incident.Interface{{ID: "eni-1", Groups: []string{ownGroup}, Kind: path.kind}}})
						want := incident.Sessions{Tracked: "tracked", MaySurviveSeconds: protocol.seconds, Basis: "interfaces"}
						if out.open && !path.auto && !protocol.alwaysSo {
							want.Tracked, want.MaySurviveSeconds = "untracked", 0
						}
						require.Equal(t, want, got)
						require.Empty(t, still)
					})
				}
			}
		}
	}
}

func TestConnectionsByAllGroupsOfAnInterface(t *testing.T) {
	const ssh, half, allOut = "ingress tcp/22 from 0.0.0.0/0", "ingress tcp/22 from 0.0.0.0/1", "egress all to 0.0.0.0/0"
	both := incident.Interface{ID: "eni-1", Groups: []string{ownGroup, otherGroup}, Kind: "interface"}
	alone := incident.Interface{ID: "eni-2", Groups: []string{ownGroup}, Kind: "interface"}
	for _, c := range []struct {
		name          string
		opened        string
		own           []string
		others        []string // nil = could not be read
		interfaces    []incident.Interface
		want          string
		seconds       int
		stillOpenHere []string
	}{
		{"the way out is in the other group", ssh, nil, []string{allOut}, []incident.Interface{both}, "untracked", 0, nil},
		{"on one interface it is, on one it is not", ssh, nil, []string{allOut}, []incident.Interface{both, alone}, "mixed", 432000, nil},
		{"half of the internet is tracked", half, []string{allOut}, []string{}, []incident.Interface{both}, "tracked", 432000, nil},
		{"but not beside a rule for all of it, by which it stays open", half, []string{allOut}, []string{ssh}, []incident.Interface{both}, "untracked", 0, []string{otherGroup}},
		{"a rule for another port does nothing to it", half, []string{allOut}, []string{"ingress tcp/23 from 0.0.0.0/0"}, []incident.Interface{both}, "tracked", 432000, nil},
		{"the other family does nothing to it", half, []string{allOut}, []string{"ingress tcp/22 from ::/0"}, []incident.Interface{both}, "tracked", 432000, nil},
		{"a list with all addresses may", half, []string{allOut}, []string{"ingress tcp/22 from pl-0123456789abcdef0"}, []incident.Interface{both}, "unknown", 432000, nil},
		{"another group was not read", ssh, []string{allOut}, nil, []incident.Interface{both}, "unknown", 432000, nil},
		{"no interface has the group", ssh, nil, nil, nil, "untracked", 0, nil},
		{"a timeout of its own", half, nil, []string{}, []incident.Interface{{Groups: []string{ownGroup}, Kind: "interface", TCPSeconds: 350}}, "tracked", 350, nil},
		{"of several the longest", half, nil, []string{}, []incident.Interface{{Groups: []string{ownGroup}, TCPSeconds: 350}, {Groups: []string{ownGroup}, TCPSeconds: 60}}, "tracked", 350, nil},
		{"members of a group", "ingress udp/53 from sg-0123456789abcdef9", []string{allOut}, []string{}, []incident.Interface{{Groups: []string{ownGroup}, UDPStreamSeconds: 60}}, "tracked", 60, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			before := rule(t, c.opened)
			own := []secgroup.Rule{}
			for _, text := range c.own {
				own = append(own, rule(t, text))
			}
			at := incident.Attached{Interfaces: c.interfaces, Rules: map[string][]secgroup.Rule{}}
			if c.others != nil {
				at.Rules[otherGroup] = []secgroup.Rule{}
			}
			for _, text := range c.others {
				at.Rules[otherGroup] = append(at.Rules[otherGroup], rule(t, text))
			}
			got, still := incident.SessionsOn([]incident.Rule{{Before: &before}}, ownGroup, append([]secgroup.Rule{before}, own...), own, at)
			require.Equal(t, incident.Sessions{Tracked: c.want, MaySurviveSeconds: c.seconds, Basis: "interfaces"}, got)
			require.Equal(t, c.stillOpenHere, still)
		})
	}
	got, still := incident.SessionsOn(nil, ownGroup, nil, nil, incident.Attached{})
	require.Zero(t, got)
	require.Empty(t, still)
}
