package incident

// Outcome is how the judgement of a rule or change ended. The list is closed
// and ordered: a greater value is worse, and a change ends in its worst rule's.
// The zero value is invalid.
type Outcome uint8

const (
	Ignored Outcome = 1 + iota
	Compliant
	Gone
	AlreadyCompliant
	Exempt
	Observed
	Alerted
	Tagged
	Narrowed
	Reverted
	Pending
	NotReverted
	Unresolved
	CannotRemediate
)
