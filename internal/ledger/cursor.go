package ledger

import (
	"context"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

// sweepCursor is beside the state of the sweeps, not in it: the controls of
// every judging are read with that.
var sweepCursor = key{"sweep", "cursor"}

const attrCursor = "cursor"

// Cursor reads where a sweep goes on, as PutCursor was given it; "" = with a
// new pass. One BatchGetItem.
func (t *Table) Cursor(ctx context.Context) (string, error) {
	items, err := t.batch(ctx, types.KeysAndAttributes{ConsistentRead: aws.Bool(true), Keys: []map[string]types.AttributeValue{sweepCursor.attributes()}})
	if err != nil {
		return "", fmt.Errorf("read the cursor of the sweep: %w", translate(err))
	}
	if len(items) == 0 {
		return "", nil
	}
	return items[0].text(attrCursor), nil
}

// Cursor reads where a sweep goes on, as Table.Cursor.
func (m *InMemory) Cursor(ctx context.Context) (string, error) {
	if err := check(ctx); err != nil {
		return "", fmt.Errorf("read the cursor of the sweep: %w", err)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.items[sweepCursor].text(attrCursor), nil
}

// PutCursor keeps where a sweep goes on, in words of its own; "" = with a new
// pass. One UpdateItem.
func (t *Table) PutCursor(ctx context.Context, cursor string) error {
	return t.Operator().putCursor(ctx, cursor)
}

// PutCursor keeps where a sweep goes on.
func (m *InMemory) PutCursor(ctx context.Context, cursor string) error {
	return m.Operator().putCursor(ctx, cursor)
}

func (o Operator) putCursor(ctx context.Context, cursor string) error {
	if cursor == "" {
		return o.set(ctx, sweepCursor, attributes{}, attrCursor)
	}
	return o.set(ctx, sweepCursor, attributes{attrCursor: text(cursor)})
}
