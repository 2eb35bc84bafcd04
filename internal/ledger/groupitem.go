package ledger

import (
	"fmt"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/sgwarden/sgwarden/internal/incident"
	"github.com/sgwarden/sgwarden/internal/policy"
)

// Names of the attributes of a group's item. One rule is one attribute, so
// that Note can set those that are absent in one expression, unless they are
// many.
const (
	attrSchema  = "schema"
	attrVersion = "version"
	attrWhole   = "whole"
	attrName    = "groupName"
	attrVPC     = "vpcId"
	attrDefault = "default"
	attrTags    = "tags"
	attrOpen    = "open"
	attrJournal = "journal"
	attrChain   = "chain"
	attrHolder  = "leaseHolder"
	attrUntil   = "leaseUntil" // Unix milliseconds
	attrRules   = "rules"      // packed
	prefixRule  = "rule#"
	prefixGone  = "gone#"
)

// Versions of items and entries: the second is of items with packed rules. A
// greater one was written by a newer release, and is not guessed at.
const (
	schemaVersion = 1
	schemaPacked  = 2
)

const (
	// softItemSize is where the ledger begins to drop what it can do without.
	softItemSize = 300 << 10
	// maxItemSize leaves room below DynamoDB's limit of 400 KB for the writes
	// of Note.
	maxItemSize = 390 << 10
	// dynamoItemSize is DynamoDB's limit, which Note alone can meet: it adds to
	// an item that it has not read.
	dynamoItemSize = 400 << 10
	// removedFor is how long a removed rule is remembered: the longest time
	// that EventBridge retries an event.
	removedFor = 24 * time.Hour
	// journalFor is how long an own mutation is remembered, and journalMost how
	// many: whoever makes us mutate again and again must not fill the item.
	journalFor  = time.Hour
	journalMost = 500
)

// groupItem is a group's item: what the warden sees of it, and the ledger's
// own bookkeeping.
type groupItem struct {
	known policy.Known
	books bookkeeping
	now   time.Time // of the write
}

// isEmpty reports whether the item says nothing about a group. Events that
// concern no group are remembered in such items; only these expire, with the
// entries of their incidents, until a Note says more.
func (g groupItem) isEmpty() bool {
	return !g.known.Whole && len(g.known.Rules) == 0 && g.known.Name == "" && g.known.VPCID == "" && len(g.books.open) == 0
}

// bookkeeping is the part of an item that every write carries on. It is only
// meaningful together with the version that it was read at.
type bookkeeping struct {
	version int64
	open    []string // ids of open incidents, sorted
	journal []incident.Journal
	chain   string // hash of the newest closed entry; "" = none
	lease   incident.Lease
}

type journalRecord struct {
	RequestID  string    `json:"requestId"`
	Call       string    `json:"call"`
	IncidentID string    `json:"incident"`
	At         time.Time `json:"at"`
}

func groupKey(groupID string) key { return key{prefixGroup + groupID, "item"} }

// checkGroup refuses the group without an id: its controls would be everyone's.
func checkGroup(groupID string) error {
	if groupID == "" {
		return fmt.Errorf("group without id: %w", incident.ErrInvalid)
	}
	return nil
}

func encodeGroup(groupID string, g groupItem) (attributes, error) {
	a := groupKey(groupID).attributes()
	a[attrSchema] = number(schemaVersion)
	a[attrVersion] = number(g.books.version)
	a.setText(attrName, g.known.Name)
	a.setText(attrVPC, g.known.VPCID)
	if g.isEmpty() {
		a[attrExpires] = number(g.now.Add(keepClosed).Unix())
	}
	if g.known.Whole {
		a[attrWhole] = flag(true)
	}
	if g.known.Default != nil {
		a[attrDefault] = flag(*g.known.Default)
	}
	if g.known.Tags != nil {
		if err := a.setJSON(attrTags, g.known.Tags); err != nil {
			return nil, err
		}
	}
	if err := setRules(a, g.known.Rules); err != nil {
		return nil, err
	}
	for id, r := range g.known.Removed {
		if err := setRemoved(a, id, r); err != nil {
			return nil, err
		}
	}
	return a, g.books.encode(a)
}

func setRules(a attributes, rules map[string]policy.KnownRule) error {
	if len(rules) >= packedFrom {
		packed, err := packRules(rules)
		a[attrRules], a[attrSchema] = &types.AttributeValueMemberB{Value: packed}, number(schemaPacked)
		return err
	}
	for id, k := range rules {
		if err := setRule(a, id, k); err != nil {
			return err
		}
	}
	return nil
}

func setRule(a attributes, id string, k policy.KnownRule) error {
	record, err := newKnownRecord(id, k)
	if err != nil {
		return err
	}
	return a.setJSON(prefixRule+id, record)
}

