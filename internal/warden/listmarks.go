package warden

import (
	"maps"
	"strings"
	"time"

	"github.com/sgwarden/sgwarden/internal/incident"
	"github.com/sgwarden/sgwarden/internal/policy"
)

const (
	// listMark precedes the name of a version of the list where its Known.Removed
	// remembers that it was told, with the outcome as the value.
	listMark = "list "
	// takenMark precedes a time where it remembers what was taken out of the list.
	takenMark = "taken@"
)

// mark is where the list's Known.Removed remembers that this version of it was told.
func (l *listJudging) mark() string {
	return listMark + listIncident(l.id, l.list.Version, policy.ListDigest(l.list.Entries))
}

// keepMarks is what the list's item remembers, with what was told as new as today:
// the ledger forgets what is a day old with each write, and a version that was told
// stays told as long as the list has it. What was lacking is asked for again long
// before, and its time says when it was.
func keepMarks(removed map[string]policy.RemovedRule, now time.Time) map[string]policy.RemovedRule {
	kept := maps.Clone(removed)
	for key, r := range kept {
		if strings.HasPrefix(key, listMark) && !strings.HasSuffix(r.Value, unreadMark) {
			r.At = now
			kept[key] = r
		}
	}
	return kept
}

// remember is what later judgings of the list need: what was told of the version
// that it has, what was taken, and which of the incidents that were told are over
// without an actor. A list never has an earlier version again.
func (l *listJudging) remember(now time.Time, sent bool, told []incident.Incident) map[string]policy.RemovedRule {
	removed := map[string]policy.RemovedRule{}
	for key, r := range l.known.Removed {
		if !strings.HasPrefix(key, listMark) || key == l.mark() {
			removed[key] = r
		}
	}
	switch l.inc.Outcome {
	case incident.Alerted, incident.Observed:
		if sent {
			removed[l.mark()] = listTold{l.inc.ID, l.inc.Outcome, now, l.lacking}.entry()
		}
	case incident.Reverted:
		removed[takenMark+now.Format(timeMark)] = policy.RemovedRule{At: now, IncidentID: l.inc.ID, Value: l.taken()}
		if sent && l.inc.EventType == incident.Contested {
			removed[contestedMark+l.taken()] = policy.RemovedRule{At: now, IncidentID: l.inc.ID}
		}
	}
	for _, i := range told {
		delete(removed, unattributedMark+i.ID)
		if !i.Actor.Attributed && !i.Outcome.StaysOpen() {
			removed[unattributedMark+i.ID] = policy.RemovedRule{At: now, IncidentID: i.ID}
		}
	}
	return prune(removed, now)
}
