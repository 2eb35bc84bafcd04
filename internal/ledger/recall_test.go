package ledger_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sgwarden/sgwarden/internal/incident"
	"github.com/sgwarden/sgwarden/internal/ledger"
	"github.com/sgwarden/sgwarden/internal/policy"
	"github.com/sgwarden/sgwarden/internal/warden"
)

var (
	_ warden.SweepLedger = (*ledger.Table)(nil)
	_ warden.SweepLedger = (*ledger.InMemory)(nil)
)

func testRecall(t *testing.T, b book, reopen func() book) {
	ctx := t.Context()
	none, err := b.Recall(ctx, nil)
	require.NoError(t, err)
	require.Empty(t, none)
	var all []string
	for n := range ledger.MostRecalled {
		id := fmt.Sprintf("sg-0%016x", n)
		all = append(all, id)
		if n%3 == 0 {
			_, err := b.Note(ctx, incident.Note{GroupID: id, At: noon, Rules: map[string]policy.KnownRule{"sgr-1": knownRule(t, "sgr-1", "ingress tcp/22 from 0.0.0.0/0")}})
			require.NoError(t, err)
		}
	}
	// One has an open incident, a lease and controls of its own.
	_, err = b.Open(ctx, incident.Opening{GroupID: all[0], Version: 1, Known: observed(t, b, all[0]).Known, Now: noon,
		Incidents: []incident.Incident{anIncident(t, "inc-1")}, Lease: lease("a", time.Minute)})
	require.NoError(t, err)
	require.NoError(t, b.Operator().Pause(ctx, all[0], "why"))

	for _, reader := range []book{b, reopen()} {
		got, err := reader.Recall(ctx, all)
		require.NoError(t, err)
		require.Len(t, got, 34)
		for id, m := range got {
			want := observed(t, b, id)
			want.Open, want.Controls = nil, incident.Controls{}
			require.Equal(t, want, m, id)
		}
		require.Equal(t, []string{"inc-1"}, got[all[0]].Known.OpenIncidents)

		// What was recalled may be written, on its version.
		m := got[all[3]]
		require.NoError(t, reader.Close(ctx, incident.Closing{GroupID: all[3], Version: m.Known.Version, Known: m.Known, Now: noon}))
		require.ErrorIs(t, reader.Close(ctx, incident.Closing{GroupID: all[3], Version: m.Known.Version, Known: m.Known, Now: noon.Add(time.Second)}), incident.ErrConflict)
		require.ErrorIs(t, reader.Close(ctx, incident.Closing{GroupID: all[0], Version: got[all[0]].Known.Version, Known: m.Known, Now: noon}), incident.ErrLeased)
	}
	_, err = b.Recall(ctx, append(all, group))
	require.ErrorIs(t, err, incident.ErrInvalid)
	_, err = b.Recall(ctx, []string{""})
	require.ErrorIs(t, err, incident.ErrInvalid)
}

func observed(t *testing.T, b book, groupID string) incident.Memory {
	t.Helper()
	m, err := b.Observe(context.Background(), groupID)
	require.NoError(t, err)
	return m
}

func testSweepRecord(t *testing.T, b book, reopen func() book) {
	ctx := t.Context()
	c, err := b.Controls(ctx)
	require.NoError(t, err)
	require.Equal(t, incident.Controls{}, c)

	acts := map[string]policy.Act{}
	for n := range 200 {
		acts[fmt.Sprintf("policy-%d@%s", n, strings.Repeat("d", 64))] = policy.Act{Start: noon}
	}
	require.NoError(t, b.RecordSweep(ctx, incident.SweepRecord{Acts: acts}))
	c, err = reopen().Controls(ctx)
	require.NoError(t, err)
	require.Equal(t, acts, c.Acts)
	require.Zero(t, c.Stamp)

	var drop []string
	for id := range acts {
		if len(drop) < 150 {
			drop = append(drop, id)
			continue
		}
		acts[id] = policy.Act{Done: true, Start: noon, At: noon.Add(time.Minute)}
	}
	for _, id := range drop {
		delete(acts, id)
	}
	require.NoError(t, b.RecordSweep(ctx, incident.SweepRecord{Acts: acts, Drop: drop, Stamp: noon.Add(time.Minute)}))
	c, err = b.Controls(ctx)
	require.NoError(t, err)
	require.Equal(t, acts, c.Acts)
	require.Equal(t, noon.Add(time.Minute), c.Stamp)
	require.Equal(t, c, observed(t, b, group).Controls, "a group without own controls has those of all")

	missed := map[string]incident.Missed{group: {Since: noon}, "sg-0bbbbbbbbbbbbbbbb": {Since: noon, Read: noon.Add(time.Hour)}}
	require.NoError(t, b.RecordSweep(ctx, incident.SweepRecord{Missed: missed, Stamp: noon.Add(2 * time.Minute)}))
	require.NoError(t, b.RecordSweep(ctx, incident.SweepRecord{Stamp: noon.Add(3 * time.Minute)}))
	c, err = reopen().Controls(ctx)
	require.NoError(t, err)
	require.Equal(t, missed, c.Missed, "nil leaves them")
	require.Equal(t, noon.Add(3*time.Minute), c.Stamp)
	require.NoError(t, b.RecordSweep(ctx, incident.SweepRecord{Missed: map[string]incident.Missed{}}))
	c, err = b.Controls(ctx)
	require.NoError(t, err)
	require.Empty(t, c.Missed)
	require.Equal(t, noon.Add(3*time.Minute), c.Stamp)
}

