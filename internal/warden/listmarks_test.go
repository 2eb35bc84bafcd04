package warden

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sgwarden/sgwarden/internal/incident"
	"github.com/sgwarden/sgwarden/internal/secgroup"
)

// TestAListIsToldOnceHoweverLate: what was told of a version holds as long as the
// list has it. A group that is met days later, or a dead letter, is no news.
func TestAListIsToldOnceHoweverLate(t *testing.T) {
	w := grownList(t, revertSSH)
	chat := &sinkDouble{name: "chat", on: failing(incident.ErrThrottled)}
	w.cfg.Sinks = []Sink{chat}
	w.restart()
	w.ec2.users = []secgroup.ListUser{{ID: "rtb-0eeeeeeeeeeeeeeee", OwnerID: account}}
	w.holds(ownList, "8.8.8.0/29", "0.0.0.0/0")
	body := w.edit(1)
	w.decisions(body, 1)
	require.Equal(t, []string{"opened alerted"}, w.sent())
	w.wait(25 * time.Hour)
	chat.on = nil
	w.restart()
	w.sweptOutcomes(groupA) // the sink is told, and the list's item written
	require.Equal(t, []string{"opened alerted"}, chat.told)
	w.sweptOutcomes(groupA, groupB)
	w.decisions(body, 2)
	w.wait(25 * time.Hour)
	w.decisions(body, 3)
	w.sweptOutcomes(groupA, groupB)
	require.Equal(t, []string{"opened alerted"}, w.sent())
	require.Equal(t, []string{"opened alerted"}, chat.told)

	w.holds(ownList, "8.8.8.0/29", "0.0.0.0/0", "::/0")
	w.decisions(w.edit(2), 1)
	require.Equal(t, []string{"opened alerted", "opened alerted"}, w.sent(), "another version is news")
	require.Len(t, w.told(ownList), 1, "and all that is remembered")
}

// told are the versions that an item of a list remembers to be told.
func (w *world) told(id string) (marks []string) {
	for key := range w.memory(id).Known.Removed {
		if len(key) > len(listMark) && key[:len(listMark)] == listMark {
			marks = append(marks, key)
		}
	}
	return marks
}
