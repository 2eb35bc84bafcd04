package warden

import (
	"fmt"
	"strings"
	"time"

	"github.com/sgwarden/sgwarden/internal/incident"
	"github.com/sgwarden/sgwarden/internal/policy"
	"github.com/sgwarden/sgwarden/internal/secgroup"
)

// remember is what later judgings of the list need: what was told, and taken.
func (l *listJudging) remember(now time.Time, sent bool) map[string]policy.RemovedRule {
	removed := map[string]policy.RemovedRule{}
	for key, r := range l.known.Removed {
		removed[key] = r
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
	return prune(removed, now)
}

// taken names what was taken out, for comparing.
func (l *listJudging) taken() string {
	if l.inc.List == nil {
		return ""
	}
	return policy.ListDigest(secgroup.Blocks(l.inc.List.Removed))
}

// contested is how often the same was taken out of the list within the hour.
func (l *listJudging) contested() (n int) {
	for key, r := range l.known.Removed {
		if strings.HasPrefix(key, takenMark) && r.Value == l.taken() && l.now.Sub(r.At) < fightWindow {
			n++
		}
	}
	return n
}

func (l *listJudging) contest() {
	if n := l.contested(); l.inc.Outcome == incident.Reverted && n >= contestedAfter {
		l.inc.Reason = orOther(l.inc.Reason, "contested")
		other := "an unknown actor"
		if l.inc.Actor.Attributed {
			other = orOther(l.inc.Actor.ARN, other)
		}
		l.inc.Notes = appendOnce(l.inc.Notes, fmt.Sprintf("the same entries came back %d times within an hour: %s adds them, sgwarden takes them out", n, other))
	}
}
