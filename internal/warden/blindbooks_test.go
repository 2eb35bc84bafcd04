package warden

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sgwarden/sgwarden/internal/incident"
)

// TestWhatIsRemovedWithoutTheLedgerIsFiledOnce: in the incident that holds the
// rule, if one is open; else under the id that its alert told.
func TestWhatIsRemovedWithoutTheLedgerIsFiledOnce(t *testing.T) {
	const acted, told = "acted reverted", "opened unresolved"
	noRead := func(w *world) { w.ec2.on = always("Rules", incident.ErrThrottled) }
	for _, tt := range []struct {
		name  string
		open  func(w *world, body []byte) // leaves an incident open
		blind func(w *world)              // what goes wrong without the ledger
		back  func(w *world)              // what happens until it is back
		sent  []string
		own   bool // filed under the id of the alert
	}{
		{name: "no incident", sent: []string{acted}, own: true},
		{
			name: "one that was told",
			open: func(w *world, body []byte) {
				w.ec2.on = always("RevokeSecurityGroupIngress", incident.ErrDenied)
				w.judge1(body)
				w.ec2.on = nil
			},
			sent: []string{"opened cannot-remediate", acted, acted},
		},
		{
			name: "one that nobody was told of",
			open: func(w *world, body []byte) { w.killedBefore("RevokeSecurityGroupIngress", body) },
			sent: []string{acted},
		},
		{
			name: "one whose opening was not answered",
			open: func(w *world, body []byte) {
				w.ledger.after = func(call string) {
					if call == "Open" {
						panic("killed")
					}
				}
				w.judge1(body)
				w.ledger.after = nil
				w.restart()
				w.wait(time.Minute + time.Second)
			},
			sent: []string{acted},
		},
		{name: "the removal cannot be read back", blind: noRead, sent: []string{told, acted}, own: true},
		{
			name: "the removal is not answered, and cannot be read back",
			blind: func(w *world) {
				w.ec2.silent = incident.ErrUnavailable
				noRead(w)
			},
			sent: []string{told, acted}, own: true,
		},
		{
			name: "the removal had no effect, and cannot be read back",
			blind: func(w *world) {
				w.ec2.swallow = true
				noRead(w)
			},
			sent: []string{told, acted}, own: true,
		},
		{
			name:  "the removal is refused, twice",
			blind: func(w *world) { w.ec2.on = always("RevokeSecurityGroupIngress", incident.ErrDenied) },
			back:  func(w *world) { require.Equal(w.t, []string{"opened cannot-remediate"}, w.sent()) },
			sent:  []string{"opened cannot-remediate", acted}, own: true,
		},
		{
			name:  "the removal cannot be read back, and the group is deleted",
			blind: noRead,
			back: func(w *world) {
				w.wait(2 * time.Minute)
				w.ec2.drop(groupA)
			},
			sent: []string{told, acted}, own: true,
		},
		{
			name: "a look comes first",
			back: func(w *world) {
				w.up()
				require.Equal(w.t, incident.Reverted, w.judge1(judgeGroup(groupA, "sweep", "")).Outcome)
			},
			sent: []string{acted}, own: true,
		},
		{
			name: "a read that lags shows the rule once more",
			back: func(w *world) {
				gone := w.ec2.add(groupA, parse(w.t, ssh))
				w.ec2.groups[groupA].Rules[0].ID = "sgr-00000000000000001"
				w.ec2.on = func(call string) error {
					if call == "RevokeSecurityGroupIngress" {
						w.ec2.groups[groupA].Rules = nil
						return fmt.Errorf("revoke %s: %w", gone.ID, incident.ErrGone)
					}
					return nil
				}
			},
			sent: []string{acted}, own: true,
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t, revertSSH)
			body := w.authorize(groupA, ssh)
			require.Equal(t, "sgr-00000000000000001", w.ec2.group(groupA)[0].ID)
			if tt.open != nil {
				tt.open(w, body)
				require.Len(t, w.memory(groupA).Open, 1)
			}
			w.down()
			if tt.blind != nil {
				tt.blind(w)
			}
			require.True(t, w.judgeTimes(body, 2).Retry)
			require.True(t, w.judgeTimes(body, 3).Retry)
			w.ec2.on, w.ec2.silent, w.ec2.swallow = nil, nil, false
			if tt.back != nil {
				tt.back(w)
			}
			w.up()
			d := w.judgeTimes(body, 4)
			require.False(t, d.Retry, "%s %s", d.Outcome, d.Reason)
			w.requireOpen(groupA)
			require.Empty(t, w.memory(groupA).Open)
			closed := w.closed(groupA)
			require.Len(t, closed, 1)
			require.Equal(t, incident.Reverted, closed[0].Outcome)
			require.Equal(t, incident.Reverted, closed[0].Rules[0].Outcome)
			require.Equal(t, ssh, closed[0].Rules[0].Before.String())
			require.Empty(t, closed[0].Rules[0].After)
			require.Equal(t, []string{"ssh"}, closed[0].Rules[0].Policies)
			require.True(t, closed[0].Actor.Attributed)
			require.Equal(t, tt.sent, w.sent())
			alert := incident.EventID(groupA, "sgr-00000000000000001", "event-0001")
			require.Equal(t, tt.own, closed[0].ID == alert)
			require.Equal(t, !tt.own, slices.Contains(closed[0].Notes, incident.ToldAs+alert))

			w.judgeTimes(body, 5)
			w.judge1(judgeGroup(groupA, "sweep", ""))
			require.Len(t, w.closed(groupA), 1)
			require.Equal(t, tt.sent, w.sent())
		})
	}
}

