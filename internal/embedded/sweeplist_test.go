package embedded

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sgwarden/sgwarden/internal/incident"
	"github.com/sgwarden/sgwarden/internal/localec2"
	"github.com/sgwarden/sgwarden/internal/policy"
	"github.com/sgwarden/sgwarden/internal/secgroup"
	"github.com/sgwarden/sgwarden/internal/warden"
)

// sharedList is an account in which several groups let an office's list in, as
// everybody knows, and whose list grows without an event.
type sharedList struct {
	*swept
	groups []string
	topic  *letters
}

func newSharedList(t *testing.T, more string) *sharedList {
	s := &sharedList{swept: newSwept(t, closed(22, more)), topic: &letters{}}
	s.hold(s.offices())
	s.lost("tcp 22 22 @one")
	s.groups = []string{s.group}
	for n := range 4 {
		g := secgroup.Group{ID: fmt.Sprintf("sg-0%016x", n), Name: fmt.Sprint("other", n), Rules: []secgroup.Rule{}}
		_, err := s.account.ec2.EnsureGroup(g)
		require.NoError(t, err)
		r, err := secgroup.ParseRule("ingress tcp/22 from " + s.list())
		require.NoError(t, err)
		_, err = s.account.ec2.EnsureRule(g.ID, r)
		require.NoError(t, err)
		s.groups = append(s.groups, g.ID)
	}
	s.account.guard = s.guardThatTells(s.topic)
	s.sweep()
	s.quiet()
	return s
}

func (s *sharedList) offices() []string { return []string{"10.0.0.0/8"} }
func (s *sharedList) list() string      { return s.lists["one"].ID }

func (s *sharedList) hold(blocks []string) { s.putList("list", "one", prefixes(s.t, blocks)) }

func (s *sharedList) grow() { s.hold(append(s.offices(), "8.0.0.0/8")) }

func (s *sharedList) entries() int { return len(s.rules()[0].Peer.(secgroup.PrefixList).Entries) }

// open are the open incidents of the list; those of the groups must be none.
func (s *sharedList) open() []incident.Incident {
	s.t.Helper()
	for _, id := range s.groups {
		mem, err := s.account.ledger.Observe(s.ctx, id)
		require.NoError(s.t, err)
		require.Empty(s.t, mem.Open, id)
	}
	mem, err := s.account.ledger.Observe(s.ctx, s.list())
	require.NoError(s.t, err)
	return mem.Open
}

// TestALongWaitOfAListStandsInItsIncident: the sweep asks for its end, once for all
// groups that refer to the list, and for nothing before it.
func TestALongWaitOfAListStandsInItsIncident(t *testing.T) {
	s := newSharedList(t, "remedy: {do: revert, after: 24h}")
	s.grow()
	s.sweep()
	s.wait(16 * time.Minute)
	began := s.world.now
	require.Len(t, s.open(), 1)
	require.Equal(t, []string{"opened"}, eventTypes(s.topic.sent))
	require.Empty(t, s.account.later.messages, "nothing waits in the queue")
	for s.world.now.Before(began.Add(22 * time.Hour)) {
		require.Empty(t, s.sweep().Counts.Enqueued, "%s", s.world.now.Sub(began))
		s.wait(90 * time.Minute)
		require.Equal(t, 2, s.entries())
	}
	asked := 0
	for end := began.Add(24*time.Hour + 16*time.Minute); s.world.now.Before(end); {
		asked += s.sweep().Counts.Enqueued[warden.SweepWaiting]
		s.wait(min(15*time.Minute, end.Sub(s.world.now)))
	}
	require.Equal(t, 1, s.entries())
	require.Equal(t, 1, asked, "once for the list, and not for each group")
	require.Empty(t, s.open())
	require.Equal(t, []string{"opened", "acted"}, eventTypes(s.topic.sent))
	s.sweep()
	s.quiet()
}

