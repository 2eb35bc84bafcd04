package ledger

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/sgwarden/sgwarden/internal/incident"
)

// MostRecalled is how many groups Recall takes: BatchGetItem takes 100 keys.
const MostRecalled = 100

// Recall reads the items of many groups, with neither their open incidents nor
// controls: one BatchGetItem, more where DynamoDB answers only a part (16 MB).
// A group without item is not in the answer. The reads are eventually
// consistent, at half the price: a write on an older version is refused.
func (t *Table) Recall(ctx context.Context, groupIDs []string) (map[string]incident.Memory, error) {
	if err := checkRecall(groupIDs); err != nil || len(groupIDs) == 0 {
		return map[string]incident.Memory{}, err
	}
	var ask types.KeysAndAttributes
	for _, id := range groupIDs {
		ask.Keys = append(ask.Keys, groupKey(id).attributes())
	}
	items, err := t.batch(ctx, ask)
	if err != nil {
		return nil, fmt.Errorf("recall %d groups: %w", len(groupIDs), translate(err))
	}
	out := make(map[string]incident.Memory, len(items))
	for _, a := range items {
		id, m, books, err := recalled(a)
		if err != nil {
			return nil, err
		}
		t.remember(id, books)
		out[id] = m
	}
	return out, nil
}

// Recall reads the items of many groups, as Table.Recall.
func (m *InMemory) Recall(ctx context.Context, groupIDs []string) (map[string]incident.Memory, error) {
	if err := checkRecall(groupIDs); err != nil {
		return nil, err
	}
	if err := check(ctx); err != nil {
		return nil, fmt.Errorf("recall %d groups: %w", len(groupIDs), err)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	out := map[string]incident.Memory{}
	for _, id := range groupIDs {
		if a, ok := m.items[groupKey(id)]; ok {
			_, memory, _, err := recalled(a)
			if err != nil {
				return nil, err
			}
			out[id] = memory
		}
	}
	return out, nil
}

func checkRecall(groupIDs []string) error {
	if len(groupIDs) > MostRecalled {
		return fmt.Errorf("recall %d groups, of %d at most: %w", len(groupIDs), MostRecalled, incident.ErrInvalid)
	}
	for _, id := range groupIDs {
		if err := checkGroup(id); err != nil {
			return err
		}
	}
	return nil
}

// recalled reads one item, and whose it is.
func recalled(a attributes) (groupID string, m incident.Memory, books bookkeeping, err error) {
	groupID = strings.TrimPrefix(a.text("pk"), groupKey("").pk)
	g, err := decodeGroup(a)
	if err != nil {
		return "", incident.Memory{}, bookkeeping{}, fmt.Errorf("recall group %s: %w", groupID, unreadable(err))
	}
	m = incident.Memory{Known: g.known, Recent: slices.Clone(g.books.journal), Lease: g.books.lease, ChainHead: g.books.chain}
	return groupID, m, g.books, nil
}

// Controls reads the controls that hold for all groups: one BatchGetItem.
func (t *Table) Controls(ctx context.Context) (incident.Controls, error) {
	c, err := t.controls(ctx, "")
	if err != nil {
		return incident.Controls{}, fmt.Errorf("read the controls: %w", translate(err))
	}
	return c, nil
}

// Controls reads the controls that hold for all groups.
func (m *InMemory) Controls(ctx context.Context) (incident.Controls, error) {
	if err := check(ctx); err != nil {
		return incident.Controls{}, fmt.Errorf("read the controls: %w", err)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	c, err := decodeControls(m.controlItems(""))
	if err != nil {
		return incident.Controls{}, fmt.Errorf("read the controls: %w", unreadable(err))
	}
	return c, nil
}

// ControlsOf reads the controls of at most MostRecalled single groups, without
// those of all: one BatchGetItem. Groups without any are not in the answer.
func (t *Table) ControlsOf(ctx context.Context, groupIDs []string) (map[string]incident.Controls, error) {
	if err := checkRecall(groupIDs); err != nil || len(groupIDs) == 0 {
		return map[string]incident.Controls{}, err
	}
	ask := types.KeysAndAttributes{ConsistentRead: aws.Bool(true)}
	for _, id := range groupIDs {
		ask.Keys = append(ask.Keys, controlOf(id).attributes())
	}
	items, err := t.batch(ctx, ask)
	if err != nil {
		return nil, fmt.Errorf("read the controls of %d groups: %w", len(groupIDs), translate(err))
	}
	return controlsByGroup(items)
}

// ControlsOf reads the controls of single groups, as Table.ControlsOf.
func (m *InMemory) ControlsOf(ctx context.Context, groupIDs []string) (map[string]incident.Controls, error) {
	if err := checkRecall(groupIDs); err != nil {
		return nil, err
	}
	if err := check(ctx); err != nil {
		return nil, fmt.Errorf("read the controls of %d groups: %w", len(groupIDs), err)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	var items []attributes
	for _, id := range groupIDs {
		if a, ok := m.items[controlOf(id)]; ok {
			items = append(items, a)
		}
	}
	return controlsByGroup(items)
}

func controlsByGroup(items []attributes) (map[string]incident.Controls, error) {
	out := make(map[string]incident.Controls, len(items))
	for _, a := range items {
		c, err := decodeControls([]attributes{a})
		if err != nil {
			return nil, unreadable(err)
		}
		out[strings.TrimPrefix(a.text("pk"), prefixControl)] = c
	}
	return out, nil
}

func (m *InMemory) controlItems(groupID string) []attributes {
	var found []attributes
	for _, k := range controlKeys(groupID) {
		if a, ok := m.items[k]; ok {
			found = append(found, a)
		}
	}
	return found
}

// batch reads the items of some keys. What DynamoDB leaves out is asked again,
// after a pause where it answered nothing.
func (t *Table) batch(ctx context.Context, ask types.KeysAndAttributes) ([]attributes, error) {
	var items []attributes
	for idle := 0; ; {
		out, err := t.client.BatchGetItem(ctx, &dynamodb.BatchGetItemInput{RequestItems: map[string]types.KeysAndAttributes{t.name: ask}})
		if err != nil {
			return nil, err
		}
		for _, a := range out.Responses[t.name] {
			items = append(items, a)
		}
		left := out.UnprocessedKeys[t.name].Keys
		if len(left) == 0 {
			return items, nil
		}
		if len(out.Responses[t.name]) == 0 {
			if idle == len(batchPauses) {
				return nil, fmt.Errorf("%d items were not read: %w", len(left), incident.ErrThrottled)
			}
			if err := pause(ctx, batchPauses[idle]); err != nil {
				return nil, err
			}
			idle++
		}
		ask.Keys = left
	}
}

func (t *Table) controls(ctx context.Context, groupID string) (incident.Controls, error) {
	ask := types.KeysAndAttributes{ConsistentRead: aws.Bool(true)}
	for _, k := range controlKeys(groupID) {
		ask.Keys = append(ask.Keys, k.attributes())
	}
	items, err := t.batch(ctx, ask)
	if err != nil {
		return incident.Controls{}, err
	}
	c, err := decodeControls(items)
	if err != nil {
		return incident.Controls{}, unreadable(err)
	}
	return c, nil
}

// RecordSweep writes what a sweep has to say of itself: one UpdateItem, one
// more for every 90 acts. The stamp is in the last one: a sweep is complete
// once all its acts are.
func (t *Table) RecordSweep(ctx context.Context, r incident.SweepRecord) error {
	return t.Operator().recordSweep(ctx, r)
}

// RecordSweep writes what a sweep has to say of itself.
func (m *InMemory) RecordSweep(ctx context.Context, r incident.SweepRecord) error {
	return m.Operator().recordSweep(ctx, r)
}

func (o Operator) recordSweep(ctx context.Context, r incident.SweepRecord) error {
	for ids := range slices.Chunk(slices.Sorted(maps.Keys(r.Acts)), rulesPerNote) {
		set := attributes{}
		for _, id := range ids {
			act := r.Acts[id]
			if err := set.setJSON(prefixAct+id, actRecord{act.Done, act.Start.UTC(), act.At.UTC()}); err != nil {
				return err
			}
		}
		if err := o.set(ctx, sweepState, set); err != nil {
			return err
		}
	}
	for ids := range slices.Chunk(r.Drop, rulesPerNote) {
		names := make([]string, 0, len(ids))
		for _, id := range ids {
			names = append(names, prefixAct+id)
		}
		if err := o.set(ctx, sweepState, attributes{}, names...); err != nil {
			return err
		}
	}
	set := attributes{}
	if r.Missed != nil {
		if err := set.setJSON(attrMissed, newMissedRecords(r.Missed)); err != nil {
			return err
		}
	}
	if !r.Stamp.IsZero() {
		set[attrStamp] = stampText(r.Stamp)
	}
	if len(set) == 0 {
		return nil
	}
	return o.set(ctx, sweepState, set)
}

// Exempted lists the groups that have, or had, exemptions in the ledger, by id:
// one Query per megabyte.
func (t *Table) Exempted(ctx context.Context) ([]string, error) {
	items, err := query(ctx, t.client, t.name, exemptedGroups, "sg-", "sg-~")
	if err != nil {
		return nil, fmt.Errorf("list exempted groups: %w", translate(err))
	}
	return sortKeys(items), nil
}

// Exempted lists the groups that have exemptions, as Table.Exempted.
func (m *InMemory) Exempted(ctx context.Context) ([]string, error) {
	if err := check(ctx); err != nil {
		return nil, fmt.Errorf("list exempted groups: %w", err)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	return sortKeys(m.partition(exemptedGroups, "sg-", "sg-~")), nil
}

func sortKeys(items []attributes) (keys []string) {
	for _, a := range items {
		keys = append(keys, a.text("sk"))
	}
	return keys
}
