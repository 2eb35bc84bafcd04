package incident

import (
	"slices"
	"time"

	"github.com/sgwarden/sgwarden/internal/policy"
	"github.com/sgwarden/sgwarden/internal/secgroup"
)

// SchemaVersion of the incident document.
const SchemaVersion = "1"

// EventType says why a message about an incident is sent.
type EventType string

const (
	Opened     EventType = "opened"     // first message where nothing was changed
	Acted      EventType = "acted"      // verified reverted, narrowed or tagged
	Resolved   EventType = "resolved"   // gone or exempt without us
	Attributed EventType = "attributed" // a later record told the actor
	Contested  EventType = "contested"
	Reminder   EventType = "reminder"
	Undone     EventType = "undone"
)

// EventTypes is the closed list.
var EventTypes = []EventType{Opened, Acted, Resolved, Attributed, Contested, Reminder, Undone}

// valid holds for the closed list, and for "": no message was sent.
func (e EventType) valid() bool { return e == "" || slices.Contains(EventTypes, e) }

// Incident is the document of the rules of one group that became due in one
// judging. Its JSON form is a public contract, see MarshalJSON.
type Incident struct {
	ID        string
	EventType EventType
	Outcome   Outcome
	Reason    string
	Fallback  string
	Mode      policy.Mode
	Severity  policy.Severity
	Policies  []PolicyNote // every policy that is violated, worst first
	Standing  []Rule       // rules that violate but stand (baseline, or before the act)

	AccountID string
	Region    string
	Resource  string // ARN of the group
	GroupID   string
	GroupName string
	VPCID     string
	GroupTags map[string]string

	Rules []Rule
	Actor Actor

	// List is set where the incident is about a prefix list: Rules are those that
	// refer to it and violate by it, of whatever group, and GroupID is "".
	List *List

	APICall string // event name of the call; "" for a sweep
	EventID string
	Cause   string // event, sweep, retry, settle, after, blocks

	OpenedAt time.Time  // from the record's time
	LearntAt time.Time  // when it was first judged
	ClosedAt *time.Time // from the read-back; nil = open
	Sessions Sessions
	Would    []string // observe: what enforce would have called, in words
	Actions  []string // what was called, in words, with the answer
	Notes    []string // facts for the reader, one sentence each (lost traffic, late, unverified, ...)

	// OmittedRules counts rules that were left out of this copy, because a
	// message has a size; the ledger always has them all.
	OmittedRules int

	// Superseded are the changes that came before the one that the incident is
	// about and of which records told late, MostSuperseded at most, as they came.
	Superseded []Superseded

	// Bookkeeping of the ledger, part of the stored form only.
	Published []string // event types that were sent, by when they were sent last
	// ActorUntold is true while no message told the actor, whom a later record told.
	ActorUntold bool
	// RemindedAt is when a message last said that it is still open; zero = none did.
	RemindedAt time.Time
	// Owed are the sinks beside the subscribers that could not take the last of
	// those messages yet, by name.
	Owed []string
	// Planned is what the last judging was making of the rules that it could
	// not verify, by rule id.
	Planned map[string]Planned
	Chain   string // hash of the group's incident before this one
	Status  string // "open", "closed"
}

// Planned is what was to become of one rule.
type Planned struct {
	After    []secgroup.Rule // empty = it was to be removed
	Restored bool
}

// Rule is one rule of an incident, or, with the id secgroup.GroupEntry and no
// value, the group itself under one policy.
type Rule struct {
	ID        string
	Direction secgroup.Direction
	Before    *secgroup.Rule  // nil = not known
	After     []secgroup.Rule // what is left of it; empty = removed
	Excess    []secgroup.Rule // exactly what was too much, as the fewest rules
	// OmittedExcess counts rules that BoundExcess left out of Excess; 0 = none.
	OmittedExcess int
	Outcome       Outcome
	Reason        string
	GroupID       string // of the rule, where the incident is about a list; else ""
	Policies      []string
	Lacks         []string // what policies require and do not find, one sentence each, without its end
	Restored      bool
	Fallback      string
}

// PolicyNote is what a reader needs of a violated policy.
type PolicyNote struct {
	ID, Title, Why, Fix string
	Severity            policy.Severity
	File                string
	Line                int
	Controls            map[string][]string
}

// Actor is who made the change, as far as it is known.
type Actor struct {
	secgroup.Actor
	Attributed bool
}

// Sessions says whether connections that were let in may live on.
type Sessions struct {
	Tracked           string // one of the Tracked constants; "" = nothing was let in
	MaySurviveSeconds int    // worst case; 0 = cut at once
	Basis             string // BasisGroup or BasisInterfaces
}

// Result is what one action did, as far as its answer tells.
type Result struct {
	RequestIDs []string
	Removed    []secgroup.Rule // what a revoke says that it removed
	Added      []secgroup.Rule // what an authorize says that it added
	Err        error           // wraps one of this package's errors; nil = the call answered success
}
