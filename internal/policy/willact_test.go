package policy

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// TestWillAct: only what takes something back, and does not yet, will.
func TestWillAct(t *testing.T) {
	takes := map[RemedyKind]bool{DoRevert: true, DoNarrow: true, DoTag: false, DoAlert: false}
	for do, takes := range takes {
		for s := Fine; s <= Graced; s++ {
			f := Finding{Policy: &Policy{Remedy: Remedy{Do: do}}, State: s}
			require.Equal(t, takes && (s == Held || s == Waiting), f.WillAct(), "%v %v", do, s)
		}
	}
}
