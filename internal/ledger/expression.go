package ledger

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/sgwarden/sgwarden/internal/incident"
)

// rulesPerNote keeps an update expression below DynamoDB's 4 KB.
const rulesPerNote = 90

// expression builds an update of one item.
type expression struct {
	set, remove []string
	names       map[string]string
	values      attributes
}

func newExpression() *expression {
	return &expression{names: map[string]string{}, values: attributes{}}
}

func (e *expression) name(name string) string {
	placeholder := "#" + strconv.Itoa(len(e.names))
	e.names[placeholder] = name
	return placeholder
}

func (e *expression) value(v types.AttributeValue) string {
	placeholder := ":" + strconv.Itoa(len(e.values))
	e.values[placeholder] = v
	return placeholder
}

// setAll sets attributes, in the order of their names; absentOnly leaves those
// alone that are there.
func (e *expression) setAll(a attributes, absentOnly bool) {
	for _, name := range a.names() {
		n, v := e.name(name), e.value(a[name])
		if absentOnly {
			v = "if_not_exists(" + n + "," + v + ")"
		}
		e.set = append(e.set, n+"="+v)
	}
}

func (e *expression) text() string {
	var parts []string
	if len(e.set) > 0 {
		parts = append(parts, "SET "+strings.Join(e.set, ","))
	}
	if len(e.remove) > 0 {
		parts = append(parts, "REMOVE "+strings.Join(e.remove, ","))
	}
	return strings.Join(parts, " ")
}

func (p patch) update(table string) *dynamodb.UpdateItemInput {
	e := newExpression()
	e.setAll(p.set, false)
	for _, name := range p.remove {
		e.remove = append(e.remove, e.name(name))
	}
	return &dynamodb.UpdateItemInput{
		TableName: &table, Key: p.key.attributes(), UpdateExpression: aws.String(e.text()),
		ExpressionAttributeNames: e.names, ExpressionAttributeValues: e.values,
	}
}

// noteAttributes are what a note sets where it is absent.
func noteAttributes(n incident.Note) (attributes, error) {
	a := attributes{attrSchema: number(schemaVersion)}
	a.setText(attrName, n.Name)
	a.setText(attrVPC, n.VPCID)
	for id, k := range n.Rules {
		if err := setRule(a, id, k); err != nil {
			return nil, err
		}
	}
	for id, r := range n.Removed {
		if err := a.setJSON(prefixGone+id, newRemovedRecord(r)); err != nil {
			return nil, err
		}
	}
	return a, nil
}

// noteUpdates are the updates of a note: one, unless it has very many rules.
func noteUpdates(table string, n incident.Note) ([]*dynamodb.UpdateItemInput, error) {
	all, err := noteAttributes(n)
	if err != nil {
		return nil, err
	}
	var updates []*dynamodb.UpdateItemInput
	for names := range slices.Chunk(all.names(), rulesPerNote) {
		part := maps.Clone(all)
		maps.DeleteFunc(part, func(name string, _ types.AttributeValue) bool { return !slices.Contains(names, name) })
		e := newExpression()
		e.setAll(part, true)
		add := " ADD " + e.name(attrVersion) + " " + e.value(number(1))
		updates = append(updates, &dynamodb.UpdateItemInput{
			TableName: &table, Key: groupKey(n.GroupID).attributes(), UpdateExpression: aws.String(e.text() + add),
			ExpressionAttributeNames: e.names, ExpressionAttributeValues: e.values, ReturnValues: types.ReturnValueAllNew,
		})
	}
	return updates, nil
}

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
			fmt.Fprintf(h, "%d:%s", len(p), p)
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
