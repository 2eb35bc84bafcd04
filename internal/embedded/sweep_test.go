package embedded

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sgwarden/sgwarden/internal/incident"
	"github.com/sgwarden/sgwarden/internal/inventory"
	"github.com/sgwarden/sgwarden/internal/ledger"
	"github.com/sgwarden/sgwarden/internal/localec2"
	"github.com/sgwarden/sgwarden/internal/policy"
	"github.com/sgwarden/sgwarden/internal/secgroup"
	"github.com/sgwarden/sgwarden/internal/warden"
)

// closed is a policy that closes a port to the internet; more is put below it.
func closed(port int, more string) string {
	return fmt.Sprintf(`---
apiVersion: sgwarden/v1
kind: Policy
metadata: {id: port-%d, title: Closed to the internet, severity: high, why: It is attacked., fix: Close it.}
forbid:
  - {direction: ingress, ports: [%d], peers: [internet]}
%s
`, port, port, more)
}

func compiled(t *testing.T, mode policy.Mode, texts ...string) *policy.Set {
	t.Helper()
	parsed, err := policy.Parse([]policy.Source{{File: "test.yaml", Text: []byte(strings.Join(texts, ""))}}, nil)
	require.NoError(t, err)
	set, err := policy.Compile(parsed.Documents, parsed.Deployment.Settings(mode))
	require.NoError(t, err)
	return set
}

// swept is a scene whose account no sweep has seen yet: no act is done.
type swept struct {
	*scene
	book *book
}

func newSwept(t *testing.T, texts ...string) *swept {
	s := &swept{scene: newScene(t, attack{where: t.Name()})}
	s.account.ledger = ledger.NewInMemory()
	s.book = &book{InMemory: s.account.ledger}
	s.deploy(policy.Enforce, texts...)
	return s
}

// deploy gives the guard other policies.
func (s *swept) deploy(mode policy.Mode, texts ...string) {
	s.world.opts.Set, s.world.opts.Mode = compiled(s.t, mode, texts...), mode
	var err error
	s.account.guard, err = s.account.newGuard()
	require.NoError(s.t, err)
}

func (s *swept) sweeper() *warden.Sweeper {
	return warden.NewSweeper(s.account.guard, inventory.New(s.account.client), s.book)
}

// sweep makes one whole pass.
func (s *swept) sweep() warden.Pass {
	s.t.Helper()
	pass, err := s.sweeper().Sweep(s.ctx, warden.Cursor{})
	require.NoError(s.t, err)
	require.True(s.t, pass.Complete)
	return pass
}

// quiet requires of a pass that it found everything as it is remembered.
func (s *swept) quiet() {
	s.t.Helper()
	pass := s.sweep()
	require.Zero(s.t, pass.Counts.Written)
	require.Empty(s.t, pass.Counts.Marked)
	require.Empty(s.t, pass.Counts.Enqueued)
}

// lost lets a client add a rule whose record never comes.
func (s *swept) lost(words string) {
	s.add("ingress", strings.Fields(words))
	s.records = nil
}

func (s *swept) texts() []string {
	out := []string{}
	for _, r := range s.rules() {
		out = append(out, r.String())
	}
	return out
}

// hearAfter lets the records that wait come later.
func (s *swept) hearAfter(d time.Duration) {
	records := s.records
	s.records = nil
	s.wait(d)
	s.records = records
	s.hear(nil)
}

// guardLooks lets time pass until the guard has looked at what the sweep found.
func (s *swept) guardLooks() { s.wait(3 * time.Minute) }

// book is the ledger of a sweep, able to fail.
type book struct {
	*ledger.InMemory
	down error
	// recalled runs after each Recall.
	recalled func()
}

func (b *book) Recall(ctx context.Context, ids []string) (map[string]incident.Memory, error) {
	if b.down != nil {
		return nil, b.down
	}
	if b.recalled != nil {
		defer b.recalled()
	}
	return b.InMemory.Recall(ctx, ids)
}

const (
	sshOpen  = "ingress tcp/22 from 0.0.0.0/0"
	sshOpen6 = "ingress tcp/22 from ::/0"
	webOpen  = "ingress tcp/443 from 0.0.0.0/0"
)

func TestFault04TheSweepHealsALostEvent(t *testing.T) {
	s := newSwept(t, closed(22, ""))
	s.sweep()
	s.lost("tcp 22 22 0.0.0.0/0")
	s.lost("tcp 443 443 0.0.0.0/0")
	pass := s.sweep()
	require.Equal(t, map[warden.SweepReason]int{warden.SweepDue: 1}, pass.Counts.Enqueued)
	require.Empty(t, pass.Counts.Marked)
	require.ElementsMatch(t, []string{sshOpen, webOpen}, s.texts(), "the sweep only reads")
	require.Zero(t, s.world.cloud.Count("RevokeSecurityGroupIngress"))
	s.guardLooks()
	require.Equal(t, []string{webOpen}, s.texts())
	told := s.judged[len(s.judged)-1].Worst().Incident
	require.Equal(t, incident.Reverted, told.Outcome)
	require.Equal(t, "sweep", told.Cause)
	require.False(t, told.Actor.Attributed)
	s.sweep()
	s.quiet()
}

