package dynamodb

import "slices"

// maxItem is the largest item, in bytes (developer guide, "Constraints").
const maxItem = 400 << 10

// kinds of write.
type writeKind string

const (
	put    writeKind = "Put"
	update writeKind = "Update"
	remove writeKind = "Delete"
	check  writeKind = "ConditionCheck"
)

// action is one write as a request has it, alone or in a transaction.
type action struct {
	TableName                           string
	Item                                Item    `json:",omitempty"` // of a put
	Key                                 Item    `json:",omitempty"` // of all others
	UpdateExpression                    *string `json:",omitempty"`
	ConditionExpression                 *string `json:",omitempty"`
	ExpressionAttributeNames            map[string]string
	ExpressionAttributeValues           Item
	ReturnValuesOnConditionCheckFailure string
}

// prepared is a write that may be tried on the item that it finds.
type prepared struct {
	kind    writeKind
	table   *table
	key     key
	item    Item   // of a put
	steps   []step // of an update
	holds   condition
	showOld bool
}

// prepare checks everything that does not depend on what is stored.
func (d *DB) prepare(kind writeKind, a action) (prepared, *Fault) {
	w := prepared{kind: kind}
	var fault *Fault
	if w.table, fault = d.table(a.TableName); fault != nil {
		return w, fault
	}
	if fault = a.checkShape(kind); fault != nil {
		return w, fault
	}
	if kind == put {
		w.item = a.Item
		w.key, fault = w.table.keyIn(a.Item, "One or more parameter values were invalid: Missing a key in the item")
		if fault == nil && a.Item.size() > maxItem {
			fault = invalid("Item size has exceeded the maximum allowed size")
		}
	} else {
		w.key, fault = w.table.keyOf(a.Key)
	}
	if fault != nil {
		return w, fault
	}
	p, fault := newPlaceholders(a.ExpressionAttributeNames, a.ExpressionAttributeValues)
	if fault != nil {
		return w, fault
	}
	if w.holds, fault = p.parseCondition(a.ConditionExpression); fault != nil {
		return w, fault
	}
	if a.UpdateExpression != nil {
		if w.steps, fault = p.parseUpdate(*a.UpdateExpression); fault != nil {
			return w, fault
		}
	}
	for _, s := range w.steps {
		if s.name == w.table.partitionKey || s.name == w.table.sortKey {
			return w, invalid("One or more parameter values were invalid: Cannot update attribute %s. This attribute is part of the key", s.name)
		}
	}
	w.showOld, fault = oneOf("ReturnValuesOnConditionCheckFailure", a.ReturnValuesOnConditionCheckFailure, "ALL_OLD")
	if fault != nil {
		return w, fault
	}
	return w, p.checkUsed()
}

// checkShape refuses what a write of this kind does not take, or lacks.
func (a action) checkShape(kind writeKind) *Fault {
	switch {
	case (kind == put) != (a.Item != nil), (kind == put) != (a.Key == nil):
		return invalid("a %s takes either an Item or a Key", kind)
	case kind != update && a.UpdateExpression != nil:
		return invalid("a %s takes no UpdateExpression", kind)
	case kind == check && a.ConditionExpression == nil:
		return invalid("The expression can not be empty;")
	case a.ConditionExpression == nil && a.UpdateExpression == nil && (a.ExpressionAttributeNames != nil || a.ExpressionAttributeValues != nil):
		return invalid("ExpressionAttributeNames and ExpressionAttributeValues can only be specified when using expressions")
	}
	return nil
}

// oneOf reads a choice between NONE, which "" is too, and one other.
func oneOf(name, value, other string) (bool, *Fault) {
	if !slices.Contains([]string{"", "NONE", other}, value) {
		return false, invalid("%s %s is not supported here", name, value)
	}
	return value == other, nil
}

// try gives what the write makes of the item that it finds: nil = no item.
func (w prepared) try() (Item, *Fault) {
	old := w.table.items[w.key]
	if !w.holds(old) {
		if w.showOld {
			return nil, failedCondition(old)
		}
		return nil, failedCondition(nil)
	}
	switch w.kind {
	case put:
		return w.item, nil
	case remove:
		return nil, nil
	case check:
		return old, nil
	}
	changed, fault := updated(old, w.table.keyItem(w.key), w.steps)
	if fault == nil && changed.size() > maxItem {
		fault = invalid("Item size to update has exceeded the maximum allowed size")
	}
	return changed, fault
}

// single makes the operation of a write that stands alone.
func single(kind writeKind) func(d *DB, body []byte, _ bool) (any, *Fault) {
	return func(d *DB, body []byte, _ bool) (any, *Fault) {
		var in struct {
			action
			reports
			ReturnValues string
		}
		if fault := decode(body, &in); fault != nil {
			return nil, fault
		}
		if fault := in.check(); fault != nil {
			return nil, fault
		}
		returned := map[writeKind]string{put: "ALL_OLD", remove: "ALL_OLD", update: "ALL_NEW"}[kind]
		show, fault := oneOf("ReturnValues", in.ReturnValues, returned)
		if fault != nil {
			return nil, fault
		}
		w, fault := d.prepare(kind, in.action)
		if fault != nil {
			return nil, fault
		}
		old := w.table.items[w.key]
		changed, fault := w.try()
		if fault != nil {
			return nil, fault
		}
		w.table.write(map[key]Item{w.key: changed})
		out := map[string]any{}
		if answer := map[bool]Item{true: changed, false: old}[kind == update]; show && answer != nil {
			out["Attributes"] = answer
		}
		return out, nil
	}
}
