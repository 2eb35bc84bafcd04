package dynamodb

// Limits of reads (API reference, BatchGetItem and Query).
const (
	maxBatch     = 100
	maxBatchSize = 16 << 20
	maxPage      = 1 << 20
)

// reports are statistics that a request may ask for, and gets none of here.
type reports struct{ ReturnConsumedCapacity string }

func (r reports) check() *Fault {
	if r.ReturnConsumedCapacity != "" && r.ReturnConsumedCapacity != "NONE" {
		return invalid("ReturnConsumedCapacity %s is not supported here", r.ReturnConsumedCapacity)
	}
	return nil
}

func (d *DB) getItem(body []byte, stale bool) (any, *Fault) {
	var in struct {
		reports
		TableName      string
		Key            Item
		ConsistentRead bool
	}
	if fault := decode(body, &in); fault != nil {
		return nil, fault
	}
	if fault := in.check(); fault != nil {
		return nil, fault
	}
	t, fault := d.table(in.TableName)
	if fault != nil {
		return nil, fault
	}
	k, fault := t.keyOf(in.Key)
	if fault != nil {
		return nil, fault
	}
	out := map[string]any{}
	if i := t.get(k, stale && !in.ConsistentRead); i != nil {
		out["Item"] = i
	}
	return out, nil
}

func (d *DB) batchGetItem(body []byte, stale bool) (any, *Fault) {
	var in struct {
		reports
		RequestItems map[string]struct {
			Keys           []Item
			ConsistentRead bool
		}
	}
	if fault := decode(body, &in); fault != nil {
		return nil, fault
	}
	if fault := in.check(); fault != nil {
		return nil, fault
	}
	if len(in.RequestItems) == 0 {
		return nil, invalid("1 validation error detected: Value at 'requestItems' failed to satisfy constraint: Member must have length greater than or equal to 1")
	}
	asked, size := 0, 0
	responses := map[string][]Item{}
	for name, ask := range in.RequestItems {
		t, fault := d.table(name)
		if fault != nil {
			return nil, fault
		}
		seen := map[key]bool{}
		responses[name] = []Item{}
		for _, given := range ask.Keys {
			k, fault := t.keyOf(given)
			if fault != nil {
				return nil, fault
			}
			if seen[k] {
				return nil, invalid("Provided list of item keys contains duplicates")
			}
			seen[k] = true
			asked++
			if i := t.get(k, stale && !ask.ConsistentRead); i != nil {
				responses[name] = append(responses[name], i)
				size += i.size()
			}
		}
	}
	switch {
	case asked == 0, asked > maxBatch:
		return nil, invalid("Too many items requested for the BatchGetItem call, or none: %d", asked)
	case size > maxBatchSize:
		return nil, invalid("answers of more than 16 MB are not supported here")
	}
	return map[string]any{"Responses": responses, "UnprocessedKeys": map[string]any{}}, nil
}