// TestTheSweepWaitsForTheEvent: the guard looks when the record of what the
// sweep saw first has come, and the incident has its actor.
func TestTheSweepWaitsForTheEvent(t *testing.T) {
	s := newSwept(t, closed(22, ""))
	s.sweep()
	s.add("ingress", strings.Fields("tcp 22 22 0.0.0.0/0"))
	require.Equal(t, 1, s.sweep().Counts.Enqueued[warden.SweepDue])
	s.hearAfter(time.Minute)
	require.Empty(t, s.texts())
	told := s.judged[len(s.judged)-1].Worst().Incident
	require.True(t, told.Actor.Attributed)
	n := len(s.judged)
	s.guardLooks()
	require.Equal(t, incident.Compliant, s.judged[n].Worst().Outcome)
	require.Empty(t, s.judged[n].Decisions[0].Story.Published)
}

func TestALostModifyGoesBackToTheOldValue(t *testing.T) {
	s := newSwept(t, closed(22, ""))
	s.lost("tcp 22 22 10.0.0.0/8")
	s.sweep()
	id := s.rules()[0].ID
	s.change("1", strings.Fields("tcp 22 22 0.0.0.0/0"))
	s.records = nil
	require.Equal(t, 1, s.sweep().Counts.Enqueued[warden.SweepDue])
	s.guardLooks()
	require.Equal(t, []string{"ingress tcp/22 from 10.0.0.0/8"}, s.texts())
	require.Equal(t, id, s.rules()[0].ID)
}

func TestFault04TheActMarksWhatStood(t *testing.T) {
	s := newSwept(t, closed(22, ""))
	s.lost("tcp 22 22 0.0.0.0/0")
	s.lost("tcp 443 443 0.0.0.0/0")
	pass := s.sweep()
	require.Equal(t, map[string]int{"port-22": 1}, pass.Counts.Marked)
	require.Empty(t, pass.Counts.Enqueued)
	s.guardLooks()
	s.quiet()

	s.lost("tcp 22 22 ::/0")
	s.sweep()
	s.guardLooks()
	require.ElementsMatch(t, []string{sshOpen, webOpen}, s.texts(), "what stood stands")
	s.lost("tcp 80 80 0.0.0.0/0")
	s.sweep()
	s.quiet()

	// A group that no sweep has seen was born after the act: all of it is judged.
	_, err := s.account.ec2.EnsureGroup(secgroup.Group{ID: "sg-0b000000000000000", Rules: []secgroup.Rule{parsed(t, sshOpen6), parsed(t, webOpen)}})
	require.NoError(t, err)
	require.Equal(t, 1, s.sweep().Counts.Enqueued[warden.SweepDue])
	s.guardLooks()
	g, _ := s.account.ec2.Group("sg-0b000000000000000")
	require.Len(t, g.Rules, 1)
}

func parsed(t *testing.T, text string) secgroup.Rule {
	t.Helper()
	r, err := secgroup.ParseRule(text)
	require.NoError(t, err)
	return r
}

// TestFault04AnotherRuleInThePlaceOfAMarkedOne: the mark belongs to the rule, not to
// whatever has its value.
func TestFault04AnotherRuleInThePlaceOfAMarkedOne(t *testing.T) {
	s := newSwept(t, closed(22, ""))
	s.lost("tcp 22 22 0.0.0.0/0")
	s.sweep()
	s.quiet()
	s.take([]string{"1"})
	s.lost("tcp 22 22 0.0.0.0/0")
	require.Equal(t, 1, s.sweep().Counts.Enqueued[warden.SweepDue])
	s.guardLooks()
	require.Empty(t, s.texts())
}

func TestAPolicyThatIsAddedLaterMarksOnlyWhatIsOlder(t *testing.T) {
	s := newSwept(t, closed(22, ""))
	s.lost("tcp 3389 3389 0.0.0.0/0")
	s.sweep()
	s.wait(15 * time.Minute)
	s.lost("tcp 3389 3389 ::/0")
	s.deploy(policy.Enforce, closed(22, ""), closed(3389, ""))
	s.guardLooks()
	pass := s.sweep()
	require.Equal(t, map[string]int{"port-3389": 1}, pass.Counts.Marked)
	s.wait(15 * time.Minute)
	require.Equal(t, 1, s.sweep().Counts.Enqueued[warden.SweepDue])
	s.guardLooks()
	require.Equal(t, []string{"ingress tcp/3389 from 0.0.0.0/0"}, s.texts())
}

func TestRaisedToEnforce(t *testing.T) {
	s := newSwept(t, closed(22, ""))
	s.deploy(policy.Observe, closed(22, ""))
	s.sweep()
	s.lost("tcp 22 22 0.0.0.0/0")
	require.Equal(t, 1, s.sweep().Counts.Enqueued[warden.SweepDue])
	s.guardLooks()
	require.Equal(t, incident.Observed, s.judged[len(s.judged)-1].Worst().Outcome)
	s.quiet() // it was told of

	s.wait(15 * time.Minute)
	s.deploy(policy.Enforce, closed(22, ""))
	require.Equal(t, map[string]int{"port-22": 1}, s.sweep().Counts.Marked)
	s.guardLooks()
	s.quiet()
	require.Equal(t, []string{sshOpen}, s.texts())

	// Lowered, and raised again: what came meanwhile was only observed.
	s.deploy(policy.Observe, closed(22, ""))
	s.sweep()
	s.lost("tcp 22 22 ::/0")
	s.sweep()
	s.guardLooks()
	s.wait(15 * time.Minute)
	s.deploy(policy.Enforce, closed(22, ""))
	require.Equal(t, map[string]int{"port-22": 1}, s.sweep().Counts.Marked)
	s.guardLooks()
	s.quiet()
	require.Len(t, s.texts(), 2)
}

