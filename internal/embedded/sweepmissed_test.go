package embedded

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sgwarden/sgwarden/internal/incident"
	"github.com/sgwarden/sgwarden/internal/inventory"
	"github.com/sgwarden/sgwarden/internal/policy"
	"github.com/sgwarden/sgwarden/internal/secgroup"
	"github.com/sgwarden/sgwarden/internal/warden"
)

// partBlind is a survey that does not understand some groups.
type partBlind struct {
	warden.Survey
	unread map[string]bool // in the pages
	rules  map[string]bool // or only in the rules
}

var errNotUnderstood = errors.New("a rule of a kind that nobody knows")

func (b partBlind) EachGroup(ctx context.Context, token string, see func(g secgroup.Group, err error)) (string, error) {
	return b.Survey.EachGroup(ctx, token, func(g secgroup.Group, err error) {
		if b.unread[g.ID] {
			g, err = secgroup.Group{ID: g.ID}, errNotUnderstood
		}
		see(g, err)
	})
}

func (b partBlind) EachRule(ctx context.Context, ids []string, token string, see func(groupID string, r secgroup.Rule, err error)) (string, error) {
	return b.Survey.EachRule(ctx, ids, token, func(id string, r secgroup.Rule, err error) {
		if b.rules[id] {
			r, err = secgroup.Rule{}, errNotUnderstood
		}
		see(id, r, err)
	})
}

// sweepWithout makes a whole pass that does not understand the scene's group.
func (s *swept) sweepWithout(inPages bool) warden.Pass {
	s.t.Helper()
	blind := partBlind{Survey: inventory.New(s.account.client)}
	if inPages {
		blind.unread = map[string]bool{s.group: true}
	} else {
		blind.rules = map[string]bool{s.group: true}
	}
	pass, err := warden.NewSweeper(s.account.guard, blind, s.book).Sweep(s.ctx, warden.Cursor{})
	require.NoError(s.t, err)
	require.True(s.t, pass.Complete)
	require.Equal(s.t, 1, pass.Counts.Unread)
	return pass
}

// TestAGroupThatTheActMissed: what stood in a group that a pass could not read
// while it set the act stands, however long it takes until one can; what is
// named by a record meanwhile does not.
func TestAGroupThatTheActMissed(t *testing.T) {
	for _, inPages := range []bool{true, false} {
		t.Run(fmt.Sprint("not understood in pages ", inPages), func(t *testing.T) {
			s := newSwept(t, closed(22, ""))
			s.lost("tcp 22 22 0.0.0.0/0")
			_, err := s.account.ec2.EnsureGroup(secgroup.Group{ID: "sg-0b000000000000000", Rules: []secgroup.Rule{parsed(t, sshOpen)}})
			require.NoError(t, err)
			require.Equal(t, map[string]int{"port-22": 1}, s.sweepWithout(inPages).Counts.Marked)
			require.Empty(t, s.sweepWithout(inPages).Counts.Marked, "for the other group the act is done")

			// A harmless change lets the guard look at the group.
			s.add("ingress", strings.Fields("tcp 443 443 0.0.0.0/0"))
			s.hearAfter(0)
			require.ElementsMatch(t, []string{sshOpen, webOpen}, s.texts(), "nobody read it, so it may have stood")
			// What a record names goes, as before any act.
			s.add("ingress", strings.Fields("tcp 20 25 8.8.0.0/16"))
			s.hearAfter(0)
			require.ElementsMatch(t, []string{sshOpen, webOpen}, s.texts())

			s.wait(time.Hour)
			require.Equal(t, map[string]int{"port-22": 1}, s.sweep().Counts.Marked)
			s.guardLooks()
			s.quiet()
			require.ElementsMatch(t, []string{sshOpen, webOpen}, s.texts())
			other, _ := s.account.ec2.Group("sg-0b000000000000000")
			require.Len(t, other.Rules, 1)

			// From now on the act is done for it too.
			s.lost("tcp 22 22 ::/0")
			require.Equal(t, 1, s.sweep().Counts.Enqueued[warden.SweepDue])
			s.guardLooks()
			require.ElementsMatch(t, []string{sshOpen, webOpen}, s.texts())
		})
	}
}

// TestALateRecordOfAMissedGroup: an Authorize that was made after the act, and
// before a pass read the group, takes the mark away, however late its record is.
func TestALateRecordOfAMissedGroup(t *testing.T) {
	s := newSwept(t, closed(22, ""))
	s.sweepWithout(true)
	s.wait(10 * time.Minute)
	s.add("ingress", strings.Fields("tcp 22 22 0.0.0.0/0"))
	late := s.records
	s.records = nil
	s.wait(10 * time.Minute)
	require.Equal(t, map[string]int{"port-22": 1}, s.sweep().Counts.Marked)
	require.Equal(t, []string{sshOpen}, s.texts())
	s.wait(10 * time.Minute)
	s.records = late
	s.hearAfter(0)
	require.Empty(t, s.texts())
	s.quiet()
}

// TestAPolicyWhoseActMissedAGroup: a policy that is added later, whose act misses
// a group, leaves the acts of the others as they are there.
func TestAPolicyWhoseActMissedAGroup(t *testing.T) {
	s := newSwept(t, closed(22, ""))
	s.lost("tcp 3389 3389 0.0.0.0/0")
	s.sweep()
	s.deploy(policy.Enforce, closed(22, ""), closed(3389, ""))
	s.wait(time.Hour)
	require.Empty(t, s.sweepWithout(true).Counts.Marked)
	s.lost("tcp 22 22 0.0.0.0/0")
	pass := s.sweep()
	require.Equal(t, map[string]int{"port-3389": 1}, pass.Counts.Marked)
	require.Equal(t, 1, pass.Counts.Enqueued[warden.SweepDue])
	s.guardLooks()
	require.Len(t, s.texts(), 1)
	require.Contains(t, s.texts()[0], "3389")
	s.quiet()
}

// TestTooManyMissedGroups sets no act, and the stamp all the same.
func TestTooManyMissedGroups(t *testing.T) {
	s := newSwept(t, closed(22, ""))
	s.lost("tcp 22 22 0.0.0.0/0")
	blind := partBlind{Survey: inventory.New(s.account.client), unread: map[string]bool{}}
	for n := range incident.MostMissed + 1 {
		id := fmt.Sprintf("sg-0c%015d", n)
		_, err := s.account.ec2.EnsureGroup(secgroup.Group{ID: id})
		require.NoError(t, err)
		blind.unread[id] = true
	}
	pass, err := warden.NewSweeper(s.account.guard, blind, s.book).Sweep(s.ctx, warden.Cursor{})
	require.NoError(t, err)
	require.True(t, pass.Complete)
	c, err := s.account.ledger.Controls(s.ctx)
	require.NoError(t, err)
	require.Empty(t, c.Missed)
	require.False(t, c.Stamp.IsZero())
	for _, act := range c.Acts {
		require.False(t, act.Done)
	}
	s.sweep()
	s.guardLooks()
	require.Equal(t, []string{sshOpen}, s.texts())
}
