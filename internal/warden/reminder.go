package warden

import (
	"slices"
	"time"

	"github.com/sgwarden/sgwarden/internal/incident"
)

// remindAfter is for how long what could not be taken back stays without a word:
// since it was first told, and since each reminder.
const remindAfter = 24 * time.Hour

// owesReminder reports whether readers are to be told again that an incident is
// open. What waits or is held does not come again: a policy, or a person, decided
// that, and doctor lists it.
func owesReminder(i incident.Incident, now time.Time) bool {
	last := i.LearntAt
	if i.RemindedAt.After(last) {
		last = i.RemindedAt
	}
	return i.Outcome.StaysOpen() && i.Outcome != incident.Pending &&
		slices.Contains(i.Published, string(incident.Opened)) && now.Sub(last) >= remindAfter
}
