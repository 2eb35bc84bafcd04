package warden

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/sgwarden/sgwarden/internal/incident"
)

// TestWhatAnotherIsSayingIsNotSaidToo: the other took the lease between our
// read and our write.
func TestWhatAnotherIsSayingIsNotSaidToo(t *testing.T) {
	w := newWorld(t, revertSSH)
	w.ledger.on = func(name string) error {
		if name == "Open" {
			return incident.ErrLeased
		}
		return nil
	}
	foreign := w.record(call{name: "AuthorizeSecurityGroupIngress", group: groupA, account: "999999999999"})
	d := w.judge1(foreign)
	require.True(t, d.Retry)
	require.Empty(t, w.sent())
	w.ledger.on = nil
	require.False(t, w.judgeTimes(foreign, 2).Retry)
	require.Equal(t, []string{"opened unresolved"}, w.sent())
}
