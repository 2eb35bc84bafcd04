package embedded

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sgwarden/sgwarden/internal/incident"
	"github.com/sgwarden/sgwarden/internal/inventory"
	"github.com/sgwarden/sgwarden/internal/policy"
	"github.com/sgwarden/sgwarden/internal/secgroup"
	"github.com/sgwarden/sgwarden/internal/warden"
)

// letters are the messages of a topic.
type letters struct {
	sent []incident.Incident
	fail error
}

func (l *letters) Publish(_ context.Context, i incident.Incident) error {
	if l.fail == nil {
		l.sent = append(l.sent, i)
	}
	return l.fail
}

// told are the messages that were sent since the last call, and a pass of a new
// process with them.
func (s *swept) told(l *letters) (texts []string) {
	s.t.Helper()
	pass, err := warden.NewSweeper(s.guardThatTells(l), inventory.New(s.account.client), s.book).Sweep(s.ctx, warden.Cursor{})
	require.NoError(s.t, err)
	require.True(s.t, pass.Complete)
	for _, i := range l.sent {
		texts = append(texts, string(i.EventType)+" "+i.Outcome.String()+" "+i.Reason)
	}
	l.sent = nil
	return texts
}

// TestExemptionsThatEndSoon: in the ledger and in files, each is told a week
// and a day before its end, once, and judged as it ends.
func TestExemptionsThatEndSoon(t *testing.T) {
	for _, where := range []string{"ledger", "file"} {
		t.Run(where, func(t *testing.T) {
			s := newSwept(t, closed(22, ""))
			s.sweep()
			e := policy.Exemption{
				ID: "EX-1", Policy: "port-22", Group: s.group, Owner: "net-team", Reason: "vendor", Ticket: "CHG-8",
				Until: s.world.clock().Add(8*24*time.Hour + 5*time.Minute), Rules: []secgroup.Rule{parsed(t, sshOpen)},
			}
			if where == "ledger" {
				require.NoError(t, s.account.ledger.Operator().PutExemption(s.ctx, e, s.world.clock()))
			} else {
				s.world.opts.Set.Exemptions = append(s.world.opts.Set.Exemptions, e)
			}
			s.lost("tcp 22 22 0.0.0.0/0")
			topic := &letters{}
			require.Empty(t, s.told(topic), "more than a week")
			s.guardLooks()
			s.wait(12 * time.Hour)
			require.Empty(t, s.told(topic))
			s.wait(12 * time.Hour)
			topic.fail = incident.ErrUnavailable
			require.Empty(t, s.told(topic))
			topic.fail = nil
			s.wait(2 * time.Minute) // the lease of whoever could not send it
			require.Equal(t, []string{"reminder exempt EX-1"}, s.told(topic))
			for range 11 {
				s.wait(12 * time.Hour)
				require.Empty(t, s.told(topic), "each is told once, whoever sweeps")
			}
			s.wait(12 * time.Hour)
			_, err := warden.NewSweeper(s.guardThatTells(topic), inventory.New(s.account.client), s.book).Sweep(s.ctx, warden.Cursor{})
			require.NoError(t, err)
			require.Len(t, topic.sent, 1)
			require.Equal(t, "it was agreed by net-team: vendor CHG-8", topic.sent[0].Notes[1])
			require.Equal(t, sshOpen, topic.sent[0].Rules[0].Before.String())
			topic.sent = nil
			s.wait(12 * time.Hour)
			require.Empty(t, s.told(topic))

			s.wait(11*time.Hour + 50*time.Minute)
			require.Equal(t, map[warden.SweepReason]int{warden.SweepLapsed: 1}, s.sweep().Counts.Enqueued)
			require.Equal(t, []string{sshOpen}, s.texts())
			s.wait(15 * time.Minute)
			require.Empty(t, s.texts(), "no further pass was needed")
			entries, err := s.account.ledger.History(s.ctx, s.group)
			require.NoError(t, err)
			last := entries[len(entries)-1].Incident
			require.Equal(t, incident.Reverted, last.Outcome)
			require.Contains(t, last.Notes, "EX-1 covered "+last.Rules[0].ID+", and has ended: it is judged like any other now")
		})
	}
}

