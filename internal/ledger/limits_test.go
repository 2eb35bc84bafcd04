package ledger_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sgwarden/sgwarden/internal/incident"
	"github.com/sgwarden/sgwarden/internal/ledger"
	"github.com/sgwarden/sgwarden/internal/policy"
	"github.com/sgwarden/sgwarden/internal/secgroup"
)

func testReopen(t *testing.T, b book, reopen func() book) {
	journal := []incident.Journal{{RequestID: "r-1", Call: "RevokeSecurityGroupIngress", At: noon}}
	shut(t, b, incident.Closing{Incidents: []incident.Incident{closed(anIncident(t, "inc-1"), noon)}, Journal: journal})
	v := open(t, reopen(), incident.Opening{Version: 1, Incidents: []incident.Incident{anIncident(t, "inc-2")}, Lease: lease("a", time.Minute)})
	shut(t, reopen(), incident.Closing{Version: v, Incidents: []incident.Incident{closed(anIncident(t, "inc-2"), noon)}, Holder: "a"})
	m := observe(t, reopen())
	require.Equal(t, journal, m.Recent, "a process that did not read the item keeps its books all the same")
	history, err := b.History(context.Background(), group)
	require.NoError(t, err)
	require.Len(t, history, 2)
	require.NoError(t, ledger.VerifyChain(history, m.ChainHead))
	_, err = reopen().Open(context.Background(), incident.Opening{GroupID: group, Version: 2, Now: noon})
	require.ErrorIs(t, err, incident.ErrConflict)
}

func testHugeGroup(t *testing.T, b book, _ func() book) {
	known := policy.Known{Whole: true, Rules: map[string]policy.KnownRule{}}
	for n := range 1000 {
		id := fmt.Sprintf("sgr-%017x", n)
		k := knownRule(t, id, fmt.Sprintf("ingress tcp/%d from 10.0.0.0/8", n+1))
		k.By = &secgroup.Attribution{EventID: "e", EventTime: noon, Actor: secgroup.Actor{ARN: "arn:aws:iam::123456789012:role/dev", UserAgent: fmt.Sprintf("%0300d", n)}}
		if n < 100 {
			k.IncidentID = "inc-1"
		}
		known.Rules[id] = k
	}
	open(t, b, incident.Opening{Known: known})
	got := observe(t, b).Known
	require.Len(t, got.Rules, 1000)
	for id, k := range got.Rules {
		want := known.Rules[id]
		if want.IncidentID == "" {
			want.By = nil
		}
		require.Equal(t, want, k)
	}

	for id, k := range known.Rules {
		k.Rule.Description = strings.Repeat("d", 230) + id
		known.Rules[id] = k
	}
	open(t, b, incident.Opening{Version: 1, Known: known})
	for id, k := range observe(t, b).Known.Rules {
		want := known.Rules[id]
		if want.IncidentID == "" {
			want.By, want.Rule.Description = nil, ""
		}
		require.Equal(t, want, k)
	}

	for id, k := range known.Rules {
		k.IncidentID = "inc-1"
		if id < "sgr-0000000000000001f" {
			k.Exemption = "EX-1"
		}
		known.Rules[id] = k
	}
	open(t, b, incident.Opening{Version: 2, Known: known})
	for id, k := range observe(t, b).Known.Rules {
		want := known.Rules[id]
		want.Rule.Description = ""
		if want.Exemption == "" {
			want.By = nil
		}
		require.Equal(t, want, k, "a violation that could not be written would stay")
	}

	for n := range 4000 {
		id := fmt.Sprintf("sgr-%017x", n)
		k := knownRule(t, id, fmt.Sprintf("ingress tcp/%d from 10.0.0.0/8", n+1))
		k.IncidentID = fmt.Sprintf("inc-%0100d", n)
		known.Rules[id] = k
	}
	_, err := b.Open(context.Background(), incident.Opening{GroupID: group, Version: 3, Known: known, Now: noon})
	require.ErrorIs(t, err, incident.ErrInvalid, "what is too large is said, not cut")
}

