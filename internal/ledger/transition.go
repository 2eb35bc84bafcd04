package ledger

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/sgwarden/sgwarden/internal/incident"
	"github.com/sgwarden/sgwarden/internal/policy"
)

// What Incident.Status can be.
const (
	statusOpen   = "open"
	statusClosed = "closed"
)

// write is one transaction: the group's item, conditional on version and
// lease, and entries.
type write struct {
	groupID string
	version int64  // as read; 0 = there must be no item
	holder  string // whose lease may stand; "" = nobody's
	now     time.Time
	item    attributes
	puts    []attributes
	deletes []key
	fuse    *charge     // nil = none
	after   bookkeeping // once it is written
}

// incidentsPerWrite bounds a transaction: DynamoDB takes 100 actions, and a
// closed incident is two, and 4 MB, and a document has 64 KB at most before it
// is packed.
const incidentsPerWrite = 45

// opening is the first write of o on an item with these books, and what of o
// is left for further ones.
func opening(books bookkeeping, o incident.Opening) (write, *incident.Opening, error) {
	if err := checkGroup(o.GroupID); err != nil {
		return write{}, nil, err
	}
	if o.Lease.Holder != "" && !o.Lease.Until.After(o.Now) {
		return write{}, nil, fmt.Errorf("lease of %s until %s is over: %w", o.Lease.Holder, o.Lease.Until, incident.ErrInvalid)
	}
	var rest *incident.Opening
	if len(o.Incidents) > incidentsPerWrite {
		more := o
		more.Version, more.Incidents, more.Fuse = o.Version+1, o.Incidents[incidentsPerWrite:], nil
		rest, o.Incidents = &more, o.Incidents[:incidentsPerWrite]
	}
	books.lease, books.open = o.Lease, slices.Clone(books.open)
	w := write{groupID: o.GroupID, version: o.Version, holder: o.Lease.Holder, now: o.Now}
	var err error
	if w.fuse, err = newCharge(o.Fuse); err != nil {
		return write{}, nil, err
	}
	for _, i := range o.Incidents {
		i.Chain = books.chain
		entry, err := openEntry(o.GroupID, i)
		if err != nil {
			return write{}, nil, err
		}
		w.puts = append(w.puts, entry)
		books.open = append(books.open, i.ID)
	}
	w, err = w.withItem(books, o.Known)
	return w, rest, err
}

// closing is the first write of c, and what of c is left for further ones.
func closing(books bookkeeping, c incident.Closing) (write, *incident.Closing, error) {
	if err := checkGroup(c.GroupID); err != nil {
		return write{}, nil, err
	}
	w := write{groupID: c.GroupID, version: c.Version, holder: c.Holder, now: c.Now}
	var rest *incident.Closing
	if len(c.Incidents) > incidentsPerWrite {
		more := c
		more.Version, more.Incidents, more.Journal = c.Version+1, c.Incidents[incidentsPerWrite:], nil
		rest, c.Incidents = &more, c.Incidents[:incidentsPerWrite]
	} else if books.lease.Holder == c.Holder {
		books.lease = incident.Lease{}
	}
	if !live(books.lease, c.Now) {
		books.lease = incident.Lease{}
	}
	books.journal = mergeJournal(books.journal, c.Journal)
	books.open = slices.Clone(books.open)
	incidents := slices.SortedStableFunc(slices.Values(c.Incidents), func(a, b incident.Incident) int { return cmp.Compare(a.ID, b.ID) })
	for place, i := range incidents {
		if err := w.settle(&books, i, place); err != nil {
			return write{}, nil, err
		}
	}
	w, err := w.withItem(books, c.Known)
	return w, rest, err
}

// settle adds what becomes of one incident at a close.
func (w *write) settle(books *bookkeeping, i incident.Incident, place int) error {
	i.Chain = books.chain
	switch i.Status {
	case statusOpen:
		entry, err := openEntry(w.groupID, i)
		if err != nil {
			return err
		}
		w.puts = append(w.puts, entry)
		books.open = append(books.open, i.ID)
		return nil
	case statusClosed:
	default:
		return fmt.Errorf("close incident %s: status %q: %w", i.ID, i.Status, incident.ErrInvalid)
	}
	if i.ClosedAt == nil {
		i.ClosedAt = &w.now
	}
	entry, err := closedEntry(w.groupID, i, w.version+1, place)
	if err != nil {
		return err
	}
	document, err := entry.document()
	if err != nil {
		return err
	}
	books.chain = incident.ChainHash(document)
	books.open = slices.DeleteFunc(books.open, func(id string) bool { return id == i.ID })
	w.puts = append(w.puts, entry)
	w.deletes = append(w.deletes, openKey(w.groupID, i.ID))
	return nil
}

// withItem completes the write with the group's item in its new state.
func (w write) withItem(books bookkeeping, known policy.Known) (write, error) {
	books.version = w.version + 1
	slices.Sort(books.open)
	books.open = slices.Compact(books.open)
	g := groupItem{known: known, books: books, now: w.now}
	g.prune(w.now)
	item, err := encodeBounded(w.groupID, g)
	if err != nil {
		return write{}, err
	}
	w.item, w.after = item, g.books
	return w, nil
}

// refusal says why the write may not take the place of the item old (nil = no
// item): another worker's live lease, or another version. nil = it may.
func (w write) refusal(old attributes) error {
	books, err := decodeBooks(old)
	if err != nil {
		return err
	}
	if books.lease.Holder != w.holder && live(books.lease, w.now) {
		return fmt.Errorf("group %s: %w", w.groupID, incident.ErrLeased)
	}
	if books.version != w.version || (old == nil) != (w.version == 0) {
		return fmt.Errorf("group %s: %w", w.groupID, incident.ErrConflict)
	}
	return nil
}

// live reports whether the lease is held at the time now.
func live(l incident.Lease, now time.Time) bool {
	return l.Holder != "" && l.Until.UnixMilli() > now.UnixMilli()
}

// mergeJournal adds entries; one with a request id that is there takes its place.
func mergeJournal(journal, more []incident.Journal) []incident.Journal {
	byID := map[string]incident.Journal{}
	for _, j := range slices.Concat(journal, more) {
		byID[j.RequestID] = j
	}
	return slices.SortedFunc(maps.Values(byID), func(a, b incident.Journal) int {
		if c := a.At.Compare(b.At); c != 0 {
			return c
		}
		return cmp.Compare(a.RequestID, b.RequestID)
	})
}
