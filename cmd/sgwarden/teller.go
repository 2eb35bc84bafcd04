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
	key := waitingKey(j)
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
		if err := doc.write(d.w); err != nil {
			return err
		}
	}
	return nil
}

// feed writes documents as they come, for records that have no end. What comes
// of a record later follows as a second document of the same number.
type feed struct {
	w       io.Writer
	waiting map[string]int // group with its account -> record
}

func (f *feed) tell(j embedded.Judged) error {
	worst, key, number := j.Worst(), waitingKey(j), j.Record
	if number == 0 {
		number = f.waiting[key]
	}
	if number == 0 {
		return nil
	}
	if worst.Outcome == incident.Pending {
		f.waiting[key] = number
	} else {
		delete(f.waiting, key)
	}
	return document{number, worst}.write(f.w)
}

func (f *feed) end() error { return nil }

func waitingKey(j embedded.Judged) string { return j.Account.Name() + "/" + j.Worst().GroupID }

func (d document) write(w io.Writer) error {
	line, err := d.decision.Incident.MarshalRecord(d.record)
	if err != nil {
		return fmt.Errorf("write record %d: %w", d.record, err)
	}
	if _, err := w.Write(append(line, '\n')); err != nil {
		return fmt.Errorf("write record %d: %w", d.record, err)
	}
	return nil
}