// TestAHeldListIsReleased: what its own messages lose, a sweep finds, and asks for
// once.
func TestAHeldListIsReleased(t *testing.T) {
	s := newSharedList(t, "")
	operator := s.account.ledger.Operator()
	require.NoError(t, operator.Pause(s.ctx, "", "CHG-9"))
	s.grow()
	require.Equal(t, map[warden.SweepReason]int{warden.SweepDue: 5}, s.sweep().Counts.Enqueued)
	s.guardLooks()
	require.Len(t, s.open(), 1)
	require.Equal(t, []string{"opened"}, eventTypes(s.topic.sent))
	require.Empty(t, s.sweep().Counts.Enqueued, "it has its message")
	s.account.later.messages = nil // which is lost
	s.wait(20 * time.Minute)
	require.Equal(t, map[warden.SweepReason]int{warden.SweepOpen: 1}, s.sweep().Counts.Enqueued)
	s.guardLooks()
	require.Equal(t, 2, s.entries())
	require.NoError(t, operator.Resume(s.ctx, ""))
	require.Equal(t, map[warden.SweepReason]int{warden.SweepDue: 1}, s.sweep().Counts.Enqueued)
	s.guardLooks()
	require.Equal(t, 1, s.entries())
	require.Empty(t, s.open())
	require.Equal(t, []string{"opened", "acted"}, eventTypes(s.topic.sent))
	s.sweep()
	s.quiet()
}

// TestWhatWasLackingForAListIsAskedForWhileItWaits: the sweep leads there again, also
// where the wait is long, and no longer than until it is known.
func TestWhatWasLackingForAListIsAskedForWhileItWaits(t *testing.T) {
	s := newSharedList(t, "remedy: {do: revert, after: 24h}")
	s.world.cloud.Disturb(func(c localec2.Call) localec2.Disturbance {
		if c.Action == "GetManagedPrefixListAssociations" {
			return localec2.Deny()
		}
		return localec2.Disturbance{}
	})
	s.grow()
	s.sweep()
	s.wait(16 * time.Minute)
	require.Equal(t, []string{"opened"}, eventTypes(s.topic.sent))
	require.Empty(t, s.open(), "it is told, and nobody knows that something will be taken out")
	require.NotZero(t, s.sweep().Counts.Enqueued[warden.SweepDue])
	s.world.cloud.Disturb(nil)
	s.guardLooks()
	require.Len(t, s.open(), 1)
	require.Equal(t, incident.Pending, s.open()[0].Outcome)
	for range 3 {
		s.guardLooks()
		require.Empty(t, s.sweep().Counts.Enqueued)
	}
	require.Equal(t, 2, s.entries())
	for end := s.world.now.Add(25 * time.Hour); s.world.now.Before(end); {
		s.sweep()
		s.wait(15 * time.Minute)
	}
	require.Equal(t, 1, s.entries())
	require.Empty(t, s.open())
	require.Equal(t, []string{"opened", "acted"}, eventTypes(s.topic.sent))
	s.sweep()
	s.quiet()
}

// TestAListThatCannotBeEditedIsAskedForOnce in a pass, and not by each of its groups.
func TestAListThatCannotBeEditedIsAskedForOnce(t *testing.T) {
	s := newSharedList(t, "")
	deny := func(c localec2.Call) localec2.Disturbance {
		if c.Action == "ModifyManagedPrefixList" {
			return localec2.Deny()
		}
		return localec2.Disturbance{}
	}
	s.world.cloud.Disturb(deny)
	s.grow()
	s.sweep()
	s.guardLooks()
	require.Equal(t, incident.CannotRemediate, s.open()[0].Outcome)
	for range 3 {
		s.account.later.messages = nil
		require.Equal(t, map[warden.SweepReason]int{warden.SweepDue: 1}, s.sweep().Counts.Enqueued)
		s.wait(15 * time.Minute)
		require.Equal(t, 2, s.entries())
	}
	s.world.cloud.Disturb(nil)
	s.sweep()
	s.guardLooks()
	require.Equal(t, 1, s.entries())
	require.Equal(t, []string{"opened", "acted"}, eventTypes(s.topic.sent))
	s.sweep()
	s.quiet()
}