// TestAShortExemptionIsToldOnlyNearItsEnd: who made it for two days need not hear
// the same hour that it ends within a week.
func TestAShortExemptionIsToldOnlyNearItsEnd(t *testing.T) {
	s := newSwept(t, closed(22, ""))
	s.sweep()
	e := policy.Exemption{
		ID: "EX-1", Policy: "port-22", Group: s.group, Owner: "net-team", Reason: "vendor", Made: s.world.clock(),
		Until: s.world.clock().Add(48 * time.Hour), Rules: []secgroup.Rule{parsed(t, sshOpen)},
	}
	require.NoError(t, s.account.ledger.Operator().PutExemption(s.ctx, e, s.world.clock()))
	s.lost("tcp 22 22 0.0.0.0/0")
	topic := &letters{}
	require.Empty(t, s.told(topic))
	s.guardLooks()
	s.wait(23 * time.Hour)
	require.Empty(t, s.told(topic))
	s.wait(time.Hour)
	require.Equal(t, []string{"reminder exempt EX-1"}, s.told(topic))
	s.wait(time.Hour)
	require.Empty(t, s.told(topic))
}

// TestAnExemptionThatEndsSoonHoldsNothingUp: what else is due in its group is
// looked at as soon as in any, and the end is met all the same.
func TestAnExemptionThatEndsSoonHoldsNothingUp(t *testing.T) {
	s := newSwept(t, closed(22, ""))
	s.sweep()
	require.NoError(t, s.account.ledger.Operator().PutExemption(s.ctx, policy.Exemption{
		ID: "EX-1", Policy: "port-22", Group: s.group, Owner: "net-team", Reason: "vendor",
		Until: s.world.clock().Add(time.Hour + 14*time.Minute), Rules: []secgroup.Rule{parsed(t, sshOpen)},
	}, s.world.clock()))
	s.lost("tcp 22 22 0.0.0.0/0")
	s.sweep()
	s.guardLooks()
	s.wait(57 * time.Minute)
	_, err := s.account.ec2.EnsureRule(s.group, parsed(t, sshOpen6)) // no record of it comes
	require.NoError(t, err)
	s.sweep()
	s.guardLooks()
	require.Equal(t, []string{sshOpen}, s.texts())
	s.wait(12 * time.Minute)
	require.Empty(t, s.texts(), "no further pass was needed")
}

// slowly takes its time for each message.
type slowly struct {
	*letters
	s    *swept
	each time.Duration
}

func (p slowly) Publish(ctx context.Context, i incident.Incident) error {
	p.s.account.wind(p.s.world.now.Add(p.each))
	return p.letters.Publish(ctx, i)
}

// TestTellingOfExemptionsEndsInTime: a pass that is cut off for its messages
// would have to be made again, and without complete ones the ledger is stale.
func TestTellingOfExemptionsEndsInTime(t *testing.T) {
	s := newSwept(t, closed(22, ""))
	s.sweep()
	const groups = 8
	for n := range groups {
		id := fmt.Sprintf("sg-0%016x", n)
		_, err := s.account.ec2.EnsureGroup(secgroup.Group{ID: id, Rules: []secgroup.Rule{parsed(t, sshOpen)}})
		require.NoError(t, err)
		require.NoError(t, s.account.ledger.Operator().PutExemption(s.ctx, policy.Exemption{
			ID: fmt.Sprintf("EX-%d", n), Policy: "port-22", Group: id, Owner: "net-team", Reason: "vendor",
			Until: s.world.clock().Add(3 * 24 * time.Hour), Rules: []secgroup.Rule{parsed(t, sshOpen)},
		}, s.world.clock()))
	}
	topic := &letters{}
	deadline := s.world.now.Add(90 * time.Second)
	ctx, cancel := context.WithDeadline(s.ctx, deadline)
	defer cancel()
	guard := s.guardThatTells(slowly{topic, s, 15 * time.Second})
	pass, err := warden.NewSweeper(guard, inventory.New(s.account.client), s.book).Sweep(deadlineOnly{s.ctx, ctx}, warden.Cursor{})
	require.NoError(t, err)
	require.True(t, pass.Complete)
	require.Len(t, topic.sent, 5)
	require.True(t, s.world.clock().Before(deadline))
	topic.sent = nil
	require.Len(t, s.told(topic), groups-5, "the next pass tells of the others")
}