// Who made the value before is dropped with who made this one: whoever calls
// with long names must not make a violation that cannot be written.
func testHugeGroupThatGrew(t *testing.T, b book, _ func() book) {
	known := policy.Known{Whole: true, Rules: map[string]policy.KnownRule{}}
	for n := range 1000 {
		id := fmt.Sprintf("sgr-%017x", n)
		k := knownRule(t, id, fmt.Sprintf("ingress tcp/%d from 0.0.0.0/0", n+1))
		before := rule(t, id, fmt.Sprintf("ingress tcp/%d from 10.0.0.0/8", n+1))
		by := &secgroup.Attribution{EventID: "e", EventTime: noon, Actor: secgroup.Actor{ARN: "arn:aws:iam::123456789012:role/dev", UserAgent: fmt.Sprintf("%01024d", n)}}
		k.By, k.Before, k.BeforeBy, k.IncidentID = by, &before, by, "inc-1"
		if n < 10 {
			k.Exemption = "EX-1"
		}
		known.Rules[id] = k
	}
	open(t, b, incident.Opening{Known: known})
	for id, k := range observe(t, b).Known.Rules {
		want := known.Rules[id]
		if want.Exemption == "" {
			want.By, want.BeforeBy = nil, nil
		}
		require.Equal(t, want, k)
	}
}

// What reads missed goes before anything of a rule that is there.
func testHugeGroupOfMissedRules(t *testing.T, b book, _ func() book) {
	known := policy.Known{Whole: true, Rules: map[string]policy.KnownRule{}, Removed: map[string]policy.RemovedRule{}}
	by := func(n int) *secgroup.Attribution {
		return &secgroup.Attribution{EventID: "e", EventTime: noon, Actor: secgroup.Actor{ARN: "arn:aws:iam::123456789012:role/dev", UserAgent: fmt.Sprintf("%01000d", n)}}
	}
	for n := range 200 {
		id, gone := fmt.Sprintf("sgr-%017x", n), fmt.Sprintf("sgr-%017x", n+1000)
		k := knownRule(t, id, fmt.Sprintf("ingress tcp/%d from 10.0.0.0/8", n+1))
		k.By = by(n)
		was := knownRule(t, gone, fmt.Sprintf("ingress udp/%d from 10.0.0.0/8", n+1))
		was.By = by(n)
		known.Rules[id], known.Removed[gone] = k, policy.RemovedRule{At: noon, Value: was.Rule.Value(), Was: &was}
	}
	open(t, b, incident.Opening{Known: known})
	got := observe(t, b).Known
	require.Equal(t, known.Rules, got.Rules)
	require.Len(t, got.Removed, 200)
	for id, r := range got.Removed {
		require.Nil(t, r.Was)
		require.Equal(t, known.Removed[id].Value, r.Value)
		require.NotNil(t, known.Removed[id].Was, "what the caller holds stays as it is")
	}
}

// The rules of a large group are packed: what is noted stands beside them, and
// does not change what is known, until the next write takes it in.
func testNoteOnLargeGroup(t *testing.T, b book, _ func() book) {
	known := policy.Known{Whole: true, Rules: map[string]policy.KnownRule{}}
	for n := range 200 {
		id := fmt.Sprintf("sgr-%017x", n)
		known.Rules[id] = knownRule(t, id, fmt.Sprintf("ingress tcp/%d from 10.0.0.0/8", n+1))
	}
	open(t, b, incident.Opening{Known: known})
	old, added := "sgr-00000000000000007", knownRule(t, "sgr-0000000000000ffff", "ingress tcp/443 from 10.0.0.0/8")
	noted, err := b.Note(context.Background(), incident.Note{GroupID: group, At: noon, Rules: map[string]policy.KnownRule{
		old: knownRule(t, old, "ingress all from ::/0"), added.Rule.ID: added,
	}})
	require.NoError(t, err)
	known.Rules[added.Rule.ID] = added
	require.Equal(t, known.Rules, noted.Rules)
	require.Equal(t, known.Rules, observe(t, b).Known.Rules)

	delete(known.Rules, old)
	open(t, b, incident.Opening{Version: 2, Known: known})
	require.Equal(t, known.Rules, observe(t, b).Known.Rules, "what was noted of it is gone with it")

	few := policy.Known{Rules: map[string]policy.KnownRule{added.Rule.ID: added}}
	open(t, b, incident.Opening{Version: 3, Known: few})
	require.Equal(t, few.Rules, observe(t, b).Known.Rules)
}

