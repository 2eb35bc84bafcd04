package embedded

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sgwarden/sgwarden/internal/incident"
	"github.com/sgwarden/sgwarden/internal/inventory"
	"github.com/sgwarden/sgwarden/internal/ledger"
	"github.com/sgwarden/sgwarden/internal/policy"
	"github.com/sgwarden/sgwarden/internal/secgroup"
	"github.com/sgwarden/sgwarden/internal/warden"
)

// kinds are the event types and rules of messages.
func kinds(told []incident.Incident) (texts []string) {
	for _, i := range told {
		text := string(i.EventType) + " " + i.Outcome.String()
		for _, r := range i.Rules {
			text += ", " + r.Before.String()
		}
		texts = append(texts, text)
	}
	return texts
}

// TestUndoingIsTold: whoever got the alert hears that an operator put it back,
// once, whatever the number of rules, and nothing of the exemptions beside it.
func TestUndoingIsTold(t *testing.T) {
	u := newUndoing(t)
	u.open("ingress tcp/22 from 0.0.0.0/0")
	u.open("ingress tcp/8000-8100 from 0.0.0.0/0")
	told := u.judgeTogether()
	require.Len(t, told, 1)
	taken := u.incidents()
	require.Len(t, taken, 1)
	for _, d := range u.undo(taken[0]) {
		require.NotNil(t, d.Put)
	}
	undone, outcomes := u.hear()
	require.Equal(t, []string{"undone reverted, ingress tcp/22 from 0.0.0.0/0, ingress tcp/8000-8100 from 0.0.0.0/0"}, kinds(undone))
	require.NotContains(t, outcomes, incident.Reverted)
	i := undone[0]
	require.Equal(t, told[0].ID, i.ID)
	require.Equal(t, told[0].Actor, i.Actor, "who opened it")
	require.Contains(t, strings.Join(i.Notes, "\n"), " by arn:aws:iam::123456789012:user/ops with sgwarden: ingress tcp/")
	require.Contains(t, i.Notes, "it was agreed by ops: it was right")
	for _, r := range i.Rules {
		require.Len(t, r.After, 1)
		require.True(t, r.After[0].SameValue(*r.Before))
		require.True(t, hasRule(u, r.After[0].ID, *r.Before))
	}
	entries, err := u.account.ledger.History(t.Context(), u.group)
	require.NoError(t, err)
	memory, err := u.account.ledger.Observe(t.Context(), u.group)
	require.NoError(t, err)
	require.NoError(t, ledger.VerifyChain(entries, memory.ChainHead))
	last := entries[len(entries)-1].Incident
	require.Equal(t, []string{"acted", "undone"}, last.Published)
	require.Empty(t, memory.Open)

	// Somebody takes it away, and another opens it again under the exemption:
	// that is the use of an exemption, and nobody's undoing.
	u.close("ingress tcp/22 from 0.0.0.0/0")
	u.hear()
	u.open("ingress tcp/22 from 0.0.0.0/0")
	again, _ := u.hear()
	require.Equal(t, []string{"opened exempt, ingress tcp/22 from 0.0.0.0/0"}, kinds(again))
}

// TestUndoingOfAPart says what is back, and what is not.
func TestUndoingOfAPart(t *testing.T) {
	u := newUndoing(t)
	u.open("ingress tcp/22 from 0.0.0.0/0")
	u.open("ingress tcp/20-25 from 0.0.0.0/0")
	u.judgeTogether()
	u.world.Cloud().AllowRules(1)
	for _, i := range u.incidents() {
		u.undo(i)
	}
	undone, _ := u.hear()
	require.Len(t, undone, 1)
	require.Equal(t, 1, len(undone[0].Rules), "only what is back")
	missing := map[string]string{"ingress tcp/22 from 0.0.0.0/0": "ingress tcp/20-25 from 0.0.0.0/0", "ingress tcp/20-25 from 0.0.0.0/0": "ingress tcp/22 from 0.0.0.0/0"}
	require.Contains(t, undone[0].Notes, "not put back so far: "+missing[undone[0].Rules[0].Before.String()])
}

// TestUndoingWhoseRecordIsLost is told by the next pass, and not by every one.
func TestUndoingWhoseRecordIsLost(t *testing.T) {
	for _, text := range []string{"ingress tcp/22 from 0.0.0.0/0", "ingress tcp/8000-8100 from 0.0.0.0/0"} {
		u := newUndoing(t)
		u.open(text)
		u.hear()
		u.undo(u.incidents()[0])
		u.records = nil
		require.Equal(t, []string{"undone"}, u.passes())
		for range 3 {
			require.Empty(t, u.passes(), "told once")
		}
	}
}

