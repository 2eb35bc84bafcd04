package warden

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sgwarden/sgwarden/internal/incident"
	"github.com/sgwarden/sgwarden/internal/policy"
	"github.com/sgwarden/sgwarden/internal/secgroup"
)

// sinkDouble takes what it is told, or fails.
type sinkDouble struct {
	name string
	on   func(incident.Incident) error // called first; its error is the answer

	mu   sync.Mutex
	told []string // "eventType outcome"
	all  []incident.Incident
}

func (s *sinkDouble) Name() string { return s.name }

func (s *sinkDouble) Tell(ctx context.Context, i incident.Incident) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return err
	}
	if s.on != nil {
		if err := s.on(i); err != nil {
			return err
		}
	}
	s.told = append(s.told, string(i.EventType)+" "+i.Outcome.String())
	s.all = append(s.all, i)
	return nil
}

// missed counts what sinks did not get.
type missed struct {
	mu    sync.Mutex
	names []string
}

func (m *missed) count(name string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.names = append(m.names, name)
}

// withSinks makes a world with two sinks.
func withSinks(t *testing.T, policies string, options ...option) (w *world, chat, bus *sinkDouble, m *missed) {
	t.Helper()
	chat, bus, m = &sinkDouble{name: "chat"}, &sinkDouble{name: "bus"}, &missed{}
	w = newWorld(t, policies, append(options, func(c *Config) { c.Sinks, c.Missed = []Sink{chat, bus}, m.count })...)
	return w, chat, bus, m
}

func failing(err error) func(incident.Incident) error {
	return func(incident.Incident) error { return err }
}

func TestSinksAreToldAfterTheSubscribers(t *testing.T) {
	w, chat, bus, m := withSinks(t, revertSSH)
	chat.on = func(i incident.Incident) error {
		require.Len(t, w.publisher.messages(), 1, "the alert went first")
		require.Equal(t, []string{"acted"}, i.Published)
		return nil
	}
	d := w.judge1(w.authorize(groupA, ssh))
	require.False(t, d.Retry)
	require.Equal(t, []string{"acted reverted"}, chat.told)
	require.Equal(t, []string{"acted reverted"}, bus.told)
	require.Empty(t, m.names)
	require.Len(t, w.closed(groupA), 1)
	require.Empty(t, w.closed(groupA)[0].Owed)
}

// TestASinkThatCannotTakeItNow: the remedy stands, the alert is sent once, and
// only the sink that lacks the message gets it with the next delivery.
func TestASinkThatCannotTakeItNow(t *testing.T) {
	for _, fault := range []error{incident.ErrThrottled, incident.ErrUnavailable, context.DeadlineExceeded, errors.New("something new")} {
		t.Run(fault.Error(), func(t *testing.T) {
			w, chat, bus, m := withSinks(t, revertSSH)
			chat.on = failing(fault)
			body := w.authorize(groupA, ssh)
			d := w.judge1(body)
			require.Equal(t, incident.Reverted, d.Outcome)
			require.True(t, d.Retry, "the message comes again")
			require.Empty(t, w.texts(groupA), "the remediation stands")
			require.Equal(t, []string{"acted reverted"}, w.sent())
			require.Equal(t, []string{"acted reverted"}, bus.told)
			require.Equal(t, []string{"chat"}, w.memory(groupA).Open[0].Owed)
			ended := *w.memory(groupA).Open[0].ClosedAt

			w.restart() // another process knows of it too
			w.wait(time.Minute)
			chat.on = nil
			d = w.judgeTimes(body, 2)
			require.False(t, d.Retry)
			require.Equal(t, []string{"acted reverted"}, w.sent(), "nobody is told twice")
			require.Equal(t, []string{"acted reverted"}, bus.told)
			require.Equal(t, []string{"acted reverted"}, chat.told)
			require.Equal(t, 1, w.ec2.count("Mutations"))
			closed := w.closed(groupA)
			require.Len(t, closed, 1)
			require.Empty(t, closed[0].Owed)
			require.NotEqual(t, reasonInterrupted, closed[0].Reason)
			require.Equal(t, ended, *closed[0].ClosedAt, "it was over then")
			require.Equal(t, ended, *chat.all[0].ClosedAt)
			require.Empty(t, m.names)
		})
	}
}

// TestASinkThatNeverTakesIt is counted and noted, and holds nothing up.
func TestASinkThatNeverTakesIt(t *testing.T) {
	for _, fault := range []error{incident.ErrDenied, incident.ErrGone, incident.ErrInvalid} {
		w, chat, bus, m := withSinks(t, revertSSH)
		chat.on = failing(fault)
		d := w.judge1(w.authorize(groupA, ssh))
		require.False(t, d.Retry)
		require.Equal(t, []string{"acted reverted"}, w.sent())
		require.Equal(t, []string{"acted reverted"}, bus.told)
		require.Equal(t, []string{"chat"}, m.names)
		closed := w.closed(groupA)
		require.Len(t, closed, 1)
		require.Empty(t, closed[0].Owed)
		_, why := explain(fault)
		require.Contains(t, closed[0].Notes, "the sink chat did not get the message acted: "+why)
		require.Contains(t, w.log.String(), "tell a sink: given up")
	}
}