// TestAGroupWhoseListIsNotOpenIsAskedItself: the pointer of its item leads nowhere.
func TestAGroupWhoseListIsNotOpenIsAskedItself(t *testing.T) {
	s := newSharedList(t, "")
	operator := s.account.ledger.Operator()
	require.NoError(t, operator.Pause(s.ctx, "", "CHG-9"))
	s.grow()
	s.sweep()
	s.guardLooks()
	i := s.open()[0]
	mem, err := s.account.ledger.Observe(s.ctx, s.list())
	require.NoError(t, err)
	i.Status = "closed"
	require.NoError(t, s.account.ledger.Close(s.ctx, incident.Closing{GroupID: s.list(), Version: mem.Known.Version, Known: mem.Known, Incidents: []incident.Incident{i}, Now: s.world.now}))
	require.NoError(t, operator.Resume(s.ctx, ""))
	require.Equal(t, map[warden.SweepReason]int{warden.SweepDue: 5}, s.sweep().Counts.Enqueued)
	s.guardLooks()
	require.Equal(t, 1, s.entries())
}

// TestASweepThatForgetsAListHasItLookedAt: no group's item leads to the incident any
// more, so whoever writes the items asks first. Where that fails nothing is written,
// and the next pass does it.
func TestASweepThatForgetsAListHasItLookedAt(t *testing.T) {
	for name, c := range map[string]struct {
		end     func(s *sharedList)
		outcome incident.Outcome
	}{
		"the entries are gone": {func(s *sharedList) { s.hold(s.offices()) }, incident.AlreadyCompliant},
		"the rules are gone": {func(s *sharedList) {
			for _, id := range s.groups {
				mem, err := s.account.ledger.Observe(s.ctx, id)
				require.NoError(s.t, err)
				for rule := range mem.Known.Rules {
					require.True(s.t, s.account.ec2.RemoveRule(rule))
				}
			}
		}, incident.Gone},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSharedList(t, "")
			s.world.cloud.Disturb(func(c localec2.Call) localec2.Disturbance {
				if c.Action == "ModifyManagedPrefixList" {
					return localec2.Deny()
				}
				return localec2.Disturbance{}
			})
			s.grow()
			s.sweep()
			s.guardLooks()
			require.Len(t, s.open(), 1)
			s.world.cloud.Disturb(nil)
			s.account.later.messages = nil
			c.end(s)

			s.account.guard = s.guardThatAsks(s.topic, refusing{})
			_, err := s.sweeper().Sweep(s.ctx, warden.Cursor{})
			require.ErrorIs(t, err, incident.ErrUnavailable)
			for _, id := range s.groups {
				mem, err := s.account.ledger.Observe(s.ctx, id)
				require.NoError(t, err)
				require.Equal(t, s.open()[0].ID, s.pointer(mem.Known), "the group leads to the list still")
			}

			s.account.guard = s.guardThatAsks(s.topic, &s.account.later)
			s.sweep()
			require.NotEmpty(t, s.account.later.messages)
			s.guardLooks()
			require.Empty(t, s.open())
			require.Equal(t, []string{"opened", "resolved"}, eventTypes(s.topic.sent))
			require.Equal(t, c.outcome, s.topic.sent[1].Outcome)
			s.sweep()
			s.quiet()
		})
	}
}

// refusing is a queue that takes nothing.
type refusing struct{}

func (refusing) JudgeAgain(context.Context, string, string, string, time.Duration) error {
	return incident.ErrUnavailable
}

// guardThatAsks is a guard with another queue.
func (s *sharedList) guardThatAsks(topic warden.Publisher, queue warden.Queue) *warden.Warden {
	wiring := s.account.wiring()
	wiring.Publisher, wiring.Queue = topic, queue
	guard, err := warden.New(wiring)
	require.NoError(s.t, err)
	return guard
}

// pointer is the incident that the one rule of an item points to.
func (s *sharedList) pointer(known policy.Known) string {
	require.Len(s.t, known.Rules, 1)
	for _, k := range known.Rules {
		return k.IncidentID
	}
	return ""
}
