package warden

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sgwarden/sgwarden/internal/incident"
)

func TestFault33AttackerAddsFiftyTimes(t *testing.T) {
	w := newWorld(t, revertSSH)
	for range 50 {
		require.Equal(t, incident.Reverted, w.judge1(w.authorizeBy("arn:aws:iam::123456789012:user/eve", groupA, ssh)).Outcome)
		require.Empty(t, w.texts(groupA))
		w.wait(time.Second)
	}
	require.Equal(t, []string{"acted reverted", "acted reverted", "acted reverted", "contested reverted"}, w.sent())
	escalation := w.publisher.messages()[3]
	require.Contains(t, fmt.Sprint(escalation.Notes), "user/eve")
	require.Len(t, w.closed(groupA), 50)
}

func TestFault34ReapplyEveryFiveMinutes(t *testing.T) {
	w := newWorld(t, revertSSH)
	for range 36 {
		require.Equal(t, incident.Reverted, w.judge1(w.authorize(groupA, ssh)).Outcome)
		w.wait(5 * time.Minute)
	}
	contested := 0
	for _, m := range w.sent() {
		if m == "contested reverted" {
			contested++
		}
	}
	require.LessOrEqual(t, len(w.sent()), 3+3)
	require.Positive(t, contested)
}

func TestFault49ManyCheapViolationsThenTheRealOne(t *testing.T) {
	w := newWorld(t, revertSSH)
	for i := range 200 {
		require.Equal(t, incident.Reverted, w.judge1(w.authorize(groupA, fmt.Sprintf("ingress tcp/22 from %d.0.0.0/8", 20+i%80))).Outcome)
	}
	require.Equal(t, incident.Reverted, w.judge1(w.authorize(groupA, ssh)).Outcome)
	require.Empty(t, w.texts(groupA))
}
