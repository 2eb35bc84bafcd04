package ledger

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"github.com/sgwarden/sgwarden/internal/incident"
	"github.com/sgwarden/sgwarden/internal/policy"
)

// DynamoDB is what a Table needs of *dynamodb.Client.
type DynamoDB interface {
	querier
	BatchGetItem(ctx context.Context, in *dynamodb.BatchGetItemInput, opts ...func(*dynamodb.Options)) (*dynamodb.BatchGetItemOutput, error)
	GetItem(ctx context.Context, in *dynamodb.GetItemInput, opts ...func(*dynamodb.Options)) (*dynamodb.GetItemOutput, error)
	UpdateItem(ctx context.Context, in *dynamodb.UpdateItemInput, opts ...func(*dynamodb.Options)) (*dynamodb.UpdateItemOutput, error)
	TransactWriteItems(ctx context.Context, in *dynamodb.TransactWriteItemsInput, opts ...func(*dynamodb.Options)) (*dynamodb.TransactWriteItemsOutput, error)
}

type querier interface {
	Query(ctx context.Context, in *dynamodb.QueryInput, opts ...func(*dynamodb.Options)) (*dynamodb.QueryOutput, error)
}

// Permissions are the actions that a Table calls, on its table.
// TransactWriteItems and BatchGetItem are allowed by those of their parts.
func Permissions() []string {
	return []string{
		"dynamodb:BatchGetItem", "dynamodb:DeleteItem", "dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:Query", "dynamodb:UpdateItem",
	}
}

// ReadPermissions are those of them that only read.
func ReadPermissions() []string {
	return []string{"dynamodb:BatchGetItem", "dynamodb:GetItem", "dynamodb:Query"}
}

// WritePermissions are those of them that write.
func WritePermissions() []string {
	return slices.DeleteFunc(Permissions(), func(action string) bool { return slices.Contains(ReadPermissions(), action) })
}

// OperatorPermissions are what an Operator calls, on the items of
// OperatorKeys. OperatorKeys are patterns as those of GuardKeys.
func OperatorPermissions() []string { return []string{"dynamodb:UpdateItem"} }

// OperatorKeys are the partition keys of the controls that people write:
// exemptions, pauses and adoptions, and the end of what a fuse holds.
func OperatorKeys() []string { return []string{"control#*", "fuse#*"} }

// GuardKeys are the partition keys that the guard writes, as patterns for the
// condition dynamodb:LeadingKeys. All others are for operators and sweeps.
func GuardKeys() []string { return []string{"group#*", "fuse#*"} }

// SweepKeys are those that a sweep writes: items of groups, its acts and stamp,
// and where it goes on.
func SweepKeys() []string { return []string{"group#*", sweepState.pk} }

// GroupKey is the partition key of a group's item and incidents.
func GroupKey(groupID string) string { return groupKey(groupID).pk }

// Table is a ledger in a DynamoDB table with partition key pk, sort key sk
// (both S) and TTL attribute expires. It is safe for concurrent use.
type Table struct {
	client DynamoDB
	name   string

	// read holds the books of the groups that this process read or wrote
	// last. They carry their version, and are only used for a write on exactly
	// that version; where there are none, the item is read once more.
	mu   sync.Mutex
	read map[string]bookkeeping
}

// NewTable makes the ledger of the table of that name.
func NewTable(client DynamoDB, name string) *Table {
	return &Table{client: client, name: name, read: map[string]bookkeeping{}}
}

// Observe reads a group: one Query (item and open incidents) and one
// BatchGetItem (controls), side by side, both strongly consistent.
func (t *Table) Observe(ctx context.Context, groupID string) (incident.Memory, error) {
	if err := checkGroup(groupID); err != nil {
		return incident.Memory{}, err
	}
	type answer struct {
		controls incident.Controls
		err      error
	}
	controls := make(chan answer, 1)
	go func() {
		c, err := t.controls(ctx, groupID)
		controls <- answer{c, err}
	}()
	items, err := query(ctx, t.client, t.name, groupKey(groupID).pk, groupKey(groupID).sk, openEnd)
	c := <-controls
	if err == nil {
		err = c.err
	}
	if err != nil {
		return incident.Memory{}, fmt.Errorf("observe group %s: %w", groupID, translate(err))
	}
	m, books, err := newMemory(items, c.controls)
	if err != nil {
		return incident.Memory{}, fmt.Errorf("observe group %s: %w", groupID, unreadable(err))
	}
	t.remember(groupID, books)
	return m, nil
}

// newMemory makes the answer of the items of one group.
func newMemory(items []attributes, controls incident.Controls) (incident.Memory, bookkeeping, error) {
	m := incident.Memory{Controls: controls}
	var g groupItem
	var open []string
	for _, a := range items {
		if a.text("sk") == "item" {
			var err error
			if g, err = decodeGroup(a); err != nil {
				return incident.Memory{}, bookkeeping{}, err
			}
			continue
		}
		i, err := decodeEntry(a)
		if err != nil {
			return incident.Memory{}, bookkeeping{}, err
		}
		m.Open = append(m.Open, i)
		open = append(open, i.ID)
	}
	slices.SortStableFunc(m.Open, func(a, b incident.Incident) int { return a.OpenedAt.Compare(b.OpenedAt) })
	slices.Sort(open)
	// The entries are what is open; the list in the item only serves Note.
	g.books.open, g.known.OpenIncidents = open, slices.Clone(open)
	m.Known, m.Recent, m.Lease, m.ChainHead = g.known, slices.Clone(g.books.journal), g.books.lease, g.books.chain
	return m, g.books, nil
}

