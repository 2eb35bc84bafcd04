package dynamodb

import (
	"cmp"
	"strings"
)

// The longest keys, in bytes (developer guide, "Constraints").
const (
	maxPartitionKey = 2048
	maxSortKey      = 1024
)

func (k key) compare(o key) int {
	return cmp.Or(strings.Compare(k.partition, o.partition), strings.Compare(k.sort, o.sort))
}

// keyOf reads the key of a request: its two attributes and no others.
func (t *table) keyOf(given Item) (key, *Fault) {
	if len(given) != 2 {
		return key{}, invalid("The provided key element does not match the schema")
	}
	return t.keyIn(given, "The provided key element does not match the schema")
}

// keyIn reads the key of a whole item.
func (t *table) keyIn(i Item, otherwise string) (key, *Fault) {
	var k key
	for _, part := range []struct {
		name string
		max  int
		to   *string
	}{{t.partitionKey, maxPartitionKey, &k.partition}, {t.sortKey, maxSortKey, &k.sort}} {
		v, ok := i[part.name]
		switch {
		case !ok:
			return key{}, invalid("%s", otherwise)
		case v.kind != kindS:
			return key{}, invalid("One or more parameter values were invalid: Type mismatch for key %s expected: S actual: %s", part.name, v.kind)
		case v.text == "":
			return key{}, invalid("One or more parameter values are not valid. The AttributeValue for a key attribute cannot contain an empty string value. Key: %s", part.name)
		case len(v.text) > part.max:
			return key{}, invalid("One or more parameter values were invalid: Size of key %s has exceeded the maximum size limit of %d bytes", part.name, part.max)
		}
		*part.to = v.text
	}
	return k, nil
}

// keyItem writes a key as an item.
func (t *table) keyItem(k key) Item {
	return Item{t.partitionKey: {kind: kindS, text: k.partition}, t.sortKey: {kind: kindS, text: k.sort}}
}

// get gives an item; a stale read gives what the last write took away.
func (t *table) get(k key, stale bool) Item {
	if stale {
		if was, ok := t.undo[k]; ok {
			return was
		}
	}
	return t.items[k]
}

// write puts items, or takes them away where they are nil, in one step.
func (t *table) write(changes map[key]Item) {
	t.undo = map[key]Item{}
	for k, i := range changes {
		t.undo[k] = t.items[k]
		if i == nil {
			delete(t.items, k)
		} else {
			t.items[k] = i
		}
	}
}
