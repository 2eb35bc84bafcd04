package warden

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"sync"

	"github.com/sgwarden/sgwarden/internal/incident"
	"github.com/sgwarden/sgwarden/internal/policy"
)

// batchFacts are facts beyond single groups. They are read once for a batch, or
// a call of a sweep, and only if some policy asks for them.
type batchFacts struct {
	mu   sync.Mutex
	read map[string]*batchFact
}

// errNotRead stands for the answer until there is one: what asks for it panicked.
var errNotRead = errors.New("it was not read")

type batchFact struct {
	once  sync.Once
	value any
	err   error
}

// onceInBatch gives the answer to the first read of a key.
func onceInBatch[T any](b *batchFacts, key string, read func() (T, error)) (T, error) {
	b.mu.Lock()
	f := b.read[key]
	if f == nil {
		if b.read == nil {
			b.read = map[string]*batchFact{}
		}
		f = &batchFact{err: errNotRead}
		b.read[key] = f
	}
	b.mu.Unlock()
	f.once.Do(func() { f.value, f.err = read() })
	value, _ := f.value.(T)
	return value, f.err
}

// fetchAround reads a kind of fact beyond the group. What may not be read is
// marked so, and what may pass fails the judging.
func (j *judging) fetchAround(ctx context.Context, need policy.Need) error {
	inventory, facts := j.w.cfg.Inventory, &j.facts.Surroundings
	switch need {
	case policy.NeedInterfaces:
		ids, more, err := inventory.Interfaces(ctx, j.groupID)
		facts.Interfaces = &policy.Interfaces{IDs: ids, More: more, Refused: refused(err)}
		return passing(err, "network interfaces of "+j.groupID)
	case policy.NeedUsers:
		kinds, err := inventory.Users(ctx, j.groupID)
		facts.Users = &policy.Users{Kinds: kinds, Refused: refused(err)}
		return passing(err, "network interfaces of "+j.groupID)
	case policy.NeedDead:
		dead, err := onceInBatch(j.shared, string(need)+" "+j.live.VPCID, func() (map[string][]string, error) {
			return inventory.DeadReferences(ctx, j.live.VPCID)
		})
		facts.Dead = &policy.DeadReferences{GroupIDs: dead[j.groupID], Refused: refused(err)}
		return passing(err, "dead references of "+j.live.VPCID)
	case policy.NeedGroups:
		var err error
		facts.Groups, err = onceInBatch(j.shared, string(need), func() (*policy.AllGroups, error) {
			groups, err := inventory.Groups(ctx)
			return &policy.AllGroups{Groups: groups, Refused: refused(err)}, err
		})
		return passing(err, "the groups of the region")
	case policy.NeedElastic:
		addresses, err := onceInBatch(j.shared, string(need), func() ([]netip.Addr, error) { return inventory.ElasticAddresses(ctx) })
		facts.Elastic = &policy.ElasticAddresses{Addresses: addresses, Refused: refused(err)}
		return passing(err, "elastic addresses")
	}
	return nil
}

// refused says in a word why a fact could not be read; "" = it was.
func refused(err error) string {
	_, why := explain(err)
	return why
}

// passing is an error that may pass; nil for what stays refused.
func passing(err error, what string) error {
	if err == nil || errors.Is(err, incident.ErrDenied) || errors.Is(err, incident.ErrInvalid) || errors.Is(err, incident.ErrGone) {
		return nil
	}
	return fmt.Errorf("read %s: %w", what, err)
}
