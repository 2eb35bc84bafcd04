package warden

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sgwarden/sgwarden/internal/incident"
)

// TestWhoMadeWhatWasPutBackIsNotForgotten: a value that stands by who made it,
// and that is put back, stands by it still, however often its incident has to be
// taken up again until it is told.
func TestWhoMadeWhatWasPutBackIsNotForgotten(t *testing.T) {
	const office = "ingress tcp/22 from 8.0.0.0/8"
	widened := func(t *testing.T) (*world, []byte) {
		w := newWorld(t, policyText("ssh", "revert", except))
		require.Equal(t, incident.Exempt, w.judge1(w.authorizeBy(admin, groupA, office)).Outcome)
		w.wait(time.Hour)
		return w, w.modify(groupA, "sgr-00000000000000001", ssh)
	}
	stays := func(t *testing.T, w *world) {
		for range 3 {
			w.wait(5 * time.Minute)
			w.judge1(judgeGroup(groupA, "sweep", ""))
		}
		w.requireOpen(groupA, office)
		require.Equal(t, admin, w.memory(groupA).Known.Rules["sgr-00000000000000001"].By.Actor.ARN)
	}
	t.Run("told", func(t *testing.T) {
		w, body := widened(t)
		require.Equal(t, incident.Reverted, w.judge1(body).Outcome)
		stays(t, w)
	})
	t.Run("its message could not be sent", func(t *testing.T) {
		w, body := widened(t)
		w.publisher.on = func(incident.Incident) error { return incident.ErrUnavailable }
		require.Equal(t, incident.Reverted, w.judge1(body).Outcome)
		require.True(t, w.judgeTimes(body, 2).Retry)
		w.publisher.on = nil
		closed := *w.memory(groupA).Open[0].ClosedAt
		w.wait(time.Minute)
		w.judgeTimes(body, 3)
		require.Equal(t, closed, *w.closed(groupA)[1].ClosedAt, "that it was told late makes it no longer open")
		stays(t, w)
	})
	t.Run("killed behind the call", func(t *testing.T) {
		w, body := widened(t)
		w.killedAfter("ModifySecurityGroupRules", body)
		w.judgeTimes(body, 2)
		stays(t, w)
	})
}
