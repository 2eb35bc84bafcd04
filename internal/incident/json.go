package incident

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
)

// MarshalJSON writes the public incident document of SchemaVersion (see
// docs/reference/incident.md). Equal incidents give equal bytes: rules are
// sorted by id, violations worst first. Every key is always there; what is
// not known is null, "" or []. Characters that a terminal or a reader could
// act on (controls, bidirectional and other invisible ones) are escaped.
// Fields that only the ledger needs are left out, see MarshalStored.
func (i Incident) MarshalJSON() ([]byte, error) { return encode(newDocument(i)) }

// UnmarshalJSON reads a document of SchemaVersion and ignores keys that it
// does not know. It is the inverse of MarshalJSON but for what the document
// does not hold: entries of prefix lists, and the order of rules.
func (i *Incident) UnmarshalJSON(text []byte) error {
	var d document
	if err := json.Unmarshal(text, &d); err != nil {
		return fmt.Errorf("decode incident: %w", err)
	}
	return d.fill(i)
}

// MarshalRecord is MarshalJSON with one key before the others: `record`, the
// 1-based place of the record that the document answers (`sgwarden demo`).
func (i Incident) MarshalRecord(record int) ([]byte, error) {
	return encode(struct {
		Record int `json:"record"`
		document
	}{record, newDocument(i)})
}

// MarshalStored is MarshalJSON with the bookkeeping of the ledger beside it.
func (i Incident) MarshalStored() ([]byte, error) {
	return encode(storedDocument{
		document: newDocument(i), Published: orEmpty(slices.Clone(i.Published)), Owed: i.Owed, Untold: i.ActorUntold, RemindedAt: nullableTime(i.RemindedAt), Told: toldEvents(i.Superseded),
		Planned: newPlannedDocuments(i.Planned), Chain: i.Chain, Status: i.Status,
	})
}

// UnmarshalStored is the inverse of MarshalStored.
func UnmarshalStored(text []byte) (Incident, error) {
	var d storedDocument
	if err := json.Unmarshal(text, &d); err != nil {
		return Incident{}, fmt.Errorf("decode stored incident: %w", err)
	}
	planned, err := readPlanned(d.Planned)
	if err != nil {
		return Incident{}, fmt.Errorf("decode stored incident: %w", err)
	}
	i := Incident{Published: orNil(d.Published), Owed: orNil(d.Owed), ActorUntold: d.Untold, RemindedAt: timeValue(d.RemindedAt), Planned: planned, Chain: d.Chain, Status: d.Status}
	if err := d.fill(&i); err != nil {
		return Incident{}, err
	}
	for n := range i.Superseded {
		i.Superseded[n].Told = slices.Contains(d.Told, i.Superseded[n].EventID)
	}
	return i, nil
}

func newDocument(i Incident) document {
	d := document{
		SchemaVersion: SchemaVersion,
		IncidentID:    nullable(i.ID),
		EventType:     nullable(string(i.EventType)),
		Outcome:       nullableOutcome(i.Outcome),
		Mode:          nullable(i.Mode.String()),
		Severity:      nullable(i.Severity.String()),
		Reason:        i.Reason,
		Fallback:      i.Fallback,
		Policies:      []string{},
		Violations:    []violationDocument{},
		Standing:      []standingDocument{},
		AccountID:     i.AccountID,
		Region:        i.Region,
		Resource:      i.Resource,
		GroupID:       i.GroupID,
		GroupName:     i.GroupName,
		VPCID:         i.VPCID,
		GroupTags:     orEmptyMap(i.GroupTags),
		Rules:         []ruleDocument{},
		Actor:         newActorDocument(i.Actor),
		APICall:       i.APICall,
		EventID:       i.EventID,
		Cause:         i.Cause,
		OpenedAt:      nullableTime(i.OpenedAt),
		LearntAt:      nullableTime(i.LearntAt),
		Sessions:      newSessionsDocument(i.Sessions),
		Would:         orEmpty(i.Would),
		Actions:       orEmpty(i.Actions),
		Notes:         orEmpty(i.Notes),
		List:          newListChangeDocument(i.List),
		Superseded:    newSupersededDocuments(i.Superseded),
		OmittedRules:  i.OmittedRules,
	}
	if i.ClosedAt != nil {
		d.ClosedAt = nullableTime(*i.ClosedAt)
	}
	for _, p := range sortedPolicies(i.Policies) {
		d.Policies = append(d.Policies, p.ID)
		d.Violations = append(d.Violations, newViolationDocument(p))
	}
	for _, r := range sortedRules(i.Rules) {
		d.Rules = append(d.Rules, newRuleDocument(r))
	}
	for _, r := range sortedRules(i.Standing) {
		d.Standing = append(d.Standing, newStandingDocument(r))
	}
	return d
}