// Whoever puts a violation back every second for an hour must not fill the
// item with what was done about it.
func testLongJournal(t *testing.T, b book, _ func() book) {
	var version int64
	for n := range 40 {
		var journal []incident.Journal
		for m := range 100 {
			at := noon.Add(time.Duration(n*100+m) * time.Millisecond)
			journal = append(journal, incident.Journal{RequestID: fmt.Sprintf("%036d", n*100+m), Call: "RevokeSecurityGroupIngress", IncidentID: "inc-0123456789abcdef01234567", At: at})
		}
		shut(t, b, incident.Closing{Version: version, Journal: journal})
		version++
	}
	recent := observe(t, b).Recent
	require.Len(t, recent, 500)
	require.Equal(t, fmt.Sprintf("%036d", 3999), recent[499].RequestID, "the latest stay")
	require.Equal(t, fmt.Sprintf("%036d", 3500), recent[0].RequestID)
}

func testHugeIncident(t *testing.T, b book, _ func() book) {
	i := anIncident(t, "inc-1")
	i.Rules = nil
	for n := range 1000 {
		before := rule(t, fmt.Sprintf("sgr-%04d", n), fmt.Sprintf("ingress tcp/%d from 0.0.0.0/0", n+1))
		before.Description = strings.Repeat("d", 255)
		i.Rules = append(i.Rules, incident.Rule{ID: before.ID, Direction: secgroup.Ingress, Before: &before, Excess: []secgroup.Rule{rule(t, "", before.String())}, Outcome: incident.Pending})
	}
	v := open(t, b, incident.Opening{Incidents: []incident.Incident{i}, Lease: lease("a", time.Minute)})
	require.Equal(t, []incident.Incident{i}, observe(t, b).Open)
	shut(t, b, incident.Closing{Version: v, Incidents: []incident.Incident{closed(i, noon)}, Holder: "a"})
	history, err := b.History(context.Background(), group)
	require.NoError(t, err)
	require.Equal(t, closed(i, noon), history[0].Incident)
	require.NoError(t, ledger.VerifyChain(history, observe(t, b).ChainHead))
}

// An item that says nothing of a group expires; one that does never would.
func testExpiry(t *testing.T, b book, _ func() book) {
	require.NoError(t, b.Close(context.Background(), incident.Closing{GroupID: "event-inc-1", Incidents: []incident.Incident{closed(anIncident(t, "inc-1"), noon)}, Now: noon}))
	known, err := b.Note(context.Background(), incident.Note{GroupID: "event-inc-1", Name: "web", At: noon})
	require.NoError(t, err)
	require.Equal(t, policy.Known{Exists: true, Version: 2, Name: "web"}, known)
}

func anExemption(t *testing.T) policy.Exemption {
	return policy.Exemption{
		ID: "EX-1", Policy: "admin-ports-from-internet", Group: group, Rules: []secgroup.Rule{rule(t, "", "ingress tcp/22 from 8.8.8.0/29")},
		Owner: "net", Reason: "vendor", Ticket: "CHG-1", Until: noon.Add(24 * time.Hour), Made: noon, Source: "ledger",
	}
}

