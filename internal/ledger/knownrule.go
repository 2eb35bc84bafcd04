package ledger

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/sgwarden/sgwarden/internal/incident"
	"github.com/sgwarden/sgwarden/internal/policy"
	"github.com/sgwarden/sgwarden/internal/secgroup"
)

// The stored forms of what a group's item says of rules. They are JSON with
// everything empty left out: a group can have a thousand rules, an item 400 KB.

type knownRecord struct {
	valueRecord
	ListDigest       string               `json:"listDigest,omitempty"`
	Since            *time.Time           `json:"since,omitempty"`
	Order            int64                `json:"order,omitempty"`
	By               *attributionRecord   `json:"by,omitempty"`
	Before           *valueRecord         `json:"before,omitempty"`
	BeforeBy         *attributionRecord   `json:"beforeBy,omitempty"`
	BeforeTold       string               `json:"beforeTold,omitempty"`
	BeforeExemption  string               `json:"beforeExemption,omitempty"`
	BeforeExemptFrom []string             `json:"beforeExemptFrom,omitempty"`
	PriorAt          *time.Time           `json:"priorAt,omitempty"`
	IncidentID       string               `json:"incident,omitempty"`
	Reported         string               `json:"reported,omitempty"`
	Exemption        string               `json:"exemption,omitempty"`
	ExemptFrom       []string             `json:"exemptFrom,omitempty"`
	Baseline         []string             `json:"baseline,omitempty"`
	Under            []string             `json:"under,omitzero"` // nil and empty differ
	WaitsSince       map[string]time.Time `json:"waitsSince,omitempty"`
	LeftOf           *valueRecord         `json:"leftOf,omitempty"`
}

// valueRecord is a rule. Its id is the one of the entry that it stands in,
// unless ID says otherwise.
type valueRecord struct {
	Rule        string            `json:"rule,omitempty"` // as text
	Raw         json.RawMessage   `json:"raw,omitempty"`  // instead: a rule that text cannot say
	ID          *string           `json:"id,omitempty"`
	Description string            `json:"description,omitempty"`
	Tags        map[string]string `json:"tags,omitempty"`
	List        *listRecord       `json:"list,omitempty"`
	Peering     string            `json:"peering,omitempty"`
}

// listRecord is what is known of a prefix list but its entries.
type listRecord struct {
	Name    string `json:"name,omitempty"`
	OwnerID string `json:"owner,omitempty"`
	Version int64  `json:"version,omitempty"`
	Refused string `json:"refused,omitempty"`
}

type attributionRecord struct {
	EventID   string      `json:"event,omitempty"`
	EventName string      `json:"call,omitempty"`
	EventTime *time.Time  `json:"time,omitempty"`
	Actor     actorRecord `json:"actor"`
}

type actorRecord struct {
	ARN         string `json:"arn,omitempty"`
	Type        string `json:"type,omitempty"`
	AccountID   string `json:"account,omitempty"`
	Session     string `json:"session,omitempty"`
	InvokedBy   string `json:"invokedBy,omitempty"`
	SourceIP    string `json:"sourceIp,omitempty"`
	UserAgent   string `json:"userAgent,omitempty"`
	AccessKeyID string `json:"accessKeyId,omitempty"`
}

type removedRecord struct {
	At         *time.Time   `json:"at,omitempty"`
	IncidentID string       `json:"incident,omitempty"`
	Value      string       `json:"rule,omitempty"`
	Unheard    bool         `json:"unheard,omitempty"`
	Opened     *time.Time   `json:"opened,omitempty"`
	PriorAt    *time.Time   `json:"priorAt,omitempty"`
	Was        *knownRecord `json:"was,omitempty"`
}

func newKnownRecord(id string, k policy.KnownRule) (knownRecord, error) {
	r, err := newRest(id, k)
	if err != nil {
		return knownRecord{}, err
	}
	r.valueRecord, err = newValueRecord(id, k.Rule)
	return r, err
}

// newRest is the record without its value.
func newRest(id string, k policy.KnownRule) (knownRecord, error) {
	r := knownRecord{
		ListDigest: k.ListDigest, Since: timeOrNil(k.Since), Order: k.Order, IncidentID: k.IncidentID,
		Reported: k.Reported, Exemption: k.Exemption, ExemptFrom: k.ExemptFrom, Baseline: k.Baseline, Under: k.Under, PriorAt: timeOrNil(k.PriorAt), BeforeTold: k.BeforeTold,
		BeforeExemption: k.BeforeExemption, BeforeExemptFrom: k.BeforeExemptFrom,
		WaitsSince: k.WaitsSince,
	}
	r.By, r.BeforeBy = newAttributionRecord(k.By), newAttributionRecord(k.BeforeBy)
	if k.Before != nil {
		before, err := newValueRecord(id, *k.Before)
		if err != nil {
			return knownRecord{}, err
		}
		r.Before = &before
	}
	if k.LeftOf != nil {
		whole, err := newValueRecord(id, *k.LeftOf)
		if err != nil {
			return knownRecord{}, err
		}
		r.LeftOf = &whole
	}
	return r, nil
}

