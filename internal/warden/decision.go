package warden

import (
	"github.com/sgwarden/sgwarden/internal/incident"
	"github.com/sgwarden/sgwarden/internal/plan"
	"github.com/sgwarden/sgwarden/internal/policy"
	"github.com/sgwarden/sgwarden/internal/secgroup"
)

// Delivery is one message as a queue or a caller hands it over.
type Delivery struct {
	ID           string // message id; only handed back
	Body         []byte // an event, a record, a log file or a Judge Group message
	ReceiveCount int    // how often it was received, this time included; below 1 counts as 1
}

// ReasonHeld is why nothing is done about a violation while remedies are
// paused, or the fuse holds the policy.
const ReasonHeld = "held"

// reasonWaiting is why nothing is done about it so far: its policy gives it time.
const reasonWaiting = "waiting"

// Decision is the answer to one record for one group.
type Decision struct {
	DeliveryID string
	EventID    string // "" = the record has none, or could not be read
	GroupID    string // "" = it concerns no group, or none that could be found
	Outcome    incident.Outcome
	Reason     string
	IncidentID string // "" = none
	Rules      []RuleDecision
	// Retry is true where the message must be delivered again.
	Retry bool

	// Change is the record as it was read; the zero value where it was not.
	Change secgroup.Change
	// Incident is the document of this decision: the stored incident, or, for
	// what makes none (compliant, ignored ...), one without id.
	Incident incident.Incident
	// Story tells how the group was judged; nil where it was not looked at.
	// Records that were judged together share it.
	Story *Story
}

// RuleDecision is what became of one rule.
type RuleDecision struct {
	ID      string // sgr-...; "" = not known
	Rule    secgroup.Rule
	Outcome incident.Outcome
	Reason  string
}

// Story is what one judging saw and did, for readers; nothing depends on it.
type Story struct {
	Before    secgroup.Group
	Verdict   policy.Verdict
	Plan      plan.Plan
	After     []secgroup.Rule // as read back; as in Before where nothing was called
	Incidents []incident.Incident
	Published []incident.Incident // in the order in which they were sent
}
