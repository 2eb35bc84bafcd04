package main

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sgwarden/sgwarden/internal/warden"
)

// TestResumeLedger: a stale ledger holds the sweep, which alone could stamp it,
// until an operator says yes.
func TestResumeLedger(t *testing.T) {
	a := newAdopting(t)
	old := time.Now().Add(-48 * time.Hour).UTC()
	require.NoError(t, a.ledger.Operator().PutStamp(t.Context(), old))
	resume := func(args ...string) string {
		var out, stderr bytes.Buffer
		code := runContext(t.Context(), append([]string{"resume", "--ledger"}, args...), strings.NewReader(""), &out, &stderr)
		require.Equal(t, exitFine, code, stderr.String())
		return out.String()
	}
	require.Contains(t, resume(), "the last complete sweep was at "+old.Format(time.RFC3339))
	require.Contains(t, resume(), "nothing was written")
	require.False(t, a.sweepIsComplete(), "listing resumes nothing")

	require.Contains(t, resume("--yes"), "the ledger is believed again, for a day")
	require.Contains(t, resume("--yes"), "nothing to resume: the ledger is believed, its last complete sweep was at "+old.Format(time.RFC3339))
	require.True(t, a.sweepIsComplete())
	controls, err := a.ledger.Controls(t.Context())
	require.NoError(t, err)
	require.True(t, controls.Stamp.After(old), "the sweep has stamped it")
}

func (a *adopting) sweepIsComplete() bool {
	a.Helper()
	pass, err := a.sweeper.Sweep(a.Context(), warden.Cursor{})
	require.NoError(a, err)
	return pass.Complete
}
