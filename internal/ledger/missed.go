package ledger

import (
	"time"

	"github.com/sgwarden/sgwarden/internal/incident"
)

// missedRecord is short: it is read with every change.
type missedRecord struct {
	Since time.Time  `json:"s"`
	Read  *time.Time `json:"r,omitempty"`
}

func newMissedRecords(missed map[string]incident.Missed) map[string]missedRecord {
	out := make(map[string]missedRecord, len(missed))
	for id, m := range missed {
		r := missedRecord{Since: m.Since.UTC()}
		if read := m.Read.UTC(); !m.Read.IsZero() {
			r.Read = &read
		}
		out[id] = r
	}
	return out
}

func decodeMissed(a attributes, c *incident.Controls) error {
	if _, ok := a[attrMissed]; !ok {
		return nil
	}
	var records map[string]missedRecord
	if err := a.readJSON(attrMissed, &records); err != nil {
		return err
	}
	if len(records) == 0 {
		return nil
	}
	c.Missed = make(map[string]incident.Missed, len(records))
	for id, r := range records {
		m := incident.Missed{Since: r.Since.UTC()}
		if r.Read != nil {
			m.Read = r.Read.UTC()
		}
		c.Missed[id] = m
	}
	return nil
}