func (r knownRecord) known(id string) (policy.KnownRule, error) {
	k, err := r.withoutValue(id)
	if err != nil {
		return policy.KnownRule{}, err
	}
	k.Rule, err = r.rule(id)
	return k, err
}

func (r knownRecord) withoutValue(id string) (policy.KnownRule, error) {
	k := policy.KnownRule{
		ListDigest: r.ListDigest, Since: timeValue(r.Since), Order: r.Order, IncidentID: r.IncidentID,
		Reported: r.Reported, Exemption: r.Exemption, ExemptFrom: r.ExemptFrom, Baseline: r.Baseline, Under: r.Under, PriorAt: timeValue(r.PriorAt), BeforeTold: r.BeforeTold,
		BeforeExemption: r.BeforeExemption, BeforeExemptFrom: r.BeforeExemptFrom,
		WaitsSince: r.WaitsSince,
	}
	k.By, k.BeforeBy = r.By.attribution(), r.BeforeBy.attribution()
	if r.Before != nil {
		before, err := r.Before.rule(id)
		if err != nil {
			return policy.KnownRule{}, err
		}
		k.Before = &before
	}
	if r.LeftOf != nil {
		whole, err := r.LeftOf.rule(id)
		if err != nil {
			return policy.KnownRule{}, err
		}
		k.LeftOf = &whole
	}
	return k, nil
}

// newAttributionRecord of nobody is nil.
func newAttributionRecord(by *secgroup.Attribution) *attributionRecord {
	if by == nil {
		return nil
	}
	return &attributionRecord{by.EventID, by.EventName, timeOrNil(by.EventTime), actorRecord(by.Actor)}
}

func (r *attributionRecord) attribution() *secgroup.Attribution {
	if r == nil {
		return nil
	}
	return &secgroup.Attribution{EventID: r.EventID, EventName: r.EventName, EventTime: timeValue(r.EventTime), Actor: secgroup.Actor(r.Actor)}
}

func newValueRecord(id string, r secgroup.Rule) (valueRecord, error) {
	r = r.Canonical()
	v := valueRecord{Rule: r.String(), Description: r.Description, Tags: r.Tags}
	if r.ID != id {
		v.ID = &r.ID
	}
	if back, err := secgroup.ParseRule(v.Rule); err != nil || !back.SameValue(r) {
		return newRawRecord(id, r)
	}
	switch p := r.Peer.(type) {
	case secgroup.PrefixList:
		if l := (listRecord{p.Name, p.OwnerID, p.Version, p.Refused}); l != (listRecord{}) {
			v.List = &l
		}
	case secgroup.GroupReference:
		v.Peering = p.PeeringID
	}
	return v, nil
}

// newRawRecord keeps a rule of a kind that sgwarden does not know (yet).
// One that could not be read back is refused: it would lock the group's item.
func newRawRecord(id string, r secgroup.Rule) (valueRecord, error) {
	raw, err := incident.EncodeRule(r)
	if err != nil {
		return valueRecord{}, err
	}
	if _, err := incident.DecodeRule(raw); err != nil {
		return valueRecord{}, fmt.Errorf("rule %s cannot be kept: %w: %w", id, incident.ErrInvalid, err)
	}
	return valueRecord{Raw: raw}, nil
}

func (v valueRecord) rule(id string) (secgroup.Rule, error) {
	if v.Raw != nil {
		return incident.DecodeRule(v.Raw)
	}
	r, err := secgroup.ParseRule(v.Rule)
	if err != nil {
		return secgroup.Rule{}, err
	}
	r.ID, r.Description, r.Tags = id, v.Description, v.Tags
	if v.ID != nil {
		r.ID = *v.ID
	}
	switch p := r.Peer.(type) {
	case secgroup.PrefixList:
		if l := v.List; l != nil {
			p.Name, p.OwnerID, p.Version, p.Refused = l.Name, l.OwnerID, l.Version, l.Refused
			r.Peer = p
		}
	case secgroup.GroupReference:
		p.PeeringID = v.Peering
		r.Peer = p
	}
	return r, nil
}

func newRemovedRecord(id string, r policy.RemovedRule) (removedRecord, error) {
	record := removedRecord{
		At: timeOrNil(r.At), IncidentID: r.IncidentID, Value: r.Value, Unheard: r.Unheard, Opened: timeOrNil(r.Opened), PriorAt: timeOrNil(r.PriorAt),
	}
	if r.Was != nil {
		was, err := newKnownRecord(id, *r.Was)
		if err != nil {
			return removedRecord{}, err
		}
		record.Was = &was
	}
	return record, nil
}

func (r removedRecord) removed(id string) (policy.RemovedRule, error) {
	gone := policy.RemovedRule{
		At: timeValue(r.At), IncidentID: r.IncidentID, Value: r.Value, Unheard: r.Unheard, Opened: timeValue(r.Opened), PriorAt: timeValue(r.PriorAt),
	}
	if r.Was != nil {
		was, err := r.Was.known(id)
		if err != nil {
			return policy.RemovedRule{}, err
		}
		gone.Was = &was
	}
	return gone, nil
}

func timeOrNil(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	utc := t.UTC()
	return &utc
}

func timeValue(t *time.Time) time.Time {
	if t == nil {
		return time.Time{}
	}
	return t.UTC()
}
