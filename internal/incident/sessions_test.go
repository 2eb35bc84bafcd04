package incident_test

import (
	"net/netip"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/sgwarden/sgwarden/internal/incident"
	"github.com/sgwarden/sgwarden/internal/secgroup"
)

func rule(t testing.TB, text string) secgroup.Rule {
	t.Helper()
	r, err := secgroup.ParseRule(text)
	require.NoError(t, err)
	return r
}

func TestSessionsOf(t *testing.T) {
	const allOut4, allOut6 = "egress all to 0.0.0.0/0", "egress all to ::/0"
	tests := []struct {
		name    string
		before  string // "" = not known
		excess  string
		group   []string
		tracked string
		seconds int
	}{
		{"from anywhere, everything may answer", "ingress tcp/22 from 0.0.0.0/0", "ingress tcp/22 from 0.0.0.0/0", []string{allOut4}, "untracked", 0},
		{"all tcp ports out is enough", "ingress tcp/22 from 0.0.0.0/0", "ingress tcp/22 from 0.0.0.0/0", []string{"egress tcp/0-65535 to 0.0.0.0/0"}, "untracked", 0},
		{"the way back by another protocol is none", "ingress tcp/22 from 0.0.0.0/0", "ingress tcp/22 from 0.0.0.0/0", []string{"egress udp/0-65535 to 0.0.0.0/0"}, "unknown", 432000},
		{"nor by some ports", "ingress tcp/22 from 0.0.0.0/0", "ingress tcp/22 from 0.0.0.0/0", []string{"egress tcp/1-65535 to 0.0.0.0/0"}, "unknown", 432000},
		{"nor in the same direction", "ingress tcp/22 from 0.0.0.0/0", "ingress tcp/22 from 0.0.0.0/0", []string{"ingress all from 0.0.0.0/0"}, "unknown", 432000},
		{"families are apart", "ingress tcp/22 from ::/0", "ingress tcp/22 from ::/0", []string{allOut4}, "unknown", 432000},
		{"IPv6", "ingress tcp/22 from ::/0", "ingress tcp/22 from ::/0", []string{allOut6}, "untracked", 0},
		{"half of the internet is tracked", "ingress tcp/22 from 0.0.0.0/1", "ingress tcp/22 from 0.0.0.0/1", []string{allOut4}, "tracked", 432000},
		{"what was cut off had come by the whole rule", "ingress tcp/22 from 0.0.0.0/0", "ingress tcp/22 from 0.0.0.0/1", []string{allOut4}, "untracked", 0},
		{"udp", "ingress udp/53 from 8.8.8.0/29", "ingress udp/53 from 8.8.8.0/29", []string{allOut4}, "tracked", 180},
		{"icmp is always tracked", "ingress icmp from 0.0.0.0/0", "ingress icmp from 0.0.0.0/0", []string{allOut4}, "tracked", 600},
		{"a numeric protocol too", "ingress 47 from 0.0.0.0/0", "ingress 47 from 0.0.0.0/0", []string{allOut4}, "tracked", 600},
		{"all traffic is both", "ingress all from 0.0.0.0/0", "ingress all from 0.0.0.0/0", []string{allOut4}, "mixed", 600},
		{"tcp cut out of all traffic", "ingress all from 0.0.0.0/0", "ingress tcp/22 from 0.0.0.0/0", []string{allOut4}, "untracked", 0},
		{"a group reference is tracked", "ingress tcp/22 from sg-0123456789abcdef0", "ingress tcp/22 from sg-0123456789abcdef0", []string{allOut4}, "tracked", 432000},
		{"an unread list is unknown", "ingress tcp/22 from pl-0123456789abcdef0", "ingress tcp/22 from pl-0123456789abcdef0", []string{allOut4}, "unknown", 432000},
		{"egress", "egress tcp/443 to 0.0.0.0/0", "egress tcp/443 to 0.0.0.0/0", []string{"ingress all from 0.0.0.0/0"}, "untracked", 0},
		{"egress that nobody may answer freely", "egress udp/53 to 0.0.0.0/0", "egress udp/53 to 0.0.0.0/0", nil, "unknown", 180},
		{"without the old value its excess decides", "", "ingress tcp/22 from 0.0.0.0/0", []string{allOut4}, "untracked", 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := incident.Rule{Excess: []secgroup.Rule{rule(t, tt.excess)}}
			if tt.before != "" {
				before := rule(t, tt.before)
				r.Before = &before
			}
			var group []secgroup.Rule
			for _, text := range tt.group {
				group = append(group, rule(t, text))
			}
			require.Equal(t, incident.Sessions{Tracked: tt.tracked, MaySurviveSeconds: tt.seconds, Basis: "group"}, incident.SessionsOf([]incident.Rule{r}, group))
		})
	}
}

func TestSessionsOfSeveralRulesIsTheWorst(t *testing.T) {
	group := []secgroup.Rule{rule(t, "egress all to 0.0.0.0/0")}
	cut := incident.Rule{Excess: []secgroup.Rule{rule(t, "ingress tcp/22 from 0.0.0.0/0")}}
	lives := incident.Rule{Excess: []secgroup.Rule{rule(t, "ingress udp/161 from 8.8.8.0/29")}}
	require.Equal(t, incident.Sessions{Tracked: "mixed", MaySurviveSeconds: 180, Basis: "group"}, incident.SessionsOf([]incident.Rule{cut, lives}, group))
}

func TestSessionsOfNothingIsZero(t *testing.T) {
	require.Zero(t, incident.SessionsOf(nil, []secgroup.Rule{rule(t, "egress all to 0.0.0.0/0")}))
	require.Zero(t, incident.SessionsOf([]incident.Rule{{}}, nil))
}

func TestSessionsOfReadLists(t *testing.T) {
	listed := func(entries ...string) incident.Rule {
		list := secgroup.PrefixList{ID: "pl-0123456789abcdef0", Readable: true}
		for _, e := range entries {
			list.Entries = append(list.Entries, netip.MustParsePrefix(e))
		}
		before := secgroup.Rule{Direction: secgroup.Ingress, Protocol: secgroup.TCP, Ports: secgroup.Ports{From: 22, To: 22}, Peer: list}
		return incident.Rule{Before: &before}
	}
	require.Equal(t, "tracked", incident.SessionsOf([]incident.Rule{listed("8.8.8.0/29")}, nil).Tracked)
	require.Equal(t, "unknown", incident.SessionsOf([]incident.Rule{listed("8.8.8.0/29", "0.0.0.0/0")}, nil).Tracked)
}
