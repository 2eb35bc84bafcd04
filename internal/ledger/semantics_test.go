package ledger_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sgwarden/sgwarden/internal/incident"
	"github.com/sgwarden/sgwarden/internal/ledger"
	"github.com/sgwarden/sgwarden/internal/policy"
	"github.com/sgwarden/sgwarden/internal/secgroup"
)

func testUnknownGroup(t *testing.T, b book, _ func() book) {
	m := observe(t, b)
	require.Zero(t, m)
	require.False(t, m.Known.Exists)
	history, err := b.History(context.Background(), group)
	require.NoError(t, err)
	require.Empty(t, history)
}

func testNoteSetsAbsent(t *testing.T, b book, _ func() book) {
	ctx := context.Background()
	first := knownRule(t, "sgr-1", "ingress tcp/443 from 10.0.0.0/8")
	known, err := b.Note(ctx, incident.Note{GroupID: group, Name: "web", VPCID: "vpc-1", Rules: map[string]policy.KnownRule{"sgr-1": first}, At: noon})
	require.NoError(t, err)
	require.Equal(t, policy.Known{Exists: true, Version: 1, Name: "web", VPCID: "vpc-1", Rules: map[string]policy.KnownRule{"sgr-1": first}}, known)

	other, second := knownRule(t, "sgr-1", "ingress all from 0.0.0.0/0"), knownRule(t, "sgr-2", "ingress tcp/80 from ::/0")
	gone := policy.RemovedRule{At: noon, Value: "ingress tcp/443 from 10.0.0.0/8"}
	known, err = b.Note(ctx, incident.Note{
		GroupID: group, Name: "other", Rules: map[string]policy.KnownRule{"sgr-1": other, "sgr-2": second},
		Removed: map[string]policy.RemovedRule{"sgr-3": gone}, At: noon,
	})
	require.NoError(t, err)
	want := policy.Known{
		Exists: true, Version: 2, Name: "web", VPCID: "vpc-1", Rules: map[string]policy.KnownRule{"sgr-1": first, "sgr-2": second},
		Removed: map[string]policy.RemovedRule{"sgr-3": gone},
	}
	require.Equal(t, want, known)
	require.Equal(t, want, observe(t, b).Known)
}

func testNoteOfManyRules(t *testing.T, b book, _ func() book) {
	rules := map[string]policy.KnownRule{}
	for n := range 200 {
		id := fmt.Sprintf("sgr-%03d", n)
		rules[id] = knownRule(t, id, fmt.Sprintf("ingress tcp/%d from 10.0.0.0/8", n+1))
	}
	known, err := b.Note(context.Background(), incident.Note{GroupID: group, Rules: rules, At: noon})
	require.NoError(t, err)
	require.Equal(t, rules, known.Rules)
	require.GreaterOrEqual(t, known.Version, int64(1))
	require.Equal(t, known, observe(t, b).Known)
}

func testNoteWithoutRules(t *testing.T, b book, _ func() book) {
	known, err := b.Note(context.Background(), incident.Note{GroupID: group, At: noon})
	require.NoError(t, err)
	require.Equal(t, policy.Known{Exists: true, Version: 1}, known)
}

func testOpenAndClose(t *testing.T, b book, _ func() book) {
	known := policy.Known{Name: "web", Whole: true, Rules: map[string]policy.KnownRule{"sgr-1": knownRule(t, "sgr-1", "ingress tcp/22 from 0.0.0.0/0")}}
	i := anIncident(t, "inc-1")
	require.Equal(t, int64(1), open(t, b, incident.Opening{Known: known, Incidents: []incident.Incident{i}, Lease: lease("a", time.Minute)}))

	m := observe(t, b)
	require.Equal(t, int64(1), m.Known.Version)
	require.True(t, m.Known.Exists)
	require.True(t, m.Known.Whole)
	require.Equal(t, known.Rules, m.Known.Rules)
	require.Equal(t, []string{"inc-1"}, m.Known.OpenIncidents)
	require.Equal(t, []incident.Incident{i}, m.Open)
	require.Equal(t, lease("a", time.Minute), m.Lease)

	noted, err := b.Note(context.Background(), incident.Note{GroupID: group, At: noon})
	require.NoError(t, err)
	require.Equal(t, []string{"inc-1"}, noted.OpenIncidents, "triage must see that an incident is open")

	done := closed(i, noon.Add(time.Second))
	gone := map[string]policy.RemovedRule{"sgr-1": {At: noon, IncidentID: "inc-1", Value: "ingress tcp/22 from 0.0.0.0/0"}}
	shut(t, b, incident.Closing{Version: 2, Known: policy.Known{Name: "web", Whole: true, Removed: gone}, Incidents: []incident.Incident{done}, Holder: "a"})
	m = observe(t, b)
	require.Empty(t, m.Open)
	require.Zero(t, m.Lease)
	require.Equal(t, policy.Known{Exists: true, Version: 3, Name: "web", Whole: true, Removed: gone}, m.Known)

	history, err := b.History(context.Background(), group)
	require.NoError(t, err)
	require.Len(t, history, 1)
	require.Equal(t, done, history[0].Incident)
	require.Equal(t, m.ChainHead, history[0].Hash)
}

