package incident

import (
	"time"

	"github.com/sgwarden/sgwarden/internal/policy"
)

// Memory is what the ledger answers for one group: one query and one read of
// the controls.
type Memory struct {
	Known     policy.Known
	Open      []Incident // incidents that are not closed, oldest first
	Recent    []Journal  // own mutations of the last hour, by request id
	Lease     Lease
	Controls  Controls
	ChainHead string // hash of the group's newest incident entry; "" = none
}

// Lease is the right to change a group. The zero value is free.
type Lease struct {
	Holder string
	Until  time.Time
}

// Journal is one own mutation: how a later record of it is recognised.
type Journal struct {
	RequestID  string
	Call       string
	IncidentID string
	At         time.Time
}

// Controls are what operators and sweeps set for all groups or one.
type Controls struct {
	Exemptions []policy.Exemption
	Paused     string                // reason; "" = not paused
	Acts       map[string]policy.Act // by policy id + "@" + digest
	Stamp      time.Time             // last complete sweep; zero = none yet
	Missed     map[string]Missed     // groups that sweeps did not read when they set acts, by id; see Act
	Held       map[string]Hold       // what a fuse holds, by policy id + "@" + digest
	Fuse       Fuse
	// Adopted is when an operator ended what baseline marks stand for, by policy
	// id or EveryPolicy: for all groups, or for the one at hand, the later.
	Adopted map[string]time.Time
	// Resumed is when an operator took the ledger for what it is although its
	// stamp was old; zero = never.
	Resumed time.Time
}

// staleAfter is the age of the ledger's stamp from which the table may be a
// restored one: sweeps stamp it every few minutes.
const staleAfter = 24 * time.Hour

// Stale reports whether the ledger may be an old copy: the last complete sweep,
// and the last time that an operator resumed it, are more than a day before
// now. A ledger that no sweep has stamped is new, not stale.
func (c Controls) Stale(now time.Time) bool {
	latest := c.Stamp
	if c.Resumed.After(latest) {
		latest = c.Resumed
	}
	return !c.Stamp.IsZero() && now.Sub(latest) > staleAfter
}

// EveryPolicy stands for all policies in Controls.Adopted.
const EveryPolicy = "*"

// SweepRecord is what a sweep writes of itself, beside what is there.
type SweepRecord struct {
	Acts map[string]policy.Act // by policy id + "@" + digest: set
	Drop []string              // likewise: acts of digests that are not in force any more
	// Missed takes the place of what is remembered of missed groups; nil = that stays.
	Missed map[string]Missed
	Stamp  time.Time // of the complete sweep; zero = it is not complete
}

// Note is triage's one write: rules that a harmless change names, set where
// the id is absent. It adds 1 to the version, without a condition.
type Note struct {
	GroupID string
	Name    string // "" = not known
	VPCID   string
	Rules   map[string]policy.KnownRule
	Removed map[string]policy.RemovedRule
	At      time.Time
}

// Opening is the transaction before the first mutation: the item's new state
// conditional on the version read before Describe, the lease, the incidents.
type Opening struct {
	GroupID   string
	Version   int64        // as read; 0 = there was no item
	Known     policy.Known // the item's new state; Version is set by the ledger
	Incidents []Incident
	Lease     Lease
	Fuse      *FuseCharge // nil = no count changes
	Now       time.Time
}

// Closing is the transaction after the last mutation.
type Closing struct {
	GroupID   string
	Version   int64
	Known     policy.Known
	Incidents []Incident // with Status "closed", or "open" where they stay open
	Journal   []Journal
	Holder    string // whose lease is given back
	Now       time.Time
}