func testControls(t *testing.T, b book, _ func() book) {
	ctx, o := context.Background(), b.Operator()
	one, two := anExemption(t), anExemption(t)
	two.ID, two.Policy, two.Ticket = "EX-0", "*", ""
	elsewhere := anExemption(t)
	elsewhere.Group = "sg-0123456789abcdef1"
	for _, e := range []policy.Exemption{one, two, elsewhere} {
		require.NoError(t, o.PutExemption(ctx, e, noon))
	}
	exempted, err := b.Exempted(ctx)
	require.NoError(t, err)
	require.Equal(t, []string{group, "sg-0123456789abcdef1"}, exempted)
	act := policy.Act{Done: true, Start: noon, At: noon.Add(time.Minute)}
	require.NoError(t, o.PutActs(ctx, map[string]policy.Act{"a@d1": act}))
	require.NoError(t, o.PutActs(ctx, map[string]policy.Act{"b@d2": {Start: noon}}))
	require.NoError(t, o.PutStamp(ctx, noon))
	hold := incident.Hold{Reason: "10 groups in an hour", At: noon}
	require.NoError(t, o.Hold(ctx, "p@d2", hold))
	require.NoError(t, o.Hold(ctx, "p@d1", hold))
	require.Equal(t, incident.Controls{
		Exemptions: []policy.Exemption{two, one}, Acts: map[string]policy.Act{"a@d1": act, "b@d2": {Start: noon}},
		Stamp: noon, Held: map[string]incident.Hold{"p@d1": hold, "p@d2": hold}, Fuse: incident.Fuse{Version: 2},
	}, observe(t, b).Controls)

	require.NoError(t, o.DropExemption(ctx, group, "EX-0"))
	require.NoError(t, o.DropExemption(ctx, group, "EX-9"))
	require.NoError(t, o.Release(ctx, "p@d1", noon))
	require.NoError(t, o.PutStamp(ctx, noon.Add(time.Hour)))
	require.NoError(t, o.ResumeLedger(ctx, noon.Add(2*time.Hour)))
	c := observe(t, b).Controls
	require.Equal(t, noon.Add(2*time.Hour), c.Resumed)
	require.Equal(t, []policy.Exemption{one}, c.Exemptions)
	require.Equal(t, map[string]incident.Hold{"p@d2": hold}, c.Held)
	require.Equal(t, map[string]incident.FuseCount{"p@d1": {Released: noon}}, c.Fuse.Counts)
	require.Equal(t, noon.Add(time.Hour), c.Stamp)
}

func testPause(t *testing.T, b book, _ func() book) {
	ctx, o := context.Background(), b.Operator()
	require.NoError(t, o.Pause(ctx, "sg-0123456789abcdef1", "another group"))
	require.Empty(t, observe(t, b).Controls.Paused)
	require.NoError(t, o.Pause(ctx, group, "this group"))
	require.Equal(t, "this group", observe(t, b).Controls.Paused)
	require.NoError(t, o.Pause(ctx, "", "everything"))
	require.Equal(t, "everything", observe(t, b).Controls.Paused)
	require.NoError(t, o.Resume(ctx, group))
	require.Equal(t, "everything", observe(t, b).Controls.Paused)
	require.NoError(t, o.Resume(ctx, ""))
	require.Empty(t, observe(t, b).Controls.Paused)
	require.ErrorIs(t, o.Pause(ctx, "", ""), incident.ErrInvalid)
}

func testExemptionBounds(t *testing.T, b book, _ func() book) {
	for name, spoil := range map[string]func(e *policy.Exemption){
		"no id":         func(e *policy.Exemption) { e.ID = "" },
		"no policy":     func(e *policy.Exemption) { e.Policy = "" },
		"no group":      func(e *policy.Exemption) { e.Group = "" },
		"no rules":      func(e *policy.Exemption) { e.Rules = nil },
		"no owner":      func(e *policy.Exemption) { e.Owner = "" },
		"no reason":     func(e *policy.Exemption) { e.Reason = "" },
		"no end":        func(e *policy.Exemption) { e.Until = time.Time{} },
		"over already":  func(e *policy.Exemption) { e.Until = noon },
		"for too long":  func(e *policy.Exemption) { e.Until = noon.Add(30*24*time.Hour + 1) },
		"a broken rule": func(e *policy.Exemption) { e.Rules = []secgroup.Rule{{}} },
	} {
		e := anExemption(t)
		spoil(&e)
		require.ErrorIs(t, b.Operator().PutExemption(context.Background(), e, noon), incident.ErrInvalid, name)
	}
	require.Empty(t, observe(t, b).Controls.Exemptions)
}

