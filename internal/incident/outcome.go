package incident

import "fmt"

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

// outcomeNames are a public contract (docs/reference/incident.md).
var outcomeNames = [...]string{
	Ignored:          "ignored",
	Compliant:        "compliant",
	Gone:             "gone",
	AlreadyCompliant: "already-compliant",
	Exempt:           "exempt",
	Observed:         "observed",
	Alerted:          "alerted",
	Tagged:           "tagged",
	Narrowed:         "narrowed",
	Reverted:         "reverted",
	Pending:          "pending",
	NotReverted:      "not-reverted",
	Unresolved:       "unresolved",
	CannotRemediate:  "cannot-remediate",
}

// Outcomes gives the closed list, from the best to the worst.
func Outcomes() []Outcome {
	all := make([]Outcome, 0, CannotRemediate)
	for o := Ignored; o <= CannotRemediate; o++ {
		all = append(all, o)
	}
	return all
}

// String gives the name of the closed list, or "invalid outcome".
func (o Outcome) String() string {
	if o < Ignored || o > CannotRemediate {
		return "invalid outcome"
	}
	return outcomeNames[o]
}

// ParseOutcome is the inverse of String. Every other text, the empty one and
// other spellings included, is an error.
func ParseOutcome(text string) (Outcome, error) {
	for o := Ignored; o <= CannotRemediate; o++ {
		if outcomeNames[o] == text {
			return o, nil
		}
	}
	return 0, fmt.Errorf("parse outcome %q: not one of the closed list", text)
}

// Changed reports whether the outcome claims a change of sgwarden that was
// read back: reverted, narrowed or tagged.
func (o Outcome) Changed() bool { return o == Reverted || o == Narrowed || o == Tagged }

// StaysOpen reports whether an incident of this outcome is not closed: pending,
// not-reverted, unresolved or cannot-remediate. Something is still to be done.
func (o Outcome) StaysOpen() bool { return o >= Pending && o <= CannotRemediate }
