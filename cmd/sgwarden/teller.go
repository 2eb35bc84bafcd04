package main

import (
	"fmt"
	"io"

	"github.com/sgwarden/sgwarden/internal/embedded"
	"github.com/sgwarden/sgwarden/internal/incident"
	"github.com/sgwarden/sgwarden/internal/warden"
)

// teller says what came of each record.
type teller interface {
	tell(embedded.Judged) error
	end() error // after the last
}

func newTeller(format string, fullAlerts bool, w io.Writer) teller {
	if format == "json" {
		return &documents{w: w, waiting: map[string]int{}}
	}
	return &stories{w: w, full: fullAlerts, counts: map[incident.Outcome]int{}}
}

// documents writes one incident document per record, in input order. What
// comes of a record later (a group that had to settle) replaces its document,
// so they are written at the end.
type documents struct {
	w       io.Writer
	all     []document
	waiting map[string]int // group with its account -> place in all
}

type document struct {
	record   int
	decision warden.Decision
}

func (d *documents) tell(j embedded.Judged) error {
	worst := j.Worst()
	key := j.Account.Name() + "/" + worst.GroupID
	at, isWaiting := d.waiting[key]
	switch {
	case j.Record > 0:
		d.all = append(d.all, document{j.Record, worst})
		at = len(d.all) - 1
	case isWaiting:
		d.all[at].decision = worst
	default:
		return nil
	}
	if worst.Outcome == incident.Pending {
		d.waiting[key] = at
	} else {
		delete(d.waiting, key)
	}
	return nil
}

func (d *documents) end() error {
	for _, doc := range d.all {
		line, err := doc.decision.Incident.MarshalRecord(doc.record)
		if err != nil {
			return fmt.Errorf("write record %d: %w", doc.record, err)
		}
		if _, err := d.w.Write(append(line, '\n')); err != nil {
			return fmt.Errorf("write record %d: %w", doc.record, err)
		}
	}
	return nil
}