// TestAnAuthorizeDuringTheAct: the mark that the act gave to what was made
// under it is void once the record tells, and stays so.
func TestAnAuthorizeDuringTheAct(t *testing.T) {
	for name, more := range map[string]string{"at once": "", "later": "remedy: {do: revert, after: 10m}"} {
		t.Run(name, func(t *testing.T) {
			s := newSwept(t, closed(22, more))
			s.lost("tcp 22 22 ::/0")
			s.world.cloud.Disturb(func(c localec2.Call) localec2.Disturbance {
				if c.Action == "DescribeSecurityGroups" {
					s.world.cloud.Disturb(nil)
					s.add("ingress", strings.Fields("tcp 22 22 0.0.0.0/0"))
					s.account.wind(s.world.now.Add(time.Second))
				}
				return localec2.Disturbance{}
			})
			require.Equal(t, map[string]int{"port-22": 2}, s.sweep().Counts.Marked)
			s.hearAfter(time.Minute)
			s.wait(15 * time.Minute)
			require.Equal(t, []string{sshOpen6}, s.texts())
		})
	}
}

func TestPagesWithAGroupDeletedBetweenThem(t *testing.T) {
	s := newSwept(t, closed(22, ""))
	var ids []string
	for n := range 2300 {
		g := secgroup.Group{ID: fmt.Sprintf("sg-0%016x", n), Rules: []secgroup.Rule{}}
		if n%500 == 0 {
			g.Rules = []secgroup.Rule{parsed(t, sshOpen)}
		}
		_, err := s.account.ec2.EnsureGroup(g)
		require.NoError(t, err)
		ids = append(ids, g.ID)
	}
	pages := 0
	s.world.cloud.Disturb(func(c localec2.Call) localec2.Disturbance {
		if c.Action == "DescribeSecurityGroups" {
			if pages++; pages == 2 {
				s.account.ec2.DropGroup(ids[10])
				s.account.ec2.DropGroup(ids[2000])
			}
		}
		return localec2.Disturbance{}
	})
	pass := s.sweep()
	require.Equal(t, 3, pass.Counts.Pages)
	require.Equal(t, 2300-1+2, pass.Counts.Groups, "and the scene's own, and the default group")
	require.Equal(t, map[string]int{"port-22": 4}, pass.Counts.Marked)

	// One goes while its rules are read.
	s.lostIn(ids[1])
	s.world.cloud.Disturb(func(c localec2.Call) localec2.Disturbance {
		if c.Action == "DescribeSecurityGroupRules" {
			s.account.ec2.DropGroup(ids[1])
		}
		return localec2.Disturbance{}
	})
	pass = s.sweep()
	require.Equal(t, 1, pass.Counts.Vanished)
	require.Empty(t, pass.Counts.Enqueued)
	s.world.cloud.Disturb(nil)
	s.quiet()
}

func (s *swept) lostIn(group string) {
	added, err := s.account.ec2.EnsureRule(group, parsed(s.t, sshOpen6))
	require.NoError(s.t, err)
	require.True(s.t, added)
}

func TestThrottledMidwayAndResumed(t *testing.T) {
	s := newSwept(t, closed(22, ""))
	for n := range 1500 {
		_, err := s.account.ec2.EnsureGroup(secgroup.Group{ID: fmt.Sprintf("sg-0%016x", n), Rules: []secgroup.Rule{parsed(t, sshOpen)}})
		require.NoError(t, err)
	}
	pages, refuse := 0, true
	s.world.cloud.Disturb(func(c localec2.Call) localec2.Disturbance {
		if c.Action == "DescribeSecurityGroups" {
			if pages++; pages > 1 && refuse {
				return localec2.Throttle()
			}
		}
		return localec2.Disturbance{}
	})
	pass, err := s.sweeper().Sweep(s.ctx, warden.Cursor{})
	require.ErrorIs(t, err, incident.ErrThrottled)
	require.False(t, pass.Complete)
	require.NotNil(t, pass.Next)
	require.Equal(t, 1000, pass.Counts.Marked["port-22"])
	controls, err := s.account.ledger.Controls(s.ctx)
	require.NoError(t, err)
	require.Zero(t, controls.Stamp)
	for _, act := range controls.Acts {
		require.False(t, act.Done)
		require.NotZero(t, act.Start)
	}

	refuse = false
	s.wait(5 * time.Minute)
	text, err := json.Marshal(pass.Next) // to the next invocation
	require.NoError(t, err)
	var cursor warden.Cursor
	require.NoError(t, json.Unmarshal(text, &cursor))
	pass, err = s.sweeper().Sweep(s.ctx, cursor)
	require.NoError(t, err)
	require.True(t, pass.Complete)
	require.Equal(t, 1500, pass.Counts.Marked["port-22"])
	require.Equal(t, 1502, pass.Counts.Groups)
	s.guardLooks()
	s.quiet()
}