// TestASinkThatIsDownForLong is given up: the queue of dead letters is for what
// is not remedied.
func TestASinkThatIsDownForLong(t *testing.T) {
	w, chat, bus, m := withSinks(t, revertSSH)
	chat.on, bus.on = failing(incident.ErrUnavailable), failing(incident.ErrUnavailable)
	body := w.authorize(groupA, ssh)
	for times := 1; times < sinkTries; times++ {
		require.True(t, w.judgeTimes(body, times).Retry, times)
		require.Empty(t, m.names)
	}
	require.False(t, w.judgeTimes(body, sinkTries).Retry)
	require.ElementsMatch(t, []string{"chat", "bus"}, m.names)
	require.Len(t, w.closed(groupA), 1)
	require.Empty(t, w.memory(groupA).Open)
	require.Equal(t, []string{"acted reverted"}, w.sent())
}

// TestNoSinkIsToldWhatTheSubscribersWereNot: first things first.
func TestNoSinkIsToldWhatTheSubscribersWereNot(t *testing.T) {
	w, chat, _, m := withSinks(t, revertSSH)
	w.publisher.on = failing(incident.ErrThrottled)
	body := w.authorize(groupA, ssh)
	require.True(t, w.judge1(body).Retry)
	require.Empty(t, chat.told)
	w.publisher.on = nil
	require.False(t, w.judgeTimes(body, 2).Retry)
	require.Equal(t, []string{"acted reverted"}, w.sent())
	require.Equal(t, []string{"acted reverted"}, chat.told)
	require.Empty(t, m.names)
}

// TestADebtOfAnObservedRule: the incident waits for the sink, and is not taken
// for one that ended.
func TestADebtOfAnObservedRule(t *testing.T) {
	w, chat, _, _ := withSinks(t, revertSSH, observing)
	chat.on = failing(incident.ErrUnavailable)
	body := w.authorize(groupA, ssh)
	require.True(t, w.judge1(body).Retry)
	chat.on = nil
	require.False(t, w.judgeTimes(body, 2).Retry)
	require.Equal(t, []string{"opened observed"}, chat.told)
	require.Equal(t, []string{"opened observed"}, w.sent())
	require.Len(t, w.closed(groupA), 1)
	w.reset()
	require.False(t, w.judgeTimes(body, 3).Retry)
	require.Equal(t, []string{"opened observed"}, chat.told)
	require.Empty(t, w.sent(), "seen again, it is not told again")
}

// TestADebtThatASecondMessageOvertakes: a sink gets one message that says how
// it is now.
func TestADebtThatASecondMessageOvertakes(t *testing.T) {
	w, chat, _, m := withSinks(t, policyText("ssh", "{do: revert, after: 10m}", ""))
	chat.on = failing(incident.ErrUnavailable)
	body := w.authorize(groupA, ssh)
	require.True(t, w.judge1(body).Retry)
	require.Equal(t, []string{"opened pending"}, w.sent())
	w.wait(11 * time.Minute)
	chat.on = nil
	require.False(t, w.judgeTimes(body, 2).Retry)
	require.Equal(t, []string{"opened pending", "acted reverted"}, w.sent())
	require.Equal(t, []string{"acted reverted"}, chat.told)
	require.Empty(t, m.names)
	require.Empty(t, w.memory(groupA).Open)
}

// TestADebtOfARuleThatIsGone: what was observed is over, and the sink gets what
// the subscribers got. That it is gone is told to neither, as without the debt.
func TestADebtOfARuleThatIsGone(t *testing.T) {
	w, chat, _, _ := withSinks(t, revertSSH, observing)
	chat.on = failing(incident.ErrUnavailable)
	body := w.authorize(groupA, ssh)
	require.True(t, w.judge1(body).Retry)
	id := w.ec2.group(groupA)[0].ID
	w.ec2.remove(groupA, id)
	chat.on = nil
	require.False(t, w.judgeTimes(body, 2).Retry)
	require.Equal(t, []string{"opened observed"}, w.sent())
	require.Equal(t, []string{"opened observed"}, chat.told)
	require.Empty(t, w.memory(groupA).Open)
}

