package ledger

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/sgwarden/sgwarden/internal/incident"
	"github.com/sgwarden/sgwarden/internal/policy"
	"github.com/sgwarden/sgwarden/internal/secgroup"
)

// The controls: four items, read at once. Only an operator role may write the
// first two (condition dynamodb:LeadingKeys), so that the guard cannot exempt
// itself.
var (
	controlOfAll = key{"control#all", "controls"}
	sweepState   = key{"sweep", "state"}
	fuseState    = key{"fuse#all", "state"} // fuse.go
)

func controlOf(groupID string) key {
	if groupID == "" {
		return controlOfAll
	}
	return key{prefixControl + groupID, "controls"}
}

// controlKeys are the items of one read of the controls of a group; "" = of
// what holds for all.
func controlKeys(groupID string) []key {
	if groupID == "" {
		return []key{controlOfAll, sweepState, fuseState}
	}
	return []key{controlOfAll, controlOf(groupID), sweepState, fuseState}
}

const (
	prefixControl   = "control#" // of partition keys
	attrPaused      = "paused"
	attrStamp       = "stamp"
	attrMissed      = "missed"
	attrResumed     = "resumed"
	prefixExemption = "exemption#"
	prefixAct       = "act#"
	prefixAdopt     = "adopt#"
)

// exemptionFor is the longest life of an exemption in the ledger.
const exemptionFor = 30 * 24 * time.Hour

type exemptionRecord struct {
	Policy string     `json:"policy"`
	Group  string     `json:"group"`
	Rules  []string   `json:"rules"`
	Owner  string     `json:"owner"`
	Reason string     `json:"reason"`
	Ticket string     `json:"ticket,omitempty"`
	Until  time.Time  `json:"until"`
	Made   *time.Time `json:"made,omitempty"`
}

type actRecord struct {
	Done  bool      `json:"done"`
	Start time.Time `json:"start"`
	At    time.Time `json:"at"`
}

// decodeControls makes the controls of the items of controlKeys, in any order;
// items that do not exist are left out.
func decodeControls(items []attributes) (incident.Controls, error) {
	var c incident.Controls
	for _, a := range items {
		if err := checkSchema(a, schemaVersion); err != nil {
			return incident.Controls{}, err
		}
		if err := decodeControl(a, &c); err != nil {
			return incident.Controls{}, fmt.Errorf("controls %s: %w", a.text("pk"), err)
		}
	}
	slices.SortFunc(c.Exemptions, func(a, b policy.Exemption) int { return cmp.Compare(a.ID, b.ID) })
	return c, nil
}

func decodeControl(a attributes, c *incident.Controls) error {
	// A pause of everything says more than one of the group.
	if p := a.text(attrPaused); p != "" && (c.Paused == "" || a.key() == controlOfAll) {
		c.Paused = p
	}
	if stamp, err := a.time(attrStamp); err != nil {
		return err
	} else if !stamp.IsZero() {
		c.Stamp = stamp
	}
	if resumed, err := a.time(attrResumed); err != nil {
		return err
	} else if !resumed.IsZero() {
		c.Resumed = resumed
	}
	if err := decodeFuse(a, c); err != nil {
		return err
	}
	if err := decodeMissed(a, c); err != nil {
		return err
	}
	if err := a.each(prefixAct, func(id string) error {
		var r actRecord
		if err := a.readJSON(prefixAct+id, &r); err != nil {
			return err
		}
		if c.Acts == nil {
			c.Acts = map[string]policy.Act{}
		}
		c.Acts[id] = policy.Act(r)
		return nil
	}); err != nil {
		return err
	}
	if err := a.each(prefixAdopt, func(id string) error {
		when, err := a.time(prefixAdopt + id)
		if err != nil {
			return err
		}
		if c.Adopted == nil {
			c.Adopted = map[string]time.Time{}
		}
		if when.After(c.Adopted[id]) { // of the group or of all: the later one
			c.Adopted[id] = when
		}
		return nil
	}); err != nil {
		return err
	}
	return a.each(prefixExemption, func(id string) error {
		e, err := decodeExemption(id, a)
		c.Exemptions = append(c.Exemptions, e)
		return err
	})
}

func decodeExemption(id string, a attributes) (policy.Exemption, error) {
	var r exemptionRecord
	if err := a.readJSON(prefixExemption+id, &r); err != nil {
		return policy.Exemption{}, err
	}
	e := policy.Exemption{ID: id, Policy: r.Policy, Group: r.Group, Owner: r.Owner, Reason: r.Reason, Ticket: r.Ticket, Until: r.Until.UTC(), Made: timeValue(r.Made), Source: "ledger"}
	for _, t := range r.Rules {
		rule, err := secgroup.ParseRule(t)
		if err != nil {
			return policy.Exemption{}, fmt.Errorf("exemption %s: %w", id, err)
		}
		e.Rules = append(e.Rules, rule)
	}
	// Without rules or end it would exempt everything, for ever.
	if len(e.Rules) == 0 || e.Until.IsZero() {
		return policy.Exemption{}, fmt.Errorf("exemption %s has no rules or no end: %w", id, incident.ErrInvalid)
	}
	return e, nil
}