func testKnownIsKept(t *testing.T, b book, _ func() book) {
	want := everything(t)
	open(t, b, incident.Opening{Known: want})
	want.Exists, want.Version, want.OpenIncidents = true, 1, nil
	require.Equal(t, want, observe(t, b).Known)
}

func testConflict(t *testing.T, b book, _ func() book) {
	ctx := context.Background()
	o := incident.Opening{GroupID: group, Incidents: []incident.Incident{anIncident(t, "inc-1")}, Lease: lease("a", time.Minute), Now: noon}
	o.Version = 1
	_, err := b.Open(ctx, o)
	require.ErrorIs(t, err, incident.ErrConflict, "there is no item")
	require.ErrorIs(t, b.Close(ctx, incident.Closing{GroupID: group, Version: 7, Now: noon}), incident.ErrConflict)
	require.Zero(t, observe(t, b))

	_, err = b.Note(ctx, incident.Note{GroupID: group, At: noon})
	require.NoError(t, err)
	o.Version = 0
	_, err = b.Open(ctx, o)
	require.ErrorIs(t, err, incident.ErrConflict, "there is an item by now")
	require.Empty(t, observe(t, b).Open, "nothing of a refused transaction is written")

	o.Version = 1
	v, err := b.Open(ctx, o)
	require.NoError(t, err)
	_, err = b.Note(ctx, incident.Note{GroupID: group, At: noon})
	require.NoError(t, err)
	c := incident.Closing{GroupID: group, Version: v, Incidents: []incident.Incident{closed(anIncident(t, "inc-1"), noon)}, Holder: "a", Now: noon}
	require.ErrorIs(t, b.Close(ctx, c), incident.ErrConflict, "a note came between")
	m := observe(t, b)
	require.Equal(t, "inc-1", ids(m.Open))
	require.Equal(t, "a", m.Lease.Holder)

	c.Version = m.Known.Version
	require.NoError(t, b.Close(ctx, c), "only the close is repeated")
	require.Empty(t, observe(t, b).Open)
}

func testLease(t *testing.T, b book, _ func() book) {
	ctx := context.Background()
	v := open(t, b, incident.Opening{Incidents: []incident.Incident{anIncident(t, "inc-1")}, Lease: lease("a", time.Minute)})
	other := incident.Opening{GroupID: group, Version: v, Lease: lease("b", time.Hour), Now: noon.Add(59 * time.Second)}
	_, err := b.Open(ctx, other)
	require.ErrorIs(t, err, incident.ErrLeased)
	require.ErrorIs(t, b.Close(ctx, incident.Closing{GroupID: group, Version: v, Holder: "b", Now: noon}), incident.ErrLeased)
	require.ErrorIs(t, b.Close(ctx, incident.Closing{GroupID: group, Version: v, Now: noon}), incident.ErrLeased, "nobody is not the holder")
	other.Version = 0
	_, err = b.Open(ctx, other)
	require.Error(t, err)

	v = open(t, b, incident.Opening{Version: v, Lease: lease("a", time.Hour)})
	require.Equal(t, lease("a", time.Hour), observe(t, b).Lease, "the holder may go on")
	shut(t, b, incident.Closing{Version: v, Holder: "a"})
	open(t, b, incident.Opening{Version: v + 1, Lease: lease("b", time.Minute)})
}

