package ledger

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/sgwarden/sgwarden/internal/incident"
	"github.com/sgwarden/sgwarden/internal/policy"
)

// InMemory is a ledger with the semantics of Table, for the embedded account
// and for tests. It keeps items in the form that the table has. It is safe for
// concurrent use.
type InMemory struct {
	mu    sync.Mutex
	items map[key]attributes
}

// NewInMemory makes an empty ledger.
func NewInMemory() *InMemory { return &InMemory{items: map[key]attributes{}} }

// Observe reads a group, as Table.Observe.
func (m *InMemory) Observe(ctx context.Context, groupID string) (incident.Memory, error) {
	if err := checkGroup(groupID); err != nil {
		return incident.Memory{}, err
	}
	if err := check(ctx); err != nil {
		return incident.Memory{}, fmt.Errorf("observe group %s: %w", groupID, err)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	controls, err := decodeControls(m.controlItems(groupID))
	if err != nil {
		return incident.Memory{}, fmt.Errorf("observe group %s: %w", groupID, unreadable(err))
	}
	memory, _, err := newMemory(m.partition(groupKey(groupID).pk, groupKey(groupID).sk, openEnd), controls)
	if err != nil {
		return incident.Memory{}, fmt.Errorf("observe group %s: %w", groupID, unreadable(err))
	}
	return memory, nil
}

// Open writes item, incidents and lease, as Table.Open.
func (m *InMemory) Open(ctx context.Context, o incident.Opening) (int64, error) {
	if err := check(ctx); err != nil {
		return 0, fmt.Errorf("open incidents of group %s: %w", o.GroupID, err)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	var version int64
	for rest := &o; rest != nil; {
		books, err := m.books(rest.GroupID)
		if err != nil {
			return 0, fmt.Errorf("open incidents of group %s: %w", o.GroupID, err)
		}
		var w write
		w, rest, err = opening(books, *rest)
		if err == nil {
			err = m.transact(w)
		}
		if err != nil {
			return 0, fmt.Errorf("open incidents of group %s: %w", o.GroupID, err)
		}
		version = w.after.version
	}
	return version, nil
}

// Close writes item and incidents and gives the lease back, as Table.Close.
func (m *InMemory) Close(ctx context.Context, c incident.Closing) error {
	if err := check(ctx); err != nil {
		return fmt.Errorf("close incidents of group %s: %w", c.GroupID, err)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	for rest := &c; rest != nil; {
		books, err := m.books(rest.GroupID)
		if err != nil {
			return fmt.Errorf("close incidents of group %s: %w", c.GroupID, err)
		}
		var w write
		w, rest, err = closing(books, *rest)
		if err == nil {
			err = m.transact(w)
		}
		if err != nil {
			return fmt.Errorf("close incidents of group %s: %w", c.GroupID, err)
		}
	}
	return nil
}

// Note sets absent rules, as Table.Note.
func (m *InMemory) Note(ctx context.Context, n incident.Note) (policy.Known, error) {
	if err := checkGroup(n.GroupID); err != nil {
		return policy.Known{}, err
	}
	if err := check(ctx); err != nil {
		return policy.Known{}, fmt.Errorf("note group %s: %w", n.GroupID, err)
	}
	set, err := noteAttributes(n)
	if err != nil {
		return policy.Known{}, fmt.Errorf("note group %s: %w", n.GroupID, err)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	k := groupKey(n.GroupID)
	item := k.attributes()
	maps.Copy(item, set)
	maps.Copy(item, m.items[k]) // what is there stays
	version, err := item.number(attrVersion)
	if err != nil {
		return policy.Known{}, fmt.Errorf("note group %s: %w", n.GroupID, unreadable(err))
	}
	item[attrVersion] = number(version + 1)
	delete(item, attrExpires)
	if item.size() > dynamoItemSize {
		return policy.Known{}, fmt.Errorf("note group %s: item of %d bytes: %w", n.GroupID, item.size(), incident.ErrInvalid)
	}
	g, err := decodeGroup(item)
	if err != nil {
		return policy.Known{}, fmt.Errorf("note group %s: %w", n.GroupID, unreadable(err))
	}
	m.items[k] = item
	return g.known, nil
}

// Operator writes the controls.
func (m *InMemory) Operator() Operator {
	return Operator{func(ctx context.Context, p patch) error {
		if err := check(ctx); err != nil {
			return fmt.Errorf("write %s: %w", p.key.pk, err)
		}
		m.mu.Lock()
		defer m.mu.Unlock()
		item := p.key.attributes()
		maps.Copy(item, m.items[p.key])
		if err := p.onto(item); err != nil {
			return fmt.Errorf("write %s: %w", p.key.pk, unreadable(err))
		}
		m.items[p.key] = item
		return nil
	}}
}

// History gives the closed entries of a group, as Table.History.
func (m *InMemory) History(ctx context.Context, groupID string) ([]Entry, error) {
	if err := check(ctx); err != nil {
		return nil, fmt.Errorf("read history of group %s: %w", groupID, err)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	return newHistory(m.partition(groupKey(groupID).pk, prefixClosed, prefixClosed+"~"))
}

// partition lists the items of a partition from first to last, in order.
func (m *InMemory) partition(pk, first, last string) []attributes {
	var items []attributes
	for k, a := range m.items {
		if k.pk == pk && k.sk >= first && k.sk <= last {
			items = append(items, a)
		}
	}
	slices.SortFunc(items, func(a, b attributes) int { return strings.Compare(a.text("sk"), b.text("sk")) })
	return items
}

func (m *InMemory) books(groupID string) (bookkeeping, error) {
	return decodeBooks(m.items[groupKey(groupID)])
}

// transact makes the write whole or not at all.
func (m *InMemory) transact(w write) error {
	if err := w.refusal(m.items[w.item.key()]); err != nil {
		return err
	}
	if w.fuse != nil {
		fuse := fuseState.attributes()
		maps.Copy(fuse, m.items[fuseState])
		if err := cmp.Or(w.fuse.refusal(fuse), w.fuse.patch.onto(fuse)); err != nil {
			return err
		}
		m.items[fuseState] = fuse
	}
	m.items[w.item.key()] = w.item
	for _, a := range w.puts {
		m.items[a.key()] = a
	}
	for _, k := range w.deletes {
		delete(m.items, k)
	}
	return nil
}

// check answers as a call with a context that is over does.
func check(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("%w: %w", incident.ErrUnavailable, err)
	}
	return nil
}
