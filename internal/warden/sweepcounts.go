package warden

import "maps"

// SweepCounts is what a pass met and did.
type SweepCounts struct {
	Pages  int
	Groups int // that were read, Foreign and Unread included
	Rules  int
	// Foreign groups are shared with the account by another one, which guards
	// them. Unread ones have a rule that is not understood. Both were left.
	Foreign, Unread int
	Vanished        int // groups that went, or lost all rules, while they were read
	Failed          int // items that the ledger will not take: see the log
	Written         int // items
	// Marked counts rules that baseline acts marked, by policy id.
	Marked map[string]int
	// Enqueued counts groups that the guard was asked to look at, by the most
	// pressing reason: a SweepReason; and lists, once for each reason, in place of the
	// groups that refer to them.
	Enqueued map[SweepReason]int
	Calls    SweepCalls
}

// SweepCalls counts calls. One of Networks or of a prefix list is counted as
// one; it is more where there are many VPCs, or entries.
type SweepCalls struct{ EC2, Ledger, Queue int }

// SweepReason is why a sweep asks the guard to look at a group.
type SweepReason string

// The reasons, the most pressing first.
const (
	SweepLapsed  SweepReason = "lapsed"  // an exemption ended, or is about to, and what it covered is due then
	SweepDue     SweepReason = "due"     // a rule is due, or must be told of
	SweepWaiting SweepReason = "waiting" // a rule that nobody knew waits
	SweepOpen    SweepReason = "open"    // an incident is open for too long
)

func (c SweepCounts) clone() SweepCounts {
	c.Marked, c.Enqueued = maps.Clone(c.Marked), maps.Clone(c.Enqueued)
	if c.Marked == nil {
		c.Marked = map[string]int{}
	}
	if c.Enqueued == nil {
		c.Enqueued = map[SweepReason]int{}
	}
	return c
}