func TestTimeRunsOut(t *testing.T) {
	s := newSwept(t, closed(22, ""))
	for n := range 2500 {
		_, err := s.account.ec2.EnsureGroup(secgroup.Group{ID: fmt.Sprintf("sg-0%016x", n), Rules: []secgroup.Rule{}})
		require.NoError(t, err)
	}
	calls := 0
	s.world.cloud.Disturb(func(c localec2.Call) localec2.Disturbance {
		if c.Action == "DescribeSecurityGroups" {
			calls++
			s.account.wind(s.world.now.Add(time.Minute))
		}
		return localec2.Disturbance{}
	})
	var cursor warden.Cursor
	rounds := 0
	for ; rounds < 10; rounds++ {
		ctx, cancel := context.WithDeadline(s.ctx, s.world.now.Add(90*time.Second))
		pass, err := s.sweeper().Sweep(deadlineOnly{s.ctx, ctx}, cursor)
		cancel()
		require.NoError(t, err)
		if pass.Complete {
			require.Equal(t, 2502, pass.Counts.Groups)
			break
		}
		require.NotNil(t, pass.Next)
		cursor = *pass.Next
	}
	require.Equal(t, 2, rounds)
	require.Equal(t, 5, calls, "two pages came too late, and were read again")
}

// deadlineOnly has a deadline by the simulated clock.
type deadlineOnly struct {
	context.Context
	with context.Context
}

func (d deadlineOnly) Deadline() (time.Time, bool) { return d.with.Deadline() }

var errDown = fmt.Errorf("test: %w", incident.ErrUnavailable)

func TestWithoutTheLedgerNothingIsMarkedOrAsked(t *testing.T) {
	s := newSwept(t, closed(22, ""))
	s.lost("tcp 22 22 0.0.0.0/0")
	s.book.down = errDown
	pass, err := s.sweeper().Sweep(s.ctx, warden.Cursor{})
	require.ErrorIs(t, err, incident.ErrUnavailable)
	require.False(t, pass.Complete)
	require.Empty(t, pass.Counts.Enqueued)
	require.Empty(t, pass.Counts.Marked)
	require.Empty(t, s.account.later.messages)
	s.guardLooks()
	require.Equal(t, []string{sshOpen}, s.texts())

	s.book.down = nil
	pass, err = s.sweeper().Sweep(s.ctx, *pass.Next)
	require.NoError(t, err)
	require.True(t, pass.Complete)
	require.Equal(t, map[string]int{"port-22": 1}, pass.Counts.Marked)
}

// TestAnActIsSummedUp: what it marks is told by nobody else, so one message counts
// it; an act that marks nothing, and a pass that sets none, are no news.
func TestAnActIsSummedUp(t *testing.T) {
	s := newSwept(t, closed(22, ""), closed(3389, ""))
	topic := &letters{}
	s.lost("tcp 22 22 0.0.0.0/0")
	s.lost("tcp 22 22 ::/0")
	s.lost("tcp 443 443 0.0.0.0/0")
	_, err := warden.NewSweeper(s.guardThatTells(topic), inventory.New(s.account.client), s.book).Sweep(s.ctx, warden.Cursor{})
	require.NoError(t, err)
	require.Len(t, topic.sent, 1)
	summary := topic.sent[0]
	require.Equal(t, []any{incident.Opened, incident.Alerted, "baseline-set", policy.High}, []any{summary.EventType, summary.Outcome, summary.Reason, summary.Severity})
	require.Equal(t, "2 by port-22", summary.Notes[0])
	require.Len(t, summary.Policies, 1)
	require.Empty(t, summary.Rules)
	topic.sent = nil
	require.Empty(t, s.told(topic))

	s.deploy(policy.Enforce, closed(22, ""), closed(3389, ""), closed(23, ""))
	require.Empty(t, s.told(topic), "the new policy marks nothing")
	s.deploy(policy.Enforce, closed(22, ""), closed(3389, ""), closed(443, ""))
	s.wait(time.Minute)
	require.Equal(t, []string{"opened alerted baseline-set"}, s.told(topic), "another act, another message")
}

func TestARestoredTableIsPagedAndHeld(t *testing.T) {
	s := newSwept(t, closed(22, ""))
	pages := &pager{}
	s.sweep()
	s.lost("tcp 22 22 0.0.0.0/0")
	s.wait(25 * time.Hour)
	sweeper := warden.NewSweeper(s.guardThatTells(pages), inventory.New(s.account.client), s.book)
	for range 3 {
		pass, err := sweeper.Sweep(s.ctx, warden.Cursor{})
		require.NoError(t, err)
		require.False(t, pass.Complete)
		require.Equal(t, "stale-ledger", pass.Held)
		require.Nil(t, pass.Next)
		require.Empty(t, pass.Counts.Enqueued)
		require.Zero(t, pass.Counts.Written)
	}
	require.Equal(t, []string{"stale-ledger"}, pages.reasons)
	require.Equal(t, []string{sshOpen}, s.texts())

	// Resumed, it is as every other day.
	require.NoError(t, s.account.ledger.Operator().PutStamp(s.ctx, s.world.clock()))
	s.sweep()
	s.guardLooks()
	require.Empty(t, s.texts())
}

// TestATableThatChangesUnderAPass: a pass that another one overtook, or whose
// table was restored, is given up.
func TestATableThatChangesUnderAPass(t *testing.T) {
	s := newSwept(t, closed(22, ""))
	s.lost("tcp 22 22 0.0.0.0/0")
	s.book.recalled = func() {
		s.book.recalled = nil
		s.account.wind(s.world.now.Add(time.Second))
		s.sweep()
	}
	pass, err := s.sweeper().Sweep(s.ctx, warden.Cursor{})
	require.NoError(t, err)
	require.Equal(t, "ledger-changed", pass.Held)
	require.False(t, pass.Complete)
	s.guardLooks()
	s.quiet()
}