// fill sets all public fields of i and leaves the ledger's alone.
func (d document) fill(i *Incident) error {
	if d.SchemaVersion != SchemaVersion {
		return fmt.Errorf("decode incident: schemaVersion %q is not %q", d.SchemaVersion, SchemaVersion)
	}
	out := Incident{
		ID:           value(d.IncidentID),
		EventType:    EventType(value(d.EventType)),
		Reason:       d.Reason,
		Fallback:     d.Fallback,
		AccountID:    d.AccountID,
		Region:       d.Region,
		Resource:     d.Resource,
		GroupID:      d.GroupID,
		GroupName:    d.GroupName,
		VPCID:        d.VPCID,
		GroupTags:    orNilMap(d.GroupTags),
		Actor:        d.Actor.actor(),
		APICall:      d.APICall,
		EventID:      d.EventID,
		Cause:        d.Cause,
		OpenedAt:     timeValue(d.OpenedAt),
		LearntAt:     timeValue(d.LearntAt),
		Sessions:     d.Sessions.sessions(),
		Would:        orNil(d.Would),
		Actions:      orNil(d.Actions),
		Notes:        orNil(d.Notes),
		OmittedRules: d.OmittedRules,
		Published:    i.Published,
		ActorUntold:  i.ActorUntold,
		RemindedAt:   i.RemindedAt,
		Owed:         i.Owed,
		Planned:      i.Planned,
		Chain:        i.Chain,
		Status:       i.Status,
	}
	if d.ClosedAt != nil {
		closed := d.ClosedAt.UTC()
		out.ClosedAt = &closed
	}
	if err := d.fillNames(&out); err != nil {
		return err
	}
	if err := d.fillRules(&out); err != nil {
		return err
	}
	var err error
	if out.List, err = d.List.list(); err != nil {
		return err
	}
	if out.Superseded, err = readSuperseded(d.Superseded); err != nil {
		return err
	}
	*i = out
	return nil
}

// fillNames sets what has a closed list of names.
func (d document) fillNames(i *Incident) (err error) {
	if !i.EventType.valid() {
		return fmt.Errorf("decode incident: unknown eventType %q", i.EventType)
	}
	if i.Outcome, err = outcomeValue(d.Outcome); err != nil {
		return fmt.Errorf("decode incident: %w", err)
	}
	if i.Mode, err = nullableMode(d.Mode); err != nil {
		return fmt.Errorf("decode incident: %w", err)
	}
	if i.Severity, err = nullableSeverity(d.Severity); err != nil {
		return fmt.Errorf("decode incident: %w", err)
	}
	for _, v := range d.Violations {
		p, err := v.policyNote()
		if err != nil {
			return fmt.Errorf("decode incident: %w", err)
		}
		i.Policies = append(i.Policies, p)
	}
	return nil
}

func (d document) fillRules(i *Incident) error {
	for n, r := range d.Rules {
		rule, err := r.rule()
		if err != nil {
			return fmt.Errorf("decode incident: rule %d: %w", n+1, err)
		}
		i.Rules = append(i.Rules, rule)
	}
	for n, r := range d.Standing {
		rule, err := r.rule()
		if err != nil {
			return fmt.Errorf("decode incident: standing rule %d: %w", n+1, err)
		}
		i.Standing = append(i.Standing, rule)
	}
	return nil
}

// sortedPolicies gives the policies worst first, equal ones by id.
func sortedPolicies(notes []PolicyNote) []PolicyNote {
	sorted := slices.Clone(notes)
	slices.SortStableFunc(sorted, func(a, b PolicyNote) int {
		if a.Severity != b.Severity {
			return int(b.Severity) - int(a.Severity)
		}
		return cmp.Compare(a.ID, b.ID)
	})
	return sorted
}

// sortedRules gives the rules by id, those without one by their text.
func sortedRules(rules []Rule) []Rule {
	key := func(r Rule) string {
		if r.Before == nil {
			return r.Direction.String()
		}
		return r.Before.String()
	}
	sorted := slices.Clone(rules)
	slices.SortStableFunc(sorted, func(a, b Rule) int {
		if c := cmp.Compare(a.ID, b.ID); c != 0 {
			return c
		}
		return cmp.Compare(key(a), key(b))
	})
	return sorted
}
