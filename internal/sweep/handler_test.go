package sweep

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sgwarden/sgwarden/internal/metrics"
	"github.com/sgwarden/sgwarden/internal/warden"
)

var noon = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

// fake sweeps page after page, one a call: "", "b", "c".
type fake struct {
	from   []string // where each call began
	fails  string   // the page that cannot be read
	cursor string
	puts   int
	down   error // of the ledger
	full   error // of its writes
	told   []warden.SweepCounts
}

func (f *fake) Report(_ context.Context, counts warden.SweepCounts, at time.Time) {
	f.told = append(f.told, counts)
}

func (f *fake) Sweep(_ context.Context, from warden.Cursor) (warden.Pass, error) {
	f.from = append(f.from, from.Token)
	if from.Start.IsZero() {
		from.Start = noon
	}
	if from.Token == f.fails {
		return warden.Pass{Next: &from, Counts: from.Counts}, errors.New("no such page")
	}
	from.Counts = warden.SweepCounts{Groups: from.Counts.Groups + 10, Failed: from.Counts.Failed + 1, Marked: map[string]int{"a": from.Counts.Groups + 1}}
	switch from.Token {
	case "":
		from.Token = "b"
	case "b":
		from.Token = "c"
	default:
		return warden.Pass{Complete: true, Counts: from.Counts}, nil
	}
	return warden.Pass{Next: &from, Counts: from.Counts}, nil
}

func (f *fake) Cursor(context.Context) (string, error) { return f.cursor, f.down }

func (f *fake) PutCursor(_ context.Context, cursor string) error {
	f.cursor = cursor
	f.puts++
	return errors.Join(f.down, f.full)
}

type rig struct {
	*Handler
	*fake
	now    time.Time
	meters bytes.Buffer
}

func newRig() *rig {
	r := &rig{fake: &fake{fails: "none"}, now: noon}
	r.Handler = &Handler{
		logger: slog.New(slog.DiscardHandler), out: &r.meters, clock: func() time.Time { return r.now },
		make: func(context.Context) (sweeping, error) { return r.fake, nil },
	}
	return r
}

func (r *rig) invoke(t *testing.T) answer {
	t.Helper()
	text, err := r.Invoke(t.Context(), nil)
	require.NoError(t, err)
	var a answer
	require.NoError(t, json.Unmarshal(text, &a))
	return a
}

// TestAPassGoesOn where the invocation before had no more time, and counts
// what each added.
func TestAPassGoesOn(t *testing.T) {
	r := newRig()
	for _, want := range []struct {
		more, complete bool
		marked         float64
	}{{true, false, 1}, {true, false, 10}, {false, true, 10}} {
		a := r.invoke(t)
		require.Equal(t, want.more, a.More)
		require.Equal(t, want.complete, a.Complete)
		var line map[string]any
		require.NoError(t, json.Unmarshal(r.meters.Bytes(), &line))
		complete := 0.0
		if want.complete {
			complete = 1
		}
		require.Subset(t, line, map[string]any{"Swept": 10.0, "Marked": want.marked, "Left": 1.0, "SweepsComplete": complete})
		for _, m := range metrics.OfSweep() {
			require.Contains(t, line, m.Name)
		}
		r.meters.Reset()
	}
	require.Equal(t, []string{"", "b", "c"}, r.from)
	require.Empty(t, r.fake.cursor, "a pass that is over is not gone on with")
	require.Equal(t, 3, r.puts)
	require.Len(t, r.told, 1, "one report, of the whole pass")
	require.Equal(t, 30, r.told[0].Groups)
}

func TestAnErrorIsRepeatedFromItsPage(t *testing.T) {
	r := newRig()
	r.invoke(t)
	r.fake.cursor, r.fails = mustCursor(t, warden.Cursor{Start: noon, Token: "b"}), "c"
	r.invoke(t)
	_, err := r.Invoke(t.Context(), nil)
	require.ErrorContains(t, err, "no such page")
	require.Empty(t, r.fake.cursor, "the very first page of an invocation failed: it may be the cursor")
	r.fails = "none"
	r.invoke(t)
	require.Equal(t, []string{"", "b", "c", ""}, r.from)
}

// TestNoErrorHidesAnother: neither why the pass ended, nor why where it ended is
// not written down.
func TestNoErrorHidesAnother(t *testing.T) {
	r := newRig()
	r.invoke(t)
	r.fails, r.full = "b", errors.New("may not write")
	_, err := r.Invoke(t.Context(), nil)
	require.ErrorContains(t, err, "no such page")
	require.ErrorIs(t, err, r.full)
}

func mustCursor(t *testing.T, c warden.Cursor) string {
	t.Helper()
	text, err := json.Marshal(c)
	require.NoError(t, err)
	return string(text)
}

// TestCursorsThatAreNotGoneOnWith begin anew, and are forgotten.
func TestCursorsThatAreNotGoneOnWith(t *testing.T) {
	for name, cursor := range map[string]string{
		"no cursor": "{", "old": mustCursor(t, warden.Cursor{Start: noon.Add(-cursorLife - time.Second), Token: "c"}),
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig()
			r.fake.cursor, r.fails = cursor, ""
			_, err := r.Invoke(t.Context(), nil)
			require.Error(t, err)
			require.Equal(t, []string{""}, r.from)
			require.Empty(t, r.fake.cursor)
		})
	}
	r := newRig()
	r.fake.cursor = mustCursor(t, warden.Cursor{Start: noon.Add(-cursorLife), Token: "c"})
	require.True(t, r.invoke(t).Complete, "one that is just young enough is")
}

func TestALedgerThatCannotBeRead(t *testing.T) {
	r := newRig()
	r.down = errors.New("away")
	_, err := r.Invoke(t.Context(), nil)
	require.ErrorContains(t, err, "away")
	require.Empty(t, r.from, "without knowing where to go on nothing is swept")
}

func TestWhatCannotBeMadeIsTriedAgain(t *testing.T) {
	r := newRig()
	made := r.make
	r.make = func(context.Context) (sweeping, error) { return nil, errors.New("no policies") }
	_, err := r.Invoke(t.Context(), nil)
	require.ErrorContains(t, err, "no policies")
	r.make = made
	require.True(t, r.invoke(t).More)
}
