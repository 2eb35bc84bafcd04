package warden

import (
	"fmt"
	"strings"

	"github.com/sgwarden/sgwarden/internal/incident"
	"github.com/sgwarden/sgwarden/internal/policy"
	"github.com/sgwarden/sgwarden/internal/secgroup"
)

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