// patch sets and removes attributes of one item, which it makes if need be.
type patch struct {
	key    key
	set    attributes
	remove []string
	bump   bool // adds 1 to the version: what rests on the one before is refused
}

// Operator writes controls. It is not for the guard: its role may not.
type Operator struct {
	apply func(ctx context.Context, p patch) error
}

func (o Operator) set(ctx context.Context, k key, set attributes, remove ...string) error {
	set[attrSchema] = number(schemaVersion)
	return o.apply(ctx, patch{key: k, set: set, remove: remove})
}

// PutActs records baseline acts by policy id + "@" + digest, beside those that
// are there.
func (o Operator) PutActs(ctx context.Context, acts map[string]policy.Act) error {
	set := attributes{}
	for id, act := range acts {
		if err := set.setJSON(prefixAct+id, actRecord{act.Done, act.Start.UTC(), act.At.UTC()}); err != nil {
			return err
		}
	}
	return o.set(ctx, sweepState, set)
}

// PutStamp records when the last complete sweep was.
func (o Operator) PutStamp(ctx context.Context, at time.Time) error {
	return o.set(ctx, sweepState, attributes{attrStamp: stampText(at)})
}

func stampText(at time.Time) types.AttributeValue { return text(at.UTC().Format(time.RFC3339Nano)) }

// PutExemption records an exemption of one group: by flows, with owner and
// reason, of at most 30 days from now. An equal id is replaced.
func (o Operator) PutExemption(ctx context.Context, e policy.Exemption, now time.Time) error {
	switch {
	case e.ID == "" || e.Policy == "" || e.Group == "" || e.Owner == "" || e.Reason == "" || len(e.Rules) == 0:
		return fmt.Errorf("exempt %q: needs id, policy, group, rules, owner and reason: %w", e.ID, incident.ErrInvalid)
	case !e.Until.After(now) || e.Until.After(now.Add(exemptionFor)):
		return fmt.Errorf("exempt %s: until %s is not within 30 days: %w", e.ID, e.Until.Format(time.RFC3339), incident.ErrInvalid)
	}
	r := exemptionRecord{Policy: e.Policy, Group: e.Group, Owner: e.Owner, Reason: e.Reason, Ticket: e.Ticket, Until: e.Until.UTC(), Made: timeOrNil(e.Made)}
	for _, rule := range e.Rules {
		if err := rule.Validate(); err != nil {
			return fmt.Errorf("exempt %s: %w: %w", e.ID, incident.ErrInvalid, err)
		}
		r.Rules = append(r.Rules, rule.Value())
	}
	set := attributes{}
	if err := set.setJSON(prefixExemption+e.ID, r); err != nil {
		return err
	}
	// First the index: it may name a group too many, and none too few.
	if err := o.set(ctx, key{exemptedGroups, e.Group}, attributes{}); err != nil {
		return err
	}
	return o.set(ctx, controlOf(e.Group), set)
}

// exemptedGroups is the partition in which each group that was ever exempt from
// something has an item, by its id. Guards do not read it.
const exemptedGroups = "control#exemptions"

// DropExemption ends an exemption of a group; one that is not there is no fault.
func (o Operator) DropExemption(ctx context.Context, groupID, id string) error {
	return o.set(ctx, controlOf(groupID), attributes{}, prefixExemption+id)
}

// Pause stops all changes to a group, or with groupID "" to any. The reason is
// told wherever it matters.
func (o Operator) Pause(ctx context.Context, groupID, reason string) error {
	if reason == "" {
		return fmt.Errorf("pause: needs a reason: %w", incident.ErrInvalid)
	}
	return o.set(ctx, controlOf(groupID), attributes{attrPaused: text(reason)})
}

// Resume ends a pause.
func (o Operator) Resume(ctx context.Context, groupID string) error {
	return o.set(ctx, controlOf(groupID), attributes{}, attrPaused)
}

// ResumeLedger says that the ledger is to be believed from a time on, however
// old its stamp is. It is for a day: by then a sweep has stamped it again.
func (o Operator) ResumeLedger(ctx context.Context, at time.Time) error {
	return o.set(ctx, controlOfAll, attributes{attrResumed: text(at.UTC().Format(time.RFC3339Nano))})
}

// Adopt ends, from a time on, what a policy's baseline marks stand for, in a
// group or with groupID "" in all; policyID incident.EveryPolicy = of every
// policy. Marks that a later act sets are not concerned.
func (o Operator) Adopt(ctx context.Context, groupID, policyID string, at time.Time) error {
	if policyID == "" {
		return fmt.Errorf("adopt: needs a policy: %w", incident.ErrInvalid)
	}
	return o.set(ctx, controlOf(groupID), attributes{prefixAdopt + policyID: text(at.UTC().Format(time.RFC3339Nano))})
}
