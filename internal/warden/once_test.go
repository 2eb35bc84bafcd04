package warden

import (
	"encoding/json"
	"fmt"
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

// TestOneAlertForAFileThatCannotBeRead: not one for each of its records, however
// often the file comes, and what can be read of it is judged.
func TestOneAlertForAFileThatCannotBeRead(t *testing.T) {
	w := newWorld(t, revertSSH)
	good := damaged(t, w.authorize(groupA, ssh), func(_, _ map[string]any) {})
	var whole struct{ Detail json.RawMessage }
	require.NoError(t, json.Unmarshal(good, &whole))
	list := []json.RawMessage{whole.Detail}
	for n := range 150 {
		list = append(list, json.RawMessage(fmt.Sprintf(`{"eventSource":"ec2.amazonaws.com","eventName":"AuthorizeSecurityGroupIngress","eventID":"e-%d"}`, n)))
	}
	body, err := json.Marshal(map[string]any{"Records": list})
	require.NoError(t, err)
	for n := range 3 {
		decisions := w.Judge(t.Context(), []Delivery{{ID: "file", Body: body, ReceiveCount: n + 1}})
		require.Len(t, decisions, 1+101)
		for _, d := range decisions[1:] {
			require.Equal(t, incident.Unresolved, d.Outcome)
			require.False(t, d.Retry)
			require.Equal(t, decisions[1].IncidentID, d.IncidentID)
		}
	}
	require.ElementsMatch(t, []string{"acted reverted", "opened unresolved"}, w.sent())
	var told incident.Incident
	for _, i := range w.publisher.messages() {
		if i.Outcome == incident.Unresolved {
			told = i
		}
	}
	require.Equal(t, reasonUnreadable, told.Reason)
	require.Len(t, told.Notes, 1+mostUnreadNotes+1)
	require.Equal(t, "and 91 more: the log of the function has a line for each", told.Notes[len(told.Notes)-1])
	require.Equal(t, "AuthorizeSecurityGroupIngress", told.APICall)
}