func testLeaseOver(t *testing.T, b book, _ func() book) {
	v := open(t, b, incident.Opening{Lease: lease("a", time.Minute)})
	v = open(t, b, incident.Opening{Version: v, Lease: lease("b", time.Hour), Now: noon.Add(time.Minute)})
	require.Equal(t, "b", observe(t, b).Lease.Holder)
	require.ErrorIs(t, b.Close(context.Background(), incident.Closing{GroupID: group, Version: v, Holder: "a", Now: noon.Add(2 * time.Minute)}), incident.ErrLeased)
	shut(t, b, incident.Closing{Version: v, Now: noon.Add(2 * time.Hour)})
	require.Zero(t, observe(t, b).Lease, "a dead lease does not stay")
	_, err := b.Open(context.Background(), incident.Opening{GroupID: group, Version: v + 1, Lease: lease("a", 0), Now: noon})
	require.ErrorIs(t, err, incident.ErrInvalid, "a lease that is over as it begins")
}

func testCloseAlone(t *testing.T, b book, _ func() book) {
	i := closed(anIncident(t, "inc-1"), noon)
	shut(t, b, incident.Closing{Known: policy.Known{Whole: true}, Incidents: []incident.Incident{i}})
	m := observe(t, b)
	require.Equal(t, policy.Known{Exists: true, Version: 1, Whole: true}, m.Known)
	history, err := b.History(context.Background(), group)
	require.NoError(t, err)
	require.Len(t, history, 1)
	require.NoError(t, ledger.VerifyChain(history, m.ChainHead))
}

func testCloseKeepsOpen(t *testing.T, b book, _ func() book) {
	one, two, three := anIncident(t, "inc-1"), anIncident(t, "inc-2"), anIncident(t, "inc-3")
	one.OpenedAt, two.OpenedAt, three.OpenedAt = noon.Add(3*time.Second), noon.Add(2*time.Second), noon.Add(time.Second)
	v := open(t, b, incident.Opening{Incidents: []incident.Incident{one, two, three}, Lease: lease("a", time.Minute)})
	require.Equal(t, "inc-3 inc-2 inc-1", ids(observe(t, b).Open), "oldest first")

	two.Outcome, two.Published = incident.CannotRemediate, []string{"opened"}
	shut(t, b, incident.Closing{Version: v, Incidents: []incident.Incident{closed(three, noon), two}, Holder: "a"})
	m := observe(t, b)
	require.Equal(t, "inc-2 inc-1", ids(m.Open))
	require.Equal(t, []string{"inc-1", "inc-2"}, m.Known.OpenIncidents)
	require.Equal(t, incident.CannotRemediate, m.Open[0].Outcome)
	require.Equal(t, []string{"opened"}, m.Open[0].Published)
	require.Equal(t, "open", m.Open[0].Status)
}

func testCloseMany(t *testing.T, b book, _ func() book) {
	var all, done []incident.Incident
	for n := range 60 {
		i := anIncident(t, fmt.Sprintf("inc-%02d", n))
		all, done = append(all, i), append(done, closed(i, noon.Add(time.Duration(n)*time.Second)))
	}
	v := open(t, b, incident.Opening{Incidents: all, Lease: lease("a", time.Minute)})
	require.Len(t, observe(t, b).Open, 60)
	journal := []incident.Journal{{RequestID: "r-1", Call: "RevokeSecurityGroupIngress", IncidentID: "inc-00", At: noon}}
	shut(t, b, incident.Closing{Version: v, Incidents: done, Journal: journal, Holder: "a"})
	m := observe(t, b)
	require.Empty(t, m.Open)
	require.Empty(t, m.Known.OpenIncidents)
	require.Zero(t, m.Lease)
	require.Equal(t, journal, m.Recent)
	history, err := b.History(context.Background(), group)
	require.NoError(t, err)
	require.Len(t, history, 60)
	require.NoError(t, ledger.VerifyChain(history, m.ChainHead))
}

func testCloseRefuses(t *testing.T, b book, _ func() book) {
	i := anIncident(t, "inc-1")
	i.Status = ""
	require.ErrorIs(t, b.Close(context.Background(), incident.Closing{GroupID: group, Incidents: []incident.Incident{i}, Now: noon}), incident.ErrInvalid)
	require.Zero(t, observe(t, b))

	i.Status, i.ClosedAt = "closed", nil
	shut(t, b, incident.Closing{Incidents: []incident.Incident{i}})
	history, err := b.History(context.Background(), group)
	require.NoError(t, err)
	require.Equal(t, noon, *history[0].Incident.ClosedAt, "closed now, if nobody says when")
}

