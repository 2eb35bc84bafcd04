package ledger

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/sgwarden/sgwarden/internal/incident"
)

// transact makes one write and remembers its books.
func (t *Table) transact(ctx context.Context, w write) error {
	in := &dynamodb.TransactWriteItemsInput{
		ClientRequestToken: aws.String(w.token()),
		TransactItems:      []types.TransactWriteItem{{Put: w.conditional(t.name)}},
	}
	for _, a := range w.puts {
		in.TransactItems = append(in.TransactItems, types.TransactWriteItem{Put: &types.Put{TableName: &t.name, Item: a}})
	}
	for _, k := range w.deletes {
		in.TransactItems = append(in.TransactItems, types.TransactWriteItem{Delete: &types.Delete{TableName: &t.name, Key: k.attributes()}})
	}
	if w.fuse != nil {
		in.TransactItems = append(in.TransactItems, types.TransactWriteItem{Update: w.fuse.update(t.name)})
	}
	if _, err := t.client.TransactWriteItems(ctx, in); err != nil {
		return w.translate(err)
	}
	t.remember(w.groupID, w.after)
	return nil
}

// conditional is the put of the item: on the version that was read, and under
// no other worker's live lease.
func (w write) conditional(table string) *types.Put {
	p := &types.Put{
		TableName: &table, Item: w.item,
		// The old item tells a conflict from a lease.
		ReturnValuesOnConditionCheckFailure: types.ReturnValuesOnConditionCheckFailureAllOld,
	}
	if w.version == 0 {
		p.ConditionExpression = aws.String("attribute_not_exists(pk)")
		return p
	}
	p.ConditionExpression = aws.String("#version = :version AND (attribute_not_exists(#holder) OR #holder = :holder OR #until <= :now)")
	p.ExpressionAttributeNames = map[string]string{"#version": attrVersion, "#holder": attrHolder, "#until": attrUntil}
	p.ExpressionAttributeValues = attributes{":version": number(w.version), ":holder": text(w.holder), ":now": number(w.now.UnixMilli())}
	return p
}

// token makes a repeated request the same transaction (DynamoDB keeps tokens
// for 10 minutes): an answer that was lost does not become a conflict.
func (w write) token() string {
	h := sha256.New()
	add := func(parts ...string) {
		for _, p := range parts {
			h.Write(fmt.Appendf(nil, "%d:%s", len(p), p))
		}
	}
	add(w.groupID, strconv.FormatInt(w.version, 10), w.holder, strconv.FormatInt(w.now.UnixMilli(), 10))
	for _, a := range append([]attributes{w.item}, w.puts...) {
		for _, name := range a.names() {
			add(name, valueText(a[name]))
		}
	}
	for _, k := range w.deletes {
		add(k.pk, k.sk)
	}
	add(w.fuse.parts()...)
	return hex.EncodeToString(h.Sum(nil))[:36]
}

// translate turns the refusal of the transaction into ErrConflict or
// ErrLeased, everything else as the function of that name.
func (w write) translate(err error) error {
	var cancelled *types.TransactionCanceledException
	if !errors.As(err, &cancelled) {
		return translate(err)
	}
	for _, r := range cancelled.CancellationReasons {
		if aws.ToString(r.Code) != "ConditionalCheckFailed" {
			continue
		}
		if refusal := w.refusal(r.Item); refusal != nil {
			return refusal
		}
		return fmt.Errorf("group %s: %w", w.groupID, incident.ErrConflict)
	}
	return translate(err)
}