// guardThatTells is the guard with a topic that somebody reads.
func (s *swept) guardThatTells(topic warden.Publisher) *warden.Warden {
	wiring := s.account.wiring()
	wiring.Publisher = topic
	guard, err := warden.New(wiring)
	require.NoError(s.t, err)
	return guard
}

type pager struct{ reasons []string }

func (p *pager) Publish(_ context.Context, i incident.Incident) error {
	p.reasons = append(p.reasons, i.Reason)
	return nil
}

// TestAnotherWriterIsWaitedFor: the item changes between the sweep's look and
// its write, and is looked at again; under a lease that does not end the pass is
// not complete.
func TestAnotherWriterIsWaitedFor(t *testing.T) {
	s := newSwept(t, closed(22, ""))
	s.lost("tcp 22 22 0.0.0.0/0")
	notes := 0
	s.world.cloud.Disturb(func(c localec2.Call) localec2.Disturbance {
		if c.Action == "DescribeSecurityGroupRules" && notes < 3 {
			notes++
			_, err := s.account.ledger.Note(s.ctx, incident.Note{GroupID: s.group, At: s.world.now})
			require.NoError(t, err)
		}
		return localec2.Disturbance{}
	})
	require.Equal(t, map[string]int{"port-22": 1}, s.sweep().Counts.Marked)
	require.Equal(t, 3, notes)

	s.lost("tcp 443 443 0.0.0.0/0")
	mem, err := s.account.ledger.Observe(s.ctx, s.group)
	require.NoError(t, err)
	_, err = s.account.ledger.Open(s.ctx, incident.Opening{
		GroupID: s.group, Version: mem.Known.Version, Known: mem.Known, Now: s.world.now,
		Lease: incident.Lease{Holder: "another", Until: s.world.now.Add(time.Hour)},
	})
	require.NoError(t, err)
	before, err := s.account.ledger.Controls(s.ctx)
	require.NoError(t, err)
	pass, err := s.sweeper().Sweep(s.ctx, warden.Cursor{})
	require.NoError(t, err)
	require.False(t, pass.Complete)
	require.Nil(t, pass.Next)
	after, err := s.account.ledger.Controls(s.ctx)
	require.NoError(t, err)
	require.Equal(t, before.Stamp, after.Stamp)
	s.wait(time.Hour)
	s.sweep()
	s.quiet()
}

// TestListsOfOthersAreSeen: nobody tells of what is added to them.
func TestListsOfOthersAreSeen(t *testing.T) {
	for kind, want := range map[string]string{"list": "compliant", "foreign-list": "alerted"} {
		t.Run(kind, func(t *testing.T) {
			s := newSwept(t, closed(22, ""))
			s.putList(kind, "one", prefixes(t, []string{"10.0.0.0/8"}))
			s.lost("tcp 22 22 @one")
			s.sweep()
			s.quiet()
			s.putList(kind, "one", prefixes(t, []string{"10.0.0.0/8", "8.8.8.0/24"}))
			require.Equal(t, 1, s.sweep().Counts.Enqueued[warden.SweepDue])
			s.guardLooks()
			require.Equal(t, want, s.judged[len(s.judged)-1].Worst().Outcome.String())
			entries := 2
			if want == "compliant" {
				entries = 1 // what was added was taken out
			}
			require.Len(t, s.rules()[0].Peer.(secgroup.PrefixList).Entries, entries)
			s.sweep()
			s.quiet()
		})
	}
}

// TestAMarkedListThatGrows: the mark is about the entries that were there.
func TestAMarkedListThatGrows(t *testing.T) {
	for name, readable := range map[string]bool{"readable": true, "not at the act": false} {
		t.Run(name, func(t *testing.T) {
			s := newSwept(t, closed(22, ""))
			s.putList("list", "one", prefixes(t, []string{"8.8.8.0/24"}))
			s.lost("tcp 22 22 @one")
			if !readable {
				s.do([]string{"unreadable"})
			}
			require.Equal(t, map[string]int{"port-22": 1}, s.sweep().Counts.Marked)
			s.do([]string{"readable"})
			s.sweep()
			s.guardLooks()
			s.quiet()
			require.Len(t, s.texts(), 1, "what stood stands, whoever can read it now")
			s.putList("list", "one", prefixes(t, []string{"8.8.8.0/24", "8.8.4.0/24"}))
			require.Equal(t, 1, s.sweep().Counts.Enqueued[warden.SweepDue])
			s.guardLooks()
			require.Len(t, s.texts(), 1)
			require.Equal(t, prefixes(t, []string{"8.8.8.0/24"}), s.rules()[0].Peer.(secgroup.PrefixList).Entries, "and what stood stands")
		})
	}
}

func TestALapsedExemption(t *testing.T) {
	s := newSwept(t, closed(22, ""))
	s.sweep()
	s.exemptSSH(24 * time.Hour)
	s.lost("tcp 22 22 0.0.0.0/0")
	s.sweep()
	s.guardLooks()
	s.wait(23 * time.Hour)
	s.quiet()
	require.Equal(t, []string{sshOpen}, s.texts())
	s.wait(time.Hour)
	require.Equal(t, map[warden.SweepReason]int{warden.SweepLapsed: 1}, s.sweep().Counts.Enqueued)
	s.guardLooks()
	require.Empty(t, s.texts())
	s.requireLapseTold()
}

