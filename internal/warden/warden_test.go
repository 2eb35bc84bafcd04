package warden

import (
	"errors"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/sgwarden/sgwarden/internal/incident"
	"github.com/sgwarden/sgwarden/internal/secgroup"
)

func TestNewNamesEverythingThatIsMissing(t *testing.T) {
	_, err := New(Config{})
	require.Error(t, err)
	for _, name := range []string{"Set", "Inventory", "Applier", "Ledger", "Publisher", "Queue", "Clock", "Sleep", "Logger", "HolderID"} {
		require.ErrorContains(t, err, name+" is missing")
	}
}

func TestLogHasOneLinePerDecision(t *testing.T) {
	w := newWorld(t, revertSSH)
	r := w.ec2.add(groupA, parse(t, ssh))
	w.judge1(w.record(call{name: "AuthorizeSecurityGroupIngress", group: groupA, eventID: "x\n{\"outcome\":\"compliant\"}", rules: []secgroup.Rule{r}}))
	lines := strings.Split(strings.TrimSpace(w.log.String()), "\n")
	require.Len(t, lines, 1)
	for _, key := range []string{`"group_id":"` + groupA, `"outcome":"reverted"`, `"incident_id":"inc-`, `"account":"` + account, `"region":"` + region, `"decision_ms":`, `"event_id":"x\n{\"outcome`} {
		require.Contains(t, lines[0], key)
	}
}

func TestEveryErrorHasAReason(t *testing.T) {
	outcome, reason := explain(errors.New("something else"))
	require.Equal(t, incident.Unresolved, outcome)
	require.Contains(t, reason, "something else")
	outcome, reason = explain(nil)
	require.Zero(t, outcome)
	require.Empty(t, reason)
}