func testChain(t *testing.T, b book, _ func() book) {
	for n := range int64(3) {
		shut(t, b, incident.Closing{Version: n, Incidents: []incident.Incident{closed(anIncident(t, fmt.Sprintf("inc-%d", n)), noon)}})
	}
	head := observe(t, b).ChainHead
	history, err := b.History(context.Background(), group)
	require.NoError(t, err)
	require.Len(t, history, 3)
	require.NoError(t, ledger.VerifyChain(history, head))
	require.NoError(t, ledger.VerifyChain(history[1:], head), "old entries are not kept for ever")
	require.ErrorIs(t, ledger.VerifyChain(history[:2], head), ledger.ErrChain, "the newest is missing")
	require.ErrorIs(t, ledger.VerifyChain([]ledger.Entry{history[0], history[2]}, head), ledger.ErrChain, "one between is missing")
	require.ErrorIs(t, ledger.VerifyChain([]ledger.Entry{history[1], history[0], history[2]}, head), ledger.ErrChain, "another order")
	require.NoError(t, ledger.VerifyChain(nil, ""))
}

func testAmend(t *testing.T, b book, _ func() book) {
	i := closed(anIncident(t, "inc-1"), noon)
	shut(t, b, incident.Closing{Incidents: []incident.Incident{i}})
	i.Actor = incident.Actor{Actor: secgroup.Actor{ARN: "arn:aws:iam::123456789012:user/jane"}, Attributed: true}
	shut(t, b, incident.Closing{Version: 1, Incidents: []incident.Incident{i}})
	m := observe(t, b)
	history, err := b.History(context.Background(), group)
	require.NoError(t, err)
	require.Len(t, history, 2)
	require.False(t, history[0].Incident.Actor.Attributed)
	require.True(t, history[1].Incident.Actor.Attributed)
	require.NoError(t, ledger.VerifyChain(history, m.ChainHead))
}

func testJournal(t *testing.T, b book, _ func() book) {
	at := func(id string, d time.Duration) incident.Journal {
		return incident.Journal{RequestID: id, Call: "RevokeSecurityGroupIngress", IncidentID: "inc-1", At: noon.Add(d)}
	}
	shut(t, b, incident.Closing{Journal: []incident.Journal{at("r-2", time.Minute), at("r-1", 0)}})
	require.Equal(t, []incident.Journal{at("r-1", 0), at("r-2", time.Minute)}, observe(t, b).Recent)
	v := open(t, b, incident.Opening{Version: 1, Now: noon.Add(2 * time.Minute)})
	require.Len(t, observe(t, b).Recent, 2, "an opening keeps the journal")
	shut(t, b, incident.Closing{Version: v, Journal: []incident.Journal{at("r-3", time.Hour), at("r-2", time.Minute)}, Now: noon.Add(time.Hour)})
	require.Equal(t, []incident.Journal{at("r-2", time.Minute), at("r-3", time.Hour)}, observe(t, b).Recent)
	_, err := b.Note(context.Background(), incident.Note{GroupID: group, At: noon.Add(9 * time.Hour)})
	require.NoError(t, err)
	require.Len(t, observe(t, b).Recent, 2, "a note prunes nothing")
}

func testRemoved(t *testing.T, b book, _ func() book) {
	removed := map[string]policy.RemovedRule{"sgr-1": {At: noon, Value: "ingress tcp/22 from 0.0.0.0/0"}, "sgr-2": {At: noon.Add(time.Second), IncidentID: "inc-1"}}
	shut(t, b, incident.Closing{Known: policy.Known{Removed: removed}, Now: noon.Add(23 * time.Hour)})
	require.Equal(t, removed, observe(t, b).Known.Removed)
	shut(t, b, incident.Closing{Version: 1, Known: policy.Known{Removed: removed}, Now: noon.Add(24 * time.Hour)})
	require.Equal(t, map[string]policy.RemovedRule{"sgr-2": removed["sgr-2"]}, observe(t, b).Known.Removed)
}
