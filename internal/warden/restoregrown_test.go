package warden

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/sgwarden/sgwarden/internal/incident"
)

// TestAValueWhoseListGrewIsNotPutBack: the list of a rule grew, for which a policy gives
// time, and the rule was changed to another port. To put its old value back would open to
// the list's new entries what was just closed.
func TestAValueWhoseListGrewIsNotPutBack(t *testing.T) {
	web := strings.NewReplacer("id: ssh", "id: web", "[22]", "[80]").Replace(policyText("ssh", "{do: revert, after: 1h}", ""))
	w := newWorld(t, revertSSH+web)
	w.holds(ownList, "8.8.8.0/29")
	w.judge1(w.authorize(groupA, "ingress tcp/80 from "+ownList))
	w.decisions(w.listChange(ownList), 1)
	w.reset()
	w.holds(ownList, "8.8.8.0/29", "0.0.0.0/0")
	require.Equal(t, incident.Pending, w.decisions(w.edit(1), 1)[""].Outcome)
	d := w.judge1(w.modify(groupA, ruleOne, sshList))
	require.Equal(t, incident.Reverted, d.Outcome)
	require.Empty(t, w.texts(groupA))
	require.Contains(t, d.Incident.Fallback, "list holds something else")
}