func testAdopt(t *testing.T, b book, reopen func() book) {
	ctx := t.Context()
	other := "sg-0bbbbbbbbbbbbbbbb"
	later := noon.Add(time.Hour)
	o := b.Operator()
	require.NoError(t, o.Adopt(ctx, "", "a", noon))
	require.NoError(t, o.Adopt(ctx, group, "a", later))
	require.NoError(t, o.Adopt(ctx, "", "b", later))
	require.NoError(t, o.Adopt(ctx, group, "b", noon))
	require.NoError(t, o.Adopt(ctx, group, incident.EveryPolicy, noon))
	require.ErrorIs(t, o.Adopt(ctx, "", "", noon), incident.ErrInvalid)

	b = reopen()
	require.Equal(t, map[string]time.Time{"a": later, "b": later, "*": noon}, observed(t, b, group).Controls.Adopted, "the later one counts")
	require.Equal(t, map[string]time.Time{"a": noon, "b": later}, observed(t, b, other).Controls.Adopted)
	c, err := b.Controls(ctx)
	require.NoError(t, err)
	require.Equal(t, map[string]time.Time{"a": noon, "b": later}, c.Adopted)

	own, err := b.ControlsOf(ctx, []string{group, other})
	require.NoError(t, err)
	require.Equal(t, map[string]incident.Controls{group: {Adopted: map[string]time.Time{"a": later, "b": noon, "*": noon}}}, own)
	own, err = b.ControlsOf(ctx, nil)
	require.NoError(t, err)
	require.Empty(t, own)
	_, err = b.ControlsOf(ctx, []string{""})
	require.ErrorIs(t, err, incident.ErrInvalid, "of the group without id they would be those of all")
}

// TestRecallIsOneCall: and one more where DynamoDB answers only a part.
func TestRecallIsOneCall(t *testing.T) {
	item := func(id string) string {
		return `{"pk":{"S":"group#` + id + `"},"sk":{"S":"item"},"schema":{"N":"1"},"version":{"N":"3"}}`
	}
	part := `{"Responses":{"sgwarden":[` + item("sg-1") + `]},"UnprocessedKeys":{"sgwarden":{"Keys":[{"pk":{"S":"group#sg-2"},"sk":{"S":"item"}}]}}}`
	rest := `{"Responses":{"sgwarden":[` + item("sg-2") + `]}}`
	b, r := record(map[string][]string{"BatchGetItem": {part, rest}})
	got, err := b.Recall(t.Context(), []string{"sg-1", "sg-2", "sg-3"})
	require.NoError(t, err)
	require.Len(t, got, 2)
	require.Equal(t, "2 BatchGetItem", r.operations())

	none := `{"UnprocessedKeys":{"sgwarden":{"Keys":[{"pk":{"S":"group#sg-2"},"sk":{"S":"item"}}]}}}`
	b, _ = record(map[string][]string{"BatchGetItem": {part, none, none, none, rest}})
	_, err = b.Recall(t.Context(), []string{"sg-1", "sg-2"})
	require.ErrorIs(t, err, incident.ErrThrottled, "what was not read is not absent")
}

// testCursor: it is kept apart from what sweeps say of themselves.
func testCursor(t *testing.T, b book, reopen func() book) {
	ctx := t.Context()
	got, err := b.Cursor(ctx)
	require.NoError(t, err)
	require.Empty(t, got)
	require.NoError(t, b.PutCursor(ctx, `{"Token":"second page"}`))
	require.NoError(t, b.RecordSweep(ctx, incident.SweepRecord{Stamp: noon}))
	got, err = reopen().Cursor(ctx)
	require.NoError(t, err)
	require.Equal(t, `{"Token":"second page"}`, got)
	controls, err := b.Controls(ctx)
	require.NoError(t, err)
	require.Equal(t, incident.Controls{Stamp: noon}, controls)
	require.NoError(t, b.PutCursor(ctx, ""))
	got, err = b.Cursor(ctx)
	require.NoError(t, err)
	require.Empty(t, got)
	require.NoError(t, b.PutCursor(ctx, ""), "there is none to remove")
}
