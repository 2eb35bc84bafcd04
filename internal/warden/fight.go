package warden

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/sgwarden/sgwarden/internal/policy"
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
// the same; only what is said of it changes. An incident with anything new in
// it is none.
func isFight(d *draft) bool { return contested(d) >= contestedAfter }

// contested is how often the least contested rule of an incident was taken
// back before.
func contested(d *draft) int {
	least := 0
	for i, e := range d.ends {
		if i == 0 || e.contested < least {
			least = e.contested
		}
	}
	return least
}

// escalated reports whether the fight about every rule of an incident was told
// within the last hour.
func (j *judging) escalated(d *draft) bool {
	for _, e := range d.ends {
		told, ok := j.mem.Known.Removed[contestedMark+e.rule.Value()]
		if !ok || j.now.Sub(told.At) >= fightWindow {
			return false
		}
	}
	return true
}

// fightNotes name both sides, and where the fight can be ended.
func (j *judging) fightNotes(d *draft) []string {
	other := "an unknown actor"
	if d.inc.Actor.Attributed {
		other = strings.TrimSpace(d.inc.Actor.ARN + " with " + shorten(d.inc.Actor.UserAgent))
	}
	note := fmt.Sprintf("the same excess came back %d times within an hour: %s opens it, sgwarden takes it back", contested(d), other)
	return append([]string{note}, keepersOf(d.inc.Actor.Actor, j.live)...)
}

// openersAsked is how many earlier incidents of a fight are asked for who opened
// them, the latest first.
const openersAsked = 5

// otherOpeners name who else opened the same within the last hour: a fight may
// have more than two sides. Of an incident that cannot be read now nothing is said.
func (j *judging) otherOpeners(ctx context.Context, d *draft) (notes []string) {
	if j.w.cfg.Closed == nil {
		return nil
	}
	values := map[string]bool{}
	for _, e := range d.ends {
		values[e.rule.Value()] = true
	}
	var before []policy.RemovedRule
	for key, r := range j.mem.Known.Removed {
		if values[r.Value] && r.IncidentID != "" && r.IncidentID != d.inc.ID && j.now.Sub(r.At) < fightWindow && !strings.HasPrefix(key, contestedMark) {
			before = append(before, r)
		}
	}
	slices.SortFunc(before, func(a, b policy.RemovedRule) int {
		return cmp.Or(b.At.Compare(a.At), strings.Compare(a.IncidentID, b.IncidentID))
	})
	for _, r := range before[:min(len(before), openersAsked)] {
		inc, found, err := j.w.cfg.Closed(ctx, j.groupID, r.IncidentID)
		if err != nil || !found || !inc.Actor.Attributed || inc.Actor.ARN == d.inc.Actor.ARN {
			continue
		}
		notes = appendOnce(notes, fmt.Sprintf("within that hour it was opened by %s with %s too", orOther(inc.Actor.ARN, "an actor without an ARN"), shorten(inc.Actor.UserAgent)))
	}
	return notes
}
