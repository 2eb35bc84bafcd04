package dynamodb

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"
)

// DB is the tables of one account in one region. It is safe for concurrent
// use.
type DB struct {
	clock func() time.Time

	mu     sync.Mutex // guards all that follows; held for the whole of a request
	tables map[string]*table
	tokens map[string]done
}

// done is a transaction that was written under a client's token.
type done struct {
	at     time.Time
	digest [sha256.Size]byte
}

// New makes a database without tables. clock nil = time.Now.
func New(clock func() time.Time) *DB {
	if clock == nil {
		clock = time.Now
	}
	return &DB{clock: clock, tables: map[string]*table{}, tokens: map[string]done{}}
}

// table has two keys, both strings. Items are never changed in place.
type table struct {
	partitionKey, sortKey string
	items                 map[key]Item
	// undo is what stood in the place of what the last write wrote; nil = no
	// item. An eventually consistent read may still see it.
	undo map[key]Item
}

type key struct{ partition, sort string }

// MakeTable makes an empty table, in the place of one of that name.
func (d *DB) MakeTable(name, partitionKey, sortKey string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.tables[name] = &table{partitionKey: partitionKey, sortKey: sortKey, items: map[key]Item{}}
}

// Items gives all items of a table by their keys; nil where there is no table.
func (d *DB) Items(name string) []Item {
	d.mu.Lock()
	defer d.mu.Unlock()
	t := d.tables[name]
	if t == nil {
		return nil
	}
	all := []Item{}
	for _, k := range slices.SortedFunc(maps.Keys(t.items), key.compare) {
		all = append(all, t.items[k])
	}
	return all
}

// operation is one call of the API. An answer of nil is empty.
type operation struct {
	run    func(d *DB, body []byte, stale bool) (any, *Fault)
	writes bool
}

var operations = map[string]operation{
	"GetItem":            {(*DB).getItem, false},
	"BatchGetItem":       {(*DB).batchGetItem, false},
	"Query":              {(*DB).query, false},
	"Scan":               {(*DB).scan, false},
	"PutItem":            {single(put), true},
	"UpdateItem":         {single(update), true},
	"DeleteItem":         {single(remove), true},
	"TransactWriteItems": {(*DB).transactWriteItems, true},
}

// Writes reports whether an operation changes something.
func Writes(operation string) bool { return operations[operation].writes }

// Do performs one request and gives the body of its answer. stale makes reads
// that are not strongly consistent miss the last write; no other read can.
func (d *DB) Do(operation string, body []byte, stale bool) ([]byte, *Fault) {
	o, ok := operations[operation]
	if !ok {
		return nil, &Fault{Status: 400, Type: "com.amazon.coral.service#UnknownOperationException"}
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	answer, fault := o.run(d, body, stale)
	if fault != nil {
		return nil, fault
	}
	b, err := json.Marshal(answer)
	if err != nil {
		panic(err) // texts and items have no other form
	}
	return b, nil
}

// decode reads a request. An unknown parameter is refused.
func decode(body []byte, in any) *Fault {
	d := json.NewDecoder(bytes.NewReader(body))
	d.DisallowUnknownFields()
	err := d.Decode(in)
	if err == nil {
		if _, err = d.Token(); errors.Is(err, io.EOF) {
			return nil
		}
		err = errors.New("more than one JSON value")
	}
	var fault *Fault
	if errors.As(err, &fault) {
		return fault
	}
	if strings.HasPrefix(err.Error(), "json: unknown field") { // encoding/json has no type for it
		return invalid("%s: not supported here", err)
	}
	return &Fault{Status: 400, Type: "com.amazon.coral.service#SerializationException", Message: err.Error()}
}

func (d *DB) table(name string) (*table, *Fault) {
	if t := d.tables[name]; t != nil {
		return t, nil
	}
	return nil, refuse("ResourceNotFoundException", "Requested resource not found")
}