// requireLapseTold: the last incident says why a rule that was let be is gone.
func (s *swept) requireLapseTold() {
	entries, err := s.account.ledger.History(s.ctx, s.group)
	require.NoError(s.t, err)
	last := entries[len(entries)-1].Incident
	require.Contains(s.t, last.Notes, "EX-1 covered "+last.Rules[0].ID+", and has ended: it is judged like any other now")
}

// TestAnExemptionThatIsTakenBack: once a day is told of its use, so that the second
// rule under it has no incident; its end is told all the same.
func TestAnExemptionThatIsTakenBack(t *testing.T) {
	s := newSwept(t, closed(22, ""))
	s.sweep()
	s.exemptSSH(24 * time.Hour)
	for range 2 {
		s.add("ingress", strings.Fields("tcp 22 22 0.0.0.0/0"))
		s.hear(nil)
		require.Equal(t, incident.Exempt, s.judged[len(s.judged)-1].Worst().Outcome)
		if len(s.judged) == 1 {
			s.take([]string{"1"})
			s.hear(nil)
		}
	}
	require.NoError(t, s.account.ledger.Operator().DropExemption(s.ctx, s.group, "EX-1"))
	require.Equal(t, map[warden.SweepReason]int{warden.SweepLapsed: 1}, s.sweep().Counts.Enqueued)
	s.guardLooks()
	require.Empty(t, s.texts())
	s.requireLapseTold()
}

// TestAnExemptionThatEndsBeforeTheAct: what it covered was let be until a day. It
// does not become what stood before the policy.
func TestAnExemptionThatEndsBeforeTheAct(t *testing.T) {
	s := newSwept(t, closed(22, ""))
	s.exemptSSH(24 * time.Hour)
	s.add("ingress", strings.Fields("tcp 22 22 0.0.0.0/0"))
	s.hear(nil)
	require.Contains(t, s.texts(), sshOpen)
	s.wait(24 * time.Hour)
	pass := s.sweep()
	require.Empty(t, pass.Counts.Marked)
	require.Equal(t, map[warden.SweepReason]int{warden.SweepLapsed: 1}, pass.Counts.Enqueued)
	s.guardLooks()
	require.Empty(t, s.texts())
	s.requireLapseTold()
}

// exemptSSH lets the port be open in the group.
func (s *swept) exemptSSH(d time.Duration) {
	require.NoError(s.t, s.account.ledger.Operator().PutExemption(s.ctx, policy.Exemption{
		ID: "EX-1", Policy: "port-22", Group: s.group, Owner: "net-team", Reason: "vendor", Until: s.world.now.Add(d), Rules: []secgroup.Rule{parsed(s.t, sshOpen)},
	}, s.world.now))
}

// TestAnIncidentThatIsOpenTooLong: all its messages were lost.
func TestAnIncidentThatIsOpenTooLong(t *testing.T) {
	s := newSwept(t, closed(22, ""))
	s.sweep()
	s.add("ingress", strings.Fields("tcp 22 22 0.0.0.0/0"))
	s.world.cloud.Disturb(func(c localec2.Call) localec2.Disturbance {
		if c.Action == "RevokeSecurityGroupIngress" {
			return localec2.Deny()
		}
		return localec2.Disturbance{}
	})
	s.hearAfter(0)
	require.Equal(t, []string{sshOpen}, s.texts())
	s.account.later.messages = nil
	s.world.cloud.Disturb(nil)
	s.take([]string{"1"}) // by its owner, and the record is lost
	s.records = nil
	s.wait(16 * time.Minute)
	require.Equal(t, map[warden.SweepReason]int{warden.SweepOpen: 1}, s.sweep().Counts.Enqueued)
	s.guardLooks()
	mem, err := s.account.ledger.Observe(s.ctx, s.group)
	require.NoError(t, err)
	require.Empty(t, mem.Open)
	s.sweep()
	s.quiet()
}

// TestFault46TheSweepComesBack: the revoke is denied until nobody asks any more.
func TestFault46TheSweepComesBack(t *testing.T) {
	s := newSwept(t, closed(22, ""))
	s.sweep()
	s.lost("tcp 22 22 0.0.0.0/0")
	s.world.cloud.Disturb(func(c localec2.Call) localec2.Disturbance {
		if c.Action == "RevokeSecurityGroupIngress" {
			return localec2.Deny()
		}
		return localec2.Disturbance{}
	})
	for range 3 {
		s.account.later.messages = nil
		require.Equal(t, map[warden.SweepReason]int{warden.SweepDue: 1}, s.sweep().Counts.Enqueued)
		s.wait(15 * time.Minute)
		require.Equal(t, []string{sshOpen}, s.texts())
	}
	s.world.cloud.Disturb(nil)
	require.Empty(t, s.sweep().Counts.Marked)
	s.guardLooks()
	require.Empty(t, s.texts())
}

// TestARuleThatNobodyKnewWaits: where an exception by actor could cover it.
func TestARuleThatNobodyKnewWaits(t *testing.T) {
	s := newSwept(t, closed(22, `except: [{actors: ["arn:aws:iam::*:user/admin"], reason: change process}]`))
	s.sweep()
	s.lost("tcp 22 22 0.0.0.0/0")
	require.Equal(t, map[warden.SweepReason]int{warden.SweepWaiting: 1}, s.sweep().Counts.Enqueued)
	s.wait(121 * time.Second)
	require.Empty(t, s.texts(), "the wait began when the sweep saw it")
}

