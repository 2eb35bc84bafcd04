package policy

import "time"

// lintNotes is what Lint needs of the files beside their meaning.
type lintNotes struct {
	places     map[string]policyPlaces // by id
	exemptions []exemptionPlaces
	sets       []word          // that the settings declare
	namedSets  map[string]bool // that a policy or another set names
	deadlines  []deadline
	unscoped   []unscoped
	narrowTo   []narrowTo
	ranges     []madeOn
}

// policyPlaces is where a policy stands, and what it judges.
type policyPlaces struct {
	id, scope, judged position
	boxes             []position // of forbid; within
}

func (f *policyFile) places() policyPlaces {
	out := policyPlaces{id: f.position, scope: f.scope, judged: f.key("forbid")}
	if f.Metadata != nil {
		out.id = f.Metadata.ID.position
	}
	for i := range f.Forbid {
		out.boxes = append(out.boxes, f.Forbid[i].position)
	}
	if f.AllowOnly != nil && f.AllowOnly.Within != nil {
		out.judged = f.key("allowOnly")
		out.boxes = append(out.boxes, f.AllowOnly.Within.position)
	}
	return out
}

// exemptionPlaces is where an exemption and its parts stand.
type exemptionPlaces struct {
	Exemption
	at, group position
	rules     []position
}

// deadline is the end of an exemption or exception.
type deadline struct {
	at    position
	what  string
	until time.Time
}

// unscoped is a chosen policy that is off, as nobody scoped it.
type unscoped struct {
	at   position
	id   string
	pack string
	not  bool // its scope says whom it is not for
}

// OffReason says why a policy is off.
type OffReason struct {
	Unscoped bool   // it is chosen, and nobody gave it a scope; else an override switched it off
	File     string // where that stands
	Line     int
}

func (f *policyFile) offReason() OffReason {
	if f.offAt.given() {
		return OffReason{false, f.offAt.source.file, f.offAt.line}
	}
	return OffReason{true, f.scope.source.file, f.scope.line}
}

// narrowTo is an entry of remedy.to.
type narrowTo struct {
	at     position
	policy string
	cidr   cidrText
}
