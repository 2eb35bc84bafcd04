package ledger

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/sgwarden/sgwarden/internal/incident"
)

// Entry is a closed incident as it was written: never changed since, if its
// chain holds.
type Entry struct {
	Incident incident.Incident
	Hash     string // of this entry; the next one of the group carries it

	version int64
	place   int64
}

// ErrChain says that entries were changed, added or removed.
var ErrChain = errors.New("chain of incidents is broken")

func newHistory(items []attributes) ([]Entry, error) {
	entries := make([]Entry, 0, len(items))
	for _, a := range items {
		document, err := a.document()
		if err != nil {
			return nil, fmt.Errorf("entry %s: %w", a.text("sk"), unreadable(err))
		}
		e := Entry{Hash: incident.ChainHash(document)}
		if e.Incident, err = incident.UnmarshalStored(document); err != nil {
			return nil, fmt.Errorf("entry %s: %w", a.text("sk"), unreadable(err))
		}
		if e.version, err = a.number(attrVersion); err != nil {
			return nil, fmt.Errorf("entry %s: %w", a.text("sk"), unreadable(err))
		}
		if e.place, err = a.number(attrPlace); err != nil {
			return nil, fmt.Errorf("entry %s: %w", a.text("sk"), unreadable(err))
		}
		entries = append(entries, e)
	}
	slices.SortFunc(entries, func(a, b Entry) int {
		return cmp.Or(cmp.Compare(a.version, b.version), cmp.Compare(a.place, b.place))
	})
	return entries, nil
}

// VerifyChain checks a group's history (oldest first) against the chain head
// of its item (Memory.ChainHead). The oldest entry may refer to one that is no
// longer kept, and an empty history proves nothing. The error wraps ErrChain
// and names the first entry that is wrong.
func VerifyChain(history []Entry, head string) error {
	for n, e := range history {
		if n > 0 && e.Incident.Chain != history[n-1].Hash {
			return fmt.Errorf("entry %s of version %d: %w", e.Incident.ID, e.version, ErrChain)
		}
	}
	if n := len(history); n > 0 && history[n-1].Hash != head {
		return fmt.Errorf("newest entry is not the one that the group's item names: %w", ErrChain)
	}
	return nil
}

// newest is the last entry of an incident in a group's history.
func newest(history []Entry, incidentID string) (incident.Incident, bool) {
	for _, e := range slices.Backward(history) {
		if e.Incident.ID == incidentID {
			return e.Incident, true
		}
	}
	return incident.Incident{}, false
}

// Closed finds a closed incident of a group, as it was last written; false =
// there is none. It reads the group's whole history.
func (t *Table) Closed(ctx context.Context, groupID, incidentID string) (incident.Incident, bool, error) {
	history, err := t.History(ctx, groupID)
	found, ok := newest(history, incidentID)
	return found, ok, err
}

// Closed finds a closed incident, as Table.Closed.
func (m *InMemory) Closed(ctx context.Context, groupID, incidentID string) (incident.Incident, bool, error) {
	history, err := m.History(ctx, groupID)
	found, ok := newest(history, incidentID)
	return found, ok, err
}