// TestALongWaitStandsInTheIncident: no message can be delayed for days, so the
// sweep asks for the end of such a wait, and for nothing before it.
func TestALongWaitStandsInTheIncident(t *testing.T) {
	for name, begin := range map[string]func(s *swept){
		"told by its event": func(s *swept) {
			s.add("ingress", strings.Fields("tcp 22 22 0.0.0.0/0"))
			s.hear(nil)
		},
		"found by a sweep": func(s *swept) {
			s.lost("tcp 22 22 0.0.0.0/0")
			require.Equal(t, map[warden.SweepReason]int{warden.SweepWaiting: 1}, s.sweep().Counts.Enqueued)
			s.wait(16 * time.Minute)
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSwept(t, closed(22, "remedy: {do: revert, after: 48h}"))
			s.sweep()
			began := s.world.now
			begin(s)
			require.Empty(t, s.account.later.messages, "nothing waits in the queue")
			for s.world.now.Before(began.Add(46 * time.Hour)) {
				require.Empty(t, s.sweep().Counts.Enqueued, "%s", s.world.now.Sub(began))
				s.wait(90 * time.Minute)
				require.Equal(t, []string{sshOpen}, s.texts())
			}
			for end := began.Add(48 * time.Hour); s.world.now.Before(end); {
				require.Equal(t, []string{sshOpen}, s.texts())
				s.sweep()
				s.wait(min(15*time.Minute, end.Sub(s.world.now)))
			}
			s.wait(5 * time.Second)
			require.Empty(t, s.texts(), "it ends on time, not with the next pass")
			s.quiet()
		})
	}
}

// TestALongWaitIsOverWithItsRule: nobody asks for what its owner took away.
func TestALongWaitIsOverWithItsRule(t *testing.T) {
	s := newSwept(t, closed(22, "remedy: {do: revert, after: 48h}"))
	s.sweep()
	s.add("ingress", strings.Fields("tcp 22 22 0.0.0.0/0"))
	s.hear(nil)
	for _, r := range s.rules() {
		require.True(t, s.account.ec2.RemoveRule(r.ID))
	}
	s.wait(time.Hour)
	require.Equal(t, map[warden.SweepReason]int{warden.SweepOpen: 1}, s.sweep().Counts.Enqueued)
	s.guardLooks()
	for range 5 {
		s.quiet()
		s.wait(12 * time.Hour)
	}
}

func TestAdoptedMarks(t *testing.T) {
	for name, adopt := range map[string]func(s *swept) (group, policyID string){
		"all":                     func(*swept) (string, string) { return "", incident.EveryPolicy },
		"a policy":                func(*swept) (string, string) { return "", "port-22" },
		"a group":                 func(s *swept) (string, string) { return s.group, incident.EveryPolicy },
		"a policy of a group":     func(s *swept) (string, string) { return s.group, "port-22" },
		"another policy":          func(*swept) (string, string) { return "", "port-3389" },
		"another group":           func(*swept) (string, string) { return "sg-0bbbbbbbbbbbbbbbb", incident.EveryPolicy },
		"another, the same group": func(s *swept) (string, string) { return s.group, "port-3389" },
	} {
		t.Run(name, func(t *testing.T) {
			s := newSwept(t, closed(22, ""), closed(3389, ""))
			s.lost("tcp 22 22 0.0.0.0/0")
			s.sweep()
			s.wait(time.Hour)
			group, policyID := adopt(s)
			require.NoError(t, s.account.ledger.Operator().Adopt(s.ctx, group, policyID, s.world.now))
			s.sweep()
			s.guardLooks()
			if strings.HasPrefix(name, "another") {
				require.Equal(t, []string{sshOpen}, s.texts())
				return
			}
			require.Empty(t, s.texts())
		})
	}
}

// TestAnActAfterAnAdoptionMarksAgain: what is adopted today does not void what
// an act marks tomorrow.
func TestAnActAfterAnAdoptionMarksAgain(t *testing.T) {
	s := newSwept(t, closed(22, ""))
	s.deploy(policy.Observe, closed(22, ""))
	s.lost("tcp 22 22 0.0.0.0/0")
	s.sweep()
	s.wait(time.Hour)
	require.NoError(t, s.account.ledger.Operator().Adopt(s.ctx, "", "port-22", s.world.now))
	require.Equal(t, 1, s.sweep().Counts.Enqueued[warden.SweepDue])
	s.guardLooks()
	s.quiet()
	mem, err := s.account.ledger.Observe(s.ctx, s.group)
	require.NoError(t, err)
	require.Empty(t, mem.Known.Rules[s.rules()[0].ID].Baseline, "the mark is gone for good")

	s.deploy(policy.Enforce, closed(22, ""))
	require.Equal(t, map[string]int{"port-22": 1}, s.sweep().Counts.Marked)
	s.guardLooks()
	require.Equal(t, []string{sshOpen}, s.texts())
}

// TestTheSweepSeesWhatAGroupItselfLacks: what is required of it is marked, told
// and adopted like what is required of rules.
func TestTheSweepSeesWhatAGroupItselfLacks(t *testing.T) {
	s := newSwept(t, `---
apiVersion: sgwarden/v1
kind: Policy
metadata: {id: owned, title: Every group has an owner, severity: low, why: Somebody must answer., fix: Tag it.}
scope: {groups: {default: false}}
require:
  - {tags: [owner]}
remedy: alert
`)
	require.Equal(t, map[string]int{"owned": 1}, s.sweep().Counts.Marked)
	s.guardLooks()
	s.quiet()
	require.Empty(t, s.judged)

	_, err := s.account.ec2.EnsureGroup(secgroup.Group{ID: "sg-0b000000000000000", Rules: []secgroup.Rule{}})
	require.NoError(t, err)
	require.Equal(t, 1, s.sweep().Counts.Enqueued[warden.SweepDue])
	s.guardLooks()
	require.Equal(t, incident.Alerted, s.judged[len(s.judged)-1].Worst().Outcome)
	s.quiet()

	s.wait(time.Hour)
	require.NoError(t, s.account.ledger.Operator().Adopt(s.ctx, s.group, "owned", s.world.now))
	require.Equal(t, 1, s.sweep().Counts.Enqueued[warden.SweepDue])
	s.guardLooks()
	require.Equal(t, incident.Alerted, s.judged[len(s.judged)-1].Worst().Outcome)
	s.quiet()
}

