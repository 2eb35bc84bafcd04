package warden

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/sgwarden/sgwarden/internal/policy"
)

// TestEveryKindOfFactIsReadBeforeAVerdictCounts: however long the chain of facts
// is in which one only asks for the next, and never twice.
func TestEveryKindOfFactIsReadBeforeAVerdictCounts(t *testing.T) {
	chain := []policy.Need{policy.NeedLists, policy.NeedVPCs, policy.NeedDead, policy.NeedElastic, policy.NeedGroups, policy.NeedInterfaces, policy.NeedUsers}
	var read []policy.Need
	fetch := func(n policy.Need) error { read = append(read, n); return nil }
	last := false
	require.NoError(t, settled(func() []policy.Need {
		if last = len(read) == len(chain); last {
			return nil
		}
		return chain[len(read) : len(read)+1]
	}, fetch))
	require.Equal(t, chain, read)
	require.True(t, last, "the last evaluation knew all of them")

	read = nil
	require.ErrorContains(t, settled(func() []policy.Need { return chain[:1] }, fetch), "lists] asked for once more")
	require.Len(t, read, 1)
	broken := errors.New("throttled")
	require.ErrorIs(t, settled(func() []policy.Need { return chain }, func(policy.Need) error { return broken }), broken)
}
