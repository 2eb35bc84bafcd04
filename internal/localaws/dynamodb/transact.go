package dynamodb

import (
	"crypto/sha256"
	"encoding/json"
	"time"
)

// Limits of a transaction (API reference, TransactWriteItems).
const (
	maxActions     = 100
	maxTransaction = 4 << 20
	maxToken       = 36
	tokenLives     = 10 * time.Minute
)

type transactItem struct {
	Put            *action `json:",omitempty"`
	Update         *action `json:",omitempty"`
	Delete         *action `json:",omitempty"`
	ConditionCheck *action `json:",omitempty"`
}

// only is the one action of the entry.
func (i transactItem) only() (writeKind, action, *Fault) {
	var kind writeKind
	var only *action
	for k, a := range map[writeKind]*action{put: i.Put, update: i.Update, remove: i.Delete, check: i.ConditionCheck} {
		if a == nil {
			continue
		}
		if only != nil {
			return "", action{}, invalid("TransactItems can only contain one of Check, Put, Update or Delete")
		}
		kind, only = k, a
	}
	if only == nil {
		return "", action{}, invalid("TransactItems can only contain one of Check, Put, Update or Delete")
	}
	return kind, *only, nil
}

func (d *DB) transactWriteItems(body []byte, _ bool) (any, *Fault) {
	var in struct {
		reports
		ClientRequestToken *string
		TransactItems      []transactItem
	}
	if fault := decode(body, &in); fault != nil {
		return nil, fault
	}
	if fault := in.check(); fault != nil {
		return nil, fault
	}
	if n := len(in.TransactItems); n < 1 || n > maxActions {
		return nil, invalid("1 validation error detected: Value at 'transactItems' failed to satisfy constraint: Member must have length less than or equal to 100: %d", n)
	}
	all, fault := d.prepareAll(in.TransactItems)
	if fault != nil {
		return nil, fault
	}
	var digest [sha256.Size]byte
	if token := in.ClientRequestToken; token != nil {
		if *token == "" || len(*token) > maxToken {
			return nil, invalid("1 validation error detected: Value '%s' at 'clientRequestToken' failed to satisfy constraint: Member must have length between 1 and 36", *token)
		}
		content, err := json.Marshal(in.TransactItems)
		if err != nil {
			panic(err) // texts and items have no other form
		}
		digest = sha256.Sum256(content)
		if was, ok := d.tokens[*token]; ok && d.clock().Sub(was.at) < tokenLives {
			if was.digest != digest {
				return nil, refuse("IdempotentParameterMismatchException", "The request uses the same client token as a previous, but non-identical request.")
			}
			return map[string]any{}, nil
		}
	}
	if fault := commit(all); fault != nil {
		return nil, fault
	}
	if in.ClientRequestToken != nil {
		d.tokens[*in.ClientRequestToken] = done{d.clock(), digest}
	}
	return map[string]any{}, nil
}

func (d *DB) prepareAll(items []transactItem) ([]prepared, *Fault) {
	type place struct {
		table *table
		key   key
	}
	seen := map[place]bool{}
	var all []prepared
	for _, i := range items {
		kind, a, fault := i.only()
		if fault != nil {
			return nil, fault
		}
		w, fault := d.prepare(kind, a)
		if fault != nil {
			return nil, fault
		}
		if seen[place{w.table, w.key}] {
			return nil, invalid("Transaction request cannot include multiple operations on one item")
		}
		seen[place{w.table, w.key}] = true
		all = append(all, w)
	}
	return all, nil
}

// commit does all writes or none. It looks at every condition, so that each
// reason is told.
func commit(all []prepared) *Fault {
	changes := map[*table]map[key]Item{}
	reasons := make([]Reason, len(all))
	failed, size := false, 0
	for n, w := range all {
		reasons[n].Code = "None"
		changed, fault := w.try()
		switch {
		case fault == nil:
		case fault.Type == validation:
			failed, reasons[n] = true, Reason{Code: "ValidationError", Message: fault.Message}
		default:
			failed, reasons[n] = true, Reason{"ConditionalCheckFailed", fault.Message, fault.Item}
		}
		size += changed.size()
		if w.kind == check {
			continue
		}
		if changes[w.table] == nil {
			changes[w.table] = map[key]Item{}
		}
		changes[w.table][w.key] = changed
	}
	if size > maxTransaction {
		return invalid("Transaction size limit exceeded: the aggregate size of the items is %d bytes, above 4 MB", size)
	}
	if failed {
		return cancelled(reasons)
	}
	for t, changed := range changes {
		t.write(changed)
	}
	return nil
}