// TestTheSweepReadsWhatIsAroundGroups: facts beyond a group are read in a pass
// as in a judging, and those that are the same for many groups once.
func TestTheSweepReadsWhatIsAroundGroups(t *testing.T) {
	s := newSwept(t, `---
apiVersion: sgwarden/v1
kind: Policy
metadata: {id: around, title: What is around a group, severity: low, why: It confuses., fix: Tidy up.}
require:
  - {distinct: identical}
remedy: alert
---
apiVersion: sgwarden/v1
kind: Policy
metadata: {id: own-addresses, title: Only own addresses, severity: low, why: Others are gone., fix: Remove them.}
require:
  - {where: {direction: ingress, peers: [any]}, references: alive, elastic: own}
remedy: alert
`)
	s.lost("tcp 22 22 198.51.100.7/32")
	const named = "sg-0c000000000000000"
	_, err := s.account.ec2.EnsureGroup(secgroup.Group{ID: named, Rules: []secgroup.Rule{}})
	require.NoError(t, err)
	added, err := s.account.ec2.EnsureRule(s.group, parsed(t, "ingress tcp/443 from "+named))
	require.NoError(t, err)
	require.True(t, added)
	twin, ok := s.account.ec2.Group(s.group)
	require.True(t, ok)
	twin.ID, twin.Name = "sg-0b000000000000000", "twin"
	for i := range twin.Rules {
		twin.Rules[i].ID = ""
	}
	_, err = s.account.ec2.EnsureGroup(twin)
	require.NoError(t, err)
	calls := map[string]int{}
	s.world.cloud.Disturb(func(c localec2.Call) localec2.Disturbance {
		calls[c.Action]++
		return localec2.Disturbance{}
	})
	pass := s.sweep()
	require.Equal(t, 2, pass.Counts.Marked["around"], "the rules of one are those of the other")
	require.Equal(t, 2, pass.Counts.Marked["own-addresses"])
	require.Equal(t, 1, calls["DescribeAddresses"])
	require.Equal(t, 1, calls["DescribeStaleSecurityGroups"], "both are in one VPC")
	require.Equal(t, 2, calls["DescribeSecurityGroups"], "the page, and all groups")
	s.quiet()
}

// TestAMarkIsAboutWhatStands: a rule that grew, of which another policy only
// told, is marked as it is, and not as it was before it grew.
func TestAMarkIsAboutWhatStands(t *testing.T) {
	s := newSwept(t, closed(22, "remedy: alert"))
	s.lost("tcp 22 22 10.0.0.0/8")
	s.sweep()
	s.change("1", strings.Fields("tcp 22 22 0.0.0.0/0"))
	s.records = nil
	s.sweep()
	s.guardLooks()
	require.Equal(t, incident.Alerted, s.judged[len(s.judged)-1].Worst().Outcome)
	s.wait(15 * time.Minute)
	s.sweep()

	later := strings.Replace(closed(22, ""), "id: port-22", "id: later", 1)
	s.deploy(policy.Enforce, closed(22, "remedy: alert"), later)
	require.Equal(t, map[string]int{"later": 1}, s.sweep().Counts.Marked)
	s.guardLooks()
	s.quiet()
	s.wait(15 * time.Minute)
	s.hear(nil)
	require.Equal(t, []string{sshOpen}, s.texts(), "it stood before the policy")
}

// TestAPolicyOnGroupsThatIsAddedLater marks the groups that stood before it,
// also where they would have a grace, and none that is newer.
func TestAPolicyOnGroupsThatIsAddedLater(t *testing.T) {
	for _, more := range []string{"", ", grace: 12h"} {
		t.Run("owner"+more, func(t *testing.T) {
			owned := `---
apiVersion: sgwarden/v1
kind: Policy
metadata: {id: owned, title: Every group has an owner, severity: low, why: Somebody must answer., fix: Tag it.}
scope: {groups: {default: false}}
require:
  - {tags: [owner]` + more + `}
remedy: alert
`
			s := newSwept(t, closed(22, ""))
			s.lost("tcp 443 443 0.0.0.0/0")
			s.sweep()
			s.wait(15 * time.Minute)
			_, err := s.account.ec2.EnsureGroup(secgroup.Group{ID: "sg-0b000000000000000", Rules: []secgroup.Rule{parsed(t, webOpen)}})
			require.NoError(t, err)
			s.deploy(policy.Enforce, closed(22, ""), owned)
			require.Equal(t, map[string]int{"owned": 1}, s.sweep().Counts.Marked)
			s.wait(13 * time.Hour)
			require.Equal(t, 1, s.sweep().Counts.Enqueued[warden.SweepDue], "the newer one")
			s.guardLooks()
			s.quiet()
		})
	}
}