// TestADebtOfAnExemption: its one message of the day is owed, not another.
func TestADebtOfAnExemption(t *testing.T) {
	w, chat, _, _ := withSinks(t, policyText("ssh", "revert", except))
	chat.on = failing(incident.ErrUnavailable)
	body := w.authorizeBy(admin, groupA, ssh)
	require.True(t, w.judge1(body).Retry)
	require.Equal(t, []string{"opened exempt"}, w.sent())
	chat.on = nil
	require.False(t, w.judgeTimes(body, 2).Retry)
	require.Equal(t, []string{"opened exempt"}, w.sent())
	require.Equal(t, []string{"opened exempt"}, chat.told)
	require.Empty(t, w.memory(groupA).Open)
	require.NotEmpty(t, w.texts(groupA))
}

// TestADebtOfACall likewise.
func TestADebtOfACall(t *testing.T) {
	w, chat, bus, _ := withSinks(t, callText("pipeline", "alert", ""))
	chat.on = failing(incident.ErrUnavailable)
	body := w.authorize(groupA, https)
	require.True(t, w.judge1(body).Retry)
	chat.on = nil
	require.False(t, w.judgeTimes(body, 2).Retry)
	require.Equal(t, []string{"opened alerted"}, w.sent())
	require.Equal(t, []string{"opened alerted"}, chat.told)
	require.Equal(t, []string{"opened alerted"}, bus.told)
	require.Empty(t, w.memory(groupA).Open)
}

// TestADebtOfAnEventAsAWhole: what could not be judged is told by the same
// rules.
func TestADebtOfAnEventAsAWhole(t *testing.T) {
	w, chat, bus, m := withSinks(t, revertSSH)
	chat.on = failing(incident.ErrUnavailable)
	body := []byte(`{"source":"aws.ec2","detail-type":"AWS API Call via CloudTrail","account":"999999999999","region":"us-east-1","detail":` + string(w.authorize(groupA, ssh)) + `}`)
	require.True(t, w.judge1(body).Retry)
	require.Equal(t, []string{"opened unresolved"}, w.sent())
	require.Empty(t, chat.told)
	chat.on = nil
	w.judgeTimes(body, 2)
	require.Equal(t, []string{"opened unresolved"}, w.sent())
	require.Equal(t, []string{"opened unresolved"}, chat.told)
	require.Equal(t, []string{"opened unresolved"}, bus.told)
	w.judgeTimes(body, 3)
	require.Len(t, chat.told, 1)
	require.Empty(t, m.names)
}

// TestWithoutTheLedgerNothingIsOwed: what a sink cannot take then is counted.
func TestWithoutTheLedgerNothingIsOwed(t *testing.T) {
	w, chat, bus, m := withSinks(t, revertSSH)
	w.down()
	chat.on = failing(incident.ErrUnavailable)
	body := w.authorize(groupA, ssh)
	require.True(t, w.judge1(body).Retry)
	require.Empty(t, w.texts(groupA))
	require.Equal(t, []string{"acted reverted"}, w.sent())
	require.Equal(t, []string{"acted reverted"}, bus.told)
	require.Equal(t, []string{"chat"}, m.names)
	w.up()
	require.False(t, w.judgeTimes(body, 2).Retry)
	require.Equal(t, []string{"acted reverted"}, bus.told)
	require.Len(t, w.sent(), 1)
}

// TestASinkThatHangsIsCutOff, and one is not begun that could take the time of
// the ledger.
func TestASinkThatHangsIsCutOff(t *testing.T) {
	w, chat, _, m := withSinks(t, revertSSH)
	ctx, cancel := context.WithDeadline(t.Context(), time.Now().Add(time.Hour))
	defer cancel()
	deadline, _ := ctx.Deadline()
	w.wait(deadline.Sub(w.clock()) - sinkTime) // by the clock of the warden
	body := w.authorize(groupA, ssh)
	ds := w.Judge(ctx, []Delivery{deliver(body, 1)})
	require.True(t, ds[0].Retry)
	require.Equal(t, incident.Reverted, ds[0].Outcome)
	require.Empty(t, chat.told)
	require.Equal(t, []string{"chat", "bus"}, w.memory(groupA).Open[0].Owed)
	require.False(t, w.judgeTimes(body, 2).Retry)
	require.Len(t, chat.told, 1)
	require.Empty(t, m.names)
}

// TestADebtToASinkThatIsNoMore is forgotten.
func TestADebtToASinkThatIsNoMore(t *testing.T) {
	w, chat, _, m := withSinks(t, revertSSH)
	chat.on = failing(incident.ErrUnavailable)
	body := w.authorize(groupA, ssh)
	require.True(t, w.judge1(body).Retry)
	w.cfg.Sinks = nil
	w.restart()
	require.False(t, w.judgeTimes(body, 2).Retry)
	require.Empty(t, w.memory(groupA).Open)
	require.Empty(t, m.names)
}

