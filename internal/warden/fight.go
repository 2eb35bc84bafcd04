package warden

import (
	"fmt"
	"strings"
	"time"

	"github.com/sgwarden/sgwarden/internal/secgroup"
)

const (
	// contestedAfter is how often the same excess may come back within
	// fightWindow before it is called a fight.
	contestedAfter = 3
	fightWindow    = time.Hour

	// contestedMark precedes a rule's value where Known.Removed remembers that
	// the fight about it was told.
	contestedMark = "contested "
)

// takenBefore counts how often a rule of this value was taken back by us
// within the last hour.
func (j *judging) takenBefore(rule secgroup.Rule) int {
	n := 0
	for key, r := range j.mem.Known.Removed {
		if r.IncidentID != "" && r.Value == rule.Value() && j.now.Sub(r.At) < fightWindow && !strings.HasPrefix(key, contestedMark) {
			n++
		}
	}
	return n
}

// isFight reports whether the same excess keeps coming back. It is removed all
// the same; only what is said of it changes.
func (j *judging) isFight(d *draft) bool { return d.contested >= contestedAfter }

// escalated reports whether the fight was told within the last hour.
func (j *judging) escalated(d *draft) bool {
	for _, e := range d.ends {
		told, ok := j.mem.Known.Removed[contestedMark+e.rule.Value()]
		if ok && j.now.Sub(told.At) < fightWindow {
			return true
		}
	}
	return false
}

// fightNote names both sides.
func (j *judging) fightNote(d *draft) string {
	other := "an unknown actor"
	if d.inc.Actor.Attributed {
		other = strings.TrimSpace(d.inc.Actor.ARN + " with " + shorten(d.inc.Actor.UserAgent))
	}
	note := fmt.Sprintf("the same excess came back %d times within an hour: %s opens it, sgwarden takes it back", d.contested, other)
	if stack := j.live.Tags["aws:cloudformation:stack-name"]; stack != "" {
		note += "; the group belongs to the CloudFormation stack " + shorten(stack)
	}
	return note
}
