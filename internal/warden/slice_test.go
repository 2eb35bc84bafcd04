package warden

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/sgwarden/sgwarden/internal/incident"
)

func TestAViolationIsTakenBackWithinTheBudget(t *testing.T) {
	w := newWorld(t, revertSSH)
	d := w.judge1(w.authorize(groupA, ssh))

	require.Equal(t, incident.Reverted, d.Outcome)
	require.False(t, d.Retry)
	require.Empty(t, w.texts(groupA))
	require.Equal(t, []string{"Group", "RevokeSecurityGroupIngress", "Rules"}, w.ec2.calls)
	require.Equal(t, []string{"Observe", "Open", "Close"}, w.ledger.calls)
	require.Equal(t, []string{"acted reverted"}, w.sent())

	closed := w.closed(groupA)
	require.Len(t, closed, 1)
	require.Equal(t, d.IncidentID, closed[0].ID)
	require.Equal(t, "arn:aws:iam::123456789012:user/ann", closed[0].Actor.ARN)
	require.Equal(t, "AuthorizeSecurityGroupIngress", closed[0].APICall)
	require.Equal(t, ssh, closed[0].Rules[0].Before.String())
	require.Empty(t, closed[0].Rules[0].After)
	require.NotEmpty(t, closed[0].Rules[0].Excess)
	require.Equal(t, []string{"ssh"}, closed[0].Rules[0].Policies)
	require.Equal(t, "test.yaml", closed[0].Policies[0].File)
	require.NotNil(t, closed[0].ClosedAt)
	require.Empty(t, w.memory(groupA).Open)
	require.Empty(t, w.memory(groupA).Lease)
}

func TestAFineChangeCostsOneWrite(t *testing.T) {
	w := newWorld(t, revertSSH)
	d := w.judge1(w.authorize(groupA, https))

	require.Equal(t, incident.Compliant, d.Outcome)
	require.Empty(t, w.ec2.calls)
	require.Equal(t, []string{"Note"}, w.ledger.calls)
	require.Empty(t, w.sent())
	require.Len(t, w.memory(groupA).Known.Rules, 1)
}
