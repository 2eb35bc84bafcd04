package dynamodb

import (
	"maps"
	"slices"
)

// scan reads a table, page by page. A page is as long as what was read of it,
// not as what the filter lets through.
func (d *DB) scan(body []byte, stale bool) (any, *Fault) {
	var in struct {
		reports
		TableName                 string
		ConsistentRead            bool
		FilterExpression          *string
		ExpressionAttributeNames  map[string]string
		ExpressionAttributeValues Item
		ExclusiveStartKey         Item
		Limit                     *int
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
	if fault := checkLimit(in.Limit); fault != nil {
		return nil, fault
	}
	p, fault := newPlaceholders(in.ExpressionAttributeNames, in.ExpressionAttributeValues)
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
	from, fault := t.startKey(in.ExclusiveStartKey)
	if fault != nil {
		return nil, fault
	}
	return t.scanned(passes, from, in.Limit, stale && !in.ConsistentRead), nil
}

// scanned gives the items after from that pass, of those read until the limit
// or 1 MB is reached.
func (t *table) scanned(passes condition, from *key, limit *int, stale bool) any {
	items, read, size := []Item{}, 0, 0
	out := map[string]any{}
	for _, k := range slices.SortedFunc(maps.Keys(t.items), key.compare) {
		if from != nil && k.compare(*from) <= 0 {
			continue
		}
		i := t.get(k, stale)
		if i == nil {
			continue
		}
		read++
		if passes(i) {
			items = append(items, i)
		}
		if size += i.size(); size >= maxPage || limit != nil && read == *limit {
			out["LastEvaluatedKey"] = t.keyItem(k)
			break
		}
	}
	out["Items"], out["Count"], out["ScannedCount"] = items, len(items), read
	return out
}