func testManyOpen(t *testing.T, b book, _ func() book) {
	shut(t, b, incident.Closing{})
	errs := make([]error, 32)
	var wg sync.WaitGroup
	for n := range errs {
		wg.Go(func() {
			holder := fmt.Sprintf("worker-%02d", n)
			i := anIncident(t, "inc-"+holder)
			_, errs[n] = b.Open(context.Background(), incident.Opening{GroupID: group, Version: 1, Incidents: []incident.Incident{i}, Lease: lease(holder, time.Minute), Now: noon})
		})
	}
	wg.Wait()
	winner := -1
	for n, err := range errs {
		if err == nil {
			require.Equal(t, -1, winner, "two opened one version")
			winner = n
			continue
		}
		require.True(t, errors.Is(err, incident.ErrConflict) || errors.Is(err, incident.ErrLeased), "%v", err)
	}
	require.NotEqual(t, -1, winner)
	m := observe(t, b)
	require.Equal(t, fmt.Sprintf("worker-%02d", winner), m.Lease.Holder)
	require.Equal(t, "inc-"+m.Lease.Holder, ids(m.Open))
	require.Equal(t, int64(2), m.Known.Version)
}

func testManyNotes(t *testing.T, b book, _ func() book) {
	var wg sync.WaitGroup
	for n := range 32 {
		id := fmt.Sprintf("sgr-%02d", n)
		k := knownRule(t, id, "ingress tcp/443 from 10.0.0.0/8")
		wg.Go(func() {
			_, err := b.Note(context.Background(), incident.Note{GroupID: group, Rules: map[string]policy.KnownRule{id: k}, At: noon})
			require.NoError(t, err)
		})
	}
	wg.Wait()
	known := observe(t, b).Known
	require.Equal(t, int64(32), known.Version)
	require.Len(t, known.Rules, 32)
}

func testContextOver(t *testing.T, b book, _ func() book) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	_, err := b.Observe(ctx, group)
	require.ErrorIs(t, err, incident.ErrUnavailable)
	_, err = b.Open(ctx, incident.Opening{GroupID: group, Now: noon})
	require.ErrorIs(t, err, incident.ErrUnavailable)
	require.ErrorIs(t, b.Close(ctx, incident.Closing{GroupID: group, Now: noon}), incident.ErrUnavailable)
	_, err = b.Note(ctx, incident.Note{GroupID: group, At: noon})
	require.ErrorIs(t, err, incident.ErrUnavailable)
	_, err = b.History(ctx, group)
	require.ErrorIs(t, err, incident.ErrUnavailable)
	require.ErrorIs(t, b.Operator().PutStamp(ctx, noon), incident.ErrUnavailable)
	require.Zero(t, observe(t, b))
}

func testGroupWithoutID(t *testing.T, b book, _ func() book) {
	_, err := b.Observe(context.Background(), "")
	require.ErrorIs(t, err, incident.ErrInvalid)
	_, err = b.Open(context.Background(), incident.Opening{Now: noon})
	require.ErrorIs(t, err, incident.ErrInvalid)
	require.ErrorIs(t, b.Close(context.Background(), incident.Closing{Now: noon}), incident.ErrInvalid)
	_, err = b.Note(context.Background(), incident.Note{At: noon})
	require.ErrorIs(t, err, incident.ErrInvalid)
}