// TestSinksOfManyGroups are told each of its own, whoever judges them.
func TestSinksOfManyGroups(t *testing.T) {
	w, chat, bus, _ := withSinks(t, revertSSH)
	chat.on = func(i incident.Incident) error {
		if i.GroupID == groupB {
			return incident.ErrThrottled
		}
		return nil
	}
	ds := w.Judge(t.Context(), []Delivery{deliver(w.authorize(groupA, ssh), 1), deliver(w.authorize(groupB, ssh), 1)})
	require.Equal(t, []bool{false, true}, []bool{ds[0].Retry, ds[1].Retry})
	require.Len(t, bus.told, 2)
	groups := []string{bus.all[0].GroupID, bus.all[1].GroupID}
	slices.Sort(groups)
	require.Equal(t, []string{groupA, groupB}, groups)
	require.Len(t, chat.told, 1)
}

// putBack exempts what an incident took, as an operator does who undoes it.
func (w *world) putBack(taken incident.Incident) {
	w.t.Helper()
	exemption := policy.Exemption{ID: incident.UndoExemption(taken.ID, "ssh"), Policy: "ssh", Group: groupA, Rules: []secgroup.Rule{parse(w.t, ssh)}, Owner: "net", Reason: "agreed", Until: noon.Add(time.Hour)}
	require.NoError(w.t, w.store.Operator().PutExemption(w.t.Context(), exemption, noon))
}

// TestADebtOfAnUndoing: a sink gets what the subscribers got of it, the rules
// that are back as they are.
func TestADebtOfAnUndoing(t *testing.T) {
	w, chat, bus, _ := withSinks(t, revertSSH)
	w.judge1(w.authorize(groupA, ssh))
	taken := w.closed(groupA)[0]
	w.putBack(taken)
	chat.on = failing(incident.ErrUnavailable)
	body := w.authorize(groupA, ssh)
	require.True(t, w.judge1(body).Retry)
	require.Equal(t, []string{"acted reverted", "undone reverted"}, w.sent())
	chat.on = nil
	require.False(t, w.judgeTimes(body, 2).Retry)
	require.Equal(t, []string{"acted reverted", "undone reverted"}, w.sent())
	require.Equal(t, []string{"acted reverted", "undone reverted"}, chat.told)
	for _, s := range []*sinkDouble{chat, bus} {
		require.Len(t, s.all[1].Rules, 1)
		require.Len(t, s.all[1].Rules[0].After, 1, "it is back")
	}
	require.Empty(t, w.memory(groupA).Open)
}

// TestASinkGetsALaterMessageOfAList: the incident of a prefix list owes as that
// of a group does.
func TestASinkGetsALaterMessageOfAList(t *testing.T) {
	w := grownList(t, revertSSH)
	chat, m := &sinkDouble{name: "chat", on: failing(incident.ErrThrottled)}, &missed{}
	w.cfg.Sinks, w.cfg.Missed = []Sink{chat}, m.count
	w.restart()
	w.holds(ownList, "8.8.8.0/29", "0.0.0.0/0")
	body := w.edit(1)
	got := w.decisions(body, 1)
	require.Equal(t, incident.Reverted, got[""].Outcome)
	require.Equal(t, []string{"8.8.8.0/29"}, w.blocks(ownList))
	require.Equal(t, []string{"acted reverted"}, w.sent())
	require.Equal(t, []string{"chat"}, w.memory(ownList).Open[0].Owed)

	w.restart()
	w.wait(time.Minute)
	chat.on = nil
	w.decisions(body, 2)
	require.Equal(t, []string{"acted reverted"}, w.sent(), "nobody is told twice")
	require.Equal(t, []string{"acted reverted"}, chat.told)
	require.Empty(t, w.ofList().Owed)
	require.Empty(t, w.memory(ownList).Open)
	require.Empty(t, m.names)
}

// TestASinkThatPanics must not end the process, with all groups that are judged
// beside this one: it is one that could not be told.
func TestASinkThatPanics(t *testing.T) {
	w, chat, bus, m := withSinks(t, revertSSH)
	chat.on = func(incident.Incident) error { panic("a text that nobody thought of") }
	body := w.authorize(groupA, ssh)
	d := w.judge1(body)
	require.Equal(t, incident.Reverted, d.Outcome)
	require.True(t, d.Retry, "the sink is told with the next delivery")
	require.Equal(t, []string{"acted reverted"}, w.sent())
	require.Equal(t, []string{"acted reverted"}, bus.told)
	require.Empty(t, m.names)

	chat.on = nil
	w.judge1(body)
	require.Equal(t, []string{"acted reverted"}, w.sent())
	require.Equal(t, []string{"acted reverted"}, bus.told)
	require.Equal(t, []string{"acted reverted"}, chat.told)
	require.Empty(t, w.memory(groupA).Open)
}