func setRemoved(a attributes, id string, r policy.RemovedRule) error {
	record, err := newRemovedRecord(id, r)
	if err != nil {
		return err
	}
	return a.setJSON(prefixGone+id, record)
}

func (b bookkeeping) encode(a attributes) error {
	if len(b.open) > 0 {
		if err := a.setJSON(attrOpen, b.open); err != nil {
			return err
		}
	}
	if len(b.journal) > 0 {
		records := make([]journalRecord, 0, len(b.journal))
		for _, j := range b.journal {
			records = append(records, journalRecord(j))
		}
		if err := a.setJSON(attrJournal, records); err != nil {
			return err
		}
	}
	a.setText(attrChain, b.chain)
	if b.lease.Holder != "" {
		a[attrHolder] = text(b.lease.Holder)
		a[attrUntil] = number(b.lease.Until.UnixMilli())
	}
	return nil
}

// decodeGroup reads an item; nil is no item, the zero groupItem.
func decodeGroup(a attributes) (groupItem, error) {
	if a == nil {
		return groupItem{}, nil
	}
	if err := checkSchema(a, schemaPacked); err != nil {
		return groupItem{}, err
	}
	books, err := decodeBooks(a)
	if err != nil {
		return groupItem{}, err
	}
	whole := a.flag(attrWhole)
	g := groupItem{books: books, known: policy.Known{
		Exists: true, Version: books.version, Whole: whole != nil && *whole,
		Name: a.text(attrName), VPCID: a.text(attrVPC), Default: a.flag(attrDefault), OpenIncidents: slices.Clone(books.open),
	}}
	if err := a.readJSON(attrTags, &g.known.Tags); err != nil {
		return groupItem{}, err
	}
	if err := decodeRules(a, &g.known); err != nil {
		return groupItem{}, err
	}
	return g, nil
}

func decodeRules(a attributes, known *policy.Known) error {
	if packed, ok := a[attrRules].(*types.AttributeValueMemberB); ok {
		var err error
		if known.Rules, err = unpackRules(string(packed.Value)); err != nil {
			return err
		}
	}
	err := a.each(prefixRule, func(id string) error {
		if _, packed := known.Rules[id]; packed {
			return nil
		}
		var record knownRecord
		if err := a.readJSON(prefixRule+id, &record); err != nil {
			return err
		}
		k, err := record.known(id)
		if err != nil {
			return fmt.Errorf("decode rule %s: %w", id, err)
		}
		if known.Rules == nil {
			known.Rules = map[string]policy.KnownRule{}
		}
		known.Rules[id] = k
		return nil
	})
	if err != nil {
		return err
	}
	return a.each(prefixGone, func(id string) error {
		var record removedRecord
		if err := a.readJSON(prefixGone+id, &record); err != nil {
			return err
		}
		if known.Removed == nil {
			known.Removed = map[string]policy.RemovedRule{}
		}
		gone, err := record.removed(id)
		known.Removed[id] = gone
		return err
	})
}

func decodeBooks(a attributes) (bookkeeping, error) {
	b := bookkeeping{chain: a.text(attrChain), lease: incident.Lease{Holder: a.text(attrHolder)}}
	var err error
	if b.version, err = a.number(attrVersion); err != nil {
		return bookkeeping{}, err
	}
	until, err := a.number(attrUntil)
	if err != nil {
		return bookkeeping{}, err
	}
	if b.lease.Holder != "" {
		b.lease.Until = time.UnixMilli(until).UTC()
	}
	if err := a.readJSON(attrOpen, &b.open); err != nil {
		return bookkeeping{}, err
	}
	var records []journalRecord
	if err := a.readJSON(attrJournal, &records); err != nil {
		return bookkeeping{}, err
	}
	for _, r := range records {
		b.journal = append(b.journal, incident.Journal(r))
	}
	return b, nil
}

func checkSchema(a attributes, newest int64) error {
	schema, err := a.number(attrSchema)
	if err != nil {
		return err
	}
	if schema > newest {
		return fmt.Errorf("schema %d of a newer release: %w", schema, incident.ErrInvalid)
	}
	return nil
}

// prune drops what is remembered for a time only.
func (g *groupItem) prune(now time.Time) {
	removed := map[string]policy.RemovedRule{}
	for id, r := range g.known.Removed {
		if r.At.After(now.Add(-removedFor)) {
			removed[id] = r
		}
	}
	g.known.Removed = removed
	g.books.journal = slices.DeleteFunc(slices.Clone(g.books.journal), func(j incident.Journal) bool {
		return !j.At.After(now.Add(-journalFor))
	})
	g.books.journal = g.books.journal[max(len(g.books.journal)-journalMost, 0):]
}
