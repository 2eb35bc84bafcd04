package ledger

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/sgwarden/sgwarden/internal/incident"
)

const (
	prefixGroup  = "group#" // of partition keys
	prefixOpen   = "open#"
	prefixClosed = "shut#"
	// openEnd ends the range of sort keys that holds a group's item and its
	// open incidents, and nothing else: "item" < "open#..." < "open$" < "shut#".
	openEnd = "open$"

	attrDocument = "document" // incident JSON in its stored form
	attrPacked   = "packed"   // the same, gzip
	attrExpires  = "expires"  // Unix seconds; the table's TTL attribute
	attrPlace    = "place"    // order of the entries closed in one version

	// packFrom is the size from which documents are compressed: an incident of
	// a thousand rules would be larger than an item may be.
	packFrom = 64 << 10
	// maxDocument bounds what is unpacked.
	maxDocument = 64 << 20

	// keepClosed is how long closed incidents are kept: a year, and the month
	// in which the audit of that year is done.
	keepClosed = 400 * 24 * time.Hour
)

// keyTime sorts as text in the order of time.
const keyTime = "2006-01-02T15:04:05.000000000Z"

func openKey(groupID, incidentID string) key {
	return key{groupKey(groupID).pk, prefixOpen + incidentID}
}

// openEntry is an incident that is not closed. Later versions of it take its
// place.
func openEntry(groupID string, i incident.Incident) (attributes, error) {
	i.Status = statusOpen
	return encodeEntry(openKey(groupID, i.ID), i)
}

// closedEntry is the final word on an incident, and never written again: what
// is learnt later is an entry of its own. version and place give its order
// among the entries of its group.
func closedEntry(groupID string, i incident.Incident, version int64, place int) (attributes, error) {
	k := key{groupKey(groupID).pk, fmt.Sprintf("%s%s#%012d#%s", prefixClosed, i.ClosedAt.UTC().Format(keyTime), version, i.ID)}
	a, err := encodeEntry(k, i)
	if err != nil {
		return nil, err
	}
	a[attrVersion] = number(version)
	a[attrPlace] = number(int64(place))
	a[attrExpires] = number(i.ClosedAt.Add(keepClosed).Unix())
	return a, nil
}

func encodeEntry(k key, i incident.Incident) (attributes, error) {
	document, err := i.MarshalStored()
	if err != nil {
		return nil, err
	}
	a := k.attributes()
	a[attrSchema] = number(schemaVersion)
	// For people and filters; the document holds it all.
	a.setText("incidentId", i.ID)
	a.setText("status", i.Status)
	a.setText("outcome", i.Outcome.String())
	a.setText("severity", i.Severity.String())
	a.setText("groupId", i.GroupID)
	a.setText("actor", i.Actor.ARN)
	if len(document) < packFrom {
		a[attrDocument] = text(string(document))
		return a, nil
	}
	packed, err := pack(document)
	if err != nil {
		return nil, err
	}
	a[attrPacked] = &types.AttributeValueMemberB{Value: packed}
	if a.size() > maxItemSize {
		return nil, fmt.Errorf("incident %s has %d bytes packed: %w", i.ID, len(packed), incident.ErrInvalid)
	}
	return a, nil
}

// document is the stored form of the entry's incident.
func (a attributes) document() ([]byte, error) {
	if err := checkSchema(a, schemaVersion); err != nil {
		return nil, err
	}
	b, ok := a[attrPacked].(*types.AttributeValueMemberB)
	if !ok {
		return []byte(a.text(attrDocument)), nil
	}
	return unpack(b.Value)
}

func decodeEntry(a attributes) (incident.Incident, error) {
	document, err := a.document()
	if err != nil {
		return incident.Incident{}, fmt.Errorf("entry %s: %w", a.text("sk"), err)
	}
	i, err := incident.UnmarshalStored(document)
	if err != nil {
		return incident.Incident{}, fmt.Errorf("entry %s: %w", a.text("sk"), err)
	}
	return i, nil
}

func pack(document []byte) ([]byte, error) {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	if _, err := w.Write(document); err != nil {
		return nil, fmt.Errorf("pack incident: %w", err)
	}
	if err := w.Close(); err != nil {
		return nil, fmt.Errorf("pack incident: %w", err)
	}
	return b.Bytes(), nil
}

func unpack(packed []byte) ([]byte, error) {
	r, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		return nil, fmt.Errorf("unpack incident: %w", err)
	}
	document, err := io.ReadAll(io.LimitReader(r, maxDocument))
	if err != nil {
		return nil, fmt.Errorf("unpack incident: %w", err)
	}
	return document, nil
}
