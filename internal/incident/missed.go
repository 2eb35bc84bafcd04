package incident

import (
	"time"

	"github.com/sgwarden/sgwarden/internal/policy"
)

// Missed is a group that a sweep could not read, or not write down, while it set
// baseline acts: for that group they are not done.
type Missed struct {
	Since time.Time // the start of the first pass that missed it
	Read  time.Time // when a later pass was over that did read it; zero = none was yet
}

// MostMissed bounds the groups that are remembered so, as they are read with
// every change. A pass that misses more sets no act.
const MostMissed = 200

// missedFor is how long it is remembered that a missed group was read: as long as
// a record from the time between may still come, by the failed messages too.
const missedFor = 14 * 24 * time.Hour

// Over reports whether nothing rests on it any more.
func (m Missed) Over(now time.Time) bool { return !m.Read.IsZero() && now.Sub(m.Read) > missedFor }

// Act is the baseline act of a policy, by its id + "@" + digest, as it holds for a
// group; false = none was begun. For a group that was missed it is not done
// before a later pass has read the group, and is at an end then.
func (c Controls) Act(key, groupID string) (policy.Act, bool) {
	act, ok := c.Acts[key]
	if !ok || !act.Done || !c.isMissed(act, groupID) {
		return act, ok
	}
	m := c.Missed[groupID]
	act.Done, act.At = !m.Read.IsZero(), m.Read
	return act, true
}

func (c Controls) isMissed(act policy.Act, groupID string) bool {
	m, ok := c.Missed[groupID]
	return ok && !act.At.Before(m.Since)
}

// IsOwed reports whether the act of a policy is done, and some group still waits
// for a pass that reads it.
func (c Controls) IsOwed(key string) bool {
	act := c.Acts[key]
	for id, m := range c.Missed {
		if act.Done && m.Read.IsZero() && c.isMissed(act, id) {
			return true
		}
	}
	return false
}