// Open writes the group's item and the incidents, and takes the lease, in one
// transaction (one more for every 45 incidents). It gives the item's new version. Errors: ErrConflict where the
// version is another by now, ErrLeased under another worker's live lease.
func (t *Table) Open(ctx context.Context, o incident.Opening) (int64, error) {
	var version int64
	for rest := &o; rest != nil; {
		books, err := t.books(ctx, rest.GroupID, rest.Version)
		if err != nil {
			return 0, fmt.Errorf("open incidents of group %s: %w", o.GroupID, err)
		}
		var w write
		w, rest, err = opening(books, *rest)
		if err == nil {
			err = t.transact(ctx, w)
		}
		if err != nil {
			return 0, fmt.Errorf("open incidents of group %s: %w", o.GroupID, err)
		}
		version = w.after.version
	}
	return version, nil
}

// Close writes the group's item and how the incidents ended, and gives the
// lease back, in one transaction (one more for every 45 incidents). Errors as
// Open.
func (t *Table) Close(ctx context.Context, c incident.Closing) error {
	for rest := &c; rest != nil; {
		books, err := t.books(ctx, rest.GroupID, rest.Version)
		if err != nil {
			return fmt.Errorf("close incidents of group %s: %w", c.GroupID, err)
		}
		var w write
		w, rest, err = closing(books, *rest)
		if err == nil {
			err = t.transact(ctx, w)
		}
		if err != nil {
			return fmt.Errorf("close incidents of group %s: %w", c.GroupID, err)
		}
	}
	return nil
}

// Note sets the rules that are absent and adds 1 to the version, in one
// UpdateItem (one more for every 90 rules). It gives the item after it.
func (t *Table) Note(ctx context.Context, n incident.Note) (policy.Known, error) {
	if err := checkGroup(n.GroupID); err != nil {
		return policy.Known{}, err
	}
	updates, err := noteUpdates(t.name, n)
	if err != nil {
		return policy.Known{}, fmt.Errorf("note group %s: %w", n.GroupID, err)
	}
	var g groupItem
	for _, u := range updates {
		out, err := t.client.UpdateItem(ctx, u)
		if err != nil {
			return policy.Known{}, fmt.Errorf("note group %s: %w", n.GroupID, translate(err))
		}
		if g, err = decodeGroup(out.Attributes); err != nil {
			return policy.Known{}, fmt.Errorf("note group %s: %w", n.GroupID, unreadable(err))
		}
	}
	t.remember(n.GroupID, g.books)
	return g.known, nil
}

// Operator writes the controls of this table.
func (t *Table) Operator() Operator {
	return Operator{func(ctx context.Context, p patch) error {
		if _, err := t.client.UpdateItem(ctx, p.update(t.name)); err != nil {
			return fmt.Errorf("write %s: %w", p.key.pk, translate(err))
		}
		return nil
	}}
}

// History gives the closed entries of a group, oldest first: what is kept of
// 400 days. An incident that was completed after its end has several.
func (t *Table) History(ctx context.Context, groupID string) ([]Entry, error) {
	items, err := query(ctx, t.client, t.name, groupKey(groupID).pk, prefixClosed, prefixClosed+"~")
	if err != nil {
		return nil, fmt.Errorf("read history of group %s: %w", groupID, translate(err))
	}
	return newHistory(items)
}

// query reads the items of a partition from first to last, all pages.
func query(ctx context.Context, client querier, table, pk, first, last string) ([]attributes, error) {
	in := &dynamodb.QueryInput{
		TableName: &table, ConsistentRead: aws.Bool(true),
		KeyConditionExpression:    aws.String("pk = :pk AND sk BETWEEN :first AND :last"),
		ExpressionAttributeValues: attributes{":pk": text(pk), ":first": text(first), ":last": text(last)},
	}
	var items []attributes
	for {
		out, err := client.Query(ctx, in)
		if err != nil {
			return nil, err
		}
		for _, a := range out.Items {
			items = append(items, a)
		}
		if len(out.LastEvaluatedKey) == 0 {
			return items, nil
		}
		in.ExclusiveStartKey = out.LastEvaluatedKey
	}
}

// batchPauses are the waits before what a BatchGetItem left out is asked again.
var batchPauses = []time.Duration{50 * time.Millisecond, 200 * time.Millisecond}

func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}

// books gives the books of a group at exactly that version.
func (t *Table) books(ctx context.Context, groupID string, version int64) (bookkeeping, error) {
	t.mu.Lock()
	books, ok := t.read[groupID]
	t.mu.Unlock()
	if version == 0 || ok && books.version == version {
		if version == 0 {
			books = bookkeeping{}
		}
		return books, nil
	}
	out, err := t.client.GetItem(ctx, &dynamodb.GetItemInput{TableName: &t.name, Key: groupKey(groupID).attributes(), ConsistentRead: aws.Bool(true)})
	if err != nil {
		return bookkeeping{}, translate(err)
	}
	g, err := decodeGroup(out.Item)
	if err != nil {
		return bookkeeping{}, unreadable(err)
	}
	if g.books.version != version {
		return bookkeeping{}, fmt.Errorf("group %s: %w", groupID, incident.ErrConflict)
	}
	return g.books, nil
}

// rememberedGroups bounds the books that are held.
const rememberedGroups = 1000

func (t *Table) remember(groupID string, books bookkeeping) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.read) >= rememberedGroups {
		clear(t.read)
	}
	t.read[groupID] = books
}
