package warden

import (
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/sgwarden/sgwarden/internal/incident"
	"github.com/sgwarden/sgwarden/internal/secgroup"
)

// plugged is where groups are, as far as a test says.
type plugged struct {
	at    incident.Attached
	part  bool // it is more than is read
	err   error
	asked []string
}

func (p *plugged) Attached(_ context.Context, groupID string) (incident.Attached, bool, error) {
	p.asked = append(p.asked, groupID)
	return p.at, !p.part, p.err
}

func (p *plugged) option(c *Config) { c.Connections = p }

func TestConnectionsByTheInterfaces(t *testing.T) {
	both := incident.Attached{
		Interfaces: []incident.Interface{{ID: "eni-1", Groups: []string{groupA, groupB}, Kind: "interface"}},
		Rules:      map[string][]secgroup.Rule{groupB: {parse(t, "egress all to 0.0.0.0/0"), parse(t, "ingress tcp/20-23 from 8.8.8.0/29")}},
	}
	for name, c := range map[string]struct {
		at    *plugged
		want  incident.Sessions
		notes []string
	}{
		"another group lets the answers out": {
			&plugged{at: both}, incident.Sessions{Tracked: "untracked", Basis: "interfaces"},
			[]string{"some of it is still open on interfaces that the group is on, by " + groupB},
		},
		"no interface": {&plugged{}, incident.Sessions{Tracked: "untracked", Basis: "interfaces"}, []string{"no network interface has the group: nothing was reached by it just now"}},
		"too many":     {&plugged{part: true}, incident.Sessions{Tracked: "unknown", MaySurviveSeconds: 432000, Basis: "group"}, nil},
		"denied":       {&plugged{err: errors.New("denied")}, incident.Sessions{Tracked: "unknown", MaySurviveSeconds: 432000, Basis: "group"}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, revertSSH, c.at.option)
			d := w.judge1(w.authorize(groupA, ssh))
			require.Equal(t, incident.Reverted, d.Outcome)
			require.False(t, d.Retry)
			require.Equal(t, c.want, w.publisher.messages()[0].Sessions)
			require.Equal(t, c.notes, w.publisher.messages()[0].Notes)
			require.Equal(t, c.want, w.closed(groupA)[0].Sessions)
			require.Equal(t, []string{groupA}, c.at.asked)
		})
	}
}

// Nobody asks where a group is, where nothing was taken back.
func TestConnectionsAreReadOnlyAfterARemedy(t *testing.T) {
	at := &plugged{}
	w := newWorld(t, revertSSH, at.option)
	w.judge1(w.authorize(groupA, https))
	w.judge1(judgeGroup(groupA, "sweep", ""))
	w.ec2.on = func(name string) error {
		if name == "RevokeSecurityGroupIngress" {
			return incident.ErrDenied
		}
		return nil
	}
	require.Equal(t, incident.CannotRemediate, w.judge1(w.authorize(groupA, ssh)).Outcome)
	w = newWorld(t, revertSSH, at.option, observing)
	require.Equal(t, incident.Observed, w.judge1(w.authorize(groupA, ssh)).Outcome)
	require.Empty(t, at.asked)
}