// TestWhatAnOperatorPutBackIsFiledWhenItIsTakenBlindly: the incident that tells of
// the undoing is over, and is none of what is taken again.
func TestWhatAnOperatorPutBackIsFiledWhenItIsTakenBlindly(t *testing.T) {
	w := newWorld(t, revertSSH)
	w.judge1(w.authorize(groupA, ssh))
	w.putBack(w.closed(groupA)[0])
	body := w.authorize(groupA, ssh)
	back := w.ec2.group(groupA)[0].ID
	w.publisher.on = func(incident.Incident) error { return incident.ErrUnavailable }
	require.True(t, w.judge1(body).Retry)
	require.Len(t, w.memory(groupA).Open, 1, "the message of the undoing is owed")
	w.publisher.on = nil

	w.down()
	require.True(t, w.judgeTimes(body, 2).Retry)
	w.requireOpen(groupA)
	require.Equal(t, []string{"acted reverted", "acted reverted"}, w.sent())
	w.up()
	d := w.judgeTimes(body, 3)
	require.False(t, d.Retry, "%s %s", d.Outcome, d.Reason)
	require.Empty(t, w.memory(groupA).Open)
	closed := w.closed(groupA)
	last := slices.IndexFunc(closed, func(i incident.Incident) bool { return i.ID == w.publisher.messages()[1].ID })
	require.GreaterOrEqual(t, last, 0, "what was done and told is filed")
	require.Equal(t, incident.Reverted, closed[last].Rules[0].Outcome)
	require.Equal(t, back, closed[last].Rules[0].ID)
	require.NotEmpty(t, w.memory(groupA).Recent, "the journal knows our call")
	require.Equal(t, []string{"acted reverted", "acted reverted"}, w.sent(), "it stands no more")
}

// TestBlindAlertSaysWhatFailed: a ledger that was read is not one that could
// not be.
func TestBlindAlertSaysWhatFailed(t *testing.T) {
	for call, want := range map[string]string{
		"Observe": "the ledger could not be read: ",
		"Open":    "the ledger could not be written: its exemptions and pauses were kept to",
	} {
		t.Run(call, func(t *testing.T) {
			w := newWorld(t, revertSSH)
			w.ledger.on = always(call, incident.ErrUnavailable)
			w.judge1(w.authorize(groupA, ssh))
			require.Len(t, w.publisher.messages(), 1)
			notes := w.publisher.messages()[0].Notes
			require.Len(t, notes, 1)
			require.Contains(t, notes[0], want)
		})
	}
	require.Contains(t, blindNote(&ledgerError{write: true}, false), "could not be written, nor read")
}
