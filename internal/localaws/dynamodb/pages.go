package dynamodb

import (
	"maps"
	"slices"
)

// pageRequest is what Query and Scan have in common.
type pageRequest struct {
	reports
	TableName                 string
	ConsistentRead            bool
	ExpressionAttributeNames  map[string]string
	ExpressionAttributeValues Item
	ExclusiveStartKey         Item
	Limit                     *int
}

// open gives the table, the placeholders of the expressions, and the key after
// which the page begins; from nil = at the first item.
func (r *pageRequest) open(d *DB) (t *table, p *placeholders, from *key, fault *Fault) {
	if fault = r.check(); fault != nil {
		return nil, nil, nil, fault
	}
	if t, fault = d.table(r.TableName); fault != nil {
		return nil, nil, nil, fault
	}
	if r.Limit != nil && *r.Limit < 1 {
		return nil, nil, nil, invalid("1 validation error detected: Value '%d' at 'limit' failed to satisfy constraint: Member must have value greater than or equal to 1", *r.Limit)
	}
	if p, fault = newPlaceholders(r.ExpressionAttributeNames, r.ExpressionAttributeValues); fault != nil {
		return nil, nil, nil, fault
	}
	if r.ExclusiveStartKey != nil {
		k, fault := t.keyOf(r.ExclusiveStartKey)
		if fault != nil {
			return nil, nil, nil, fault
		}
		from = &k
	}
	return t, p, from, nil
}

func (d *DB) query(body []byte, stale bool) (any, *Fault) {
	var in struct {
		pageRequest
		KeyConditionExpression string
		ScanIndexForward       *bool
	}
	if fault := decode(body, &in); fault != nil {
		return nil, fault
	}
	t, p, from, fault := in.open(d)
	if fault != nil {
		return nil, fault
	}
	wanted, fault := p.parseKeyCondition(t, in.KeyConditionExpression)
	if fault == nil {
		fault = p.checkUsed()
	}
	if fault != nil {
		return nil, fault
	}
	asked := page{
		within: func(k key) bool { return k.partition == wanted.partition && wanted.sort(k.sort) },
		passes: func(Item) bool { return true },
		from:   from, backward: in.ScanIndexForward != nil && !*in.ScanIndexForward, limit: in.Limit, stale: stale && !in.ConsistentRead,
	}
	return t.page(asked), nil
}

func (d *DB) scan(body []byte, stale bool) (any, *Fault) {
	var in struct {
		pageRequest
		FilterExpression *string
	}
	if fault := decode(body, &in); fault != nil {
		return nil, fault
	}
	t, p, from, fault := in.open(d)
	if fault != nil {
		return nil, fault
	}
	passes, fault := p.parseFilter(in.FilterExpression)
	if fault == nil {
		fault = p.checkUsed()
	}
	if fault != nil {
		return nil, fault
	}
	return t.page(page{within: func(key) bool { return true }, passes: passes, from: from, limit: in.Limit, stale: stale && !in.ConsistentRead}), nil
}

// page is which items are asked for: those within, of which only those that
// pass are given.
type page struct {
	within   func(key) bool
	passes   condition
	from     *key // the page begins after it; nil = at the first item
	backward bool
	limit    *int // of items read; nil = 1 MB alone bounds it
	stale    bool
}

// page gives the items after p.from, until the limit or 1 MB of what is read is
// reached.
func (t *table) page(p page) any {
	keys := slices.Collect(maps.Keys(t.items))
	if p.stale {
		for k := range t.undo {
			if t.items[k] == nil {
				keys = append(keys, k)
			}
		}
	}
	slices.SortFunc(keys, key.compare)
	if p.backward {
		slices.Reverse(keys)
	}
	items, read, size := []Item{}, 0, 0
	out := map[string]any{}
	for _, k := range keys {
		if !p.within(k) || p.from != nil && ((k.compare(*p.from) > 0) == p.backward || k == *p.from) {
			continue
		}
		i := t.get(k, p.stale)
		if i == nil {
			continue
		}
		read++
		if p.passes(i) {
			items = append(items, i)
		}
		if size += i.size(); size >= maxPage || p.limit != nil && read == *p.limit {
			out["LastEvaluatedKey"] = t.keyItem(k)
			break
		}
	}
	out["Items"], out["Count"], out["ScannedCount"] = items, len(items), read
	return out
}