// TestUndoingThatCouldNotBeSent is sent when the record comes again, or by a
// pass, and what the item knows of the rule stays true meanwhile.
func TestUndoingThatCouldNotBeSent(t *testing.T) {
	for _, text := range []string{"ingress tcp/22 from 0.0.0.0/0", "ingress tcp/8000-8100 from 0.0.0.0/0"} {
		u := newUndoing(t)
		u.open(text)
		u.hear()
		u.undo(u.incidents()[0])
		topic := &letters{fail: incident.ErrUnavailable}
		guard := u.guardThatTells(topic)
		var messages []warden.Delivery
		for _, body := range u.records {
			messages = append(messages, warden.Delivery{ID: "m", Body: body})
		}
		for _, d := range guard.Judge(t.Context(), messages) {
			require.True(t, d.Retry)
			require.Equal(t, incident.Exempt, d.Outcome)
		}
		_, live := u.rules()
		memory, err := u.account.ledger.Observe(t.Context(), u.group)
		require.NoError(t, err)
		require.Len(t, memory.Open, 1)
		for _, r := range live {
			require.True(t, memory.Known.Rules[r.ID].Rule.SameValue(r))
		}
		topic.fail = nil
		for range 2 {
			for _, d := range guard.Judge(t.Context(), messages) {
				require.False(t, d.Retry)
			}
		}
		require.Equal(t, []string{"undone"}, eventTypes(topic.sent))
		memory, err = u.account.ledger.Observe(t.Context(), u.group)
		require.NoError(t, err)
		require.Empty(t, memory.Open)
	}
}

// TestNobodyUndoesByAName: a name alone makes no undoing, be it in a file or of
// an incident that never was, and nor does another rule under the exemption.
func TestNobodyUndoesByAName(t *testing.T) {
	u := newUndoing(t)
	u.open("ingress tcp/22 from 0.0.0.0/0")
	u.hear()
	taken := u.incidents()[0]
	rules := []secgroup.Rule{parsed(t, "ingress tcp/20-30 from 0.0.0.0/0")}
	until := u.world.clock().Add(time.Hour)
	put := func(id string) {
		require.NoError(t, u.account.ledger.Operator().PutExemption(t.Context(), policy.Exemption{
			ID: id, Policy: "no-ssh", Group: u.group, Rules: rules, Owner: "ops", Reason: "r", Until: until,
		}, u.world.clock()))
	}
	put(incident.UndoExemption(taken.ID, "no-ssh"))
	u.open("ingress tcp/21-23 from 0.0.0.0/0")
	told, _ := u.hear()
	require.Equal(t, []string{"opened exempt, ingress tcp/21-23 from 0.0.0.0/0"}, kinds(told))

	require.NoError(t, u.account.ledger.Operator().DropExemption(t.Context(), u.group, incident.UndoExemption(taken.ID, "no-ssh")))
	put(incident.UndoExemption(incident.EventID("a", "b", "c"), "no-ssh"))
	u.open("ingress tcp/22 from 0.0.0.0/0")
	told, _ = u.hear()
	require.Equal(t, []string{"opened exempt, ingress tcp/22 from 0.0.0.0/0"}, kinds(told))
}

// hasRule reports whether a rule lives as it is said to.
func hasRule(u *undoing, id string, value secgroup.Rule) bool {
	_, live := u.rules()
	return slices.ContainsFunc(live, func(r secgroup.Rule) bool { return r.ID == id && r.SameValue(value) })
}

// judgeTogether lets the guard judge all records in one batch.
func (u *undoing) judgeTogether() (told []incident.Incident) {
	topic := &letters{}
	var messages []warden.Delivery
	for _, body := range u.records {
		messages = append(messages, warden.Delivery{ID: "m", Body: body})
	}
	u.records = nil
	for _, d := range u.guardThatTells(topic).Judge(u.Context(), messages) {
		require.False(u, d.Retry)
	}
	u.hear() // its own calls
	return topic.sent
}

// guardThatTells is another process of the guard.
func (u *undoing) guardThatTells(l *letters) *warden.Warden {
	wiring := u.account.wiring()
	wiring.Publisher = l
	guard, err := warden.New(wiring)
	require.NoError(u, err)
	return guard
}

// passes lets a sweep pass and the guard look at what it asks for, and gives
// what was told of the group, but that the exemption ends within a day.
func (u *undoing) passes() []string {
	topic := &letters{}
	guard := u.guardThatTells(topic)
	u.account.guard = guard
	pass, err := warden.NewSweeper(guard, inventory.New(u.account.client), u.account.ledger).Sweep(u.Context(), warden.Cursor{})
	require.NoError(u, err)
	require.True(u, pass.Complete)
	u.world.Pass(u.Context(), u.world.clock().Add(time.Hour))
	return eventTypes(slices.DeleteFunc(topic.sent, func(i incident.Incident) bool { return i.GroupID != u.group || i.EventType == incident.Reminder }))
}

func eventTypes(told []incident.Incident) (types []string) {
	for _, i := range told {
		types = append(types, string(i.EventType))
	}
	return types
}
