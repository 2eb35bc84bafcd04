package warden

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestAFactThatPanickedIsNoFact: the judging that met the panic fails alone,
// and the others of the batch must not take what was never read for "none".
func TestAFactThatPanickedIsNoFact(t *testing.T) {
	var shared batchFacts
	require.Panics(t, func() {
		_, _ = onceInBatch(&shared, "groups", func() ([]string, error) { panic("an answer that nobody thought of") })
	})
	_, err := onceInBatch(&shared, "groups", func() ([]string, error) { return []string{"never asked again"}, nil })
	require.ErrorIs(t, err, errNotRead)
	require.Error(t, passing(err, "the groups"), "it is tried again")
}

func TestAFactIsReadOnceInABatch(t *testing.T) {
	var shared batchFacts
	down := errors.New("down")
	reads := 0
	for range 3 {
		got, err := onceInBatch(&shared, "groups", func() (int, error) { reads++; return reads, nil })
		require.NoError(t, err)
		require.Equal(t, 1, got)
		_, err = onceInBatch(&shared, "elastic", func() (int, error) { return 0, down })
		require.ErrorIs(t, err, down)
	}
	require.Equal(t, 1, reads)
}
